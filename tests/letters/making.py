"""Every letter as the message that the relay gets, and what a mail program finds in it."""

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.message import Sender, message_for
from mail2fax.answering.samples import Sample, samples
from mail2fax.answering.texts import letter_for
from mail2fax.spool.records import ReplyToSend

NOW = 1_795_000_100.0
SENDER = Sender("fax@fax.example.com", "fax.example.com")


@dataclass(frozen=True, slots=True)
class Made:
    """A letter in its message.

    Attributes:
        name: of the sample.
        raw: the message's bytes.
        from_name: what an inbox shows.
        subject: likewise.
        text: the plain text, line by line as it stands in the message.
        html: empty for devices.
    """

    name: str
    raw: bytes
    from_name: str
    subject: str
    text: str
    html: str


def letters_in(language: str, settings: LetterSettings | None = None) -> Sequence[Made]:
    """All letters in a language."""
    wanted = settings or LetterSettings("Europe/Zurich")
    return [made(sample, replace(wanted, language=language)) for sample in samples()]


def made(sample: Sample, settings: LetterSettings) -> Made:
    """One letter."""
    story = sample.story
    letter = letter_for(sample.kind, story, sample.fax_id, settings, sample.told)
    reply = ReplyToSend(f"R{sample.name}", story.id, sample.fax_id, sample.kind, NOW, 0, 0)
    reports = [b"%PDF-1.7"] * len(letter.reports)
    raw = message_for(letter, reply, story, ["ann@example.org"], SENDER, NOW, reports)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Made(
        sample.name,
        raw,
        message["From"].addresses[0].display_name,
        str(message["Subject"]),
        str(text.get_content()) if text else "",
        str(html.get_content()) if html else "",
    )
