"""Which faxes an administrator keeps from going out, as the other ledger commands ask (K8)."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from mail2fax.spool import schema

_PAUSE, _PAIR = schema.pause.c, schema.job_fax.c
_OF_JOB = (
    select(_PAUSE.fax_id)
    .join_from(schema.pause, schema.job_fax, _PAUSE.fax_id == _PAIR.fax_id)
    .where(_PAIR.job_id == bindparam("job"))
    .limit(1)
)


def has_job(connection: Connection, job_id: str) -> bool:
    """Whether any fax of a job is paused."""
    return connection.scalar(_OF_JOB, {"job": job_id}) is not None


def begin(connection: Connection, fax_ids: Iterable[str], who: str, now: float) -> None:
    """Pause faxes."""
    rows = [{"fax_id": fax_id, "at": now, "who": who} for fax_id in fax_ids]
    connection.execute(insert(schema.pause).on_conflict_do_nothing(), rows)


def end(connection: Connection, fax_ids: Iterable[str]) -> int:
    """They may go on; how many of them were paused."""
    mine = delete(schema.pause).where(_PAUSE.fax_id.in_(list(fax_ids)))
    return connection.execute(mine).rowcount
