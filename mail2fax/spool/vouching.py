"""Whether the ledger can vouch for what was posted (K10, S4), and what it is held against.

The ledger knows where its files lie (their inode numbers: a copy has others) and which machine
it ran on. Beside it stands a small file that says how far it had come, written after it: a
ledger that is behind its own sign of life is an older copy of itself. What makes a start
suspicious is written down until sending has acted on it, whoever opened the ledger first.
"""

import contextlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mail2fax.spool import audit, durable, meta
from mail2fax.spool.chain import Anchor

_CLOCK_TOLERANCE = 60.0
_MACHINE_ID = Path("/etc/machine-id")
SIGN = "last_seen.json"
"""The file's name below ``state_dir``."""
_PLACES = (".", "ledger.sqlite3", "mails", "documents")
SUSPECT, COPIED, DOUBTFUL, RESTORED = "suspect", "copied", "doubtful_before", "restored"
"""Keys: why the ledger is suspect; which faxes it cannot vouch for, and whether it is a copy; of
when and when it was put back."""


@dataclass(frozen=True, slots=True)
class Sign:
    """How far a ledger had come when its daemon was last seen alive.

    Attributes:
        last_seen: seconds since the epoch.
        audit: its last line for auditors.
        missing: lines of earlier signs that it did not hold any more when it was opened.
    """

    last_seen: float
    audit: Anchor
    missing: tuple[Anchor, ...] = ()

    @property
    def noted(self) -> tuple[Anchor, ...]:
        """Every line that the ledger ought to hold."""
        return (*self.missing, self.audit)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a ledger can vouch for.

    Attributes:
        suspect: why it cannot for open orders, a sentence; empty when it can.
        doubtful_before: faxes from before this time may have been ordered by another life.
        is_copy: whether that other life may go on, and order them at any time.
        restored: of when it is, and when it was put back, until what came between was looked for.
    """

    suspect: str = ""
    doubtful_before: float = 0.0
    is_copy: bool = False
    restored: tuple[float, float] | None = None


def machine_id() -> str:
    """A name for this machine."""
    try:
        return _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return f"{uuid.getnode():012x}"


def place_of(state_dir: Path) -> str:
    """Where the files of a state directory lie: a copy of it lies elsewhere."""
    return ":".join(str((state_dir / name).stat().st_ino) for name in _PLACES)


def read_sign(state_dir: Path) -> Sign | None:
    """The last sign of life; None when there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        found = json.loads((state_dir / SIGN).read_text("ascii"))
        missing = tuple(Anchor.read(one) for one in found.get("missing", ()))
        return Sign(float(found["last_seen"]), Anchor.read(found["audit"]), missing)
    return None


def write_sign(state_dir: Path, sign: Sign) -> None:
    """Write down a sign of life; the old one stays until the new one is durable.

    Raises:
        SpoolFull, SpoolBroken: the old one stands.
    """
    path = state_dir / SIGN
    making = path.with_suffix(".making")
    facts: dict[str, Any] = {"last_seen": sign.last_seen, "audit": str(sign.audit)}
    if sign.missing:
        facts["missing"] = [str(one) for one in sign.missing]
    text = json.dumps(facts)
    try:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, text.encode())
            durable.sync_file(descriptor)
        finally:
            os.close(descriptor)
        making.rename(path)
    except OSError as error:
        raise durable.spool_error(error, f"writing {SIGN}") from error
    durable.sync_directory(state_dir)


def check_in(
    connection: Connection, now: float, machine: str, place: str, sign: Sign | None
) -> Standing:
    """Hold the ledger against what it knows of its last run, and write down how it stands."""
    known = meta.read(connection)
    is_copy = known.get("place", place) != place
    why = known.get(SUSPECT) or _suspicion(connection, known, now, machine, place, sign)
    meta.write(connection, {"last_seen": str(now), "machine": machine, "place": place})
    if why and SUSPECT not in known:
        found = {SUSPECT: why, COPIED: str(int(is_copy)), DOUBTFUL: str(now)}
        meta.write(connection, found)
        known |= found
    since, until = json.loads(known.get(RESTORED, "[null, null]"))
    gap = None if since is None else (since, until)
    return Standing(why, float(known.get(DOUBTFUL, 0.0)), known.get(COPIED) == "1", gap)


def _suspicion(
    connection: Connection,
    known: dict[str, str],
    now: float,
    machine: str,
    place: str,
    sign: Sign | None,
) -> str:
    if known.get("place", place) != place:
        return "the state directory is a copy, and the other one may still send"
    if known.get("machine", machine) != machine:
        return "the state directory comes from another machine"
    if "place" in known and sign is None:
        return f"{SIGN}, which says how far the last run had come, is not there"
    if sign is not None and _is_ahead(connection, known, sign):
        return "the ledger is older than its last run: an earlier copy was put back"
    if float(known.get("last_seen", now)) > now + _CLOCK_TOLERANCE:
        return "the clock is behind the last run's"
    return ""


def _is_ahead(connection: Connection, known: dict[str, str], sign: Sign) -> bool:
    """Whether the sign of life knows of something that the ledger does not."""
    if sign.last_seen > float(known.get("last_seen", 0.0)):
        return True
    return not audit.holds(connection, sign.audit)


def alive(connection: Connection, now: float, earlier: Sign | None) -> Sign:
    """The daemon lives; the sign of it that is to be written beside the ledger.

    Args:
        earlier: the last one. A line that it tells of and the ledger lacks is not forgotten.
    """
    meta.write(connection, {"last_seen": str(now)})
    noted = earlier.noted if earlier else ()
    missing = tuple(one for one in noted if not audit.holds(connection, one))
    return Sign(now, audit.head(connection), missing)


def vouched(connection: Connection) -> None:
    """What was open is being looked up: the ledger is as good as before.

    Faxes that have no order yet stay doubtful (`Standing.doubtful_before`).
    """
    meta.remove(connection, SUSPECT)


def gap_closed(connection: Connection) -> None:
    """What came between the ledger's time and its being put back was looked for."""
    meta.remove(connection, RESTORED)
