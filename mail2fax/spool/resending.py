"""Ledger commands of resending: which fax is meant (O5), and what we hold of it (S8)."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert, select, update

from mail2fax.json_form import as_json
from mail2fax.spool import finding, jobs, schema
from mail2fax.spool.lifecycle import FaxState, JobEvent
from mail2fax.spool.moves import JOB, move
from mail2fax.spool.records import RESENT, Job, is_meant_for
from mail2fax.values import Document, Options


def earlier_fax(connection: Connection, wanted: str, who: str | None) -> str | None:
    """The ID at Fax.Plus of an earlier fax; None when there is none.

    Args:
        wanted: ``M2F-7K3QX``, ``M2F-7K3QX/2`` or a fax ID.
        who: the identity whose fax it must be; None for anybody's.
    """
    mail, fax = schema.mail.c, schema.fax.c
    reference, _, ordinal = wanted.partition("/")
    named = (mail.reference == reference) if not ordinal else (
        (mail.reference == reference) & (fax.ordinal == int(ordinal))
    )  # fmt: skip
    query = (
        select(fax.fax_plus_id)
        .join_from(schema.fax, schema.mail, fax.mail_id == mail.id)
        .where(fax.fax_plus_id.is_not(None), named | (fax.fax_plus_id == wanted))
        .order_by(fax.state != FaxState.SUCCESS, fax.ordinal)
        .limit(1)
    )
    found: str | None = connection.scalar(query if who is None else query.where(mail.who == who))
    return found


def held_documents(connection: Connection, fax_plus_id: str) -> tuple[str, list[Document]]:
    """The mail of an ordered fax and the documents it was made of, one for each prepared file.

    None when the fax is not ours, or was itself made of an earlier one.
    """
    fax = schema.fax.c
    row = connection.execute(
        select(fax.mail_id, fax.options).where(fax.fax_plus_id == fax_plus_id).limit(1)
    ).first()
    if row is None:
        return "", []
    options = finding.options_of_fax(row.options) or Options()
    if options.from_fax is not None:
        return "", []
    rows = schema.document
    found = connection.execute(
        select(rows).where(rows.c.mail_id == row.mail_id).order_by(rows.c.ordinal)
    )
    documents = [finding.document_of(one) for one in found]
    wanted = {one.file: one for one in documents if is_meant_for(one, options)}
    return row.mail_id, list(wanted.values())


def upload_instead(
    connection: Connection, job: Job, copies: Sequence[Document], now: float
) -> None:
    """Fax.Plus refused to send the fax again by its ID: its documents are ordered instead (S8).

    Args:
        copies: the earlier fax's documents, whose files are this mail's by now.
    """
    why = f"Its documents are uploaded again. {job.why}"
    move(connection, JOB, job.id, JobEvent.REFUSAL_CONFIRMED, now, why, why=why)
    _add_once(connection, job.mail_id, [_as_resent(copy, job.options) for copy in copies])
    fax = schema.fax
    options = replace(job.options, from_fax=None, enhance=None)
    connection.execute(
        update(fax)
        .where(fax.c.id.in_([one.id for one in job.faxes]))
        .values(options=as_json(options))
    )
    jobs.order_rest(connection, job.id, now)


def _add_once(connection: Connection, mail_id: str, documents: Sequence[Document]) -> None:
    """Documents behind those of the mail, unless another of its faxes brought them already."""
    rows = schema.document
    mine = rows.c.mail_id == mail_id
    known = connection.scalars(select(rows.c.role).where(mine)).all()
    if documents[0].role in known:
        return
    connection.execute(
        insert(rows),
        [
            {"mail_id": mail_id, "ordinal": ordinal, **as_json(document)}
            for ordinal, document in enumerate(documents, start=len(known) + 1)
        ],
    )


def _as_resent(document: Document, options: Options) -> Document:
    return replace(document, role=f"{RESENT}{options.resend}")
