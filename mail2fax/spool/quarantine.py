"""Ledger command about bytes that cannot be believed (K5): what they were for is never faxed."""

from sqlalchemy import Connection, select

from mail2fax.json_form import as_json
from mail2fax.spool import schema
from mail2fax.spool.lifecycle import (
    FaxEvent,
    FaxState,
    JobEvent,
    JobState,
    MailEvent,
    MailState,
)
from mail2fax.spool.moves import FAX, JOB, MAIL, move
from mail2fax.spool.replies import OUTCOME, REFUSED, owe
from mail2fax.values import End, Outcome

_MAIL, _JOB, _FAX, _PAIR = schema.mail.c, schema.job.c, schema.fax.c, schema.job_fax.c
_NOT_POSTED = (JobState.READY, JobState.UPLOADED)
_STILL_MINE = (JobState.INTENT, JobState.IN_DOUBT, JobState.HELD, JobState.ORDERED)


def quarantined(connection: Connection, mail_id: str, why: str, now: float) -> None:
    """A mail, or a document made of it, is missing or not what it was: the person is told.

    Its orders that were not posted end. What may be at Fax.Plus already is followed as ever, and
    then each fax that is not sent is told by itself.
    """
    if connection.scalar(select(_MAIL.state).where(_MAIL.id == mail_id)) != MailState.QUARANTINED:
        move(connection, MAIL, mail_id, MailEvent.DAMAGED, now, why, why=why)
    mine = select(_JOB.id).where(_JOB.mail_id == mail_id, _JOB.state.in_(_NOT_POSTED))
    for job_id in connection.scalars(mine).all():
        move(connection, JOB, job_id, JobEvent.DAMAGED, now, why, why=why)
    failed = _fail(connection, mail_id, why, now)
    all_of_it = set(connection.scalars(select(_FAX.id).where(_FAX.mail_id == mail_id)))
    if set(failed) == all_of_it:
        owe(connection, mail_id, REFUSED, now)
    else:
        for fax_id in failed:
            owe(connection, mail_id, OUTCOME, now, fax_id=fax_id)


def _fail(connection: Connection, mail_id: str, why: str, now: float) -> list[str]:
    """End the faxes that nothing at Fax.Plus can be of; their ids."""
    outcome = as_json(Outcome(End.NOT_SENT, "quarantined", now, why))
    maybe_posted = (
        select(_PAIR.fax_id)
        .join_from(schema.job_fax, schema.job, _PAIR.job_id == _JOB.id)
        .where(_JOB.mail_id == mail_id, _JOB.state.in_(_STILL_MINE))
    )
    waiting = select(_FAX.id).where(
        _FAX.mail_id == mail_id,
        _FAX.state.in_((FaxState.PENDING, FaxState.TWIN)),
        _FAX.id.not_in(maybe_posted),
    )
    failed = list(connection.scalars(waiting))
    for fax_id in failed:
        move(connection, FAX, fax_id, FaxEvent.FAILED, now, why, outcome=outcome)
    return failed
