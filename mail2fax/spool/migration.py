"""Bringing a ledger's schema up to date before it is opened (K2).

A new ledger is created at the newest schema. One that is behind is copied first (the three
newest copies are kept), then Alembic, imported only then, runs the revisions in
``migrations/``. One that is ahead is not touched: the daemon refuses to start and says so.
"""

import sqlite3
from pathlib import Path

import sqlalchemy

from mail2fax.errors import LedgerTooNew, SpoolBroken
from mail2fax.spool import durable, schema

_COPIES_KEPT = 3
_MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(path: Path, migrations: Path = _MIGRATIONS, head: str = schema.SCHEMA) -> None:
    """Make the ledger at ``path`` one this version can open, creating it if need be.

    Raises:
        LedgerTooNew: a newer version of mail2fax wrote it.
        SpoolBroken: the file is not a ledger.
    """
    if not path.exists():
        _create(path)
        return
    revision = _revision_of(path)
    if revision == head:
        return
    if revision > head:
        raise LedgerTooNew(
            f"{path} has schema {revision}, this version of mail2fax knows up to {head}: "
            f"install the version of mail2fax that wrote it, or a newer one"
        )
    _copy(path, revision)
    _upgrade(path, migrations)


def _create(path: Path) -> None:
    """Create under another name and rename, so that a half-made ledger is never opened."""
    making = path.with_suffix(".making")
    for leftover in making.parent.glob(f"{making.name}*"):
        leftover.unlink()
    engine = sqlalchemy.create_engine(f"sqlite:///{making}")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
        )
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (schema.SCHEMA,))
    engine.dispose()
    with making.open("rb") as file:
        durable.sync_file(file.fileno())
    making.rename(path)
    durable.sync_directory(path.parent)


def _revision_of(path: Path) -> str:
    try:
        connection = sqlite3.connect(path)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise SpoolBroken(f"{path} is not a ledger of mail2fax: {error}") from error
    if row is None:
        raise SpoolBroken(f"{path} does not say which schema it has")
    return str(row[0])


def _copy(path: Path, revision: str) -> None:
    copies = sorted(
        path.parent.glob(f"{path.name}.before-*"), key=lambda copy: copy.stat().st_mtime
    )
    for old in copies[: max(0, len(copies) - _COPIES_KEPT + 1)]:
        old.unlink()
    target = path.with_name(f"{path.name}.before-{revision}")
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    with target.open("rb") as file:
        durable.sync_file(file.fileno())
    durable.sync_directory(path.parent)


def forget_copies(path: Path, before: float) -> None:
    """Remove the ledger's copies from before a time: they hold what it has forgotten (K7)."""
    for copy in path.parent.glob(f"{path.name}.before-*"):
        if copy.stat().st_mtime < before:
            copy.unlink(missing_ok=True)


def _upgrade(path: Path, migrations: Path) -> None:
    from alembic import command  # noqa: PLC0415 - a third of a second, rarely needed (K2)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    command.upgrade(config, "head")
