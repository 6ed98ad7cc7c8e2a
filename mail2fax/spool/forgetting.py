"""Forgetting: content is destroyed when its time is over, rows later (K7).

A power cut at any moment only repeats a step. The row says *purging*, in one transaction with
the end of everything in the ledger that a person wrote; then the files go, then their names are
durably gone, then the row says *purged*. What a cut brings back is removed at the next start,
because no row speaks for it (K3).
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from mail2fax import events
from mail2fax.errors import Mail2FaxError, SpoolBroken, SpoolFull
from mail2fax.spool import audit, ends, schema, snapshot
from mail2fax.spool.ends import Keep
from mail2fax.spool.lifecycle import ENDED_MAILS, MailEvent, MailState, ReplyState
from mail2fax.spool.migration import forget_copies
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.spool import LEDGER, Spool

_AT_ONCE = 100
_LONGEST_REST = 60.0
_SHORTEST_REST = 0.2
_WORDLESS: dict[str, Any] = {"comment": None, "cover": None, "tags": []}
"""Options that hold somebody's words, without them."""


class NotOver(Mail2FaxError):
    """A mail cannot be forgotten now; the text says why and what to do."""


# Ledger commands


def expire(connection: Connection, keep: Keep, now: float) -> list[str]:
    """Begin to forget the mails whose time is over; all that are to be finished."""
    ends.set_times(connection, keep, _AT_ONCE)
    for mail_id in ends.due(connection, keep, now, _AT_ONCE):
        begin(connection, mail_id, now)
    return ends.in_state(connection, MailState.PURGING, _AT_ONCE)


def expire_now(connection: Connection, reference: str, now: float) -> str:
    """Begin to forget a mail before its time; its id.

    Raises:
        NotOver: it is not known, or something of it is still open.
    """
    mail = schema.mail.c
    wanted = reference.upper().split("/")[0]
    query = select(mail.id, mail.state).where(mail.reference == wanted)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotOver(f"there is no mail {reference}. See: mail2fax queue list --all")
    if row.state == MailState.PURGED:
        raise NotOver(f"the content of {wanted} is destroyed already")
    if row.state in ENDED_MAILS:
        if not ends.is_over(connection, row.id):
            raise NotOver(
                f"{wanted} has a fax without an outcome, or a reply that is not sent yet. "
                f"See: mail2fax queue show {wanted}"
            )
        begin(connection, row.id, now)
    elif row.state != MailState.PURGING:
        raise NotOver(f"{wanted} is {row.state}: it must be sent or dropped first")
    return str(row.id)


def begin(connection: Connection, mail_id: str, now: float) -> None:
    """The time of a mail is over: whatever a person wrote leaves the ledger, files follow."""
    _mark_remarks(connection, mail_id, now)
    _blank_faxes(connection, mail_id)
    for rows in (schema.document, schema.token, schema.report):
        connection.execute(delete(rows).where(rows.c.mail_id == mail_id))
    job, reply = schema.job, schema.reply
    connection.execute(update(job).where(job.c.mail_id == mail_id).values(why=""))
    untold = update(reply).where(reply.c.mail_id == mail_id)
    connection.execute(untold.values(why="", facts=None))
    line = schema.history
    told = (line.c.mail_id == mail_id) & (line.c.subject != "reply")
    connection.execute(update(line).where(told).values(detail=""))
    _blank_mail(connection, mail_id)
    move(connection, MAIL, mail_id, MailEvent.EXPIRED, now, purge_at=None)


def _mark_remarks(connection: Connection, mail_id: str, now: float) -> None:
    """Comments at Fax.Plus that hold words are cut from now on; the others need nothing."""
    mail, fax, rows = schema.mail.c, schema.fax.c, schema.remark
    comment = connection.scalar(select(mail.comment).where(mail.id == mail_id))
    options = connection.scalars(select(fax.options).where(fax.mail_id == mail_id)).all()
    mine = rows.c.mail_id == mail_id
    if comment or any((one or {}).get("comment") for one in options):
        connection.execute(update(rows).where(mine).values(next_try=now))
    else:
        connection.execute(delete(rows).where(mine))


def _blank_mail(connection: Connection, mail_id: str) -> None:
    mail = schema.mail
    options = connection.scalar(select(mail.c.options).where(mail.c.id == mail_id))
    connection.execute(
        update(mail)
        .where(mail.c.id == mail_id)
        .values(
            subject="", thread="", comment="", not_faxed=[], refused_recipients=[], why="",
            recipients=[], envelope_id="",
            options=_without_words(options),
        )
    )  # fmt: skip


def _blank_faxes(connection: Connection, mail_id: str) -> None:
    fax = schema.fax
    mine = select(fax.c.id, fax.c.options, fax.c.outcome).where(fax.c.mail_id == mail_id)
    for row in connection.execute(mine).all():
        outcome = {**row.outcome, "why": ""} if row.outcome else row.outcome
        connection.execute(
            update(fax)
            .where(fax.c.id == row.id)
            .values(
                written="", reading="", name=None, wishes=None,
                options=_without_words(row.options), outcome=outcome,
            )
        )  # fmt: skip


def _without_words(options: dict[str, Any] | None) -> dict[str, Any] | None:
    return {**options, **_WORDLESS} if options else options


def destroyed(connection: Connection, mail_ids: Sequence[str], now: float) -> None:
    """The files of these mails are gone, and so are their names.

    Somebody else may have been as quick (a person's command and the hour's round).
    """
    mail = schema.mail.c
    still = select(mail.id).where(mail.id.in_(mail_ids), mail.state == MailState.PURGING)
    for mail_id in connection.scalars(still).all():
        move(connection, MAIL, mail_id, MailEvent.PURGED, now)


def forget_rows(connection: Connection, before: float) -> int:
    """Forget what the ledger says of mails that came before a time; how many it was."""
    old = ends.too_old(connection, before, _AT_ONCE)
    if old:
        faxes = select(schema.fax.c.id).where(schema.fax.c.mail_id.in_(old)).scalar_subquery()
        for rows in (schema.usage, schema.job_fax, schema.stop, schema.pause):
            connection.execute(delete(rows).where(rows.c.fax_id.in_(faxes)))
        for rows in (
            schema.job, schema.reply, schema.fax, schema.history, schema.picture,
        ):  # fmt: skip
            connection.execute(delete(rows).where(rows.c.mail_id.in_(old)))
        connection.execute(delete(schema.mail).where(schema.mail.c.id.in_(old)))
    _forget_letters(connection, before)
    for rows in (schema.command, schema.marked_number):
        connection.execute(delete(rows).where(rows.c.at < before))
    return len(old)


def _forget_letters(connection: Connection, before: float) -> None:
    for rows in (schema.notice, schema.alert):
        over = (rows.c.due_at < before) & (rows.c.state != ReplyState.DUE)
        old = connection.scalars(select(rows.c.id).where(over).limit(_AT_ONCE)).all()
        forget_letters(connection, rows, old)


def forget_letters(connection: Connection, rows: Table, ids: Sequence[str]) -> None:
    """Forget some notices or alerts."""
    line = schema.history
    connection.execute(delete(line).where(line.c.mail_id.in_(ids)))
    connection.execute(delete(rows).where(rows.c.id.in_(ids)))


# Acting


async def destroy(spool: Spool, mail_ids: Sequence[str]) -> int:
    """Destroy the files of mails that are being forgotten, then what is left of their rows.

    What the disk does not let go stays *purging* and is taken up again.

    Returns:
        How many mails' content is gone for good.

    Raises:
        SpoolFull, SpoolBroken: it cannot be said to be gone.
    """
    async with spool.content_at_rest:
        gone = await asyncio.to_thread(spool.content.destroy, mail_ids)
        if gone:
            await spool.do(destroyed, gone, spool.now())
    await spool.scrub()
    if gone:
        events.forgotten(len(gone))
    return len(gone)


class Forgetting:
    """Forgets, round after round, for as long as the daemon runs."""

    def __init__(self, spool: Spool, keep: Keep) -> None:
        self._spool = spool
        self._keep = keep

    async def run(self) -> None:
        """Forget until cancelled.

        Raises:
            SpoolBroken: the disk failed for good.
        """
        shortest = min(self._keep.success, self._keep.other) / 4
        rest = min(_LONGEST_REST, max(_SHORTEST_REST, shortest))
        while True:
            try:
                while await self.round():
                    pass
            except SpoolBroken:
                raise
            except SpoolFull as error:
                events.spool_trouble("forgetting", str(error))
            except Exception as error:  # noqa: BLE001 - one odd mail must not stop the house
                events.bug("forgetting", error)
            await asyncio.sleep(rest)

    async def round(self) -> int:
        """Forget what is due, at most a hundred mails; how many were forgotten in any way.

        Raises:
            SpoolFull, SpoolBroken: the disk did not do it; it is taken up again.
        """
        spool, now = self._spool, self._spool.now()
        over = await spool.do(expire, self._keep, now)
        gone = await destroy(spool, over) if over else 0
        old = await spool.do(forget_rows, now - self._keep.rows)
        old += await spool.do(audit.forget, now - self._keep.audit, _AT_ONCE)
        if old:
            await spool.scrub()
        await asyncio.to_thread(forget_copies, spool.state_dir / LEDGER, now - self._keep.other)
        await asyncio.to_thread(snapshot.forget, spool.state_dir, time.time() - snapshot.LEFT_FOR)
        return gone + old
