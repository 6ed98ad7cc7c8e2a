"""A mail of ours that comes back: what it says is a row; it is neither kept nor answered (W1)."""

import asyncio
from pathlib import Path

from mail2fax import events
from mail2fax.errors import SpoolError
from mail2fax.reading.bounces import ENOUGH, bounce_of
from mail2fax.spool import telling
from mail2fax.spool.spool import Spool, Station
from mail2fax.values import Response

_NOTED = Response(250, "2.0.0", "It is noted that it came back")
_NOT_OURS = Response(550, "5.1.1", "This names no mail of ours that could have come back")
_LATER = Response(451, "4.3.0", "It could not be noted. Try again later")


async def heard(file: Path, spool: Spool, now: float) -> Response:
    """What a server is told that returned a mail.

    Args:
        file: the bytes of what it sent.
        spool: knows our mails, and who is the next to be told.
        now: seconds since the epoch.
    """
    bounce = bounce_of(await asyncio.to_thread(_beginning, file))
    if bounce is None:
        return _NOT_OURS
    why = f"it came back {bounce.status}".strip() if bounce.is_final else ""
    try:
        is_ours = await spool.do(telling.came_back, bounce.row_id, bounce.recipients, why, now)
    except SpoolError:
        return _LATER
    spool.bells.ring(Station.ANSWERING)
    events.came_back(bounce.row_id, bounce.status, known=is_ours)
    return _NOTED if is_ours else _NOT_OURS


def _beginning(file: Path) -> bytes:
    """As much as tells what came back."""
    with file.open("rb") as mail:
        return mail.read(ENOUGH)
