"""Ledger commands about the comments that stand at Fax.Plus (K7).

Each fax that Fax.Plus has carries its mail's words in its comment, and our token. When the mail
is forgotten here, sending cuts the words off there; until that has happened, or cannot, a row
says so. The local purge waits for none of it.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import members, schema
from mail2fax.spool.naming import fax_of

_ROWS = schema.remark.c
_LEARNED = insert(schema.remark).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment to be cut to its token, at the member that its fax was ordered as."""

    fax_plus_id: str
    token: str
    tries: int
    user_id: str | None


def learned(connection: Connection, mail_id: str, fax_plus_id: str, token: str) -> None:
    """Fax.Plus has a fax of ours, with a comment."""
    row = {"fax_plus_id": fax_plus_id, "mail_id": mail_id, "token": token, "tries": 0}
    connection.execute(_LEARNED, [row])


def due(connection: Connection, now: float, limit: int) -> list[Remark]:
    """Comments to be cut now, those that wait longest first."""
    query = select(_ROWS.fax_plus_id, _ROWS.token, _ROWS.tries).where(_ROWS.next_try <= now)
    rows = connection.execute(query.order_by(_ROWS.next_try).limit(limit)).all()
    users = members.of_faxes(connection, [fax_of(row.token) for row in rows])
    return [Remark(*row, users.get(fax_of(row.token))) for row in rows]


def postponed(connection: Connection, remark: Remark, next_try: float) -> None:
    """It could not be cut; once more at ``next_try``."""
    mine = update(schema.remark).where(_ROWS.fax_plus_id == remark.fax_plus_id)
    connection.execute(mine.values(tries=remark.tries + 1, next_try=next_try))


def done(connection: Connection, remark: Remark) -> None:
    """It is cut, or is not tried any more."""
    connection.execute(delete(schema.remark).where(_ROWS.fax_plus_id == remark.fax_plus_id))
