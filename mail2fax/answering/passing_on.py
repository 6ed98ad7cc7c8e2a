"""A mail that somebody wrote to postmaster or abuse, on its way to the admin (A2)."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from mail2fax.answering.case import LetterSettings
from mail2fax.answering.facts import safe
from mail2fax.answering.message import Sender, policy_for
from mail2fax.answering.texts import to_ascii
from mail2fax.answering.wording import words_of
from mail2fax.clock import utc
from mail2fax.spool.records import MailStory, ReplyToSend

LARGEST_WHOLE = 1_000_000


def attachable(path: Path) -> bytes:
    """The bytes of a mail at rest, as far as they may be attached."""
    with path.open("rb") as file:
        return file.read(LARGEST_WHOLE + 1)


def passed_on(
    original: bytes, reply: ReplyToSend, story: MailStory, to: str, sender: Sender, now: float,
    letters: LetterSettings,
) -> bytes:  # fmt: skip
    """The message to the admin, with our mark against loops; the same Message-ID on a repeat.

    Args:
        original: the mail's bytes, or its first part when it is large; then only its header is
            attached.
        reply: the due reply.
        story: the mail's.
        to: the admin.
        sender: who it comes from.
        now: for its Date.
        letters: the language.
    """
    whole = len(original) <= LARGEST_WHOLE
    boundary = f"=_{reply.id}"
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    content = original if whole else _header_of(original)
    encoding = "7bit" if content.isascii() else "8bit"
    text = _text(story, letters, whole=whole)
    # Written by hand: the email package would parse the mail and write another.
    lines = [
        _top(reply, story, to, sender, now, letters),
        f'Content-Type: multipart/mixed; boundary="{boundary}"'.encode(),
        f"Content-Transfer-Encoding: {encoding}".encode(), b"", f"--{boundary}".encode(),
        b"Content-Type: text/plain; charset=us-ascii", b"", *text.encode("ascii").split(b"\n"),
        f"--{boundary}".encode(), f"Content-Type: {kind}".encode(),
        f"Content-Transfer-Encoding: {encoding}".encode(), b"", content,
        f"--{boundary}--".encode(), b"",
    ]  # fmt: skip
    return b"\r\n".join(lines)


def _text(story: MailStory, letters: LetterSettings, *, whole: bool) -> str:
    """What the admin reads above the mail, in ASCII."""
    words = words_of(letters.language, letters.templates)
    rows = {"from": safe(story.mail_from) or "<>", "client": story.peer,
            "reference": story.reference}  # fmt: skip
    labels = {key: words.say(f"postmaster.{key}") for key in rows}
    width = max(len(label) for label in labels.values()) + 3
    shown = [f"{labels[key]}:".ljust(width) + value for key, value in rows.items()]
    attached = words.say("postmaster.whole" if whole else "postmaster.header", size=story.size)
    lines = [words.say("postmaster.headline"), "", *shown, "", attached]
    return to_ascii("\n".join(lines) + "\n", letters.language)


def _top(
    reply: ReplyToSend, story: MailStory, to: str, sender: Sender, now: float,
    letters: LetterSettings,
) -> bytes:  # fmt: skip
    """The header up to what tells of the content, without a last line end."""
    words = words_of(letters.language, letters.templates)
    message = EmailMessage(policy=policy_for(to))
    message["From"] = Address(words.say("postmaster.from_name"), addr_spec=sender.address)
    message["To"] = to
    message["Subject"] = safe(words.say("postmaster.subject", subject=story.subject))
    message["Date"] = format_datetime(utc(now))
    message["Message-ID"] = f"<{reply.id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail2Fax-Reference"] = story.reference
    message["MIME-Version"] = "1.0"
    return message.as_bytes().rstrip(b"\r\n")


def _header_of(original: bytes) -> bytes:
    return original.partition(b"\r\n\r\n")[0] + b"\r\n"
