"""Ledger commands about Fax.Plus's own reports of faxes, where somebody asked for them (W3, W6).

Sending fetches a report into the mail's directory; the reply that is to carry it waits for that,
but not for ever, and says so when there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import members, replies, schema
from mail2fax.spool.lifecycle import FORGOTTEN_MAILS, ReplyState

PATIENCE = 120.0
"""Seconds that a reply waits for reports at most."""

_ROWS, _FAX, _MAIL, _REPLY = schema.report.c, schema.fax.c, schema.mail.c, schema.reply.c


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report to fetch: of which fax, the tries so far, the member it was ordered as."""

    fax_id: str
    mail_id: str
    reference: str
    ordinal: int
    fax_plus_id: str
    tries: int
    user_id: str | None


def want(connection: Connection, mail_id: str, kind: str, faxes: Sequence[str], now: float) -> None:
    """A reply that is due is to carry the reports of these faxes; those that are here are ready.

    Args:
        kind: of the reply.
        faxes: ids of faxes that Fax.Plus has and that ended.
    """
    new = [
        {"fax_id": fax_id, "mail_id": mail_id, "file": "", "tries": 0, "next_try": now}
        for fax_id in faxes
    ]
    if not new:
        return
    connection.execute(insert(schema.report).on_conflict_do_nothing(), new)
    missing = _ROWS.fax_id.in_(faxes) & (_ROWS.file == "")
    again = update(schema.report).where(missing).values(tries=0, next_try=now)
    if connection.execute(again).rowcount:
        connection.execute(
            update(schema.reply)
            .where(_REPLY.mail_id == mail_id, _REPLY.kind == kind, _REPLY.state == ReplyState.DUE)
            .where(_REPLY.fax_id.in_(faxes) | _REPLY.fax_id.is_(None))
            .values(next_try=now + PATIENCE)
        )


def due(connection: Connection, now: float, limit: int) -> list[Wanted]:
    """Reports to fetch now, those that wait longest first."""
    query = (
        select(
            _ROWS.fax_id, _ROWS.mail_id, _MAIL.reference, _FAX.ordinal, _FAX.fax_plus_id,
            _ROWS.tries,
        )
        .join_from(schema.report, schema.fax, _ROWS.fax_id == _FAX.id)
        .join(schema.mail, _ROWS.mail_id == _MAIL.id)
        .where(_ROWS.next_try <= now, _MAIL.state.not_in(FORGOTTEN_MAILS))
        .order_by(_ROWS.next_try)
        .limit(limit)
    )  # fmt: skip
    rows = connection.execute(query).all()
    users = members.of_faxes(connection, [row.fax_id for row in rows])
    return [Wanted(*row, users.get(row.fax_id)) for row in rows]


def postponed(connection: Connection, report: Wanted, next_try: float) -> None:
    """It could not be fetched; once more at ``next_try``."""
    change = update(schema.report).where(_ROWS.fax_id == report.fax_id)
    connection.execute(change.values(tries=report.tries + 1, next_try=next_try))


def over(connection: Connection, report: Wanted, file: str, now: float) -> None:
    """It lies in the mail's directory, or with no ``file`` there is none: what waited may go."""
    change = update(schema.report).where(_ROWS.fax_id == report.fax_id)
    connection.execute(change.values(file=file, next_try=None))
    _let_go(connection, report.mail_id, _REPLY.fax_id == report.fax_id, now)
    waiting = select(func.count()).where(
        _ROWS.mail_id == report.mail_id, _ROWS.next_try.is_not(None)
    )
    if not connection.scalar(waiting):
        _let_go(connection, report.mail_id, _REPLY.kind == replies.REPORT, now)


def _let_go(connection: Connection, mail_id: str, which: ColumnElement[bool], now: float) -> None:
    """Replies that only waited for reports are due now."""
    connection.execute(
        update(schema.reply)
        .where(_REPLY.mail_id == mail_id, which, _REPLY.state == ReplyState.DUE)
        .where(_REPLY.tries == 0, _REPLY.next_try > now)
        .values(next_try=now)
    )
