"""A reply once more, as a program reads it: multipart/report (RFC 6522, RFC 3464; W5, R11).

Its first part are the words of the reply it follows. Of the original, only the header goes back,
whatever the envelope asked (RET).
"""

import quopri
import re
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from mail2fax.answering.facts import safe
from mail2fax.answering.flowed import set_text
from mail2fax.answering.texts import Letter, to_ascii
from mail2fax.clock import utc
from mail2fax.faxplus.statuses import Meaning, final
from mail2fax.spool import delivery_reports
from mail2fax.spool.delivery_reports import Action
from mail2fax.spool.records import FaxStory, MailStory, ReplyToSend
from mail2fax.values import End, Outcome, Recipient

_LARGEST_HEADER = 200_000
_LONGEST_LINE = 998
_ASCII_PATH = re.compile(r"[!-~]+", re.ASCII)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)

_DELIVERED, _DELAYED, _UNCLEAR = "2.0.0", "4.4.0", "5.0.0"
_BY_WORD = {
    "failed_unallocated_number": "5.1.1",
    "failed_invalid_number_format": "5.1.3",
    "failed_destination_not_supported": "5.1.2",
    "given up": "4.4.7",
    "undecided": "4.4.7",
    "incomplete": "5.6.0",
    "quarantined": "5.3.0",
    "no outcome": "4.4.0",
}
_BY_MEANING = {
    Meaning.PARTIAL: "5.4.2",
    Meaning.LATER: "4.4.1",
    Meaning.NUMBER: "5.1.1",
    Meaning.DOCUMENT: "5.6.5",
    Meaning.ACCOUNT: "5.3.5",
}


def addresses(story: MailStory) -> tuple[str, ...]:
    """Whom a report may go to: MAIL FROM where replies may go there, else whom replies go to."""
    known = {address.lower(): address for address in story.reply_to}
    asked = known.get(story.mail_from.lower())
    return (asked,) if asked and not story.identity.device else story.reply_to


def is_overtaken(reply: ReplyToSend, story: MailStory) -> bool:
    """Whether a report has nothing to say any more: what waited has gone out meanwhile."""
    is_report = delivery_reports.followed(reply.kind) is not None
    return is_report and next(_reported(reply, story), None) is None


def original_header(path: Path) -> bytes:
    """The header of a mail at rest; nothing when its content is destroyed."""
    try:
        with path.open("rb") as file:
            start = file.read(_LARGEST_HEADER)
    except FileNotFoundError:
        return b""
    return start.partition(b"\r\n\r\n")[0] + b"\r\n"


def message_of(
    top: EmailMessage,
    letter: Letter,
    reply: ReplyToSend,
    story: MailStory,
    original: bytes,
    hostname: str,
) -> bytes:
    """The report.

    Args:
        top: its header, without what tells of the content.
        letter: of the reply it follows.
        reply: the due report.
        story: its mail's.
        original: the mail's header, empty when it is not there any more.
        hostname: what we call ourselves.
    """
    boundary = f"=_{reply.id}"
    parts = [_words(letter), _status(reply, story, hostname)]
    if original:
        parts.append(_returned(original))
    top["MIME-Version"] = "1.0"
    kind = f'multipart/report; report-type=delivery-status; boundary="{boundary}"'
    content = "\r\n".join(f"--{boundary}\r\n{part}" for part in parts)
    return top.as_bytes().rstrip(b"\r\n") + (
        f"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--{boundary}--\r\n".encode("ascii")
    )


def _words(letter: Letter) -> str:
    part = MIMEPart(policy=SMTP)
    set_text(part, letter.body)
    return part.as_bytes().decode("ascii")


def _returned(header: bytes) -> str:
    """The original's header, encoded where it could not travel as it is."""
    longest = max(map(len, header.split(b"\r\n")))
    if header.isascii() and longest <= _LONGEST_LINE:
        return f"Content-Type: text/rfc822-headers\r\n\r\n{header.decode('ascii')}"
    encoded = quopri.encodestring(header.replace(b"\r\n", b"\n")).decode("ascii")
    return (
        "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + encoded.replace("\n", "\r\n")
    )


def _status(reply: ReplyToSend, story: MailStory, hostname: str) -> str:
    """The part for programs: fields of the mail, then of each recipient (RFC 3464 2.1)."""
    groups = [[*_of_mail(story, hostname)]]
    groups += [
        [*_of_recipient(recipient, fax, action, story, hostname)]
        for recipient, fax, action in _reported(reply, story)
    ]
    fields = "\r\n\r\n".join("\r\n".join(group) for group in groups)
    return f"Content-Type: message/delivery-status\r\n\r\n{to_ascii(fields)}\r\n"


def _of_mail(story: MailStory, hostname: str) -> Iterator[str]:
    if story.envelope_id:
        yield f"Original-Envelope-Id: {story.envelope_id}"
    yield f"Reporting-MTA: dns; {hostname}"
    yield f"Arrival-Date: {_date(story.received_at)}"
    yield f"X-Mail2Fax-Reference: {story.reference}"


def _of_recipient(
    recipient: Recipient, fax: FaxStory, action: Action, story: MailStory, hostname: str
) -> Iterator[str]:
    outcome = fax.outcome if action is not Action.DELAYED else None
    if recipient.original:
        yield f"Original-Recipient: {recipient.original}"
    yield f"Final-Recipient: rfc822; {_final(recipient, fax, hostname)}"
    yield f"Action: {action}"
    yield f"Status: {status_of(outcome)}"
    if outcome is not None:
        if action is Action.FAILED:
            words = " ".join(safe(f"{outcome.status} {outcome.why}").split())
            yield f"Diagnostic-Code: X-Fax; {words[: _LONGEST_LINE // 2]}"
        yield f"Last-Attempt-Date: {_date(outcome.at)}"
    yield f"X-Fax-Number: {fax.number}"
    yield f"X-Fax-Reference: {story.reference}/{fax.ordinal}"
    if fax.fax_plus_id:
        yield f"X-Fax-ID: {fax.fax_plus_id}"
    if outcome is not None and outcome.pages is not None:
        yield f"X-Fax-Pages: {outcome.pages}"


def _reported(reply: ReplyToSend, story: MailStory) -> Iterator[tuple[Recipient, FaxStory, Action]]:
    """What is reported: each recipient's fax that it is wanted of."""
    followed = delivery_reports.followed(reply.kind) or ""
    device = story.identity.device
    for recipient in story.recipients:
        for fax in story.faxes:
            if fax.number not in recipient.numbers or reply.fax_id not in (None, fax.id):
                continue
            end = fax.outcome.end if fax.outcome else None
            action = delivery_reports.action_of(followed, end)
            if action and delivery_reports.is_wanted(action, recipient, device=device):
                yield recipient, fax, action


def status_of(outcome: Outcome | None) -> str:
    """The enhanced status code (RFC 3463) of how a fax ended; of one that waits, for None."""
    if outcome is None:
        return _DELAYED
    if outcome.end is End.SUCCESS:
        return _DELIVERED
    if found := _ENHANCED.search(outcome.status):
        return found[0]
    meaning = final(outcome.status)
    by_meaning = _BY_MEANING.get(meaning.meaning, _UNCLEAR) if meaning else _UNCLEAR
    return _BY_WORD.get(outcome.status, by_meaning)


def _final(recipient: Recipient, fax: FaxStory, hostname: str) -> str:
    """The address that the mail went to; of one that meant many, the number's own."""
    local, at, domain = recipient.written.rpartition("@")
    is_plain = _ASCII_PATH.fullmatch(recipient.written) is not None
    if is_plain and len(recipient.numbers) == 1:
        return recipient.written if at else f"{recipient.written}@{hostname}"
    return f"{fax.number}@{domain if is_plain and local else hostname}"


def _date(seconds: float) -> str:
    return format_datetime(utc(seconds))
