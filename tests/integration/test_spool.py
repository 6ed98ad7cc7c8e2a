"""The spool on a real disk: what is committed stays, what is not was never there."""

import asyncio
import contextlib
import errno
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from mail2fax.clock import Clock
from mail2fax.errors import LedgerTooNew, SpoolBroken, SpoolFull, SpoolLocked
from mail2fax.spool import (
    durable,
    finding,
    jobs,
    ledger,
    naming,
    preparation,
    replies,
    schema,
    stories,
    telling,
    tracking,
)
from mail2fax.spool.lifecycle import FaxEvent, IllegalEvent, JobEvent, JobState
from mail2fax.spool.migration import bring_up_to_date
from mail2fax.spool.moves import REPLY
from mail2fax.spool.records import Job, MailStory, NewMail
from mail2fax.spool.spool import Spool
from mail2fax.values import (
    Converted,
    Destination,
    Document,
    End,
    Envelope,
    FaxNumber,
    Headline,
    Identity,
    Outcome,
)

DOCUMENT = Document("1", "a.pdf", "application/pdf", 3, "sha", 1, "1-a.pdf")
LEDGERS = Path(__file__).parent / "ledgers"
NUMBER = "+41225550123"
FAR = 4e9  # later than any poll


class Desk:
    """A spool with short words for what tests do with it."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.spool = spool
        self.clock = clock

    async def mail(
        self, *, digest: str = "", session: str = "s1", numbers: tuple[str, ...] = (NUMBER,)
    ) -> str:
        """Accept a mail; its id."""
        now = self.clock.now()
        mail_id = naming.new_id(now)
        file = self.spool.content.new_mail(mail_id)
        file.write(b"Subject: hello\r\n\r\nhello\r\n")
        mail = NewMail(
            id=mail_id,
            reference=naming.new_reference(),
            received_at=now,
            size=25,
            header_sha256="h",
            body_sha256="b",
            digest=digest or mail_id,
            envelope=Envelope("ann@example.org", ("x@fax.example.com",)),
            identity=Identity("senders[0]", "network", "127.0.0.0/8"),
            session=session,
            headline=Headline(subject="hello"),
            destinations=tuple(
                Destination(number, FaxNumber(number), "international", "CH") for number in numbers
            ),
            reply_to=("ann@example.org",),
        )
        await self.spool.accept(mail, file)
        return mail_id

    async def prepared(self, *, digest: str = "", session: str = "s1") -> str:
        """Accept and prepare a mail; its id."""
        mail_id = await self.mail(digest=digest, session=session)
        await self.spool.do(
            preparation.prepared, mail_id, [DOCUMENT], [], "text", {}, 1, self.clock.now()
        )
        return mail_id

    async def intent(self) -> tuple[str, Job]:
        """A mail whose only job is about to be posted; mail id and job."""
        mail_id = await self.prepared()
        (job,) = await self.spool.do(finding.due, self.clock.now(), 1)
        await self.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, self.clock.now())
        await self.spool.do(jobs.intended, job.id, self.clock.now())
        return mail_id, job

    async def story(self, mail_id: str) -> MailStory:
        """All that is known of a mail."""
        return await self.spool.do(stories.of_mail, mail_id)

    async def fax_state(self, mail_id: str) -> str:
        """State of a mail's first fax."""
        return (await self.story(mail_id)).faxes[0].state


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An open spool."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    yield Desk(spool, clock)
    await spool.close()


async def test_a_second_daemon_on_the_same_directory_is_turned_away(
    desk: Desk, tmp_path: Path
) -> None:
    """Two daemons on one state directory would fax twice: the second does not start."""
    with pytest.raises(SpoolLocked, match="in use"):
        await Spool.open(tmp_path, desk.clock)


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_after_a_disk_error_under_a_mail_nothing_more_is_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """K6: an EIO is no 250 but the daemon's end; an fsync that succeeds later saves nothing."""

    def fail(*_args: object) -> None:
        monkeypatch.undo()  # the disk seems to be well again
        raise OSError(errno.EIO, "planted")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(SpoolBroken, match="EIO"):
        await desk.mail()

    assert isinstance(await desk.spool.failed(), SpoolBroken)
    with pytest.raises(SpoolBroken, match="EIO"):
        await desk.mail()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
async def test_a_want_of_descriptors_is_no_fault_of_the_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """K6, L10: the mail is refused for now, and all goes on."""

    def fail(*_args: object) -> None:
        monkeypatch.undo()
        raise OSError(number, "planted")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(SpoolFull):
        await desk.mail()

    assert await desk.mail()


async def test_a_file_without_a_row_is_removed_at_start_and_a_mail_stays(tmp_path: Path) -> None:
    """K3: what was never acknowledged is removed, what was acknowledged is there."""
    spool = await Spool.open(tmp_path, Clock())
    mail_id = await Desk(spool, Clock()).mail()
    spool.content.new_mail("01ORPHAN").write(b"half a ma")
    await spool.close()

    again = await Spool.open(tmp_path, Clock())
    left = [path.name for path in again.content.mails.iterdir()]
    await again.close()

    assert [f"{mail_id}.eml"] == left


async def test_the_ledger_has_the_settings_that_survive_a_power_cut(desk: Desk) -> None:
    """K1: write-ahead log with full synchronisation, as SQLite itself reports it."""

    def pragmas(connection: Connection) -> tuple[object, object]:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar()
        return mode, connection.execute(text("PRAGMA synchronous")).scalar()

    assert await desk.spool.do(pragmas) == ("wal", 2)


async def test_an_accept_is_file_then_directory_then_row(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1: the bytes and their name are synced before the row can be committed."""
    order: list[str] = []
    real_file, real_directory = durable.sync_file, durable.sync_directory

    def file(descriptor: int) -> None:
        order.append("file")
        real_file(descriptor)

    def directory(path: Path) -> None:
        order.append("directory")
        real_directory(path)

    monkeypatch.setattr(durable, "sync_file", file)
    monkeypatch.setattr(durable, "sync_directory", directory)

    mail_id = await desk.mail()
    await desk.story(mail_id)

    assert order == ["file", "directory"]


async def test_a_full_disk_in_the_commit_accepts_nothing_and_work_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6: no room for the name means no row and no file; the next mail is taken."""

    def full() -> None:
        raise SpoolFull("no room")

    monkeypatch.setattr(desk.spool.content, "sync_mail_names", full)
    with pytest.raises(SpoolFull):
        await desk.mail()
    monkeypatch.undo()

    assert list(desk.spool.content.mails.iterdir()) == []
    await desk.mail()
    assert (await desk.spool.do(stories.counts))["mail"] == {"accepted": 1}


async def test_one_bad_command_in_a_group_fails_alone(desk: Desk) -> None:
    """A command that raises is rolled back; those that share its commit are not."""
    mail_id = await desk.mail()

    def bad(connection: Connection) -> None:
        connection.execute(text("UPDATE mail SET subject = 'spoilt'"))
        raise ValueError("bad")

    results = await asyncio.gather(
        desk.spool.do(stories.counts),
        desk.spool.do(bad),
        desk.spool.do(preparation.try_again, mail_id, 7.0),
        return_exceptions=True,
    )

    assert isinstance(results[1], ValueError)
    assert (await desk.story(mail_id)).subject == "hello"


async def test_a_broken_ledger_is_told_to_the_daemon(desk: Desk) -> None:
    """K6: after an I/O error every call fails and `failed` wakes the daemon."""

    def io_error(_connection: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(SpoolBroken):
        await desk.spool.do(io_error)
    with pytest.raises(SpoolBroken):
        await desk.spool.do(stories.counts)
    async with asyncio.timeout(5):
        assert isinstance(await desk.spool.failed(), SpoolBroken)


async def test_two_mails_cannot_share_a_reference(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that is taken is replaced, also inside one group."""
    monkeypatch.setattr(naming, "new_reference", lambda: "M2F-AAAAA")

    ids = await asyncio.gather(desk.mail(), desk.mail(session="s2"), desk.mail(session="s3"))

    references = {(await desk.story(mail_id)).reference for mail_id in ids}
    assert len(references) == 3


async def test_the_same_mail_after_an_unread_answer_is_a_copy(desk: Desk) -> None:
    """L9: the client never read its 250 and sends again: ordered once, and told."""
    first = await desk.mail(digest="same", session="s1")
    await desk.spool.session_ended("s1")

    second = await desk.mail(digest="same", session="s2")

    assert await desk.fax_state(first) == "pending"
    assert await desk.fax_state(second) == "cancelled"
    assert [reply.kind for reply in (await desk.story(second)).told] == ["copy"]


async def test_a_twin_waits_for_the_first_session_and_is_a_copy_at_its_end(desk: Desk) -> None:
    """L9: while the first session shows nothing the second fax waits; its end decides."""
    await desk.mail(digest="same", session="s1")
    second = await desk.mail(digest="same", session="s2")
    assert await desk.fax_state(second) == "twin"

    await desk.spool.session_ended("s1")

    assert await desk.fax_state(second) == "cancelled"


async def test_a_sign_that_the_answer_was_read_releases_the_twin(desk: Desk) -> None:
    """L9: a command after the 250 shows that the second mail is meant: two faxes."""
    first = await desk.mail(digest="same", session="s1")
    second = await desk.prepared(digest="same", session="s2")

    await desk.spool.answer_read(first)

    assert await desk.fax_state(second) == "pending"
    due = await desk.spool.do(finding.due, desk.clock.now(), 10)
    assert [second] == [job.mail_id for job in due]


async def test_a_sign_releases_no_other_mails_twin(desk: Desk) -> None:
    """L9: whose answer was read is one mail; the twin of another still waits for its own."""
    first = await desk.mail(digest="same", session="s1")
    await desk.mail(digest="other", session="s2")
    second, other = [await desk.mail(digest=one, session="s3") for one in ("same", "other")]

    await desk.spool.answer_read(first)

    assert await desk.fax_state(second) == "pending"
    assert await desk.fax_state(other) == "twin"


async def test_the_same_mail_after_a_read_answer_is_a_new_fax(desk: Desk) -> None:
    """L9: in every load test orders = 250s."""
    first = await desk.mail(digest="same")
    await desk.spool.answer_read(first)

    second = await desk.mail(digest="same")

    assert await desk.fax_state(second) == "pending"


async def test_a_restart_counts_open_answers_as_unread(tmp_path: Path) -> None:
    """L9: the daemon died before the client read its 250; what it sends again is a copy."""
    spool = await Spool.open(tmp_path, Clock())
    await Desk(spool, Clock()).mail(digest="same")
    await spool.close()

    again = await Spool.open(tmp_path, Clock())
    desk = Desk(again, Clock())
    second = await desk.mail(digest="same", session="s2")
    state = await desk.fax_state(second)
    await again.close()

    assert state == "cancelled"


async def test_an_order_and_its_reply_are_one_commit(desk: Desk) -> None:
    """K4: the fax ID is on disk together with the reply that tells it."""
    mail_id, job = await desk.intent()

    await desk.spool.do(jobs.ordered, job.id, {NUMBER: "abc123"}, desk.clock.now(), 5.0)

    story = await desk.story(mail_id)
    assert story.faxes[0].fax_plus_id == "abc123"
    assert [reply.kind for reply in story.told] == ["accepted"]
    assert naming.token_of(story.faxes[0].id) == job.token


async def test_an_outcome_and_its_reply_are_one_commit(desk: Desk) -> None:
    """K4: the outcome is on disk together with the reply that tells it."""
    mail_id, job = await desk.intent()
    await desk.spool.do(jobs.ordered, job.id, {NUMBER: "abc"}, desk.clock.now(), 5.0)
    (fax,) = await desk.spool.do(tracking.due, FAR)

    outcome = Outcome(End.SUCCESS, "success", desk.clock.now(), pages=1)
    await desk.spool.do(tracking.ended, fax.id, FaxEvent.SUCCEEDED, outcome, desk.clock.now())

    story = await desk.story(mail_id)
    assert outcome == story.faxes[0].outcome
    assert [reply.kind for reply in story.told] == ["accepted", "outcome"]


async def test_a_settled_miss_orders_again_under_its_own_token(desk: Desk) -> None:
    """S3: the new job's token names the old one, and both stay searched."""
    _, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.answer_lost, job.id, "unknown", now, now, "cut")

    await desk.spool.do(jobs.missing, job.id, now)

    (second,) = await desk.spool.do(finding.due, desk.clock.now(), 5)
    assert (f"{job.token}-2", job.id) == (second.token, second.supersedes)
    searched = await desk.spool.do(finding.marked, [job.token, second.token], 0.0)
    assert {job.id, second.id} == {found.id for found in searched}


async def test_a_late_hit_cancels_the_successor_that_was_not_posted(desk: Desk) -> None:
    """S3: when the old order comes to light in time, it is adopted and not doubled."""
    mail_id, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.answer_lost, job.id, "unknown", now, now, "cut")
    await desk.spool.do(jobs.missing, job.id, now)

    await desk.spool.do(jobs.found, job.id, {NUMBER: "late"}, now, 5.0)

    story = await desk.story(mail_id)
    assert (story.faxes[0].state, story.faxes[0].fax_plus_id) == ("ordered", "late")
    assert await desk.spool.do(finding.due, desk.clock.now() + 60, 5) == []


async def test_an_order_in_doubt_cannot_simply_be_posted_again(desk: Desk) -> None:
    """S2: the table knows no way from in doubt to intent."""
    _, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.answer_lost, job.id, "unknown", now, now, "cut")

    with pytest.raises(IllegalEvent):
        await desk.spool.do(jobs.intended, job.id, now)


async def test_a_busy_line_gets_a_new_job_later(desk: Desk) -> None:
    """R4: the same fax, another token, not before its time."""
    mail_id, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.ordered, job.id, {NUMBER: "abc"}, now, 5.0)
    (fax,) = await desk.spool.do(tracking.due, FAR)

    await desk.spool.do(tracking.line_busy, fax.id, "failed_user_busy", now, now + 300)

    assert await desk.spool.do(finding.due, now + 299, 5) == []
    (again,) = await desk.spool.do(finding.due, now + 300, 5)
    assert f"{job.token}-2" == again.token
    assert await desk.fax_state(mail_id) == "pending"


async def test_a_job_that_ended_unsent_is_told(desk: Desk) -> None:
    """Promise 4: waiting ends, with an outcome that says not sent."""
    mail_id = await desk.prepared()
    (job,) = await desk.spool.do(finding.due, desk.clock.now(), 1)

    await desk.spool.do(
        jobs.ended, job.id, JobEvent.GAVE_UP, "given up", desk.clock.now(), "The time was over."
    )

    story = await desk.story(mail_id)
    assert story.faxes[0].outcome is not None
    assert story.faxes[0].outcome.end == End.NOT_SENT
    assert [reply.kind for reply in story.told] == ["outcome"]


async def test_a_waiting_fax_is_told_once(desk: Desk) -> None:
    """Promise 4: not sent yet is said after a while, and only once."""
    await desk.prepared()
    now = desk.clock.now()

    assert await desk.spool.do(jobs.tell_waiting, now + 1, now) == 1
    assert await desk.spool.do(jobs.tell_waiting, now + 1, now) == 0


async def test_a_refused_mail_fails_all_its_faxes_and_is_told_once(desk: Desk) -> None:
    """The second gate refuses a mail whole, in one reply."""
    mail_id = await desk.mail(numbers=(NUMBER, "+41225550124"))

    await desk.spool.do(preparation.refused, mail_id, "It is locked.", [], desk.clock.now())

    story = await desk.story(mail_id)
    assert [fax.state for fax in story.faxes] == ["failed", "failed"]
    assert [reply.kind for reply in story.told] == ["refused"]


async def test_a_claimed_mail_is_not_claimed_again_and_its_attempt_is_counted_first(
    desk: Desk,
) -> None:
    """A mail that takes the daemon down is counted before it can, and leases end at a restart."""
    await desk.mail()
    now = desk.clock.now()

    (mail,) = await desk.spool.do(preparation.claim, now, 5, 300.0)
    assert mail.attempts == 1
    assert await desk.spool.do(preparation.claim, now, 5, 300.0) == []
    await desk.spool.do(preparation.forget_leases)
    (again,) = await desk.spool.do(preparation.claim, now, 5, 300.0)
    assert again.attempts == 2


async def test_a_reply_walks_its_addresses_to_the_end(desk: Desk) -> None:
    """W1a: next address, later, taken: each step leaves its row."""
    mail_id = await desk.mail()
    now = desk.clock.now()
    await desk.spool.do(preparation.refused, mail_id, "No.", [], now)
    (reply,) = await desk.spool.do(replies.due, now, 5)

    await desk.spool.do(telling.next_address, REPLY, reply.id, 1, now, "550 no such user")
    await desk.spool.do(telling.postponed, REPLY, reply.id, 1, now + 60, "refused")
    assert now + 60 == await desk.spool.do(replies.next_due_at)
    await desk.spool.do(telling.handed_over, REPLY, reply.id, "admin@example.org", now + 61)

    (told,) = (await desk.story(mail_id)).told
    assert (told.state, told.told_to) == ("handed over", "admin@example.org")


async def test_the_story_of_a_reference_is_found(desk: Desk) -> None:
    """People name a mail by its reference, in any case, with or without the fax's number."""
    mail_id = await desk.prepared()
    reference = (await desk.story(mail_id)).reference

    found = await desk.spool.do(stories.of_reference, f"{reference.lower()}/1")

    assert found is not None
    assert mail_id == found.id
    assert await desk.spool.do(stories.of_reference, "M2F-NOPE0") is None


async def test_the_queue_lists_what_has_no_outcome(desk: Desk) -> None:
    """A fax with an outcome leaves the list unless everything is asked for."""
    await desk.prepared()
    refused = await desk.mail()
    await desk.spool.do(preparation.refused, refused, "No.", [], desk.clock.now())

    def listed(connection: Connection, *, everything: bool) -> int:
        return len(stories.queue(connection, 10, everything=everything))

    assert await desk.spool.do(lambda connection: listed(connection, everything=False)) == 1
    assert await desk.spool.do(lambda connection: listed(connection, everything=True)) == 2


async def test_the_probe_counts_only_normal_orders(desk: Desk) -> None:
    """S3: how our own tokens became visible after plain 2xx answers."""
    _, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.ordered, job.id, {NUMBER: "abc"}, now, 5.0)
    assert await desk.spool.do(finding.probes, now + 1, 5) == [False]
    assert await desk.spool.do(finding.unseen, [job.token, "m2f:other"]) == [job.id]

    await desk.spool.do(jobs.seen, [job.id], now)

    assert await desk.spool.do(finding.probes, now + 1, 5) == [True]


async def test_a_clock_that_went_back_makes_the_spool_suspicious(tmp_path: Path) -> None:
    """K10: a wall clock a day behind the last run's is noticed, a few seconds are not."""
    ahead = await Spool.open(tmp_path, Clock(wall=lambda: 1_900_000_000.0))
    await ahead.close()

    slightly = await Spool.open(tmp_path, Clock(wall=lambda: 1_899_999_990.0))
    await slightly.close()
    behind = await Spool.open(tmp_path, Clock(wall=lambda: 1_899_900_000.0))
    await behind.close()

    assert slightly.suspect == ""
    assert "clock" in behind.suspect


async def test_in_state_finds_jobs_and_their_documents(desk: Desk) -> None:
    """A job comes with what is needed to post it; an upload is shared by the mail's jobs."""
    mail_id, job = await desk.intent()
    await desk.spool.do(
        jobs.document_uploaded, mail_id, "1-a.pdf", "/storage/x.pdf", desk.clock.now()
    )

    (found,) = await desk.spool.do(finding.in_state, JobState.INTENT)

    assert job.id == found.id
    assert found.documents[0].upload_path == "/storage/x.pdf"
    assert found.documents[0].document == DOCUMENT


async def test_documents_in_one_file_are_uploaded_once(desk: Desk) -> None:
    """M10: what was made of a document is remembered; an upload is the whole file's."""
    made = Converted("image/tiff", 7, "sha of the file", "Joined.")
    first, second = (replace(DOCUMENT, part=part, file="1.tif", converted=made) for part in "12")
    mail_id, now = await desk.mail(), desk.clock.now()
    await desk.spool.do(preparation.prepared, mail_id, [first, second], [], "", {}, 1, now)
    await desk.spool.do(jobs.document_uploaded, mail_id, "1.tif", "/storage/x.tif", now)

    (job,) = await desk.spool.do(finding.due, now, 1)

    assert [at_rest.document for at_rest in job.documents] == [first, second]
    assert [at_rest.upload_path for at_rest in job.documents] == ["/storage/x.tif"] * 2
    assert [at_rest.document for at_rest in job.uploads] == [first]
    assert first.uploaded_as == ("1.tif", "image/tiff")
    assert (first.file_sha256, first.file_size) == ("sha of the file", 7)


def test_a_newer_ledger_refuses_to_start(tmp_path: Path) -> None:
    """K2: the message says which schema it has and what to install."""
    path = tmp_path / "ledger.sqlite3"
    bring_up_to_date(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerTooNew, match="9999"):
        bring_up_to_date(path)


def test_a_file_that_is_no_ledger_is_not_touched(tmp_path: Path) -> None:
    """K2: garbage where the ledger should be is told, not overwritten."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)

    with pytest.raises(SpoolBroken, match="not a ledger"):
        bring_up_to_date(path)


async def test_a_ledger_that_somebody_else_reads_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K2: told, not waited for without end."""
    monkeypatch.setattr(ledger, "_BUSY", 0.2)
    path = tmp_path / "ledger.sqlite3"
    bring_up_to_date(path)
    with contextlib.closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM mail").fetchall()
        with pytest.raises(SpoolBroken, match="the ledger failed"):
            await Spool.open(tmp_path, Clock())


def shape(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Columns and indexes of every table of a ledger."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        return {
            table: {row[1:4] + row[5:] for row in connection.execute(f"PRAGMA table_info({table})")}
            | {
                tuple(row)
                for row in connection.execute(
                    'SELECT list.name, list."unique", list.origin, info.seqno, info.name '
                    "FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info",
                    (table,),
                )
            }
            for table in tables
        }


@pytest.mark.parametrize("old", sorted(LEDGERS.glob("*.sql")), ids=lambda path: path.stem)
def test_every_older_ledger_becomes_a_new_one(tmp_path: Path, old: Path) -> None:
    """K2: an upgraded ledger has the columns and indexes of one that was made today."""
    upgraded, made = tmp_path / "upgraded.sqlite3", tmp_path / "made.sqlite3"
    with contextlib.closing(sqlite3.connect(upgraded)) as connection:
        connection.executescript(old.read_text(encoding="utf-8"))

    bring_up_to_date(upgraded)
    bring_up_to_date(made)

    assert shape(upgraded) == shape(made)


def test_a_ledger_that_is_behind_is_copied_and_upgraded(tmp_path: Path) -> None:
    """K2: the copy has the old schema, the ledger the new one; at most three copies stay."""
    migrations = tmp_path / "migrations"
    (migrations / "versions").mkdir(parents=True)
    shipped = Path(preparation.__file__).parent / "migrations"
    for file in [shipped / "env.py", *(shipped / "versions").glob("*.py")]:
        target = migrations / file.relative_to(shipped)
        target.write_text(file.read_text(encoding="utf-8"))
    (migrations / "versions" / "9999_more.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision = '9999'\ndown_revision = '{schema.SCHEMA}'\n"
        "def upgrade():\n    op.add_column('mail', sa.Column('more', sa.Text))\n"
    )
    path = tmp_path / "ledger.sqlite3"
    bring_up_to_date(path)

    bring_up_to_date(path, migrations, "9999")

    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(mail)")}
        assert connection.execute("SELECT * FROM alembic_version").fetchone() == ("9999",)
    assert "more" in columns
    assert [copy.name for copy in tmp_path.glob("*.before-*")] == [
        f"ledger.sqlite3.before-{schema.SCHEMA}"
    ]


async def test_what_is_in_hand_is_not_due_again(desk: Desk) -> None:
    """S2, R1: neither a job that is carried already, nor one whose mail is being uploaded."""
    mail_id = await desk.prepared()
    now = desk.clock.now()
    (job,) = await desk.spool.do(finding.due, now, 5)

    assert await desk.spool.do(finding.due, now, 5, [job.id], []) == []
    assert await desk.spool.do(finding.due, now, 5, [], [mail_id]) == []
    await desk.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, now)
    assert await desk.spool.do(finding.due, now, 5, [job.id], []) == []
    assert [job.id] == [one.id for one in await desk.spool.do(finding.due, now, 5, [], [mail_id])]
