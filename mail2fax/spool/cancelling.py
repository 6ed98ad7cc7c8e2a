"""Ledger command of cancelling: a mail's faxes are stopped as far as they can be (W6, K8).

What is not posted ends in this transaction. What Fax.Plus has, or may have, is only marked:
asking Fax.Plus is an act of its own (`stops`), and what its lists show decides the outcome.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from mail2fax.errors import Mail2FaxError
from mail2fax.json_form import as_json
from mail2fax.spool import jobs, lifecycle, pauses, schema, stops
from mail2fax.spool.finding import BY_ORDER
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobEvent, JobState, MailEvent, MailState
from mail2fax.spool.moves import FAX, JOB, MAIL, move
from mail2fax.spool.replies import CANCEL, OUTCOME, owe, owe_report
from mail2fax.values import End, Outcome

_NOT_PREPARED = (MailState.ACCEPTED, MailState.WAITING, MailState.HELD)
_NOT_POSTED = (JobState.READY, JobState.UPLOADED)
_FAX, _JOB, _PAIR = schema.fax.c, schema.job.c, schema.job_fax.c


class NotCancelled(Mail2FaxError):
    """There is nothing to cancel; the text says why and what to do."""


@dataclass(slots=True)
class Cancelled:
    """What became of a mail's faxes, by their ordinals.

    Attributes:
        stopped: they will not be sent.
        asked: Fax.Plus has them and is asked to let them go.
        doubtful: Fax.Plus may have them; nothing can be asked of it before that is known.
        over: they had their outcome before.
    """

    stopped: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    over: list[int] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything is to be stopped."""
        return bool(self.stopped or self.asked or self.doubtful)


def cancel(
    connection: Connection, mail: Row[Any], ordinal: int | None, who: str, now: float
) -> Cancelled:
    """Stop what can be stopped of a mail, and owe the reply that says what became of each fax.

    Args:
        mail: the mail's row.
        ordinal: of the one fax meant; None for all.
        who: a person or an administrator.

    Raises:
        NotCancelled: there is nothing left to stop, or no such fax.
    """
    faxes = _meant(connection, mail, ordinal)
    done = Cancelled()
    for fax in faxes:
        if fax.state not in lifecycle.OPEN_FAXES:
            done.over.append(fax.ordinal)
        else:
            _stop(connection, fax, who, now, done)
    if not done.changes:
        told = "every fax of it has its outcome already" if done.over else "nothing of it is faxed"
        raise NotCancelled(f"{mail.reference}: {told}. See: mail2fax queue show {mail.reference}")
    pauses.end(connection, [fax.id for fax in faxes])
    if mail.state in _NOT_PREPARED and not _is_open(connection, mail.id):
        why = f"It was cancelled by {who}."
        move(connection, MAIL, mail.id, MailEvent.CANCELLED, now, why, why=jobs.STOPPED_IN_TIME)
    owe(connection, mail.id, CANCEL, now, facts=asdict(done))
    for fax in faxes:
        if fax.ordinal in done.stopped:  # it has its outcome, and the reply above tells it
            owe_report(connection, mail.id, OUTCOME, now, fax.id)
    return done


def _meant(connection: Connection, mail: Row[Any], ordinal: int | None) -> Sequence[Any]:
    query = select(_FAX.id, _FAX.ordinal, _FAX.state).where(_FAX.mail_id == mail.id)
    if ordinal is not None:
        query = query.where(_FAX.ordinal == ordinal)
    faxes = connection.execute(query.order_by(_FAX.ordinal)).all()
    if not faxes:
        which = mail.reference if ordinal is None else f"{mail.reference}/{ordinal}"
        raise NotCancelled(f"there is no fax {which}. See: mail2fax queue show {mail.reference}")
    if ordinal is not None:
        _check_alone(connection, mail, faxes[0])
    return faxes


def _check_alone(connection: Connection, mail: Row[Any], fax: Any) -> None:
    """One fax of an order with several cannot be stopped alone.

    Raises:
        NotCancelled: it is of one.
    """
    job = _newest_job(connection, fax.id)
    others = select(_PAIR.fax_id).where(_PAIR.job_id == (job.id if job else ""))
    if len(connection.scalars(others).all()) > 1:
        text = "is in one order with others. Cancel them all: mail2fax queue cancel"
        raise NotCancelled(f"{mail.reference}/{fax.ordinal} {text} {mail.reference}")


def _stop(connection: Connection, fax: Any, who: str, now: float, done: Cancelled) -> None:
    job = _newest_job(connection, fax.id)
    stops.want(connection, [fax.id], who, now)
    if fax.state == FaxState.ORDERED:
        done.asked.append(fax.ordinal)
    elif job is not None and _may_be_posted(job):
        done.doubtful.append(fax.ordinal)
    else:
        if job is not None and job.state in (*_NOT_POSTED, JobState.HELD):
            why = jobs.STOPPED_IN_TIME
            move(connection, JOB, job.id, JobEvent.CANCELLED, now, why, why=why, frozen=None)
        _end(connection, fax.id, now)
        done.stopped.append(fax.ordinal)


def _may_be_posted(job: Any) -> bool:
    """Whether Fax.Plus may have it without our knowing."""
    if job.state == JobState.HELD:
        return job.doubt is not None
    return job.state in (JobState.INTENT, JobState.IN_DOUBT)


def _end(connection: Connection, fax_id: str, now: float) -> None:
    outcome = as_json(Outcome(End.CANCELLED, jobs.CANCELLED, now, jobs.STOPPED_IN_TIME))
    why = jobs.STOPPED_IN_TIME
    move(connection, FAX, fax_id, FaxEvent.CANCELLED, now, why, outcome=outcome)


def _newest_job(connection: Connection, fax_id: str) -> Any:
    query = (
        select(_JOB.id, _JOB.state, _JOB.doubt)
        .join_from(schema.job, schema.job_fax, _PAIR.job_id == _JOB.id)
        .where(_PAIR.fax_id == fax_id)
        .order_by(*(column.desc() for column in BY_ORDER))
        .limit(1)
    )
    return connection.execute(query).first()


def _is_open(connection: Connection, mail_id: str) -> bool:
    query = select(_FAX.id).where(_FAX.mail_id == mail_id, _FAX.state.in_(lifecycle.OPEN_FAXES))
    return connection.scalar(query.limit(1)) is not None
