"""Known scanners against a listener on loopback: ``python -m tests.security.scans [TOOL…]``.

Each tool that is installed is run against a listener with STARTTLS and logins, and one with TLS
from the first byte, nmap also against one that a rule lets it in at; what it finds is printed, and
anything that should not be there makes the exit code 1. Tools: sslscan, sslyze, testssl, nmap.
"""

import argparse
import asyncio
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail2fax.accepting.crowd import CrowdLimits
from tests.integration.smtp_bench import Desk
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins

_CROWD = CrowdLimits(silent=100, strangers=100)
# Of a certificate authority that was made a second ago and will be gone in a minute.
_EXPECTED = (
    "cert_chain_of_trust", "cert_revocation", "DNS_CAArecord", "certificate_path_validation",
    "service",  # that it is no web server
)  # fmt: skip
_MINUTES = 600.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to scan: ``smtp`` with STARTTLS, ``smtps``, or ``plain`` where TLS is not served."""

    port: int
    protocol: str

    @property
    def starttls(self) -> bool:
        """Whether TLS begins by STARTTLS."""
        return self.protocol == "smtp"


async def output(*command: str) -> tuple[int, str]:
    """A program's exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), _MINUTES)
    assert process.returncode is not None
    return process.returncode, said.decode("utf-8", "replace")


async def sslscan(target: Target) -> list[str]:
    """Protocols, ciphers and groups that nobody should offer any more."""
    starttls = ["--starttls-smtp"] if target.starttls else []
    _, said = await output("sslscan", "--no-colour", *starttls, f"127.0.0.1:{target.port}")
    if "TLSv1.3   enabled" not in said:
        return [f"no TLS 1.3 was seen: {said}"]
    return list(weak_in_sslscan(said))


def weak_in_sslscan(said: str) -> Iterator[str]:
    """The lines of sslscan's report that are findings."""
    weak = re.compile(
        r"(SSLv\d|TLSv1\.[01])\s+enabled|^(Accepted|Preferred).*(CBC|RC4|DES|MD5|anon|EXP|NULL|-SHA\b)"
        r"|vulnerable to heartbleed|Compression enabled|[Ii]nsecure.*renegotiation"
        r"|^TLSv1\.\d.*(sect|secp(160|192|224)|ffdhe2048)"
    )
    for line in said.splitlines():
        if weak.search(line) and "not vulnerable" not in line:
            yield line.strip()


async def sslyze(target: Target) -> list[str]:
    """What departs from Mozilla's intermediate recommendation."""
    starttls = ["--starttls", "smtp"] if target.starttls else []
    code, said = await output(
        "sslyze", *starttls, "--mozilla_config", "intermediate", f"localhost:{target.port}"
    )
    verdict = said.rpartition("COMPLIANCE AGAINST")[2]
    found = [line.strip() for line in verdict.splitlines() if " * " in line]
    if code and not found:
        return [said]
    return [line for line in found if not any(name in line for name in _EXPECTED)]


async def testssl(target: Target) -> list[str]:
    """Everything it calls LOW or worse, but for what an authority of our own cannot have."""
    starttls = ["-t", "smtp"] if target.starttls else []
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        _, said = await output(
            "testssl", "--quiet", "--color", "0", *starttls, "--severity", "LOW",
            "--jsonfile", str(report), f"127.0.0.1:{target.port}",
        )  # fmt: skip
        if not report.exists():
            return [said]
        findings = json.loads(report.read_text())
    return [
        f"{one['id']}: {one['finding']}"
        for one in findings
        if one["severity"] != "WARN" and one["id"] not in _EXPECTED
    ]


async def nmap(target: Target) -> list[str]:
    """An open relay, users that can be guessed, commands we do not mean to have, a version."""
    if target.protocol == "smtps":
        return []
    # A plus has a script run at any port, so that nmap need not guess first what is served there.
    scripts = "+banner,+smtp-open-relay,+smtp-commands,+smtp-enum-users"
    _, said = await output(
        "nmap", "-Pn", "-n", "-p", str(target.port), "127.0.0.1", "--script", scripts,
        "--script-args", "smtp-open-relay.domain=example.org",
    )  # fmt: skip
    if "smtp-commands" not in said or "smtp-open-relay" not in said:
        return [f"it saw no SMTP: {said}"]
    return list(wrong_in_nmap(said))


def wrong_in_nmap(said: str) -> Iterator[str]:
    """The lines of nmap's report that are findings."""
    for line in said.splitlines():
        is_closed = "isn't an open relay" in line or "all tests failed" in line
        is_relay = "smtp-open-relay:" in line and not is_closed
        if is_relay or re.search(r"RCPT, |root$|VRFY|EXPN|CHUNKING|mail2fax \d|aiosmtpd", line):
            yield line.strip()


TOOLS: dict[str, Callable[[Target], Awaitable[list[str]]]] = {
    "sslscan": sslscan, "sslyze": sslyze, "testssl": testssl, "nmap": nmap,
}  # fmt: skip


async def scan(names: list[str]) -> int:
    """Run the tools; how many findings there are."""
    count = 0
    with tempfile.TemporaryDirectory() as directory:
        files = Authority(Path(directory) / "tls").files()
        closed: dict[str, Any] = {"tls": files, "logins": logins, "rules": (WITH_LOGIN,)}
        for protocol, settings in {
            "smtp": closed, "smtps": {**closed, "protocol": "smtps"}, "plain": {},
        }.items():  # fmt: skip
            async with Desk(Path(directory) / protocol, _CROWD, **settings) as desk:
                for name in names if protocol != "plain" else {"nmap"} & set(names):
                    found = await TOOLS[name](Target(desk.port, protocol))
                    print(f"{protocol} {name}: {len(found)} findings", *found, sep="\n    ")
                    count += len(found)
    return count


def main() -> int:
    """Scan; 1 when something was found, 2 when a tool that was named is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help="default: all installed")
    wanted = parser.parse_args().tools
    missing = [name for name in wanted or TOOLS if not (name in TOOLS and shutil.which(name))]
    print(*(f"{name} is not installed" for name in missing), sep="\n")
    if wanted and missing:
        return 2
    names = [name for name in wanted or TOOLS if name not in missing]
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)
    return 1 if asyncio.run(scan(names)) else 0


if __name__ == "__main__":
    sys.exit(main())
