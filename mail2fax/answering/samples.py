"""Sample mails, one for each kind of letter: an admin's templates are tried on them (W4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mail2fax.spool import replies
from mail2fax.spool.records import FaxStory, MailStory
from mail2fax.values import (
    Converted,
    Document,
    End,
    Identity,
    NotFaxed,
    Options,
    Outcome,
)

_TOKEN = "0123456789ABCDEF"  # noqa: S105 - the address that answers would come to
_NOON = 1_795_000_000.0  # 18 Nov 2026, 11:06:40 UTC
_FAX = FaxStory(
    id="1", ordinal=1, state="ordered", number="+41225550123", written="0225550123",
    country="CH", reading="national", name="Praxis Dr. Meier", orders=1,
    fax_plus_id="8c9a1f0e5b6d4e3aa1b2", ordered_at=_NOON, outcome=None, job_state="ordered",
    job_why="", next_try=None,
)  # fmt: skip
_OTHER = replace(
    _FAX, id="2", ordinal=2, number="+390255501234", written="Labor Milano", country="IT",
    name="Labor Milano", fax_plus_id="77d0c1b2a3f44e5d9c8b", state="ordered",
    options=Options(at=_NOON + 72_000, resend="M2F-4QZ7P/1"),
)  # fmt: skip
_DOCUMENTS = (
    Document("2", "Befund Müller.pdf", "application/pdf", 348_150, "0" * 64, 2),
    Document(
        "3", "Röntgenbild.heic", "image/heic", 2_480_000, "1" * 64, 1,
        converted=Converted(
            "image/tiff", 41_000, "2" * 64,
            "Converted to black and white, because Fax.Plus does not take image/heic.",
        ),
    ),
)  # fmt: skip
_NOT_FAXED = (
    NotFaxed("1", None, "text/plain", 12, None, "The text."),
    NotFaxed("4", "Termin.ics", "text/calendar", 900, None, "A calendar entry is not faxed."),
    NotFaxed(
        "5", None, "image/png", 4_000, None,
        "A small picture of the text or signature is not faxed.",
    ),
)  # fmt: skip
_TOO_SHORT = (
    "550 5.1.3 022555012: not a fax number, it is too short in Switzerland. Write it with + and "
    "country code"
)
STORY = MailStory(
    id="m", reference="M2F-7K3QX", state="prepared", received_at=_NOON, size=3_900_000,
    mail_from="ann@example.org", peer="192.0.2.7", helo="client", listener="listen[0]",
    identity=Identity("senders[0]", "login", "ann"), subject="Befund Müller",
    message_id="<1@example.org>", thread="", reply_to=("ann@example.org",), replies="both",
    options=Options(),
    refused_recipients=(
        ("117@fax.example.com", "550 5.7.1 117: an emergency or short number is never faxed"),
        ("022555012@fax.example.com", _TOO_SHORT),
    ),
    comment="own words", not_faxed=_NOT_FAXED, why="", documents=_DOCUMENTS, faxes=(_FAX,),
    told=(), answer_token="0123456789ABCDEF",  # noqa: S106 - an address, and not a secret one
)  # fmt: skip
_QUESTION = (
    "It is not clear whether “Stempel.png” (512 x 512 pixels, 14 kB) is a document or a part of "
    "the signature."
)
_DAMAGED = (
    "“Befund Müller.pdf” is damaged: it ends before its last page. Save it again and send it again."
)
_BUSY = "The line was busy. It was tried 4 times."
_NEVER_CAME = (
    "Fax.Plus took the fax and never told what became of it. It may have arrived; ask the "
    "recipient before you send it again."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One letter to be: what it shows, its kind, its mail and the fax it is about.

    Attributes:
        told: what became of a verb.
    """

    name: str
    kind: str
    story: MailStory
    fax_id: str | None = None
    told: Mapping[str, Any] | None = None


def samples() -> Iterator[Sample]:
    """Every kind of letter in each of its forms."""
    yield Sample("accepted", replies.ACCEPTED, STORY)
    waiting = replace(_FAX, id="3", ordinal=3, number="+33155501234", written="+33 1 55 50 12 34",
                      country="FR", name=None, fax_plus_id=None, state="pending",
                      job_why="no connection to Fax.Plus")  # fmt: skip
    several = replace(STORY, faxes=(_FAX, _OTHER, waiting))
    yield Sample("accepted-several", replies.ACCEPTED, several)
    yield from _outcomes()
    late = (replace(_FAX, fax_plus_id=None, state="pending", job_why="Fax.Plus answered 503"),)
    unsent = (replace(late[0], job_why=""),)
    refused = replace(STORY, state="refused", why=_DAMAGED, documents=(), faxes=_unsent(_DAMAGED))
    yield Sample("refused", replies.REFUSED, refused)
    yield Sample("waiting", replies.WAITING, replace(STORY, faxes=late))
    held = (replace(unsent[0], job_state="held", job_why="Fax.Plus shows no trace of it"),)
    yield Sample("held", replies.HELD, replace(STORY, faxes=held), "1")
    yield Sample("frozen", replies.FROZEN, replace(STORY, faxes=unsent), "1")
    yield Sample("copy", replies.COPY, replace(STORY, faxes=unsent), "1")
    asked = replace(STORY, state="held", why=_QUESTION, faxes=unsent, hold_until=_NOON + 86_400)
    yield Sample("asked", replies.ASKED, asked)
    device = replace(STORY.identity, device=True)
    yield Sample("asked-device", replies.ASKED, replace(asked, identity=device))
    yield from _answers(several, asked)
    yield from _verbs(several)


def _answers(several: MailStory, asked: MailStory) -> Iterator[Sample]:
    """What an answer is told that changes nothing."""
    yield Sample("status", replies.STATUS, several)
    yield Sample("status-too-late", replies.STATUS, several, None, {"too_late": "cancel"})
    yield Sample("report-later", replies.REPORT, several)
    ended = Outcome(End.FAILED, "failed_user_busy", _NOON, _BUSY)
    yield Sample("report", replies.REPORT, replace(several, faxes=(
        replace(_FAX, report="report-1.pdf", outcome=Outcome(End.SUCCESS, "success", _NOON)),
        replace(_OTHER, report="", outcome=ended),
    )))  # fmt: skip
    yield Sample("unclear", replies.UNCLEAR, asked)
    yield Sample("denied", replies.DENIED, asked)


def _verbs(several: MailStory) -> Iterator[Sample]:
    """What became of the verbs of an answer, or of an administrator."""
    cancelled = Outcome(End.CANCELLED, "cancelled", _NOON,
                        "It was cancelled before it was handed over.")  # fmt: skip
    ended = replace(_FAX, fax_plus_id=None, state="cancelled", outcome=cancelled)
    stopped: dict[str, Any] = {"stopped": [1], "asked": [], "doubtful": [], "over": []}
    yield Sample("cancel", replies.CANCEL, replace(STORY, faxes=(ended,)), None, stopped)
    doubtful = replace(_OTHER, fax_plus_id=None, state="pending", job_state="in doubt")
    over = replace(several.faxes[2], state="failed",
                   outcome=Outcome(End.FAILED, "failed_user_busy", _NOON, _BUSY))  # fmt: skip
    mixed = {"stopped": [], "asked": [1], "doubtful": [2], "over": [3]}
    half = replace(several, faxes=(_FAX, doubtful, over))
    yield Sample("cancel-several", replies.CANCEL, half, None, mixed)
    for said in ("gone", "shared", "no answer"):
        name = f"not-stopped-{said.replace(' ', '-')}"
        yield Sample(name, replies.NOT_STOPPED, STORY, "1", {"said": said})
    once_more = {"faxes": [2, 3], "why": ["117: an emergency or short number is never faxed"]}
    yield Sample("again", replies.AGAIN, several, None, once_more)
    why = ["The fax is still under way. Cancel it first, or wait for its outcome"]
    yield Sample("again-nothing", replies.AGAIN, several, None, {"faxes": [], "why": why})
    yield Sample("paused", replies.PAUSED, several, None, {"faxes": [3]})


def _unsent(why: str) -> tuple[FaxStory, ...]:
    outcome = Outcome(End.NOT_SENT, "refused", _NOON, why)
    return (replace(_FAX, fax_plus_id=None, state="failed", outcome=outcome),)


def _outcomes() -> Iterator[Sample]:
    ends = {
        "confirmed": Outcome(End.SUCCESS, "success", _NOON, "", 3, 95),
        "incomplete": Outcome(
            End.PARTIAL, "partially_sent", _NOON,
            "The call dropped after the first pages; the rest did not arrive.", 1, 41,
        ),
        "failed": Outcome(End.FAILED, "failed_user_busy", _NOON, _BUSY),
        "unknown": Outcome(End.UNKNOWN, "no outcome", _NOON, _NEVER_CAME),
        "cancelled": Outcome(
            End.CANCELLED, "dropped", _NOON, "It was on hold, and it was decided not to send it."
        ),
    }  # fmt: skip
    for name, outcome in ends.items():
        fax_id = None if outcome.end is End.CANCELLED else _FAX.fax_plus_id
        story = replace(STORY, faxes=(replace(_FAX, fax_plus_id=fax_id, outcome=outcome),))
        yield Sample(f"outcome-{name}", replies.OUTCOME, story, "1")
    not_sent = replace(STORY, faxes=_unsent(_DAMAGED))
    yield Sample("outcome-not-sent", replies.OUTCOME, not_sent, "1")
