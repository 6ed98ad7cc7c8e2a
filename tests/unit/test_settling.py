"""S3, R2: what the evidence says about an order whose answer was lost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.clock import utc
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending import settling
from mail2fax.sending.pacing import SendingSettings
from mail2fax.sending.settling import Decision, Doubt, Evidence, Settlement, evidence_for, settle
from mail2fax.sending.shown import Shown
from mail2fax.spool.naming import new_id, token_of
from mail2fax.spool.records import DocumentAtRest, FaxToOrder, Job
from mail2fax.values import Document, Options

START = 1_800_000_000.0
NUMBER, OTHER = "+41225550123", "+41225550124"
FAX_ID = new_id(START)
SETTINGS = SendingSettings(("+41225550100",), settle=600, listings=3, request_deadline=60)
HEALTHY = [True, True, True]
DOCUMENT = Document("1", "a.pdf", "application/pdf", 3, "sha")

JOB = Job(
    id="job",
    mail_id="mail",
    reference="M2F-AAAAA",
    state="in doubt",
    token=token_of(FAX_ID),
    supersedes=None,
    created_at=START - 5,
    received_at=START - 10,
    tries=0,
    next_try=START,
    intent_at=START,
    ordered_at=None,
    doubt=Doubt.UNKNOWN,
    doubt_since=START + 60,
    misses=2,
    seen_at=None,
    why="",
    options=Options(),
    comment="",
    documents=(DocumentAtRest(1, DOCUMENT, "/storage/x", START - 1),),
    faxes=(FaxToOrder(FAX_ID, NUMBER, "pending", 1),),
)
LATE = START + 60 + 600


def waiting(**known: object) -> OutboxFax:
    """An outbox item to our number without any mark."""
    item = OutboxFax("o1", "submitted", "", (), (NUMBER,), (), "", utc(START + 1), None, None)
    return replace(item, **known)  # type: ignore[arg-type]  # the test names real fields


def sent(**known: object) -> Fax:
    """A sent fax to our number without any mark."""
    fax = Fax("f1", "success", "", NUMBER, "", 1, 30, utc(START + 5), None, None, "")
    return replace(fax, **known)  # type: ignore[arg-type]  # the test names real fields


def evidence(
    *found: OutboxFax | Fax, complete: bool = True, job: Job = JOB, at: float = LATE
) -> Evidence:
    """What a listing with these faxes shows of the job."""
    outbox = tuple(item for item in found if isinstance(item, OutboxFax))
    archive = tuple(fax for fax in found if isinstance(fax, Fax))
    return evidence_for(job, Shown(Listing(outbox, archive, complete)), at, {"known"})


@pytest.mark.parametrize(
    "found",
    [
        waiting(comment_text=f"hello\n{JOB.token}"),
        waiting(tags=(JOB.token,)),
        waiting(files=("/storage/x",)),
        sent(comment=JOB.token),
    ],
    ids=["comment", "tag", "upload path", "archive comment"],
)
def test_a_mark_of_ours_is_a_hit(found: OutboxFax | Fax) -> None:
    """S3: the token wherever it stands, else the path of our upload, names the fax ID."""
    assert evidence(found).ids == {NUMBER: found.id}
    assert settle(JOB, evidence(found), SETTINGS, []) == Decision(Settlement.ADOPT)


@pytest.mark.parametrize(
    "found",
    [
        waiting(tags=(f"{JOB.token}-2",), files=("/storage/x",)),
        waiting(to=(OTHER,), tags=(JOB.token,)),
        sent(comment=token_of(new_id(START))),
        sent(start_time=utc(START - 3600)),
        sent(id="known"),
    ],
    ids=["successor's", "another number", "another fax's", "long before", "known by another"],
)
def test_somebody_elses_fax_is_neither_hit_nor_trace(found: OutboxFax | Fax) -> None:
    """S3: evidence is per destination and per token; another's mark is no trace of ours."""
    assert evidence(found) == Evidence(LATE, complete=True)


def test_an_unmarked_fax_to_the_number_is_a_trace_and_holds() -> None:
    """S3: it may be ours, so nothing is ordered again and a person decides."""
    shown = evidence(sent())

    assert shown.traces == {NUMBER}
    assert settle(JOB, shown, SETTINGS, HEALTHY).settlement is Settlement.HOLD


def test_a_settled_miss_orders_again_only_while_the_probe_is_healthy() -> None:
    """S3: three complete misses over the settle time, and our own tokens do appear."""
    assert settle(JOB, evidence(), SETTINGS, HEALTHY).settlement is Settlement.ORDER_AGAIN
    for probes in ([], [True, True], [True, True, True, False]):
        assert settle(JOB, evidence(), SETTINGS, probes).settlement is Settlement.HOLD


def test_on_unknown_hold_never_orders_again() -> None:
    """Defaults: with `on_unknown: hold` a settled miss waits for a person."""
    careful = replace(SETTINGS, on_unknown="hold")

    assert settle(JOB, evidence(), careful, HEALTHY).settlement is Settlement.HOLD


def test_too_few_or_too_early_misses_only_count() -> None:
    """S3: neither the third miss before the settle time nor the second after it is enough."""
    early = evidence(at=LATE - 1)
    second = replace(JOB, misses=1)

    assert settle(JOB, early, SETTINGS, HEALTHY).settlement is Settlement.COUNT
    assert settle(second, evidence(), SETTINGS, HEALTHY).settlement is Settlement.COUNT


def test_an_incomplete_or_older_listing_proves_nothing() -> None:
    """S3: a listing that was full, or began before the doubt, is not evidence of a miss."""
    older = evidence(at=START + 59)

    assert settle(JOB, evidence(complete=False), SETTINGS, HEALTHY).settlement is Settlement.WAIT
    assert settle(JOB, older, SETTINGS, HEALTHY).settlement is Settlement.WAIT


@pytest.mark.parametrize(
    ("doubt", "settlement"),
    [
        (Doubt.SAID_NO, Settlement.REFUSED),
        (Doubt.THROTTLED, Settlement.POST_AGAIN),
        (Doubt.BARRED, Settlement.POST_AGAIN),
    ],
)
def test_one_complete_miss_confirms_a_refusal(doubt: Doubt, settlement: Settlement) -> None:
    """R2: what Fax.Plus said no to is over after one complete listing without the token."""
    job = replace(JOB, doubt=doubt, misses=0)
    shown = evidence(job=job)

    assert settle(job, shown, SETTINGS, []).settlement is settlement
    assert settle(job, replace(shown, complete=False), SETTINGS, []).settlement is Settlement.WAIT


def test_a_refusal_with_a_trace_is_not_believed() -> None:
    """R2: Fax.Plus said no, yet shows an unmarked fax to the number: a person decides."""
    job = replace(JOB, doubt=Doubt.THROTTLED)

    assert settle(job, evidence(sent(), job=job), SETTINGS, []).settlement is Settlement.HOLD


def test_a_hit_is_believed_at_any_time() -> None:
    """A token is a token, also in an incomplete listing."""
    shown = evidence(sent(comment=JOB.token), complete=False, at=START)

    assert settle(JOB, shown, SETTINGS, []).settlement is Settlement.ADOPT


def test_of_several_destinations_the_found_ones_are_adopted_after_settling() -> None:
    """R1, S3: evidence is per destination; the rest is decided when the miss has settled."""
    both = replace(JOB, faxes=(*JOB.faxes, FaxToOrder("x", OTHER, "pending", 1)))
    shown = evidence(waiting(tags=(JOB.token,)), job=both)
    early = replace(shown, began_at=START + 100)

    assert settle(both, early, SETTINGS, HEALTHY).settlement is Settlement.COUNT
    assert settle(both, shown, SETTINGS, HEALTHY).settlement is Settlement.ADOPT
    assert settle(both, shown, SETTINGS, []).settlement is Settlement.HOLD


def test_the_listings_that_count_are_spread_over_the_settle_time() -> None:
    """S3: three looks, the last one when the settle time is over."""
    times = [settling.look_at(replace(JOB, misses=n), SETTINGS) - JOB.doubt_since for n in range(4)]  # type: ignore[operator]  # set above

    assert times == [200, 400, 600, 600]


def test_a_refusal_is_looked_up_at_once() -> None:
    """R2: nothing is repeated after it, so a list that lags can double nothing."""
    job = replace(JOB, doubt=Doubt.SAID_NO, misses=0)
    shown = evidence(job=job, at=START + 61)

    assert settling.look_at(job, SETTINGS) == START + 60
    assert settle(job, shown, SETTINGS, []).settlement is Settlement.REFUSED


@pytest.mark.parametrize("doubt", [Doubt.THROTTLED, Doubt.BARRED])
def test_what_may_be_repeated_waits_until_lists_cannot_lag_any_more(doubt: Doubt) -> None:
    """R2, S6: one complete miss counts after the settle time and after Retry-After."""
    job = replace(JOB, doubt=doubt, next_try=START + 90)
    asked_to_wait = replace(job, next_try=START + 3600)
    shown = evidence(job=job, at=START + 659)

    assert settling.look_at(job, SETTINGS) == START + 660
    assert settling.look_at(asked_to_wait, SETTINGS) == START + 3600
    assert settle(job, shown, SETTINGS, []).settlement is Settlement.WAIT
    assert settling.settling_from(job, SETTINGS) == START + 60


def test_looking_begins_after_the_posts_own_deadline() -> None:
    """S3: a crash during the POST leaves it running at the provider until its deadline."""
    crashed = replace(JOB, doubt_since=START + 2)

    assert settling.settling_from(crashed, SETTINGS) == START + 60


def test_a_listing_goes_back_to_before_the_oldest_intent() -> None:
    """S3: with room for clocks that differ."""
    later = replace(JOB, intent_at=None, created_at=START + 500)

    assert settling.listing_from([later, JOB], START + 900) == START - settling.CLOCK_MARGIN
    assert settling.listing_from([], START) == START - settling.CLOCK_MARGIN


@given(
    complete=st.booleans(),
    misses=st.integers(0, 5),
    after=st.floats(0, 5000),
    probes=st.lists(st.booleans(), max_size=6),
    traces=st.booleans(),
    doubt=st.sampled_from(Doubt),
    on_unknown=st.sampled_from(["hold", "reconcile"]),
)
def test_nothing_is_ordered_again_without_every_condition(
    complete: bool,
    misses: int,
    after: float,
    probes: list[bool],
    traces: bool,
    doubt: Doubt,
    on_unknown: str,
) -> None:
    """S3: an order is only ever repeated after a settled miss, healthy probes, and no trace."""
    job = replace(JOB, misses=misses, doubt=doubt)
    shown = Evidence(START + 60 + after, complete, {}, frozenset({NUMBER} if traces else ()))

    decision = settle(job, shown, replace(SETTINGS, on_unknown=on_unknown), probes)

    if decision.settlement is Settlement.ORDER_AGAIN:
        assert complete
        assert not traces
        assert misses >= 2
        assert after >= 600
        assert len(probes) >= 3
        assert all(probes)
        assert (doubt, on_unknown) == (Doubt.UNKNOWN, "reconcile")
    if decision.settlement is Settlement.POST_AGAIN:
        assert complete
        assert not traces
        assert doubt in (Doubt.THROTTLED, Doubt.BARRED)


def test_a_copied_job_is_never_ordered_again_by_a_miss() -> None:
    """K10: another ledger may order it at any time; a hit is adopted as ever."""
    copied = replace(JOB, doubt=Doubt.COPIED)
    found = evidence(sent(comment=JOB.token))

    assert settle(JOB, evidence(), SETTINGS, HEALTHY).settlement == Settlement.ORDER_AGAIN
    assert settle(copied, evidence(), SETTINGS, HEALTHY).settlement == Settlement.HOLD
    assert settle(replace(copied, misses=0), evidence(), SETTINGS, HEALTHY) == Decision(
        Settlement.COUNT
    )
    assert settle(copied, found, SETTINGS, HEALTHY) == Decision(Settlement.ADOPT)
