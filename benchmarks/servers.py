"""The servers that benchmarks run against each other: mail2fax and real Postfix, on loopback.

Each has a directory of its own below one that the caller removes. Postfix needs root, which its
own programs need to start; it is given a configuration that takes mail durably, as it comes.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "fax.example.com"
RECIPIENT = f"+41225550123@{DOMAIN}"
_MEGABYTE = 1_000_000
_MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = peer.example.com
mydestination =
local_transport = discard:
default_transport = discard:
relay_domains = {domain}
relay_transport = discard:
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_restrictions = {restriction}
smtpd_client_connection_count_limit = 0
message_size_limit = 160000000
mailbox_size_limit = 0
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
"""
_MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name, its port, and the first of its processes."""

    name: str
    port: int
    pid: int

    def memory(self) -> float:
        """PSS in MB of all its processes but preparing children."""
        return sum(pss(pid) for pid in family(self.pid) if not _is_preparing(pid)) / _MEGABYTE

    def largest_child(self) -> float:
        """PSS in MB of its largest preparing child."""
        preparing = (pss(pid) for pid in family(self.pid) if _is_preparing(pid))
        return max(preparing, default=0) / _MEGABYTE


def free_port() -> int:
    """A port nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pss(pid: int) -> int:
    """A process's proportional memory in bytes, 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def _is_preparing(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"mail2fax.preparing.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def is_installed() -> bool:
    """Whether Postfix can be the peer here."""
    return shutil.which("postfix") is not None and os.geteuid() == 0


def write_config(home: Path, base_url: str, *, paused: bool, more: str = "") -> Path:
    """A configuration of mail2fax on its defaults."""
    config = home / "mail2fax.yaml"
    config.write_text(
        f"domains: [{DOMAIN}]\nregion: CH\nstate_dir: {home}/state\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [127.0.0.0/8]}]\n"
        f"faxplus: {{token: t, from: +41225550100, base_url: '{base_url}'}}\n"
        f"relay: {{port: {free_port()}}}\n"
        f"sending: {{paused: {'true' if paused else 'false'}}}\n{more}",
        encoding="utf-8",
    )
    return config


@contextlib.asynccontextmanager
async def mail2fax(
    home: Path, base_url: str, *, paused: bool, more: str = ""
) -> AsyncIterator[Server]:
    """The daemon, taking mail."""
    home.mkdir()
    config = write_config(home, base_url, paused=paused, more=more)
    with (home / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mail2fax", "serve", "--config", str(config),
            stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int((await process.stdout.readline()).rpartition(b":")[2])
        yield Server("mail2fax", port, process.pid)
    finally:
        process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def postfix(home: Path, *, hold: bool) -> AsyncIterator[Server]:
    """Postfix with its default durable queue; it holds what comes, or discards it as delivered."""
    home.mkdir()
    home.chmod(0o755)
    port = free_port()
    restriction = "static:HOLD" if hold else ""
    main = _MAIN.format(home=home, domain=DOMAIN, restriction=restriction)
    (home / "main.cf").write_text(main, encoding="utf-8")
    (home / "master.cf").write_text(_MASTER.format(port=f"127.0.0.1:{port}"), encoding="utf-8")
    for name in ("queue", "data"):
        (home / name).mkdir()
    shutil.chown(home / "data", "postfix")
    await _run("postfix", "-c", str(home), "start")
    try:
        pid = int((home / "queue" / "pid" / "master.pid").read_text())
        yield Server("postfix", port, pid)
    finally:
        await _run("postfix", "-c", str(home), "stop")


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said.decode()}")
