"""The words as types."""

import json

import pytest

from mail2fax.json_form import as_json, from_json
from mail2fax.values import (
    Cover,
    Destination,
    Document,
    End,
    FaxNumber,
    Headline,
    Options,
    Outcome,
    Reading,
    Response,
    Retry,
    Verdict,
    Wish,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "41225550123",
        "+0225550123",
        "+4122",
        "+41 22 555 01 23",
        "+41225550123\n",
        "+٤١٢٢٥٥٥٠١٢٣",
    ],
)
def test_only_e164_is_a_fax_number(text: str) -> None:
    """Nothing but plus and 7 to 15 ASCII digits can become a fax number."""
    with pytest.raises(ValueError, match=r"E\.164"):
        FaxNumber(text)


def test_a_masked_number_does_not_tell_the_number() -> None:
    """Promise 6: what a log may hold keeps most digits to itself."""
    assert FaxNumber("+41225550123").masked == "+412…23"


def test_a_response_is_one_line() -> None:
    """A response shows as code, enhanced status and text."""
    assert str(Response(550, "5.1.3", "No number")) == "550 5.1.3 No number"
    assert str(Response(220, "", "ready")) == "220 ready"


def test_options_survive_the_ledger() -> None:
    """Options written as JSON come back equal."""
    options = Options(
        source_numbers=("+41225550100",),
        retry=Retry(2, 15),
        tags=("oncology",),
        cover=Cover(name_to="Dr Meier", flags=("urgent",)),
        enhance=False,
    )

    assert options == from_json(Options, as_json(options))
    assert Options() == from_json(Options, as_json(Options()))


def test_an_outcome_is_plain_json() -> None:
    """Enums become their words."""
    told = as_json(Outcome(End.SUCCESS, "success", 1.0, pages=2))

    assert told["end"] == "success"


def test_a_value_survives_its_json_form() -> None:
    """F7: what the ledger and the pipes hold becomes the same value again, defaults included."""
    outcome = Outcome(End.PARTIAL, "x", 1.0, pages=3)
    options = Options(retry=Retry(1, 2), cover=Cover(flags=("urgent",)), tags=("a", "b"))
    reading = Reading(
        documents=(Document("1", "a.pdf", "application/pdf", 3, "sha", 1, "1-a.pdf"),),
        headline=Headline(names=(("a@b", "A"),)),
        verdict=Verdict(Response(554, "5.6.0", "no"), "mail"),
    )
    to = Destination("1", FaxNumber("+41225550123"), "why", wishes=(Wish("at", "8", "address"),))

    for value in (outcome, options, reading, to):
        assert from_json(type(value), json.loads(json.dumps(as_json(value)))) == value
    assert from_json(Options, {}) == Options()


def test_a_field_nobody_knows_is_an_error() -> None:
    """K2: a value that a newer version wrote is not half understood."""
    with pytest.raises(TypeError):
        from_json(Options, {"colour": "red"})
