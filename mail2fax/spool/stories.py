"""Ledger reads: what is known of a mail, for replies and ``mail2fax queue``."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, exists, func, select

from mail2fax.json_form import from_json
from mail2fax.spool import delivery_reports, marks, schema
from mail2fax.spool.finding import BY_ORDER, document_of, options_of_fax
from mail2fax.spool.lifecycle import FaxState, JobState, MailState, ReplyState
from mail2fax.spool.records import (
    FaxStory,
    HistoryLine,
    MailStory,
    NumberMark,
    ReplyStory,
)
from mail2fax.values import Identity, NotFaxed, Options, Outcome, Recipient

_JOB, _REPLY, _LINE = schema.job.c, schema.reply.c, schema.history.c
_THIS: BindParameter[str] = bindparam("mail")
_MAIL = select(schema.mail).where(schema.mail.c.id == _THIS)
_DOCUMENTS = (
    select(schema.document)
    .where(schema.document.c.mail_id == _THIS)
    .order_by(schema.document.c.ordinal)
)
_FAXES = (
    select(schema.fax, schema.stop.c.said, schema.report.c.file.label("report"))
    .outerjoin_from(schema.fax, schema.stop, schema.stop.c.fax_id == schema.fax.c.id)
    .outerjoin(schema.report, schema.report.c.fax_id == schema.fax.c.id)
    .where(schema.fax.c.mail_id == _THIS)
    .order_by(schema.fax.c.ordinal)
)
_JOBS = (
    select(schema.job_fax.c.fax_id, _JOB.state, _JOB.why, _JOB.next_try)
    .join_from(schema.job, schema.job_fax, schema.job_fax.c.job_id == _JOB.id)
    .where(_JOB.mail_id == _THIS)
    .order_by(*BY_ORDER)
)
_REPLIES = (
    select(
        _REPLY.id, _REPLY.kind, _REPLY.state, _REPLY.due_at,
        _REPLY.told_at, _REPLY.told_to, _REPLY.why,
    )
    .where(_REPLY.mail_id == _THIS)
    .order_by(_REPLY.id)
)  # fmt: skip
_LINES = (
    select(_LINE.at, _LINE.subject, _LINE.subject_id, _LINE.event, _LINE.state, _LINE.detail)
    .where(_LINE.mail_id == _THIS)
    .order_by(_LINE.id)
)
_NEWEST_JOB = (
    select(_JOB.state)
    .join_from(schema.job, schema.job_fax, schema.job_fax.c.job_id == _JOB.id)
    .where(schema.job_fax.c.fax_id == schema.fax.c.id)
    .order_by(*(column.desc() for column in BY_ORDER))
    .limit(1)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One line of ``queue list``: a fax and where it stands.

    Attributes:
        job_state: of its newest job, None while it has none.
        is_to_stop: whether a person wants it stopped.
    """

    reference: str
    ordinal: int
    received_at: float
    number: str
    mail_state: str
    fax_state: str
    fax_plus_id: str | None
    who: str
    job_state: str | None
    is_to_stop: bool

    @property
    def where(self) -> str:
        """In a word: what a person would ask about."""
        if self.mail_state != MailState.PREPARED:
            return self.mail_state
        if self.is_to_stop and self.fax_state == FaxState.ORDERED:
            return "stopping"
        waits = self.fax_state == FaxState.PENDING and self.job_state == JobState.HELD
        return "held" if waits else self.fax_state


@dataclass(frozen=True, slots=True)
class Untold:
    """One line of ``queue list --untold``: what nobody could be told, since when it was due."""

    reference: str
    kind: str
    due_at: float
    why: str


def of_mail(connection: Connection, mail_id: str) -> MailStory:
    """The whole story of one mail by its id."""
    row = connection.execute(_MAIL, {"mail": mail_id}).one()
    return MailStory(
        id=row.id,
        reference=row.reference,
        state=row.state,
        received_at=row.received_at,
        size=row.size,
        mail_from=row.mail_from,
        peer=row.peer,
        helo=row.helo,
        listener=row.listener,
        identity=from_json(Identity, row.identity),
        subject=row.subject,
        message_id=row.message_id,
        thread=row.thread,
        reply_to=tuple(row.reply_to),
        replies=row.replies,
        options=from_json(Options, row.options),
        refused_recipients=tuple(
            (refused["written"], refused["response"]) for refused in row.refused_recipients
        ),
        comment=row.comment,
        not_faxed=tuple(from_json(NotFaxed, part) for part in row.not_faxed),
        why=row.why,
        documents=_documents(connection, mail_id),
        faxes=_faxes(connection, mail_id),
        told=_told(connection, mail_id),
        history=_history(connection, mail_id),
        hold_until=row.next_try if row.state == MailState.HELD else None,
        answer_token=_answer_token(connection, mail_id),
        recipients=tuple(from_json(Recipient, one) for one in row.recipients),
        envelope_id=row.envelope_id,
    )


def of_reference(connection: Connection, reference: str) -> MailStory | None:
    """The story of the mail with this reference (``M2F-7K3QX``, with or without ``/1``)."""
    wanted = reference.upper().split("/")[0]
    mail_id = connection.scalar(select(schema.mail.c.id).where(schema.mail.c.reference == wanted))
    return None if mail_id is None else of_mail(connection, mail_id)


def queue(connection: Connection, limit: int, *, everything: bool) -> list[QueueLine]:
    """The faxes without an outcome, or with ``everything`` all of them, newest first."""
    mail, fax = schema.mail.c, schema.fax.c
    query = (
        select(
            mail.reference,
            fax.ordinal,
            mail.received_at,
            fax.number,
            mail.state.label("mail"),
            fax.state.label("fax"),
            fax.fax_plus_id,
            mail.who,
            _NEWEST_JOB.label("job"),
            exists().where(schema.stop.c.fax_id == fax.id).label("stop"),
        )
        .join_from(schema.fax, schema.mail, fax.mail_id == mail.id)
        .order_by(mail.received_at.desc(), fax.ordinal)
        .limit(limit)
    )
    if not everything:
        query = query.where(fax.outcome.is_(None) | (func.json_type(fax.outcome) == "null"))
    return [QueueLine(*row) for row in connection.execute(query)]


def untold(connection: Connection, limit: int) -> list[Untold]:
    """What nobody could be told, newest first; a report for programs repeats a reply."""
    mail, reply = schema.mail.c, schema.reply.c
    query = (
        select(mail.reference, reply.kind, reply.due_at, reply.why)
        .join_from(schema.reply, schema.mail, reply.mail_id == mail.id)
        .where(reply.state == ReplyState.UNDELIVERABLE)
        .order_by(reply.due_at.desc())
        .limit(limit)
    )
    rows = [Untold(*row) for row in connection.execute(query)]
    return [one for one in rows if delivery_reports.followed(one.kind) is None]


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """How many mails, jobs, faxes and replies are in each state."""
    tables = {"mail": schema.mail, "job": schema.job, "fax": schema.fax, "reply": schema.reply}
    return {name: _count(connection, rows) for name, rows in tables.items()}


def _count(connection: Connection, rows: Any) -> dict[str, int]:
    query = select(rows.c.state, func.count()).group_by(rows.c.state)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _documents(connection: Connection, mail_id: str) -> tuple[Any, ...]:
    return tuple(document_of(row) for row in connection.execute(_DOCUMENTS, {"mail": mail_id}))


def _faxes(connection: Connection, mail_id: str) -> tuple[FaxStory, ...]:
    jobs, known = _newest_jobs(connection, mail_id), marks.known_before(connection, mail_id)
    rows = connection.execute(_FAXES, {"mail": mail_id})
    return tuple(_fax_story(row, jobs.get(row.id), known.get(row.number)) for row in rows)


def _newest_jobs(connection: Connection, mail_id: str) -> dict[str, Any]:
    newest: dict[str, Any] = {}
    for row in connection.execute(_JOBS, {"mail": mail_id}):
        newest[row.fax_id] = row
    return newest


def _fax_story(row: Row[Any], job: Row[Any] | None, mark: NumberMark | None) -> FaxStory:
    return FaxStory(
        id=row.id,
        ordinal=row.ordinal,
        state=row.state,
        number=row.number,
        written=row.written,
        country=row.country,
        reading=row.reading,
        name=row.name,
        orders=row.orders,
        fax_plus_id=row.fax_plus_id,
        ordered_at=row.ordered_at,
        outcome=_outcome(row.outcome),
        job_state=job.state if job else None,
        job_why=job.why if job else "",
        next_try=job.next_try if job else None,
        options=options_of_fax(row.options),
        report=row.report,
        mark=mark,
        again_of=row.again_of,
        stop=row.said,
    )


def _outcome(data: dict[str, Any] | None) -> Outcome | None:
    return None if data is None else from_json(Outcome, data)


def _told(connection: Connection, mail_id: str) -> tuple[ReplyStory, ...]:
    return tuple(ReplyStory(*row) for row in connection.execute(_REPLIES, {"mail": mail_id}))


def _history(connection: Connection, mail_id: str) -> tuple[HistoryLine, ...]:
    return tuple(HistoryLine(*row) for row in connection.execute(_LINES, {"mail": mail_id}))


def _answer_token(connection: Connection, mail_id: str) -> str:
    rows = schema.token.c
    return connection.scalar(select(rows.token).where(rows.mail_id == mail_id).limit(1)) or ""
