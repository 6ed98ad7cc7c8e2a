"""K6: a disk that is really full: 452, nothing half kept, and on it goes when there is room."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.smtp_bench import GOOD, Desk

_SIZE = 24_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MB."""
    where = tmp_path / "disk"
    where.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


def fill(directory: Path) -> Path:
    """Take all the room there is."""
    path = directory / "filling"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            return path


async def test_a_full_disk_is_said_and_outlived(small_disk: Path) -> None:
    """K6, L10: 452 at MAIL; the mails before it stay; after room is made all goes on."""
    async with Desk(small_disk / "state") as desk:
        await desk.still_works()
        filling = await asyncio.to_thread(fill, small_disk)
        talk = await desk.call()
        refused = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>")
        filling.unlink()

        assert refused.startswith("452 4.3.1 No room")
        assert (await talk.send()).startswith("250 ")
        assert len(await desk.mails()) == 2


async def test_a_disk_that_fills_up_during_the_data(small_disk: Path) -> None:
    """K6: read to the dot, 452, the file removed; the same session goes on afterwards."""
    async with Desk(small_disk / "state", size=50_000_000) as desk:
        talk = await desk.call()
        await talk.begin()
        talk.writer.write(GOOD[:1000])
        filling = await asyncio.to_thread(fill, small_disk)
        refused = await talk.data(b"\r\n" + GOOD * 30_000)
        filling.unlink()

        assert refused.startswith("452 4.3.1 No room")
        assert (await desk.mails(), desk.files()) == ([], [])
        assert (await talk.send()).startswith("250 ")


async def test_a_ledger_without_room_refuses_and_recovers(small_disk: Path) -> None:
    """K6: the reserve is for work in hand; a commit that finds no room is a 452."""
    async with Desk(small_disk / "state") as desk:
        talk = await desk.call()
        await talk.begin()
        desk.spool.content.use_reserve()
        filling = await asyncio.to_thread(fill, small_disk)
        answers = [await talk.data()]
        filling.unlink()
        answers.append(await talk.send())

        assert answers[0][:3] in ("250", "452")
        assert answers[1].startswith("250 ")
        assert len(await desk.mails()) == sum(answer.startswith("250") for answer in answers)
