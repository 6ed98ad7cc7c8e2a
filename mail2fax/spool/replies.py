"""Ledger commands of answering: which replies are owed, and what became of them."""

from sqlalchemy import Connection, insert, select

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import ReplyEvent, ReplyState
from mail2fax.spool.moves import REPLY, line, move, remember
from mail2fax.spool.naming import new_id
from mail2fax.spool.records import ReplyToSend

ACCEPTED, REFUSED, OUTCOME, WAITING, HELD, COPY = (
    "accepted",
    "refused",
    "outcome",
    "waiting",
    "held",
    "copy",
)
_ONCE_A_MAIL = frozenset({ACCEPTED, REFUSED, WAITING})
_FOR_OUTCOME_ONLY = frozenset({ACCEPTED})
"""Kinds that a rule with ``replies: outcome`` does without."""


def owe(
    connection: Connection, mail_id: str, kind: str, now: float, *, fax_id: str | None = None
) -> None:
    """Make a reply due, inside the transaction that writes its cause (K4).

    The kinds that tell of a whole mail are owed once; an outcome each time one is reached.
    """
    rows = schema.reply
    if kind in _ONCE_A_MAIL:
        same = (rows.c.mail_id == mail_id) & (rows.c.kind == kind)
        if connection.scalar(select(rows.c.id).where(same)) is not None:
            return
    replies = connection.scalar(select(schema.mail.c.replies).where(schema.mail.c.id == mail_id))
    if replies == "outcome" and kind in _FOR_OUTCOME_ONLY:
        return
    reply_id = new_id(now)
    connection.execute(
        insert(rows).values(
            id=reply_id,
            mail_id=mail_id,
            fax_id=fax_id,
            kind=kind,
            state=ReplyState.DUE,
            due_at=now,
            address=0,
            tries=0,
            next_try=now,
            why="",
        )
    )
    remember(connection, [line(REPLY, mail_id, reply_id, kind, ReplyState.DUE, now)])


def due(connection: Connection, now: float, limit: int) -> list[ReplyToSend]:
    """Replies whose time has come, oldest first."""
    rows = schema.reply.c
    found = connection.execute(
        select(rows.id, rows.mail_id, rows.fax_id, rows.kind, rows.due_at, rows.address, rows.tries)
        .where(rows.state == ReplyState.DUE, rows.next_try <= now)
        .order_by(rows.next_try)
        .limit(limit)
    )
    return [ReplyToSend(*row) for row in found]


def next_due_at(connection: Connection) -> float | None:
    """When the next reply is due, None if none is."""
    rows = schema.reply.c
    found: float | None = connection.scalar(
        select(rows.next_try).where(rows.state == ReplyState.DUE).order_by(rows.next_try).limit(1)
    )
    return found


def handed_over(connection: Connection, reply_id: str, to: str, now: float) -> None:
    """The relay took it."""
    move(connection, REPLY, reply_id, ReplyEvent.TAKEN, now, to, told_at=now, told_to=to)


def postponed(connection: Connection, reply_id: str, tries: int, next_try: float, why: str) -> None:
    """The relay could not be reached or asked to wait; the same address later."""
    rows = schema.reply
    connection.execute(
        rows.update().where(rows.c.id == reply_id).values(tries=tries, next_try=next_try, why=why)
    )


def next_address(connection: Connection, reply_id: str, address: int, now: float, why: str) -> None:
    """The relay refused the address for good; the next of the candidates (W1a)."""
    move(
        connection,
        REPLY,
        reply_id,
        ReplyEvent.NEXT_ADDRESS,
        now,
        why,
        address=address,
        tries=0,
        next_try=now,
        why=why,
    )


def undeliverable(connection: Connection, reply_id: str, now: float, why: str) -> None:
    """No address is left, or five days are over: the row says that nobody was told."""
    move(connection, REPLY, reply_id, ReplyEvent.GAVE_UP, now, why, why=why)
