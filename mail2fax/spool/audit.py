"""Ledger commands of the lines for auditors (K7): what ended how, who was told, who did what.

A line is written in the same transaction as what it tells of, by `moves` for every end of a
mail, a fax and a reply, and by `noted` for every command. It is made of the rows at that moment and
holds no content, subject or document's name. The fax number stands in full: who asks what was
disclosed to whom is not answered by a masked one.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from mail2fax.clock import utc
from mail2fax.spool import meta, schema
from mail2fax.spool.chain import GENESIS, Anchor, AuditLine, canonical, commitment, link
from mail2fax.spool.lifecycle import FaxState, MailState, ReplyState

_BASE: Final = "audit_base"
_LINE, _MAIL, _FAX, _REPLY = schema.audit.c, schema.mail.c, schema.fax.c, schema.reply.c
_ROW: BindParameter[str] = bindparam("row")
_HEAD = select(_LINE.seq, _LINE.hash).order_by(_LINE.seq.desc()).limit(1)
_PREVIOUS = schema.audit.alias("previous").c
_NEW = insert(schema.audit)
_OF_FAX = (
    select(schema.fax, _MAIL.reference, _MAIL.who, _MAIL.identity)
    .join_from(schema.fax, schema.mail, _FAX.mail_id == _MAIL.id)
    .where(_FAX.id == _ROW)
)
_OF_MAIL = select(_MAIL.reference, _MAIL.who, _MAIL.identity, _MAIL.mail_from).where(
    _MAIL.id == _ROW
)
_OF_REPLY = (
    select(_REPLY.kind, _REPLY.told_to, _MAIL.reference)
    .join_from(schema.reply, schema.mail, _REPLY.mail_id == _MAIL.id)
    .where(_REPLY.id == _ROW)
)
_ENDS: Mapping[str, frozenset[str]] = {
    "fax": frozenset(
        {FaxState.SUCCESS, FaxState.FAILED, FaxState.PARTIAL, FaxState.UNKNOWN, FaxState.CANCELLED}
    ),
    "mail": frozenset(
        {
            MailState.REFUSED,
            MailState.QUARANTINED,
            MailState.JOINED,
            MailState.ANSWERED,
            MailState.PURGED,
        }
    ),
    "reply": frozenset({ReplyState.HANDED_OVER, ReplyState.UNDELIVERABLE}),
}


def moved(connection: Connection, what: str, row_id: str, state: str, at: float) -> None:
    """Something came into a state; where that is an end, there is a line about it."""
    if state in _ENDS.get(what, ()):
        facts, personal = _TOLD[what](connection, row_id)
        add(connection, at, {"what": what, "state": str(state), **facts}, personal)


def _of_fax(connection: Connection, fax_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    row = connection.execute(_OF_FAX, {"row": fax_id}).one()
    outcome = row.outcome or {}
    facts = {
        "reference": f"{row.reference}/{row.ordinal}",
        "rule": row.identity["rule"],
        "fax_plus_id": row.fax_plus_id,
        "orders": row.orders,
        "status": outcome.get("status"),
        "pages": outcome.get("pages"),
        "duration": outcome.get("duration"),
    }
    return facts, {"number": row.number, "who": row.who}


def _of_mail(connection: Connection, mail_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    row = connection.execute(_OF_MAIL, {"row": mail_id}).one()
    facts = {"reference": row.reference, "rule": row.identity["rule"]}
    return facts, {"from": row.mail_from, "who": row.who}


def _of_reply(connection: Connection, reply_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    row = connection.execute(_OF_REPLY, {"row": reply_id}).one()
    return {"reference": row.reference, "kind": row.kind}, {"to": row.told_to}


_TOLD = {"fax": _of_fax, "mail": _of_mail, "reply": _of_reply}


def commanded(
    connection: Connection,
    at: float,
    who: str,
    what: str,
    arguments: Mapping[str, Any],
    result: str,
) -> None:
    """Somebody gave a command (K8)."""
    done = result if result == "done" else "not done"
    facts = {
        "what": "command", "state": done, "command": what,
        "reference": arguments.get("reference"),
    }  # fmt: skip
    others = {name: value for name, value in arguments.items() if name != "reference"}
    add(connection, at, facts, {"who": who, "arguments": others})


def add(
    connection: Connection, at: float, facts: Mapping[str, Any], personal: Mapping[str, Any]
) -> None:
    """Append a line.

    Args:
        at: seconds since the epoch.
        facts: what happened, without anybody's name or number.
        personal: whom it concerns; can be erased.
    """
    last = head(connection)
    salts = {name: secrets.token_hex(16) for name in personal}
    told = {name: value for name, value in facts.items() if value is not None}
    line = canonical(
        {
            "seq": last.seq + 1,
            "at": utc(at).isoformat(timespec="milliseconds"),
            "personal": {name: commitment(salts[name], personal[name]) for name in personal},
            **told,
        }
    )
    row = {
        "seq": last.seq + 1, "at": at, "line": line, "hash": link(last.hash, line),
        "salt": canonical(salts), "personal": canonical(personal),
    }  # fmt: skip
    connection.execute(_NEW, [row])


def head(connection: Connection) -> Anchor:
    """The last line; before the first one, what it will follow."""
    row = connection.execute(_HEAD).one_or_none()
    return base(connection) if row is None else Anchor(*row)


def base(connection: Connection) -> Anchor:
    """What the first line follows: the last one that was forgotten."""
    kept = meta.read(connection).get(_BASE)
    return Anchor.read(kept) if kept else Anchor(0, GENESIS)


def holds(connection: Connection, anchor: Anchor) -> bool:
    """Whether a line that was noted is there, or was forgotten in time."""
    if anchor.seq <= base(connection).seq:
        return True
    return connection.scalar(select(_LINE.hash).where(_LINE.seq == anchor.seq)) == anchor.hash


def lines(
    connection: Connection, after: int, limit: int, since: float = 0.0, until: float = 1e15
) -> list[AuditLine]:
    """The lines behind a number that were written from ``since`` until before ``until``."""
    before = select(_PREVIOUS.hash).where(_PREVIOUS.seq == _LINE.seq - 1).scalar_subquery()
    wanted = (
        select(schema.audit, before.label("previous"))
        .where(_LINE.seq > after, _LINE.at >= since, _LINE.at < until)
        .order_by(_LINE.seq)
        .limit(limit)
    )
    first = base(connection).hash
    return [
        AuditLine(
            row.seq, row.line, row.previous or first, row.hash,
            json.loads(row.personal), json.loads(row.salt),
        )
        for row in connection.execute(wanted)
    ]  # fmt: skip


def forget(connection: Connection, before: float, limit: int) -> int:
    """Forget the lines from before a time, but never the last; how many.

    The chain then follows the last that was forgotten.
    """
    young = connection.scalar(
        select(_LINE.seq).where(_LINE.at >= before).order_by(_LINE.at).limit(1)
    )
    last = head(connection).seq if young is None else int(young)
    first = connection.scalar(select(func.min(_LINE.seq)))
    if first is None or first >= last:
        return 0
    end = min(last, first + limit)
    kept = connection.scalar(select(_LINE.hash).where(_LINE.seq == end - 1))
    meta.write(connection, {_BASE: str(Anchor(end - 1, str(kept)))})
    connection.execute(delete(schema.audit).where(_LINE.seq < end))
    return int(end - first)


def erase(connection: Connection, names: Callable[[Any], bool]) -> int:
    """Erase the fields that name somebody; how many lines did.

    Args:
        names: whether a field's value does.
    """
    erased = 0
    rows = connection.execute(select(_LINE.seq, _LINE.personal, _LINE.salt)).all()
    for row in rows:
        personal, salts = json.loads(row.personal), json.loads(row.salt)
        named = [name for name, value in personal.items() if names(value)]
        if named:
            _erase_fields(connection, row.seq, personal, salts, named)
            erased += 1
    return erased


def _erase_fields(
    connection: Connection,
    seq: int,
    personal: dict[str, Any],
    salts: dict[str, str],
    named: Sequence[str],
) -> None:
    for name in named:
        del personal[name], salts[name]
    mine = update(schema.audit).where(_LINE.seq == seq)
    connection.execute(mine.values(personal=canonical(personal), salt=canonical(salts)))
