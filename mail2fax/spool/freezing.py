"""Ledger commands of freezing: an identity sends nothing any more until somebody thaws it (L8).

A name freezes whoever bears it: a rule, a login, a device's address, a person. New mail is
refused in the transaction that would make it ours; jobs that wait are held at once, and no job
of theirs passes the one door to the POST (`jobs.intended`). Everything is a row, so it holds
after a restart.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from mail2fax.errors import Mail2FaxError
from mail2fax.json_form import from_json
from mail2fax.spool import jobs, schema
from mail2fax.spool.frozen import name_for, names
from mail2fax.spool.lifecycle import JobEvent, JobState
from mail2fax.spool.moves import JOB, move
from mail2fax.values import Identity

_WAITING = (JobState.READY, JobState.UPLOADED)


class NotFrozen(Mail2FaxError):
    """There is nothing of this name to freeze, or to thaw."""


def freeze(
    connection: Connection, name: str, known: Iterable[str], who: str, why: str, now: float
) -> int:
    """Freeze a name and hold what waits; how many jobs were held.

    Args:
        name: of a rule, a login, a device or a person.
        known: names that exist beside those that the ledger knows: the rules'.
        who: gave the command.
        why: for those who read the ledger.
        now: seconds since the epoch.

    Raises:
        NotFrozen: nobody is called so, or they are frozen already.
    """
    if name in names(connection):
        raise NotFrozen(f"{name} is frozen already")
    if name not in {*known, *_known(connection)}:
        raise NotFrozen(f"nobody is called {name}: no rule, no login, no sender of a mail so far")
    connection.execute(insert(schema.frozen).values(name=name, at=now, who=who, why=why))
    waiting = [job for job, identity in _jobs(connection) if name in identity.names]
    for job_id in waiting:
        jobs.hold_frozen(connection, job_id, name, now)
    return len(waiting)


def unfreeze(connection: Connection, name: str, now: float) -> int:
    """Thaw a name; how many jobs go on. What another name freezes stays held by that.

    Raises:
        NotFrozen: it is not frozen.
    """
    rows = schema.frozen
    if not connection.execute(delete(rows).where(rows.c.name == name)).rowcount:
        frozen = ", ".join(sorted(names(connection))) or "nobody"
        raise NotFrozen(f"{name} is not frozen. Frozen: {frozen}")
    released = 0
    for job_id, identity in _held_by(connection, name):
        other = name_for(connection, identity)
        if other is not None:
            change = update(schema.job).where(schema.job.c.id == job_id)
            connection.execute(change.values(frozen=other))
            continue
        move(connection, JOB, job_id, JobEvent.RELEASED, now, why="", frozen=None)
        released += 1
    return released


def _jobs(connection: Connection) -> list[tuple[str, Identity]]:
    return _with_identity(connection, schema.job.c.state.in_(_WAITING))


def _held_by(connection: Connection, name: str) -> list[tuple[str, Identity]]:
    job = schema.job.c
    return _with_identity(connection, (job.state == JobState.HELD) & (job.frozen == name))


def _with_identity(connection: Connection, wanted: Any) -> list[tuple[str, Identity]]:
    job, mail = schema.job.c, schema.mail.c
    query = select(job.id, mail.identity).join_from(schema.job, schema.mail, job.mail_id == mail.id)
    rows = connection.execute(query.where(wanted).order_by(job.id)).all()
    return [(row.id, from_json(Identity, row.identity)) for row in rows]


def _known(connection: Connection) -> set[str]:
    """Every login, and every name that a mail was admitted under."""
    known = set(connection.scalars(select(schema.login.c.name)))
    for data in connection.scalars(select(schema.mail.c.identity).distinct()):
        known |= from_json(Identity, data).names
    return known
