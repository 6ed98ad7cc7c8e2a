"""TLS under a session: its floor, its certificates while they change, and the handshake (L5).

aiosmtpd reads a quarter of a megabyte at a time under TLS, keeps one context for ever, and
drops what was sent before the handshake instead of refusing it. Implicit TLS is begun here too,
because a PROXY header comes before it in the clear.
"""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail2fax.accepting.dialogue import internals
from mail2fax.accepting.dialogue.link import LINE_READ, Link
from mail2fax.errors import CertificateError

# Mozilla's "intermediate" recommendation without DHE; TLS 1.3 has a list of its own.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
# What copiers of twenty years ago have; still nothing without a key or without encryption.
_LEGACY_CIPHERS = "ECDHE+AES:DHE+AES:RSA+AES:!aNULL:!eNULL:@SECLEVEL=0"
# The one group of Mozilla's list that every client of the last fifteen years has; Python sets only
# one, and OpenSSL's own list goes far beyond Mozilla's.
_GROUP = "prime256v1"
_HANDSHAKE_SECONDS = 30
_GOODBYE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a listener's TLS comes from.

    Attributes:
        certificate: PEM, the chain in order, our own first.
        key: PEM, without a password.
        client_ca: PEM of who may vouch for client certificates; None asks for none.
        legacy: whether TLS 1.0 and its ciphers are good enough.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    legacy: bool = False


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """What handshakes are made with.

    Raises:
        CertificateError: the files cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ecdh_curve(_GROUP)
    if files.legacy:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED  # TLS 1.0; SSL is off anyway
        context.set_ciphers(_LEGACY_CIPHERS)
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ValueError) as error:
        raise CertificateError(f"{files.certificate}, {files.key}: {_plain(error)}") from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password. Store it without one, readable by mail2fax only")


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)


class Certificates:
    """The files as they are now: read again when they have changed, kept when that fails."""

    def __init__(self, files: TlsFiles) -> None:
        """Read them.

        Raises:
            CertificateError: they are no good.
        """
        self.files = files
        self.problem: str | None = None
        self._stamp = _stamp(files)
        self._context = server_context(files)

    def refresh(self, *, always: bool = False) -> bool:
        """Look whether the files have changed; whether they were read anew.

        A pair that is no good leaves the one in use, and `problem` says why.
        """
        stamp = _stamp(self.files)
        if stamp == self._stamp and not always:
            return False
        self._stamp, self.problem = stamp, None
        try:
            self._context = server_context(self.files)
        except CertificateError as error:
            self.problem = str(error)
        return True

    @property
    def context(self) -> ssl.SSLContext:
        """What the next handshake is made with."""
        return self._context


def _stamp(files: TlsFiles) -> tuple[tuple[int, int] | None, ...]:
    paths = (files.certificate, files.key, files.client_ca)
    return tuple(_changed(path) for path in paths if path is not None)


def _changed(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


class SmallReads(SSLProtocol):
    """asyncio's TLS with reads of our size (L1)."""

    max_size = LINE_READ


async def upgrade(link: Link, context: ssl.SSLContext) -> None:
    """Make the handshake; the link goes on under TLS.

    What the client sent already belongs to the handshake.

    Args:
        link: in the clear.
        context: see `Certificates`.

    Raises:
        OSError: the handshake failed (`ssl.SSLError`, or the client has gone).
    """
    loop, transport, came = asyncio.get_running_loop(), link.transport, link.take_all()
    done = loop.create_future()
    layer = SmallReads(
        loop, link, context, done, server_side=True, call_connection_made=False,
        ssl_handshake_timeout=_HANDSHAKE_SECONDS, ssl_shutdown_timeout=_GOODBYE_SECONDS,
    )  # fmt: skip
    link.is_tls = True
    transport.pause_reading()
    transport.set_protocol(layer)
    layer.connection_made(transport)
    for at in range(0, len(came), LINE_READ):
        piece = came[at : at + LINE_READ]
        layer.get_buffer(len(piece))[: len(piece)] = piece
        layer.buffer_updated(len(piece))
    transport.resume_reading()
    await done
    link.transport = internals.above(layer)


def names_of(transport: Any) -> tuple[str, ...]:
    """The names in the client's verified certificate, common name first; none without one."""
    found: dict[str, Any] = transport.get_extra_info("peercert") or {}
    common = [value for part in found.get("subject", ()) for name, value in part
              if name == "commonName"]  # fmt: skip
    others = [value for _, value in found.get("subjectAltName", ())]
    return tuple(dict.fromkeys(name.lower() for name in (*common, *others)))
