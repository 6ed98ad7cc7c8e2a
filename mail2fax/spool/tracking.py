"""Ledger commands of tracking: ordered faxes until their outcome is on disk."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, select, update

from mail2fax.json_form import as_json, from_json
from mail2fax.spool import fax_reports, jobs, marks, remarks, schema, stops, usage
from mail2fax.spool.finding import BY_ORDER
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobState
from mail2fax.spool.moves import FAX, move
from mail2fax.spool.portions import in_portions
from mail2fax.spool.records import FaxToTrack
from mail2fax.spool.replies import OUTCOME, owe
from mail2fax.values import End, Options, Outcome

_ARRIVED = (End.SUCCESS, End.PARTIAL)
_REPORTED = (*_ARRIVED, End.FAILED)

_NOT_DIALLED_AGAIN = "It did not get through, and is not tried again, because it was cancelled."


_FAX, _JOB, _PAIR, _MAIL = schema.fax.c, schema.job.c, schema.job_fax.c, schema.mail.c
_ON_ITS_WAY = (
    select(
        _FAX.id,
        _FAX.mail_id,
        _FAX.number,
        _FAX.fax_plus_id,
        _FAX.ordered_at,
        _FAX.next_poll,
        _FAX.orders,
        _FAX.again_of,
        _JOB.token,
        _JOB.created_at,
        schema.stop.c.asked_at,
        schema.stop.c.said,
        _MAIL.reference,
        _MAIL.received_at,
        _MAIL.options,
        _FAX.options.label("chosen"),
    )
    .join_from(schema.fax, schema.job_fax, _PAIR.fax_id == _FAX.id)
    .join(schema.job, _PAIR.job_id == _JOB.id)
    .join(schema.mail, _FAX.mail_id == _MAIL.id)
    .outerjoin(schema.stop, schema.stop.c.fax_id == _FAX.id)
    .where(_FAX.state == FaxState.ORDERED, _JOB.state == JobState.ORDERED)
    .order_by(_FAX.ordered_at, *BY_ORDER)
)
_DUE = _ON_ITS_WAY.where(_FAX.next_poll <= bindparam("now"))
_SOME: BindParameter[str] = bindparam("some", expanding=True)
_AMONG = _ON_ITS_WAY.where(_FAX.id.in_(_SOME))
_BY_FAX_PLUS_ID = select(_FAX.id).where(_FAX.fax_plus_id.in_(_SOME))
_BY_TOKEN = select(_PAIR.fax_id).join_from(schema.job_fax, schema.job, _PAIR.job_id == _JOB.id)
_BY_TOKEN = _BY_TOKEN.where(_JOB.token.in_(_SOME), _JOB.state == JobState.ORDERED)
_OWNERS = select(_FAX.fax_plus_id, _FAX.id).where(_FAX.fax_plus_id.in_(_SOME))
_RIVALS = (
    select(_FAX.number, func.count().label("faxes"))
    .where(_FAX.state == FaxState.ORDERED, _FAX.number.in_(_SOME))
    .group_by(_FAX.number)
)


def due(connection: Connection, now: float) -> list[FaxToTrack]:
    """The faxes Fax.Plus has whose outcome is to be looked for now, oldest order first."""
    return _tracked(connection.execute(_DUE, {"now": now}))


def among(
    connection: Connection, fax_plus_ids: Iterable[str], tokens: Iterable[str]
) -> list[FaxToTrack]:
    """The faxes whose outcome is awaited among those with these IDs or tokens."""
    wanted = set(in_portions(connection, _BY_FAX_PLUS_ID, fax_plus_ids))
    wanted |= set(in_portions(connection, _BY_TOKEN, tokens))
    return _tracked(in_portions(connection, _AMONG, (fax for (fax,) in wanted)))


def owners(connection: Connection, fax_plus_ids: Iterable[str]) -> dict[str, str]:
    """Fax.Plus's ID → our fax, of those among these that are ours."""
    rows = in_portions(connection, _OWNERS, fax_plus_ids)
    return {row.fax_plus_id: row.id for row in rows}


def on_their_way(connection: Connection, numbers: Iterable[str]) -> dict[str, int]:
    """How many faxes to each of these numbers await their outcome."""
    rows = in_portions(connection, _RIVALS, numbers)
    return {row.number: row.faxes for row in rows}


def _tracked(rows: Iterable[Row[Any]]) -> list[FaxToTrack]:
    """Each fax once, with its newest order."""
    newest: dict[str, FaxToTrack] = {}
    for row in rows:
        options = from_json(Options, row.chosen or row.options)
        newest[row.id] = FaxToTrack(
            id=row.id,
            mail_id=row.mail_id,
            reference=row.reference,
            number=row.number,
            token=row.token,
            fax_plus_id=row.fax_plus_id,
            received_at=row.received_at if row.again_of is None else row.created_at,
            ordered_at=row.ordered_at,
            next_poll=row.next_poll,
            not_before=options.at or 0.0,
            orders=row.orders,
            own_retries=options.retry is None,
            user_id=options.user_id,
            stop_asked_at=row.asked_at,
            stop_taken=row.said == stops.TAKEN,
        )
    return list(newest.values())


def next_poll_at(connection: Connection) -> float | None:
    """When the next look is due, None if no fax is on its way."""
    fax = schema.fax.c
    found: float | None = connection.scalar(
        select(fax.next_poll).where(fax.state == FaxState.ORDERED).order_by(fax.next_poll).limit(1)
    )
    return found


def look_again(connection: Connection, times: Sequence[tuple[FaxToTrack, float]]) -> None:
    """No outcome yet: when to look again each, unless somebody wanted to look sooner meanwhile."""
    rows = schema.fax.c
    same = (rows.id == bindparam("fax")) & (rows.next_poll == bindparam("was"))
    later = update(schema.fax).where(same).values(next_poll=bindparam("at"))
    wanted = [{"fax": fax.id, "was": fax.next_poll, "at": at} for fax, at in times]
    if wanted:
        connection.execute(later, wanted)


def learned_id(connection: Connection, fax: FaxToTrack, fax_plus_id: str) -> None:
    """A listing gave the fax ID that the order's answer had not."""
    rows = schema.fax
    connection.execute(update(rows).where(rows.c.id == fax.id).values(fax_plus_id=fax_plus_id))
    remarks.learned(connection, fax.mail_id, fax_plus_id, fax.token)


def ended(
    connection: Connection,
    fax_id: str,
    event: FaxEvent,
    outcome: Outcome,
    now: float,
    blames_number: bool = False,
) -> None:
    """The outcome, on disk together with the reply that tells it (K4).

    Args:
        connection: the ledger's.
        fax_id: which fax.
        event: what happened to it.
        outcome: what is known of it.
        now: seconds since the epoch.
        blames_number: Fax.Plus says that the number cannot be faxed (S6).
    """
    move(connection, FAX, fax_id, event, now, outcome.status, outcome=as_json(outcome))
    if outcome.pages:
        usage.told_pages(connection, fax_id, outcome.pages)
    fax = schema.fax.c
    row = connection.execute(
        select(fax.mail_id, fax.number, fax.fax_plus_id, fax.options).where(fax.id == fax_id)
    ).one()
    if blames_number:
        marks.mark(connection, row.number, outcome.why, now)
    elif outcome.end in _ARRIVED:
        marks.clear(connection, row.number)
    owe(connection, row.mail_id, OUTCOME, now, fax_id=fax_id)
    if (row.options or {}).get("report") and row.fax_plus_id and outcome.end in _REPORTED:
        fax_reports.want(connection, row.mail_id, OUTCOME, [fax_id], now)


def line_busy(
    connection: Connection, fax_id: str, status: str, now: float, again_at: float
) -> None:
    """Busy or no answer: the same fax again later, as a new job with its own token (R4).

    One that a person wants stopped is not dialled again (W6).
    """
    mail_id = connection.scalar(select(schema.fax.c.mail_id).where(schema.fax.c.id == fax_id))
    if stops.among(connection, [fax_id]):
        jobs.stopped(connection, str(mail_id), fax_id, _NOT_DIALLED_AGAIN, now)
        return
    move(connection, FAX, fax_id, FaxEvent.LINE_BUSY, now, status)
    jobs.create(connection, str(mail_id), [fax_id], now, not_before=again_at)
