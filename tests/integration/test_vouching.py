"""A ledger that cannot vouch for what was posted is noticed (K10, S4)."""

import json
import shutil
from pathlib import Path

import pytest

from mail2fax.clock import Clock
from mail2fax.errors import SpoolError
from mail2fax.spool import durable, vouching
from mail2fax.spool.spool import Spool
from tests.integration.test_spool import Desk

NOW = 1_900_000_000.0


async def start(state_dir: Path, now: float = NOW, *, vouch: bool = True) -> Spool:
    """Open and close a spool as a daemon's short life does."""
    spool = await Spool.open(state_dir, Clock(wall=lambda: now))
    if vouch:
        await spool.vouch()
    await spool.close()
    return spool


async def test_the_same_directory_is_not_suspect(tmp_path: Path) -> None:
    """K10: a first start, a second one, and one after a crash without a last sign."""
    state = tmp_path / "state"
    first = await start(state)
    later = await start(state, NOW + 10)
    sign = (state / "last_seen.json").read_bytes()
    assert json.loads(sign)["last_seen"] == pytest.approx(NOW + 10, abs=5)
    await start(state, NOW + 20)
    (state / "last_seen.json").write_bytes(sign)  # the crash came before it was written
    last = await start(state, NOW + 30)

    assert [one.suspect for one in (first, later, last)] == ["", "", ""]


async def test_a_directory_that_was_moved_is_not_suspect(tmp_path: Path) -> None:
    """K10: another name is not another directory."""
    await start(tmp_path / "state")
    (tmp_path / "state").rename(tmp_path / "elsewhere")

    assert (await start(tmp_path / "elsewhere")).suspect == ""


async def test_a_copy_of_the_directory_is_suspect(tmp_path: Path) -> None:
    """K10: the other one may go on sending; so it stays until sending has looked it up."""
    await start(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")

    looked_at = await start(tmp_path / "copy", NOW + 1, vouch=False)  # such as `queue list`
    copy = await start(tmp_path / "copy", NOW + 2)
    after = await start(tmp_path / "copy", NOW + 3)
    original = await start(tmp_path / "state", NOW + 4)

    assert "is a copy" in looked_at.suspect
    assert "is a copy" in copy.suspect
    assert copy.is_copy
    assert after.suspect == original.suspect == ""
    assert after.doubtful_before == pytest.approx(NOW + 1, abs=0.9)
    assert original.doubtful_before == 0.0


async def test_an_older_copy_of_the_ledger_put_back_is_suspect(tmp_path: Path) -> None:
    """K10: written over the old file, which is still the same; the sign of life knows more."""
    state = tmp_path / "state"
    await start(state)
    old = (state / "ledger.sqlite3").read_bytes()
    await start(state, NOW + 3600)
    (state / "ledger.sqlite3").write_bytes(old)

    assert "older than its last run" in (await start(state, NOW + 7200)).suspect


async def test_a_ledger_without_the_last_audit_lines_is_suspect(tmp_path: Path) -> None:
    """K10, K7: somebody cut the end of the chain off, or went back to before it."""
    state = tmp_path / "state"
    spool = await Spool.open(state, Clock(wall=lambda: NOW))
    await Desk(spool, Clock(wall=lambda: NOW)).mail()
    await spool.close()
    path = state / "last_seen.json"
    sign = json.loads(path.read_text("ascii"))
    path.write_text(json.dumps({**sign, "audit": "3:" + "a" * 64}), "ascii")

    assert "older than its last run" in (await start(state, NOW + 60)).suspect


@pytest.mark.parametrize("garbage", [None, "", "{}", '{"last_seen": 1, "audit": "x"}', "[1]"])
async def test_a_directory_without_its_sign_of_life_is_suspect(
    tmp_path: Path, garbage: str | None
) -> None:
    """K10: files that were picked together."""
    state = tmp_path / "state"
    await start(state)
    if garbage is None:
        (state / "last_seen.json").unlink()
    else:
        (state / "last_seen.json").write_text(garbage, "ascii")

    assert "last_seen.json" in (await start(state, NOW + 60)).suspect


async def test_another_machine_is_suspect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K10: the same disk in another machine; nobody else has it, so it is settled as usual."""
    await start(tmp_path)
    monkeypatch.setattr(vouching, "machine_id", lambda: "another")

    moved = await start(tmp_path, NOW + 60)

    assert "another machine" in moved.suspect
    assert not moved.is_copy


async def test_a_sign_that_cannot_be_written_stops_nothing_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K6: a full disk while the daemon ends; the old sign stands, and that is no suspicion."""
    await start(tmp_path)
    spool = await Spool.open(tmp_path, Clock(wall=lambda: NOW + 60))

    def full(_descriptor: int) -> None:
        raise durable.spool_error(OSError(28, "full"), "fsync of a file")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "sync_file", full)
        with pytest.raises(SpoolError):
            await spool.note_alive()
        await spool.close()

    assert (await start(tmp_path, NOW + 120)).suspect == ""
