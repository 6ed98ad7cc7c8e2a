"""M0, M2: the work on a hostile mail, in steps and bytes held, never in seconds."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from mail2fax.reading.contents import contents
from mail2fax.reading.damage import Damaged
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import read_mail
from mail2fax.reading.structure import StructureScanner
from tests.unit.crashers import CRASHERS, ODD_HEADERS

_CHUNK = 32768
_SMALL = 60_000
_HELD = 110_000
"""Bytes a scanner may keep back: a header block that is not over yet."""


def steps(action: Callable[[], Any]) -> int:
    """How many calls, of Python and of C, an action makes."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return counted


def through_gate(data: bytes) -> None:
    """A mail through the first gate in the listener's chunks."""
    gate = Gate()
    for at in range(0, len(data), _CHUNK):
        gate.feed(data[at : at + _CHUNK])
    gate.finish()


@pytest.mark.parametrize("name", sorted(CRASHERS))
@pytest.mark.parametrize(
    ("door", "each", "most"),
    [(through_gate, 0.5, 60_000), (lambda data: read_mail(data, len(data)), 4, 6_000_000)],
    ids=["gate", "reader"],
)
def test_work_grows_no_faster_than_the_mail(
    name: str, door: Callable[[bytes], Any], each: float, most: int
) -> None:
    """M2: a mail twice as large costs at most about twice as many steps, and few for its size.

    The reader may look closely at the first lines of a text, as many as a comment can come from.
    """
    once, twice = CRASHERS[name](_SMALL), CRASHERS[name](2 * _SMALL)

    first, second = steps(lambda: door(once)), steps(lambda: door(twice))

    assert second < 2.3 * first + 300
    assert second < each * len(twice) + most


@pytest.mark.parametrize("name", sorted(CRASHERS))
def test_little_is_held_back(name: str) -> None:
    """M0: constant memory, and no byte is looked at again and again."""
    data = CRASHERS[name](1_000_000)
    scanner = StructureScanner()
    looked_at = 0
    for at in range(0, len(data), _CHUNK):
        looked_at += len(scanner._pending) + _CHUNK
        scanner.feed(data[at : at + _CHUNK])
        kept = len(scanner._pending) + sum(map(len, scanner._lines))
        assert kept <= _HELD + _CHUNK
    scanner.close()

    assert looked_at < 4 * len(data) + 1_000_000
    assert len(scanner.parts) <= 101
    assert sum(len(part.head) + len(part.tail) for part in scanner.parts) < 900_000


def test_steps_are_counted() -> None:
    """The counter sees work that grows with the square."""
    assert steps(lambda: [[len("x") for _ in range(100)] for _ in range(100)]) > 10_000


@pytest.mark.parametrize("field", ODD_HEADERS)
@pytest.mark.parametrize("place", ["top", "part"])
def test_odd_fields_raise_nothing(field: bytes, place: str) -> None:
    """M2: on the mail and on a part, through gate, reader and decoder."""
    end = b"\r\n\r\n--b\r\n%s\r\n\r\nx\r\n--b--\r\n"
    top = b"Content-Type: multipart/mixed; boundary=b"
    data = field + b"\r\n" + top + end % b"X: y" if place == "top" else top + end % field

    through_gate(data)
    for one in read_mail(data, len(data)).candidates:
        try:
            b"".join(contents(data, one))
        except Damaged:
            continue
