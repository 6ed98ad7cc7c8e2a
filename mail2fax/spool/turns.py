"""Ledger command of preparing: what is its turn now, in one transaction.

Preparing looks after each mail and at each ring of its bell. Asked one by one, whether a mail is
due, what waited in vain and when the next look is worth while, were five transactions a look.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from mail2fax.spool import holds, preparation, series
from mail2fax.spool.records import MailToPrepare


@dataclass(frozen=True, slots=True)
class Turn:
    """What preparing is to do.

    Attributes:
        mail: to be prepared now; None when there is none.
        next_at: when to look again, seconds since the epoch; infinite when nothing waits.
        ended: references of mails that waited too long for a person or for parts, and are told.
    """

    mail: MailToPrepare | None
    next_at: float
    ended: tuple[str, ...] = ()


def take(
    connection: Connection, judge: series.Judge, within: float, now: float, lease: float
) -> Turn:
    """Claim the mail whose turn it is; when there is none, end what waited too long.

    Args:
        judge: see `series.gather`.
        within: seconds from a series' first part to its last.
        now: seconds since the epoch.
        lease: see `preparation.claim`.
    """
    mails = preparation.claim(connection, now, 1, lease)
    due_at = preparation.next_due_at(connection)
    if mails:
        return Turn(mails[0], _or_never(due_at))
    ended = [
        *holds.end_overdue(connection, now),
        *series.end_overdue(connection, judge, within, now),
    ]
    return Turn(None, min(_or_never(due_at), _or_never(holds.next_end(connection))), tuple(ended))


def _or_never(at: float | None) -> float:
    return float("inf") if at is None else at
