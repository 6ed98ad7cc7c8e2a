"""Ledger commands about a person: everything that is held of them, and its end (K7, GDPR).

A *subject* is a mail address, a fax number in E.164, or the name of a login, as the ledger holds
it. Of a fax's recipient the number is held, of its sender the addresses and the login.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, or_, select, update

from mail2fax.errors import Mail2FaxError
from mail2fax.json_form import as_json
from mail2fax.spool import audit, ends, forgetting, schema, stories
from mail2fax.spool.lifecycle import ENDED_MAILS, FORGOTTEN_MAILS, MailState, ReplyState
from mail2fax.spool.noted import note

ERASED = "erased"
"""What stands where a name or a number stood."""
_MOST_NAMED = 10
_WITH_ANOTHER = FORGOTTEN_MAILS | {MailState.JOINED}
"""Mails that are not open by themselves: a joined one is when the mail it belongs to is."""
_MAIL, _FAX, _REPLY = schema.mail.c, schema.fax.c, schema.reply.c


class StillOpen(Mail2FaxError):
    """Something of a person is still under way; the text says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom something is about.

    Attributes:
        text: the address, number or name, without case.
    """

    text: str

    @classmethod
    def of(cls, text: str) -> "Subject":
        """A subject as somebody typed it."""
        return cls(text.strip().casefold())

    @property
    def fingerprint(self) -> str:
        """What a command's row says instead: it can be checked, and names nobody."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    def is_named_by(self, value: Any) -> bool:
        """Whether a value of the ledger is this subject, or holds it as one of its parts."""
        if isinstance(value, str):
            return self.text in (value.casefold(), value.partition(":")[2].casefold())
        parts = value.values() if isinstance(value, Mapping) else value
        return isinstance(parts, Iterable) and any(self.is_named_by(part) for part in parts)


def mails_of(connection: Connection, subject: Subject) -> list[Any]:
    """Rows (id, reference, state) of the mails a person sent, was told of, or was faxed."""
    query = select(_MAIL.id, _MAIL.reference, _MAIL.state).where(_concerns(subject.text))
    return list(connection.execute(query.order_by(_MAIL.id)))


def _concerns(text: str) -> ColumnElement[bool]:
    address = func.json_each(_MAIL.reply_to).table_valued("value").c.value
    return or_(
        func.lower(_MAIL.mail_from) == text,
        func.lower(func.json_extract(_MAIL.identity, "$.name")) == text,
        func.lower(func.json_extract(_MAIL.identity, "$.person")) == text,
        exists(select(1).where(func.lower(address) == text)),
        exists().where(_REPLY.mail_id == _MAIL.id, func.lower(_REPLY.told_to) == text),
        exists().where(_FAX.mail_id == _MAIL.id, _FAX.number == text),
    )


# What is held


def held(connection: Connection, subject: Subject, who: str, now: float) -> dict[str, Any]:
    """Everything the ledger holds of a person, as JSON, and the mails whose files it is about."""
    mails = mails_of(connection, subject)
    note(connection, who, "export", {"subject": subject.fingerprint}, now)
    return {
        "subject": subject.text,
        "mails": [as_json(stories.of_mail(connection, row.id)) for row in mails],
        "audit": _audit_lines(connection, subject),
        **{rows.name: _rows_naming(connection, rows, subject) for rows in _OTHER_TABLES},
        "content": [row.id for row in mails if row.state not in FORGOTTEN_MAILS],
    }


_OTHER_TABLES = (
    schema.login, schema.login_seen, schema.lockout, schema.usage, schema.picture,
    schema.frozen, schema.notice, schema.command, schema.marked_number,
)  # fmt: skip
_SECRET = frozenset({"hash"})


def _rows_naming(connection: Connection, rows: Table, subject: Subject) -> list[dict[str, Any]]:
    """The rows of a table in which a column is the subject."""
    found = connection.execute(select(rows)).mappings()
    return [
        {name: value for name, value in row.items() if name not in _SECRET}
        for row in found
        if subject.is_named_by(dict(row))
    ]


def _audit_lines(connection: Connection, subject: Subject) -> list[dict[str, Any]]:
    found, after = [], 0
    while lines := audit.lines(connection, after, 1000):
        after = lines[-1].seq
        found += [{**one.facts, **one.personal} for one in lines
                  if subject.is_named_by(one.personal)]  # fmt: skip
    return found


# Its end


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes:
        mails: ids of those whose content is to be destroyed now.
        rows: how many mails named the person.
        lines: how many lines for auditors did.
        fax_ids: of the records that stay at Fax.Plus, with the number and the pages.
        logins: names of logins that are the person's, or named beside the address: those may
            be erased in their turn.
    """

    mails: Sequence[str]
    rows: int
    lines: int
    fax_ids: Sequence[str]
    logins: Sequence[str]


def erase(connection: Connection, subject: Subject, who: str, now: float) -> Erased:
    """Erase a person from everything that is over.

    Content of the mails goes, and the person's name, address or number in every row; the lines
    for auditors stay, without it.

    Raises:
        StillOpen: a mail of the person's is not over; nothing was changed.
    """
    mails = mails_of(connection, subject)
    _refuse_open(connection, mails)
    of_mails = _FAX.mail_id.in_([row.id for row in mails])
    known = select(_FAX.fax_plus_id).where(of_mails, _FAX.fax_plus_id.is_not(None))
    fax_ids = list(connection.scalars(known))
    logins = _logins_of(connection, mails, subject)
    begun = [row.id for row in mails if row.state in ENDED_MAILS]
    for mail_id in begun:
        forgetting.begin(connection, mail_id, now)
    for row in mails:
        _blank_mail(connection, row.id, subject)
    _blank_others(connection, subject)
    lines = audit.erase(connection, subject.is_named_by)
    note(connection, who, "erase", {"subject": subject.fingerprint}, now)
    return Erased(begun, len(mails), lines, fax_ids, logins)


def _logins_of(connection: Connection, mails: Sequence[Any], subject: Subject) -> list[str]:
    mine = _MAIL.id.in_([row.id for row in mails])
    identities = connection.scalars(select(_MAIL.identity).where(mine)).all()
    used = {
        str(one["name"])
        for one in identities
        if one["kind"] == "login" and subject.is_named_by(one.get("person"))
    }
    registered = {str(row["name"]) for row in _rows_naming(connection, schema.login, subject)}
    return sorted(used | registered)


def _refuse_open(connection: Connection, mails: Sequence[Any]) -> None:
    still = [
        row.reference
        for row in mails
        if row.state not in _WITH_ANOTHER and not ends.is_over(connection, row.id)
    ]
    if still:
        named = ", ".join(still[:_MOST_NAMED]) + (" …" if len(still) > _MOST_NAMED else "")
        raise StillOpen(
            f"nothing was erased, for something of it is still under way: {named}. Wait for the "
            f"outcome and its reply, or end it: mail2fax queue cancel (or drop) {still[0]}"
        )


def _blank_mail(connection: Connection, mail_id: str, subject: Subject) -> None:
    """A mail that is over, without the person; whoever else it names stays."""
    rows = schema.mail
    row = connection.execute(select(rows).where(rows.c.id == mail_id)).one()
    values: dict[str, Any] = {
        "reply_to": [one for one in row.reply_to if not subject.is_named_by(one)],
    }
    if subject.is_named_by((row.mail_from, row.identity)):
        identity = {
            name: ERASED if subject.is_named_by(value) else value
            for name, value in row.identity.items()
        }
        values |= {
            "mail_from": "", "peer": "", "helo": "", "message_id": "", "identity": identity,
            "who": f"{row.identity['kind']}:{identity['name']}",
        }  # fmt: skip
    connection.execute(update(rows).where(rows.c.id == mail_id).values(values))
    fax, reply, line = schema.fax, schema.reply, schema.history
    mine = update(fax).where(fax.c.mail_id == mail_id, fax.c.number == subject.text)
    connection.execute(mine.values(number=ERASED, name=None))
    told = (reply.c.mail_id == mail_id) & (func.lower(reply.c.told_to) == subject.text)
    connection.execute(update(reply).where(told).values(told_to=ERASED))
    connection.execute(update(line).where(line.c.mail_id == mail_id).values(detail=""))


def _blank_others(connection: Connection, subject: Subject) -> None:
    """The tables beside the mails: what is only about the person goes, what counts is kept."""
    text = subject.text
    seen, locked, picture = schema.login_seen.c, schema.lockout.c, schema.picture.c
    for rows, column in (
        (schema.login_seen, seen.login), (schema.lockout, locked.login),
        (schema.marked_number, schema.marked_number.c.number),
    ):  # fmt: skip
        connection.execute(delete(rows).where(func.lower(column) == text))
    theirs = or_(func.lower(picture.who) == text, func.lower(picture.who).endswith(f":{text}"))
    connection.execute(delete(schema.picture).where(theirs))
    usage = schema.usage
    connection.execute(update(usage).where(usage.c.number == text).values(number=ERASED))
    notices = _rows_naming(connection, schema.notice, subject)
    told = [str(row["id"]) for row in notices if row["state"] != ReplyState.DUE]
    forgetting.forget_letters(connection, schema.notice, told)
    command = schema.command
    for row in _rows_naming(connection, command, subject):
        changed = {
            "who": ERASED if subject.is_named_by(row["who"]) else row["who"],
            "arguments": {
                name: ERASED if subject.is_named_by(value) else value
                for name, value in row["arguments"].items()
            },
        }
        connection.execute(update(command).where(command.c.id == row["id"]).values(changed))
