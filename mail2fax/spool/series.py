"""Ledger commands of mails that are one of several (M5).

Mails that wait for each other share the word in their ``series`` column. When all are there, the
first part goes on with its own faxes, the others end as joined to it, and the word of all of
them becomes one of their own, so that a later series of the same name is another one.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from mail2fax.spool import ending, intake, schema
from mail2fax.spool.lifecycle import MailEvent, MailState
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.records import StoredPart
from mail2fax.spool.replies import REFUSED, owe
from mail2fax.values import Gathering

Judge = Callable[[Sequence[tuple[int, int | None, str]], int], Gathering]
"""Looks at (number, total, SHA-256 of the body) of each mail of a series, and at how many
different wishes their addresses hold."""

_CLOSED = "="
_OVERDUE = (
    select(schema.mail.c.series)
    .where(schema.mail.c.state == MailState.WAITING, schema.mail.c.next_try <= bindparam("now"))
    .distinct()
)
_OPEN_STATES = (MailState.ACCEPTED, MailState.WAITING)


def is_open(series: str | None) -> bool:
    """Whether a mail must be gathered with others before it can be prepared."""
    return series is not None and _CLOSED not in series


def kind_of(series: str | None) -> str:
    """``partial`` or ``scan``; empty for a mail of its own."""
    return series.partition(":")[0] if series else ""


def others_of(connection: Connection, mail_id: str, series: str | None) -> tuple[StoredPart, ...]:
    """The stored mails that a mail is to be joined with, in order; none for a mail of its own."""
    if series is None or is_open(series):
        return ()
    mail = schema.mail.c
    rows = connection.execute(
        select(mail.id, mail.series_number, mail.header_sha256, mail.body_sha256)
        .where(mail.series == series, mail.series_number > 1)
        .order_by(mail.series_number, mail.id)
    )
    first_of: dict[int, StoredPart] = {}
    for row in rows:
        part = StoredPart(row.id, row.header_sha256, row.body_sha256)
        first_of.setdefault(row.series_number, part)
    return tuple(part for part in first_of.values() if part.id != mail_id)


def gather(connection: Connection, mail_id: str, judge: Judge, within: float, now: float) -> None:
    """Look whether the series of a mail is complete, and let what follows happen.

    Args:
        judge: decides whether all are there.
        within: seconds from the first part's coming to the last's.
    """
    mail = schema.mail.c
    row = connection.execute(select(schema.mail).where(mail.id == mail_id)).one()
    if row.state not in _OPEN_STATES or not is_open(row.series):
        return  # another part's coming has settled it meanwhile
    if (first := _copied(connection, row)) is not None:
        _join(connection, row, first, now)
        return
    rows = _open(connection, row.series)
    found = _gathering(connection, rows, judge)
    if found.problem:
        _end(connection, rows, f"{found.problem} Send it again.", now)
    elif found.is_complete:
        _close(connection, rows, now)
    else:
        until = min(one.received_at for one in rows) + within
        move(connection, MAIL, mail_id, MailEvent.PARTS_MISSING, now,
             f"part {found.words}", next_try=until)  # fmt: skip


def end_overdue(connection: Connection, judge: Judge, within: float, now: float) -> list[str]:
    """End the series that did not become whole in time; the references of their first mails."""
    references = []
    for series in connection.scalars(_OVERDUE, {"now": now}).all():
        rows = _open(connection, series)
        found = _gathering(connection, rows, judge)
        if not found.is_complete:
            why = _why_incomplete(connection, series, found, within)
            references.append(_end(connection, rows, why, now))
    return references


def _why_incomplete(connection: Connection, series: str, found: Gathering, within: float) -> str:
    why = (
        f"This mail was split into parts, and within {within / 60:.0f} minutes only these came: "
        f"part {found.words}. Send it again, in one mail if you can."
    )
    mail = schema.mail.c
    earlier = connection.scalar(
        select(mail.reference)
        .where(mail.series.startswith(f"{series}{_CLOSED}", autoescape=True))
        .where(mail.state != MailState.JOINED)
        .order_by(mail.id.desc())
    )
    return f"{why} A mail of the same name had come whole before, as {earlier}." if earlier else why


def _gathering(connection: Connection, rows: Sequence[Row[Any]], judge: Judge) -> Gathering:
    fax, asked = schema.fax.c, defaultdict[str, list[str]](list)
    query = select(fax.mail_id, fax.number, fax.wishes).order_by(fax.number)
    for one in connection.execute(query.where(fax.mail_id.in_([row.id for row in rows]))):
        asked[one.mail_id].append(f"{one.number} {json.dumps(one.wishes, sort_keys=True)}")
    parts = [(row.series_number, row.series_total, row.body_sha256) for row in rows]
    return judge(parts, len(set(map(tuple, asked.values()))))


def _open(connection: Connection, series: str) -> Sequence[Row[Any]]:
    """The mails of an open series, oldest first."""
    mail = schema.mail.c
    query = select(schema.mail).where(mail.series == series, mail.state.in_(_OPEN_STATES))
    return connection.execute(query.order_by(mail.series_number, mail.id)).all()


def _copied(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """The first part of the closed series that a part came for again, its 250 unread (L9)."""
    mail = schema.mail.c
    closed = select(schema.mail).where(
        mail.series.startswith(f"{row.series}{_CLOSED}", autoescape=True)
    )
    same = connection.execute(
        closed.where(
            mail.series_number == row.series_number,
            mail.body_sha256 == row.body_sha256,
            mail.answer != intake.ANSWER_READ,
        ).limit(1)
    ).one_or_none()
    if same is None:
        return None
    query = closed.where(mail.series == same.series, mail.state != MailState.JOINED)
    return connection.execute(query).one_or_none()


def _close(connection: Connection, rows: Sequence[Row[Any]], now: float) -> None:
    """All are there: the first goes on, the others end as joined to it."""
    first, *others = rows
    for one in others:
        _join(connection, one, first, now)
    if first.state == MailState.WAITING:
        move(connection, MAIL, first.id, MailEvent.PARTS_COMPLETE, now)
    connection.execute(
        update(schema.mail)
        .where(schema.mail.c.id == first.id)
        .values(series=_closed(first), attempts=0, next_try=now)
    )


def _closed(first: Row[Any]) -> str:
    """The word of a series that is whole, made of its open one and its first mail."""
    return str(first.series) if _CLOSED in first.series else f"{first.series}{_CLOSED}{first.id}"


def _join(connection: Connection, row: Row[Any], first: Row[Any], now: float) -> None:
    why = f"It is a part of {first.reference}."
    move(connection, MAIL, row.id, MailEvent.JOINED, now, why, why=why, series=_closed(first))
    ending.cancel_all(connection, row.id, "joined", why, now)


def _end(connection: Connection, rows: Sequence[Row[Any]], why: str, now: float) -> str:
    """Nothing of a series is faxed, and that is told once; the first mail's reference."""
    for row in rows:
        move(connection, MAIL, row.id, MailEvent.REFUSED, now, why, why=why)
        ending.fail_all(connection, row.id, "incomplete", why, now)
    owe(connection, rows[0].id, REFUSED, now)
    return str(rows[0].reference)
