"""M6, M0, K4, K8: a mail is held and a person asked; answers, time, crashes, nobody to ask."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from mail2fax.clock import Clock
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.spool import holds, letterheads, schema
from mail2fax.spool.commands import carry_out
from mail2fax.spool.records import MailStory
from mail2fax.spool.spool import Spool
from tests.integration.test_preparer import GOOD, Desk
from tests.pictures.table import Row
from tests.unit.mails import TEXT, attached, mail

DOUBTFUL = Row("outlook", True, ("logo", "square"), ("body", "ask")).mail
UNFAXABLE = mail(TEXT, attached(b"\0\1", "a.bin"))


class HoldDesk(Desk):
    """A preparing station, and the person who decides."""

    def start(
        self, hold_for: float = 3600.0, *, has_admin: bool = True, spool: Spool | None = None
    ) -> None:
        """Start the station."""
        settings = PreparingSettings(hold_for=hold_for, has_admin=has_admin)
        station = Preparer(spool or self.spool, self.children, settings, self.clock)
        self._task = asyncio.create_task(station.run())

    async def number(self, n: int) -> str:
        """The doubtful mail, a little other each time; its id."""
        return await self.accept(DOUBTFUL.replace(b"Subject: Papers", b"Subject: %d" % n))

    async def command(self, command: str, story: MailStory, **arguments: str) -> dict[str, Any]:
        """What a command about a mail is answered."""
        request = {"command": command, "reference": story.reference, **arguments}
        return await carry_out(self.spool, request, "root")

    async def rows(self) -> list[tuple[str, str, str, dict[str, str]]]:
        """The commands that were written down."""

        def read(connection: Connection) -> list[Any]:
            rows = schema.command.c
            query = select(rows.who, rows.what, rows.result, rows.arguments).order_by(rows.id)
            return [tuple(row) for row in connection.execute(query)]

        return await self.spool.do(read)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[HoldDesk]:
    """Everything but the running station."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    desk = HoldDesk(spool, clock)
    yield desk
    await desk.stop()
    await desk.spool.close()


async def test_a_picture_in_doubt_holds_the_mail_and_asks(desk: HoldDesk) -> None:
    """M6: nothing is ordered, the question names the picture, its answer is waited for."""
    desk.start()

    story = await desk.done(await desk.accept(DOUBTFUL))

    assert (story.state, [reply.kind for reply in story.told]) == ("held", ["asked"])
    assert "“image002.png” (512 x 512 pixels, 4 kB)" in story.why
    assert (story.faxes[0].state, story.faxes[0].job_state) == ("pending", None)
    assert story.hold_until == pytest.approx(desk.clock.now() + 3600, abs=60)


async def test_what_cannot_be_faxed_as_wished_is_not_asked_about(desk: HoldDesk) -> None:
    """O3, M6: an answer about pictures would be in vain."""
    desk.start()

    story = await desk.done(await desk.accept(b"X-Fax-At: never\r\n" + DOUBTFUL))

    assert (story.state, [reply.kind for reply in story.told]) == ("refused", ["refused"])
    assert "at: never is no time" in story.why


@pytest.mark.parametrize(("pictures", "documents"), [("send", 2), ("without", 1)])
async def test_a_released_mail_is_prepared_as_decided(
    desk: HoldDesk, pictures: str, documents: int
) -> None:
    """M6, K8: with the pictures or without; who decided stands in the ledger."""
    desk.start()
    story = await desk.done(await desk.accept(DOUBTFUL))

    answer = await desk.command("release", story, pictures=pictures)
    story = await desk.when(story.id, lambda one: one.state == "prepared")

    assert answer["ok"]
    assert len(story.documents) == documents
    assert (story.faxes[0].job_state, story.faxes[0].orders) == ("ready", 1)
    arguments = {"reference": story.reference, "pictures": pictures}
    assert await desk.rows() == [("root", "release", "done", arguments)]


async def test_three_answers_teach_the_letterhead(desk: HoldDesk) -> None:
    """M6: what was left out of three mails of an identity is not asked about in the fourth."""
    desk.start()
    for n in range(3):
        story = await desk.done(await desk.number(n))
        assert story.state == "held"
        await desk.command("release", story, pictures="without")
        await desk.when(story.id, lambda one: one.state == "prepared")

    story = await desk.done(await desk.number(4))

    assert (story.state, len(story.documents)) == ("prepared", 1)
    assert any("every mail" in part.why for part in story.not_faxed)


async def test_what_is_learned_meanwhile_answers_no_question(desk: HoldDesk) -> None:
    """M6, M8: three other mails teach the letterhead; who said send gets the picture faxed."""
    desk.start()
    held = [await desk.done(await desk.number(n)) for n in range(4)]
    for story in held[:3]:
        await desk.command("release", story, pictures="without")
        await desk.when(story.id, lambda one: one.state == "prepared")

    await desk.command("release", held[3], pictures="send")
    story = await desk.when(held[3].id, lambda one: one.state == "prepared")

    assert len(story.documents) == 2


async def test_what_was_faxed_is_never_taken_for_a_letterhead(desk: HoldDesk) -> None:
    """M6: three mails whose pictures were sent as documents teach nothing; old rows go."""
    desk.start()
    for n in range(3):
        story = await desk.done(await desk.number(n))
        await desk.command("release", story, pictures="send")
        await desk.when(story.id, lambda one: one.state == "prepared")

    soon = desk.clock.now() + 1
    assert (await desk.done(await desk.number(4))).state == "held"
    assert len(await desk.spool.do(letterheads.known, "network:n", soon)) == 1  # the small logo
    await desk.spool.do(letterheads.forget, desk.clock.now() + 91 * 86400)
    assert await desk.spool.do(letterheads.known, "network:n", soon) == frozenset()


async def test_a_dropped_mail_ends_and_is_told(desk: HoldDesk) -> None:
    """M6, K4, K8: state, outcome, reply and command are one transaction."""
    desk.start()
    story = await desk.done(await desk.accept(DOUBTFUL))

    await desk.command("drop", story)
    story = await desk.done(story.id)

    assert (story.state, story.faxes[0].state) == ("refused", "failed")
    assert [reply.kind for reply in story.told] == ["asked", "refused"]
    assert await desk.rows() == [("root", "drop", "done", {"reference": story.reference})]


async def test_a_hold_nobody_decides_ends_as_not_sent(desk: HoldDesk) -> None:
    """Defaults: after its time nothing is faxed, and that is told."""
    desk.start(hold_for=0.3)
    mail_id = await desk.accept(DOUBTFUL)

    story = await desk.when(mail_id, lambda one: one.state == "refused")

    assert story.why.endswith("Nobody decided in time.")
    assert [reply.kind for reply in story.told] == ["asked", "refused"]
    assert story.faxes[0].outcome
    assert story.faxes[0].outcome.end == "not sent"


async def test_only_a_mail_on_hold_can_be_decided(desk: HoldDesk) -> None:
    """K8: an answer says what is wrong; the attempt is a row all the same."""
    desk.start()
    story = await desk.done(await desk.accept())

    released = await desk.command("release", story)
    unknown = await carry_out(desk.spool, {"command": "drop", "reference": "M2F-00000"}, "root")

    assert released["error"] == f"{story.reference} is not on hold: it is prepared"
    assert "there is no mail M2F-00000" in unknown["error"]
    assert [row[1:3] for row in await desk.rows()] == [
        ("release", released["error"]), ("drop", unknown["error"]),
    ]  # fmt: skip


async def test_a_restart_changes_nothing_of_a_hold(desk: HoldDesk, tmp_path: Path) -> None:
    """K4: the same question, the same end, one reply; then it is decided."""
    desk.start()
    before = await desk.done(await desk.accept(DOUBTFUL))
    await desk.stop()
    await desk.spool.close()
    desk.spool = await Spool.open(tmp_path, desk.clock)
    desk.start()
    await asyncio.sleep(0.1)
    after = await desk.done(before.id)

    assert after == before
    await desk.command("release", after, pictures="send")
    await desk.when(before.id, lambda one: one.state == "prepared")


@pytest.mark.parametrize("step", ["hold", "release", "drop", "end_overdue"])
async def test_a_step_that_breaks_in_the_middle_never_was(
    desk: HoldDesk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """K4: the last statement of each step fails; the ledger is as it was before the step."""
    desk.start()
    story = await desk.done(await desk.accept(DOUBTFUL))
    await desk.stop()
    other = await desk.accept(GOOD)
    before = await desk.done(story.id)

    def broken(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(holds, "owe" if step != "release" else "move", broken)
    now = desk.clock.now() + 7200
    steps: dict[str, tuple[Any, ...]] = {
        "hold": (holds.hold, other, "why", [], now, now),
        "release": (holds.release, story.reference, "send", "root", now),
        "drop": (holds.drop, story.reference, now),
        "end_overdue": (holds.end_overdue, now),
    }
    with pytest.raises(RuntimeError):
        await desk.spool.do(*steps[step])

    assert await desk.done(story.id) == before
    assert await desk.rows() == []


async def test_a_refusal_that_nobody_can_be_told_is_a_hold(desk: HoldDesk) -> None:
    """M0: no reply address and no admin: kept until somebody decides, however late."""
    desk.start(hold_for=0.1, has_admin=False)
    mail_id = await desk.accept(UNFAXABLE, reply_to=())

    story = await desk.done(mail_id)
    await desk.spool.do(holds.end_overdue, desk.clock.now() + 1e9)
    again = await desk.done(mail_id)

    assert (story.state, again.state) == ("held", "held")
    assert "“a.bin”" in story.why
    await desk.command("drop", story)
    assert (await desk.done(mail_id)).state == "refused"


@pytest.mark.parametrize(("reply_to", "has_admin"), [((), True), (("ann@example.org",), False)])
async def test_a_refusal_that_somebody_can_be_told_is_none(
    desk: HoldDesk, reply_to: tuple[str, ...], has_admin: bool
) -> None:
    """M0: the admin is somebody."""
    desk.start(has_admin=has_admin)

    story = await desk.done(await desk.accept(UNFAXABLE, reply_to=reply_to))

    assert story.state == "refused"
