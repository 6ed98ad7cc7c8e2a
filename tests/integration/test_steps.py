"""S2, R2, K5: a job's way to the simulated Fax.Plus, and what each fault leaves on disk."""

import errno
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail2fax.errors import AccountFailure, SpoolFull
from mail2fax.faxplus.client import FaxPlus
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import finding, jobs, tracking
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.quarantine import quarantined
from tests.integration.sending_bench import NUMBER, OTHER, PDF, Bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything running but the dispatcher."""
    async with Bench(tmp_path) as bench:
        yield bench


async def test_a_job_is_uploaded_ordered_and_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """S2, K4: the bytes arrive, the token stands in the order, fax ID and reply are on disk.

    Promise 6: the log names the mail, and neither the whole number nor the document.
    """
    caplog.set_level("INFO", "mail2fax")
    job = await bench.job()

    assert await bench.steps.upload(job)
    await bench.steps.post(await bench.again(job))

    (item,) = bench.provider.items
    (path,) = item.order["files"]
    assert bench.provider.uploads[path].sha256 == hashlib.sha256(PDF).hexdigest()
    assert item.tags == [job.token]
    story = await bench.story(job)
    assert (story.faxes[0].state, story.faxes[0].fax_plus_id) == ("ordered", item.id)
    assert [reply.kind for reply in story.told] == ["accepted"]
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert f"ordered reference={job.reference}" in log
    assert NUMBER not in log
    assert "a.pdf" not in log


@pytest.mark.parametrize(
    ("trouble", "doubt", "committed"),
    [
        (Trouble.CUT_AFTER, "unknown", 1),
        (Trouble.CUT_BEFORE, "unknown", 0),
        (Trouble.GATEWAY_AFTER, "unknown", 1),
        (Trouble.INTERNAL, "unknown", 0),
        (Trouble.THROTTLED, "throttled", 0),
    ],
)
async def test_an_answer_that_proves_nothing_leaves_the_job_in_doubt(
    bench: Bench, trouble: Trouble, doubt: str, committed: int
) -> None:
    """S2, R2: one POST, no second one, and the kind of doubt is on disk."""
    job = await bench.job()
    await bench.steps.upload(job)
    bench.provider.switches.trouble["send"] = [trouble]

    await bench.steps.post(await bench.again(job))

    left = await bench.again(job)
    assert (left.state, left.doubt) == ("in doubt", doubt)
    assert len(bench.provider.items) == committed
    assert await bench.spool.do(finding.due, bench.clock.now() + 9999, 5) == []


async def test_a_want_of_descriptors_damages_no_document(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K5, L10: a document that cannot be opened for want of descriptors is tried again."""
    job = await bench.job()

    def fail(*_args: object) -> None:
        raise OSError(errno.EMFILE, "planted")

    with monkeypatch.context() as short:
        short.setattr(Path, "open", fail)
        assert not await bench.steps.upload(job)

    left = await bench.again(job)
    assert (left.state, left.tries) == ("ready", 1)
    assert await bench.steps.upload(left)


async def test_an_answer_without_ids_leaves_the_job_in_doubt(bench: Bench) -> None:
    """R2: a success that names no fax ID is no success."""
    job = await bench.job()
    await bench.steps.upload(job)
    bench.provider.switches.ids = False

    await bench.steps.post(await bench.again(job))

    assert (await bench.again(job)).state == "in doubt"


async def test_ids_of_another_number_leave_the_job_in_doubt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2: an answer about somebody else's number says nothing about ours."""

    async def lying(*_arguments: object) -> dict[str, str]:
        return {"+41225550999": "abc"}

    job = await bench.job()
    await bench.steps.upload(job)
    monkeypatch.setattr(FaxPlus, "send", lying)

    await bench.steps.post(await bench.again(job))

    assert (await bench.again(job)).state == "in doubt"


async def test_a_barred_account_is_raised_and_nothing_is_burnt(bench: Bench) -> None:
    """S6: before the upload the job stays ready; at the POST it waits for one listing."""
    job = await bench.job()
    bench.provider.switches.trouble["upload"] = [Trouble.UNAUTHORIZED]
    with pytest.raises(AccountFailure):
        await bench.steps.upload(job)
    assert (await bench.again(job)).state == "ready"

    await bench.steps.upload(job)
    bench.provider.switches.trouble["send"] = [Trouble.FORBIDDEN]
    with pytest.raises(AccountFailure):
        await bench.steps.post(await bench.again(job))
    left = await bench.again(job)
    assert (left.state, left.doubt) == ("in doubt", "barred")


async def test_an_upload_that_fails_for_now_is_tried_again_later(bench: Bench) -> None:
    """S6: uploads may repeat harmlessly."""
    job = await bench.job()
    bench.provider.switches.trouble["upload"] = [Trouble.CUT_AFTER]

    assert not await bench.steps.upload(job)

    left = await bench.again(job)
    assert (left.state, left.tries) == ("ready", 1)
    assert await bench.spool.do(finding.due, bench.clock.now(), 5) == []
    assert await bench.steps.upload(left)


@pytest.mark.parametrize("spoilt", [b"%PDF-1.4 made uq", b"", None])
async def test_altered_bytes_are_never_ordered(bench: Bench, spoilt: bytes | None) -> None:
    """K5: changed, cut or vanished on disk: quarantined, told, never faxed."""
    job = await bench.job()
    path = bench.spool.content.documents_of(job.mail_id) / "1-a.pdf"
    path.unlink() if spoilt is None else path.write_bytes(spoilt)

    assert not await bench.steps.upload(job)

    story = await bench.story(job)
    assert (story.state, story.faxes[0].state) == ("quarantined", "failed")
    assert [reply.kind for reply in story.told] == ["refused"]
    assert (await bench.again(job)).state == "refused"
    assert bench.provider.items == []


async def test_a_damaged_document_ends_every_order_that_was_not_posted(bench: Bench) -> None:
    """K5: one letter for all its numbers, and no second quarantine by the second order."""
    mail_id = await bench.mail(NUMBER, OTHER, "+41225550125")
    first, second, third = await bench.spool.do(finding.due, bench.clock.now(), 5)
    assert await bench.steps.upload(first)
    later = bench.clock.now() + bench.settings.upload_life + 1
    bench.spool.content.documents_of(mail_id).joinpath("1-a.pdf").write_bytes(b"%PDF-1.4 made uq")
    aged = [replace(one, uploaded_at=later - 1e9) for one in second.documents]

    assert not await bench.steps.upload(replace(second, documents=tuple(aged)))

    states = {(await bench.again(job)).state for job in (first, second, third)}
    story = await bench.story_of(mail_id)
    assert states == {"refused"}
    assert {fax.state for fax in story.faxes} == {"failed"}
    assert [reply.kind for reply in story.told] == ["refused"]


async def test_what_may_be_at_fax_plus_is_followed_though_a_document_is_damaged(
    bench: Bench,
) -> None:
    """K5, S3: an order in doubt is not told as not sent; the other number is, by itself."""
    mail_id = await bench.mail(NUMBER, OTHER)
    doubtful, ready = await bench.spool.do(finding.due, bench.clock.now(), 5)
    assert await bench.steps.upload(doubtful)
    bench.provider.switches.trouble["send"] = [Trouble.CUT_AFTER]
    await bench.steps.post(await bench.again(doubtful))

    for _ in range(2):  # and once more, should another order find it out again
        await bench.spool.do(quarantined, mail_id, "a document is missing", bench.clock.now())

    story = await bench.story_of(mail_id)
    assert (await bench.again(doubtful)).state == "in doubt"
    assert (await bench.again(ready)).state == "refused"
    assert sorted(fax.state for fax in story.faxes) == ["failed", "pending"]
    assert [reply.kind for reply in story.told] == ["outcome"]


@pytest.mark.parametrize("place", [0, 5, len(PDF) - 1])
@pytest.mark.parametrize("bit", [0, 7])
async def test_no_flipped_bit_of_a_document_is_ordered(bench: Bench, place: int, bit: int) -> None:
    """K5: the bytes that were read for the upload are those that were prepared, or none go."""
    job = await bench.job()
    path = bench.spool.content.documents_of(job.mail_id) / "1-a.pdf"
    spoilt = bytearray(PDF)
    spoilt[place] ^= 1 << bit
    path.write_bytes(spoilt)

    assert not await bench.steps.upload(job)
    assert (await bench.story(job)).state == "quarantined"
    assert bench.provider.items == []


async def test_what_fax_plus_answered_is_recorded_though_the_disk_is_full(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S2, K6: the fax ID waits for room; the order is neither forgotten nor repeated."""
    monkeypatch.setattr("mail2fax.sending.steps._FULL_REST", 0.05)
    job = await bench.job()
    await bench.steps.upload(job)
    real, failures = bench.spool.do, [SpoolFull("x"), SpoolFull("x")]

    async def full_for_a_while(command: Any, *arguments: Any) -> Any:
        if command is jobs.ordered and failures:
            raise failures.pop()
        return await real(command, *arguments)

    monkeypatch.setattr(bench.spool, "do", full_for_a_while)
    await bench.steps.post(await bench.again(job))

    assert (await bench.again(job)).state == "ordered"
    assert len(bench.provider.items) == 1
    assert caplog.text.count("spool-trouble") == 2


async def test_our_own_bug_during_the_order_leaves_it_in_doubt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2: whatever went wrong, the order may have gone out."""

    async def broken(*_arguments: object) -> dict[str, str]:
        raise KeyError("a bug")

    job = await bench.job()
    await bench.steps.upload(job)
    monkeypatch.setattr(FaxPlus, "send", broken)
    await bench.steps.post(await bench.again(job))

    assert (await bench.again(job)).state == "in doubt"


async def test_the_newest_order_counts_though_the_clock_was_set_back(bench: Bench) -> None:
    """K10: which order of a fax is the newest is counted; its times may say otherwise."""
    first = await bench.job()
    do, now = bench.spool.do, bench.clock.now()

    async def order(job_id: str, fax_plus_id: str, at: float) -> None:
        await do(jobs.happened, job_id, JobEvent.UPLOADED, at)
        await do(jobs.intended, job_id, at)
        await do(jobs.ordered, job_id, {NUMBER: fax_plus_id}, at, 0.0)

    await order(first.id, "f1", now)
    await do(tracking.line_busy, first.faxes[0].id, "failed_user_busy", now, now)
    (second,) = await do(finding.due, now, 1)
    await order(second.id, "f2", now - 7200.0)

    (fax,) = await do(tracking.due, now)

    assert (fax.token, fax.fax_plus_id) == (f"{first.token}-2", "f2")
