"""What is wrong with the house, and the mails that tell the admin of it (S6).

One mail when a trouble begins, one when it is over, and no more than one beginning of a kind an
hour: a trouble that comes again sooner is told when the hour is over, if it lasts until then.
Troubles and mails are rows, so that a crash neither forgets nor doubles one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import JobState, ReplyState
from mail2fax.spool.moves import ALERT, line, remember
from mail2fax.spool.naming import new_id

QUIET_FOR = 3600.0
"""Seconds in which a kind of trouble is not told to begin again."""
_MOST_FACTS = 20
_SEPARATOR = ", "


class Trouble(StrEnum):
    """The kinds."""

    ACCOUNT = "account"
    """Fax.Plus does not let us in: the token, or what it may do."""
    CREDIT = "credit"
    """Fax.Plus takes orders and sends none of them."""
    SILENT = "silent"
    """Fax.Plus cannot be reached, or does not do what it is asked."""
    RELAY = "relay"
    """The relay takes no mail."""
    BACKLOG = "backlog"
    """So much waits that new mail is put off."""
    DISK = "disk"
    """There is hardly any room left."""
    BROKEN = "broken"
    """It failed, and the daemon ends; the mail of it is no row (K6)."""
    DAMAGED = "damaged"
    """Bytes at rest are not those that were accepted (K5)."""
    STUCK = "stuck"
    """Faxes wait, and only a person can say how they go on."""
    READER = "reader"
    """There are no children to prepare mails in, or each of them ends."""
    SUSPECT = "suspect"
    """The ledger cannot vouch for what was posted."""
    TEMPLATES = "templates"
    """The admin's own words cannot be used."""
    UNTOLD = "untold"
    """Somebody could not be told."""


PASSING = frozenset({Trouble.DAMAGED, Trouble.UNTOLD})
"""What only happens: there is no end of it to tell."""


@dataclass(frozen=True, slots=True)
class AlertToSend:
    """A due mail about a trouble.

    Attributes:
        is_over: whether it tells of the end.
        began_at: when the trouble did.
        facts: what is known of it, in words.
    """

    id: str
    kind: Trouble
    is_over: bool
    began_at: float
    facts: str
    due_at: float
    address: int
    tries: int


def began(connection: Connection, kind: Trouble, facts: str, now: float) -> None:
    """Something is wrong; nothing new when that is known already."""
    rows = schema.trouble
    known = connection.execute(select(rows).where(rows.c.kind == kind)).one_or_none()
    if known is None or known.over_at is not None:
        begun = {"began_at": now, "over_at": None, "alert_id": None, "facts": facts}
        change = upsert(rows).values(kind=kind, **begun)
        connection.execute(change.on_conflict_do_update(index_elements=["kind"], set_=begun))
    else:
        told = _together(known.facts, facts) if kind in PASSING else facts
        connection.execute(update(rows).where(rows.c.kind == kind).values(facts=told))
    catch_up(connection, now)


def over(connection: Connection, kind: Trouble, now: float) -> None:
    """It is over; the admin is told if its beginning was."""
    rows = schema.trouble
    lasting = (rows.c.kind == kind) & rows.c.over_at.is_(None)
    known = connection.execute(select(rows).where(lasting)).one_or_none()
    if known is None:
        return
    connection.execute(update(rows).where(rows.c.kind == kind).values(over_at=now))
    if known.alert_id is not None:
        _owe(connection, known, now, is_over=True)


def catch_up(connection: Connection, now: float) -> None:
    """Owe the mails of troubles that last and may be told now."""
    rows = schema.trouble
    untold = rows.c.over_at.is_(None) & rows.c.alert_id.is_(None)
    may_be = rows.c.told_at.is_(None) | (rows.c.told_at <= now - QUIET_FOR)
    for row in connection.execute(select(rows).where(untold, may_be)).all():
        alert_id = _owe(connection, row, now, is_over=False)
        ends = {"over_at": now} if Trouble(row.kind) in PASSING else {}
        change = update(rows).where(rows.c.kind == row.kind)
        connection.execute(change.values(told_at=now, alert_id=alert_id, **ends))


def lasting(connection: Connection) -> dict[Trouble, str]:
    """The troubles that are not over, with what is known of each."""
    rows = schema.trouble.c
    query = select(rows.kind, rows.facts).where(rows.over_at.is_(None))
    return {Trouble(row.kind): row.facts for row in connection.execute(query)}


def due(connection: Connection, now: float, limit: int) -> list[AlertToSend]:
    """Mails whose time has come, oldest first."""
    rows = schema.alert.c
    query = (
        select(
            rows.id, rows.kind, rows.is_over, rows.began_at, rows.facts,
            rows.due_at, rows.address, rows.tries,
        )
        .where(rows.state == ReplyState.DUE, rows.next_try <= now)
        .order_by(rows.next_try)
        .limit(limit)
    )  # fmt: skip
    return [
        AlertToSend(row[0], Trouble(row[1]), bool(row[2]), *row[3:])
        for row in connection.execute(query)
    ]


def next_due_at(connection: Connection) -> float | None:
    """When the next mail is due, None if none is."""
    rows = schema.alert.c
    query = select(rows.next_try).where(rows.state == ReplyState.DUE).order_by(rows.next_try)
    found: float | None = connection.scalar(query.limit(1))
    return found


def stuck(connection: Connection, since: float) -> list[str]:
    """References of the mails with an order that is held in doubt, or in doubt since ``since``."""
    job, mail = schema.job.c, schema.mail.c
    is_held = (job.state == JobState.HELD) & job.doubt.is_not(None)
    is_old = (job.state == JobState.IN_DOUBT) & (job.doubt_since <= since)
    query = (
        select(mail.reference)
        .join_from(schema.job, schema.mail, job.mail_id == mail.id)
        .where(is_held | is_old)
        .distinct()
        .order_by(mail.reference)
    )
    return list(connection.scalars(query))


def listed(names: Iterable[str]) -> str:
    """Some names in one line, the first of many."""
    every = list(dict.fromkeys(names))
    more = [f"… ({len(every)})"] if len(every) > _MOST_FACTS else []
    return _SEPARATOR.join([*every[:_MOST_FACTS], *more])


def _together(before: str, more: str) -> str:
    return listed([*before.split(_SEPARATOR), more])


def _owe(connection: Connection, trouble: Row[Any], now: float, *, is_over: bool) -> str:
    alert_id = new_id(now)
    connection.execute(
        insert(schema.alert).values(
            id=alert_id, kind=trouble.kind, is_over=int(is_over), began_at=trouble.began_at,
            facts=trouble.facts, state=ReplyState.DUE, due_at=now, address=0, tries=0,
            next_try=now, why="",
        )
    )  # fmt: skip
    event = f"{trouble.kind} {'is over' if is_over else 'has begun'}"
    remember(connection, [line(ALERT, alert_id, alert_id, event, ReplyState.DUE, now)])
    return alert_id
