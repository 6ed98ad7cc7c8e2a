"""Ledger commands of stopping: a person wants a fax not to go out (W6).

The wish is a row for as long as the fax lives. What was not posted never will be (the one door
to the POST looks here); of what Fax.Plus has, it is asked to let go, and what it said stands in
the row. Only what it shows decides the outcome.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import members, schema
from mail2fax.spool.finding import BY_ORDER
from mail2fax.spool.lifecycle import FaxState, JobState
from mail2fax.spool.records import FaxToStop
from mail2fax.spool.replies import NOT_STOPPED, owe

UNASKED, TAKEN, LOST, GONE, SHARED, NO_ANSWER = (
    "", "taken", "lost", "gone", "shared", "no answer",
)  # fmt: skip
_STOP, _PAIR, _FAX, _JOB, _MAIL = (
    schema.stop.c, schema.job_fax.c, schema.fax.c, schema.job.c, schema.mail.c,
)  # fmt: skip
_OF_JOB = (
    select(_STOP.fax_id)
    .join_from(schema.stop, schema.job_fax, _STOP.fax_id == _PAIR.fax_id)
    .where(_PAIR.job_id == bindparam("job"))
    .limit(1)
)
_ON_THEIR_WAY = (
    select(_FAX.id, _FAX.number, _FAX.fax_plus_id, _JOB.id.label("job"), _JOB.token,
           _MAIL.reference, _STOP.tries, _STOP.asked_at)
    .join_from(schema.stop, schema.fax, _STOP.fax_id == _FAX.id)
    .join(schema.job_fax, _PAIR.fax_id == _FAX.id)
    .join(schema.job, _PAIR.job_id == _JOB.id)
    .join(schema.mail, _FAX.mail_id == _MAIL.id)
    .where(
        _STOP.said == UNASKED,
        _STOP.next_try <= bindparam("now"),
        _FAX.state == FaxState.ORDERED,
        _FAX.fax_plus_id.is_not(None),
        _JOB.state == JobState.ORDERED,
    )
    .order_by(*BY_ORDER)
)  # fmt: skip


def of_job(connection: Connection, job_id: str) -> bool:
    """Whether any fax of a job is to be stopped."""
    return connection.scalar(_OF_JOB, {"job": job_id}) is not None


def among(connection: Connection, fax_ids: Collection[str]) -> frozenset[str]:
    """Those of these faxes that are to be stopped."""
    return frozenset(connection.scalars(select(_STOP.fax_id).where(_STOP.fax_id.in_(fax_ids))))


def want(connection: Connection, fax_ids: Sequence[str], who: str, now: float) -> None:
    """A person wants these faxes stopped; one who wanted it before is not asked again."""
    rows = [
        {"fax_id": fax_id, "at": now, "who": who, "said": UNASKED, "tries": 0, "next_try": now}
        for fax_id in fax_ids
    ]
    if rows:
        connection.execute(insert(schema.stop).on_conflict_do_nothing(), rows)


def due(connection: Connection, now: float) -> list[FaxToStop]:
    """The ordered faxes that Fax.Plus is to be asked to stop now."""
    newest = {row.id: row for row in connection.execute(_ON_THEIR_WAY, {"now": now})}
    users = members.of_faxes(connection, list(newest))
    return [
        FaxToStop(
            row.id, row.reference, row.number, row.fax_plus_id, row.token,
            _together(connection, row.job), row.tries, row.asked_at is not None,
            users.get(row.id),
        )
        for row in newest.values()
    ]  # fmt: skip


def next_due_at(connection: Connection) -> float | None:
    """When Fax.Plus is to be asked next, None if it is not."""
    found: float | None = connection.scalar(
        select(func.min(_STOP.next_try))
        .join_from(schema.stop, schema.fax, _STOP.fax_id == _FAX.id)
        .where(_STOP.said == UNASKED, _FAX.state == FaxState.ORDERED)
    )
    return found


def _together(connection: Connection, job_id: str) -> frozenset[str]:
    """The destinations of an order that are to be stopped, or are over."""
    query = (
        select(_FAX.number)
        .join_from(schema.fax, schema.job_fax, _PAIR.fax_id == _FAX.id)
        .outerjoin(schema.stop, _STOP.fax_id == _FAX.id)
        .where(
            _PAIR.job_id == job_id,
            _STOP.fax_id.is_not(None) | (_FAX.state != FaxState.ORDERED),
        )
    )
    return frozenset(connection.scalars(query))


def asking(connection: Connection, fax_id: str, now: float) -> None:
    """Fax.Plus is about to be asked: on disk before it is, so that a crash does not forget it.

    From now on a listing that does not show the fax says something.
    """
    row = update(schema.stop).where(_STOP.fax_id == fax_id, _STOP.asked_at.is_(None))
    connection.execute(row.values(asked_at=now))


def asked(connection: Connection, fax_id: str, said: str, now: float) -> None:
    """Fax.Plus said whether it lets a fax go; that it does not is told (promise 4).

    Args:
        said: `TAKEN`; `LOST`, gone after an answer that was lost; `GONE` or `SHARED`.
    """
    row = update(schema.stop).where(_STOP.fax_id == fax_id)
    connection.execute(row.values(said=said))
    if said not in (TAKEN, LOST):
        connection.execute(row.values(asked_at=None))
        _tell(connection, fax_id, said, now)
    _look_soon(connection, fax_id, now)


def unanswered(
    connection: Connection, fax_id: str, next_try: float | None, now: float, acted: bool
) -> None:
    """Fax.Plus could not be asked, or did not answer.

    Args:
        next_try: when it is asked again; None when it was asked often enough.
        acted: whether it may have done it all the same, now or before.
    """
    row = update(schema.stop).where(_STOP.fax_id == fax_id)
    connection.execute(row.values(tries=_STOP.tries + 1, next_try=next_try or now))
    if not acted:
        connection.execute(row.values(asked_at=None))
    if next_try is None:
        connection.execute(row.values(said=NO_ANSWER))
        _tell(connection, fax_id, NO_ANSWER, now)
        _look_soon(connection, fax_id, now)


def _look_soon(connection: Connection, fax_id: str, now: float) -> None:
    fax = update(schema.fax).where(_FAX.id == fax_id, _FAX.state == FaxState.ORDERED)
    connection.execute(fax.values(next_poll=now))


def _tell(connection: Connection, fax_id: str, said: str, now: float) -> None:
    mail_id = connection.scalar(select(_FAX.mail_id).where(_FAX.id == fax_id))
    owe(connection, str(mail_id), NOT_STOPPED, now, fax_id=fax_id, facts={"said": said})
