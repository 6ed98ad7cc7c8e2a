"""The servers that benchmarks run against each other: mail2fax and real Postfix, on loopback.

Each has a directory of its own below one that the caller removes. Postfix needs root, which its
own programs need to start; it is given a configuration that takes mail durably, as it comes.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests import fronts

DOMAIN = "fax.example.com"
RECIPIENT = f"+41225550123@{DOMAIN}"
_MEGABYTE = 1_000_000
_TAKES_ALL = {
    "myhostname": "peer.example.com", "relay_domains": DOMAIN, "relay_transport": "discard:",
    "smtpd_client_connection_count_limit": "0", "message_size_limit": "160000000",
    "mailbox_size_limit": "0",
}  # fmt: skip


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
    return not fronts.NO_POSTFIX


def write_config(
    home: Path, base_url: str, *, paused: bool, more: str = "", known: str = "127.0.0.0/8"
) -> Path:
    """A configuration of mail2fax on its defaults, with one rule that names a network."""
    config = home / "mail2fax.yaml"
    config.write_text(
        f"domains: [{DOMAIN}]\nregion: CH\nstate_dir: {home}/state\n"
        f"listen: [{{address: 127.0.0.1, port: 0}}]\nsenders: [{{networks: [{known}]}}]\n"
        f"faxplus: {{token: t, from: +41225550100, base_url: '{base_url}'}}\n"
        f"relay: {{port: {fronts.free_port()}}}\n"
        f"sending: {{paused: {'true' if paused else 'false'}}}\n{more}",
        encoding="utf-8",
    )
    return config


@contextlib.asynccontextmanager
async def mail2fax(
    home: Path, base_url: str, *, paused: bool, more: str = "", known: str = "127.0.0.0/8"
) -> AsyncIterator[Server]:
    """The daemon, taking mail."""
    home.mkdir()
    config = write_config(home, base_url, paused=paused, more=more, known=known)
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
    settings = {**_TAKES_ALL, "smtpd_client_restrictions": "static:HOLD" if hold else ""}
    async with fronts.postfix(home, settings) as front:
        yield Server("postfix", front.port, front.pid)
