"""C1: the simulator answers as Fax.Plus does, keeps the truth, and fails as it is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mail2fax.clock import utc
from mail2fax.errors import AccountFailure, Failure, Fate, PermanentFailure, TemporaryFailure
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Order
from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Switches, Trouble

NUMBER = "+41225550123"


class Hands:
    """The simulator's clock, moved by the test."""

    now = 1_800_000_000.0


@pytest.fixture
def hands() -> Hands:
    """A clock that stands still until it is moved."""
    return Hands()


@pytest.fixture
async def simulator(hands: Hands) -> AsyncIterator[Simulator]:
    """A running simulator in simulated time."""
    provider = Provider(Switches(converting=10, sending=20))
    async with Simulator(provider, token="secret", clock=lambda: hands.now) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[FaxPlus]:
    """Our client of it."""
    client = FaxPlus(simulator.base_url, "secret", deadline=5)
    yield client
    await client.aclose()


@pytest.fixture
async def order(client: FaxPlus, tmp_path: Path) -> Order:
    """An order whose document is uploaded."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4 made up")
    upload = await client.upload(path, "Befund März.pdf", "application/pdf")
    return Order(
        from_=("+41225550100",),
        to=(NUMBER,),
        files=(upload.path,),
        comment_text="hello m2f:X",
        comment_tags=("m2f:X",),
    )


async def test_a_fax_walks_from_the_outbox_to_the_sent_list(
    simulator: Simulator, client: FaxPlus, order: Order, hands: Hands
) -> None:
    """C1: converting, sending, gone from the outbox and in the archive; faxed exactly once."""
    ids = await client.send(order)
    (item,) = await client.outbox()
    assert (item.id, item.status, item.tags) == (ids[NUMBER], "converting", ("m2f:X",))
    hands.now += 15
    sending = await client.outbox_fax(ids[NUMBER])
    assert sending is not None
    assert sending.status == "sending"
    hands.now += 15

    assert await client.outbox() == ()
    assert await client.outbox_fax(ids[NUMBER]) is None
    (fax,), complete = await client.sent_since(utc(hands.now - 3600))
    assert (fax.id, fax.status, fax.comment) == (ids[NUMBER], "success", "hello m2f:X")
    assert complete
    (faxed,) = simulator.provider.faxed(hands.now)
    (upload,) = (simulator.provider.uploads[path] for path in faxed.order["files"])
    assert (upload.filename, upload.size) == ("Befund März.pdf", 16)


async def test_outcomes_come_in_turn(simulator: Simulator, client: FaxPlus, order: Order) -> None:
    """C1: busy, then success, for the same destination."""
    simulator.provider.switches.outcomes[NUMBER] = ["failed_user_busy", "success"]

    for _ in range(3):
        await client.send(order)

    outcomes = [item.outcome for item in simulator.provider.items]
    assert outcomes == ["failed_user_busy", "success", "success"]


@pytest.mark.parametrize("cut_at", [0, 1, 20, 60])
async def test_an_answer_can_be_lost_after_the_commit(
    simulator: Simulator, client: FaxPlus, order: Order, cut_at: int
) -> None:
    """C1: the order is real, and the client cannot know it."""
    simulator.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    simulator.provider.switches.cut_at = cut_at

    with pytest.raises(TemporaryFailure) as caught:
        await client.send(order)

    assert caught.value.fate is Fate.UNKNOWN
    assert len(simulator.provider.items) == 1
    assert [item.tags for item in await client.outbox()] == [("m2f:X",)]


async def test_a_connection_can_be_cut_before_the_commit(
    simulator: Simulator, client: FaxPlus, order: Order
) -> None:
    """C1: nothing was ordered, and the client cannot know that either."""
    simulator.provider.switches.trouble["send"] = [Trouble.CUT_BEFORE]

    with pytest.raises(TemporaryFailure) as caught:
        await client.send(order)

    assert caught.value.fate is Fate.UNKNOWN
    assert simulator.provider.items == []


@pytest.mark.parametrize(
    ("trouble", "kind", "fate", "committed"),
    [
        (Trouble.UNAUTHORIZED, AccountFailure, Fate.SAID_NO, 0),
        (Trouble.FORBIDDEN, AccountFailure, Fate.SAID_NO, 0),
        (Trouble.THROTTLED, TemporaryFailure, Fate.THROTTLED, 0),
        (Trouble.INTERNAL, TemporaryFailure, Fate.UNKNOWN, 0),
        (Trouble.EMPTY_500, TemporaryFailure, Fate.UNKNOWN, 0),
        (Trouble.GATEWAY, TemporaryFailure, Fate.UNKNOWN, 0),
        (Trouble.GATEWAY_AFTER, TemporaryFailure, Fate.UNKNOWN, 1),
    ],
)
async def test_each_trouble_is_what_it_says(
    simulator: Simulator,
    client: FaxPlus,
    order: Order,
    trouble: Trouble,
    kind: type[Failure],
    fate: Fate,
    committed: int,
) -> None:
    """C1, R2: each refusal and fault, before or after the commit; the next call is well again."""
    simulator.provider.switches.trouble["send"] = [trouble]
    simulator.provider.switches.retry_after = "7"

    with pytest.raises(kind) as caught:
        await client.send(order)

    assert caught.value.fate is fate
    assert caught.value.retry_after == (7.0 if trouble is Trouble.THROTTLED else None)
    assert len(simulator.provider.items) == committed
    assert NUMBER in await client.send(order)


async def test_a_late_commit_is_seen_late(
    simulator: Simulator, client: FaxPlus, order: Order, hands: Hands
) -> None:
    """C1: an order that becomes real minutes after its answer."""
    simulator.provider.switches.late_commit = 300

    await client.send(order)

    assert await client.outbox() == ()
    hands.now += 301
    assert len(await client.outbox()) == 1


async def test_the_ids_can_all_differ(
    simulator: Simulator, client: FaxPlus, order: Order, hands: Hands
) -> None:
    """C1: outbox item and sent record by other ids, a gap between them, no comment, other key."""
    simulator.provider.switches.outbox_ids_differ = True
    simulator.provider.switches.fax_ids_differ = True
    simulator.provider.switches.archive_comment = False
    simulator.provider.switches.from_number_key = True
    simulator.provider.switches.outbox_tags = False
    simulator.provider.switches.listing_gap = 60

    ids = await client.send(order)
    (item,) = await client.outbox()
    hands.now += 40
    gone = await client.sent_since(utc(hands.now - 3600))
    hands.now += 60
    (fax,), _ = await client.sent_since(utc(hands.now - 3600))

    assert gone == ((), True)
    assert len({ids[NUMBER], item.id, fax.id}) == 3
    assert (item.tags, fax.comment, fax.from_) == ((), "", "+41225550100")


async def test_an_answer_without_ids_is_an_empty_one(
    simulator: Simulator, client: FaxPlus, order: Order
) -> None:
    """C1: a success that names no id."""
    simulator.provider.switches.ids = False

    assert await client.send(order) == {}


async def test_a_scheduled_fax_waits_and_can_be_cancelled(
    simulator: Simulator, client: FaxPlus, order: Order, hands: Hands
) -> None:
    """C1: scheduled_for_sending until its time; cancelled, it is never faxed."""
    later = replace(order, send_time=utc(hands.now) + timedelta(hours=1))
    ids = await client.send(later)
    hands.now += 10
    (item,) = await client.outbox()
    assert item.status == "scheduled_for_sending"

    assert await client.cancel(ids[NUMBER])

    hands.now += 7200
    assert simulator.provider.faxed(hands.now) == []
    assert await client.outbox() == ()


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"to": ()}, "no destination"),
        ({"files": ()}, "neither files"),
        ({"files": ("/storage/nowhere",)}, "no such file"),
        ({"files": ("/storage/x",) * 11}, "more than 10"),
        ({"from_": ("022",)}, "not a number"),
    ],
)
async def test_an_invalid_order_is_refused_in_words(
    simulator: Simulator, client: FaxPlus, order: Order, spoilt: dict[str, Any], says: str
) -> None:
    """C1: 400 with the error body, and nothing is ordered."""
    with pytest.raises(PermanentFailure, match=says):
        await client.send(replace(order, **spoilt))

    assert simulator.provider.items == []


async def test_another_token_is_refused(simulator: Simulator) -> None:
    """C1: 401 for a token that is not the account's."""
    stranger = FaxPlus(simulator.base_url, "other", deadline=5)
    with pytest.raises(AccountFailure):
        await stranger.account()
    await stranger.aclose()


async def test_a_sent_list_longer_than_a_page_is_read_whole(
    client: FaxPlus, order: Order, hands: Hands
) -> None:
    """S3: 120 faxes in three pages, complete."""
    for _ in range(120):
        await client.send(order)
    hands.now += 60

    faxes, complete = await client.sent_since(utc(hands.now - 3600))

    assert (len(faxes), complete) == (120, True)


async def test_switches_and_truth_are_reached_over_http(
    simulator: Simulator, client: FaxPlus, order: Order, hands: Hands
) -> None:
    """C1: another process can set a switch and read what was really faxed."""
    import httpx  # noqa: PLC0415 - only this test speaks to the control side

    root = simulator.base_url.removesuffix("/v3")
    async with httpx.AsyncClient(base_url=f"{root}/_simulator", trust_env=False) as control:
        wrong = await control.put("/switches", json={"no_such_switch": 1})
        right = await control.put("/switches", json={"default_outcome": "failed_no_answer"})
        await client.send(order)
        hands.now += 60
        truth = (await control.get("/truth")).json()

    assert (wrong.status_code, right.status_code) == (400, 204)
    (faxed,) = truth["faxed"]
    assert (faxed["to"], faxed["outcome"]) == (NUMBER, "failed_no_answer")
