"""How much waits: mails to prepare and faxes to order, so that accepting can stop in time (L10)."""

from sqlalchemy import Connection, func, select

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import JobState, MailState

_TO_PREPARE = (MailState.ACCEPTED, MailState.WAITING)
_TO_ORDER = (JobState.READY, JobState.UPLOADED)
_MAILS = select(func.count()).where(schema.mail.c.state.in_(_TO_PREPARE))
_JOBS = select(func.count()).where(schema.job.c.state.in_(_TO_ORDER))


def size(connection: Connection) -> int:
    """Mails that are not prepared yet, and jobs that are not ordered; held ones do not count."""
    return int(connection.scalar(_MAILS) or 0) + int(connection.scalar(_JOBS) or 0)
