"""Backup while it works, and restore: nothing twice, and the gap is told (K9, S4)."""

import asyncio
import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mail2fax import archive
from mail2fax.cli import main
from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.errors import SpoolBroken, SpoolLocked
from mail2fax.spool import forgetting, preparation, restoring, snapshot
from mail2fax.spool.commands import ask
from mail2fax.spool.restoring import CannotRestore
from mail2fax.spool.snapshot import NoSnapshot
from mail2fax.spool.spool import LEDGER, Spool
from tests.integration.test_audit import CONFIG
from tests.integration.test_daemon import House, send
from tests.integration.test_forgetting import until
from tests.integration.test_spool import Desk
from tests.unit.mails import TEXT, attached, mail, real_pdf

NOW = 1_900_000_000.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


async def back_up(state_dir: Path, target: Path) -> archive.Manifest:
    """What the verb does."""
    picture = await ask(state_dir, {"command": "backup"})
    manifest = archive.Manifest("test", picture["at"])

    def pack() -> None:
        with archive.writer(target) as writer:
            writer.add_all(Path(picture["path"]), manifest)

    await asyncio.to_thread(pack)
    await ask(state_dir, {"command": "backup done", "name": picture["name"]})
    return manifest


def put_back(state_dir: Path, source: Path, now: float, *, force: bool = False) -> None:
    """What the verb does."""
    restoring.put_back(state_dir, lambda to: archive.unpack(source, to).at, now, force=force)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of a ledger that nobody has open."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(query))


async def test_a_backup_is_consistent_while_mails_pour_in(house: House, tmp_path: Path) -> None:
    """K9: every mail of the ledger has its bytes, every document its; and nobody waited long."""
    message = mail(TEXT, attached(real_pdf(1)))
    async with Daemon(house.config(sending={"first_poll": "300ms", "paused": True})) as daemon:

        async def pour() -> int:
            for _ in range(25):
                await asyncio.to_thread(send, daemon, message)
            return 25

        pouring = [asyncio.create_task(pour()) for _ in range(3)]
        for number in range(3):
            await asyncio.sleep(0.3)
            await back_up(house.state_dir, tmp_path / f"{number}.tar")
        await asyncio.gather(*pouring)

    counts = []
    for number in range(3):
        out = tmp_path / f"out{number}"
        archive.unpack(tmp_path / f"{number}.tar", out)
        assert rows(out / LEDGER, "PRAGMA integrity_check") == [("ok",)]
        mails = rows(out / LEDGER, "SELECT id, size FROM mail")
        counts.append(len(mails))
        for mail_id, size in mails:
            assert (out / "mails" / f"{mail_id}.eml").stat().st_size == size
        for mail_id, name, digest in rows(
            out / LEDGER, "SELECT mail_id, file, sha256 FROM document"
        ):
            data = (out / "documents" / str(mail_id) / str(name)).read_bytes()
            assert hashlib.sha256(data).hexdigest() == digest
    assert 0 < counts[0] <= counts[1] <= counts[2]
    assert list((house.state_dir / "backup").iterdir()) == []


async def test_what_comes_and_goes_during_a_backup_leaves_no_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K9: a mail that comes between the two copies has no row in it; one that goes has its file."""
    spool = await Spool.open(tmp_path, Clock())
    desk = Desk(spool, Clock())
    going = await desk.mail()
    await spool.do(preparation.refused, going, "no", [], 1.0)
    await spool.do(forgetting.begin, going, 1.0)
    loop, link = asyncio.get_running_loop(), snapshot._link_all
    purges: list[asyncio.Future[int]] = []

    def busy(source: Path, target: Path) -> None:
        purge = forgetting.destroy(spool, [going])
        loop.call_soon_threadsafe(lambda: purges.append(asyncio.ensure_future(purge)))
        time.sleep(0.3)
        link(source, target)
        asyncio.run_coroutine_threadsafe(desk.mail(), loop).result()

    monkeypatch.setattr(snapshot, "_link_all", busy)
    picture = await snapshot.take(spool)
    await asyncio.gather(*purges)

    path = tmp_path / "backup" / picture.name
    wanted = {f"{row[0]}.eml" for row in rows(path / LEDGER, "SELECT id FROM mail")}
    assert wanted == {f"{going}.eml"}
    assert {one.name for one in (path / "mails").iterdir()} == wanted
    assert not spool.content.mail(going).exists()
    await spool.close()


@pytest.mark.parametrize("wait", [0.0, 3.0], ids=["hardly accepted", "prepared"])
async def test_after_a_restore_nothing_is_faxed_twice_and_the_gap_is_told(
    house: House, tmp_path: Path, wait: float
) -> None:
    """K9, S4: what was open then and was sent since is adopted; what came since is taken in."""
    message = mail(TEXT, attached(real_pdf(1)))
    to = [f"022555012{n}@fax.example.com" for n in range(3)]
    paused = {"first_poll": "300ms", "paused": True}
    async with Daemon(house.config(sending=paused)) as daemon:
        await asyncio.to_thread(send, daemon, message, to[0], to[1])
        await asyncio.sleep(wait)
        await back_up(house.state_dir, tmp_path / "then.tar")
    async with Daemon(house.config()) as daemon:
        await asyncio.to_thread(send, daemon, message, to[2])
        await house.mailbox.wait_for(5)
    faxed = sorted(item.to for item in house.simulator.provider.items)
    assert len(faxed) == 3

    put_back(house.state_dir, tmp_path / "then.tar", Clock().now(), force=True)
    told = len(house.letters())
    async with Daemon(house.config(admin="admin@example.org")):
        await house.mailbox.wait_for(told + 6)  # with an alert, and its end
        await asyncio.sleep(1.5)

    assert sorted(item.to for item in house.simulator.provider.items) == faxed
    letters = house.letters()[told:]
    alerts = [one for one in letters if "are not in it" in one.as_string()]
    assert {str(one["To"]) for one in alerts} == {"admin@example.org"}
    outcomes = [one for one in letters if "CONFIRMED" in str(one["From"])]
    by_person = {str(one["To"]): str(one["From"]) for one in outcomes}
    assert set(by_person) == {"ann@example.org", "admin@example.org"}
    assert "+41225550122" in by_person["admin@example.org"].replace(" ", "")
    states = rows(house.state_dir / LEDGER, "SELECT number, state FROM fax ORDER BY number")
    assert states == [(f"+4122555012{n}", "success") for n in range(3)]


async def test_what_was_not_sent_before_the_restore_is_sent_after_it(
    house: House, tmp_path: Path
) -> None:
    """K9, S4: looked for first, in complete listings over the settling time; then ordered once.

    Without three orders that became visible nobody can know (S3), so here are some.
    """
    message = mail(TEXT, attached(real_pdf(1)))
    sending = {"first_poll": "200ms", "settle": "600ms", "listings": 2}
    async with Daemon(house.config(sending=sending)) as daemon:
        for _ in range(3):
            await asyncio.to_thread(send, daemon, message, "0225550129@fax.example.com")
        await house.mailbox.wait_for(6)
    async with Daemon(house.config(sending={**sending, "paused": True})) as daemon:
        await asyncio.to_thread(send, daemon, message)
        await asyncio.sleep(1.0)
        await back_up(house.state_dir, tmp_path / "then.tar")

    put_back(house.state_dir, tmp_path / "then.tar", Clock().now(), force=True)
    async with Daemon(house.config(sending=sending)):
        await until(lambda: len(house.simulator.provider.items) >= 4)
        await asyncio.sleep(1.0)

    (item,) = [one for one in house.simulator.provider.items if one.to == "+41225550123"]
    assert item.tags[0].endswith("-2")


# The verbs


async def a_past(state_dir: Path) -> None:
    """A state directory with a mail."""
    spool = await Spool.open(state_dir, Clock(wall=lambda: NOW))
    await Desk(spool, Clock(wall=lambda: NOW)).mail()
    await spool.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration over a state directory with a mail."""
    asyncio.run(a_past(tmp_path / "state"))
    path = tmp_path / "mail2fax.yaml"
    path.write_text(CONFIG.replace("STATE", str(tmp_path / "state")), "utf-8")
    return path


@pytest.mark.parametrize("name", ["then", "then.tar"])
def test_backup_verify_restore(
    config: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """K9: the whole way by the verbs, without a daemon; what is there needs --force."""
    target, state = tmp_path / name, tmp_path / "state"
    at = ["--config", str(config)]
    before = rows(state / LEDGER, "SELECT id FROM mail")

    assert main(["backup", str(target), *at]) == 0
    assert main(["backup", str(target), *at]) == 1
    assert main(["backup", "--verify", str(target), *at]) == 0
    assert capsys.readouterr().out.count("1 mails") == 2
    assert main(["restore", str(target), *at]) == 1
    assert "--force" in capsys.readouterr().err
    assert main(["restore", str(target), "--force", *at]) == 0

    told = capsys.readouterr().out
    assert "are not in it" in told
    (aside,) = state.glob("replaced-*")
    assert rows(aside / LEDGER, "SELECT id FROM mail") == before
    assert rows(state / LEDGER, "SELECT id FROM mail") == before
    assert len(list((state / "mails").iterdir())) == 1
    commands = rows(state / LEDGER, "SELECT what, result FROM command")
    assert commands == [("restored", "done")]


def test_restore_says_what_it_needs(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """K9: nothing, both, or an altered backup: nothing is changed."""
    at = ["--config", str(config)]
    assert main(["backup", str(tmp_path / "then"), *at]) == 0
    (one,) = (tmp_path / "then" / "mails").iterdir()
    one.write_bytes(b"another")
    capsys.readouterr()

    for wrong in ([], [str(tmp_path / "then"), "--in-place"]):
        assert main(["restore", *wrong, *at]) == 1
        assert "either a backup, or --in-place" in capsys.readouterr().err
    assert main(["backup", "--verify", str(tmp_path / "then"), *at]) == 1
    assert main(["restore", str(tmp_path / "then"), "--force", *at]) == 1
    assert capsys.readouterr().err.count("not what it was") == 2
    assert not (tmp_path / "state" / "restoring").exists()
    assert not list((tmp_path / "state").glob("replaced-*"))
    assert main(["queue", "list", *at]) == 0


async def test_a_directory_put_back_by_hand_is_marked(tmp_path: Path) -> None:
    """K9: `restore --in-place` says that nothing else runs on it: suspect, and no copy."""
    await a_past(tmp_path)

    restored = restoring.in_place(tmp_path, NOW + 500)
    spool = await Spool.open(tmp_path, Clock(wall=lambda: NOW + 600))
    found = spool.suspect, spool.is_copy, spool.restored
    await spool.close_gap()
    await spool.close()
    again = await Spool.open(tmp_path, Clock(wall=lambda: NOW + 700))
    left = again.restored
    await again.close()

    assert restored.since == pytest.approx(NOW, abs=5)
    assert "put back as it was at 2030-03-17" in found[0]
    assert found[1:] == (False, (restored.since, NOW + 500))
    assert left is None
    with pytest.raises(CannotRestore, match="no ledger"):
        restoring.in_place(tmp_path / "nowhere", NOW)


async def test_nothing_is_restored_under_a_running_daemon(tmp_path: Path) -> None:
    """K9: its lock stands in the way, whatever is forced."""
    spool = await Spool.open(tmp_path, Clock())

    def never(_target: Path) -> float:
        raise AssertionError

    with pytest.raises(SpoolLocked):
        restoring.put_back(tmp_path, never, 1.0, force=True)
    with pytest.raises(SpoolLocked):
        restoring.in_place(tmp_path, 1.0)
    await spool.close()


def cut_short(monkeypatch: pytest.MonkeyPatch, step: str, state_dir: Path, source: Path) -> int:
    """A restore in a process that ends hard at one of its steps; how that process ended."""

    def cut(*_args: object) -> None:
        os._exit(9)

    if (child := os.fork()) == 0:
        monkeypatch.setattr(restoring, step, cut)
        put_back(state_dir, source, NOW, force=True)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("step", ["_mark", "_put_aside", "_move_in"])
async def test_a_restore_that_broke_off_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """K9: a power cut: the daemon refuses what is half there; the verb, once more, ends it."""
    state, target = tmp_path / "state", tmp_path / "then.tar"
    await a_past(state)
    await back_up(state, target)

    assert cut_short(monkeypatch, step, state, target) == 9

    with pytest.raises(SpoolBroken, match="run it again"):
        await Spool.open(state, Clock())
    put_back(state, target, NOW, force=True)
    spool = await Spool.open(state, Clock(wall=lambda: NOW))
    assert "put back" in spool.suspect
    assert len(list(spool.content.mails.iterdir())) == 1
    await spool.close()


async def test_a_damaged_ledger_is_not_put_back(tmp_path: Path) -> None:
    """K9: also where the manifest fits it: it was backed up so."""
    state = tmp_path / "state"
    await a_past(state)

    def fill(target: Path) -> float:
        (target / LEDGER).write_bytes(b"not a ledger" * 400)
        return 1.0

    with pytest.raises(CannotRestore, match="damaged"):
        restoring.put_back(state, fill, 2.0, force=True)
    spool = await Spool.open(state, Clock(wall=lambda: NOW + 9))
    assert spool.suspect == ""
    await spool.close()


async def test_a_picture_that_was_left_behind_goes(tmp_path: Path) -> None:
    """K7, K9: it holds content; whoever asked for it has died."""
    spool = await Spool.open(tmp_path, Clock())
    await Desk(spool, Clock()).mail()
    picture = await snapshot.take(spool)
    (path,) = (tmp_path / "backup").iterdir()
    taken_at = path.lstat().st_mtime

    snapshot.forget(tmp_path, taken_at)
    assert len(list((path / "mails").iterdir())) == 1
    snapshot.forget(tmp_path, taken_at + 1)
    assert list((tmp_path / "backup").iterdir()) == []
    for name in ("", "..", picture.name):
        with pytest.raises(NoSnapshot):
            snapshot.let_go(tmp_path, name)
    await spool.close()


async def test_a_picture_is_on_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K9: the copy of the ledger is written without waiting for the disk, which is made up for."""
    spool = await Spool.open(tmp_path, Clock())
    synced = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    picture = await snapshot.take(spool)

    assert Path(picture.path, "ledger.sqlite3") in synced
    await spool.close()


async def test_a_backup_that_cannot_be_made_is_told_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K9, K6: neither a full disk nor a failing copy ends the daemon."""
    spool = await Spool.open(tmp_path, Clock())
    desk = Desk(spool, Clock())
    await desk.mail()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        with pytest.raises(NoSnapshot, match="No space left"):
            await snapshot.take(spool)
    with pytest.raises(NoSnapshot, match="cannot be copied"):
        await spool.do_outside(snapshot.copy_ledger, tmp_path / "mails")
    assert list((tmp_path / "backup").iterdir()) == []
    await desk.mail()
    await spool.close()
