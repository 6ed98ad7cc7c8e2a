"""The one place where a state is assigned: ask the table, write the state, keep the history."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, Update, bindparam, insert, select, update

from mail2fax.spool import audit, lifecycle, schema


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of row that lives: its table, its states and what may happen to it."""

    name: str
    rows: Table
    states: type[StrEnum]
    transitions: Mapping[Any, Mapping[Any, Any]]


MAIL = Subject("mail", schema.mail, lifecycle.MailState, lifecycle.MAIL)
JOB = Subject("job", schema.job, lifecycle.JobState, lifecycle.JOB)
FAX = Subject("fax", schema.fax, lifecycle.FaxState, lifecycle.FAX)
REPLY = Subject("reply", schema.reply, lifecycle.ReplyState, lifecycle.REPLY)
NOTICE = Subject("notice", schema.notice, lifecycle.ReplyState, lifecycle.REPLY)
ALERT = Subject("alert", schema.alert, lifecycle.ReplyState, lifecycle.REPLY)
_ROWS = {subject.name: subject.rows for subject in (MAIL, JOB, FAX, REPLY, NOTICE, ALERT)}
_REMEMBER = insert(schema.history)


def move(
    connection: Connection,
    subject: Subject,
    row_id: str,
    event: StrEnum,
    at: float,
    detail: str = "",
    **columns: Any,
) -> StrEnum:
    """Let ``event`` happen to a row: new state, further columns, and a line of history.

    Raises:
        IllegalEvent: the table has no such pair; nothing is changed.
    """
    found = connection.execute(_state_of(subject.name), {"row": row_id}).one()
    state: StrEnum = lifecycle.after(subject.transitions, subject.states(found[0]), event)
    statement = _assignment(subject.name, tuple(columns))
    connection.execute(statement, {"row": row_id, "state": state, **columns})
    remember(connection, [line(subject, found[1], row_id, event, state, at, detail)])
    if subject is FAX:
        _count(connection, [row_id], found[0], state)
    audit.moved(connection, subject.name, row_id, state, at)
    return state


def _count(connection: Connection, fax_ids: Sequence[str], before: str, after: StrEnum) -> None:
    """A fax that ends without a page counts against no quota; one that came back does (L8)."""
    was_released, is_released = (one in lifecycle.NOTHING_SENT for one in (before, after))
    if was_released != is_released:
        rows = schema.usage
        mine = update(rows).where(rows.c.fax_id.in_(fax_ids))
        connection.execute(mine.values(released=int(is_released)))


# Building a statement costs four times what running it does, and these run for every step.


@cache
def _state_of(name: str) -> Select[Any]:
    rows = _ROWS[name]
    mail_id = rows.c.get("mail_id", rows.c.id)
    return select(rows.c.state, mail_id).where(rows.c.id == bindparam("row"))


@cache
def _assignment(name: str, columns: tuple[str, ...]) -> Update:
    rows = _ROWS[name]
    values: dict[str, Any] = {column: bindparam(column) for column in ("state", *columns)}
    return update(rows).where(rows.c.id == bindparam("row")).values(values)


def move_all(
    connection: Connection, subject: Subject, row_ids: Sequence[str], event: StrEnum, at: float
) -> None:
    """Let one event happen to many rows, with as many statements as there are states.

    Raises:
        IllegalEvent: as `move`.
    """
    rows = subject.rows
    mail_id = rows.c.get("mail_id", rows.c.id)
    states: dict[tuple[str, StrEnum], list[str]] = defaultdict(list)
    lines: list[dict[str, Any]] = []
    for row in connection.execute(
        select(rows.c.id, rows.c.state, mail_id.label("mail")).where(rows.c.id.in_(row_ids))
    ):
        state = lifecycle.after(subject.transitions, subject.states(row.state), event)
        states[row.state, state].append(row.id)
        lines.append(line(subject, row.mail, row.id, event, state, at))
    for (before, state), ids in states.items():
        connection.execute(update(rows).where(rows.c.id.in_(ids)).values(state=state))
        if subject is FAX:
            _count(connection, ids, before, state)
        for row_id in ids:
            audit.moved(connection, subject.name, row_id, state, at)
    remember(connection, lines)


def line(
    subject: Subject,
    mail_id: str,
    row_id: str,
    event: str,
    state: StrEnum,
    at: float,
    detail: str = "",
) -> dict[str, Any]:
    """One line of history, to be given to `remember`."""
    return {
        "mail_id": mail_id,
        "at": at,
        "subject": subject.name,
        "subject_id": row_id,
        "event": str(event),
        "state": str(state),
        "detail": detail,
    }


def remember(connection: Connection, lines: list[dict[str, Any]]) -> None:
    """Append lines of history."""
    if lines:
        connection.execute(_REMEMBER, lines)
