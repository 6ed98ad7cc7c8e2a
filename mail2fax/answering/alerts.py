"""Tells the admin what is wrong with the house, and when it is over (S6)."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.courier import Courier, Due
from mail2fax.answering.facts import safe
from mail2fax.answering.message import Sender, policy_for
from mail2fax.answering.wording import words_of
from mail2fax.clock import Clock, utc
from mail2fax.spool.moves import ALERT
from mail2fax.spool.troubles import AlertToSend


class Alerts:
    """The part of answering that is for the admin alone."""

    def __init__(
        self, sender: Sender, clock: Clock, courier: Courier, letters: LetterSettings
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._courier = courier
        self._letters = letters

    async def take_care_of(self, alert: AlertToSend, admin: str) -> None:
        """Hand an alert to the relay, or write down why not.

        Raises:
            SpoolError: what became of it could not be recorded.
        """

        async def compose(to: str) -> tuple[bytes, tuple[str]]:
            now = self._clock.now()
            return message_for(alert, to, self._sender, now, self._letters), (to,)

        due = Due(
            ALERT, alert.id, alert.id, f"alert {alert.kind}",
            alert.due_at, alert.address, alert.tries, counts=False,
        )  # fmt: skip
        await self._courier.carry(due, (admin,) if admin else (), compose)


def message_for(
    alert: AlertToSend, to: str, sender: Sender, now: float, letters: LetterSettings
) -> bytes:
    """The mail, in the site's language; the same Message-ID on a repeat, and our mark (W8)."""
    words = words_of(letters.language, letters.templates)
    key = f"alert.{alert.kind}"
    headline = words.say(f"{key}.over" if alert.is_over else f"{key}.began")
    since = words.say("alert.since", at=words.time(alert.began_at, letters.timezone))
    until = words.say("alert.until", at=words.time(alert.due_at, letters.timezone))
    facts = safe(alert.facts)
    message = EmailMessage(policy=policy_for(to))
    state = words.say("alert.over_state" if alert.is_over else "alert.state")
    from_name = words.say("from_name", state=state, number="")
    message["From"] = Address(from_name, addr_spec=sender.address)
    message["To"] = to
    message["Subject"] = words.say("alert.subject", headline=headline)
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{alert.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = alert.id
    text = [headline, "", facts, "", since, *([until] if alert.is_over else [])]
    text += [] if alert.is_over else ["", words.say(f"{key}.advice")]
    body = "\n".join(text) + "\n"
    message.set_content(body, cte=None if body.isascii() else "quoted-printable")
    return message.as_bytes()
