"""M5: which mails belong together, whether all are there, and the one mail they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import decode
from mail2fax.reading.gate import Gate
from mail2fax.reading.joining import Spliced, joined
from mail2fax.reading.mail import read_mail
from mail2fax.reading.series import SplitPattern, gathered
from mail2fax.values import Gathering, SeriesPart
from tests.unit.mails import PDF, SCAN, TEXT, attached, mail, part, split


def gate(data: bytes) -> tuple[SeriesPart | None, str]:
    """What the first gate says of a mail: its place in a series, or the refusal."""
    one = Gate()
    one.feed(data)
    found = one.finish()
    return found.series, str(found.verdict.refusal or found.no_document or "")


def partial(fields: str, body: bytes = b"x") -> bytes:
    """A message/partial with these parameters."""
    return part(f"From: a@b.example\nContent-Type: message/partial; {fields}", body)


@pytest.mark.parametrize(
    ("fields", "series"),
    [
        ('id="a@b"; number=1; total=3', SeriesPart("partial", "a@b", 1, 3)),
        ("number=2; id=a@b", SeriesPart("partial", "a@b", 2, None)),
        ("id=a; number=0; total=2", None),
        ("id=a; number=x", None),
        ("number=1; total=2", None),
        ("id=a; number=9999", None),
        ("id=a; number=1; total=x", SeriesPart("partial", "a", 1, None)),
    ],
)
def test_a_part_of_a_split_mail_passes_the_gate(fields: str, series: SeriesPart | None) -> None:
    """M5, RFC 2046 5.2.2: with id and number; without them it is refused on the line."""
    found, refusal = gate(partial(fields))

    assert found == series
    assert (refusal == "") is (series is not None)
    assert refusal == "" or "split mail" in refusal


def test_a_part_inside_a_mail_is_no_series() -> None:
    """M7: only a whole mail can be one of several."""
    inside = mail(TEXT, part("Content-Type: message/partial; id=a; number=1; total=2", b"x"))

    assert gate(inside)[0] is None
    assert "No attachment" in gate(inside)[1]


@pytest.mark.parametrize(
    ("pattern", "texts", "found"),
    [
        ("{name} ({part} of {total})", ["Scan 7 (2 of 3)"], ("Scan 7", 2, 3)),
        ("{name} ({part} of {total})", ["Hello", "scan 7 (2 OF 3).pdf"], ("scan 7", 2, 3)),
        ("Scan {part}/{total}", ["Scan  2/3"], ("", 2, 3)),
        ("{name}-{part}-{total}", ["A-1-2-3"], ("A-1", 2, 3)),
        ("[{part}/{total}] {name}", ["[2/3] a.b"], ("a.b", 2, 3)),
        ("{name} ({part} of {total})", ["Re: Scan (2 of 3) please"], None),
        ("{name} ({part} of {total})", ["Scan (0 of 3)", "Scan (1 of 0)"], None),
        ("{name}.{part}.{total}", ["axbxc"], None),
        ("{name} ({part} of {total})", [], None),
    ],
)
def test_a_pattern_names_the_parts_of_a_split_scan(
    pattern: str, texts: list[str], found: tuple[str, int, int] | None
) -> None:
    """M5: the whole Subject or file name must fit, letter for letter beside the places."""
    wanted = None if found is None else SeriesPart("scan", *found)

    assert SplitPattern(pattern).part_of(texts) == wanted


@pytest.mark.parametrize(
    ("parts", "came", "total", "problem"),
    [
        ([(1, 2, "a"), (2, 2, "b")], (1, 2), 2, ""),
        ([(2, None, "b"), (3, 3, "c"), (1, None, "a")], (1, 2, 3), 3, ""),
        ([(1, 2, "a")], (1,), 2, ""),
        ([(1, None, "a"), (2, None, "b")], (1, 2), None, ""),
        ([(1, 2, "a"), (1, 2, "a"), (2, 2, "b")], (1, 2), 2, ""),
        ([(1, 2, "a"), (1, 2, "x")], (1,), 2, "came twice"),
        ([(1, 2, "a"), (2, 3, "b")], (1, 2), 2, "do not agree how many they are: 2 and 3"),
        ([(3, None, "c"), (1, 2, "a")], (1, 3), 2, "Part 3 of this mail came"),
        ([(1, 101, "a")], (1,), 101, "more than 100"),
        ([(101, None, "a")], (101,), None, "more than 100"),
    ],
)
def test_what_came_is_complete_or_not_or_never(
    parts: list[tuple[int, int | None, str]], came: tuple[int, ...], total: int | None, problem: str
) -> None:
    """M5: any order, duplicates, a total only in the last; contradictions are told."""
    found = gathered(parts)

    assert (found.came, found.total) == (came, total)
    assert problem in found.problem
    assert bool(found.problem) is bool(problem)
    assert found.is_complete is (total == len(came) and not problem)


def test_parts_that_ask_for_different_things_contradict_each_other() -> None:
    """M5, O2: one fax cannot meet both, and what a later part asks for is not dropped unsaid."""
    parts = [(1, 2, "a"), (2, 2, "b")]

    assert gathered(parts, 1).is_complete
    assert not gathered(parts, 2).is_complete
    assert "ask for different things" in gathered(parts, 2).problem


def test_words_say_which_parts_came() -> None:
    """M5: with the total when it is known."""
    assert Gathering((1, 3), 3).words == "1, 3 of 3"
    assert Gathering((2,), None).words == "2"
    assert not Gathering((), None).is_complete


@given(st.lists(st.binary(max_size=9), max_size=5), st.integers(0, 60), st.integers(0, 60))
def test_spliced_stretches_read_as_their_bytes(pieces: list[bytes], start: int, stop: int) -> None:
    """M5: any slice of it is that slice of the bytes behind one another."""
    whole = b"".join(pieces)
    spliced = Spliced([(b"<" + piece + b">", 1, len(piece) + 1) for piece in pieces])

    assert spliced.size == len(whole)
    assert spliced[start:stop] == whole[start:stop]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_joined_mail_is_the_one_that_was_split(count: int) -> None:
    """RFC 2046 5.2.2.1: the document comes out byte for byte, the headers as the RFC says."""
    mails = split(SCAN, count)
    whole = joined([(one, len(one)) for one in mails])
    text = whole[0 : whole.size]
    reading = read_mail(whole, whole.size)

    assert [(one.filename, one.content_type) for one in reading.candidates] == [
        ("a.pdf", "application/pdf")
    ]
    assert reading.damage is None
    assert reading.headline.subject == "Hello"
    assert b"X-Outer: kept" in text
    assert b"X-Inner: dropped" not in text
    assert b"message/partial" not in text
    assert text.count(b"Message-ID: <1@example.org>") == 1
    (one,) = reading.candidates
    assert b"".join(decode(whole, one.start, one.end, one.encoding)) == PDF


@pytest.mark.parametrize(
    "bad",
    [
        mail(TEXT, attached()),
        partial("id=a; number=2\nContent-Transfer-Encoding: base64"),
        b"Content-Type: message/partial; id=a; number=2",
        b"",
    ],
    ids=["no part", "encoded", "no end", "empty"],
)
def test_what_cannot_be_joined_is_damaged(bad: bytes) -> None:
    """M8: doubt stops the fax."""
    first = split(SCAN, 2)[0]

    with pytest.raises(Damaged):
        joined([(first, len(first)), (bad, len(bad))])
