"""Ledger commands that end the faxes of a mail that were never ordered."""

from sqlalchemy import Connection, select

from mail2fax.json_form import as_json
from mail2fax.spool import schema
from mail2fax.spool.lifecycle import FaxEvent, FaxState
from mail2fax.spool.moves import FAX, move
from mail2fax.values import End, Outcome

_OPEN = (FaxState.PENDING, FaxState.TWIN)


def fail_all(connection: Connection, mail_id: str, status: str, why: str, now: float) -> None:
    """Every fax of a mail that is not under way ends as not sent."""
    outcome = Outcome(End.NOT_SENT, status, now, why)
    _end_all(connection, mail_id, FaxEvent.FAILED, outcome)


def cancel_all(connection: Connection, mail_id: str, status: str, why: str, now: float) -> None:
    """Every fax of a mail that is not under way ends as cancelled."""
    outcome = Outcome(End.CANCELLED, status, now, why)
    _end_all(connection, mail_id, FaxEvent.CANCELLED, outcome)


def _end_all(connection: Connection, mail_id: str, event: FaxEvent, outcome: Outcome) -> None:
    fax = schema.fax.c
    query = select(fax.id).where(fax.mail_id == mail_id, fax.state.in_(_OPEN))
    for fax_id in connection.scalars(query).all():
        move(connection, FAX, fax_id, event, outcome.at, outcome.why, outcome=as_json(outcome))
