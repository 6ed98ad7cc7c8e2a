"""O2, O4, O5: each fax's own options in a real ledger, from preparing to its outcome."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from mail2fax.clock import Clock
from mail2fax.sending import outcomes, pacing
from mail2fax.sending.outcomes import LookAgain
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool import finding, jobs, preparation, resending, tracking
from mail2fax.spool.lifecycle import FaxEvent, JobEvent
from mail2fax.spool.records import Job
from mail2fax.spool.spool import Spool
from mail2fax.values import End, Options, Outcome, Retry
from tests.integration.test_spool import DOCUMENT, NUMBER, Desk

NUMBERS = (NUMBER, "+41445550199", "+41225550124")
FAR = 4e9  # later than any poll
ME, OTHER = "network:127.0.0.0/8", "network:192.0.2.1"
DAY = 86400.0


class Office(Desk):
    """A desk that prepares mails with options."""

    async def prepared_with(
        self, *options: Options | None, per_order: int = 1
    ) -> tuple[str, dict[str, str]]:
        """A prepared mail, one fax for each of these; its id, and fax ids by number."""
        mail_id = await self.mail(numbers=NUMBERS[: len(options)])
        (found,) = await self.spool.do(preparation.claim, self.clock.now(), 1, 60.0)
        ids = {fax.number: fax.id for fax in found.faxes}
        chosen: Mapping[str, Options] = {
            fax.id: one for fax, one in zip(found.faxes, options, strict=True) if one is not None
        }
        now = self.clock.now()
        await self.spool.do(
            preparation.prepared, mail_id, [DOCUMENT], [], "text", chosen, per_order, now
        )
        return mail_id, ids

    async def due(self) -> list[Job]:
        """The jobs to do now."""
        return await self.spool.do(finding.due, self.clock.now(), 10)

    async def ordered(self, job: Job, **ids: str) -> None:
        """Fax.Plus took a job; its fax IDs by number without plus."""
        now = self.clock.now()
        await self.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, now)
        await self.spool.do(jobs.intended, job.id, now)
        taken = {f"+{number[1:]}": fax_id for number, fax_id in ids.items()}
        await self.spool.do(jobs.ordered, job.id, taken, now, 5.0)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """An open spool."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    yield Office(spool, clock)
    await spool.close()


async def test_only_faxes_that_are_sent_alike_share_a_job(office: Office) -> None:
    """R1, O2: grouped by their options, whatever their order in the mail."""
    fine, superfine = Options(resolution="fine"), Options(resolution="superfine")
    await office.prepared_with(fine, superfine, fine, per_order=10)

    found = {tuple(fax.number for fax in job.faxes): job.options for job in await office.due()}

    assert found == {(NUMBERS[0], NUMBERS[2]): fine, (NUMBERS[1],): superfine}


async def test_a_ledger_from_before_has_the_mails_options(office: Office) -> None:
    """K2: its faxes have none of their own."""
    await office.prepared_with(None)
    (job,) = await office.due()
    await office.ordered(job, p41225550123="abc")
    (fax,) = await office.spool.do(tracking.due, FAR)

    assert (job.options, fax.not_before, fax.own_retries) == (Options(), 0.0, True)


async def test_waiting_and_giving_up_count_from_the_time_it_is_wanted_for(office: Office) -> None:
    """O4: a fax for tomorrow is neither told to be waiting nor given up tonight."""
    now = office.clock.now()
    settings = SendingSettings(("+41225550100",))
    await office.prepared_with(Options(at=now + DAY))
    (job,) = await office.due()

    assert job.created_at == now + DAY
    for later, told in ((DAY + 60, 0), (DAY + 1801, 1)):
        before = now + later - settings.waiting_after
        assert await office.spool.do(jobs.tell_waiting, before, now + later) == told
    assert not pacing.is_over(job.created_at, None, settings.give_up, now + DAY + 3600)
    assert pacing.is_over(job.created_at, None, settings.give_up, now + DAY + 5 * 3600)


async def test_an_outcome_is_awaited_from_the_time_it_is_wanted_for(office: Office) -> None:
    """O4, S5, R4: no look before, no "unknown" tonight, and a busy line is dialled again."""
    now = office.clock.now()
    settings = SendingSettings(("+41225550100",))
    await office.prepared_with(Options(at=now + DAY))
    (job,) = await office.due()
    await office.ordered(job, p41225550123="abc")
    (fax,) = await office.spool.do(tracking.due, FAR)

    concluded = outcomes.conclude(fax, None, settings, now + 5 * 3600)
    assert isinstance(concluded, LookAgain)
    assert concluded.at >= now + DAY
    again_at = now + DAY + 300
    await office.spool.do(tracking.line_busy, fax.id, "failed_user_busy", now + DAY, again_at)
    (again,) = await office.spool.do(finding.due, again_at, 1)
    assert (again.created_at, again.options) == (now + DAY, job.options)
    assert not pacing.is_over(again.created_at, None, settings.give_up, again_at)


async def test_retries_that_the_provider_makes_are_not_ours(office: Office) -> None:
    """R4, O4: told by the fax's own options."""
    await office.prepared_with(Options(retry=Retry(2, 15)), Options())
    by_number = {job.faxes[0].number: job for job in await office.due()}
    await office.ordered(by_number[NUMBERS[0]], p41225550123="a")
    await office.ordered(by_number[NUMBERS[1]], p41445550199="b")

    found = {fax.number: fax.own_retries for fax in await office.spool.do(tracking.due, FAR)}

    assert found == {NUMBERS[0]: False, NUMBERS[1]: True}


async def test_an_earlier_fax_is_known_to_its_identity_alone(office: Office) -> None:
    """O5: by reference, with or without the fax's number, and by fax ID."""
    _, ids = await office.prepared_with(Options(), Options())
    by_number = {job.faxes[0].number: job for job in await office.due()}
    await office.ordered(by_number[NUMBERS[0]], p41225550123="first-id")
    await office.ordered(by_number[NUMBERS[1]], p41445550199="second-id")
    outcome = Outcome(End.SUCCESS, "success", office.clock.now())
    await office.spool.do(
        tracking.ended, ids[NUMBERS[1]], FaxEvent.SUCCEEDED, outcome, office.clock.now()
    )
    reference = by_number[NUMBERS[0]].reference

    async def found(wanted: str, who: str | None = ME) -> str | None:
        return await office.spool.do(resending.earlier_fax, wanted, who)

    assert await found(f"{reference}/1") == "first-id"
    assert await found(reference) == "second-id"  # the one that arrived
    assert await found("first-id") == "first-id"
    assert await found(f"{reference}/1", None) == "first-id"
    for unknown in ("M2F-ZZZZZ", f"{reference}/9", "other-id", "text'; --"):
        assert await found(unknown) is None
    for known in (reference, f"{reference}/1", "first-id"):
        assert await found(known, OTHER) is None


async def test_a_fax_that_was_never_taken_cannot_be_sent_again(office: Office) -> None:
    """O5: Fax.Plus has no pages of it."""
    await office.prepared_with(Options())
    (job,) = await office.due()

    assert await office.spool.do(resending.earlier_fax, job.reference, ME) is None
