"""Ledger command of the m365 rule: was a mail handed over before, for somebody else? (L6)."""

from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, select

from mail2fax.spool import schema


def went_elsewhere(
    connection: Connection, message_id: str, kind: str, numbers: AbstractSet[str]
) -> bool:
    """Whether a mail of this Message-ID, admitted in the same way, was for other numbers.

    A server may hand over twice what it thinks was lost; that is for the same numbers.
    """
    mail, fax = schema.mail.c, schema.fax.c
    query = (
        select(mail.id, fax.number, mail.identity)
        .join_from(schema.fax, schema.mail, fax.mail_id == mail.id)
        .where(mail.message_id == message_id)
    )
    earlier: dict[str, set[str]] = {}
    for mail_id, number, identity in connection.execute(query):
        if identity["kind"] == kind:
            earlier.setdefault(mail_id, set()).add(number)
    return any(before != numbers for before in earlier.values())
