"""Ledger commands of mails on hold: a person is asked, answers, or the time is over.

Each is one transaction with everything that follows from it (K4); who gave a command writes the
row that tells so into the same one (K8).
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from mail2fax.errors import Mail2FaxError
from mail2fax.json_form import as_json
from mail2fax.spool import ending, schema
from mail2fax.spool.lifecycle import MailEvent, MailState
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.replies import ASKED, REFUSED, owe
from mail2fax.values import NotFaxed

_MAIL = schema.mail.c
_OVERDUE = select(_MAIL.id, _MAIL.reference, _MAIL.why).where(
    _MAIL.state == MailState.HELD, _MAIL.next_try <= bindparam("now")
)
_NEXT_END = (
    select(_MAIL.next_try)
    .where(_MAIL.state.in_((MailState.HELD, MailState.WAITING)))
    .order_by(_MAIL.next_try)
    .limit(1)
)
NEVER: Final = 1e15
"""A hold until somebody decides: there is nobody to tell that its time is over."""


class NotHeld(Mail2FaxError):
    """The mail cannot be released or dropped; the text says why."""


def hold(
    connection: Connection,
    mail_id: str,
    why: str,
    not_faxed: Sequence[NotFaxed],
    until: float,
    now: float,
) -> None:
    """Ask a person about a mail, and wait for the answer.

    Args:
        why: what is to be decided, a sentence.
        not_faxed: the parts that are no documents, those in question among them.
        until: when it ends without an answer, or `NEVER`.
    """
    move(
        connection, MAIL, mail_id, MailEvent.HELD, now, why,
        why=why, not_faxed=as_json(list(not_faxed)), next_try=until,
    )  # fmt: skip
    owe(connection, mail_id, ASKED, now)


def release(connection: Connection, reference: str, decided: str, who: str, now: float) -> str:
    """Prepare a held mail again, with a person's decision about its pictures; its id.

    Args:
        decided: ``send`` or ``without`` (`mail2fax.reading.pictures`).
        who: the person.

    Raises:
        NotHeld: there is nothing to release.
    """
    mail = _held(connection, reference)
    move(
        connection, MAIL, mail.id, MailEvent.RELEASED, now, f"{decided}, by {who}",
        why="", pictures_decided=decided, attempts=0, next_try=now,
    )  # fmt: skip
    return str(mail.id)


def drop(connection: Connection, reference: str, now: float) -> str:
    """End a held mail: nothing of it is faxed, and the person is told; its id.

    Raises:
        NotHeld: there is nothing to drop.
    """
    mail = _held(connection, reference)
    why = "It was on hold, and it was decided not to send it."
    _end(connection, mail.id, MailEvent.DROPPED, why, now)
    return str(mail.id)


def end_overdue(connection: Connection, now: float) -> list[str]:
    """End the holds nobody decided in time; the references of their mails."""
    references = []
    for row in connection.execute(_OVERDUE, {"now": now}).all():
        why = f"{row.why} Nobody decided in time."
        _end(connection, row.id, MailEvent.OVERDUE, why, now)
        references.append(row.reference)
    return references


def next_end(connection: Connection) -> float | None:
    """When the next mail ends that waits in vain, for a person or for parts; None if none does."""
    found: float | None = connection.scalar(_NEXT_END)
    return found


def _end(connection: Connection, mail_id: str, event: MailEvent, why: str, now: float) -> None:
    move(connection, MAIL, mail_id, event, now, why, why=why)
    ending.fail_all(connection, mail_id, "dropped", why, now)
    owe(connection, mail_id, REFUSED, now)


def _held(connection: Connection, reference: str) -> Row[Any, Any, Any]:
    """The held mail with this reference.

    Raises:
        NotHeld: there is none.
    """
    mail = schema.mail.c
    wanted = reference.upper().split("/")[0]
    query = select(mail.id, mail.reference, mail.state).where(mail.reference == wanted)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotHeld(f"there is no mail {reference}. See: mail2fax queue list --all")
    if row.state != MailState.HELD:
        raise NotHeld(f"{row.reference} is not on hold: it is {row.state}")
    return row
