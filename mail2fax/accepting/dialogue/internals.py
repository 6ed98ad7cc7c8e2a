"""Every name of aiosmtpd that is not its public interface and that we rely on, in one place.

A test looks for each of them, so that a new version that drops one is noticed before a client
notices it.
"""

import logging
from typing import Any

NAMES = ("_handle_client", "_handler_coroutine", "_timeout_handle")
"""Attributes of ``aiosmtpd.smtp.SMTP`` once a client is connected."""


def silence_log() -> None:
    """Aiosmtpd's log tells every command, so every fax number, and every line of data."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)


def above(layer: Any) -> Any:
    """The transport over a TLS layer whose handshake is made."""
    return layer._app_transport  # noqa: SLF001


def stop_timer(protocol: Any) -> None:
    """Stop aiosmtpd's one timer; ours is the link's."""
    if protocol._timeout_handle is not None:  # noqa: SLF001
        protocol._timeout_handle.cancel()  # noqa: SLF001
