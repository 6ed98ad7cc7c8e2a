"""Ledger commands of what is written down about the ledger itself: keys and their values."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import schema

_ROWS = schema.meta.c


def read(connection: Connection) -> dict[str, str]:
    """Everything."""
    rows = connection.execute(select(_ROWS.key, _ROWS.value))
    return {row.key: row.value for row in rows}


def write(connection: Connection, values: Mapping[str, str]) -> None:
    """Write down values, over what stands there."""
    for key, value in values.items():
        statement = insert(schema.meta).values(key=key, value=value)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"value": value})
        )


def remove(connection: Connection, *keys: str) -> None:
    """Forget values."""
    connection.execute(delete(schema.meta).where(_ROWS.key.in_(keys)))
