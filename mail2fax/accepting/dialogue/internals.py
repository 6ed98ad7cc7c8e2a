"""Every name of aiosmtpd that is not its public interface and that we rely on, in one place.

A test looks for each of them, so that a new version that drops one is noticed before a client
notices it.
"""

import asyncio
import logging
from typing import Any

NAMES = (
    "_handle_client", "_handler_coroutine", "_timeout_handle", "_reader", "_writer", "_over_ssl",
)  # fmt: skip
"""Attributes of ``aiosmtpd.smtp.SMTP`` once a client is connected."""
STREAM_NAMES = ("_buffer", "_transport")
"""Of asyncio's stream reader; the writer has the second."""


def silence_log() -> None:
    """Aiosmtpd's log tells every command, so every fax number, and every line of data."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)


def reader_of(protocol: Any) -> asyncio.StreamReader:
    """The stream of a connected session."""
    reader: asyncio.StreamReader = protocol._reader  # noqa: SLF001
    return reader


def writer_of(protocol: Any) -> asyncio.StreamWriter:
    """Its other direction."""
    writer: asyncio.StreamWriter = protocol._writer  # noqa: SLF001
    return writer


def waiting_in(reader: asyncio.StreamReader) -> int:
    """How many bytes asyncio has read and nobody has asked for."""
    return len(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - no public name


def take_waiting(reader: asyncio.StreamReader) -> bytes:
    """Those bytes; the reader has them no more."""
    data = bytes(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - no public name
    reader._buffer.clear()  # type: ignore[attr-defined]  # noqa: SLF001
    return data


def expect_tls(protocol: Any) -> None:
    """Tell asyncio's side that a stream goes on under TLS, where a half-closed one is closed."""
    protocol._over_ssl = True  # noqa: SLF001


def move_to_tls(protocol: Any, layer: Any) -> asyncio.Transport:
    """Let a connected session go on over a TLS layer whose handshake is made."""
    transport: asyncio.Transport = layer._app_transport  # noqa: SLF001
    protocol._reader._transport = transport  # noqa: SLF001
    protocol._writer._transport = transport  # noqa: SLF001
    protocol.transport = transport
    return transport


def stop_timer(protocol: Any) -> None:
    """Stop aiosmtpd's one timer; ours are in `patience`."""
    if protocol._timeout_handle is not None:  # noqa: SLF001
        protocol._timeout_handle.cancel()  # noqa: SLF001
