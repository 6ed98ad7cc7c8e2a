"""L1: the end of a mail, unstuffing, and what is handed back, in any chunks."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.accepting.dialogue.data import DotScanner


def naive(stream: bytes) -> tuple[bytes, bytes] | None:
    """(mail, rest) the slow and plain way: line by line at CRLF; None without an end."""
    mail = b""
    while True:
        line, ended, stream = stream.partition(b"\r\n")
        if not ended:
            return None
        if line == b".":
            return mail, stream
        mail += line.removeprefix(b".") + b"\r\n"


def scanned(stream: bytes, cuts: list[int]) -> tuple[bytes, DotScanner]:
    """The scanner's mail for a stream cut at these places; the rest gathers what came after."""
    scanner, mail, after = DotScanner(), b"", b""
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        if scanner.done:
            after += stream[start:end]
        else:
            mail += scanner.feed(stream[start:end])
    scanner.rest += after
    return mail, scanner


PIECES = st.sampled_from([b"\r\n", b".", b"..", b"a", b"\r", b"\n", b"\0", b"\r\n.", b"QUIT"])


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 99), max_size=8))
def test_the_scanner_equals_a_naive_one(body: bytes, cuts: list[int]) -> None:
    """L1: any body, any chunks, with commands pipelined behind the end."""
    stream = body + b"\r\n.\r\nQUIT\r\n"

    mail, scanner = scanned(stream, cuts)

    assert scanner.done
    assert (mail, scanner.rest) == naive(stream)


@given(
    st.integers(0, 6), st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from([b"\r", b"\n", b"\0", b"", b"x"]))),
    st.none() | st.integers(0, 99),
)  # fmt: skip
def test_bare_line_ends_are_found_among_lines_of_one_length(
    width: int, count: int, spoilt: list[tuple[int, bytes]], swapped: int | None
) -> None:
    """L1: the look at every n-th byte, behind the headers, says what the counting of pairs says."""
    headers = b"h" * 4094 + b"\r\n"
    body = bytearray((b"b" * width + b"\r\n") * count)
    if swapped is not None:  # a CR that has left its LF, with the counts as they were
        at = swapped % len(body)
        body[at : at + 2] = body[at : at + 2][::-1]
    for place, byte in spoilt[:2]:
        at = place % len(body)
        body[at : at + 1] = byte
    stream = headers + bytes(body)

    _, scanner = scanned(stream + b".\r\n.\r\n\r\n.\r\n", [])

    rest = stream.replace(b"\r\n", b"")
    assert scanner.improper == any(one in rest for one in (b"\r", b"\n", b"\0"))


@pytest.mark.parametrize(
    "lengths", [(9, 76, 34, 40), (0, 8, 0, 2, 2), (76, 76, 30, 44), (5, 2, 0, 0)]
)
def test_short_lines_that_fill_the_width_of_a_long_one_are_proper(lengths: tuple[int, ...]) -> None:
    """L1: a good mail is not refused because its lines' ends meet at one width by chance."""
    lines = b"".join(b"x" * length + b"\r\n" for length in lengths)
    scanner = DotScanner()
    scanner.feed(b"h" * 4094 + b"\r\n" + lines + b".\r\n")

    assert scanner.done
    assert not scanner.improper


@given(st.lists(st.tuples(
    st.integers(0, 5),
    st.sampled_from([b"\r\n"] * 12 + [b"\r", b"\n", b"\r\r\n", b"\n\r", b"\r\n\0"]),
), min_size=2, max_size=30))  # fmt: skip
def test_lines_of_any_widths_are_judged_as_by_counting(lines: list[tuple[int, bytes]]) -> None:
    """L1: behind the headers too, whatever widths and ends meet there."""
    stream = b"h" * 4094 + b"\r\n" + b"".join(b"x" * width + end for width, end in lines)
    scanner = DotScanner()
    scanner.feed(stream + b"\r\n.\r\n")

    rest = stream.replace(b"\r\n", b"")
    assert scanner.done
    assert scanner.improper == any(one in rest for one in (b"\r", b"\n", b"\0"))


def test_twenty_thousand_random_streams_equal_the_naive_ones() -> None:
    """L1: the same with a seed of its own, more of them, with and without an end."""
    source = random.Random(1)
    pieces = [b"\r\n", b".", b"..", b"a", b"\r", b"\n", b"\r\n.", b"\r\n..", b"x" * 40]
    for _ in range(20_000):
        stream = b"".join(source.choices(pieces, k=source.randrange(20)))
        mail, scanner = scanned(stream, [source.randrange(99) for _ in range(5)])
        wanted = naive(stream)
        assert scanner.done == (wanted is not None), stream
        if wanted is not None:
            assert (mail, scanner.rest) == wanted, stream


@pytest.mark.parametrize(
    "ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\n\r\n.\n"]
)
def test_nothing_else_ends_a_mail(ending: bytes) -> None:
    """L1: what looks like an end is content, so that no second mail can be smuggled in."""
    mail, scanner = scanned(b"a" + ending + b"MAIL FROM:<b@c>\r\n", [])

    assert not scanner.done
    assert b"MAIL FROM" in mail


@pytest.mark.parametrize(
    ("body", "improper"),
    [
        (b"a\r\nb\r\n", False),
        (b"\r\n\r\n", False),
        (b"a\nb\r\n", True),
        (b"a\rb\r\n", True),
        (b"a\r\r\n", True),
        (b"a\0b\r\n", True),
        (b"\n", True),
    ],
)
def test_bare_line_ends_and_nul_are_noticed_in_any_chunks(body: bytes, improper: bool) -> None:
    """L1: bare CR, LF or NUL anywhere, also where a chunk ends between CR and LF."""
    stream = body.removesuffix(b"\r\n") + b"\r\n.\r\n"
    for cut in range(len(stream) + 1):
        _, scanner = scanned(stream, [cut])
        assert scanner.improper is improper, cut


def test_an_empty_mail_ends_at_once() -> None:
    """L1: the scan begins as if CRLF had just been read."""
    mail, scanner = scanned(b".\r\nQUIT\r\n", [])

    assert (mail, scanner.done, scanner.rest) == (b"", True, b"QUIT\r\n")


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9))
def test_no_more_than_four_bytes_are_kept_back(chunks: list[bytes]) -> None:
    """L1: memory does not grow with the mail."""
    scanner = DotScanner()
    for chunk in chunks:
        if not scanner.done:
            scanner.feed(chunk)
            assert len(scanner._held) <= 4
