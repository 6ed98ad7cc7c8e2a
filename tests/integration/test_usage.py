"""L8: quotas over a real ledger: reserved with the 250, counted when prepared, given back."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail2fax.clock import Clock
from mail2fax.errors import NotAdmitted
from mail2fax.spool import finding, jobs, naming, preparation, schema, tracking, usage
from mail2fax.spool.lifecycle import FaxEvent, JobEvent
from mail2fax.spool.records import NewMail
from mail2fax.spool.spool import Spool
from mail2fax.values import (
    Destination,
    Document,
    End,
    Envelope,
    FaxNumber,
    Headline,
    Identity,
    Outcome,
    Quota,
)
from tests.integration.smtp_bench import GOOD, OTHER, RULE, TO
from tests.integration.smtp_bench import Desk as Line

NUMBERS = tuple(f"+4122555012{digit}" for digit in range(5))
FAXES = Quota("faxes", 3, 86400.0)
DOCUMENT = Document("1", "a.pdf", "application/pdf", 3, "sha", 2, "1-a.pdf")


class Desk:
    """A spool, and mails of a rule with quotas."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.clock = Clock()

    async def mail(
        self,
        *numbers: str,
        quotas: tuple[Quota, ...] = (FAXES,),
        rule: str = "office",
        digest: str = "",
        at: float | None = None,
    ) -> str:
        """Accept a mail; its id.

        Raises:
            NotAdmitted: it does not fit.
        """
        now = self.clock.now() if at is None else at
        mail_id = naming.new_id(self.clock.now())
        file = self.spool.content.new_mail(mail_id)
        file.write(b"x")
        to = (Destination(one, FaxNumber(one), "", "CH") for one in numbers or NUMBERS[:1])
        mail = NewMail(
            mail_id, naming.new_reference(), now, 1, "h", "b", digest or mail_id,
            Envelope("a@b.ch", ("x",)), Identity(rule, "login", "ann"), "s", Headline(),
            tuple(to), quotas=quotas,
        )  # fmt: skip
        await self.spool.accept(mail, file)
        return mail_id

    async def fits(self, *numbers: str, **mail: Any) -> bool:
        """Whether another mail is taken."""
        try:
            await self.mail(*numbers, **mail)
        except NotAdmitted:
            return False
        return True

    async def counted(self) -> list[tuple[str, int]]:
        """Number and pages of everything that counts."""
        return await self.spool.do(counting)


def counting(connection: Any) -> list[tuple[str, int]]:
    """Number and pages of usage that is not released."""
    rows = connection.exec_driver_sql("SELECT number, pages FROM usage WHERE released = 0")
    return [tuple(row) for row in rows]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An open spool."""
    spool = await Spool.open(tmp_path, Clock())
    yield Desk(spool)
    await spool.close()


async def test_the_fourth_fax_of_three_is_refused(desk: Desk) -> None:
    """L8: whole or not at all; another rule has its own; nothing is kept of what was refused."""
    await desk.mail(NUMBERS[0], NUMBERS[1])
    with pytest.raises(NotAdmitted, match="3 faxes a day: 1 left, this mail needs 2"):
        await desk.mail(NUMBERS[0], NUMBERS[1])

    assert await desk.fits(rule="lab")
    assert await desk.fits()
    assert not await desk.fits()
    assert len(list(desk.spool.content.mails.iterdir())) == 3
    assert await desk.fits(quotas=())


async def test_mails_of_one_commit_count_for_one_another(desk: Desk) -> None:
    """L8: ten that wait for the same fsync do not slip through together."""
    taken = await asyncio.gather(*(desk.fits() for _ in range(10)))

    assert sum(taken) == 3
    assert len(await desk.counted()) == 3


async def test_what_was_not_sent_is_given_back(desk: Desk) -> None:
    """L8: refused by the second gate, cancelled, failed; each in the transaction of its end."""
    now = desk.clock.now()
    first, second, third = [await desk.mail() for _ in range(3)]
    assert not await desk.fits()
    await desk.spool.do(preparation.refused, first, "No.", [], now)
    assert len(await desk.counted()) == 2

    await desk.spool.do(preparation.prepared, second, [DOCUMENT], [], "", {}, 1, now)
    (job,) = await desk.spool.do(finding.due, now + 1, 1)
    await desk.spool.do(jobs.ended, job.id, JobEvent.CANCELLED, "x", now, "x")
    assert len(await desk.counted()) == 1

    fax_id = await ordered(desk, third)
    await desk.spool.do(
        tracking.ended, fax_id, FaxEvent.FAILED, Outcome(End.FAILED, "busy", now), now
    )
    assert await desk.counted() == []
    assert await desk.fits(*NUMBERS[:3])


async def ordered(desk: Desk, mail_id: str) -> str:
    """Prepare and order a mail's only fax; its id."""
    now = desk.clock.now()
    await desk.spool.do(preparation.prepared, mail_id, [DOCUMENT], [], "", {}, 1, now)
    (job,) = await desk.spool.do(finding.due, now + 1, 1)
    await desk.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, now)
    await desk.spool.do(jobs.intended, job.id, now)
    fax = job.faxes[0]
    await desk.spool.do(jobs.ordered, job.id, {fax.number: f"id-{mail_id}"}, now, 5.0)
    return str(fax.id)


async def test_what_was_sent_in_part_counts_as_it_was_sent(desk: Desk) -> None:
    """L8: the outcome tells the pages."""
    now = desk.clock.now()
    fax_id = await ordered(desk, await desk.mail())
    outcome = Outcome(End.PARTIAL, "partially_sent", now, pages=7)
    await desk.spool.do(tracking.ended, fax_id, FaxEvent.SENT_IN_PART, outcome, now)

    assert await desk.counted() == [(NUMBERS[0], 7)]


async def test_a_fax_that_came_to_light_after_all_counts_again(desk: Desk) -> None:
    """L8, S3: written off, given back, and then found at Fax.Plus."""
    now = desk.clock.now()
    await desk.spool.do(preparation.prepared, await desk.mail(), [DOCUMENT], [], "", {}, 1, now)
    (job,) = await desk.spool.do(finding.due, now + 1, 1)
    await desk.spool.do(jobs.ended, job.id, JobEvent.GAVE_UP, "x", now, "x")
    assert await desk.counted() == []

    await desk.spool.do(jobs.found, job.id, {NUMBERS[0]: "abc"}, now, 5.0)
    assert await desk.counted() == [(NUMBERS[0], 1)]


async def test_a_copy_gives_back_what_it_had_reserved(desk: Desk) -> None:
    """L8, L9: the second of two that turned out to be one."""
    await desk.mail(digest="same")
    await desk.mail(digest="same")
    assert len(await desk.counted()) == 2
    await desk.spool.session_ended("s")

    assert len(await desk.counted()) == 1


async def test_pages_are_counted_when_they_are_known(desk: Desk) -> None:
    """L8: each fax has all of them; what does not fit is refused by mail and given back."""
    pages = (Quota("pages", 10, 86400.0),)
    rules = {"office": pages}
    first = await desk.mail(NUMBERS[0], NUMBERS[1], quotas=pages)
    assert await desk.spool.do(usage.reserve_pages, first, 4, rules) is None
    assert await desk.counted() == [(NUMBERS[0], 4), (NUMBERS[1], 4)]

    second = await desk.mail(quotas=pages)
    problem = await desk.spool.do(usage.reserve_pages, second, 3, rules)
    assert "10 pages a day: 2 left, this mail needs 3" in str(problem)
    assert await desk.spool.do(usage.reserve_pages, second, 2, rules) is None
    assert await desk.spool.do(usage.reserve_pages, first, 4, rules) is None, "the same again"
    assert not await desk.fits(quotas=pages)
    assert await desk.spool.do(usage.reserve_pages, "no such mail", 99, rules) is None


async def test_a_client_is_told_on_the_line(tmp_path: Path) -> None:
    """L8: 550 with the sentence, the session goes on, and other mails are taken."""
    rule = replace(RULE, quotas=(Quota("faxes", 2, 86400.0),))
    async with Line(tmp_path, rules=(rule,)) as line:
        talk = await line.call()
        assert (await talk.send(GOOD, TO)).startswith("250 ")
        said = await talk.send(GOOD, TO, OTHER)
        assert said.startswith("550 5.7.1 The quota is 2 faxes a day: 1 left, this mail needs 2.")
        assert (await talk.send(GOOD, OTHER)).startswith("250 ")
        assert len(line.files()) == 2


# No interleaving exceeds a quota


STEPS = st.lists(
    st.tuples(st.sampled_from(["mail", "mail", "pages", "end", "wait"]), st.integers(0, 10_000)),
    min_size=5, max_size=30,
)  # fmt: skip
LIMITS = (Quota("faxes", 4, 100.0), Quota("numbers", 2, 100.0), Quota("pages", 9, 100.0))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_no_interleaving_exceeds_a_quota(steps: list[tuple[str, int]]) -> None:
    """L8: whatever comes, is prepared and ends in whatever order, no stretch has more."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_interleave(Path(directory), steps))


async def _interleave(directory: Path, steps: list[tuple[str, int]]) -> None:
    spool = await Spool.open(directory, Clock())
    desk, now, mails = Desk(spool), 1_800_000_000.0, []
    try:
        for step, dice in steps:
            luck = random.Random(dice)
            if step == "mail":
                numbers = luck.sample(NUMBERS, luck.randint(1, 2))
                many = [
                    desk.mail(*numbers, quotas=LIMITS, at=now) for _ in range(luck.randint(1, 3))
                ]
                done = await asyncio.gather(*many, return_exceptions=True)
                mails += [one for one in done if isinstance(one, str)]
            elif step == "pages" and mails:
                mail = luck.choice(mails)
                await spool.do(usage.reserve_pages, mail, luck.randint(1, 5), {"office": LIMITS})
            elif step == "end" and mails:
                mail = mails.pop(luck.randrange(len(mails)))
                await spool.do(preparation.refused, mail, "No.", [], now)
            else:
                now += luck.randint(1, 60)
            await spool.do(_check_every_stretch)
    finally:
        await spool.close()


def _check_every_stretch(connection: Any) -> None:
    rows = connection.execute(schema.usage.select().where(schema.usage.c.released == 0)).all()
    for end in {row.at for row in rows}:
        inside = [row for row in rows if end - 100.0 < row.at <= end]
        assert len(inside) <= 4
        assert len({row.number for row in inside}) <= 2
        assert sum(row.pages for row in inside) <= 9
