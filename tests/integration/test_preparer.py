"""M8, M9, K5: the preparing station over a real spool and real children."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mail2fax.clock import Clock
from mail2fax.preparing import preparer as station
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.preparing.documents import Prepared
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.reading.gate import Gate
from mail2fax.spool import naming, stories
from mail2fax.spool.records import MailStory, NewMail
from mail2fax.spool.spool import Spool, Station
from mail2fax.values import Destination, Envelope, FaxNumber, Identity, Options, Quota
from tests.unit.mails import SCAN, TEXT, attached, mail, real_pdf

NUMBER = "+41225550123"
GOOD = mail(TEXT, attached(real_pdf(2)))


class Desk:
    """A spool, and a preparer to be started."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.spool = spool
        self.clock = clock
        self.children = Children(count=2, deadline=20)
        self.settings = PreparingSettings()
        self._task: asyncio.Task[None] | None = None

    async def accept(
        self,
        data: bytes = GOOD,
        options: Options | None = None,
        reply_to: tuple[str, ...] = ("ann@example.org",),
        quotas: tuple[Quota, ...] = (),
    ) -> str:
        """A mail as accepting leaves it; its id."""
        now = self.clock.now()
        mail_id = naming.new_id(now)
        gate = Gate()
        gate.feed(data)
        found = gate.finish()
        file = self.spool.content.new_mail(mail_id)
        file.write(data)
        to = Destination(NUMBER, FaxNumber(NUMBER), "international", "CH")
        new = NewMail(
            mail_id, naming.new_reference(), now, len(data), found.header_sha256,
            found.body_sha256, found.digest, Envelope("ann@example.org", (NUMBER,)),
            Identity("r", "network", "n"), "s", found.headline, (to,), reply_to,
            options=options or Options(), quotas=quotas,
        )  # fmt: skip
        await self.spool.accept(new, file)
        return mail_id

    def start(self) -> None:
        """Start the station."""
        run = Preparer(self.spool, self.children, self.settings, self.clock).run()
        self._task = asyncio.create_task(run)

    async def stop(self) -> None:
        """Stop it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def when(self, mail_id: str, met: Callable[[MailStory], bool]) -> MailStory:
        """The mail's story as soon as a condition is met."""
        async with asyncio.timeout(20):
            while not met(  # noqa: ASYNC110 - the ledger has no event for a test
                story := await self.spool.do(stories.of_mail, mail_id)
            ):
                await asyncio.sleep(0.02)
        return story

    async def done(self, mail_id: str) -> MailStory:
        """The mail's story once it is no longer waiting to be prepared."""
        return await self.when(mail_id, lambda story: story.state != "accepted")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Everything but the running station."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    desk = Desk(spool, clock)
    yield desk
    await desk.stop()
    await spool.close()


async def test_an_accepted_mail_becomes_documents_and_a_job(desk: Desk) -> None:
    """K4: documents and job in one transaction; the comment is the sender's words."""
    desk.start()

    story = await desk.done(await desk.accept())

    assert story.state == "prepared"
    assert [(one.filename, one.pages) for one in story.documents] == [("a.pdf", 2)]
    assert (story.faxes[0].job_state, story.comment) == ("ready", "Grüße,\nAnn")


async def test_several_mails_are_prepared_at_once(desk: Desk) -> None:
    """M9: two children, no mail twice."""
    ids = [await desk.accept(GOOD.replace(b"Hello", b"%d" % n)) for n in range(5)]
    desk.start()

    stories_ = [await desk.done(mail_id) for mail_id in ids]

    assert [story.faxes[0].orders for story in stories_] == [1] * 5


async def test_a_colleague_is_called_when_another_mail_waits(desk: Desk) -> None:
    """M9: one ring may have told of two mails; of the last one nobody else needs to hear."""
    preparer = Preparer(desk.spool, desk.children, desk.settings, desk.clock)
    ids = [await desk.accept(GOOD.replace(b"Hello", b"%d" % n)) for n in range(2)]
    bells, taken, rang = desk.spool.bells, [], []
    await bells.wait(Station.PREPARING, 1.0)
    for _ in range(3):
        taken.append((await preparer._next_turn()).mail)
        rang.append(await bells.wait(Station.PREPARING, 0.01))

    assert [mail and mail.id for mail in taken] == [*ids, None]
    assert rang == [True, False, False]


async def test_what_an_attempt_left_behind_is_removed(desk: Desk) -> None:
    """K3, K7: documents of an attempt that was cut short are none of the mail's."""
    mail_id = await desk.accept()
    directory = desk.spool.content.documents_of(mail_id)
    directory.mkdir()
    (directory / "9-half.part").write_bytes(b"half")
    desk.start()

    await desk.done(mail_id)

    assert [path.name for path in directory.iterdir()] == ["1-a.pdf"]


async def test_a_rule_can_keep_the_text_out_of_the_comment(desk: Desk) -> None:
    """Defaults: body off."""
    desk.start()

    story = await desk.done(await desk.accept(options=Options(body="off")))

    assert story.comment == ""


async def test_the_second_gate_refuses_by_mail(desk: Desk) -> None:
    """M8: the reason is on disk, the reply is owed, nothing is ordered."""
    desk.start()

    story = await desk.done(await desk.accept(mail(attached(b"\0", "a.bin"))))

    assert (story.state, story.faxes[0].state) == ("refused", "failed")
    assert "“a.bin”" in story.why
    assert [reply.kind for reply in story.told] == ["refused"]
    assert story.faxes[0].job_state is None


async def test_pages_beyond_a_quota_are_refused_by_mail(desk: Desk) -> None:
    """L8: known only now; what the mail had reserved is given back."""
    quotas = (Quota("pages", 1, 86400.0),)
    desk.settings = PreparingSettings(quotas={"r": quotas})
    desk.start()

    story = await desk.done(await desk.accept(quotas=quotas))

    assert story.state == "refused"
    assert "quota" in story.why


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
async def test_bytes_that_are_not_the_accepted_ones_are_quarantined(desk: Desk, harm: str) -> None:
    """K5: a flipped bit, a lost end or a lost file: never faxed, and told."""
    mail_id = await desk.accept()
    path = desk.spool.content.mail(mail_id)
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if harm == "cut" else data.replace(b"Ann", b"Bob"))
    desk.start()

    story = await desk.done(mail_id)

    assert (story.state, [reply.kind for reply in story.told]) == ("quarantined", ["refused"])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.999])
async def test_no_flipped_bit_of_a_mail_is_faxed(desk: Desk, share: float) -> None:
    """K5: in its header, its text, its document or its last line."""
    mail_id = await desk.accept()
    path = desk.spool.content.mail(mail_id)
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 4
    path.write_bytes(data)
    desk.start()

    assert (await desk.done(mail_id)).state == "quarantined"


async def test_a_mail_that_ends_the_child_three_times_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M2: the poison mail is told; the one behind it is prepared meanwhile."""
    monkeypatch.setattr(station, "_AGAIN", (0.05, 0.05))
    real = Children.prepare

    async def dying(
        children: Children, path: Path, directory: Path, *more: Any, **named: Any
    ) -> Prepared:
        if b"poison" in await asyncio.to_thread(path.read_bytes):
            raise ChildFailed("it ended (signal 11)")
        return await real(children, path, directory, *more, **named)

    monkeypatch.setattr(Children, "prepare", dying)
    poison = await desk.accept(SCAN.replace(b"Subject: Hello", b"Subject: poison"))
    good = await desk.accept()
    desk.start()

    bad, fine = await desk.done(poison), await desk.done(good)

    assert (bad.state, fine.state) == ("refused", "prepared")
    assert "could not be opened safely" in bad.why


async def test_our_own_bug_is_no_reason_to_stop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """L3: it is logged, tried again, and at last told."""
    monkeypatch.setattr(station, "_AGAIN", (0.05, 0.05))

    async def broken(*_arguments: object) -> Prepared:
        raise KeyError("a bug")

    monkeypatch.setattr(Children, "prepare", broken)
    desk.start()

    story = await desk.done(await desk.accept())

    assert story.state == "refused"
    assert "bug where=preparing" in caplog.text


async def test_a_stopped_station_takes_the_mail_up_again(desk: Desk, tmp_path: Path) -> None:
    """K3: killed in the middle, the mail is prepared at the next start, once."""
    mail_id = await desk.accept()
    desk.start()
    await asyncio.sleep(0.02)
    await desk.stop()
    await desk.spool.close()
    desk.spool = await Spool.open(tmp_path, desk.clock)
    desk.children = Children(count=1, deadline=20)
    desk.start()

    story = await desk.done(mail_id)

    assert (story.state, story.faxes[0].orders) == ("prepared", 1)
