"""What the admin is told when the disk has failed: the one mail that is no row (K6, S6)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from mail2fax import events
from mail2fax.answering import mailer
from mail2fax.answering.alerts import message_for
from mail2fax.answering.mailer import Relay
from mail2fax.answering.message import on_the_wire
from mail2fax.answering.reporter import AnsweringSettings
from mail2fax.errors import Failure
from mail2fax.spool.troubles import AlertToSend, Trouble

_LONGEST = 15.0
_ONE_NAME_FOR = 3600.0
"""Seconds in which such mails have one Message-ID: the service may be started again and again."""

HandOver = Callable[[bytes, Sequence[str], Relay], Awaitable[None]]


async def last_words(
    why: str, settings: AnsweringSettings, now: float, hand_over: HandOver = mailer.hand_over
) -> None:
    """Tell the admin, once and at once, that the service ends; the log tells it in any case.

    Args:
        why: how the disk failed.
        settings: relay, admin and language.
        now: the time.
        hand_over: to the relay.
    """
    admin = on_the_wire(settings.admin) if settings.admin else None
    if admin is None:
        return
    name = f"broken-{int(now // _ONE_NAME_FOR)}"
    alert = AlertToSend(
        name, Trouble.BROKEN, is_over=False, began_at=now, facts=why, due_at=now, address=0, tries=0
    )
    message = message_for(alert, admin, settings.sender, now, settings.letters)
    try:
        async with asyncio.timeout(_LONGEST):
            await hand_over(settings.sign(message), (admin,), settings.relay)
    except (Failure, TimeoutError) as failure:
        events.not_told(name, f"alert {Trouble.BROKEN}", str(failure) or "the relay took too long")
    else:
        events.told(name, f"alert {Trouble.BROKEN}", 0.0)
