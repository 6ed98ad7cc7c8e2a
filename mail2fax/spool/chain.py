"""The chain that auditors check: each line is hashed together with the hash before it. Pure.

What names a person is not in the line. It stands beside it, and the line holds only a salted
hash of each such field, its *commitment*: erasing the field (and its salt) leaves a line that
still proves when and how something ended, and a chain without a gap (K7).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""The hash before the first line."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line that is known by its number and its hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> "Anchor":
        """The anchor that was written down as ``seq:hash``.

        Raises:
            ValueError: it is none.
        """
        seq, _, digest = text.strip().partition(":")
        if len(digest) != len(GENESIS):
            raise ValueError(f"{text!r} is no anchor. Write number:hash, as `mail2fax audit` says")
        return cls(int(seq), digest)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A line and what stands beside it.

    Attributes:
        line: canonical JSON, exactly as it was hashed.
        previous: the hash of the line before it.
        hash: of both.
        personal: the fields that name somebody, without those that were erased.
        salts: of each of these fields.
    """

    seq: int
    line: str
    previous: str
    hash: str
    personal: dict[str, Any]
    salts: dict[str, str]

    @property
    def head(self) -> Anchor:
        """What it is known by."""
        return Anchor(self.seq, self.hash)

    @property
    def facts(self) -> dict[str, Any]:
        """What the line says."""
        facts: dict[str, Any] = json.loads(self.line)
        return facts


def canonical(facts: Any) -> str:
    """JSON in the one form that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def commitment(salt: str, value: Any) -> str:
    """What a line says of a field that names somebody: SHA-256 (hex) over salt and JSON."""
    return hashlib.sha256(f"{salt}\n{canonical(value)}".encode()).hexdigest()


def link(previous: str, line: str) -> str:
    """The hash of a line: SHA-256 (hex) over the hash before it and the line."""
    return hashlib.sha256(f"{previous}\n{line}".encode()).hexdigest()


class Checker:
    """Looks at a chain line by line, and at its end.

    Attributes:
        count: lines so far.
        erased: how many of them lack a field that named somebody.
        head: the last line.
    """

    def __init__(self, base: Anchor, noted: Iterable[Anchor]) -> None:
        """Begin.

        Args:
            base: the last line that was forgotten in time; the first follows it.
            noted: lines that were written down elsewhere: the chain must hold them.
        """
        self._noted = {anchor.seq: anchor.hash for anchor in noted if anchor.seq > base.seq}
        self.head = base
        self.count = 0
        self.erased = 0

    def look_at(self, line: AuditLine) -> str | None:
        """What is wrong with the next line, a sentence; None when it follows."""
        expected = self.head.seq + 1
        if line.seq != expected:
            return f"line {expected} is missing: line {line.seq} follows line {self.head.seq}"
        if line.previous != self.head.hash or link(line.previous, line.line) != line.hash:
            return f"line {line.seq} is not what was written: it was changed, or put there later"
        if self._noted.get(line.seq, line.hash) != line.hash:
            return f"line {line.seq} is another one than was noted: lines were written anew"
        if problem := _problem_inside(line):
            return problem
        self.head = line.head
        self.count += 1
        self.erased += len(line.facts["personal"]) > len(line.personal)
        return None

    def end(self) -> str | None:
        """What is missing at the end, a sentence; None when nothing is."""
        beyond = [seq for seq in self._noted if seq > self.head.seq]
        if not beyond:
            return None
        return (
            f"the lines after {self.head.seq} are missing: line {max(beyond)} was noted. "
            f"The end was cut off, or an older ledger was put back"
        )


def _problem_inside(line: AuditLine) -> str | None:
    facts = line.facts
    if facts["seq"] != line.seq:
        return f"line {line.seq} says that it is line {facts['seq']}"
    promised = facts["personal"]
    for name, value in line.personal.items():
        if commitment(line.salts.get(name, ""), value) != promised.get(name):
            return f"line {line.seq}: its {name} is not what was written"
    return None
