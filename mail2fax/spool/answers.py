"""Ledger commands of answers to our replies: tokens, and what a verb does (W6).

An answer is a mail of its own: stored before its 250, never faxed, ended by what became of its
verb. What it changes, its row as a command and the reply it leads to are one transaction.
"""

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from mail2fax.spool import holds, schema
from mail2fax.spool.lifecycle import MailEvent, MailState
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.replies import DENIED, STATUS, UNCLEAR, owe

_MOST_ANSWERS = 50
_CHANGING = {"send": "send", "send without pictures": "without", "drop": None}


def mail_of(connection: Connection, token: str) -> str | None:
    """The id of the mail a token is bound to; None when it is of none, or used too often."""
    mail, rows = schema.mail.c, schema.token.c
    mail_id: str | None = connection.scalar(
        select(rows.mail_id)
        .join_from(schema.token, schema.mail, rows.mail_id == mail.id)
        .where(rows.token == token, mail.state != MailState.PURGED)
    )
    count = connection.scalar(select(func.count()).where(mail.answers == mail_id))
    return None if (count or 0) >= _MOST_ANSWERS else mail_id


def obey(connection: Connection, mail_id: str, verb: str | None, now: float) -> str:
    """Do what an answer asks for, or say by mail why not; what became of it, in a word.

    Args:
        mail_id: the answer's.
        verb: of `mail2fax.reading.verbs`, None when it holds none.
    """
    mail = schema.mail.c
    answer = connection.execute(select(schema.mail).where(mail.id == mail_id)).one()
    asked = connection.execute(select(schema.mail).where(mail.id == answer.answers)).one()
    done = _done(connection, answer, asked, verb, now)
    move(connection, MAIL, mail_id, MailEvent.ANSWERED, now, f"{verb or '-'}: {done}", why=done)
    return done


def _done(
    connection: Connection, answer: Row[Any], asked: Row[Any], verb: str | None, now: float
) -> str:
    kind = _refused_kind(answer, asked, verb)
    if kind is not None:
        owe(connection, asked.id, kind, now)
    elif verb == "drop":
        holds.drop(connection, asked.reference, answer.who, now)
    else:
        decided = str(_CHANGING[str(verb)])
        holds.release(connection, asked.reference, decided, answer.who, now)
    if verb in _CHANGING and kind is not None:
        _note(connection, answer, asked, str(verb), kind, now)
    return kind or "done"


def _refused_kind(answer: Row[Any], asked: Row[Any], verb: str | None) -> str | None:
    """The kind of reply that an answer leads to instead of a change; None when it may change."""
    if verb is None:
        return UNCLEAR
    if verb not in _CHANGING or asked.state != MailState.HELD:
        return STATUS
    return None if answer.who == asked.who else DENIED


def _note(
    connection: Connection, answer: Row[Any], asked: Row[Any], verb: str, kind: str, now: float
) -> None:
    arguments = {"reference": asked.reference}
    row = {"at": now, "who": answer.who, "what": verb, "arguments": arguments, "result": kind}
    connection.execute(insert(schema.command).values(row))
