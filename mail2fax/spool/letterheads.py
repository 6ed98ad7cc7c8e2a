"""Ledger commands about pictures an identity sends again and again (M6): its letterhead."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import schema

_OFTEN = 3
_MOST = 200
_KEPT = 90 * 86400.0
_PICTURE = schema.picture.c
_KNOWN = (
    select(_PICTURE.sha256)
    .where(_PICTURE.who == bindparam("who"), _PICTURE.seen_at < bindparam("before"))
    .group_by(_PICTURE.sha256)
    .having(func.count() >= _OFTEN)
    .order_by(func.max(_PICTURE.seen_at).desc())
    .limit(_MOST)
)


def known(connection: Connection, who: str, before: float) -> frozenset[str]:
    """SHA-256 of the pictures that belonged to the text of three earlier mails.

    Args:
        who: the identity; of very many pictures the 200 it used last are told.
        before: when the mail came that is looked at. What is learned while it is on hold must
            not answer for a person what that person was asked.
    """
    return frozenset(connection.scalars(_KNOWN, {"who": who, "before": before}))


def remember(connection: Connection, mail_id: str, pictures: Collection[str], now: float) -> None:
    """Write down which pictures belonged to the text of a mail."""
    if not pictures:
        return
    who = connection.scalar(select(schema.mail.c.who).where(schema.mail.c.id == mail_id))
    rows = [
        {"who": who, "sha256": sha256, "mail_id": mail_id, "seen_at": now}
        for sha256 in sorted(set(pictures))
    ]
    connection.execute(insert(schema.picture).on_conflict_do_nothing(), rows)


def forget(connection: Connection, now: float) -> None:
    """Forget what was last seen 90 days ago."""
    connection.execute(delete(schema.picture).where(schema.picture.c.seen_at < now - _KEPT))
