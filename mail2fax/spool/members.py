"""Ledger reads about members: as which user of the account each fax is ordered.

A fax's options say so (`values.Options.user_id`), for as long as the fax has a row; None is the
account's own user.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, exists, func, select, union
from sqlalchemy.sql.elements import ColumnElement

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import FaxState, JobState

_FAX, _MAIL, _JOB, _PAIR = schema.fax.c, schema.mail.c, schema.job.c, schema.job_fax.c
_USER = func.coalesce(_FAX.options["user_id"].as_string(), _MAIL.options["user_id"].as_string())
_OF_JOBS = (
    select(_USER)
    .join_from(schema.job, schema.job_fax, _PAIR.job_id == _JOB.id)
    .join(schema.fax, _PAIR.fax_id == _FAX.id)
    .join(schema.mail, _FAX.mail_id == _MAIL.id)
    .where(_USER.is_not(None))
)
_OF_FAXES = select(_USER).join_from(schema.fax, schema.mail, _FAX.mail_id == _MAIL.id)
_NOT_ORDERED = (
    JobState.READY, JobState.UPLOADED, JobState.INTENT, JobState.IN_DOUBT, JobState.HELD,
)  # fmt: skip
_WRITTEN_OFF = (JobState.CANCELLED, JobState.REFUSED)
# Each is read off an index of its own, however many faxes are over.
_OPEN_SINCE = union(
    _OF_JOBS.where(_JOB.state.in_(_NOT_ORDERED)),
    _OF_JOBS.where(_JOB.state.in_(_WRITTEN_OFF), _JOB.created_at >= bindparam("moment")),
    _OF_FAXES.where(_FAX.state == FaxState.ORDERED, _USER.is_not(None)),
)


def open_since(connection: Connection, moment: float) -> frozenset[str]:
    """The members with a fax that is to be ordered, or whose outcome is awaited.

    Also those with an order that was written off, and made since a moment: it may yet appear.
    """
    return frozenset(connection.scalars(_OPEN_SINCE, {"moment": moment}))


def of_faxes(connection: Connection, fax_ids: Collection[str]) -> dict[str, str]:
    """The member of each of these faxes; the account's own user's are missing."""
    query = select(_FAX.id, _USER).join_from(schema.fax, schema.mail, _FAX.mail_id == _MAIL.id)
    rows = connection.execute(query.where(_FAX.id.in_(fax_ids), _USER.is_not(None)))
    return {row.id: row[1] for row in rows}


def of_fax_plus_id(connection: Connection, fax_plus_id: str) -> tuple[bool, str | None]:
    """Whether a fax of Fax.Plus's is one of ours, and as which user it was sent."""
    query = select(_USER).join_from(schema.fax, schema.mail, _FAX.mail_id == _MAIL.id)
    row = connection.execute(query.where(_FAX.fax_plus_id == fax_plus_id).limit(1)).first()
    return (False, None) if row is None else (True, row[0])


def is_job_of(user_id: str | None) -> ColumnElement[bool]:
    """Whether a job in a query over jobs was ordered as this user."""
    return exists(
        select(_PAIR.job_id)
        .join_from(schema.job_fax, schema.fax, _PAIR.fax_id == _FAX.id)
        .join(schema.mail, _FAX.mail_id == _MAIL.id)
        .where(_PAIR.job_id == _JOB.id, _USER.is_not_distinct_from(user_id))
    )
