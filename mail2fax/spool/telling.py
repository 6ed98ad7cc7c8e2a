"""Ledger commands of every mail we owe: what became of it, whoever it is for (W1a, W7)."""

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from mail2fax.spool.lifecycle import ReplyEvent, ReplyState
from mail2fax.spool.moves import ALERT, NOTICE, REPLY, Subject, move
from mail2fax.spool.replies import ASKED, HELD


def handed_over(connection: Connection, subject: Subject, row_id: str, to: str, now: float) -> None:
    """The relay took it."""
    move(connection, subject, row_id, ReplyEvent.TAKEN, now, to, told_at=now, told_to=to)


def postponed(
    connection: Connection, subject: Subject, row_id: str, tries: int, next_try: float, why: str
) -> None:
    """The relay could not be reached or asked to wait; the same address later."""
    rows = subject.rows
    change = update(rows).where(rows.c.id == row_id)
    connection.execute(change.values(tries=tries, next_try=next_try, why=why))


def next_address(
    connection: Connection, subject: Subject, row_id: str, address: int, now: float, why: str
) -> None:
    """The relay refused the address for good; the next of the candidates."""
    move(
        connection, subject, row_id, ReplyEvent.NEXT_ADDRESS, now, why,
        address=address, tries=0, next_try=now, why=why,
    )  # fmt: skip


def undeliverable(
    connection: Connection, subject: Subject, row_id: str, now: float, why: str
) -> None:
    """No address is left, or five days are over: the row says that nobody was told."""
    move(connection, subject, row_id, ReplyEvent.GAVE_UP, now, why, why=why)


def came_back(
    connection: Connection, row_id: str, recipients: Collection[str], why: str, now: float
) -> bool:
    """A server returned a mail that the relay had taken: the next address (W1).

    That only a copy did not arrive changes nothing.

    Args:
        row_id: of the mail.
        recipients: whom it did not reach, in lower case; empty where that is not known.
        why: empty for a server that only tells of it.

    Returns:
        Whether it is a mail of ours.
    """
    for subject in (REPLY, NOTICE, ALERT):
        rows = subject.rows
        row = connection.execute(select(rows).where(rows.c.id == row_id)).one_or_none()
        if row is not None:
            break
    else:
        return False
    is_copy = subject is REPLY and row.kind in (HELD, ASKED)
    is_other = recipients and (row.told_to or "").lower() not in recipients
    if why and row.state == ReplyState.HANDED_OVER and not (is_copy and is_other):
        move(
            connection, subject, row.id, ReplyEvent.CAME_BACK, now, f"{row.told_to}: {why}",
            address=row.address + 1, tries=0, next_try=now, told_at=None, told_to=None, why=why,
        )  # fmt: skip
    return True


def try_now(connection: Connection, now: float) -> None:
    """The relay takes mail again: what was put off for it is due."""
    for subject in (REPLY, NOTICE, ALERT):
        rows = subject.rows
        waits = (rows.c.state == ReplyState.DUE) & (rows.c.tries > 0) & (rows.c.next_try > now)
        connection.execute(update(rows).where(waits).values(next_try=now))
