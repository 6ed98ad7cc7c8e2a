"""Ledger commands of tracking: ordered faxes until their outcome is on disk."""

from sqlalchemy import Connection, select, update

from mail2fax.json_form import as_json, from_json
from mail2fax.spool import jobs, marks, remarks, schema, stops, usage
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobState
from mail2fax.spool.moves import FAX, move
from mail2fax.spool.records import FaxToTrack
from mail2fax.spool.replies import OUTCOME, owe
from mail2fax.values import End, Options, Outcome

_ARRIVED = (End.SUCCESS, End.PARTIAL)

_NOT_DIALLED_AGAIN = "It did not get through, and is not tried again, because it was cancelled."


def ordered(connection: Connection) -> list[FaxToTrack]:
    """Every fax Fax.Plus has and whose outcome is awaited, oldest order first."""
    fax, job, pair, mail = schema.fax.c, schema.job.c, schema.job_fax.c, schema.mail.c
    stop = schema.stop.c
    rows = connection.execute(
        select(
            fax.id,
            fax.mail_id,
            fax.number,
            fax.fax_plus_id,
            fax.ordered_at,
            fax.next_poll,
            fax.orders,
            fax.again_of,
            job.token,
            job.created_at,
            stop.asked_at,
            stop.said,
            mail.reference,
            mail.received_at,
            mail.options,
            fax.options.label("chosen"),
        )
        .join_from(schema.fax, schema.job_fax, pair.fax_id == fax.id)
        .join(schema.job, pair.job_id == job.id)
        .join(schema.mail, fax.mail_id == mail.id)
        .outerjoin(schema.stop, stop.fax_id == fax.id)
        .where(fax.state == FaxState.ORDERED, job.state == JobState.ORDERED)
        .order_by(fax.ordered_at, job.ordered_at)
    )
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
            stop_asked_at=row.asked_at,
            stop_taken=row.said == stops.TAKEN,
        )
    return list(newest.values())


def known_ids(connection: Connection, since: float) -> dict[str, str]:
    """Fax id → Fax.Plus's ID, of everything ordered since ``since``."""
    fax = schema.fax.c
    rows = connection.execute(
        select(fax.id, fax.fax_plus_id).where(fax.fax_plus_id.is_not(None), fax.ordered_at >= since)
    )
    return {row.id: row.fax_plus_id for row in rows}


def next_poll_at(connection: Connection) -> float | None:
    """When the next look is due, None if no fax is on its way."""
    fax = schema.fax.c
    found: float | None = connection.scalar(
        select(fax.next_poll).where(fax.state == FaxState.ORDERED).order_by(fax.next_poll).limit(1)
    )
    return found


def look_again(connection: Connection, fax: FaxToTrack, next_poll: float) -> None:
    """No outcome yet: when to look again, unless somebody wanted to look sooner meanwhile."""
    rows = schema.fax.c
    same = update(schema.fax).where(rows.id == fax.id, rows.next_poll == fax.next_poll)
    connection.execute(same.values(next_poll=next_poll))


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
    row = connection.execute(select(fax.mail_id, fax.number).where(fax.id == fax_id)).one()
    if blames_number:
        marks.mark(connection, row.number, outcome.why, now)
    elif outcome.end in _ARRIVED:
        marks.clear(connection, row.number)
    owe(connection, row.mail_id, OUTCOME, now, fax_id=fax_id)


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
