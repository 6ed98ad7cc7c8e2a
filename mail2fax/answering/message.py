"""A letter as the bytes that go to the relay (W1; RFC 5322, RFC 3834)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, cast

from mail2fax.answering.facts import safe
from mail2fax.answering.flowed import set_text
from mail2fax.answering.texts import Letter
from mail2fax.clock import utc
from mail2fax.reading.addresses import same_domain
from mail2fax.reading.verbs import address_of
from mail2fax.spool.records import MailStory, ReplyToSend

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>", re.ASCII)
_MOST_REFERENCES = 20
_LONGEST_LINE = 78
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f<>()]+@[^\s\x00-\x1f\x7f<>()@]+")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the replies come from, and where answers to them go.

    Attributes:
        address: of a domain the relay may sign.
        answers_at: the fax domain at which answers come in; empty where none can (W6).
    """

    address: str
    answers_at: str = ""

    @property
    def domain(self) -> str:
        """Its domain, also of the Message-IDs."""
        return self.address.rpartition("@")[2]


def on_the_wire(address: str) -> str | None:
    """An address as the relay gets it: of ASCII as far as it can be; None when it is none (W5).

    A domain has a form in ASCII (RFC 5891); for another local part the relay needs SMTPUTF8.
    """
    if _ADDRESS.fullmatch(address) is None:
        return None
    local, _, domain = address.rpartition("@")
    try:
        return address if domain.isascii() else f"{local}@{same_domain(domain)}"
    except UnicodeError:
        return None


class _Policy(EmailPolicy):
    """Headers as they go out: as they come in again, which Python's own folding does not keep.

    It writes a blank twice where a line ends between a plain word and an encoded one, and
    begins a long value on a line of its own, with a blank more.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One header in lines."""
        folded = super().fold_binary(name, value).replace(b" \r\n =?", b"\r\n =?")
        start = len(name) + 1
        if not folded.startswith(b"\r\n ", start):
            return folded
        joined = folded[:start] + folded[start + 2 :]
        end = joined.rfind(b" ", start + 1, _LONGEST_LINE)
        return joined if end < 0 else joined[:end] + b"\r\n" + joined[end:]


_PLAIN, _UTF8 = (
    cast("EmailPolicy[EmailMessage]", _Policy(linesep="\r\n", utf8=utf8)) for utf8 in (False, True)
)


def policy_for(*addresses: str) -> "EmailPolicy[EmailMessage]":
    """How a header with these addresses is written: under SMTPUTF8 only where one asks for it."""
    return _PLAIN if all(one.isascii() for one in addresses) else _UTF8


def message_for(
    letter: Letter,
    reply: ReplyToSend,
    story: MailStory,
    to: Sequence[str],
    sender: Sender,
    now: float,
    reports: Sequence[bytes] = (),
) -> bytes:
    """The message in one thread with the mail it answers; the same Message-ID on a repeat.

    Args:
        letter: the words.
        reply: the due reply.
        story: its mail's.
        to: the address it goes to and those who get a copy, as on the wire.
        sender: who it comes from.
        now: for its Date.
        reports: the content of the letter's, in order.
    """
    message = header_for(letter, reply, story, to, sender, now)
    set_text(message, letter.body)
    if letter.html:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for report, content in zip(letter.reports, reports, strict=True):
        message.add_attachment(content, "application", "pdf", filename=report.name)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{reply.id}")
    return message.as_bytes()


def header_for(
    letter: Letter,
    reply: ReplyToSend,
    story: MailStory,
    to: Sequence[str],
    sender: Sender,
    now: float,
) -> EmailMessage:
    """A message without its content yet; see `message_for`."""
    message = EmailMessage(policy=policy_for(*to))
    message["From"] = Address(safe(letter.from_name), addr_spec=sender.address)
    message["To"] = to[0]
    if story.answer_token and sender.answers_at:
        message["Reply-To"] = address_of(story.answer_token, sender.answers_at)
    if to[1:]:
        message["Cc"] = ", ".join(to[1:])
    message["Subject"] = safe(letter.subject)
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{reply.id}@{sender.domain}>"
    threads = _MESSAGE_ID.findall(story.thread)[-_MOST_REFERENCES:]
    if answered := _MESSAGE_ID.search(story.message_id):
        message["In-Reply-To"] = answered[0]
        threads = [*(one for one in threads if one != answered[0]), answered[0]]
    if threads:
        message["References"] = " ".join(threads)
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = story.reference
    return message
