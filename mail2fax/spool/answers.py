"""Ledger commands of answers to our replies: what a verb does (W6).

An answer is a mail of its own: stored before its 250, never faxed, ended by what became of its
verb. What it changes, its row as a command and the reply it leads to are one transaction, so a
crash before it only means that the answer is read again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from mail2fax.spool import cancelling, fax_reports, holds, pausing, repeating, schema
from mail2fax.spool.lifecycle import FaxState, MailEvent, MailState
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.noted import note
from mail2fax.spool.repeating import Terms
from mail2fax.spool.replies import AGAIN, DENIED, REPORT, STATUS, UNCLEAR, owe

_DONE, _REPEATED, _TOO_LATE, _REFUSED = "done", "repeated", "too late", "refused"
_MOST_UNCLEAR = 3
_REPORTED = (FaxState.SUCCESS, FaxState.PARTIAL, FaxState.FAILED)
_OWN_ONLY = frozenset({"again", "send", "send without pictures", "drop"})
"""Verbs that want the identity of the mail; for the others the token is enough."""
_CHANGING = _OWN_ONLY | {"cancel"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read.

    Attributes:
        mail_id: its own.
        verb: of `mail2fax.reading.verbs`, None when it holds none.
        to: of ``again to NUMBER``, the number as written.
    """

    mail_id: str
    verb: str | None
    to: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """An answer, its row and that of the mail it is about."""

    answer: Row[Any]
    asked: Row[Any]
    verb: str
    to: str
    terms: Terms
    now: float

    @property
    def who(self) -> str:
        """Who answered."""
        return str(self.answer.who)


def obey(connection: Connection, answer: Answer, terms: Terms, now: float) -> str:
    """Do what an answer asks for, or say by mail why not; what became of it, in a word.

    Args:
        answer: what was read of it.
        terms: by which faxes may go out again.
    """
    mail = schema.mail.c
    row = connection.execute(select(schema.mail).where(mail.id == answer.mail_id)).one()
    asked = connection.execute(select(schema.mail).where(mail.id == row.answers)).one()
    if _is_repeated(connection, row):
        done = _REPEATED
    elif answer.verb is None:
        done = _unclear(connection, asked, now)
    else:
        done = _carried_out(connection, _Case(row, asked, answer.verb, answer.to, terms, now))
    detail = f"{answer.verb or '-'}: {done}"
    move(connection, MAIL, answer.mail_id, MailEvent.ANSWERED, now, detail, why=done)
    return done


def _is_repeated(connection: Connection, answer: Row[Any]) -> bool:
    """Whether the same answer was obeyed before: a client that did not read its 250 (L9)."""
    mail = schema.mail.c
    same = (mail.answers == answer.answers) & (mail.digest == answer.digest)
    query = select(mail.id).where(same, mail.id != answer.id, mail.state == MailState.ANSWERED)
    return connection.scalar(query.limit(1)) is not None


def _unclear(connection: Connection, asked: Row[Any], now: float) -> str:
    """The list of verbs, a few times and no more: a responder without a mark must not loop (W8)."""
    reply = schema.reply.c
    told = select(func.count()).where(reply.mail_id == asked.id, reply.kind == UNCLEAR)
    if (connection.scalar(told) or 0) < _MOST_UNCLEAR:
        owe(connection, asked.id, UNCLEAR, now)
    return UNCLEAR


def _carried_out(connection: Connection, case: _Case) -> str:
    if case.verb in _OWN_ONLY and case.who != case.asked.who:
        owe(connection, case.asked.id, DENIED, case.now, facts={"verb": case.verb})
        done = DENIED
    else:
        done = _ACTS[case.verb](connection, case)
    if case.verb in _CHANGING:
        arguments = {"reference": case.asked.reference, **({"to": case.to} if case.to else {})}
        note(connection, case.who, case.verb, arguments, case.now, done)
    return done


def _status(connection: Connection, case: _Case) -> str:
    owe(connection, case.asked.id, STATUS, case.now)
    return STATUS


def _report(connection: Connection, case: _Case) -> str:
    owe(connection, case.asked.id, REPORT, case.now)
    fax = schema.fax.c
    ended = select(fax.id).where(
        fax.mail_id == case.asked.id, fax.fax_plus_id.is_not(None), fax.state.in_(_REPORTED)
    )
    faxes = connection.scalars(ended).all()
    fax_reports.want(connection, case.asked.id, REPORT, faxes, case.now)
    return REPORT


def _cancel(connection: Connection, case: _Case) -> str:
    try:
        cancelling.cancel(connection, case.asked, None, case.who, case.now)
    except cancelling.NotCancelled:
        return _nothing_left(connection, case)
    return _DONE


def _again(connection: Connection, case: _Case) -> str:
    done = repeating.again(connection, case.asked, None, case.to, case.terms, case.now)
    facts = {"faxes": list(done.ordinals), "why": list(done.why)}
    owe(connection, case.asked.id, AGAIN, case.now, facts=facts)
    return _DONE if done.ordinals else _REFUSED


def _send(connection: Connection, case: _Case) -> str:
    asked = case.asked
    if asked.state == MailState.HELD:
        pictures = "without" if case.verb == "send without pictures" else "send"
        holds.release(connection, asked.reference, pictures, case.who, case.now)
    elif pausing.in_doubt(connection, asked.id):
        pausing.release(connection, asked, None, case.now, arrived=False)
        owe(connection, asked.id, STATUS, case.now)
    else:
        return _nothing_left(connection, case)
    return _DONE


def _drop(connection: Connection, case: _Case) -> str:
    asked = case.asked
    if asked.state == MailState.HELD:
        holds.drop(connection, asked.reference, case.now)
    elif pausing.in_doubt(connection, asked.id):
        pausing.drop(connection, asked, None, case.now)
    else:
        return _nothing_left(connection, case)
    return _DONE


def _nothing_left(connection: Connection, case: _Case) -> str:
    """The verb comes too late: where it stands is told, and that nothing was changed."""
    owe(connection, case.asked.id, STATUS, case.now, facts={"too_late": case.verb})
    return _TOO_LATE


_ACTS: dict[str, Callable[[Connection, _Case], str]] = {
    "cancel": _cancel,
    "again": _again,
    "send": _send,
    "send without pictures": _send,
    "drop": _drop,
    "status": _status,
    "report": _report,
}
