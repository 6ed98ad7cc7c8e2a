"""S5, S6, R4: what a look shows of an ordered fax, and what follows."""

from dataclasses import replace

import pytest

from mail2fax.clock import utc
from mail2fax.faxplus.statuses import FINAL, Meaning
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending import outcomes
from mail2fax.sending.outcomes import DialAgain, Ended, LookAgain, Sighting, conclude, sighted
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool.lifecycle import FaxEvent
from mail2fax.spool.naming import new_id, token_of
from mail2fax.spool.records import FaxToTrack
from mail2fax.values import End

START = 1_800_000_000.0
NUMBER = "+41225550123"
SETTINGS = SendingSettings(("+41225550100",))
FAX_ID = new_id(START)
FAX = FaxToTrack(
    id=FAX_ID, mail_id="mail", reference="M2F-AAAAA", number=NUMBER, token=token_of(FAX_ID),
    fax_plus_id="f1", received_at=START - 60, ordered_at=START, next_poll=START + 5,
    not_before=0.0, orders=1, own_retries=True,
)  # fmt: skip
SENT = Fax("other", "success", "", NUMBER, "", 2, 30, None, utc(START + 5), None, "")
WAITING = OutboxFax("other", "sending", "", (), (NUMBER,), (), "", utc(START), None, 2)


def listing(*found: Fax | OutboxFax) -> Listing:
    """A complete listing of these."""
    outbox = tuple(item for item in found if isinstance(item, OutboxFax))
    return Listing(outbox, tuple(fax for fax in found if isinstance(fax, Fax)), complete=True)


def see(*found: Fax | OutboxFax, taken: frozenset[str] = frozenset(), rivals: int = 0) -> str:
    """The status of the fax in a listing; empty when it is not seen."""
    sighting = sighted(FAX, listing(*found), taken, rivals)
    return sighting.status if sighting else ""


@pytest.mark.parametrize(
    "found",
    [
        replace(SENT, id="f1"),
        replace(SENT, comment=f"text\n{FAX.token}"),
        replace(WAITING, id="f1"),
        replace(WAITING, tags=(FAX.token,)),
        replace(WAITING, comment_text=FAX.token),
    ],
    ids=["sent by id", "sent by token", "waiting by id", "by tag", "by comment"],
)
def test_a_fax_is_known_by_its_id_or_its_token(found: Fax | OutboxFax) -> None:
    """S5: wherever either stands."""
    assert see(found, rivals=1) == found.status


def test_the_only_unmarked_fax_to_the_number_is_it() -> None:
    """S5: an archive with other ids and no comments still tells the outcome."""
    assert see(SENT) == "success"


@pytest.mark.parametrize(
    ("found", "rivals", "taken"),
    [
        ((SENT,), 1, frozenset[str]()),
        ((SENT,), 0, frozenset({"other"})),
        ((SENT, replace(SENT, id="third")), 0, frozenset[str]()),
        ((replace(SENT, to="+41225550999"),), 0, frozenset[str]()),
        ((replace(SENT, comment=token_of(new_id(START))),), 0, frozenset[str]()),
        ((replace(SENT, submit_time=utc(START - 3600)),), 0, frozenset[str]()),
        ((replace(SENT, submit_time=None),), 0, frozenset[str]()),
        ((replace(WAITING, tags=(FAX.token,), to=("+41225550999",)),), 0, frozenset[str]()),
    ],
    ids=["a rival", "another's id", "two", "elsewhere", "marked", "earlier", "undated", "not to"],
)
def test_what_may_be_somebody_elses_is_not_it(
    found: tuple[Fax | OutboxFax, ...], rivals: int, taken: frozenset[str]
) -> None:
    """S5: a weak match must be the only one possible."""
    assert see(*found, rivals=rivals, taken=taken) == ""


@pytest.mark.parametrize("status", FINAL)
def test_every_final_status_ends_the_fax_or_dials_again(status: str) -> None:
    """S6: each class acts as it must; only busy lines and an empty account lead to a new order."""
    conclusion = conclude(FAX, Sighting("f1", status, 2, 30), SETTINGS, START + 60)

    meaning = FINAL[status].meaning
    if meaning in (Meaning.LATER, Meaning.ACCOUNT):
        assert isinstance(conclusion, DialAgain)
        assert conclusion.account == (meaning is Meaning.ACCOUNT)
        return
    ends = {Meaning.DONE: End.SUCCESS, Meaning.PARTIAL: End.PARTIAL}
    assert isinstance(conclusion, Ended)
    assert conclusion.outcome.end == ends.get(meaning, End.FAILED)
    assert bool(conclusion.outcome.why) == (meaning is not Meaning.DONE)


@pytest.mark.parametrize("status", ["submitted", "sending", "in_progress", "a new word"])
def test_a_word_that_is_not_final_is_waited_for(status: str) -> None:
    """S1, S5: nothing is concluded from a word we do not know."""
    conclusion = conclude(FAX, Sighting("f1", status), SETTINGS, START + 60)

    assert conclusion == LookAgain(START + 60 + 15)


def test_pages_are_told_only_of_what_arrived() -> None:
    """W3: a partial fax tells its pages, a failed one none."""
    partly = conclude(FAX, Sighting("f1", "partially_sent", 3, 40), SETTINGS, START + 60)
    failed = conclude(FAX, Sighting("f1", "failed", 3, 40), SETTINGS, START + 60)

    assert isinstance(partly, Ended)
    assert isinstance(failed, Ended)
    assert (partly.outcome.pages, failed.outcome.pages) == (3, None)


def test_the_provider_dials_again_when_the_mail_asked_for_it() -> None:
    """R4: never two retry engines for one fax."""
    fax = replace(FAX, own_retries=False)

    conclusion = conclude(fax, Sighting("f1", "failed_user_busy"), SETTINGS, START + 60)

    assert isinstance(conclusion, Ended)


def test_nobody_dials_after_the_time_is_over() -> None:
    """Defaults: the next try would come after give_up."""
    late = START - 60 + SETTINGS.give_up - 10

    conclusion = conclude(FAX, Sighting("f1", "failed_user_busy"), SETTINGS, late)

    assert isinstance(conclusion, Ended)
    assert conclusion.event is FaxEvent.FAILED


def test_a_fax_for_later_is_not_looked_for_before() -> None:
    """S5, O4: send_time tomorrow: its deadline and its looks begin then."""
    fax = replace(FAX, not_before=START + 86400)

    conclusion = conclude(fax, None, SETTINGS, START + SETTINGS.give_up + 1)

    assert conclusion == LookAgain(START + 86400 + SETTINGS.first_poll)


def test_no_outcome_by_the_deadline_is_unknown() -> None:
    """S5: said so, never guessed."""
    conclusion = conclude(FAX, None, SETTINGS, START + SETTINGS.give_up)

    assert isinstance(conclusion, Ended)
    assert conclusion.outcome.end is End.UNKNOWN
    assert outcomes.sighted(FAX, listing(), frozenset(), 0) is None
