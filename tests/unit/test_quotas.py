"""L8: how much a rule may still send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.spool.quotas import Used, admit
from mail2fax.values import Quota

HOUR, DAY, MONTH = 3600.0, 86400.0, 30 * 86400.0
A, B, C = "+41225550123", "+41225550124", "+41225550125"


def used(*at: float, number: str = A, pages: int = 1) -> list[Used]:
    """Faxes at these times."""
    return [Used(number, pages, one) for one in at]


@pytest.mark.parametrize(
    ("quota", "before", "wanted", "sentence"),
    [
        (Quota("faxes", 3, DAY), used(10, 20), used(100), None),
        (Quota("faxes", 2, DAY), used(10, 20), used(100),
         "The quota is 2 faxes a day: 0 left, this mail needs 1. Try again in 24 hours"),
        (Quota("faxes", 1, DAY), used(10), used(10 + DAY - 61),
         "The quota is 1 fax a day: 0 left, this mail needs 1. Try again in 2 minutes"),
        (Quota("faxes", 1, DAY), used(10), used(10 + DAY), None),
        (Quota("faxes", 3, HOUR), used(0, 60, 120), used(600, 600),
         "The quota is 3 faxes an hour: 0 left, this mail needs 2. Try again in 51 minutes"),
        (Quota("faxes", 3, MONTH), used(1), used(2, 2, 2, 2),
         ("The quota is 3 faxes a month: 2 left, this mail needs 4, more than it ever allows. "
          "Ask the administrator")),
        (Quota("pages", 10, DAY), used(1, pages=9), used(2), None),
        (Quota("pages", 10, DAY), used(1, pages=9), used(2, pages=2),
         "The quota is 10 pages a day: 1 left, this mail needs 2. Try again in 24 hours"),
        (Quota("numbers", 2, DAY), used(1) + used(2, number=B), used(3), None),
        (Quota("numbers", 2, MONTH), used(1) + used(86400, number=B), used(86402, number=C),
         "The quota is 2 numbers a month: 0 left, this mail needs 1. Try again in 29 days"),
        (Quota("numbers", 1, 60.0), used(1), used(1.5, number=B),
         "The quota is 1 number 60 seconds: 0 left, this mail needs 1. Try again in 1 minute"),
        (Quota("faxes", 1, DAY), used(1), [], None),
    ],
)  # fmt: skip
def test_what_fits_and_what_is_said(
    quota: Quota, before: list[Used], wanted: list[Used], sentence: str | None
) -> None:
    """L8: what is left, what is needed, when enough is free again."""
    assert admit((quota,), before, wanted) == sentence
    assert sentence is None or (sentence.isascii() and len(sentence) < 160)


def test_every_quota_must_hold() -> None:
    """L8: the first that does not is told."""
    day, hour = Quota("faxes", 9, DAY), Quota("faxes", 1, HOUR)

    assert "an hour" in str(admit((day, hour), used(1), used(2)))
    assert admit((), used(1), used(2)) is None


@given(
    before=st.lists(st.tuples(st.floats(0, 200), st.sampled_from([A, B, C]), st.integers(1, 3))),
    wanted=st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=3),
    what=st.sampled_from(["faxes", "pages", "numbers"]), most=st.integers(1, 5),
)  # fmt: skip
def test_it_is_free_again_when_it_was_said(
    before: list[tuple[float, str, int]], wanted: list[str], what: str, most: int
) -> None:
    """L8: at the time that is told the mail fits, unless others came meanwhile."""
    quota, now = Quota(what, most, 100.0), 200.0
    counting = [Used(number, pages, at) for at, number, pages in before]
    sentence = admit((quota,), counting, [Used(number, 1, now) for number in wanted])
    if sentence is None or "ever" in sentence:
        return
    minutes = int(sentence.rpartition(" in ")[2].split()[0])
    later = now + 60.0 * minutes

    assert admit((quota,), counting, [Used(number, 1, later) for number in wanted]) is None
