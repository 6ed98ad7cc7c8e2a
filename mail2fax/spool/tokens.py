"""Ledger commands of answer tokens: each is bound to one mail, and ends with its content (W6)."""

from sqlalchemy import Connection, bindparam, func, insert, select

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import FORGOTTEN_MAILS
from mail2fax.spool.naming import new_answer_token

_MOST_ANSWERS = 50
_MAIL, _TOKEN = schema.mail.c, schema.token.c
_OF_MAIL = select(_TOKEN.token).where(_TOKEN.mail_id == bindparam("mail")).limit(1)
_NEW = insert(schema.token)


def give(connection: Connection, mail_id: str, now: float) -> None:
    """Give a mail the token its replies are answered with, unless it has one."""
    if connection.scalar(_OF_MAIL, {"mail": mail_id}) is None:
        token = {"token": new_answer_token(), "mail_id": mail_id, "made_at": now}
        connection.execute(_NEW, [token])


def mail_of(connection: Connection, token: str) -> str | None:
    """The id of the mail a token is bound to; None when it is of none, or used too often."""
    mail_id: str | None = connection.scalar(
        select(_TOKEN.mail_id)
        .join_from(schema.token, schema.mail, _TOKEN.mail_id == _MAIL.id)
        .where(_TOKEN.token == token, _MAIL.state.not_in(FORGOTTEN_MAILS))
    )
    count = connection.scalar(select(func.count()).where(_MAIL.answers == mail_id))
    return None if (count or 0) >= _MOST_ANSWERS else mail_id
