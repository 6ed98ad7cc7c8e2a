"""Tells an office what its copier was refused on the line (L7)."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.courier import Courier, Due
from mail2fax.answering.facts import safe
from mail2fax.answering.flowed import set_text
from mail2fax.answering.message import Sender, policy_for
from mail2fax.answering.texts import to_ascii
from mail2fax.answering.wording import words_of
from mail2fax.clock import Clock, utc
from mail2fax.spool.moves import NOTICE
from mail2fax.spool.notices import NoticeToSend
from mail2fax.spool.spool import Spool


class Notices:
    """The part of answering that has no mail to answer."""

    def __init__(
        self, spool: Spool, sender: Sender, clock: Clock, courier: Courier, letters: LetterSettings
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._clock = clock
        self._courier = courier
        self._letters = letters

    async def take_care_of(self, notice: NoticeToSend, admin: str) -> None:
        """Hand a notice to the relay, or write down why not.

        Raises:
            SpoolError: what became of it could not be recorded.
        """

        async def compose(to: str) -> tuple[bytes, tuple[str]]:
            now = self._clock.now()
            return message_for(notice, to, self._sender, now, self._letters), (to,)

        told = notice.refusal.reply_to
        addresses = (*told, *((admin,) if admin and admin not in told else ()))
        due = Due(
            NOTICE, notice.id, notice.id, "notice", notice.due_at, notice.address, notice.tries
        )
        await self._courier.carry(due, addresses, compose)


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
    set_text(message, "\n".join(text) + "\n")
    return message.as_bytes()


def _ascii(text: str) -> str:
    """What somebody wrote, in ASCII; a letter that is none is not taken for another."""
    return safe(text).encode("ascii", "replace").decode("ascii")
