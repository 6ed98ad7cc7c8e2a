"""Ledger commands of preparing: mails the second gate is to look at, and what it found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from mail2fax.json_form import as_json, from_json
from mail2fax.spool import ending, jobs, letterheads, schema, series
from mail2fax.spool.lifecycle import MailEvent, MailState
from mail2fax.spool.moves import MAIL, move
from mail2fax.spool.records import FaxToPrepare, MailToPrepare
from mail2fax.spool.replies import REFUSED, owe
from mail2fax.values import Document, NotFaxed, Options, Wish

_MAIL, _FAX = schema.mail.c, schema.fax.c
_DUE = (
    select(schema.mail)
    .where(_MAIL.state == MailState.ACCEPTED, _MAIL.next_try <= bindparam("now"))
    .order_by(_MAIL.next_try, _MAIL.id)
    .limit(bindparam("most"))
)
_NEXT_DUE = (
    select(_MAIL.next_try)
    .where(_MAIL.state == MailState.ACCEPTED)
    .order_by(_MAIL.next_try)
    .limit(1)
)
_CLAIM = (
    update(schema.mail)
    .where(_MAIL.id.in_(bindparam("mails", expanding=True)))
    .values(attempts=_MAIL.attempts + 1, next_try=bindparam("until"))
)
_FAXES = (
    select(_FAX.id, _FAX.mail_id, _FAX.number, _FAX.name, _FAX.wishes)
    .where(_FAX.mail_id.in_(bindparam("mails", expanding=True)))
    .order_by(_FAX.ordinal)
)
_CHOOSE_OPTIONS = (
    update(schema.fax)
    .where(schema.fax.c.id == bindparam("fax"))
    .values(options=bindparam("chosen", type_=schema.fax.c.options.type))
)


def claim(connection: Connection, now: float, limit: int, lease: float) -> list[MailToPrepare]:
    """Accepted mails to prepare now, oldest first.

    The attempt is counted before it is made, so that a mail that takes the daemon down with it
    cannot do so for ever; ``lease`` seconds keep it from being claimed twice meanwhile.
    """
    rows = connection.execute(_DUE, {"now": now, "most": limit}).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    connection.execute(_CLAIM, {"mails": ids, "until": now + lease})
    faxes = _faxes(connection, ids)
    return [
        MailToPrepare(
            row.id,
            row.reference,
            row.header_sha256,
            row.body_sha256,
            row.attempts + 1,
            row.received_at,
            row.identity["rule"],
            row.who,
            from_json(Options, row.options),
            tuple(faxes[row.id]),
            has_reply_address=bool(row.reply_to),
            pictures_decided=row.pictures_decided,
            known_pictures=letterheads.known(connection, row.who, row.received_at),
            waits=series.is_open(row.series),
            others=series.others_of(connection, row.id, row.series),
            joined=series.kind_of(row.series),
            is_answer=row.answers is not None,
        )
        for row in rows
    ]


def _faxes(connection: Connection, mail_ids: Sequence[str]) -> dict[str, list[FaxToPrepare]]:
    found: dict[str, list[FaxToPrepare]] = defaultdict(list)
    for row in connection.execute(_FAXES, {"mails": list(mail_ids)}):
        wishes = tuple(from_json(Wish, wish) for wish in row.wishes or ())
        found[row.mail_id].append(FaxToPrepare(row.id, row.number, row.name, wishes))
    return found


def next_due_at(connection: Connection) -> float | None:
    """When the next mail is to be prepared, None if none is."""
    found: float | None = connection.scalar(_NEXT_DUE)
    return found


def forget_leases(connection: Connection) -> None:
    """At start: nobody is preparing anything yet."""
    mail = schema.mail
    connection.execute(update(mail).where(mail.c.state == MailState.ACCEPTED).values(next_try=0.0))


def is_to_prepare(connection: Connection, mail_id: str) -> bool:
    """Whether a mail is still to be prepared; a person may have cancelled it meanwhile."""
    state = connection.scalar(select(_MAIL.state).where(_MAIL.id == mail_id))
    return state == MailState.ACCEPTED


def try_again(connection: Connection, mail_id: str, next_try: float) -> None:
    """The child failed on this mail; once more at ``next_try``."""
    mail = schema.mail
    connection.execute(update(mail).where(mail.c.id == mail_id).values(next_try=next_try))


def not_tried(connection: Connection, mail_id: str, next_try: float) -> None:
    """No child was there for this mail: the attempt does not count."""
    mail = schema.mail
    connection.execute(
        update(mail)
        .where(mail.c.id == mail_id)
        .values(attempts=mail.c.attempts - 1, next_try=next_try)
    )


def prepared(  # noqa: PLR0917 - what preparing found, piece by piece
    connection: Connection,
    mail_id: str,
    documents: Sequence[Document],
    not_faxed: Sequence[NotFaxed],
    comment: str,
    options: Mapping[str, Options],
    per_order: int,
    now: float,
    pictures: Sequence[str] = (),
) -> None:
    """The documents are ready on disk: the mail's jobs come to be in the same transaction.

    Args:
        options: how each fax is sent, by fax id.
        pictures: SHA-256 of the pictures that belong to its text (M6).
    """
    move(
        connection, MAIL, mail_id, MailEvent.PREPARED, now,
        comment=comment, not_faxed=as_json(list(not_faxed)),
    )  # fmt: skip
    if documents:
        connection.execute(insert(schema.document), _document_rows(mail_id, documents))
    if options:
        rows = [{"fax": fax_id, "chosen": as_json(one)} for fax_id, one in options.items()]
        connection.execute(_CHOOSE_OPTIONS, rows)
    letterheads.remember(connection, mail_id, pictures, now)
    jobs.create_for_mail(connection, mail_id, now, per_order)


def _document_rows(mail_id: str, documents: Sequence[Document]) -> list[dict[str, object]]:
    return [
        {"mail_id": mail_id, "ordinal": ordinal, **as_json(document)}
        for ordinal, document in enumerate(documents, start=1)
    ]


def answered_in(connection: Connection, mail_id: str, options: Options) -> None:
    """The mail's own word about its replies, which stands over its rule's."""
    mail = schema.mail
    change = update(mail).where(mail.c.id == mail_id)
    connection.execute(change.values(options=as_json(options)))


def refused(
    connection: Connection,
    mail_id: str,
    why: str,
    not_faxed: Sequence[NotFaxed],
    now: float,
    status: str = "5.6.0",
) -> None:
    """The second gate refused the mail: nothing of it is faxed, and the person is told.

    Args:
        why: a sentence.
        not_faxed: its parts that would not be faxed anyway.
        status: the same as a program reads it (RFC 3463).
    """
    move(
        connection, MAIL, mail_id, MailEvent.REFUSED, now, why,
        why=why, not_faxed=as_json(list(not_faxed)),
    )  # fmt: skip
    ending.fail_all(connection, mail_id, f"refused {status}", why, now)
    owe(connection, mail_id, REFUSED, now)
