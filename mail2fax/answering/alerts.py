"""Tells the admin what is wrong with the house, and when it is over (S6)."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.courier import Courier, Due
from mail2fax.answering.facts import safe
from mail2fax.answering.flowed import set_text
from mail2fax.answering.layout import Content, laid_out
from mail2fax.answering.message import Sender, policy_for
from mail2fax.answering.wording import Words, words_of
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
    """The mail, in the site's language and our own layout, which no admin's template can break.

    The same Message-ID on a repeat, and our mark against loops (W8).
    """
    words = words_of(letters.language, letters.templates)
    content = _content(alert, words, letters.timezone)
    page = laid_out("alert", None, content, words)
    state = words.say(f"state.{content.state}")
    message = EmailMessage(policy=policy_for(to))
    from_name = words.say("from_name", state=state, number="")
    message["From"] = Address(from_name, addr_spec=sender.address)
    message["To"] = to
    message["Subject"] = words.say("alert.subject", headline=_first_sentence(content.headline))
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{alert.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = alert.id
    set_text(message, page.text)
    message.add_alternative(page.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{alert.id}")
    return message.as_bytes()


def _content(alert: AlertToSend, words: Words, timezone: str) -> Content:
    """What is wrong, what is known of it and what to do; or that it is over."""
    key = f"alert.{alert.kind}"
    since = words.say("label.since"), words.time(alert.began_at, timezone)
    if alert.is_over:
        until = words.say("label.until"), words.time(alert.due_at, timezone)
        return Content("trouble_over", words.say(f"{key}.over"), facts=(since, until))
    known = words.say("label.known"), words.reason(safe(alert.facts))
    advice = words.say(f"{key}.advice")
    return Content("trouble", words.say(f"{key}.began"), lead=(advice,), facts=(known, since))


def _first_sentence(text: str) -> str:
    """Without those behind it; ``Fax.Plus`` ends none."""
    first, period, _ = text.partition(". ")
    return first + period.strip()
