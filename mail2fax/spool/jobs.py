"""Ledger commands of sending: jobs from ready to ordered, and everything in between.

Every change of a job and what follows from it for its faxes and the owed replies is one
transaction (K4).
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, update

from mail2fax.json_form import as_json
from mail2fax.spool import frozen, pauses, remarks, schema, stops
from mail2fax.spool.finding import get
from mail2fax.spool.lifecycle import FaxEvent, FaxState, JobEvent, JobState, MailState
from mail2fax.spool.moves import FAX, JOB, line, move, remember
from mail2fax.spool.naming import new_id, token_of
from mail2fax.spool.replies import ACCEPTED, FROZEN, HELD, OUTCOME, WAITING, owe
from mail2fax.values import End, Outcome

_JOB, _FAX, _MAIL, _PAIR = schema.job.c, schema.fax.c, schema.mail.c, schema.job_fax.c
_UNDER_WAY = (JobState.READY, JobState.UPLOADED, JobState.INTENT, JobState.IN_DOUBT)
_WRITTEN_OFF = (JobState.CANCELLED, JobState.REFUSED)


# Statements that run for every job are built once: building costs four times what running does.
_STOPPED = "an administrator has stopped this sender"
_PAUSED = "an administrator keeps it on hold"
CANCELLED = "cancelled"
STOPPED_IN_TIME = "It was cancelled before it was handed over."
_NEVER_TAKEN = "It was cancelled, and Fax.Plus never took it."


# Coming to be

_FIRST_ORDER = (
    select(func.min(_JOB.created_at))
    .join_from(schema.job, schema.job_fax, _PAIR.job_id == _JOB.id)
    .where(_PAIR.fax_id.in_(bindparam("faxes", expanding=True)))
)
_ONE_MORE_ORDER = (
    update(schema.fax)
    .where(_FAX.id.in_(bindparam("faxes", expanding=True)))
    .values(orders=_FAX.orders + 1)
)
_ORDERS = select(_FAX.id, _FAX.orders, _FAX.options).where(
    _FAX.id.in_(bindparam("faxes", expanding=True))
)
_PENDING = (
    select(_FAX.id, _FAX.options)
    .where(_FAX.mail_id == bindparam("mail"), _FAX.state == FaxState.PENDING)
    .order_by(_FAX.ordinal)
)
_NEW_JOB = insert(schema.job)
_NEW_PAIR = insert(schema.job_fax)


def create(
    connection: Connection,
    mail_id: str,
    fax_ids: Sequence[str],
    now: float,
    *,
    not_before: float = 0.0,
    supersedes: str | None = None,
) -> str:
    """Create the job that orders these faxes of one mail; its id.

    Its token is the first fax's, counted on from that fax's second order. Its ``created_at`` is
    where waiting and giving up count from: the time it is wanted for (``at``), and for a later
    order that of the first.
    """
    orders = {row[0]: row[1:] for row in connection.execute(_ORDERS, {"faxes": fax_ids})}
    is_first = not any(count for count, _ in orders.values())
    begun = None if is_first else connection.scalar(_FIRST_ORDER, {"faxes": fax_ids})
    connection.execute(_ONE_MORE_ORDER, {"faxes": fax_ids})
    first = fax_ids[0]
    earlier, chosen = orders[first]
    wanted_at = (chosen or {}).get("at") or 0.0
    job_id = new_id(now)
    row = {
        "id": job_id,
        "mail_id": mail_id,
        "state": JobState.READY,
        "token": token_of(first, earlier + 1),
        "supersedes": supersedes,
        "created_at": max(now, not_before, wanted_at) if begun is None else begun,
        "tries": 0,
        "next_try": max(now, not_before),
        "misses": 0,
        "why": "",
    }
    connection.execute(_NEW_JOB, [row])
    connection.execute(_NEW_PAIR, [{"job_id": job_id, "fax_id": fax_id} for fax_id in fax_ids])
    remember(connection, [line(JOB, mail_id, job_id, "created", JobState.READY, now)])
    return job_id


def create_for_mail(connection: Connection, mail_id: str, now: float, per_order: int) -> None:
    """Create the jobs of a prepared mail: its pending faxes, ``per_order`` to one POST (R1).

    Only faxes that are sent in the same way share one.
    """
    alike: dict[str, list[str]] = {}
    for row in connection.execute(_PENDING, {"mail": mail_id}):
        alike.setdefault(json.dumps(row.options, sort_keys=True), []).append(row.id)
    for fax_ids in alike.values():
        for start in range(0, len(fax_ids), per_order):
            create(connection, mail_id, fax_ids[start : start + per_order], now)


def create_where_prepared(connection: Connection, fax_ids: Sequence[str], now: float) -> None:
    """Create the jobs of released faxes whose mail is prepared; preparing creates the others."""
    fax, mail = schema.fax.c, schema.mail.c
    rows = connection.execute(
        select(fax.id, fax.mail_id)
        .join_from(schema.fax, schema.mail, fax.mail_id == mail.id)
        .where(fax.id.in_(fax_ids), mail.state == MailState.PREPARED)
        .order_by(fax.id)
    )
    for fax_id, mail_id in rows.all():
        create(connection, mail_id, [fax_id], now)


# Going forward


_UPLOADED = (
    update(schema.document)
    .where(
        schema.document.c.mail_id == bindparam("mail"),
        schema.document.c.file == bindparam("which"),
    )
    .values(upload_path=bindparam("upload_path"), uploaded_at=bindparam("uploaded_at"))
)


def document_uploaded(
    connection: Connection, mail_id: str, file: str, path: str, now: float
) -> None:
    """Fax.Plus holds a prepared file at ``path``; every job of the mail may use it (R1)."""
    uploaded = {"mail": mail_id, "which": file, "upload_path": path, "uploaded_at": now}
    connection.execute(_UPLOADED, uploaded)


def happened(
    connection: Connection, job_id: str, event: JobEvent, now: float, why: str = ""
) -> None:
    """An event that concerns the job alone, such as uploaded or uploads lost."""
    move(connection, JOB, job_id, event, now, why, why=why)


def intended(connection: Connection, job_id: str, now: float) -> bool:
    """The intent is on disk before the first byte of the POST (S2).

    This is the one door to it: a job that a person wants stopped ends here (W6), one that is
    paused (K8) or whose sender is frozen (L8) is held instead, however it came here.

    Returns:
        Whether the job may be posted.
    """
    if stops.of_job(connection, job_id):
        ended(connection, job_id, JobEvent.CANCELLED, CANCELLED, now, STOPPED_IN_TIME)
        return False
    if pauses.has_job(connection, job_id):
        pause(connection, job_id, now)
        return False
    if frozen.names(connection):
        sender = frozen.identity_of(connection, get(connection, job_id).mail_id)
        name = frozen.name_for(connection, sender)
        if name is not None:
            hold_frozen(connection, job_id, name, now)
            return False
    move(
        connection, JOB, job_id, JobEvent.INTENDED, now,
        intent_at=now, doubt=None, doubt_since=None, misses=0,
    )  # fmt: skip
    return True


def ordered(
    connection: Connection, job_id: str, ids: dict[str, str], now: float, first_poll: float
) -> None:
    """Fax.Plus answered with fax IDs: on disk together with the reply that tells them."""
    _taken(connection, job_id, JobEvent.ORDERED, ids, now, first_poll)


def found(
    connection: Connection, job_id: str, ids: dict[str, str], now: float, first_poll: float
) -> None:
    """A listing shows the job's token: adopt what it says, destination by destination (S3, S4).

    Successors that a settled miss had created and that were not posted yet are cancelled. A
    destination of a settled doubt without a hit is ordered again, by a job of its own.
    """
    was_in_doubt = get(connection, job_id).state == JobState.IN_DOUBT
    _taken(connection, job_id, JobEvent.FOUND, ids, now, first_poll)
    connection.execute(update(schema.job).where(schema.job.c.id == job_id).values(seen_at=now))
    job = schema.job.c
    not_posted = job.state.in_((JobState.READY, JobState.UPLOADED)) | (
        (job.state == JobState.HELD) & job.doubt.is_(None)
    )
    successors = connection.execute(select(job.id).where(job.supersedes == job_id, not_posted))
    for (successor,) in successors.all():
        why = "its predecessor was found"
        move(connection, JOB, successor, JobEvent.CANCELLED, now, why, why=why)
    if was_in_doubt:
        order_rest(connection, job_id, now)


def _taken(
    connection: Connection,
    job_id: str,
    event: JobEvent,
    ids: dict[str, str],
    now: float,
    first_poll: float,
) -> None:
    """Fax.Plus has the job: its faxes are ordered, the accepted reply may be due."""
    move(connection, JOB, job_id, event, now, ordered_at=now, why="")
    job = get(connection, job_id)
    for fax in job.faxes:
        written_off = fax.state in (FaxState.PENDING, FaxState.FAILED, FaxState.CANCELLED)
        if written_off and fax.number in ids:
            move(
                connection, FAX, fax.id, FaxEvent.ORDERED, now, ids[fax.number],
                fax_plus_id=ids[fax.number], ordered_at=now, next_poll=now + first_poll,
                outcome=None,
            )  # fmt: skip
            remarks.learned(connection, job.mail_id, ids[fax.number], job.token)
    _settled_so_far(connection, job.mail_id, now)


_JOBS_UNDER_WAY = select(func.count()).where(
    _JOB.mail_id == bindparam("mail"), _JOB.state.in_(_UNDER_WAY)
)
_FAXES_TAKEN = select(func.count()).where(
    _FAX.mail_id == bindparam("mail"), _FAX.fax_plus_id.is_not(None)
)


def _settled_so_far(connection: Connection, mail_id: str, now: float) -> None:
    """The accepted reply is due once no job of the mail is under way any more."""
    under_way = connection.scalar(_JOBS_UNDER_WAY, {"mail": mail_id})
    if not under_way and connection.scalar(_FAXES_TAKEN, {"mail": mail_id}):
        owe(connection, mail_id, ACCEPTED, now)


def seen(connection: Connection, job_ids: Sequence[str], now: float) -> None:
    """The tokens of these ordered jobs appeared in a listing (visibility probe)."""
    rows = schema.job
    connection.execute(update(rows).where(rows.c.id.in_(job_ids)).values(seen_at=now))


# Not going forward


def postponed(connection: Connection, job_id: str, tries: int, next_try: float, why: str) -> None:
    """Something temporary before the POST: the same step again later."""
    rows = schema.job
    connection.execute(
        update(rows).where(rows.c.id == job_id).values(tries=tries, next_try=next_try, why=why)
    )


def never_left(
    connection: Connection, job_id: str, tries: int, next_try: float, now: float, why: str
) -> None:
    """No byte of the POST left this machine: it may be posted again (R2)."""
    move(
        connection, JOB, job_id, JobEvent.NEVER_LEFT, now, why,
        tries=tries, next_try=next_try, why=why,
    )  # fmt: skip


def answer_lost(
    connection: Connection, job_id: str, doubt: str, next_try: float, now: float, why: str
) -> None:
    """The POST has no answer that settles it; ``doubt`` is the `Fate` it got.

    ``next_try`` is the earliest time to post again, should a listing allow it.
    """
    move(
        connection, JOB, job_id, JobEvent.ANSWER_LOST, now, why,
        doubt=doubt, doubt_since=now, misses=0, next_try=next_try, why=why,
    )  # fmt: skip


def suspected(connection: Connection, job_id: str, doubt: str, now: float, why: str) -> None:
    """After a restart that cannot vouch for the ledger, an open job is as good as posted.

    It may have been at any time since its mail came.
    """
    intent_at = get(connection, job_id).received_at
    move(
        connection, JOB, job_id, JobEvent.SUSPECTED, now, why,
        doubt=doubt, doubt_since=now, intent_at=intent_at, misses=0, why=why,
    )  # fmt: skip


def copied(connection: Connection, doubt: str) -> None:
    """What is in doubt may be ordered by another ledger, too: a miss does not settle it."""
    rows = schema.job
    connection.execute(update(rows).where(rows.c.state == JobState.IN_DOUBT).values(doubt=doubt))


def missed(connection: Connection, job_id: str) -> None:
    """One more complete listing without any trace of the job."""
    rows = schema.job
    connection.execute(update(rows).where(rows.c.id == job_id).values(misses=rows.c.misses + 1))


def post_again(connection: Connection, job_id: str, now: float, why: str) -> None:
    """One complete listing showed that what was throttled or barred did not happen."""
    move(connection, JOB, job_id, JobEvent.POST_AGAIN, now, why, why=why, tries=0)


def missing(connection: Connection, job_id: str, now: float) -> None:
    """A settled miss: order again, as a new job with a token of its own that names the old."""
    move(connection, JOB, job_id, JobEvent.MISS_SETTLED, now)
    order_rest(connection, job_id, now)


def order_rest(connection: Connection, job_id: str, now: float) -> None:
    """A new job, naming the old, for those of its faxes that are still to be ordered.

    Those that a person wants stopped end instead (W6).
    """
    job = get(connection, job_id)
    pending = [fax.id for fax in job.faxes if fax.state == FaxState.PENDING]
    unwanted = stops.among(connection, pending)
    for fax_id in sorted(unwanted):
        stopped(connection, job.mail_id, fax_id, _NEVER_TAKEN, now)
    wanted = [fax_id for fax_id in pending if fax_id not in unwanted]
    if wanted:
        create(connection, job.mail_id, wanted, now, supersedes=job_id)


def stopped(connection: Connection, mail_id: str, fax_id: str, why: str, now: float) -> None:
    """A fax that a person wants stopped has not gone and will not: its outcome is due."""
    outcome = as_json(Outcome(End.CANCELLED, CANCELLED, now, why))
    move(connection, FAX, fax_id, FaxEvent.CANCELLED, now, why, outcome=outcome)
    owe(connection, mail_id, OUTCOME, now, fax_id=fax_id)


def pause(connection: Connection, job_id: str, now: float) -> None:
    """Hold a job that was not posted, because an administrator said so (K8)."""
    move(connection, JOB, job_id, JobEvent.HELD, now, _PAUSED, why=_PAUSED, held_at=now)


def held(connection: Connection, job_id: str, now: float, why: str) -> None:
    """Nobody but a person can decide; both sides are told."""
    move(connection, JOB, job_id, JobEvent.HELD, now, why, why=why, held_at=now)
    job = get(connection, job_id)
    for fax in job.faxes:
        owe(connection, job.mail_id, HELD, now, fax_id=fax.id)
    _settled_so_far(connection, job.mail_id, now)


def hold_frozen(connection: Connection, job_id: str, name: str, now: float) -> None:
    """Hold a job that was not posted, for a name that is frozen; its person is told (L8)."""
    move(
        connection, JOB, job_id, JobEvent.HELD, now, _STOPPED,
        why=_STOPPED, frozen=name, held_at=now,
    )  # fmt: skip
    job = get(connection, job_id)
    for fax in job.faxes:
        owe(connection, job.mail_id, FROZEN, now, fax_id=fax.id)
    _settled_so_far(connection, job.mail_id, now)


def ended(
    connection: Connection, job_id: str, event: JobEvent, status: str, now: float, why: str
) -> None:
    """The job will not be posted: its pending faxes have failed, their outcome is due.

    Args:
        event: GAVE_UP, REFUSAL_CONFIRMED, DAMAGED or CANCELLED.
        status: Fax.Plus's word or ours, kept with the outcome.
        why: the sentence the person reads.
    """
    move(connection, JOB, job_id, event, now, why, why=why)
    job = get(connection, job_id)
    cancelled = event is JobEvent.CANCELLED
    end = End.CANCELLED if cancelled else End.NOT_SENT
    outcome = as_json(Outcome(end, status, now, why))
    for fax in job.faxes:
        if fax.state == FaxState.PENDING:
            what = FaxEvent.CANCELLED if cancelled else FaxEvent.FAILED
            move(connection, FAX, fax.id, what, now, why, outcome=outcome)
            owe(connection, job.mail_id, OUTCOME, now, fax_id=fax.id)
    _settled_so_far(connection, job.mail_id, now)


_TOLD_WAITING = select(schema.reply.c.mail_id).where(schema.reply.c.kind == WAITING)
_WAITS_UNTOLD = _JOB.state.in_(_UNDER_WAY) & _JOB.mail_id.not_in(_TOLD_WAITING)


def waits_untold_since(connection: Connection) -> float | None:
    """Since when the oldest job under way waits whose mail was not told so; None without one."""
    found: float | None = connection.scalar(select(func.min(_JOB.created_at)).where(_WAITS_UNTOLD))
    return found


def tell_waiting(connection: Connection, before: float, now: float) -> int:
    """Owe the "not sent yet" reply of every mail whose jobs wait since ``before``; the count."""
    waiting = connection.scalars(
        select(_JOB.mail_id).where(_WAITS_UNTOLD, _JOB.created_at <= before).distinct()
    ).all()
    for mail_id in waiting:
        owe(connection, mail_id, WAITING, now)
    return len(waiting)
