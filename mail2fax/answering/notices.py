"""Tells an office what its copier was refused on the line (L7)."""

from collections.abc import Awaitable, Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from mail2fax import events
from mail2fax.answering import back_off
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.facts import safe
from mail2fax.answering.message import Sender, on_the_wire, policy_for
from mail2fax.answering.texts import to_ascii
from mail2fax.answering.wording import words_of
from mail2fax.clock import Clock, utc
from mail2fax.errors import PermanentFailure, TemporaryFailure
from mail2fax.spool import notices
from mail2fax.spool.notices import NoticeToSend
from mail2fax.spool.spool import Spool


class Notices:
    """The part of answering that has no mail to answer."""

    def __init__(
        self,
        spool: Spool,
        sender: Sender,
        admin: str,
        clock: Clock,
        hand_over: Callable[[bytes, Sequence[str]], Awaitable[None]],
        letters: LetterSettings | None = None,
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._admin = admin
        self._clock = clock
        self._hand_over = hand_over
        self._letters = letters or LetterSettings()

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
        to = on_the_wire(addresses[notice.address])
        if to is None:
            await self._next(notice, "it is no mail address")
            return
        try:
            message = message_for(notice, to, self._sender, now, self._letters)
            await self._hand_over(message, [to])
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


def message_for(
    notice: NoticeToSend, to: str, sender: Sender, now: float, letters: LetterSettings
) -> bytes:
    """The mail, in ASCII; the same Message-ID on a repeat, and our mark against loops (W8)."""
    refusal = notice.refusal
    words = words_of(letters.language, letters.templates)

    def ascii_of(key: str, **facts: str) -> str:
        return to_ascii(safe(words.say(f"notice.{key}", **facts)), letters.language)

    rows = {
        "device": refusal.peer,
        "to": _ascii(refusal.recipient) or ascii_of("mail_itself"),
        "answer": _ascii(refusal.response),
    }
    why = words.reason(safe(refusal.response.split(" ", 2)[-1]))
    width = max(len(ascii_of(key)) for key in rows) + 3
    shown = [f"{ascii_of(key)}:".ljust(width) + value for key, value in rows.items()]
    state = words.say("from_name", state=words.say("notice.state"), number="")
    message = EmailMessage(policy=policy_for(to))
    message["From"] = Address(to_ascii(state, letters.language), addr_spec=sender.address)
    message["To"] = to
    message["Subject"] = ascii_of("subject", peer=refusal.peer)
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{notice.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = notice.id
    text = [ascii_of("headline", why=why), "", *shown, "", ascii_of("note")]
    message.set_content("\n".join(text) + "\n")
    return message.as_bytes()


def _ascii(text: str) -> str:
    """What somebody wrote, in ASCII; a letter that is none is not taken for another."""
    return safe(text).encode("ascii", "replace").decode("ascii")
