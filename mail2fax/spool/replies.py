"""Ledger commands of answering: which replies are owed, and what became of them."""

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from mail2fax.spool import delivery_reports, schema, tokens
from mail2fax.spool.lifecycle import ReplyState
from mail2fax.spool.moves import REPLY, line, remember
from mail2fax.spool.naming import new_id
from mail2fax.spool.records import ReplyToSend

ACCEPTED, REFUSED, ASKED, OUTCOME, WAITING, HELD, FROZEN, COPY = (
    "accepted",
    "refused",
    "asked",
    "outcome",
    "waiting",
    "held",
    "frozen",
    "copy",
)
POSTMASTER = "postmaster"
"""A mail that somebody wrote to the admin, passed on (A2)."""
STATUS, UNCLEAR, DENIED = "status", "unclear", "denied"
CANCEL, AGAIN, REPORT = "cancel", "again", "report"
"""What an answer to a reply is answered (W6)."""
NOT_STOPPED = "not stopped"
"""Fax.Plus could not be made to stop a fax."""
PAUSED = "paused"
"""An administrator keeps a mail's faxes from going out."""
_ONCE_A_MAIL = frozenset({ACCEPTED, REFUSED, ASKED, WAITING})
_FOR_OUTCOME_ONLY = frozenset({ACCEPTED})
"""Kinds that a rule with ``replies: outcome`` does without."""
_NOT_ANSWERED = frozenset({REFUSED, POSTMASTER})
"""Kinds that no verb makes sense for; all others have a token to answer to (W6)."""

_REPLY = schema.reply.c
_OWED = select(_REPLY.id).where(
    _REPLY.mail_id == bindparam("mail"), _REPLY.kind == bindparam("what")
)
_WANTED = select(schema.mail.c.replies).where(schema.mail.c.id == bindparam("mail"))
_NEW = insert(schema.reply)
_DUE = (
    select(
        _REPLY.id, _REPLY.mail_id, _REPLY.fax_id, _REPLY.kind,
        _REPLY.due_at, _REPLY.address, _REPLY.tries, _REPLY.facts,
    )
    .where(_REPLY.state == ReplyState.DUE, _REPLY.next_try <= bindparam("now"))
    .order_by(_REPLY.next_try)
    .limit(bindparam("most"))
)  # fmt: skip
_NEXT_DUE = (
    select(_REPLY.next_try).where(_REPLY.state == ReplyState.DUE).order_by(_REPLY.next_try).limit(1)
)


def owe(
    connection: Connection,
    mail_id: str,
    kind: str,
    now: float,
    *,
    fax_id: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Make a reply due, inside the transaction that writes its cause (K4).

    The kinds that tell of a whole mail are owed once; an outcome each time one is reached.
    Who asked for delivery reports is owed one too (W5).

    Args:
        kind: what it tells.
        fax_id: the one fax it tells of; None for the whole mail.
        facts: what became of a verb, which the mail's story does not hold.
    """
    if kind in _ONCE_A_MAIL:
        same = connection.scalar(_OWED, {"mail": mail_id, "what": kind})
        if same is not None:
            return
    if kind in _FOR_OUTCOME_ONLY and connection.scalar(_WANTED, {"mail": mail_id}) == "outcome":
        return
    if kind not in _NOT_ANSWERED:
        tokens.give(connection, mail_id, now)
    _owe(connection, mail_id, kind, now, fax_id, facts)
    owe_report(connection, mail_id, kind, now, fax_id)


def owe_report(
    connection: Connection, mail_id: str, kind: str, now: float, fax_id: str | None = None
) -> None:
    """Make the delivery report due that follows a kind of reply, where somebody asked for one."""
    report = delivery_reports.kind_after(kind)
    if report is not None and delivery_reports.is_owed(connection, mail_id, kind, fax_id):
        _owe(connection, mail_id, report, now, fax_id)


def _owe(
    connection: Connection,
    mail_id: str,
    kind: str,
    now: float,
    fax_id: str | None,
    facts: dict[str, Any] | None = None,
) -> None:
    reply_id = new_id(now)
    row = {
        "id": reply_id,
        "mail_id": mail_id,
        "fax_id": fax_id,
        "kind": kind,
        "state": ReplyState.DUE,
        "due_at": now,
        "address": 0,
        "tries": 0,
        "next_try": now,
        "why": "",
        "facts": facts,
    }
    connection.execute(_NEW, [row])
    remember(connection, [line(REPLY, mail_id, reply_id, kind, ReplyState.DUE, now)])


def due(connection: Connection, now: float, limit: int) -> list[ReplyToSend]:
    """Replies whose time has come, oldest first."""
    return [ReplyToSend(*row) for row in connection.execute(_DUE, {"now": now, "most": limit})]


def next_due_at(connection: Connection) -> float | None:
    """When the next reply is due, None if none is."""
    found: float | None = connection.scalar(_NEXT_DUE)
    return found
