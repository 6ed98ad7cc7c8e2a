"""S4: which orders at Fax.Plus are ours and unknown after a restore."""

import pytest

from mail2fax.clock import utc
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending.adopting import strangers
from mail2fax.sending.shown import Shown
from mail2fax.spool.adoption import Stranger
from mail2fax.spool.naming import fax_of, first_id, made_at, new_id, order_of, token_of

THEN = 1_800_000_000.0
GAP = (THEN, THEN + 3600)
NUMBER, OTHER = "+41225550123", "+41225550124"


def waiting(token: str, *to: str, tags: bool = False) -> OutboxFax:
    """An outbox item with a mark."""
    text, marks = ("", (token,)) if tags else (f"hello\n{token}", ())
    return OutboxFax("o", "submitted", text, marks, to, (), "", utc(THEN), None, None)


def sent(token: str, to: str = NUMBER, fax_id: str = "f") -> Fax:
    """A record of the archive with a mark."""
    return Fax(fax_id, "success", f"hello\n{token}", to, "", 1, 30, None, None, None, "")


def found(*faxes: OutboxFax | Fax, unknown: tuple[str, ...]) -> tuple[Stranger, ...]:
    """The strangers in a listing of these."""
    outbox = tuple(fax for fax in faxes if isinstance(fax, OutboxFax))
    archive = tuple(fax for fax in faxes if isinstance(fax, Fax))
    return strangers(Shown(Listing(outbox, archive, complete=True)), GAP, unknown)


@pytest.mark.parametrize("tags", [True, False])
def test_a_mark_from_the_gap_that_nobody_knows_is_taken_in(tags: bool) -> None:
    """Wherever it stands; for each number of the order."""
    token = token_of(new_id(THEN + 60))

    assert found(waiting(token, NUMBER, OTHER, tags=tags), unknown=(token,)) == (
        Stranger(token, {NUMBER: "o", OTHER: "o"}),
    )


def test_the_record_that_stays_counts() -> None:
    """In both lists, each under an ID of its own."""
    token = token_of(new_id(THEN + 60), 2)

    assert found(sent(token), waiting(token, NUMBER), unknown=(token,)) == (
        Stranger(token, {NUMBER: "f"}),
    )


@pytest.mark.parametrize("at", [THEN - 1, THEN + 3601])
def test_a_mark_from_another_time_is_somebody_elses(at: float) -> None:
    """Forgotten rows, and another mail2fax on the same account."""
    token = token_of(new_id(at))

    assert found(sent(token), unknown=(token,)) == ()


def test_what_is_known_or_no_number_is_left_alone() -> None:
    """An order that this ledger follows anyway, and a record that nobody could follow."""
    token = token_of(new_id(THEN + 60))

    assert found(sent(token), unknown=()) == ()
    assert found(sent(token, to="anonymous"), unknown=(token,)) == ()


def test_a_token_tells_its_fax_its_order_and_its_time() -> None:
    """R3: it is made of the fax's id."""
    fax_id = new_id(THEN)

    assert (fax_of(token_of(fax_id)), order_of(token_of(fax_id))) == (fax_id, 1)
    assert (fax_of(token_of(fax_id, 12)), order_of(token_of(fax_id, 12))) == (fax_id, 12)
    assert made_at(token_of(fax_id, 2)) == THEN
    assert first_id(THEN) <= fax_id < first_id(THEN + 0.001)
