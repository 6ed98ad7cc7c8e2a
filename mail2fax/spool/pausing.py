"""Ledger commands of faxes on hold: an administrator pauses them, a person decides about them (K8).

A fax is on hold because an administrator said so, or because nobody but a person can say
whether Fax.Plus has it. What an administrator froze a sender for stays with `freezing`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from mail2fax.errors import Mail2FaxError
from mail2fax.spool import jobs, lifecycle, pauses, schema
from mail2fax.spool.lifecycle import FaxState, JobEvent, JobState, MailState
from mail2fax.spool.moves import JOB, move
from mail2fax.spool.replies import PAUSED, owe

_FAX, _JOB, _PAIR = schema.fax.c, schema.job.c, schema.job_fax.c
_WAITING = (FaxState.PENDING, FaxState.TWIN)
_NOT_POSTED = (JobState.READY, JobState.UPLOADED)
_DROPPED = "It was on hold, and it was decided not to send it."
_DROPPED_IN_DOUBT = (
    "It was on hold, and it was decided not to send it. Fax.Plus may have it all the same: "
    "the connection broke while it was handed over."
)


class NotPaused(Mail2FaxError):
    """It cannot be put on hold, or is not; the text says why and what to do."""


def pause(
    connection: Connection, mail: Row[Any], ordinal: int | None, who: str, now: float
) -> list[int]:
    """Keep faxes from being posted until they are released or cancelled; their ordinals.

    Raises:
        NotPaused: none of them waits any more.
    """
    if mail.state == MailState.HELD:
        raise NotPaused(f"{mail.reference} is on hold already. Decide: release or drop it")
    query = select(_FAX.id, _FAX.ordinal).where(_FAX.mail_id == mail.id, _FAX.state.in_(_WAITING))
    if ordinal is not None:
        query = query.where(_FAX.ordinal == ordinal)
    faxes = {row.id: row.ordinal for row in connection.execute(query.order_by(_FAX.ordinal))}
    for job in _jobs(connection, mail.id):
        members = _faxes_of(connection, job.id)
        if job.state in _NOT_POSTED and members & faxes.keys():
            jobs.pause(connection, job.id, now)
        else:
            for fax_id in members:
                faxes.pop(fax_id, None)
    if not faxes:
        text = "nothing of it waits to be handed over. To stop what was: mail2fax queue cancel"
        raise NotPaused(f"{mail.reference}: {text} {mail.reference}")
    pauses.begin(connection, faxes, who, now)
    owe(connection, mail.id, PAUSED, now, facts={"faxes": list(faxes.values())})
    return list(faxes.values())


def release(
    connection: Connection, mail: Row[Any], ordinal: int | None, now: float, *, arrived: bool
) -> int:
    """Let faxes on hold go on; how many jobs did.

    Args:
        arrived: whether one that Fax.Plus may have is to be left alone. False is a person's
            word that it did not arrive: it is ordered again, under a token of its own.

    Raises:
        NotPaused: there is nothing on hold, or only what may be there already.
    """
    held = _held(connection, mail, ordinal)
    certain = [job for job in held if job.doubt is None]
    if arrived and held and not certain:
        raise NotPaused(
            f"{mail.reference}: Fax.Plus may have it already. Ask the recipient; if it did not "
            f"arrive: mail2fax queue release {mail.reference} --not-arrived"
        )
    for job in certain:
        move(
            connection, JOB, job.id, JobEvent.RELEASED, now,
            why="", held_at=None, created_at=now, next_try=now,
        )  # fmt: skip
    doubtful = [] if arrived else [job for job in held if job.doubt is not None]
    for job in doubtful:
        _order_again(connection, job.id, now)
    ids = _ids(connection, mail.id, ordinal)
    freed = pauses.end(connection, ids)
    if not held and not freed:
        raise NotPaused(f"{mail.reference} is not on hold: it is {mail.state}")
    return len(certain) + len(doubtful)


def _order_again(connection: Connection, job_id: str, now: float) -> None:
    """A new job for what a person says did not arrive; the old one stays searched (S3)."""
    why = "a person says that it did not arrive"
    move(connection, JOB, job_id, JobEvent.CANCELLED, now, why, why=why)
    jobs.order_rest(connection, job_id, now)
    begin = update(schema.job).where(_JOB.supersedes == job_id).values(created_at=now)
    connection.execute(begin)


def drop(connection: Connection, mail: Row[Any], ordinal: int | None, now: float) -> int:
    """End faxes on hold: they count as not sent, and their sender is told; how many jobs did.

    Raises:
        NotPaused: there is nothing on hold.
    """
    held = _held(connection, mail, ordinal)
    if not held:
        raise NotPaused(f"{mail.reference} is not on hold: it is {mail.state}")
    for job in held:
        why = _DROPPED if job.doubt is None else _DROPPED_IN_DOUBT
        jobs.ended(connection, job.id, JobEvent.GAVE_UP, "dropped", now, why)
    pauses.end(connection, _ids(connection, mail.id, ordinal))
    return len(held)


def in_doubt(connection: Connection, mail_id: str) -> bool:
    """Whether a person is asked if a fax of the mail arrived."""
    query = select(_JOB.id).where(
        _JOB.mail_id == mail_id, _JOB.state == JobState.HELD, _JOB.doubt.is_not(None)
    )
    return connection.scalar(query.limit(1)) is not None


def _held(connection: Connection, mail: Row[Any], ordinal: int | None) -> list[Any]:
    wanted = _ids(connection, mail.id, ordinal)
    return [
        job
        for job in _jobs(connection, mail.id)
        if job.state == JobState.HELD
        and job.frozen is None
        and _faxes_of(connection, job.id) & set(wanted)
    ]


def _jobs(connection: Connection, mail_id: str) -> Sequence[Any]:
    """The jobs of a mail that are neither over nor ordered, oldest first."""
    query = select(_JOB.id, _JOB.state, _JOB.doubt, _JOB.frozen).order_by(_JOB.id)
    mine = (_JOB.mail_id == mail_id) & _JOB.state.in_(lifecycle.OPEN_JOBS)
    return connection.execute(query.where(mine)).all()


def _faxes_of(connection: Connection, job_id: str) -> set[str]:
    return set(connection.scalars(select(_PAIR.fax_id).where(_PAIR.job_id == job_id)))


def _ids(connection: Connection, mail_id: str, ordinal: int | None) -> list[str]:
    query = select(_FAX.id).where(_FAX.mail_id == mail_id)
    if ordinal is not None:
        query = query.where(_FAX.ordinal == ordinal)
    return list(connection.scalars(query))
