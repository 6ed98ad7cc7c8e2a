"""Ledger commands for the OAuth2 refresh token that Fax.Plus gave in place of an older one.

It descends from the one in the configuration, which may be worth nothing any more, or from none:
``mail2fax authorize`` gets the first. Which it descends from is kept with it: when an admin
writes another there, that one holds.
"""

import hashlib
import json

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from mail2fax.spool import schema

_KEY = "refresh_token"


def keep(connection: Connection, of: str, newest: str) -> None:
    """Keep what came in place of the configuration's, which is known by its `digest`."""
    value = json.dumps({"of": of, "token": newest})
    statement = upsert(schema.meta).values(key=_KEY, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": value})
    )


def newest(connection: Connection, written: str) -> str | None:
    """What came in place of the ``written`` one (empty for none), None if nothing did."""
    meta = schema.meta.c
    value = connection.scalar(select(meta.value).where(meta.key == _KEY))
    kept: dict[str, str] = json.loads(value) if value else {}
    return kept["token"] if kept.get("of") == digest(written) else None


def digest(token: str) -> str:
    """What a refresh token is known by, where it must not stand itself."""
    return hashlib.sha256(token.encode()).hexdigest()
