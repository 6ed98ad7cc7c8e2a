"""Ledger commands that find what is over: which mails are at their end, and when they are due.

A mail is at its end when nothing can follow from it any more: its faxes have their outcome, no
order of it is open, and everybody was told or cannot be. From its last event on its content is
kept for as long as `Keep` says, then `forgetting` destroys it (K7).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import (
    ENDED_MAILS,
    FORGOTTEN_MAILS,
    OPEN_FAXES,
    OPEN_JOBS,
    FaxState,
    MailState,
    ReplyState,
)
from mail2fax.spool.naming import first_id

_MAIL, _FAX, _JOB, _REPLY = schema.mail.c, schema.fax.c, schema.job.c, schema.reply.c
_LINE = schema.history.c


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what is kept, in seconds.

    Attributes:
        success: content of a mail whose faxes were all confirmed, from its end on.
        other: content of any other mail.
        rows: what the ledger says of a mail, from its coming on.
        audit: the lines for auditors.
    """

    success: float = 86400.0
    other: float = 7 * 86400.0
    rows: float = 90 * 86400.0
    audit: float = 6 * 365.25 * 86400.0


def kept_for(state: str, faxes: Collection[str], *, told: bool, keep: Keep) -> float:
    """Seconds for which the content of a mail at its end is kept. Pure.

    Args:
        state: the mail's.
        faxes: the states of its faxes.
        told: whether everybody was who was to be.
    """
    if state == MailState.JOINED:
        return 0.0  # its bytes were kept for the mail they belong to, which is forgotten
    if faxes:
        succeeded = all(fax == FaxState.SUCCESS for fax in faxes)
    else:
        succeeded = told and state in (MailState.PREPARED, MailState.ANSWERED)
    return keep.success if succeeded else keep.other


# What still is open

_OPEN_FAX = exists().where(_FAX.mail_id == _MAIL.id, _FAX.state.in_(OPEN_FAXES))
_OPEN_JOB = exists().where(_JOB.mail_id == _MAIL.id, _JOB.state.in_(OPEN_JOBS))
_OPEN_REPLY = exists().where(_REPLY.mail_id == _MAIL.id, _REPLY.state == ReplyState.DUE)
_HEAD = schema.mail.alias("head")
_OPEN_HEAD = exists().where(
    _HEAD.c.series == _MAIL.series,
    _HEAD.c.state.not_in((MailState.JOINED, *FORGOTTEN_MAILS)),
)
"""The mail that a joined one's bytes belong to is not forgotten yet (M5)."""
_AT_ITS_END = and_(
    _MAIL.state.in_(ENDED_MAILS),
    ~_OPEN_FAX,
    ~_OPEN_JOB,
    ~_OPEN_REPLY,
    or_(_MAIL.state != MailState.JOINED, ~_OPEN_HEAD),
)
_ENDED_NOW = select(_MAIL.id, _MAIL.state).where(_MAIL.purge_at.is_(None), _AT_ITS_END)


def set_times(connection: Connection, keep: Keep, limit: int) -> int:
    """Write down when the content of mails goes that have come to their end; their count."""
    ended = connection.execute(_ENDED_NOW.limit(limit)).all()
    for row in ended:
        _set(connection, row.id, _due_at(connection, row, keep))
    return len(ended)


def due(connection: Connection, keep: Keep, now: float, limit: int) -> list[str]:
    """Mails whose content is to be destroyed now.

    What came to life again meanwhile, or ended otherwise than at first, gets another time.
    """
    query = select(_MAIL.id, _MAIL.state, _AT_ITS_END.label("is_over"))
    wanted = query.where(_MAIL.state.in_(ENDED_MAILS), _MAIL.purge_at <= now)
    over = []
    for row in connection.execute(wanted.limit(limit)).all():
        due_at = _due_at(connection, row, keep) if row.is_over else None
        if due_at is not None and due_at <= now:
            over.append(str(row.id))
        else:
            _set(connection, row.id, due_at)
    return over


def is_over(connection: Connection, mail_id: str) -> bool:
    """Whether nothing can follow from a mail any more."""
    return bool(connection.scalar(select(_AT_ITS_END).where(_MAIL.id == mail_id)))


def in_state(connection: Connection, state: MailState, limit: int) -> list[str]:
    """Mails in a state, oldest first."""
    query = select(_MAIL.id).where(_MAIL.state == state).order_by(_MAIL.id).limit(limit)
    return list(connection.scalars(query))


def too_old(connection: Connection, before: float, limit: int) -> Sequence[str]:
    """Mails without content that came before a time.

    Their ids tell it: the first of them are read, not all of that state (whose index is kept out
    of it), and there are hundreds of thousands.
    """
    is_purged = _MAIL.state.concat("") == MailState.PURGED
    old = (_MAIL.id < first_id(before)) & is_purged
    return connection.scalars(select(_MAIL.id).where(old).order_by(_MAIL.id).limit(limit)).all()


def _due_at(connection: Connection, row: Any, keep: Keep) -> float:
    """When the content of a mail at its end goes: so long after its, or a fax's, last event."""
    mine = (_LINE.mail_id == row.id) & _LINE.subject.in_(("mail", "fax"))
    ended_at: float = connection.scalar(select(func.max(_LINE.at)).where(mine)) or 0.0
    faxes = connection.scalars(select(_FAX.state).where(_FAX.mail_id == row.id)).all()
    untold = select(_REPLY.id).where(_REPLY.mail_id == row.id)
    untold = untold.where(_REPLY.state == ReplyState.UNDELIVERABLE).limit(1)
    told = connection.scalar(untold) is None
    return ended_at + kept_for(row.state, faxes, told=told, keep=keep)


def _set(connection: Connection, mail_id: str, purge_at: float | None) -> None:
    connection.execute(update(schema.mail).where(_MAIL.id == mail_id).values(purge_at=purge_at))
