"""M3, M4: header fields as real programs write them."""

import time

import pytest

from mail2fax.reading.charsets import in_charset
from mail2fax.reading.headers import Headers, addresses, decoded, parameters


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("latin-1"), "Grüße"),
        (b"=?utf-8?Q?Gr=C3=BC=C3=9Fe_an?= =?utf-8?b?QW5u?= x", "Grüße anAnn x"),
        (b"=?iso-8859-1*de?q?M=E4rz?=", "März"),
        (b"=?utf-8?b?Z?=", "Z"),
        (b"=?nonsense?q?a=E4?=", "aä"),
        (b"=?punycode?q?abc?=", "abc"),
        (b"a\x07b\xe2\x80\xaec", "a b c"),
    ],
)
def test_unstructured_fields_are_decoded(raw: bytes, text: str) -> None:
    """M3: RFC 2047, raw 8-bit, unknown charsets; never a control or a direction override."""
    assert decoded(raw) == text


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'a/b; name="x y.pdf"', "x y.pdf"),
        (b"a/b; name=x y.pdf", "x y.pdf"),
        (b'a/b; NAME="a\\"b;c.pdf"; z=1', 'a"b;c.pdf'),
        (b"a/b; name*=utf-8''%C3%9C.pdf", "Ü.pdf"),
        (b"a/b; name*=''%41.pdf", "A.pdf"),
        (b"a/b; name*=no-charset.pdf", "no-charset.pdf"),
        (b"a/b; name*0*=utf-8''%C3%9C; name*1=\"ber.pdf\"", "Über.pdf"),
        (b'a/b; name*1="b.pdf"; name*0="a"', "ab.pdf"),
        (b'a/b; name="=?utf-8?q?=C3=9C?=.pdf"', "Ü.pdf"),
        ("a/b; name=Ü.pdf".encode(), "Ü.pdf"),
        (b"a/b; name=first; name=second", "first"),
        (b'a/b; name="unclosed.pdf', "unclosed.pdf"),
        (b"a/b; ; =x; name", ""),
    ],
)
def test_names_in_parameters(raw: bytes, name: str) -> None:
    """M3: RFC 2231 and 2047, quoted or not, with spaces, continued, raw."""
    assert parameters(raw)[1].get("name", "") == name


def test_fields_are_split_and_unfolded() -> None:
    """M4: a BOM, lines that are no fields, folding, doubled fields: the first counts."""
    block = (
        b"\xef\xbb\xbfSubject: one\r\n two\r\nnonsense\r\n  more\r\nContent-Type: A/B; x=1\r\n"
        b"content-type : c/d\r\n\r\n"
    )
    headers = Headers(block)

    assert headers.text("subject") == "one two"
    assert headers.parameters("content-type") == ("a/b", {"x": "1"})
    assert (headers.count("content-type"), headers.count("absent")) == (2, 0)
    assert headers.word("content-type") == "a/b"


def test_a_field_that_is_too_long_is_not_read() -> None:
    """M1: size-checked before it is looked into."""
    headers = Headers(b"X: " + b"y" * 9000 + b"\r\n\r\n")

    assert (headers.raw("x"), headers.is_too_long("x")) == (b"", True)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"ann@x.org", [("ann@x.org", "")]),
        (b'"Meier, Ann" <ann@x.org>, Bob <b@x.org>',
         [("ann@x.org", "Meier, Ann"), ("b@x.org", "Bob")]),
        (b"=?utf-8?q?M=C3=BCller?= <m@x.org>", [("m@x.org", "Müller")]),
        (b"undisclosed-recipients:;", []),
    ],
)  # fmt: skip
def test_addresses_and_their_names(raw: bytes, found: list[tuple[str, str]]) -> None:
    """A9: the display name that belongs to an address."""
    assert addresses(raw) == found


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"attachment; filename=plain.pdf; filename*=utf-8''%E2%82%AC.pdf", "\u20ac.pdf"),
        (b"attachment; filename*=utf-8''%E2%82%AC.pdf; filename=plain.pdf", "\u20ac.pdf"),
        (b'attachment; filename="=?utf-8?B?w6Q=?= =?utf-8?Q?=C3?= =?UTF-8?q?=A4?=.pdf"', "ää.pdf"),
        (b'attachment; filename="\x1b$B%9%-%c%s\x1b(B.pdf"', "スキャン.pdf"),
        (b"attachment; filename=scan 0001 (2).pdf", "scan 0001 (2).pdf"),
        (b"attachment; filename=scan\xe4.pdf", "scanä.pdf"),
        (b'attachment; filename="my "best" scan.pdf"', 'my "best" scan.pdf'),
        (b"attachment filename=a.pdf", "a.pdf"),
        (b'attachment; x="1"\tfilename="a;b.pdf"', "a;b.pdf"),
        (b"; filename=a.pdf", "a.pdf"),
        (b'attachment; filename="Q1/Q2 report.pdf"', "Q1/Q2 report.pdf"),
        (b"attachment; filename*0*=iso-8859-1''%e4; filename*1=\"b c\"; filename*2*=%FC", "äb cü"),
        (b'attachment; filename="never ends', "never ends"),
        (b'attachment; filename="a\\"b.pdf"', 'a"b.pdf'),
    ],
)
def test_names_as_programs_write_them(raw: bytes, name: str) -> None:
    """M3: two encodings of one name, half characters, raw bytes, missing marks."""
    assert parameters(raw)[1]["filename"] == name


def test_an_unknown_charset_is_guessed() -> None:
    """M11: text is never lost for a charset's name."""
    assert in_charset(b"\xe4", "x-unknown") == "ä"
    assert in_charset(b"a\xff\x80", "us-ascii") == "aÿ€"
    assert in_charset(b"\x81", "utf-8") == "\x81"
    assert in_charset(b"\xa1", "windows-874") == "ก"


@pytest.mark.parametrize(
    "bomb",
    [b";" * 8000, b'"' * 8001, b"a=" * 4000, b"=?" * 4000, b"<" * 8000, b"=?a?q?" * 1300,
     b"name*1" * 1300, b"(" * 8000, b'"\\' * 4000],
)  # fmt: skip
def test_hostile_fields_are_read_at_once(bomb: bytes) -> None:
    """M2: every step is linear; a generous bound that a quadratic reader misses by far."""
    started = time.process_time()
    for _ in range(5):
        parameters(b"a/b;" + bomb)
        decoded(bomb)
        addresses(bomb)
        Headers(bomb + b"\r\n\r\n")

    assert time.process_time() - started < 2.0
