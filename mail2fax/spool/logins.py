"""Ledger commands of logins: who is registered, wrong passwords, from where somebody came (L8).

Wrong passwords are counted by login and network, whether the login exists or not. The fifth
shuts that pair out for a minute, each further one twice as long, up to a day; up to 15 minutes
where the network is one that a rule names. An address that logged in within 30 days is never
shut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from mail2fax.errors import Mail2FaxError
from mail2fax.spool import schema

_FREE_FAILURES = 4
_FIRST_LOCK = 60.0
_LONGEST_LOCK = 86400.0
_LONGEST_LOCK_OF_OWN = 900.0
_FORGOTTEN_AFTER = 86400.0
_SEEN_FOR = 30 * 86400.0
_SEEN_AGAIN_AFTER = 86400.0
_MOST_LOCKOUTS = 10_000


class NoSuchLogin(Mail2FaxError):
    """There is no login of this name; or there is one already."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a login that somebody tries from an address.

    Attributes:
        hash: of its password, in argon2's form; empty when there is no such login.
        reply_to, rule: as registered.
        locked_until: seconds since the epoch; 0 when it is not locked out from there.
    """

    hash: str = ""
    reply_to: str = ""
    rule: str = ""
    locked_until: float = 0.0


@dataclass(frozen=True, slots=True)
class LoginLine:
    """A registered login, as ``user list`` shows it."""

    name: str
    reply_to: str
    rule: str
    created_at: float
    last_seen: float | None


def lock_for(failures: int, *, own_network: bool) -> float:
    """Seconds for which the newest of so many wrong passwords shuts out; 0 for not at all."""
    if failures <= _FREE_FAILURES:
        return 0.0
    longest = _LONGEST_LOCK_OF_OWN if own_network else _LONGEST_LOCK
    doublings = min(failures - _FREE_FAILURES - 1, 32)
    return float(min(_FIRST_LOCK * 2**doublings, longest))


def look(connection: Connection, name: str, address: str, network: str, now: float) -> Standing:
    """What is known of a login tried from an address of a network."""
    rows, seen, lock = schema.login, schema.login_seen.c, schema.lockout.c
    found = connection.execute(select(rows).where(rows.c.name == name)).one_or_none()
    came = connection.scalar(
        select(seen.seen_at).where(seen.login == name, seen.address == address)
    )
    until = connection.scalar(select(lock.until).where(lock.login == name, lock.network == network))
    is_familiar = came is not None and came > now - _SEEN_FOR
    locked = 0.0 if is_familiar or until is None or until <= now else float(until)
    if found is None:
        return Standing(locked_until=locked)
    return Standing(found.hash, found.reply_to, found.rule, locked)


def wrong(connection: Connection, name: str, network: str, own_network: bool, now: float) -> float:
    """A wrong password; until when the pair is now shut out, 0 for not at all."""
    rows = schema.lockout
    _forget_failures(connection, now)
    known = (rows.c.login == name) & (rows.c.network == network)
    failures = int(connection.scalar(select(rows.c.failures).where(known)) or 0) + 1
    lock = lock_for(failures, own_network=own_network)
    until = now + lock if lock else 0.0
    values = {"failures": failures, "failed_at": now, "until": until}
    statement = upsert(rows).values(login=name, network=network, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["login", "network"], set_=values)
    )
    return until


def _forget_failures(connection: Connection, now: float) -> None:
    """Rows nobody needs any more, and the oldest of too many: a flood of names fills no disk."""
    rows = schema.lockout
    old = (rows.c.failed_at < now - _FORGOTTEN_AFTER) & (rows.c.until < now)
    connection.execute(delete(rows).where(old))
    count = int(connection.scalar(select(func.count()).select_from(rows)) or 0)
    if count > _MOST_LOCKOUTS:
        oldest = select(rows.c.failed_at).order_by(rows.c.failed_at).offset(count - _MOST_LOCKOUTS)
        connection.execute(delete(rows).where(rows.c.failed_at < oldest.limit(1).scalar_subquery()))


def right(
    connection: Connection, name: str, address: str, network: str, new_hash: str, now: float
) -> None:
    """A right password: what went wrong before is forgotten, the address is remembered.

    Args:
        new_hash: the password's hash with today's cost, empty where the kept one has it.
    """
    lock, seen, rows = schema.lockout, schema.login_seen, schema.login
    connection.execute(delete(lock).where(lock.c.login == name, lock.c.network == network))
    connection.execute(delete(seen).where(seen.c.seen_at < now - _SEEN_FOR))
    statement = upsert(seen).values(login=name, address=address, seen_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["login", "address"],
            set_={"seen_at": now},
            where=seen.c.seen_at < now - _SEEN_AGAIN_AFTER,
        )
    )
    if new_hash:
        connection.execute(update(rows).where(rows.c.name == name).values(hash=new_hash))


# The admin's


def add(
    connection: Connection, name: str, password_hash: str, reply_to: str, rule: str, now: float
) -> None:
    """Register a login.

    Raises:
        NoSuchLogin: the name is taken.
    """
    rows = schema.login
    if connection.scalar(select(rows.c.name).where(rows.c.name == name)) is not None:
        raise NoSuchLogin(f"{name} is registered already. See: mail2fax user passwd {name}")
    connection.execute(
        insert(rows).values(
            name=name, hash=password_hash, reply_to=reply_to, rule=rule,
            created_at=now, changed_at=now,
        )
    )  # fmt: skip


def change_password(connection: Connection, name: str, password_hash: str, now: float) -> None:
    """Give a login another password; what went wrong with the old one is forgotten.

    Raises:
        NoSuchLogin: nobody is registered by that name.
    """
    rows = schema.login
    change = update(rows).where(rows.c.name == name)
    if not connection.execute(change.values(hash=password_hash, changed_at=now)).rowcount:
        raise NoSuchLogin(f"{name} is not registered. See: mail2fax user list")
    _forget(connection, name)


def remove(connection: Connection, name: str) -> None:
    """Forget a login.

    Raises:
        NoSuchLogin: nobody is registered by that name.
    """
    rows = schema.login
    if not connection.execute(delete(rows).where(rows.c.name == name)).rowcount:
        raise NoSuchLogin(f"{name} is not registered. See: mail2fax user list")
    _forget(connection, name)


def _forget(connection: Connection, name: str) -> None:
    for rows in (schema.login_seen, schema.lockout):
        connection.execute(delete(rows).where(rows.c.login == name))


def registered(connection: Connection) -> Sequence[LoginLine]:
    """Every login by name; no hash leaves the ledger this way."""
    rows, seen = schema.login.c, schema.login_seen.c
    last = select(func.max(seen.seen_at)).where(seen.login == rows.name).scalar_subquery()
    query = select(rows.name, rows.reply_to, rows.rule, rows.created_at, last)
    return [LoginLine(*row) for row in connection.execute(query.order_by(rows.name))]
