"""The life of a mail, a job, a fax and a reply: four tables, and nothing else.

Everything that touches a transition lives in this file. A state is what is true at rest, an
event is what happened; a pair that is not listed raises `IllegalEvent` and changes nothing.
The ledger is the only caller of `after`, and no other code assigns a state. The diagrams in
docs/states.md are generated from these tables (``python -m mail2fax.spool.diagrams``).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from mail2fax.errors import Mail2FaxError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class IllegalEvent(Mail2FaxError):
    """An event that cannot happen in this state: our own bug, never the neighbour's."""


class MailState(StrEnum):
    """One SMTP transaction's message."""

    ACCEPTED = "accepted"  # on disk; the client has or had its 250
    WAITING = "waiting"  # for the other parts of a split scan
    PREPARED = "prepared"  # its documents are ready, its jobs exist
    REFUSED = "refused"  # by the second gate or a person; nothing of it is faxed
    HELD = "held"  # a person must decide
    QUARANTINED = "quarantined"  # its bytes are not to be believed
    JOINED = "joined"  # its bytes are a part of another mail's fax
    ANSWERED = "answered"  # it held an answer to one of our replies
    PURGING = "purging"  # its time is over; its content is being destroyed
    PURGED = "purged"  # its content is destroyed


class MailEvent(StrEnum):
    """What can happen to a mail."""

    PREPARED = "documents prepared"
    REFUSED = "second gate refused"
    PARTS_MISSING = "other parts missing"
    PARTS_COMPLETE = "other parts arrived"
    JOINED = "joined to the first part"
    ANSWERED = "answer read"
    HELD = "person asked"
    RELEASED = "person released"
    DROPPED = "person dropped"
    CANCELLED = "person cancelled"
    OVERDUE = "nobody decided in time"
    DAMAGED = "bytes not believable"
    EXPIRED = "time is over"
    PURGED = "content destroyed"


class JobState(StrEnum):
    """One POST to the outbox."""

    READY = "ready"  # its documents stand ready on disk
    UPLOADED = "uploaded"  # Fax.Plus holds every document
    INTENT = "intent"  # the POST is about to be sent or under way
    IN_DOUBT = "in doubt"  # the POST has no answer that can be believed
    ORDERED = "ordered"  # Fax.Plus has it; the fax IDs are on disk
    REFUSED = "refused"  # Fax.Plus does not take it, or its time is over
    HELD = "held"  # a person must decide
    CANCELLED = "cancelled"  # it will never be posted (again)


class JobEvent(StrEnum):
    """What can happen to a job."""

    UPLOADED = "every document uploaded"
    UPLOADS_LOST = "uploads too old"
    INTENDED = "intent on disk"
    ORDERED = "fax IDs answered"
    NEVER_LEFT = "request never left"
    ANSWER_LOST = "no believable answer"
    SUSPECTED = "restart cannot vouch"
    FOUND = "token found in a listing"
    REFUSAL_CONFIRMED = "refusal confirmed by a listing"
    POST_AGAIN = "not taken, may be posted again"
    MISS_SETTLED = "settled miss"
    GAVE_UP = "time is over"
    HELD = "person asked"
    RELEASED = "person released"
    CANCELLED = "person cancelled"
    DAMAGED = "bytes not believable"
    NOT_TAKEN = "a document was not taken"


class FaxState(StrEnum):
    """One destination of a mail."""

    PENDING = "pending"  # to be ordered
    TWIN = "twin"  # looks like a fax already taken; waits for a sign
    ORDERED = "ordered"  # Fax.Plus has it
    SUCCESS = "success"  # the far machine confirmed every page
    FAILED = "failed"  # it was not sent and will not be
    PARTIAL = "partial"  # the far machine has some pages
    UNKNOWN = "unknown"  # its outcome never came
    CANCELLED = "cancelled"  # will not be sent: a copy, or a person said so


class FaxEvent(StrEnum):
    """What can happen to a fax."""

    ORDERED = "order taken"
    LINE_BUSY = "busy or no answer, again later"
    SUCCEEDED = "confirmed"
    FAILED = "failed for good"
    SENT_IN_PART = "sent in part"
    NO_OUTCOME = "outcome never came"
    CANCELLED = "cancelled"
    WANTED_TWICE = "sender had read the first answer"
    COPY = "sender never read the first answer"


class ReplyState(StrEnum):
    """One mail to a person."""

    DUE = "due"  # to be handed to the relay
    HANDED_OVER = "handed over"  # the relay took it
    UNDELIVERABLE = "undeliverable"  # nobody can be told this way


class ReplyEvent(StrEnum):
    """What can happen to a reply."""

    TAKEN = "relay took it"
    NEXT_ADDRESS = "relay refused this address"
    GAVE_UP = "no address left or time is over"
    CAME_BACK = "a server returned it"


_M, _ME = MailState, MailEvent
MAIL: Mapping[MailState, Mapping[MailEvent, MailState]] = {
    _M.ACCEPTED: {
        _ME.PREPARED: _M.PREPARED,
        _ME.REFUSED: _M.REFUSED,
        _ME.PARTS_MISSING: _M.WAITING,
        _ME.JOINED: _M.JOINED,
        _ME.ANSWERED: _M.ANSWERED,
        _ME.HELD: _M.HELD,
        _ME.CANCELLED: _M.REFUSED,
        _ME.DAMAGED: _M.QUARANTINED,
    },
    _M.WAITING: {
        _ME.PARTS_COMPLETE: _M.ACCEPTED,
        _ME.JOINED: _M.JOINED,
        _ME.REFUSED: _M.REFUSED,
        _ME.CANCELLED: _M.REFUSED,
        _ME.DAMAGED: _M.QUARANTINED,
    },
    _M.HELD: {
        _ME.RELEASED: _M.ACCEPTED,
        _ME.DROPPED: _M.REFUSED,
        _ME.CANCELLED: _M.REFUSED,
        _ME.OVERDUE: _M.REFUSED,
        _ME.DAMAGED: _M.QUARANTINED,
    },
    _M.PREPARED: {_ME.DAMAGED: _M.QUARANTINED, _ME.EXPIRED: _M.PURGING},
    _M.REFUSED: {_ME.EXPIRED: _M.PURGING},
    _M.QUARANTINED: {_ME.EXPIRED: _M.PURGING},
    _M.JOINED: {_ME.EXPIRED: _M.PURGING},
    _M.ANSWERED: {_ME.EXPIRED: _M.PURGING},
    _M.PURGING: {_ME.PURGED: _M.PURGED},
    _M.PURGED: {},
}

_J, _JE = JobState, JobEvent
JOB: Mapping[JobState, Mapping[JobEvent, JobState]] = {
    _J.READY: {
        _JE.UPLOADED: _J.UPLOADED,
        _JE.SUSPECTED: _J.IN_DOUBT,
        _JE.FOUND: _J.ORDERED,
        _JE.NOT_TAKEN: _J.REFUSED,
        _JE.GAVE_UP: _J.REFUSED,
        _JE.HELD: _J.HELD,
        _JE.CANCELLED: _J.CANCELLED,
        _JE.DAMAGED: _J.REFUSED,
    },
    _J.UPLOADED: {
        _JE.INTENDED: _J.INTENT,
        _JE.UPLOADS_LOST: _J.READY,
        _JE.SUSPECTED: _J.IN_DOUBT,
        _JE.FOUND: _J.ORDERED,
        _JE.GAVE_UP: _J.REFUSED,
        _JE.HELD: _J.HELD,
        _JE.CANCELLED: _J.CANCELLED,
        _JE.DAMAGED: _J.REFUSED,
    },
    # The only exits from here are evidence (ruling R2): never straight to another POST,
    # except when not one byte of the request left this machine.
    _J.INTENT: {
        _JE.ORDERED: _J.ORDERED,
        _JE.NEVER_LEFT: _J.UPLOADED,
        _JE.ANSWER_LOST: _J.IN_DOUBT,
    },
    _J.IN_DOUBT: {
        _JE.FOUND: _J.ORDERED,
        _JE.REFUSAL_CONFIRMED: _J.REFUSED,
        _JE.POST_AGAIN: _J.UPLOADED,
        _JE.MISS_SETTLED: _J.CANCELLED,
        _JE.HELD: _J.HELD,
    },
    _J.HELD: {
        _JE.FOUND: _J.ORDERED,
        _JE.RELEASED: _J.READY,
        _JE.CANCELLED: _J.CANCELLED,
        _JE.GAVE_UP: _J.REFUSED,
    },
    # A late commit can still bring a job to light that a settled miss or a person wrote off.
    _J.CANCELLED: {_JE.FOUND: _J.ORDERED},
    _J.REFUSED: {_JE.FOUND: _J.ORDERED},
    _J.ORDERED: {},
}

_F, _FE = FaxState, FaxEvent
FAX: Mapping[FaxState, Mapping[FaxEvent, FaxState]] = {
    _F.PENDING: {
        _FE.ORDERED: _F.ORDERED,
        _FE.FAILED: _F.FAILED,
        _FE.CANCELLED: _F.CANCELLED,
    },
    _F.TWIN: {
        _FE.WANTED_TWICE: _F.PENDING,
        _FE.COPY: _F.CANCELLED,
        _FE.FAILED: _F.FAILED,
        _FE.CANCELLED: _F.CANCELLED,
    },
    _F.ORDERED: {
        _FE.SUCCEEDED: _F.SUCCESS,
        _FE.FAILED: _F.FAILED,
        _FE.SENT_IN_PART: _F.PARTIAL,
        _FE.NO_OUTCOME: _F.UNKNOWN,
        _FE.LINE_BUSY: _F.PENDING,
        _FE.CANCELLED: _F.CANCELLED,
    },
    _F.SUCCESS: {},
    # Written off, and then a listing showed that Fax.Plus had it after all.
    _F.FAILED: {_FE.ORDERED: _F.ORDERED},
    _F.PARTIAL: {},
    _F.UNKNOWN: {},
    _F.CANCELLED: {_FE.ORDERED: _F.ORDERED},
}

_R, _RE = ReplyState, ReplyEvent
REPLY: Mapping[ReplyState, Mapping[ReplyEvent, ReplyState]] = {
    _R.DUE: {
        _RE.TAKEN: _R.HANDED_OVER,
        _RE.NEXT_ADDRESS: _R.DUE,
        _RE.GAVE_UP: _R.UNDELIVERABLE,
    },
    _R.HANDED_OVER: {_RE.CAME_BACK: _R.DUE},
    _R.UNDELIVERABLE: {},
}


def after(table: Mapping[S, Mapping[E, S]], state: S, event: E) -> S:
    """The state that follows.

    Args:
        table: one of `MAIL`, `JOB`, `FAX`, `REPLY`.
        state: the state at rest.
        event: what happened.

    Raises:
        IllegalEvent: the table has no such pair.
    """
    try:
        return table[state][event]
    except KeyError:
        raise IllegalEvent(f"{type(state).__name__} {state!r}: {event!r} cannot happen") from None


ENDED_MAILS = frozenset({_M.PREPARED, _M.REFUSED, _M.QUARANTINED, _M.JOINED, _M.ANSWERED})
"""Mails that may be forgotten once their faxes and replies are over, too."""
FORGOTTEN_MAILS = frozenset({_M.PURGING, _M.PURGED})
"""Mails without content; what is left of it on disk goes."""
OPEN_JOBS = frozenset({_J.READY, _J.UPLOADED, _J.INTENT, _J.IN_DOUBT, _J.HELD})
"""Jobs whose token may stand at Fax.Plus without our knowing the fax ID."""
OPEN_FAXES = frozenset({_F.PENDING, _F.TWIN, _F.ORDERED})
"""Faxes that have no outcome yet."""
NOTHING_SENT = frozenset({_F.FAILED, _F.CANCELLED})
"""Faxes that cost nobody a page: they count against no quota (L8)."""
