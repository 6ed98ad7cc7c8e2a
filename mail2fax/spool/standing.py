"""What an identity may send now: looked up in the transaction that would make its mail ours."""

from collections.abc import Sequence

from sqlalchemy import Connection

from mail2fax.errors import NotAdmitted
from mail2fax.spool import frozen, intake, usage
from mail2fax.spool.records import NewMail

FROZEN = "This sender is stopped. Ask the administrator"


def record_admitted(connection: Connection, mails: Sequence[NewMail]) -> list[str | NotAdmitted]:
    """Record the mails that may be sent, and reserve what they use, in one transaction.

    Args:
        mails: new mails whose bytes are durable.

    Returns:
        In order, the reference of each, or why it is not ours.
    """
    beside = usage.nothing_beside()
    stopped = frozen.names(connection)
    problems = [_problem(connection, mail, stopped, beside) for mail in mails]
    taken = [mail for mail, problem in zip(mails, problems, strict=True) if problem is None]
    references = iter(intake.record(connection, taken) if taken else ())
    usage.reserve(connection, taken)
    return [next(references) if problem is None else NotAdmitted(problem) for problem in problems]


def _problem(
    connection: Connection, mail: NewMail, stopped: frozenset[str], beside: usage.Reserved
) -> str | None:
    if mail.identity.names & stopped:
        return FROZEN
    return usage.excess(connection, mail, beside)
