"""Ledger commands that take in faxes which Fax.Plus has and a ledger put back lacks (S4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from mail2fax.json_form import as_json
from mail2fax.spool import jobs, schema
from mail2fax.spool.intake import ANSWER_READ
from mail2fax.spool.lifecycle import FaxState, MailEvent, MailState
from mail2fax.spool.moves import FAX, MAIL, line, move, remember
from mail2fax.spool.naming import fax_of, made_at, new_id, new_reference, order_of
from mail2fax.values import Identity, Options

_NOBODY = Identity("restore", "restore", "found at Fax.Plus")
_ADOPTED = "adopted"
_SUBJECT = "A fax that was found at Fax.Plus after a restore"


@dataclass(frozen=True, slots=True)
class Stranger:
    """An order at Fax.Plus that bears a mark of ours.

    Attributes:
        ids: fax ID by number in E.164.
        user_id: the member in whose lists it stands, None for the account's own user.
    """

    token: str
    ids: Mapping[str, str]
    user_id: str | None = None


def unknown(connection: Connection, tokens: Iterable[str]) -> frozenset[str]:
    """Those of some tokens whose fax the ledger does not know."""
    by_fax = {fax_of(token): token for token in tokens}
    known = connection.scalars(select(schema.fax.c.id).where(schema.fax.c.id.in_(by_fax)))
    return frozenset(by_fax.values()) - {by_fax[fax_id] for fax_id in known}


def adopt(
    connection: Connection, strangers: Sequence[Stranger], now: float, first_poll: float
) -> None:
    """Take these faxes in, each as a mail of its own; the admin is told how they end.

    Who had sent the mail, and what it was, is lost; there is nobody else to be told.
    """
    for stranger in strangers:
        mail_id = _record_mail(connection, stranger, now)
        faxes = _record_faxes(connection, mail_id, stranger, now)
        move(connection, MAIL, mail_id, MailEvent.PREPARED, now)
        job_id = jobs.create(connection, mail_id, faxes, now)
        jobs.found(connection, job_id, dict(stranger.ids), now, first_poll)


def _record_mail(connection: Connection, stranger: Stranger, now: float) -> str:
    """The mail as it would stand there, as far as it is known; its id."""
    at = made_at(stranger.token)
    mail_id = new_id(at)
    options = as_json(Options(user_id=stranger.user_id))
    connection.execute(
        insert(schema.mail).values(
            id=mail_id, reference=_free_reference(connection), state=MailState.ACCEPTED,
            received_at=at, size=0, header_sha256="", body_sha256="", digest="", mail_from="",
            peer="", helo="", listener="", identity=as_json(_NOBODY), who=_NOBODY.who, session="",
            answer=ANSWER_READ, subject=_SUBJECT, message_id="", thread="", reply_to=[],
            replies="outcome", options=options, refused_recipients=[], comment="",
            not_faxed=[], why="", attempts=0, next_try=0.0,
        )
    )  # fmt: skip
    remember(connection, [line(MAIL, mail_id, mail_id, _ADOPTED, MailState.ACCEPTED, now)])
    return mail_id


def _record_faxes(
    connection: Connection, mail_id: str, stranger: Stranger, now: float
) -> list[str]:
    """The faxes of an order, the one that gave it its mark first; their ids."""
    ids: list[str] = []
    for ordinal, number in enumerate(stranger.ids, start=1):
        fax_id = new_id(made_at(stranger.token)) if ids else fax_of(stranger.token)
        connection.execute(
            insert(schema.fax).values(
                id=fax_id, mail_id=mail_id, ordinal=ordinal, state=FaxState.PENDING,
                number=number, written=number, country="", reading="",
                orders=order_of(stranger.token) - 1,  # the order made for it is the one found
            )
        )  # fmt: skip
        remember(connection, [line(FAX, mail_id, fax_id, _ADOPTED, FaxState.PENDING, now)])
        ids.append(fax_id)
    return ids


def _free_reference(connection: Connection) -> str:
    while True:
        reference = new_reference()
        taken = select(schema.mail.c.id).where(schema.mail.c.reference == reference)
        if connection.scalar(taken) is None:
            return reference
