"""S5, W3, W6, K7: every call about a fax asks for the member of the account it was sent as."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mail2fax.faxplus.wire import Order
from mail2fax.simulator.provider import Item
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import fax_reports, finding, forgetting
from mail2fax.spool.commands import carry_out
from mail2fax.spool.lifecycle import JobState
from mail2fax.spool.naming import token_of
from mail2fax.spool.records import MailStory
from mail2fax.values import End, Options
from tests.integration.sending_bench import NUMBER, OTHER, PDF, Bench

ANN, BOB = "a" * 32, "b" * 32


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything; an order may name only what its own user uploaded."""
    async with Bench(tmp_path) as bench:
        bench.provider.switches.own_uploads = True
        yield bench


def ends(story: MailStory) -> list[End | None]:
    """How each fax ended."""
    return [fax.outcome.end if fax.outcome else None for fax in story.faxes]


def last(bench: Bench) -> Item:
    """What was ordered last."""
    return bench.provider.items[-1]


async def until(met: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(15):
        while not met():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"fax_ids_differ": True, "archive_comment": False},
        {"outbox_ids_differ": True, "listing_gap": 0.5},
    ],
    ids=["as answered", "other ids and no comment", "asked for by its id"],
)
async def test_the_outcome_is_found_in_the_members_lists(
    bench: Bench, switches: dict[str, object]
) -> None:
    """S5: by ID, by token, or as the only fax of that member to that number."""
    for name, value in switches.items():
        setattr(bench.provider.switches, name, value)
    bench.start()

    story = await bench.until_over(await bench.mail(options=Options(user_id=ANN)))

    assert (ends(story), last(bench).user) == ([End.SUCCESS], ANN)


async def test_two_members_and_the_account_send_to_one_number(bench: Bench) -> None:
    """S5: without marks and IDs, each member's one record is that member's fax."""
    bench.provider.switches.fax_ids_differ, bench.provider.switches.archive_comment = True, False
    bench.start()
    stories = []
    for user in (ANN, BOB, None):
        bench.provider.switches.outcomes[NUMBER] = [
            "failed_unallocated_number" if user else "success"
        ]
        stories.append(await bench.until_over(await bench.mail(options=Options(user_id=user))))

    assert [ends(story) for story in stories] == [[End.FAILED], [End.FAILED], [End.SUCCESS]]


async def test_a_members_fax_is_cancelled_at_fax_plus(bench: Bench) -> None:
    """W6: it is asked for the item where it stands, and lets it go."""
    bench.provider.switches.converting = 30.0
    bench.start()
    mail_id = await bench.mail(options=Options(user_id=ANN))
    story = await bench.when(mail_id, lambda one: all(fax.fax_plus_id for fax in one.faxes))

    await carry_out(bench.spool, {"command": "cancel", "reference": story.reference}, "root")
    story = await bench.until_over(mail_id)

    assert last(bench).cancelled
    assert ends(story) == [End.CANCELLED]


async def test_the_report_of_a_members_fax_is_fetched(bench: Bench) -> None:
    """W3: of the fax as the member has it."""
    bench.start()
    mail_id = await bench.mail(options=Options(user_id=ANN))
    (fax,) = (await bench.until_over(mail_id)).faxes

    await bench.spool.do(fax_reports.want, mail_id, "outcome", [fax.id], bench.clock.now())
    file = bench.spool.content.documents_of(mail_id) / "report-1.pdf"
    await until(file.exists)

    assert file.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("still_waits", [True, False], ids=["in the outbox", "sent"])
async def test_the_comment_of_a_members_fax_is_cut(bench: Bench, still_waits: bool) -> None:
    """K7: also when the ledger has forgotten everything else of the mail."""
    bench.start()
    mail_id = await bench.mail(options=Options(user_id=ANN))
    await bench.until_over(mail_id)
    item = last(bench)
    if still_waits:
        bench.provider.switches.converting = 60.0

    await bench.spool.do(forgetting.begin, mail_id, bench.clock.now())
    token = f"m2f:{item.tags[0].removeprefix('m2f:')}"
    await until(lambda: token in (item.comment, bench.provider.mark(item.fax_id).comment))


@pytest.mark.parametrize(
    ("earlier", "later", "owner"),
    [(ANN, BOB, ANN), (ANN, ANN, None), (None, ANN, "self"), (None, None, None)],
)
async def test_whose_the_fax_is_that_is_sent_again_is_said(
    bench: Bench, earlier: str | None, later: str | None, owner: str | None
) -> None:
    """S8: an earlier fax is named with its owner, where that is another user."""
    bench.start()
    story = await bench.until_over(await bench.mail(options=Options(user_id=earlier)))
    fax_id = story.faxes[0].fax_plus_id
    again = Options(user_id=later, from_fax=fax_id, resend="x")
    await bench.until_over(await bench.mail(options=again))

    assert last(bench).order["from_fax"].get("user_id") == owner
    assert last(bench).order["from_fax"]["id"] == fax_id


async def test_a_member_that_we_may_not_ask_for_stops_nobody_else(bench: Bench) -> None:
    """S6: what is sent as it waits, with nothing burnt; the others go on, and so do outcomes."""
    bench.provider.switches.barred_members = [ANN]
    bench.start()
    barred = await bench.mail(options=Options(user_id=ANN))
    stories = [
        await bench.until_over(await bench.mail(OTHER, options=Options(user_id=user)))
        for user in (None, BOB)
    ]

    assert [ends(story) for story in stories] == [[End.SUCCESS], [End.SUCCESS]]
    (job,) = await bench.spool.do(finding.in_state, JobState.READY)
    assert (job.mail_id, "as the user" in job.why, job.tries) == (barred, True, 0)
    assert bench.faxed() == 0
    assert "account" in bench.spool.alarm.lasting


async def test_a_member_that_nobody_knows_is_told_at_once(bench: Bench) -> None:
    """S6: Fax.Plus says so at the first call, and the fax ends as not sent."""
    bench.provider.switches.members = [BOB]
    bench.start()

    story = await bench.until_over(await bench.mail(options=Options(user_id=ANN)))

    assert ends(story) == [End.NOT_SENT]


async def test_lists_of_a_member_that_cannot_be_read_settle_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """S3: nothing is concluded of its orders in doubt, and all others are followed."""
    bench.start()
    await bench.until_over(await bench.mail(OTHER, options=Options(user_id=ANN)))
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    mail_id = await bench.mail(options=Options(user_id=ANN))
    await until(lambda: "in-doubt" in caplog.text)
    bench.provider.switches.barred_members = [ANN]
    own = await bench.until_over(await bench.mail(OTHER))
    await asyncio.sleep(2 * bench.settings.settle)

    assert ends(own) == [End.SUCCESS]
    assert "member-not-listed" in caplog.text
    assert (ends(await bench.story_of(mail_id)), bench.faxed()) == ([None], 1)


async def test_nothing_is_posted_as_a_member_before_that_members_lists_were_read(
    bench: Bench, tmp_path: Path
) -> None:
    """S4: a life that this ledger does not remember ordered it, when nobody knew as whom."""
    bench.start()
    await bench.until_over(await bench.mail(OTHER))
    mail_id = await bench.mail(prepare=False)
    token = token_of((await bench.story_of(mail_id)).faxes[0].id, 1)
    file = tmp_path / "a.pdf"
    await asyncio.to_thread(file.write_bytes, PDF)
    ann = bench.client.as_user(ANN)
    upload = await ann.upload(file, "a.pdf", "application/pdf")
    await ann.send(Order(bench.settings.source_numbers, (NUMBER,), (upload.path,),
                         comment_text=token, comment_tags=(token,)))  # fmt: skip

    await bench.prepare(mail_id, options=Options(user_id=ANN))
    story = await bench.until_over(mail_id)

    assert (ends(story), bench.faxed()) == ([End.SUCCESS], 1)
