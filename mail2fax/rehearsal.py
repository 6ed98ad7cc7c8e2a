"""A listener for the doctor where no daemon runs: it lets everybody in and takes nothing (L13)."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.dialogue.tls import TlsFiles
from mail2fax.accepting.doctor.shelf import Shelf
from mail2fax.accepting.listener import Listener
from mail2fax.accepting.proof import Login
from mail2fax.accepting.settings import ListenerSettings, Place
from mail2fax.clock import Clock
from mail2fax.config import load_config
from mail2fax.explain import explainer_for
from mail2fax.spool.spool import Spool

_EVERYONE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_SIZE = 200_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """A rehearsal under way.

    Attributes:
        address: where it listens.
        port: where it listens.
        has_tls: whether it offers STARTTLS.
    """

    address: str
    port: int
    has_tls: bool
    _shelf: Shelf
    _spool: Spool

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The dialogues; see `Shelf.command`."""
        return await self._shelf.command(self._spool, request, "-")


@contextlib.asynccontextmanager
async def rehearsal(
    address: str, port: int, config_file: Path | None = None
) -> AsyncIterator[Stage]:
    """Listen while the block lasts.

    Args:
        address: where.
        port: where; 0 takes a free one.
        config_file: tells how numbers are read; None reads them of every country.

    Raises:
        ConfigError: the configuration has mistakes.
        OSError: the address cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="mail2fax-doctor-") as name:
        tls = await _throw_away_certificate(Path(name))
        settings = _settings(address, port, config_file, tls)
        shelf, clock = Shelf(), Clock()
        spool = await Spool.open(Path(name) / "state", clock)
        listener = Listener(settings, spool, clock, shelf=shelf)
        try:
            await listener.start()
            yield Stage(*listener.addresses[0], tls is not None, shelf, spool)
        finally:
            await listener.stop(grace=0)
            await spool.close()


def _settings(
    address: str, port: int, config_file: Path | None, tls: TlsFiles | None
) -> ListenerSettings:
    config = load_config(config_file) if config_file else None
    rule = Rule("everybody", _EVERYONE, explainer_for(config, "CH").addresses)
    return ListenerSettings(
        "doctor", Place((address,), port), "mail2fax-doctor", _SIZE, (rule,),
        tls=tls, logins=_anybody, auth_without_tls=_EVERYONE, legacy=True, rehearses=True,
    )  # fmt: skip


async def _anybody(login: str, password: str, peer: str) -> Login | None:
    """Every login is right: whose it is does not matter where nothing is faxed."""
    return Login(login) if password and peer else None


async def _throw_away_certificate(directory: Path) -> TlsFiles | None:
    """Signed by itself, RSA for devices of old; None where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    certificate, key = directory / "cert.pem", directory / "key.pem"
    made = await asyncio.create_subprocess_exec(
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=mail2fax-doctor", "-keyout", str(key), "-out", str(certificate),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return TlsFiles(certificate, key, legacy=True) if await made.wait() == 0 else None
