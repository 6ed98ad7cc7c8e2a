"""Ledger reads of resending: which fax an earlier reference or fax ID stands for (O5)."""

from sqlalchemy import Connection, select

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import FaxState


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
