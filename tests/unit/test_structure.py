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
        ("3.1", "message/rfc822"), ("3.1.1", "text/plain"),
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
        (
            part(f"Content-Type: multipart/mixed; boundary={'b' * 300}", b"x"),
            "a boundary is too long",
        ),
        (
            part(f"Content-Type: multipart/mixed; {' ' * 9000}boundary=b", b"x"),
            "a Content-Type is too long",
        ),
        (mail(*[TEXT] * 120), "it has more than 100 parts"),
    ],
    ids=["endless line", "many fields", "long boundary", "hidden boundary", "many parts"],
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


def test_a_mail_inside_the_mail_has_sections_of_its_own() -> None:
    """M5: as IMAP numbers them; its multipart has the mail's own number."""
    inner = part("Content-Type: message/rfc822", SCAN.replace(b"b1", b"c1"))
    plain = part("Content-Type: message/rfc822", TEXT)
    scanner = scan(mail(inner, plain, attached()))

    kinds = [(one.number, one.content_type) for one in scanner.parts]
    assert kinds == [
        ("", "multipart/mixed"), ("1", "message/rfc822"), ("1", "multipart/mixed"),
        ("1.1", "text/plain"), ("1.2", "application/pdf"), ("2", "message/rfc822"),
        ("2.1", "text/plain"), ("3", "application/pdf"),
    ]  # fmt: skip
    assert [one.is_in_mail for one in scanner.parts] == [
        False, False, True, True, True, False, True, False,
    ]  # fmt: skip
    assert leaf(scanner, "2.1").closed
    assert leaf(scanner, "2").end == leaf(scanner, "2.1").end
    assert not scanner.unclosed


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        ("multipart/mixed", ""),
        ("text/plain; boundary=b1", ""),
        ("multipart/mixed\n boundary=b1", ""),
        ("multipart/mixed; boundary=b1\nContent-Type: text/plain", ""),
        ("text/plain\nContent-Type: multipart/mixed; boundary=b1", ""),
        ('multipart/mixed; type="x" boundary="b1"', ""),
        ("multipart/mixed; boundary==b1", "=b1"),
        ('multipart/mixed; boundary="Mon_Jan_9_15:10:21_2023_L1"', "Mon_Jan_9_15:10:21_2023_L1"),
        ("multipart/mixed; boundary=--boundary_160_x", "--boundary_160_x"),
        ('multipart/mixed; boundary="-"', "-"),
        ('multipart/mixed; boundary="a (b)+c?"', "a (b)+c?"),
    ],
)  # fmt: skip
def test_boundaries_as_programs_write_them(kind: str, boundary: str) -> None:
    """M4, M5: a missing parameter, a label that is none, a doubled field, odd characters."""
    data = part(
        f"Content-Type: {kind}", b"text\r\n" + multipart(boundary or "b1", TEXT, attached())
    )

    for cuts in ((), range(0, len(data), 7)):
        scanner = scan(data, *cuts)
        assert [one.number[-1] for one in scanner.parts[1:]] == ["1", "2"]
        assert not scanner.unclosed


def test_a_multipart_without_a_part_is_a_leaf() -> None:
    """M4, M8: nothing in it is lost; its body is all that stands there."""
    scanner = scan(mail(part("Content-Type: multipart/related; boundary=b9", PDF), attached()))

    assert [(one.number, one.is_multipart) for one in scanner.parts] == [
        ("", True), ("1", False), ("2", False),
    ]  # fmt: skip
    assert leaf(scanner, "1").head == PDF[:4096]


def test_a_boundary_of_the_outer_one_is_not_taken_for_a_leafs() -> None:
    """M5: sloppy programs copy the parameter."""
    scanner = scan(mail(part("Content-Type: text/html; boundary=b1", b"<p>"), attached()))

    assert [one.number for one in scanner.parts] == ["", "1", "2"]
    assert not scanner.unclosed


def test_a_header_that_never_ends_has_its_text_behind_the_last_field() -> None:
    """M4: no empty line before the text, at the end and before a boundary."""
    whole = scan(b"To: a\r\n b\r\nSubject: x\r\nDear Ann,\r\n indented\r\nbye")
    inner = scan(mail(b"Content-Type: text/plain\r\nDear Ann", attached()))

    assert whole.parts[0].head == b"Dear Ann,\r\n indented\r\nbye"
    assert whole.header_size == len(b"To: a\r\n b\r\nSubject: x\r\nDear Ann,\r\n indented\r\nbye")
    assert (leaf(inner, "1").head, leaf(inner, "1").closed) == (b"Dear Ann", True)
    assert leaf(inner, "1").size == len(b"Dear Ann")


def test_the_charset_is_inherited() -> None:
    """M4: some programs write it on the multipart."""
    data = part("Content-Type: multipart/mixed; boundary=b; charset=euc-kr",
                multipart("b", part("Content-Type: text/plain", b"x")))  # fmt: skip

    assert leaf(scan(data), "1").parameters["charset"] == "euc-kr"


@pytest.mark.parametrize("cut", range(20))
def test_a_line_that_begins_a_file_is_seen_in_any_chunks(cut: int) -> None:
    """M0, M4: at a line's beginning only, wherever the chunks end."""
    files = part("Content-Type: text/plain", b"x\r\nbegin 644 a.pdf\r\nM\r\n")
    prose = part("Content-Type: text/plain", b"we begin 644 a.pdf\r\nM\r\n")

    for data, wanted in ((files, True), (prose, False)):
        at = data.index(b"begin") - 4 + cut
        assert scan(data, at, at + 1).parts[0].holds_files is wanted
