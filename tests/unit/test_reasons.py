"""W2, W3, W4: why something was not faxed is told in the reader's language.

`test_every_reason_is_known` reads the reasons off the code that writes them down, so that one
that nobody translated is a failing test.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mail2fax.answering.reasons import Reasons
from mail2fax.answering.wording import words_of

PACKAGE = Path(__file__).parents[2] / "mail2fax"
GERMAN = words_of("de")
_FEWEST_BLANKS = 2

ROOMS = {
    "preparing": {
        "children.py", "obtaining.py",  # how a child failed: the log's
    },
    "reading": {
        "phrases.py", "html_text.py", "author.py", "countries.py", "dialling.py", "verbs.py",
        "results.py",  # what a mail server is told
    },
    "sending": {"fetching.py"},
    "faxplus": {
        "client.py", "wire.py", "access.py",
        "consent.py",  # an admin at a terminal
    },
}  # fmt: skip
"""Where reasons are written down, and the files there that write none."""
MORE = ("spool/series.py", "spool/quotas.py", "spool/holds.py", "spool/jobs.py",
        "spool/resending.py", "spool/standing.py", "spool/repeating.py", "spool/pausing.py",
        "spool/tracking.py", "accepting/transaction.py")  # fmt: skip
NO_REASONS = (
    # patterns, names and formats
    "\\", "(?:", " */? *fax", " - ", " or ", " and ", "%Y", "cy cm", "stem or",
    # pieces of sentences that COMPOSED shows whole
    "7 MB of one fax", "the documents have", "The documents have", "7 x 7 pixels",
    "7: 7? Write it with", "The quota is", "this mail needs", "7 is not faxed",
    # only `explain` and `number` say so, to an admin
    "split off: the option", "the prefix", "left out", "dropped, ", "never dialled, it only",
    ": a number of", "dialled: ", " numbers",
    # said on the line, to a program
    "the closing >", "the opening <", 'a closing " is missing',
    "Will fax to", "read as an answer", " more", "recipients a mail", "fax numbers a mail",
    "An answer goes alone", "A probe; it is not kept", "A returned mail leads",
    # asserted, or in the log and for an admin
    "it is of one of the kinds", "a refused number refuses", "a recipient was accepted",
    "there is no mail", "is not on hold: it is", "nobody can be told",
    "is on hold already. Decide", "nothing of it waits", "may have it already. Ask the recipient",
    "a person says that it did not arrive", "A later fax of this mail", "7: 7 7",
    "pictures that may be documents", "a minute is the least", "count a miss",
    "Fax.Plus could not send: no credit is left", " seconds", "send without pictures",
    "7, by 7", " cm /7", "worth a later try", "the number cannot be faxed to",
    "a document could not be converted",
    "the account needs a person", "text of the mail", "{abroad} is the way abroad",
)  # fmt: skip


COMPOSED = (Path(__file__).parent / "reasons.txt").read_text(encoding="utf-8").splitlines()
"""What is put together from more than one piece, as it stands in a ledger."""


def _form(node: ast.expr) -> str | None:
    """A string as it stands in the code, with ``7`` for every fact."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = (part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
    return "".join(str(part) for part in parts)


def _strings(file: Path) -> Iterator[str]:
    """Every string of a file that is a sentence or a piece of one."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    shown = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    inner = {
        id(part)
        for one in ast.walk(tree)
        if isinstance(one, ast.JoinedStr)
        for part in ast.walk(one)
        if part is not one
    }
    for node in ast.walk(tree):
        if id(node) in shown | inner or not isinstance(node, ast.expr):
            continue
        form = _form(node)
        if form and form.count(" ") >= _FEWEST_BLANKS:
            yield form


def reasons() -> Iterator[object]:
    """What the code may write down as a reason."""
    files = [PACKAGE / name for name in MORE]
    for room, without in ROOMS.items():
        files += [file for file in (PACKAGE / room).rglob("*.py") if file.name not in without]
    for file in sorted(files):
        for form in _strings(file):
            if not any(mark in form for mark in NO_REASONS):
                yield pytest.param(form, id=f"{file.stem}: {form[:60]}")


def _samples(form: str) -> Iterator[str]:
    """The reason as it may stand in a letter: by itself, behind a name, or before another."""
    sample = form
    for field in ("{}", "{:.0f}", "{what}", "{why}", "{damaged}", "{user}"):
        sample = sample.replace(field, "7")
    sample = sample.strip(" ,:")
    named = sample.replace("7", "\u201c7\u201d", 1)
    for one in (sample, named, sample.replace("7 ", "7. ", 1), f"{sample} is not faxed"):
        yield from (one, f"\u201c7\u201d {one}", f"7: {one}")


@pytest.mark.parametrize("form", list(reasons()))
def test_every_reason_is_known(form: str) -> None:
    """W2, W3: what the code writes down is told in every language."""
    left = [GERMAN.unknown_in(sample) for sample in _samples(form)]

    assert any(all(piece.strip(".") == "7" for piece in pieces) for pieces in left), form


@pytest.mark.parametrize("sentence", COMPOSED)
@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_composed_reason_is_known(language: str, sentence: str) -> None:
    """W2, W3: however many sentences and names are in it."""
    assert words_of(language).unknown_in(sentence) == []
    assert words_of(language).reason(sentence) != sentence


@pytest.fixture
def few() -> Reasons:
    """Three reasons."""
    return Reasons(
        {
            "The line was busy": "Besetzt",
            "{file:file} is damaged: {damage:reason}": "{file} ist kaputt: {damage}",
            "it is cut": "abgeschnitten",
            "“{name}”": "«{name}»",
            "{count:n} faxes to {country:country}": "{count} Faxe nach {country}",
        },
        {"Switzerland": "Schweiz"},
    )


@pytest.mark.parametrize(
    ("english", "told", "unknown"),
    [
        ("The line was busy.", "Besetzt.", []),
        ("The line was busy. The line was busy", "Besetzt. Besetzt", []),
        ("“a. b.pdf” is damaged: it is cut.", "«a. b.pdf» ist kaputt: abgeschnitten.", []),
        ("“a” is damaged: odd.", "«a» ist kaputt: odd.", ["odd"]),
        ("What now? The line was busy.", "What now? Besetzt.", ["What now?"]),
        ("7 faxes to Switzerland", "7 Faxe nach Schweiz", []),
        ("x faxes to Switzerland", "x faxes to Switzerland", ["x faxes to Switzerland"]),
        ("7 faxes to Nowhere", "7 Faxe nach Nowhere", ["Nowhere"]),
        ("", "", []),
        ("x. " * 2000, "x. " * 1999 + "x.", ["x. " * 1999 + "x."]),
    ],
)
def test_sentence_by_sentence(few: Reasons, english: str, told: str, unknown: list[str]) -> None:
    """W4: what is not known stays in English and is not lost."""
    assert few.told(english) == told
    assert few.unknown_in(english) == unknown


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_names_of_files_are_not_translated(language: str) -> None:
    """W4: even one that is a reason itself, or holds one."""
    for name in ("it is cut", "x is damaged: it is cut", "The line was busy. ", "{0} {a}"):
        told = words_of(language).reason(f"“{name}” is damaged: it is cut.")
        assert name.strip() in told.replace("\u00a0", " ")
