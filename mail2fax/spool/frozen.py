"""Who is frozen, as the other ledger commands ask (L8)."""

from sqlalchemy import Connection, select

from mail2fax.json_form import from_json
from mail2fax.spool import schema
from mail2fax.values import Identity

_NAMES = select(schema.frozen.c.name)


def names(connection: Connection) -> frozenset[str]:
    """Every frozen name."""
    return frozenset(connection.scalars(_NAMES))


def name_for(connection: Connection, identity: Identity) -> str | None:
    """The name by which an identity is frozen, None when it is not."""
    found = sorted(identity.names & names(connection))
    return found[0] if found else None


def identity_of(connection: Connection, mail_id: str) -> Identity:
    """Who sent a mail."""
    mail = schema.mail.c
    found = connection.scalar(select(mail.identity).where(mail.id == mail_id))
    return from_json(Identity, found)
