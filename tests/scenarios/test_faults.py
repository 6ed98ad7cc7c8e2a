"""K6, L10: the real daemon on a disk that fails, and without descriptors; then all goes on."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from tests.crash import tally
from tests.crash.disks import Disk, NoDisk, SmallDisk
from tests.crash.processes import Nursery, Program
from tests.crash.yard import Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")

_ENDS_WITHIN = 60.0
_IN_HAND = 12
_THREE_STRIKES = 3.0
D = TypeVar("D", SmallDisk, Disk)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def nursery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nursery]:
    """Where daemons begin quickly."""
    async with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system with little room."""
    yield from _mounted(SmallDisk(tmp_path))


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system that the kernel makes read-only when it finds an error in it."""
    yield from _mounted(Disk("ext4", tmp_path, "errors=remount-ro"))


def _mounted(disk: D) -> Iterator[D]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(disk)
        except NoDisk as why:
            pytest.skip(str(why))
        yield disk


def open_descriptors(pid: int) -> int:
    """How many a process has."""
    return len([*Path(f"/proc/{pid}/fd").iterdir()])


async def all_is_well(yard: Yard) -> None:
    """Every mail whose 250 was read ended once, and its sender knows."""
    counts = await yard.finish()
    assert counts["accepted"] > 3
    assert counts["once"] + counts["held"] == counts["accepted"] == counts["told"]
    assert [name for name in tally.BROKEN if counts[name]] == []


@pytest.mark.parametrize("want", ["room", "inodes"])
async def test_a_disk_that_is_full_under_load(
    tmp_path: Path, small_disk: SmallDisk, nursery: Nursery, want: str
) -> None:
    """K6, L10: new mails get 452, work in hand ends on the reserve; the daemon lives on.

    The reserve is room, not names: without inodes, work in hand waits and counts no strike.
    """
    async with Yard(tmp_path, nursery, state=small_disk.where / "state") as yard:
        await yard.start()
        daemon = yard.daemon
        await asyncio.gather(*(yard.deliver(yard.next_mail()) for _ in range(_IN_HAND)))
        await asyncio.to_thread(small_disk.fill if want == "room" else small_disk.crowd)
        async with yard.load():
            if want == "room":
                assert await yard.drained()  # while it is full
            await asyncio.sleep(_THREE_STRIKES)
            assert yard.answers["452"] > 0
            await asyncio.to_thread(small_disk.make_room)
            await asyncio.sleep(1)
        assert yard.daemon is daemon
        await all_is_well(yard)


async def test_a_disk_that_becomes_read_only_under_load(tmp_path: Path, failing_disk: Disk) -> None:
    """K6, S6: the daemon ends with an exit code that is not 0; what it had acknowledged goes on.

    The last it does is to tell the admin.
    """
    async with Yard(tmp_path, Program(), state=failing_disk.where / "state") as yard:
        await yard.start()
        async with yard.load():
            await asyncio.sleep(1)
            await asyncio.to_thread(failing_disk.fail)
            async with asyncio.timeout(_ENDS_WITHIN):
                assert await yard.ended() == 1
            assert yard.relay.alerts.count("The disk failed.") == 1
            await asyncio.to_thread(failing_disk.come_back)
            await yard.start()
            await asyncio.sleep(1)
        await all_is_well(yard)


async def test_without_descriptors_under_load(tmp_path: Path, nursery: Nursery) -> None:
    """L10: nobody new is heard, nothing is lost or believed damaged; the daemon lives on.

    Replies that found no descriptor go out a minute later, which nobody waits for here.
    """
    async with Yard(tmp_path, nursery) as yard:
        await yard.start()
        daemon = yard.daemon
        assert daemon is not None
        async with yard.load():
            await asyncio.sleep(1)
            soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
            used = open_descriptors(daemon.pid)
            for spare in (0, 1, 2):
                resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used + spare, hard))
                await asyncio.sleep(0.7)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
            await asyncio.sleep(1)
        assert await yard.drained(told=False)
        assert yard.daemon is daemon
        await yard.stop()
        counts = yard.verdict()
        assert counts["once"] == counts["accepted"] > 3
