"""What was accepted, what was faxed, what was told: held against each other at the end.

The truth is the simulated provider's; what people know is what the relay took; what mail2fax
believes is its ledger, read when no daemon has it. Every disagreement is a sentence.
"""

import contextlib
import hashlib
import json
import re
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from mail2fax.simulator.provider import Item
from mail2fax.spool.naming import tokens_in
from tests.simtime.world import Wanted, World

_ENDED = ("success", "failed", "partial", "unknown", "cancelled")
_ARRIVES = ("success", "partially_sent")
_PDF = re.compile(rb"%PDF-1\.4\n.*?%%EOF\n%% \d+\n", re.DOTALL)
COUNTS = ("accepted", "once", "in doubt", "held", "twice", "lost", "told")


@dataclass
class Verdict:
    """What became of the faxes of a world.

    Attributes:
        counts: those of `COUNTS`, and others.
        problems: what must not have happened, a sentence each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Fax:
    """A fax as the ledger has it at the end."""

    id: str
    reference: str
    number: str
    state: str
    outcome: dict[str, Any]


def judge(world: World) -> Verdict:
    """Hold everything against everything; the daemon must have ended."""
    assert not world.is_running, "the ledger must be free"
    with contextlib.closing(sqlite3.connect(world.directory / "state" / "ledger.sqlite3")) as db:
        return _Judge(world, db).verdict()


class _Judge:
    def __init__(self, world: World, ledger: sqlite3.Connection) -> None:
        self._world = world
        self._ledger = ledger
        self._verdict = Verdict()
        self._faxes = self._read_faxes()
        self._items: dict[str, list[Item]] = defaultdict(list)
        for item in world.provider.items:
            if not item.cancelled:
                self._items[_family(item)].append(item)

    def verdict(self) -> Verdict:
        """The whole of it."""
        self._count_events()
        self._strangers()
        self._orders()
        by_reference: dict[str, list[_Fax]] = defaultdict(list)
        for fax in self._faxes.values():
            by_reference[fax.reference].append(fax)
        for wanted in self._world.wanted:
            if wanted.acknowledged:
                self._mail(wanted, by_reference.get(wanted.reference, []))
        self._replies()
        return self._verdict

    # Reading

    def _read_faxes(self) -> dict[str, _Fax]:
        rows = self._ledger.execute(
            "SELECT fax.id, reference, number, fax.state, outcome "
            "FROM fax JOIN mail ON mail.id = mail_id"
        )
        return {
            fax: _Fax(fax, reference, number, state, json.loads(outcome or "null") or {})
            for fax, reference, number, state, outcome in rows
        }

    def _count_events(self) -> None:
        rows = self._ledger.execute("SELECT event, subject FROM history")
        events = Counter(f"{subject}: {event}" for event, subject in rows)
        counts = self._verdict.counts
        for event in ("no believable answer", "restart cannot vouch"):
            counts["in doubt"] += events[f"job: {event}"]
        counts["held"] = events["job: person asked"]
        counts["hits"] = events["job: token found in a listing"]
        counts["settled misses"] = events["job: settled miss"]

    # Judging

    def _strangers(self) -> None:
        """Nothing is faxed that nobody accepted."""
        for family, items in self._items.items():
            if family not in self._faxes:
                self._wrong(f"{items[0].to} was faxed under {family}, which the ledger lacks")

    def _orders(self) -> None:
        """One order for each token; a later one only after the earlier could not arrive."""
        for family, items in self._items.items():
            times = Counter(tag for item in items for tag in tokens_in(" ".join(item.tags)))
            arrived = [item for item in items if item.outcome in _ARRIVES]
            if any(count > 1 for count in times.values()) or len(arrived) > 1:
                self._verdict.counts["twice"] += 1
                marks = [item.tags[0] for item in items]
                self._wrong(f"TWICE to {items[0].to} ({self._name(family)}): {marks}")
            for item in items:
                self._is_right(item, self._faxes.get(family))

    def _is_right(self, item: Item, fax: _Fax | None) -> None:
        """The right number and the very document."""
        if fax is None:
            return
        if fax.number != item.to:
            self._wrong(f"WRONG NUMBER {item.to} instead of {fax.number}")
        (wanted,) = [one for one in self._world.wanted if fax.number in one.numbers]
        sent = [self._world.provider.uploads[path].sha256 for path in item.order["files"]]
        if sent != [hashlib.sha256(pdf).hexdigest() for pdf in documents_of(wanted)]:
            self._wrong(f"WRONG DOCUMENT to {item.to}")

    def _mail(self, wanted: Wanted, faxes: list[_Fax]) -> None:
        """An accepted mail: each of its faxes was faxed, or somebody was told that it was not."""
        self._verdict.counts["accepted"] += len(wanted.numbers)
        if {fax.number for fax in faxes} != set(wanted.numbers):
            self._wrong(f"LOST: the ledger lacks faxes of {wanted.reference}")
            self._verdict.counts["lost"] += 1
            return
        told = len(self._world.told(wanted))
        self._verdict.counts["told"] += len(faxes) if told else 0
        for fax in faxes:
            self._fax(fax, bool(told))

    def _fax(self, fax: _Fax, told: bool) -> None:
        arrived = [item for item in self._items[fax.id] if item.outcome in _ARRIVES]
        counts = self._verdict.counts
        counts["once"] += len(arrived) == 1
        end = fax.outcome.get("end", "")
        if fax.state not in _ENDED:
            counts["open"] += 1
            self._wrong(f"OPEN: {fax.reference} to {fax.number} is still {fax.state}")
        elif not arrived and end in ("success", "partial"):
            counts["lost"] += 1
            self._wrong(f"LOST: {fax.reference} to {fax.number} is called {end}, nothing arrived")
        elif not arrived and not told:
            counts["lost"] += 1
            self._wrong(f"LOST: {fax.reference} to {fax.number} was not faxed, nobody was told")
        elif not told:
            self._wrong(f"SILENCE: nobody was told of {fax.reference}")
        if arrived and fax.state in ("failed", "cancelled"):
            counts["called not sent, though faxed"] += 1
        if not arrived and fax.state in _ENDED:
            counts["not faxed, told so"] += 1

    def _replies(self) -> None:
        """Every mail has a row that says who was told, or that nobody could be (W1a)."""
        rows = self._ledger.execute(
            "SELECT reference, reply.state, kind FROM reply JOIN mail ON mail.id = mail_id"
        ).fetchall()
        handed_over = Counter(reference for reference, state, _ in rows if state == "handed over")
        for reference, state, kind in rows:
            if state == "due":
                self._wrong(f"UNTOLD: the {kind} reply of {reference} is still due")
        for wanted in self._world.wanted:
            taken = len(self._world.told(wanted))
            if wanted.acknowledged and taken < handed_over[wanted.reference]:
                self._wrong(f"UNTOLD: the relay lacks a reply of {wanted.reference}")
        silent = self._ledger.execute(
            "SELECT reference FROM mail WHERE answers IS NULL "
            "AND id NOT IN (SELECT mail_id FROM reply)"
        )
        for (reference,) in silent:
            self._wrong(f"SILENCE: no reply was ever owed for {reference}")
        self._outcomes()

    def _outcomes(self) -> None:
        """As many ends of a fax, as many replies that tell them.

        A refused mail's reply tells of all its faxes; so does what answers a cancellation.
        """
        marks = ", ".join(f"'{state}'" for state in _ENDED)
        ends = self._ledger.execute(
            "SELECT subject_id, count(*), sum(state = 'cancelled') FROM history "
            f"WHERE subject = 'fax' AND state IN ({marks}) AND mail_id NOT IN (SELECT mail_id "
            "FROM history WHERE subject = 'mail' AND state IN ('refused', 'quarantined')) "
            "GROUP BY subject_id"
        )
        told = dict(self._ledger.execute(
            "SELECT fax_id, count(*) FROM reply WHERE kind IN ('outcome', 'copy') GROUP BY fax_id"
        ).fetchall())  # fmt: skip
        for fax_id, count, cancelled in ends.fetchall():
            if not count - cancelled <= told.get(fax_id, 0) <= count:
                name = self._name(fax_id)
                self._wrong(f"UNTOLD: {name} ended {count} times, {told.get(fax_id, 0)} outcomes")

    def _name(self, family: str) -> str:
        fax = self._faxes.get(family)
        return fax.reference if fax else "?"

    def _wrong(self, sentence: str) -> None:
        self._verdict.problems.append(sentence)


def documents_of(wanted: Wanted) -> list[bytes]:
    """The documents of a mail that `World.mail` made."""
    import email  # noqa: PLC0415 - the standard's reading, beside ours

    parts = email.message_from_bytes(wanted.data).walk()
    return [
        bytes(part.get_payload(decode=True))
        for part in parts
        if part.get_content_type() == "application/pdf"
    ]


def _family(item: Item) -> str:
    """The fax's id in an order's token, whichever order of it."""
    marks = sorted(tokens_in(" ".join((*item.tags, item.text))))
    return marks[0].removeprefix("m2f:").split("-")[0] if marks else "no token"
