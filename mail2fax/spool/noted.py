"""Commands are rows: who, what, when (K8); and lines for auditors (K7)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from mail2fax.spool import audit, schema


def note(
    connection: Connection,
    who: str,
    what: str,
    arguments: Mapping[str, Any],
    now: float,
    result: str = "done",
) -> None:
    """Write down that somebody gave a command, in the transaction of what it changed."""
    row = {"at": now, "who": who, "what": what, "arguments": dict(arguments), "result": result}
    connection.execute(insert(schema.command), [row])
    audit.commanded(connection, now, who, what, arguments, result)
