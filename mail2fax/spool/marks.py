"""Ledger commands: numbers of which Fax.Plus said that they cannot be faxed (S6).

A mark stops nothing: numbers come back into use, and a person may know better. It is told when
the next mail goes to the number, and goes with the first fax that arrives there.
"""

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from mail2fax.spool import schema
from mail2fax.spool.records import NumberMark

_MARK = schema.marked_number.c
_OF_MAIL = (
    select(_MARK.number, _MARK.at, _MARK.why)
    .join(schema.fax, schema.fax.c.number == _MARK.number)
    .join(schema.mail, schema.mail.c.id == schema.fax.c.mail_id)
    .where(schema.mail.c.id == bindparam("mail"), _MARK.at < schema.mail.c.received_at)
)


def mark(connection: Connection, number: str, why: str, now: float) -> None:
    """A fax to a number failed because of the number; the newest reason counts."""
    values = {"number": number, "why": why, "at": now}
    statement = upsert(schema.marked_number).values(values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["number"], set_={"why": why, "at": now})
    )


def clear(connection: Connection, number: str) -> None:
    """A fax arrived there."""
    connection.execute(delete(schema.marked_number).where(_MARK.number == number))


def known_before(connection: Connection, mail_id: str) -> dict[str, NumberMark]:
    """The marks that a mail's numbers had when it came, by number."""
    rows = connection.execute(_OF_MAIL, {"mail": mail_id})
    return {row.number: NumberMark(row.at, row.why) for row in rows}
