"""Tells an office what its copier was refused on the line (L7)."""

from collections.abc import Awaitable, Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mail2fax import events
from mail2fax.answering import back_off
from mail2fax.answering.message import Sender, can_be_addressed
from mail2fax.answering.texts import safe
from mail2fax.clock import Clock, utc
from mail2fax.errors import PermanentFailure, TemporaryFailure
from mail2fax.spool import notices
from mail2fax.spool.notices import NoticeToSend
from mail2fax.spool.spool import Spool

_TEXT = """\
A fax was refused: {why}

Device:  {peer}
To:      {recipient}
Answer:  {response}

Nothing was faxed. The device shows this as an error, often as a number only.
Further refusals of this device are not told for the next 10 minutes.
"""


class Notices:
    """The part of answering that has no mail to answer."""

    def __init__(
        self,
        spool: Spool,
        sender: Sender,
        admin: str,
        clock: Clock,
        hand_over: Callable[[bytes, Sequence[str]], Awaitable[None]],
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._admin = admin
        self._clock = clock
        self._hand_over = hand_over

    async def take_care_of(self, notice: NoticeToSend) -> None:
        """Hand a notice to the relay, or write down why not.

        Raises:
            SpoolError: what became of it could not be recorded.
        """
        told = notice.refusal.reply_to
        addresses = (*told, *((self._admin,) if self._admin and self._admin not in told else ()))
        now = self._clock.now()
        if notice.address >= len(addresses):
            await self._give_up(notice, "no address is left")
            return
        to = addresses[notice.address]
        if not can_be_addressed(to):
            await self._next(notice, "the address is not in ASCII")
            return
        try:
            await self._hand_over(message_for(notice, to, self._sender, now), [to])
        except PermanentFailure as failure:
            await self._next(notice, str(failure))
        except TemporaryFailure as failure:
            await self._later(notice, str(failure))
        else:
            await self._spool.do(notices.handed_over, notice.id, to, self._clock.now())
            events.told(notice.id, "notice", self._clock.now() - notice.due_at)

    async def _next(self, notice: NoticeToSend, why: str) -> None:
        now = self._clock.now()
        await self._spool.do(notices.next_address, notice.id, notice.address + 1, now, why)

    async def _later(self, notice: NoticeToSend, why: str) -> None:
        now = self._clock.now()
        if back_off.is_over(notice.due_at, now):
            await self._give_up(notice, why)
            return
        tries = notice.tries + 1
        wait = back_off.again_in(tries)
        await self._spool.do(notices.postponed, notice.id, tries, now + wait, why)
        events.reply_delayed(notice.id, "notice", why, wait)

    async def _give_up(self, notice: NoticeToSend, why: str) -> None:
        await self._spool.do(notices.undeliverable, notice.id, self._clock.now(), why)
        events.not_told(notice.id, "notice", why)


def message_for(notice: NoticeToSend, to: str, sender: Sender, now: float) -> bytes:
    """The mail, in ASCII; the same Message-ID on a repeat, and our mark against loops (W8)."""
    refusal = notice.refusal
    recipient = _ascii(refusal.recipient)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Fax REFUSED", addr_spec=sender.address)
    message["To"] = to
    message["Subject"] = f"Fax refused: device {refusal.peer}"
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{notice.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = notice.id
    why = refusal.response.split(" ", 2)[-1]
    shown = recipient or "(the mail itself was refused)"
    text = _TEXT.format(
        why=_ascii(why), peer=refusal.peer, recipient=shown, response=_ascii(refusal.response)
    )
    message.set_content(text)
    return message.as_bytes()


def _ascii(text: str) -> str:
    return safe(text).encode("ascii", "replace").decode("ascii")
