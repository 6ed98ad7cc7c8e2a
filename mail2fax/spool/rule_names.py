"""Rules that have no name are known by their place: what the ledger holds of them goes with them.

A rule that is put on top moves every other down. The login that was tied to ``senders[0]``, the
rule that was frozen under this name, its quotas and its mails that wait must not become another
rule's (L8). So each start compares what the places admit with what they admitted before.
"""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Column, Connection, Table, case, select, update

from mail2fax.spool import schema
from mail2fax.spool.lifecycle import MailState

GONE = "{} (removed)"
_KEY = "rules"
_ALIVE = (MailState.ACCEPTED, MailState.WAITING, MailState.HELD, MailState.PREPARED)


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """New names by old ones, of rules that had none.

    A rule that is nowhere any more was changed where it stands, unless another took its place.

    Args:
        before: what each rule without a name admitted at the last start, as a fingerprint.
        now: what every rule admits, by its name or place.
    """
    places = {admits: place for place, admits in reversed(list(now.items()))}
    names: dict[str, str] = {}
    for place, admits in before.items():
        if now.get(place) == admits:
            continue
        if admits in places:
            names[place] = places[admits]
        elif now.get(place) in before.values() or place not in now:
            names[place] = GONE.format(place)
    return names


def follow(
    connection: Connection, now: Mapping[str, str], unnamed: Collection[str]
) -> dict[str, str]:
    """Let the ledger follow the rules to their places; new names by old ones.

    Args:
        now: what every rule admits, as a fingerprint, by its name or place.
        unnamed: which of them are known by their place.
    """
    meta = schema.meta
    known = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    names = moved(json.loads(known or "{}"), now)
    if names:
        _rename(connection, names)
    places = json.dumps({place: now[place] for place in unnamed})
    connection.execute(meta.delete().where(meta.c.key == _KEY))
    connection.execute(meta.insert().values(key=_KEY, value=places))
    return names


def _rename(connection: Connection, names: dict[str, str]) -> None:
    _rename_column(connection, schema.usage, schema.usage.c.rule, names)
    _rename_column(connection, schema.login, schema.login.c.rule, names)
    _rename_column(connection, schema.job, schema.job.c.frozen, names)
    _rename_frozen(connection, names)
    _rename_mails(connection, names)


def _rename_column(
    connection: Connection, table: Table, column: Column[str], names: dict[str, str]
) -> None:
    """All at once, because places swap."""
    renamed = case(names, value=column)
    connection.execute(update(table).where(column.in_(names)).values({column: renamed}))


def _rename_frozen(connection: Connection, names: dict[str, str]) -> None:
    rows = schema.frozen
    found = [dict(row._mapping) for row in connection.execute(select(rows))]  # noqa: SLF001
    mine = [row for row in found if row["name"] in names]
    connection.execute(rows.delete().where(rows.c.name.in_(names)))
    for row in mine:
        connection.execute(rows.insert().values({**row, "name": names[row["name"]]}))


def _rename_mails(connection: Connection, names: dict[str, str]) -> None:
    mail = schema.mail.c
    rows = connection.execute(select(mail.id, mail.identity).where(mail.state.in_(_ALIVE))).all()
    for row in rows:
        if row.identity["rule"] in names:
            identity = {**row.identity, "rule": names[row.identity["rule"]]}
            change = update(schema.mail).where(mail.id == row.id)
            connection.execute(change.values(identity=identity))
