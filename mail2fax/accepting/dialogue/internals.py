"""Every name of aiosmtpd that is not its public interface and that we rely on, in one place.

A test looks for each of them, so that a new version that drops one is noticed before a client
notices it.
"""

import asyncio
import logging
from typing import Any

NAMES = ("_handle_client", "_handler_coroutine", "_timeout_handle", "_reader", "_writer")
"""Attributes of ``aiosmtpd.smtp.SMTP`` once a client is connected."""


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


def stop_timer(protocol: Any) -> None:
    """Stop aiosmtpd's one timer; ours are in `patience`."""
    if protocol._timeout_handle is not None:  # noqa: SLF001
        protocol._timeout_handle.cancel()  # noqa: SLF001
