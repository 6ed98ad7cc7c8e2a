"""M0, M1: the structure of a mail, whatever chunks it comes in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.structure import Part, StructureScanner
from tests.unit.mails import PDF, SCAN, TEXT, attached, base64_lines, mail, multipart, part

NESTED = mail(
    part(
        "Content-Type: multipart/alternative; boundary=b2",
        multipart("b2", TEXT, part("Content-Type: text/html", b"<p>--b1x")),
    ),
    attached(),
    part("Content-Type: multipart/digest; boundary=b3", multipart("b3", b"\r\nSubject: in")),
)


def scan(data: bytes, *cuts: int) -> StructureScanner:
    """A scanner that was fed the mail in these pieces."""
    scanner = StructureScanner()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        scanner.feed(data[start:end])
    scanner.close()
    return scanner


def seen(scanner: StructureScanner) -> list[tuple[str, str, int, int, bool, bytes, bytes]]:
    """Everything a scan found of each part."""
    return [
        (one.number, one.content_type, one.start, one.end, one.closed, one.head, one.tail)
        for one in scanner.parts
    ]


def leaf(scanner: StructureScanner, number: str) -> Part:
    """The part with this number."""
    return next(one for one in scanner.parts if one.number == number)


def test_sections_are_numbered_and_their_bodies_found() -> None:
    """M1: numbers as IMAP has them, offsets without the boundary's line end."""
    scanner = scan(NESTED)

    kinds = [(one.number, one.content_type) for one in scanner.parts]
    assert kinds == [
        ("", "multipart/mixed"), ("1", "multipart/alternative"), ("1.1", "text/plain"),
        ("1.2", "text/html"), ("2", "application/pdf"), ("3", "multipart/digest"),
        ("3.1", "message/rfc822"),
    ]  # fmt: skip
    found = leaf(scanner, "2")
    assert NESTED[found.start : found.end] == base64_lines(PDF)
    assert leaf(scanner, "1.2").head == leaf(scanner, "1.2").tail == b"<p>--b1x"
    assert all(one.closed for one in scanner.parts)
    assert not scanner.unclosed
    assert leaf(scanner, "1.2").path == ("multipart/mixed", "multipart/alternative")


@given(st.lists(st.integers(0, 5000), max_size=8), st.sampled_from([NESTED, SCAN]), st.booleans())
def test_chunks_do_not_matter(cuts: list[int], data: bytes, lf: bool) -> None:
    """M0: any chunking finds the same parts, with CRLF and with LF."""
    data = data.replace(b"\r\n", b"\n") if lf else data

    assert seen(scan(data, *cuts)) == seen(scan(data))


def test_byte_by_byte_finds_the_same() -> None:
    """M0: the slowest client's chunks."""
    assert seen(scan(NESTED, *range(len(NESTED)))) == seen(scan(NESTED))


def test_a_mail_without_parts_is_its_own_part() -> None:
    """M5: a copier's mail that is one TIFF."""
    scanner = scan(attached())

    (only,) = scanner.parts
    assert (only.number, only.content_type, only.closed) == ("1", "application/pdf", True)
    assert scanner.header_size == only.start


@pytest.mark.parametrize("last", [True, False])
def test_a_missing_last_boundary_is_seen(last: bool) -> None:
    """M8: what nothing closed is known to be open."""
    scanner = scan(mail(TEXT, attached(), last=last))

    assert (scanner.unclosed, leaf(scanner, "2").closed) == (not last, last)


def test_the_last_boundary_needs_no_line_end() -> None:
    """M4: the mail ends right behind it."""
    assert not scan(SCAN.rstrip(b"\r\n")).unclosed


def test_an_outer_boundary_ends_inner_parts() -> None:
    """M5: an inner multipart without its last boundary does not swallow the next part."""
    inner = part("Content-Type: multipart/related; boundary=b2", multipart("b2", TEXT, last=False))
    scanner = scan(mail(inner, attached()))

    assert [one.number for one in scanner.parts] == ["", "1", "1.1", "2"]


def test_parts_that_are_all_header_or_nothing() -> None:
    """M2: odd parts are parts without a body."""
    scanner = scan(mail(b"Content-Type: text/html", b"", attached()))

    assert [(one.number, one.size > 0) for one in scanner.parts[1:3]] == [
        ("1", False),
        ("2", False),
    ]
    assert leaf(scanner, "3").content_type == "application/pdf"


def test_a_mail_that_is_all_header() -> None:
    """M2: no empty line ever comes."""
    scanner = scan(b"Subject: x\r\nTo: y")

    assert scanner.header_size == len(b"Subject: x\r\nTo: y")
    assert scanner.parts[0].size == 0


def test_a_line_that_only_begins_like_a_boundary() -> None:
    """M1: only the whole line counts, however long it is and wherever chunks cut it."""
    body = b"--b1x\r\n--b1 - no\r\n--" + b"b" * 3000 + b"\r\nend"
    scanner = scan(mail(part("Content-Type: text/plain", body)), 150, 160, 1500)

    assert leaf(scanner, "1").size == len(body)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"X: " + b"y" * 200_000, "the header is too large"),
        (b"X: y\r\n" * 20_000 + b"\r\n", "the header is too large"),
        (part("Content-Type: multipart/mixed", b"x"), "a multipart has no boundary"),
        (
            part(f"Content-Type: multipart/mixed; {' ' * 9000}boundary=b", b"x"),
            "a Content-Type is too long",
        ),
        (mail(*[TEXT] * 120), "it has more than 100 parts"),
    ],
    ids=["endless line", "many fields", "no boundary", "hidden boundary", "many parts"],
)
def test_limits_stop_the_scan(data: bytes, problem: str) -> None:
    """M1, M2: what passes a limit is named, in memory that does not grow."""
    scanner = scan(data, *range(0, len(data), 4000))

    assert scanner.problem == problem


def test_nesting_ends_somewhere() -> None:
    """M1: at ten."""
    data = TEXT
    for level in range(12):
        data = part(f"Content-Type: multipart/mixed; boundary=n{level}",
                    multipart(f"n{level}", data))  # fmt: skip

    assert scan(data).problem == "its parts are nested deeper than 10"
