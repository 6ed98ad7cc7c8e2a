"""A fuzz target: bytes of a mail → what would be faxed (M2, M8).

``python -m tests.fuzz.mail [--seeds DIR] [libFuzzer options] [WORKDIR]`` with the extra ``fuzz``
(atheris). Seeds are the corpora beside the project and the crashers of the tests. Not only
crashes are findings: `check` holds what must be true of every mail.
"""

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mail2fax.reading.contents import PartRef, contents
from mail2fax.reading.damage import Damaged
from mail2fax.reading.gate import Gate, GateReading
from mail2fax.reading.mail import MailReading, read_mail
from mail2fax.reading.structure import StructureScanner
from tests.corpora import CORPORA
from tests.unit.crashers import CRASHERS

_LARGEST_SEED = 60_000


def check(data: bytes) -> None:
    """Hold the promises of reading against one mail.

    Raises:
        AssertionError: one is broken.
    """
    gate = gate_of(data, len(data) or 1)
    reading = read_mail(data, len(data))
    assert gate.verdict == gate_of(data, 7 + len(data) // 97).verdict, "chunks change the gate"
    assert gate.header_sha256 == hashlib.sha256(data[: reading.header_size]).hexdigest()
    assert gate.body_sha256 == hashlib.sha256(data[reading.header_size :]).hexdigest()
    if gate.verdict.accepted and gate.no_document is None:
        assert _may_hold(gate, reading, data), "the gate takes a mail that has nothing"
    for refs in (reading.parts, reading.candidates):
        _check_places(refs, len(data))
    _check_contents(data, reading)
    _check_chunks(data)


def gate_of(data: bytes, chunk: int) -> GateReading:
    """What the gate says of a mail that comes in chunks of this size."""
    gate = Gate()
    for at in range(0, len(data), chunk):
        gate.feed(data[at : at + chunk])
    return gate.finish()


def _may_hold(gate: GateReading, reading: MailReading, data: bytes) -> bool:
    """Whether there may be something to fax, as far as the first gate can see."""
    asks = reading.damage or reading.question or gate.series
    # Whether a picture belongs to the text, only the whole mail tells.
    shows = any(one.content_type.startswith("image/") for one in reading.not_faxed)
    return bool(reading.candidates or asks or shows or _mentions_files(data))


def _mentions_files(data: bytes) -> bool:
    """Whether a line begins a file: the gate cannot know that none follows."""
    marks = (b"begin ", b"=ybegin ", b"(This file must be")
    return any(mark in data for mark in marks)


def _check_places(refs: tuple[PartRef, ...], size: int) -> None:
    for ref in refs:
        assert 0 <= ref.start <= ref.end <= size, "a part outside the mail"
        assert all(0 <= layer.start <= layer.end for layer in ref.inner)
    names = [ref.part for ref in refs]
    assert len(set(names)) == len(names), "two parts of one number"


def _check_contents(data: bytes, reading: MailReading) -> None:
    """A part decodes to the same bytes, or the same damage, each time."""
    for ref in reading.candidates:
        assert _content(data, ref) == _content(_Slow(data), ref), "pieces change a content"


class _Slow:
    """A mail that hands out copies, as a memory map does."""

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)

    def __getitem__(self, key: slice) -> bytes:
        return bytes(self._data[key])


def _content(data: bytes | _Slow, ref: PartRef) -> bytes | str:
    try:
        return b"".join(contents(data, ref))
    except Damaged as damaged:
        return str(damaged)


def _check_chunks(data: bytes) -> None:
    """The scanner finds the same in any chunks."""
    wanted = _scanned(data, len(data) or 1)
    for chunk in (1, 3 + len(data) % 61):
        if len(data) <= 4096 or chunk > 1:
            assert _scanned(data, chunk) == wanted, "chunks change the parts"


def _scanned(data: bytes, chunk: int) -> list[tuple[object, ...]]:
    scanner = StructureScanner()
    for at in range(0, len(data), chunk):
        scanner.feed(data[at : at + chunk])
    scanner.close()
    if scanner.problem is not None:
        return [(scanner.problem,)]
    return [
        (one.number, one.content_type, one.start, one.end, one.closed, one.head, one.tail,
         one.holds_files)
        for one in (*scanner.parts, *scanner.between)
    ]  # fmt: skip


def seeds(directory: Path) -> Iterator[bytes]:
    """Real mails that are small enough, and small crashers."""
    for path in sorted((directory / "mails").rglob("*")):
        if path.is_file() and path.stat().st_size <= _LARGEST_SEED:
            yield path.read_bytes()
    for build in CRASHERS.values():
        yield build(500)


def main() -> None:
    """Run the fuzzer; what it finds it writes to ``crash-*`` files."""
    import atheris  # noqa: PLC0415 - an extra

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(CORPORA)):
            Path(corpus, str(number)).write_bytes(seed)
        atheris.instrument_all()
        atheris.Setup([*sys.argv, corpus], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
