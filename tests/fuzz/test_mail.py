"""M2, M8: the fuzz target's checks on the crashers, and on everything it has found."""

from pathlib import Path

import pytest

from tests.fuzz.mail import check
from tests.unit.crashers import CRASHERS
from tests.unit.mails import SCAN

FOUND = sorted((Path(__file__).parent / "found").glob("*.eml"))


@pytest.mark.parametrize("name", sorted(CRASHERS))
def test_the_promises_hold_for_crashers(name: str) -> None:
    """M2: small ones, in many chunks."""
    check(CRASHERS[name](2500))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_stays_mended(path: Path) -> None:
    """M2, M8: a finding becomes a test."""
    check(path.read_bytes())


def test_a_broken_promise_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks see a scanner that depends on chunks."""
    monkeypatch.setattr("mail2fax.reading.structure._LONGEST_BOUNDARY_LINE", 3)

    with pytest.raises(AssertionError):
        check(SCAN)
