"""M4, M8: contents decoded strictly, in pieces."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import decode, decoded_head, decoded_tail
from tests.unit.mails import PDF, base64_lines


def whole(raw: bytes, encoding: str, *, closed: bool = True) -> bytes:
    """Everything a body decodes to."""
    return b"".join(decode(raw, 0, len(raw), encoding, closed=closed))


@given(st.binary(max_size=3000), st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b" \r\n"]))
def test_base64_with_any_line_ends(data: bytes, ending: bytes) -> None:
    """M4: broken and blank lines do no harm."""
    assert whole(base64.encodebytes(data).replace(b"\n", ending), "base64") == data


@given(st.integers(1, 90), st.integers(0, 5), st.sampled_from([b"\r\n", b"\n", b"\t\n", b"\0\n"]))
def test_base64_in_lines_of_any_length(width: int, more: int, ending: bytes) -> None:
    """M4: a group may lie in two lines, and in two pieces; the quick way and the slow one agree."""
    data = bytes(range(251)) * 1200 + bytes(more)
    letters = base64.b64encode(data)
    raw = ending.join(letters[at : at + width] for at in range(0, len(letters), width))

    assert whole(raw, "base64") == data


@given(st.sampled_from(b"!#-_.:\x80\xff\x0b\x0c"), st.integers(0, 300_000))
def test_base64_with_characters_that_are_none(stray: int, at: int) -> None:
    """M8: many of them stop the fax wherever they stand, also where all else is whole groups."""
    raw = base64.b64encode(bytes(300_003)) + b"\r\n"
    with pytest.raises(Damaged):
        whole(raw[:at] + bytes([stray]) * 8 + raw[at:], "base64")


@settings(max_examples=20)
@given(st.integers(0, 9))
def test_base64_longer_than_a_piece(more: int) -> None:
    """M1: pieces may end anywhere, also between two padding characters."""
    data = bytes(196_600 + more)
    raw = base64.b64encode(data)

    assert whole(raw, "base64") == data
    assert whole(b" " * ((1 << 18) + 1 - len(raw) % (1 << 18)) + raw, "base64") == data


@given(st.binary(max_size=2000), st.integers(1, 75), st.sampled_from([b"\r\n", b"\n"]))
def test_quoted_printable(data: bytes, width: int, ending: bytes) -> None:
    """M4: every byte that must be is an escape, soft breaks anywhere."""
    letters = [b"%c" % one if 32 < one < 127 and one != 61 else b"=%02X" % one for one in data]
    lines = [b"".join(letters[at : at + width]) for at in range(0, len(letters), width)]

    assert whole((b"=" + ending).join(lines), "quoted-printable") == data


def test_a_soft_break_at_the_very_end() -> None:
    """M4: its line end belongs to the boundary."""
    assert whole(b"abc= ", "quoted-printable") == b"abc"


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"QUJD*REVG", b"ABCDEF"),
        (b"PGh0*bWw+Cg==", b"<html>\n"),
        (b"QU!\r\n JD!\nREVG", b"ABCDEF"),
        (b"QUJD" * 9 + b"!\r\n" + b"QUJD" * 9 + b"!\r\n" + b"QUI=", b"ABC" * 18 + b"AB"),
    ],
    ids=["stray", "stray and padding", "marks inside groups", "marks"],
)
def test_what_can_only_have_been_added_does_no_harm(raw: bytes, data: bytes) -> None:
    """M4: the rest has whole groups."""
    assert whole(raw, "base64") == data


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"QUJD*EVG", "base64"),
        (b"QUJD*EVGR0g=", "base64"),
        (b"*U*D*E*G", "base64"),
        (b"QUJD****REVG", "base64"),
        (b"QUJDR", "base64"),
        (b"QUJDR===", "base64"),
        (b"QUI=QUJD", "base64"),
        (b"QUI=\r\nfooter", "base64"),
        (b"QU=", "base64"),
        (b"a=G1", "quoted-printable"),
        (b"a=4", "quoted-printable"),
        (b"x", "x-unknown"),
        (b"a" * 600_000, "quoted-printable"),
        (b"QUI=" + b" " * (1 << 18) + b"QUJD", "base64"),
    ],
)
def test_damage_is_never_guessed_away(raw: bytes, encoding: str) -> None:
    """M8: doubt stops the fax."""
    with pytest.raises(Damaged):
        whole(raw, encoding)


def test_missing_padding_is_damage_only_where_nothing_closed_the_part() -> None:
    """M8: some programs leave the padding out; a cut does too."""
    assert whole(b"QUI", "base64") == b"AB"
    with pytest.raises(Damaged):
        whole(b"QUI", "base64", closed=False)


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary"])
def test_plain_bytes_stay_as_they_are(encoding: str) -> None:
    """M4: nothing is done to them."""
    assert whole(b"a\0\r\n\xff", encoding) == b"a\0\r\n\xff"


def test_head_and_tail_for_a_look() -> None:
    """M0: what a signature and an end need, from a few raw bytes."""
    raw = base64_lines(PDF)

    assert decoded_head(raw[:400], "base64").startswith(b"%PDF-1.4")
    assert decoded_tail(raw[-401:], "base64").endswith(b"%%EOF\n")
    assert decoded_head(b"=25PDF-=\r\nx", "quoted-printable") == b"%PDF-x"
    assert decoded_head(b"abc", "8bit") == decoded_tail(b"abc", "8bit") == b"abc"
