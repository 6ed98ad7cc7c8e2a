"""Ledger commands of accepting: mails come in, and the sign that their 250 was read.

Rule L9: a client that never read its 250 sends again. The second mail is stored and
acknowledged as its own, but a fax of it that has the same identity, number and digest waits as
a twin. A command that arrives after the first 250 was written shows that it was read: the twin
is then a new fax. The end of the first session without one, or 15 minutes, makes it a copy.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from mail2fax.json_form import as_json
from mail2fax.spool import jobs, schema
from mail2fax.spool.lifecycle import FaxEvent, FaxState, MailEvent, MailState
from mail2fax.spool.moves import FAX, MAIL, line, move, move_all, remember
from mail2fax.spool.naming import new_id, new_reference
from mail2fax.spool.records import NewMail
from mail2fax.spool.replies import POSTMASTER, owe

ANSWER_OPEN, ANSWER_READ, ANSWER_UNREAD = "open", "read", "unread"
_TWIN_DAYS = 5 * 86400.0  # a client gives up after 4 to 5 days (RFC 5321 4.5.4.1)
_TWIN_WAIT = 15 * 60.0
_NOT_FAXED = (FaxState.FAILED, FaxState.CANCELLED)

# These run while a client waits for its 250, so they are built once.
_MAIL, _FAX = schema.mail.c, schema.fax.c
_NEW_MAIL, _NEW_FAX = insert(schema.mail), insert(schema.fax)
_TAKEN = select(_MAIL.reference).where(_MAIL.reference.in_(bindparam("wanted", expanding=True)))
_EARLIER = (
    select(_MAIL.digest, _MAIL.who, _FAX.number, _FAX.id, _MAIL.answer)
    .join_from(schema.mail, schema.fax, _FAX.mail_id == _MAIL.id)
    .where(
        _MAIL.digest.in_(bindparam("digests", expanding=True)),
        _MAIL.answer.in_((ANSWER_OPEN, ANSWER_UNREAD)),
        _MAIL.received_at > bindparam("since"),
        _FAX.state.not_in(_NOT_FAXED),
    )
    .order_by(_MAIL.received_at.desc())
)
_READ = (
    update(schema.mail)
    .where(_MAIL.id.in_(bindparam("mails", expanding=True)))
    .values(answer=ANSWER_READ)
)
_TWINS = select(_FAX.id, _FAX.twin_of).where(_FAX.state == FaxState.TWIN)
_FIRSTS = select(_FAX.id, _FAX.mail_id).where(_FAX.id.in_(bindparam("firsts", expanding=True)))


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A fax that may already be what a new mail asks for."""

    fax_id: str
    answer: str


_Key = tuple[str, str, str]  # digest, who, number


def record(connection: Connection, mails: Sequence[NewMail]) -> list[str]:
    """Write mails with their faxes; the commit of this is what a 250 stands for (K1).

    Args:
        mails: new mails whose bytes are durable.

    Returns:
        Their references, in order.
    """
    references = _free_references(connection, [mail.reference for mail in mails])
    earlier = _earlier_faxes(connection, mails)
    mail_rows, fax_rows, lines = [], [], []
    copies: list[tuple[str, float]] = []
    for mail, reference in zip(mails, references, strict=True):
        mail_rows.append(_mail_row(mail, reference))
        lines.append(line(MAIL, mail.id, mail.id, "250", MailState.ACCEPTED, mail.received_at))
        for ordinal, number in enumerate(_numbers(mail), start=1):
            key = (mail.digest, mail.who, number)
            first = earlier.get(key)
            row = _fax_row(mail, ordinal, first)
            fax_rows.append(row)
            lines.append(line(FAX, mail.id, row["id"], "250", row["state"], mail.received_at))
            if first is None:
                earlier[key] = _Earlier(row["id"], ANSWER_OPEN)
            elif first.answer == ANSWER_UNREAD:
                copies.append((row["id"], mail.received_at))
    connection.execute(_NEW_MAIL, mail_rows)
    if fax_rows:
        connection.execute(_NEW_FAX, fax_rows)
    remember(connection, lines)
    for mail in mails:
        if mail.for_admin:
            _pass_on(connection, mail)
    for fax_id, at in copies:
        _is_copy(connection, fax_id, at)
    return references


def _pass_on(connection: Connection, mail: NewMail) -> None:
    """The admin is to get a mail; one that is for nobody else needs no preparing (A2)."""
    owe(connection, mail.id, POSTMASTER, mail.received_at)
    if not mail.destinations:
        move(connection, MAIL, mail.id, MailEvent.PREPARED, mail.received_at, "for the admin alone")


def _free_references(connection: Connection, wanted: list[str]) -> list[str]:
    """The wanted references, those already taken replaced."""
    while True:
        taken = set(connection.scalars(_TAKEN, {"wanted": wanted}))
        seen: set[str] = set()
        for position, reference in enumerate(wanted):
            if reference in taken or reference in seen:
                wanted[position] = new_reference()
                taken.add(reference)
            seen.add(wanted[position])
        if not taken:
            return wanted


def _numbers(mail: NewMail) -> Iterable[str]:
    return (to.number.e164 for to in mail.destinations if to.number is not None)


def _earlier_faxes(connection: Connection, mails: Sequence[NewMail]) -> dict[_Key, _Earlier]:
    digests = list({new.digest for new in mails})
    since = min(new.received_at for new in mails) - _TWIN_DAYS
    rows = connection.execute(_EARLIER, {"digests": digests, "since": since})
    return {(row[0], row[1], row[2]): _Earlier(row[3], row[4]) for row in rows}


def _mail_row(mail: NewMail, reference: str) -> dict[str, Any]:
    return {
        "id": mail.id,
        "reference": reference,
        "state": MailState.ACCEPTED,
        "received_at": mail.received_at,
        "size": mail.size,
        "header_sha256": mail.header_sha256,
        "body_sha256": mail.body_sha256,
        "digest": mail.digest,
        "mail_from": mail.envelope.mail_from,
        "peer": mail.envelope.peer,
        "helo": mail.envelope.helo,
        "listener": mail.envelope.listener,
        "identity": as_json(mail.identity),
        "who": mail.who,
        "session": mail.session,
        "answer": ANSWER_OPEN,
        "subject": mail.headline.subject,
        "message_id": mail.headline.message_id,
        "thread": mail.headline.references,
        "reply_to": list(mail.reply_to),
        "replies": mail.replies,
        "options": as_json(mail.options),
        "refused_recipients": as_json(mail.envelope.refused),
        "comment": "",
        "not_faxed": [],
        "why": "",
        "attempts": 0,
        "next_try": 0.0,
        "answers": mail.answers,
        "recipients": as_json(mail.envelope.recipients),
        "envelope_id": mail.envelope.envelope_id,
        "returned": mail.envelope.returned,
        **_series_columns(mail),
    }


def _series_columns(mail: NewMail) -> dict[str, Any]:
    """Mails that wait for each other share one word: same identity, numbers, kind and name."""
    part = mail.series
    if part is None:
        return {"series": None, "series_number": None, "series_total": None}
    common = "\0".join((part.name, mail.who, *sorted(_numbers(mail))))
    word = f"{part.kind}:{hashlib.sha256(common.encode()).hexdigest()[:32]}"
    return {"series": word, "series_number": part.number, "series_total": part.total}


def _fax_row(mail: NewMail, ordinal: int, first: _Earlier | None) -> dict[str, Any]:
    to = [to for to in mail.destinations if to.number is not None][ordinal - 1]
    return {
        "id": new_id(mail.received_at),
        "mail_id": mail.id,
        "ordinal": ordinal,
        "state": FaxState.PENDING if first is None else FaxState.TWIN,
        "number": str(to.number),
        "written": to.written,
        "country": to.country,
        "reading": to.why,
        "name": to.name,
        "wishes": as_json(to.wishes),
        "orders": 0,
        "twin_of": first.fax_id if first else None,
        "twin_until": mail.received_at + _TWIN_WAIT if first else None,
    }


def answers_read(connection: Connection, signs: Sequence[tuple[str, float]]) -> list[None]:
    """A command came after these mails' 250: their answers were read.

    Args:
        signs: (mail id, seconds since the epoch) each.
    """
    mail_ids = [mail_id for mail_id, _ in signs]
    now = max(at for _, at in signs)
    connection.execute(_READ, {"mails": mail_ids})
    if twins := [twin_id for twin_id, _ in _twins_of_mails(connection, mail_ids)]:
        move_all(connection, FAX, twins, FaxEvent.WANTED_TWICE, now)
        jobs.create_where_prepared(connection, twins, now)
    return [None] * len(signs)


def session_ended(connection: Connection, session: str, now: float) -> None:
    """A session is over: mails of it whose answer shows no sign of having been read."""
    rows = schema.mail
    mine = (rows.c.session == session) & (rows.c.answer == ANSWER_OPEN)
    unread = list(connection.scalars(select(rows.c.id).where(mine)))
    _are_unread(connection, unread, now)


def sessions_lost(connection: Connection, now: float) -> None:
    """At start: every session of the last run is over."""
    rows = schema.mail
    unread = list(connection.scalars(select(rows.c.id).where(rows.c.answer == ANSWER_OPEN)))
    _are_unread(connection, unread, now)


def twins_overdue(connection: Connection, now: float) -> int:
    """Twins that waited their 15 minutes become copies; their count."""
    fax = schema.fax.c
    overdue = list(
        connection.scalars(select(fax.id).where(fax.state == FaxState.TWIN, fax.twin_until <= now))
    )
    for fax_id in overdue:
        _is_copy(connection, fax_id, now)
    return len(overdue)


def _are_unread(connection: Connection, mail_ids: list[str], now: float) -> None:
    rows = schema.mail
    connection.execute(update(rows).where(rows.c.id.in_(mail_ids)).values(answer=ANSWER_UNREAD))
    for twin_id, _ in _twins_of_mails(connection, mail_ids):
        _is_copy(connection, twin_id, now)


def _twins_of_mails(connection: Connection, mail_ids: list[str]) -> list[tuple[str, str]]:
    """(twin's fax id, first mail's id) of the twins that wait for these mails."""
    first_of = {row.id: row.twin_of for row in connection.execute(_TWINS)}
    if not first_of:  # as nearly always
        return []
    firsts = connection.execute(_FIRSTS, {"firsts": list(set(first_of.values()))})
    wanted = set(mail_ids)
    mail_of = {row.id: row.mail_id for row in firsts if row.mail_id in wanted}
    return [(twin, mail_of[first]) for twin, first in first_of.items() if first in mail_of]


def _is_copy(connection: Connection, fax_id: str, now: float) -> None:
    """A twin turned out to be the same fax again: not ordered, told."""
    move(connection, FAX, fax_id, FaxEvent.COPY, now)
    mail_id = connection.scalar(select(schema.fax.c.mail_id).where(schema.fax.c.id == fax_id))
    owe(connection, str(mail_id), "copy", now, fax_id=fax_id)
