"""S5, S6, R4: what a look shows of an ordered fax, and what follows."""

from dataclasses import replace

import pytest

from mail2fax.clock import utc
from mail2fax.faxplus.statuses import FINAL, Meaning
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending import outcomes
from mail2fax.sending.outcomes import DialAgain, Ended, LookAgain, Sighting, conclude, sighted
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import CLOCK_MARGIN
from mail2fax.sending.shown import Shown
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


def listing(*found: Fax | OutboxFax, complete: bool = True) -> Shown:
    """A listing of these."""
    outbox = tuple(item for item in found if isinstance(item, OutboxFax))
    sent = tuple(fax for fax in found if isinstance(fax, Fax))
    return Shown(Listing(outbox, sent, complete))


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


def test_a_weak_match_needs_the_whole_list() -> None:
    """S5: what an incomplete listing hides may be a second candidate."""
    assert sighted(FAX, listing(SENT, complete=False), frozenset(), 0) is None


def test_a_fax_for_later_is_not_one_that_was_sent_before_its_time() -> None:
    """S5, O4: an unmarked record from before send_time is somebody else's."""
    later = replace(FAX, not_before=START + 86400)
    before = replace(SENT, start_time=utc(START + 60))
    after = replace(SENT, start_time=utc(START + 86400 + 60))

    assert sighted(later, listing(before), frozenset(), 0) is None
    assert sighted(later, listing(before, after), frozenset(), 0) is not None


@pytest.mark.parametrize(
    ("to", "is_it"), [(NUMBER, True), ("+41225550999", False), ("a user of theirs", True)]
)
def test_an_order_to_several_has_one_token(to: str, *, is_it: bool) -> None:
    """S5, R1: the token alone is not the fax; a destination that is no number may be any."""
    record = replace(SENT, id="s7", comment=FAX.token, to=to)

    assert see(record) == ("success" if is_it else "")


FAILED = replace(SENT, id="f1", status="failed_user_busy", comment=FAX.token)
BY_PROVIDER = replace(FAX, own_retries=False)


@pytest.mark.parametrize(
    ("fax", "found", "status"),
    [
        (FAX, (FAILED, replace(WAITING, id="f1")), "failed_user_busy"),
        (BY_PROVIDER, (FAILED,), "failed_user_busy"),
        (BY_PROVIDER, (FAILED, replace(WAITING, id="f1")), "sending"),
        (BY_PROVIDER, (FAILED, replace(SENT, id="r2", comment=FAX.token)), "success"),
        (
            BY_PROVIDER,
            (replace(SENT, id="r2", comment=FAX.token), replace(WAITING, id="f1")),
            "success",
        ),
        (
            BY_PROVIDER,
            (FAILED, replace(FAILED, id="r2", status="failed_no_answer")),
            "failed_no_answer",
        ),
    ],
    ids=["ours", "no more attempts", "dials again", "came through", "lingers", "the last"],
)
def test_an_attempt_of_the_providers_own_retries_is_not_the_outcome(
    fax: FaxToTrack, found: tuple[Fax | OutboxFax, ...], status: str
) -> None:
    """S5, R4: while the outbox still has it, a failed attempt is one of several (edge 19)."""
    sighting = sighted(fax, listing(*found), frozenset(), 0)

    assert sighting is not None
    assert sighting.status == status


def test_a_look_goes_back_no_further_than_what_is_due_needs() -> None:
    """S5: the cost of a look grows neither with the archive nor with what was planned long ago."""
    planned = replace(FAX, ordered_at=START - 30 * 86400, not_before=START - 60)
    ahead = replace(FAX, ordered_at=START - 60, not_before=START + 86400)
    stopped = replace(planned, stop_asked_at=START)

    assert outcomes.listing_from([], START) == START - CLOCK_MARGIN
    assert outcomes.listing_from([planned], START) == START - 60 - CLOCK_MARGIN
    assert outcomes.listing_from([ahead], START) == START - 60 - CLOCK_MARGIN
    assert outcomes.listing_from([stopped], START) == START - 30 * 86400 - CLOCK_MARGIN


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
