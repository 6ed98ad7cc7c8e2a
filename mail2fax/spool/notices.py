"""Ledger commands of notices: refusals on the line that an office is told by mail (L7).

A copier's panel shows only a code. Such a refusal has no mail it could belong to, so it is a row
of its own, with the life of a reply.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import ReplyState
from mail2fax.spool.moves import NOTICE, line, remember
from mail2fax.spool.naming import new_id

QUIET_FOR = 600.0
"""Seconds in which a device's further refusals are not told again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a device was refused on the line.

    Attributes:
        device: who it is, one word that can be compared.
        peer: its address.
        recipient: the address it had asked for, as written; empty when it was about the mail.
        response: the SMTP response it got.
        reply_to: who is told, best first.
    """

    device: str
    peer: str
    recipient: str
    response: str
    reply_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoticeToSend:
    """A due notice."""

    id: str
    refusal: Refusal
    due_at: float
    address: int
    tries: int


def owe(connection: Connection, refusal: Refusal, now: float) -> bool:
    """Make a notice due, unless the device's last is younger than `QUIET_FOR`; whether it is."""
    rows = schema.notice
    recent = (rows.c.device == refusal.device) & (rows.c.due_at > now - QUIET_FOR)
    if connection.scalar(select(rows.c.id).where(recent).limit(1)) is not None:
        return False
    notice_id = new_id(now)
    connection.execute(
        insert(rows).values(
            id=notice_id, device=refusal.device, peer=refusal.peer, recipient=refusal.recipient,
            response=refusal.response, reply_to=list(refusal.reply_to), state=ReplyState.DUE,
            due_at=now, address=0, tries=0, next_try=now, why="",
        )
    )  # fmt: skip
    remember(connection, [line(NOTICE, notice_id, notice_id, "refused", ReplyState.DUE, now)])
    return True


def due(connection: Connection, now: float, limit: int) -> list[NoticeToSend]:
    """Notices whose time has come, oldest first."""
    rows = schema.notice
    query = (
        select(rows)
        .where(rows.c.state == ReplyState.DUE, rows.c.next_try <= now)
        .order_by(rows.c.next_try)
        .limit(limit)
    )
    return [_notice(row) for row in connection.execute(query)]


def _notice(row: Any) -> NoticeToSend:
    told = tuple(row.reply_to)
    refusal = Refusal(row.device, row.peer, row.recipient, row.response, told)
    return NoticeToSend(row.id, refusal, row.due_at, row.address, row.tries)


def next_due_at(connection: Connection) -> float | None:
    """When the next notice is due, None if none is."""
    rows = schema.notice.c
    found: float | None = connection.scalar(
        select(rows.next_try).where(rows.state == ReplyState.DUE).order_by(rows.next_try).limit(1)
    )
    return found
