"""The chain of lines for auditors: what was done to it is named (K7)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mail2fax.spool.chain import (
    GENESIS,
    Anchor,
    AuditLine,
    Checker,
    canonical,
    commitment,
    link,
)

Chain = list[AuditLine]


def chain(count: int = 5) -> Chain:
    """A chain as `audit.add` makes it."""
    lines: Chain = []
    previous = GENESIS
    for seq in range(1, count + 1):
        personal, salts = {"number": f"+4122555012{seq}", "who": "ann"}, {"number": "s", "who": "t"}
        promised = {name: commitment(salts[name], personal[name]) for name in personal}
        line = canonical({"seq": seq, "what": "fax", "personal": promised})
        digest = link(previous, line)
        lines.append(AuditLine(seq, line, previous, digest, dict(personal), salts))
        previous = digest
    return lines


def problem(lines: Chain, *noted: Anchor, base: Anchor | None = None) -> str | None:
    """The first thing that is wrong."""
    checker = Checker(base or Anchor(0, GENESIS), noted)
    return next((one for line in lines if (one := checker.look_at(line))), None) or checker.end()


def anchor(line: AuditLine) -> Anchor:
    """The line as it is noted elsewhere."""
    return Anchor(line.seq, line.hash)


def rewritten(lines: Chain, at: int) -> Chain:
    """What somebody makes of a chain who knows how it is made: all hashes fit again."""
    previous, made = lines[at - 1].hash, lines[:at]
    for line in lines[at:]:
        text = line.line.replace('"fax"', '"mail"')
        made.append(replace(line, line=text, previous=previous, hash=link(previous, text)))
        previous = made[-1].hash
    return made


def test_an_untouched_chain_is_in_order() -> None:
    """K7: with and without a line that was noted."""
    lines = chain()

    assert problem(lines) is None
    assert problem(lines, anchor(lines[2]), anchor(lines[-1])) is None
    assert problem([]) is None


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (lambda c: [*c[:2], replace(c[2], line=c[2].line.replace("fax", "fox")), *c[3:]],
         "line 3 is not what was written"),
        (lambda c: [*c[:2], replace(c[2], hash="f" * 64), *c[3:]], "line 3 is not what was"),
        (lambda c: [*c[:2], *c[3:]], "line 3 is missing"),
        (lambda c: c[1:], "line 1 is missing"),
        (lambda c: [c[0], c[2], c[1], *c[3:]], "line 2 is missing: line 3 follows line 1"),
        (lambda c: [*c[:2], c[1], *c[2:]], "line 3 is missing"),
        (lambda c: [c[0], replace(c[2], seq=2), *c[2:]], "line 2 is not what was written"),
        (lambda c: [*c[:2], replace(c[2], personal={**c[2].personal, "number": "+4143"}), *c[3:]],
         "line 3: its number is not what was written"),
        (lambda c: [*c[:2], replace(c[2], personal={**c[2].personal, "to": "x"}), *c[3:]],
         "line 3: its to is not"),
        (lambda c: [*c[:2], replace(c[2], salts={}), *c[3:]], "line 3: its number is not"),
    ],
)  # fmt: skip
def test_what_was_done_to_a_line_is_named(tamper: Callable[[Chain], Chain], sentence: str) -> None:
    """K7: flipped, deleted, put in, reordered; and who it is about."""
    found = problem(tamper(chain()))

    assert found is not None
    assert sentence in found


def test_a_line_that_says_another_number_is_named() -> None:
    """K7: also where its hash fits."""
    text = canonical({"seq": 7, "personal": {}})
    line = AuditLine(1, text, GENESIS, link(GENESIS, text), {}, {})

    assert problem([line]) == "line 1 says that it is line 7"


def test_a_cut_off_end_is_noticed_by_what_was_noted() -> None:
    """K7: the rest still fits together; only a line that was noted elsewhere shows it."""
    lines = chain()

    assert problem(lines[:3]) is None
    assert "lines after 3 are missing: line 5 was noted" in str(
        problem(lines[:3], anchor(lines[4]))
    )


def test_a_chain_written_anew_is_noticed_by_what_was_noted() -> None:
    """K7: somebody who may write everything can make all hashes fit, but not the noted one."""
    forged = rewritten(chain(), 2)

    assert problem(forged) is None
    assert "line 4 is another one than was noted" in str(problem(forged, anchor(chain()[3])))


def test_what_was_erased_leaves_the_chain_whole() -> None:
    """K7: the field and its salt go, the line and its hash stay."""
    lines = chain()
    lines[2] = replace(lines[2], personal={"who": "ann"}, salts={"who": "t"})
    checker = Checker(Anchor(0, GENESIS), [])

    assert [checker.look_at(line) for line in lines] == [None] * 5
    assert (checker.count, checker.erased) == (5, 1)


def test_what_was_forgotten_in_time_is_not_missed() -> None:
    """K7: the chain follows the last forgotten line; what was noted before it proves nothing."""
    lines = chain()

    assert problem(lines[3:], anchor(lines[0]), base=anchor(lines[2])) is None
    assert problem(lines[4:], base=anchor(lines[2])) is not None


def test_an_anchor_is_written_down_and_read() -> None:
    """K7: as one word; anything else says what to write."""
    noted = Anchor(12, "a" * 64)

    assert Anchor.read(f" {noted}\n") == noted
    with pytest.raises(ValueError, match="number:hash"):
        Anchor.read("12")
