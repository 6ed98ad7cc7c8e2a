"""Ledger reads of sending: which jobs are due, open, in doubt, or may yet come to light."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select, union_all

from mail2fax.json_form import from_json
from mail2fax.spool import members, schema
from mail2fax.spool.lifecycle import FaxState, JobState
from mail2fax.spool.portions import in_portions
from mail2fax.spool.records import DocumentAtRest, FaxToOrder, Job
from mail2fax.values import Converted, Document, Options

_JOB, _FAX, _MAIL, _PAIR = schema.job.c, schema.fax.c, schema.mail.c, schema.job_fax.c
_WRITTEN_OFF = (JobState.CANCELLED, JobState.REFUSED)
_RECENT = 1000

# Statements that run for every job are built once: building costs four times what running does.


BY_ORDER = (func.length(_JOB.token), _JOB.token)
"""Sorts the jobs of a fax by which order of it they are, as the end of their tokens counts it:
times and ids follow a clock, which may have been set back between two starts (K10)."""
_JOBS = select(
    schema.job, _MAIL.reference, _MAIL.received_at, _MAIL.options, _MAIL.comment
).join_from(schema.job, schema.mail, _JOB.mail_id == _MAIL.id)
_TO_DO = (JobState.READY, JobState.UPLOADED)


def _first_due(state: JobState) -> Any:
    """The jobs of one state whose time came first: read off the index, however many wait."""
    wanted = [
        _JOB.state == state,
        _JOB.next_try <= bindparam("now"),
        _JOB.id.not_in(bindparam("in_hand", expanding=True)),
    ]
    if state == JobState.READY:
        wanted.append(_JOB.mail_id.not_in(bindparam("uploading", expanding=True)))
    first = select(_JOB.id).where(*wanted).order_by(_JOB.next_try).limit(bindparam("most"))
    return select(first.subquery().c.id)


_DUE = (
    _JOBS.where(_JOB.id.in_(union_all(*(_first_due(state) for state in _TO_DO))))
    .order_by(_JOB.next_try)
    .limit(bindparam("most"))
)
_NEXT_DUE = select(func.min(_JOB.next_try)).where(_JOB.state == bindparam("state"))
_BY_ID = _JOBS.where(_JOB.id == bindparam("job"))


def due(
    connection: Connection,
    now: float,
    limit: int,
    in_hand: Sequence[str] = (),
    uploading: Sequence[str] = (),
) -> list[Job]:
    """Jobs to be uploaded or posted now, oldest first.

    Args:
        in_hand: jobs that are being carried already.
        uploading: mails whose documents are on their way; their other jobs wait for them (R1).
    """
    wanted = {"now": now, "most": limit, "in_hand": in_hand, "uploading": uploading}
    return _jobs(connection, _DUE, wanted)


def next_due_at(connection: Connection) -> float | None:
    """When the next job is due, None if none is."""
    times = [connection.scalar(_NEXT_DUE, {"state": state}) for state in _TO_DO]
    return min((time for time in times if time is not None), default=None)


def is_known_elsewhere(
    connection: Connection, fax_plus_ids: Sequence[str], fax_ids: Sequence[str]
) -> bool:
    """Whether one of Fax.Plus's IDs is known as that of another fax than these."""
    known = select(_FAX.id).where(_FAX.fax_plus_id.in_(fax_plus_ids), _FAX.id.not_in(fax_ids))
    return connection.scalar(known.limit(1)) is not None


def wanted_before(connection: Connection, moment: float) -> list[Job]:
    """Jobs that are still to be uploaded or posted and were wanted before a moment."""
    wanted = _JOBS.where(_JOB.state.in_(_TO_DO), _JOB.created_at <= moment)
    return _jobs(connection, wanted.order_by(_JOB.id))


def in_state(connection: Connection, *states: JobState) -> list[Job]:
    """All jobs in these states, oldest first."""
    return _jobs(connection, _JOBS.where(_JOB.state.in_(states)).order_by(_JOB.id))


_MAY_BE_STRAY = _JOB.state.in_((JobState.INTENT, JobState.HELD)) | (
    _JOB.state.in_(_WRITTEN_OFF) & (_JOB.created_at >= bindparam("since"))
)
_OLDEST_STRAY = select(func.min(func.coalesce(_JOB.intent_at, _JOB.created_at)))
_OLDEST_STRAY = _OLDEST_STRAY.where(_MAY_BE_STRAY)
_SOME: BindParameter[str] = bindparam("some", expanding=True)
_MARKED = _JOBS.where(_JOB.token.in_(_SOME), _MAY_BE_STRAY | _JOB.state.in_(_TO_DO))
_UNSEEN = select(_JOB.id).where(
    _JOB.token.in_(_SOME), _JOB.state == JobState.ORDERED, _JOB.seen_at.is_(None)
)


def marked(connection: Connection, tokens: Iterable[str], since: float) -> list[Job]:
    """Jobs without a fax ID, and not in doubt, with one of these tokens (S3: both stay searched).

    Those written off are looked for when they were created since ``since``.
    """
    rows = in_portions(connection, _MARKED, tokens, since=since)
    return _made(connection, rows)


def oldest_stray(connection: Connection, since: float) -> float | None:
    """Since when such a job that is not to be posted may have been ordered; None without one."""
    found: float | None = connection.scalar(_OLDEST_STRAY, {"since": since})
    return found


def get(connection: Connection, job_id: str) -> Job:
    """One job by its id."""
    return _jobs(connection, _BY_ID, {"job": job_id})[0]


def successors(connection: Connection, job_id: str) -> list[str]:
    """The states of the jobs that a settled miss of this one created."""
    job = schema.job.c
    return list(connection.scalars(select(job.state).where(job.supersedes == job_id)))


def oldest_open_mail(connection: Connection) -> float | None:
    """When the oldest mail with a fax that has no outcome was received, None without one."""
    mail, fax = schema.mail.c, schema.fax.c
    found: float | None = connection.scalar(
        select(func.min(mail.received_at))
        .join_from(schema.fax, schema.mail, fax.mail_id == mail.id)
        .where(fax.state.in_((FaxState.PENDING, FaxState.TWIN, FaxState.ORDERED)))
    )
    return found


def probes(
    connection: Connection, before: float, limit: int, user_id: str | None = None
) -> list[bool]:
    """The visibility probe (S3): was each of our own tokens later seen in a listing?

    Asked of the newest ``limit`` jobs of one user, among the account's latest thousand, that a
    plain 2xx ordered before ``before``: what other users' lists show says nothing about this
    one's. A job that was stopped before it was seen had no time to appear.
    """
    job, pair, stop = schema.job.c, schema.job_fax.c, schema.stop.c
    normal = (job.state == JobState.ORDERED) & job.doubt.is_(None) & (job.ordered_at <= before)
    stopped = select(pair.job_id).join_from(schema.job_fax, schema.stop, stop.fax_id == pair.fax_id)
    normal &= job.seen_at.is_not(None) | job.id.not_in(stopped)
    newest = select(job.id).where(normal).order_by(job.ordered_at.desc()).limit(_RECENT)
    mine = job.id.in_(select(newest.subquery().c.id)) & members.is_job_of(user_id)
    rows = connection.scalars(
        select(job.seen_at).where(mine).order_by(job.ordered_at.desc()).limit(limit)
    )
    return [seen is not None for seen in rows]


def unseen(connection: Connection, tokens: Iterable[str]) -> list[str]:
    """The ordered jobs with one of these tokens that no listing had shown yet."""
    return [job for (job,) in in_portions(connection, _UNSEEN, tokens)]


def _jobs(
    connection: Connection, query: Select[Any], wanted: dict[str, Any] | None = None
) -> list[Job]:
    return _made(connection, connection.execute(query, wanted or {}).all())


def _made(connection: Connection, rows: Sequence[Row[Any]]) -> list[Job]:
    if not rows:
        return []
    documents = _documents(connection, {row.mail_id for row in rows})
    faxes = _faxes(connection, {row.id for row in rows})
    return [_job(row, documents.get(row.mail_id, ()), faxes.get(row.id, ())) for row in rows]


def _job(row: Row[Any], documents: Iterable[DocumentAtRest], faxes: Iterable[FaxToOrder]) -> Job:
    return Job(
        id=row.id,
        mail_id=row.mail_id,
        reference=row.reference,
        state=row.state,
        token=row.token,
        supersedes=row.supersedes,
        created_at=row.created_at,
        received_at=row.received_at,
        tries=row.tries,
        next_try=row.next_try,
        intent_at=row.intent_at,
        ordered_at=row.ordered_at,
        doubt=row.doubt,
        doubt_since=row.doubt_since,
        misses=row.misses,
        seen_at=row.seen_at,
        why=row.why,
        options=_options(row, faxes),
        comment=row.comment,
        documents=tuple(documents),
        faxes=tuple(faxes),
        held_at=row.held_at,
    )


def _options(row: Row[Any], faxes: Iterable[FaxToOrder]) -> Options:
    """Those of its faxes, which are alike; of a ledger from before, the mail's."""
    chosen = next((fax.options for fax in faxes if fax.options), None)
    return chosen or from_json(Options, row.options)


_DOCUMENTS = (
    select(schema.document)
    .where(schema.document.c.mail_id.in_(bindparam("mails", expanding=True)))
    .order_by(schema.document.c.mail_id, schema.document.c.ordinal)
)
_FAXES = (
    select(
        _PAIR.job_id, _FAX.id, _FAX.number, _FAX.state, _FAX.orders, _FAX.fax_plus_id, _FAX.options
    )
    .join_from(schema.job_fax, schema.fax, _PAIR.fax_id == _FAX.id)
    .where(_PAIR.job_id.in_(bindparam("jobs", expanding=True)))
    .order_by(_FAX.ordinal)
)


def _documents(connection: Connection, mail_ids: set[str]) -> dict[str, list[DocumentAtRest]]:
    found: dict[str, list[DocumentAtRest]] = {}
    for row in connection.execute(_DOCUMENTS, {"mails": list(mail_ids)}):
        at_rest = DocumentAtRest(row.ordinal, document_of(row), row.upload_path, row.uploaded_at)
        found.setdefault(row.mail_id, []).append(at_rest)
    return found


def document_of(row: Row[Any]) -> Document:
    """A row of the document table as the value."""
    return Document(
        row.part,
        row.filename,
        row.content_type,
        row.size,
        row.sha256,
        row.pages,
        row.file,
        row.role,
        from_json(Converted, row.converted) if row.converted else None,
    )


def options_of_fax(data: dict[str, Any] | None) -> Options | None:
    """How a fax is sent; None before its mail was prepared, and in a ledger from before."""
    return None if data is None else from_json(Options, data)


def _faxes(connection: Connection, job_ids: set[str]) -> dict[str, list[FaxToOrder]]:
    found: dict[str, list[FaxToOrder]] = {}
    for row in connection.execute(_FAXES, {"jobs": list(job_ids)}):
        found.setdefault(row.job_id, []).append(
            FaxToOrder(
                row.id,
                row.number,
                row.state,
                row.orders,
                row.fax_plus_id,
                options_of_fax(row.options),
            )
        )
    return found
