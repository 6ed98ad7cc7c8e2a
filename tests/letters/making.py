"""Every letter as the message that the relay gets, and what a mail program finds in it."""

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage

from mail2fax.answering import alerts, delivery_report, notices
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.message import Sender, header_for, message_for
from mail2fax.answering.passing_on import passed_on
from mail2fax.answering.samples import STORY, Sample, samples
from mail2fax.answering.texts import letter_for
from mail2fax.spool import delivery_reports, replies
from mail2fax.spool.notices import NoticeToSend, Refusal
from mail2fax.spool.records import ReplyToSend
from mail2fax.spool.troubles import AlertToSend, Trouble
from mail2fax.values import Recipient

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
    """All letters in a language: replies, those about no mail, and what programs read."""
    wanted = replace(settings or LetterSettings("Europe/Zurich"), language=language)
    return [
        *(made(sample, wanted) for sample in samples()),
        *(alert(kind, wanted) for kind in Trouble),
        alert(Trouble.RELAY, wanted, is_over=True),
        _notice(wanted),
        _postmaster(wanted),
        _report(wanted),
    ]


def made(sample: Sample, settings: LetterSettings) -> Made:
    """One letter."""
    story = sample.story
    letter = letter_for(sample.kind, story, sample.fax_id, settings, sample.told)
    reply = ReplyToSend(f"R{sample.name}", story.id, sample.fax_id, sample.kind, NOW, 0, 0)
    reports = [b"%PDF-1.7"] * len(letter.reports)
    raw = message_for(letter, reply, story, ["ann@example.org"], SENDER, NOW, reports)
    return read(sample.name, raw)


FACTS = {
    Trouble.ACCOUNT: "Fax.Plus answered 401: unauthorized",
    Trouble.CREDIT: "Fax.Plus answered 402: insufficient_credit",
    Trouble.SILENT: "no connection to Fax.Plus (ConnectError)",
    Trouble.RELAY: "the relay cannot be reached (SMTPConnectError)",
    Trouble.BACKLOG: "1000 mails wait to be faxed",
    Trouble.DISK: "/var/lib/mail2fax has no room for a mail of 140 MB",
    Trouble.BROKEN: "the ledger failed: disk I/O error",
    Trouble.DAMAGED: "M2F-7K3QX",
    Trouble.STUCK: "M2F-7K3QX, M2F-4QZ7P",
    Trouble.READER: "it ended (signal 9)",
    Trouble.SUSPECT: "the clock is behind the last run's",
    Trouble.TEMPLATES: "outcome: /etc/mail2fax/templates/outcome.html:3: 'fx' is undefined",
    Trouble.UNTOLD: "M2F-7K3QX, M2F-4QZ7P",
}
"""What is known of each trouble, such as it is found."""


def alert(kind: Trouble, settings: LetterSettings, *, is_over: bool = False) -> Made:
    """One mail to the admin."""
    due = AlertToSend("A1", kind, is_over, NOW - 3600, FACTS[kind], NOW, 0, 0)
    raw = alerts.message_for(due, "admin@example.org", SENDER, NOW, settings)
    return read(f"alert-{kind}{'-over' if is_over else ''}", raw)


def _notice(settings: LetterSettings) -> Made:
    """What an office is told of its copier."""
    answer = "550 5.7.1 117: an emergency or short number is never faxed"
    refusal = Refusal("network:192.0.2.9", "192.0.2.9", "117@fax.example.com", answer, ())
    due = NoticeToSend("N1", refusal, NOW, 0, 0)
    return read("notice", notices.message_for(due, "office@example.org", SENDER, NOW, settings))


def _postmaster(settings: LetterSettings) -> Made:
    original = b"From: ann@example.org\r\nSubject: Help\r\n\r\nCan you fax?\r\n"
    reply = ReplyToSend("P1", STORY.id, None, replies.POSTMASTER, NOW, 0, 0)
    raw = passed_on(original, reply, STORY, "admin@example.org", SENDER, NOW, settings)
    return read("postmaster", raw)


def _report(settings: LetterSettings) -> Made:
    """A failure as a program reads it (RFC 3464)."""
    failed = next(one for one in samples() if one.name == "outcome-failed")
    wanted = Recipient("0225550123@fax.example.com", (STORY.faxes[0].number,), notify=("FAILURE",))
    story = replace(failed.story, recipients=(wanted,))
    kind = delivery_reports.kind_after(failed.kind)
    assert kind is not None
    reply = ReplyToSend("D1", story.id, failed.fax_id, kind, NOW, 0, 0)
    letter = letter_for(failed.kind, story, failed.fax_id, settings)
    top = header_for(letter, reply, story, ["ann@example.org"], SENDER, NOW)
    original = b"From: ann@example.org\r\nSubject: =?utf-8?q?Befund_M=C3=BCller?=\r\n"
    raw = delivery_report.message_of(top, letter, reply, story, original, "fax.example.com")
    return read("report-for-programs", raw)


def read(name: str, raw: bytes) -> Made:
    """What a mail program finds in a message."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Made(
        name,
        raw,
        message["From"].addresses[0].display_name,
        str(message["Subject"]),
        str(text.get_content()) if text else "",
        str(html.get_content()) if html else "",
    )
