"""Forgetting: at its time, through a power cut at every step, and really gone (K7, K3)."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, Text, select

from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.demo import sample
from mail2fax.errors import SpoolBroken
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import (
    content,
    durable,
    finding,
    forgetting,
    jobs,
    notices,
    preparation,
    remarks,
    replies,
    schema,
    telling,
    tracking,
)
from mail2fax.spool.ends import Keep
from mail2fax.spool.forgetting import Forgetting, NotOver
from mail2fax.spool.lifecycle import FaxEvent, JobEvent, JobState
from mail2fax.spool.moves import NOTICE, REPLY
from mail2fax.spool.notices import Refusal
from mail2fax.spool.spool import Spool
from mail2fax.values import Document, End, NotFaxed, Options, Outcome
from tests.integration.test_daemon import House, send
from tests.integration.test_spool import DOCUMENT, Desk

DAY = 86400.0
CANARY = "Kanarienvogel-47"


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.clock = Clock(wall=lambda: 1_900_000_000.0, steady=lambda: self.passed)

    async def go(self, spool: Spool, days: float) -> None:
        """Let days pass, then forget what is due."""
        self.passed += days * DAY
        while await Forgetting(spool, Keep()).round():
            pass


class Archive(Desk):
    """A desk whose mails come to an end, on a clock that a test moves."""

    def __init__(self, spool: Spool, time: Time) -> None:
        super().__init__(spool, time.clock)
        self.time = time

    async def files(self, mail_id: str) -> None:
        """The prepared document of a mail, as preparing leaves it."""
        directory = self.spool.content.documents_of(mail_id)
        directory.mkdir()
        (directory / DOCUMENT.file).write_bytes(b"%PDF")

    async def ended(self, end: FaxEvent = FaxEvent.SUCCEEDED, *, told: bool = True) -> str:
        """A mail whose only fax was ordered and came to an end; its id."""
        mail_id, job = await self.intent()
        await self.files(mail_id)
        now, do = self.clock.now(), self.spool.do
        number = job.faxes[0].number
        await do(jobs.ordered, job.id, {number: f"F-{mail_id}"}, now, 5.0)
        outcome = Outcome(End.SUCCESS, "success", now, "", 1)
        await do(tracking.ended, job.faxes[0].id, end, outcome, now)
        if told:
            await self.tell()
        return mail_id

    async def tell(self) -> None:
        """Every reply is handed over."""
        now = self.clock.now()
        for reply in await self.spool.do(replies.due, now, 1000):
            await self.spool.do(telling.handed_over, REPLY, reply.id, "ann@example.org", now)

    def left(self, mail_id: str) -> list[str]:
        """What of a mail's files is on disk."""
        stored = self.spool.content
        places = (stored.mail(mail_id), stored.documents_of(mail_id) / DOCUMENT.file)
        return [path.name for path in places if path.exists()]

    async def state(self, mail_id: str) -> str:
        """The mail's state."""
        return (await self.story(mail_id)).state


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An open spool on a clock that the test moves."""
    time = Time()
    spool = await Spool.open(tmp_path, time.clock)
    yield Archive(spool, time)
    await spool.close()


def found_in(directory: Path, *canaries: str) -> list[str]:
    """Names of the files below a directory that hold one of these texts in any usual form."""
    forms = [
        canary.encode(form) for canary in canaries for form in ("utf-8", "utf-16-le", "utf-16-be")
    ]
    return [
        path.name
        for path in directory.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


async def test_success_goes_after_a_day_and_failure_after_a_week(archive: Archive) -> None:
    """K7: what ended well is needed by nobody; Friday's failure is sent again on Monday."""
    good, bad = await archive.ended(), await archive.ended(FaxEvent.FAILED)

    await archive.time.go(archive.spool, 0.99)
    assert len(archive.left(good)) == len(archive.left(bad)) == 2
    await archive.time.go(archive.spool, 0.02)
    assert archive.left(good) == []
    assert len(archive.left(bad)) == 2
    await archive.time.go(archive.spool, 6.0)
    assert archive.left(bad) == []
    assert await archive.state(bad) == "purged"


async def test_what_is_open_is_not_forgotten(archive: Archive) -> None:
    """K7: neither an open fax, nor an order on hold, nor a reply that is still due."""
    untold = await archive.ended(told=False)
    waiting = await archive.prepared()
    _, job = await archive.intent()
    now = archive.clock.now()
    await archive.spool.do(jobs.answer_lost, job.id, "unknown", now, now, "cut")
    await archive.spool.do(jobs.held, job.id, now, "nobody knows")

    await archive.time.go(archive.spool, 30)

    for mail_id in (untold, waiting, job.mail_id):
        assert await archive.state(mail_id) == "prepared"
    await archive.tell()
    await archive.time.go(archive.spool, 0)
    assert await archive.state(untold) == "purged"
    assert await archive.state(waiting) == "prepared"
    assert await archive.state(job.mail_id) == "prepared"


async def test_a_fax_that_came_back_to_life_keeps_its_content(archive: Archive) -> None:
    """K7: what a listing brings to light after its end is not over; its time begins anew."""
    mail_id, job = await archive.intent()
    await archive.files(mail_id)
    now, do = archive.clock.now(), archive.spool.do
    await do(jobs.answer_lost, job.id, "unknown", now, now, "cut")
    await do(jobs.held, job.id, now, "nobody knows")
    await do(jobs.ended, job.id, JobEvent.GAVE_UP, "undecided", now, "Nobody decided.")
    await archive.tell()
    await archive.time.go(archive.spool, 6.9)
    number = job.faxes[0].number
    await do(jobs.found, job.id, {number: "late"}, archive.clock.now(), 5.0)
    await archive.time.go(archive.spool, 10)
    assert len(archive.left(mail_id)) == 2

    outcome = Outcome(End.SUCCESS, "success", archive.clock.now(), "", 1)
    await do(tracking.ended, job.faxes[0].id, FaxEvent.SUCCEEDED, outcome, archive.clock.now())
    await archive.tell()
    await archive.time.go(archive.spool, 0.9)
    assert len(archive.left(mail_id)) == 2
    await archive.time.go(archive.spool, 0.2)
    assert archive.left(mail_id) == []


async def test_joined_mails_go_with_the_mail_they_belong_to(archive: Archive) -> None:
    """M5, K7: the bytes of every part are there for as long as the whole may be looked at."""
    head, part = await archive.prepared(), await archive.mail()

    def join(connection: Connection) -> None:
        rows = schema.mail
        connection.execute(rows.update().values(series="scan:x=1"))
        connection.execute(rows.update().where(rows.c.id == part).values(state="joined"))
        fax = schema.fax
        connection.execute(fax.update().where(fax.c.mail_id == part).values(state="cancelled"))

    await archive.spool.do(join)
    await archive.time.go(archive.spool, 30)
    assert await archive.state(part) == "joined"

    (job,) = await archive.spool.do(finding.in_state, JobState.READY)
    now = archive.clock.now()
    await archive.spool.do(jobs.ended, job.id, JobEvent.GAVE_UP, "given up", now, "Over.")
    await archive.tell()
    await archive.time.go(archive.spool, 7.1)
    assert [await archive.state(one) for one in (head, part)] == ["purged", "purged"]
    assert archive.left(part) == []


async def test_all_that_somebody_wrote_leaves_the_rows(archive: Archive, tmp_path: Path) -> None:
    """K7: no word, name or file name stays; number, times, identity and status do."""
    mail_id = await archive.mail()
    document = Document("1", f"{CANARY}.pdf", "application/pdf", 3, "s", 1, f"1-{CANARY}.pdf")
    not_faxed = [NotFaxed("2", CANARY, "text/html", 3, "s", f"“{CANARY}” is a web page")]
    (fax,) = (await archive.story(mail_id)).faxes
    options = {fax.id: Options(comment=CANARY, tags=(CANARY,), bill="4711")}
    now, do = archive.clock.now(), archive.spool.do
    await do(preparation.prepared, mail_id, [document], not_faxed, CANARY, options, 1, now)
    (job,) = await do(finding.due, now, 1)
    await do(jobs.ended, job.id, JobEvent.GAVE_UP, "given up", now, f"“{CANARY}” was not taken")
    await archive.tell()

    def more(connection: Connection) -> None:
        connection.execute(schema.mail.update().values(subject=CANARY, thread=CANARY))
        connection.execute(schema.fax.update().values(name=CANARY, written=CANARY, reading=CANARY))

    await do(more)
    assert found_in(tmp_path, CANARY) != []

    await archive.time.go(archive.spool, 8)

    assert found_in(tmp_path, CANARY) == []
    story = await archive.story(mail_id)
    assert (story.subject, story.documents, story.answer_token) == ("", (), "")
    assert story.mail_from == "ann@example.org"
    (fax,) = story.faxes
    assert fax.number == "+41225550123"
    assert fax.outcome is not None
    assert fax.outcome.status == "given up"
    assert fax.options is not None
    assert fax.options.bill == "4711"


STAYS = {
    "mail": "id reference state header_sha256 body_sha256 digest mail_from peer helo listener "
    "identity who session answer message_id reply_to replies series pictures_decided answers "
    "returned purpose",
    "fax": "id mail_id state number country fax_plus_id twin_of again_of",
    "job": "id mail_id state token supersedes doubt frozen",
    "reply": "id mail_id fax_id kind state told_to",
}
"""Columns of text that are kept for 90 days: who, whom, when and how it ended, and no words."""
WITHOUT_WORDS: dict[str, Any] = {"comment": None, "cover": None, "tags": [], "x": 1}


async def test_each_column_is_either_kept_on_purpose_or_blank(archive: Archive) -> None:
    """K7: a column that is added one day has to be decided about; this test asks for it."""
    mail_id = await archive.ended(FaxEvent.FAILED)
    words = {
        "options": {"comment": CANARY, "cover": {"message": CANARY}, "tags": [CANARY], "x": 1},
        "outcome": {"status": "s", "why": CANARY},
    }

    def texts(name: str) -> list[Any]:
        table = schema.metadata.tables[name]
        kinds = (Text, JSON)
        kept = STAYS[name].split()
        return [one for one in table.c if isinstance(one.type, kinds) and one.name not in kept]

    def fill(connection: Connection) -> None:
        for name in STAYS:
            values = {
                one.name: words.get(one.name, [CANARY] if isinstance(one.type, JSON) else CANARY)
                for one in texts(name)
            }
            connection.execute(schema.metadata.tables[name].update().values(values))

    def left(connection: Connection) -> set[tuple[str, str, str]]:
        return {
            (name, one.name, str(value))
            for name in STAYS
            for one in texts(name)
            for value in connection.scalars(select(one))
            if value not in ("", None, [], WITHOUT_WORDS, {"status": "s", "why": ""})
        }

    await archive.spool.do(fill)
    await archive.spool.do(forgetting.begin, mail_id, archive.clock.now())

    assert await archive.spool.do(left) == set()


async def test_two_who_forget_the_same_mail_do_not_meet(archive: Archive) -> None:
    """K7: a person's command, and the round that finds the mail half forgotten."""
    mail_id = await archive.ended()
    await archive.spool.do(forgetting.begin, mail_id, archive.clock.now())

    both = await asyncio.gather(*(forgetting.destroy(archive.spool, [mail_id]) for _ in range(2)))

    assert both == [1, 1]
    assert await archive.state(mail_id) == "purged"


async def test_one_odd_mail_stops_no_other(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise 4: a bug is logged, and the station goes on."""
    mail_id = await archive.ended()
    archive.time.passed += 2 * DAY
    real, broken = forgetting.begin, [KeyError("a bug"), KeyError("a bug")]

    def odd(connection: Connection, which: str, now: float) -> None:
        if broken:
            raise broken.pop()
        real(connection, which, now)

    monkeypatch.setattr(forgetting, "begin", odd)
    running = asyncio.create_task(Forgetting(archive.spool, Keep(success=0.4)).run())
    async with asyncio.timeout(20):
        while await archive.state(mail_id) != "purged":  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert "bug where=forgetting" in caplog.text


async def test_nothing_is_left_in_the_pages_of_a_large_ledger(
    archive: Archive, tmp_path: Path
) -> None:
    """K7: rows of all sizes, some forgotten and some not: free pages, overflow pages and log."""
    random.seed(7)
    ended = [await archive.ended(FaxEvent.FAILED) for _ in range(40)]
    words = {mail_id: f"{CANARY}-{n:03}-" * random.choice((1, 20, 900)) for n, mail_id in
             enumerate(ended)}  # fmt: skip

    def write(connection: Connection) -> None:
        for mail_id, text in words.items():
            rows = schema.mail
            connection.execute(rows.update().where(rows.c.id == mail_id).values(comment=text))

    await archive.spool.do(write)
    assert found_in(tmp_path, CANARY)
    for mail_id in ended[::2]:
        reference = (await archive.story(mail_id)).reference
        await archive.spool.do(forgetting.expire_now, reference, archive.clock.now())
    await forgetting.destroy(archive.spool, ended[::2])

    for n, mail_id in enumerate(ended):
        is_there = found_in(tmp_path, f"{CANARY}-{n:03}-") != []
        assert is_there == (mail_id in ended[1::2]), n


class PowerCut(Exception):
    """The machine is off; what was not durable may or may not be there."""


def cut_in(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, before: bool) -> None:
    """The power goes just before or just after a step."""
    real: Callable[..., Any] = getattr(module, name)

    def cut(*args: Any) -> Any:
        if not before:
            real(*args)
        raise PowerCut

    monkeypatch.setattr(module, name, cut)


@pytest.mark.parametrize(
    ("module", "step", "before"),
    [
        (forgetting, "begin", True),
        (forgetting, "begin", False),
        (content, "_remove", True),
        (content, "_remove", False),
        (durable, "sync_directory", True),
        (durable, "sync_directory", False),
        (forgetting, "destroyed", True),
        (forgetting, "destroyed", False),
    ],
)
async def test_a_power_cut_only_repeats_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, before: bool
) -> None:
    """K7, K3: wherever it comes, the content is gone in the end, and the row says so."""
    time = Time()
    spool = await Spool.open(tmp_path, time.clock)
    desk = Archive(spool, time)
    mail_id = await desk.ended()
    time.passed += 2 * DAY
    with monkeypatch.context() as patched:
        cut_in(patched, module, step, before=before)
        with pytest.raises(PowerCut):
            await Forgetting(spool, Keep()).round()
    await spool.close()

    again = await Spool.open(tmp_path, time.clock)
    desk = Archive(again, time)
    await time.go(again, 0)

    assert desk.left(mail_id) == []
    assert await desk.state(mail_id) == "purged"
    await again.close()


async def test_a_file_that_comes_back_after_a_cut_is_removed_at_start(tmp_path: Path) -> None:
    """K3: no row speaks for it any more."""
    time = Time()
    spool = await Spool.open(tmp_path, time.clock)
    mail_id = await Archive(spool, time).ended()
    await time.go(spool, 2)
    spool.content.mail(mail_id).write_bytes(b"back again")
    await spool.close()

    again = await Spool.open(tmp_path, time.clock)
    left = Archive(again, time).left(mail_id)
    await again.close()

    assert left == []


async def test_what_the_disk_does_not_let_go_is_tried_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """K7: the row says purging for as long as the file may be there; others go on."""
    stuck, other = await archive.ended(), await archive.ended()
    real = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == f"{stuck}.eml":
            raise PermissionError(1, "not yours")
        real(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        archive.time.passed += 2 * DAY
        assert await Forgetting(archive.spool, Keep()).round() == 1
        states = [await archive.state(one) for one in (stuck, other)]
    assert states == ["purging", "purged"]
    assert "spool-trouble" in caplog.text
    await archive.time.go(archive.spool, 0)
    assert await archive.state(stuck) == "purged"


async def test_a_sync_that_fails_ends_the_daemon(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6: after a failed fsync nothing is believed to be gone."""
    mail_id = await archive.ended()
    archive.time.passed += 2 * DAY

    def fail(_path: Path) -> None:
        raise SpoolBroken("fsync of a directory: EIO")

    monkeypatch.setattr(durable, "sync_directory", fail)
    with pytest.raises(SpoolBroken):
        await Forgetting(archive.spool, Keep()).run()
    assert await archive.state(mail_id) == "purging"


async def test_before_its_time_only_what_is_over(archive: Archive) -> None:
    """K7: `purge` says what is still open, and what to do."""
    over = await archive.ended(FaxEvent.FAILED)
    held = await archive.prepared()
    now, do = archive.clock.now(), archive.spool.do
    fresh = await archive.mail()
    references = {one: (await archive.story(one)).reference for one in (held, over, fresh)}

    with pytest.raises(NotOver, match="no mail M2F-0"):
        await do(forgetting.expire_now, "M2F-0", now)
    with pytest.raises(NotOver, match=r"without an outcome.*queue show"):
        await do(forgetting.expire_now, references[held], now)
    with pytest.raises(NotOver, match="is accepted"):
        await do(forgetting.expire_now, references[fresh], now)
    assert await do(forgetting.expire_now, references[over].lower() + "/1", now) == over
    assert await do(forgetting.expire_now, references[over], now) == over
    assert await forgetting.destroy(archive.spool, [over]) == 1
    with pytest.raises(NotOver, match="destroyed already"):
        await do(forgetting.expire_now, references[over], now)


async def test_rows_go_after_ninety_days(archive: Archive) -> None:
    """K7: every table forgets the mail; a notice and a command of that age go, too."""
    old = await archive.ended()
    refusal = Refusal("scan", "192.0.2.1", "1@fax.example.com", "550 no", ("a@example.org",))
    await archive.spool.do(notices.owe, refusal, archive.clock.now())
    (notice,) = await archive.spool.do(notices.due, archive.clock.now(), 9)
    now = archive.clock.now()
    await archive.spool.do(telling.handed_over, NOTICE, notice.id, "a@example.org", now)
    await archive.spool.note_command("root", "show", {"reference": "M2F-1"}, "done")
    await archive.time.go(archive.spool, 89)
    young = await archive.ended()
    assert await archive.state(old) == "purged"

    await archive.time.go(archive.spool, 1.1)

    def rows(connection: Connection) -> dict[str, set[str]]:
        known = {}
        for name, table in schema.metadata.tables.items():
            key = table.c.get("mail_id", table.c.id if name == "mail" else None)
            if key is not None:
                known[name] = {str(one) for one in connection.scalars(select(key))}
        return known

    found = await archive.spool.do(rows)
    kept = [name for name, ids in found.items() if ids - {young}]
    assert kept == ["remark"]  # until sending has cut the comment, or given up
    assert young in found["mail"]

    def others(connection: Connection) -> int:
        tables = (schema.notice, schema.command)
        return sum(len(connection.execute(select(one)).all()) for one in tables)

    assert await archive.spool.do(others) == 0


async def test_copies_of_the_ledger_go_like_content(archive: Archive, tmp_path: Path) -> None:
    """K2, K7: the copy made before an upgrade holds what the ledger has forgotten since."""
    copy = tmp_path / "ledger.sqlite3.before-0001"
    copy.write_bytes(b"old")
    archive.time.passed = copy.stat().st_mtime - 1_900_000_000.0
    await archive.time.go(archive.spool, 6.9)
    assert copy.exists()
    await archive.time.go(archive.spool, 0.2)
    assert not copy.exists()


async def test_a_comment_without_words_is_left_alone(archive: Archive) -> None:
    """K7: a comment that is our token already needs no call; one with words does."""
    with_words, without = await archive.ended(), await archive.ended()

    def empty(connection: Connection) -> None:
        rows = schema.mail
        connection.execute(rows.update().where(rows.c.id == without).values(comment=""))

    await archive.spool.do(empty)
    assert await archive.spool.do(remarks.due, archive.clock.now(), 9) == []
    await archive.time.go(archive.spool, 2)

    (remark,) = await archive.spool.do(remarks.due, archive.clock.now(), 9)
    assert remark.fax_plus_id == f"F-{with_words}"
    assert remark.token.startswith("m2f:")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


KEEP_SHORT = {"success": "1s", "other": "1s"}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what others do, seen from outside
            await asyncio.sleep(0.05)


async def test_the_daemon_forgets_here_and_at_fax_plus(house: House) -> None:
    """K7: nothing of a mail is in the state directory; at Fax.Plus only the token is left."""
    message = sample()
    message.replace_header("Subject", f"About {CANARY}")
    async with Daemon(house.config(keep=KEEP_SHORT)) as daemon:
        await asyncio.to_thread(send, daemon, message)
        await house.mailbox.wait_for(3)
        items = house.simulator.provider.items
        marks = house.simulator.provider.marks
        await until(lambda: len(marks) == 2)
        await until(lambda: not list((house.state_dir / "mails").iterdir()))
        await until(lambda: found_in(house.state_dir, CANARY, "attached result") == [])

    cut = {marks[item.fax_id].comment for item in items}
    assert cut == {f"m2f:{item.text.partition('m2f:')[2]}" for item in items}
    assert list((house.state_dir / "documents").iterdir()) == []


async def test_fax_plus_that_does_not_let_us_edit_delays_no_purge(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """K7: the failure is logged and tried again; sending goes on all the same."""
    async with Daemon(house.config(keep=KEEP_SHORT)) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        await house.mailbox.wait_for(3)
        house.simulator.provider.switches.always["fax"] = Trouble.FORBIDDEN
        await until(lambda: not list((house.state_dir / "mails").iterdir()))
        await until(lambda: "comment-stays" in caplog.text)
        await asyncio.to_thread(send, daemon, sample())
        await house.mailbox.wait_for(6)

    assert "account-barred" not in caplog.text
