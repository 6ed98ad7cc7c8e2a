"""Which replies are followed by a delivery report that a program can read (W5, R11; RFC 3464).

A report is a mail of its own, for who asked in the envelope (NOTIFY, RFC 3461), and for the
office of a device, whose own words on a panel are none. What it is about is the reply it follows.
"""

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select

from mail2fax.json_form import from_json
from mail2fax.spool import schema
from mail2fax.values import DELAY, FAILURE, SUCCESS, End, Identity, Outcome, Recipient

_KIND = "delivery report: "
_OF_THE_END = frozenset({"outcome", "refused"})
_OF_WAITING = frozenset({"waiting", "held", "asked", "frozen"})

_MAIL, _FAX = schema.mail.c, schema.fax.c
_ASKED = select(_MAIL.recipients, _MAIL.identity, _MAIL.reply_to).where(
    _MAIL.id == bindparam("mail")
)
_FAXES = select(_FAX.id, _FAX.number, _FAX.outcome).where(_FAX.mail_id == bindparam("mail"))


class Action(StrEnum):
    """What happened to a mail for one recipient (RFC 3464 2.3.3)."""

    DELIVERED = "delivered"
    FAILED = "failed"
    DELAYED = "delayed"


_WISH = {Action.DELIVERED: SUCCESS, Action.FAILED: FAILURE, Action.DELAYED: DELAY}


def kind_after(reply: str) -> str | None:
    """The kind of a report that may follow a kind of reply; None where none does."""
    return f"{_KIND}{reply}" if reply in _OF_THE_END | _OF_WAITING else None


def followed(kind: str) -> str | None:
    """The kind of reply that a report follows; None when it is no report."""
    return kind.removeprefix(_KIND) if kind.startswith(_KIND) else None


def action_of(reply: str, end: End | None) -> Action | None:
    """What a reply means for one fax; None when it says nothing of it.

    Only the provider's success is a delivery; being handed over is not (W5).

    Args:
        reply: its kind.
        end: of the fax, None while it has none.
    """
    if reply in _OF_WAITING:
        return Action.DELAYED if end is None else None
    if end is None:
        return None
    return Action.DELIVERED if end is End.SUCCESS else Action.FAILED


def is_wanted(action: Action, recipient: Recipient, *, device: bool) -> bool:
    """Whether an action is reported: as the envelope asked; for a device that did not, failure."""
    if recipient.notify:
        return _WISH[action] in recipient.notify
    return device and action is Action.FAILED


def is_owed(connection: Connection, mail_id: str, reply: str, fax_id: str | None) -> bool:
    """Whether a report follows a reply.

    Args:
        mail_id: the mail's.
        reply: the kind of reply that is owed.
        fax_id: the fax it tells of; None for all of the mail's.
    """
    row = connection.execute(_ASKED, {"mail": mail_id}).one()
    device = from_json(Identity, row.identity).device
    recipients = [from_json(Recipient, one) for one in row.recipients]
    if not row.reply_to or not (device or any(one.notify for one in recipients)):
        return False
    return any(
        is_wanted(action, one, device=device)
        for number, action in _actions(connection, mail_id, reply, fax_id)
        for one in recipients
        if number in one.numbers
    )


def _actions(
    connection: Connection, mail_id: str, reply: str, fax_id: str | None
) -> Iterator[tuple[str, Action]]:
    """What is to be reported, number by number."""
    for row in connection.execute(_FAXES, {"mail": mail_id}):
        end = from_json(Outcome, row.outcome).end if row.outcome else None
        action = action_of(reply, end) if fax_id in (None, row.id) else None
        if action is not None:
            yield row.number, action
