"""L12: mails are prepared by the children of a unit of its own, reached over its socket.

The stand-in for systemd does what ``Accept=yes`` does: a process for each connection, whose
standard input and output it is.
"""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from PIL import Image

from mail2fax.daemon import Daemon
from mail2fax.demo import sample
from mail2fax.preparing import preparer
from mail2fax.preparing.child import ChildLimits
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.preparing.obtaining import NoChild, from_unit
from tests.integration.test_children import pages, stored
from tests.integration.test_daemon import House, send
from tests.unit.mails import attached, mail

READER = (sys.executable, "-I", "-m", "mail2fax.preparing.child")
LIAR = (sys.executable, "-c", """
import json, sys
sys.stdin.readline()
print(json.dumps({"isolated": True}), flush=True)
sys.stdin.readline()
document = {"part": "1", "filename": "a.pdf", "content_type": "application/pdf", "size": 1,
            "sha256": "0", "pages": 1, "file": "../../ledger.sqlite3"}
prepared = {"reading": {"documents": [document]}, "header_sha256": "", "body_sha256": ""}
print(json.dumps({"prepared": prepared}), flush=True)
""")  # fmt: skip


class Unit:
    """A socket that starts a process for each connection."""

    def __init__(self, path: Path, command: tuple[str, ...] = READER) -> None:
        self.path = path
        self.command = command
        self.processes: list[subprocess.Popen[bytes]] = []

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._socket.setblocking(False)
        self._task = asyncio.ensure_future(self._accept())
        return self

    async def _accept(self) -> None:
        while True:
            line, _ = await asyncio.get_running_loop().sock_accept(self._socket)
            with line:
                self._start(line)

    def _start(self, line: socket.socket) -> None:
        line.setblocking(True)
        self.processes.append(
            subprocess.Popen(self.command, stdin=line.fileno(), stdout=line.fileno(), env={})
        )

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        self._socket.close()
        for process in self.processes:
            process.kill()
            process.wait()

    async def ended(self, number: int) -> int:
        """How a process ended."""
        return await asyncio.to_thread(self.processes[number].wait, 20)


@pytest.fixture
async def unit(tmp_path: Path) -> AsyncIterator[Unit]:
    """The reader's unit."""
    async with Unit(tmp_path / "reader.sock") as one:
        yield one


def readers(unit: Unit, deadline: float = 20, child: ChildLimits | None = None) -> Children:
    """A pool of one child of the unit."""
    return Children(child=child, count=1, deadline=deadline, obtain=from_unit(unit.path))


def slow_mail(tmp_path: Path) -> Path:
    """A mail whose picture takes a moment to convert."""
    picture = io.BytesIO()
    Image.effect_noise((3000, 3000), 90).save(picture, "BMP")
    return stored(tmp_path, mail(attached(picture.getvalue(), "slow.bmp")))


async def opening(children: Children) -> None:
    """Wait until its child is in a document."""
    async with asyncio.timeout(20):
        while not any(one._opening for one in children._all):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.005)


async def test_a_mail_is_faxed_by_way_of_the_unit(unit: Unit, tmp_path: Path) -> None:
    """Promise 1: the whole daemon; it starts no child of its own."""
    async with (
        House.simulated(tmp_path / "state") as house,
        Daemon(house.config(preparing={"socket": str(unit.path)})) as daemon,
    ):
        await asyncio.to_thread(send, daemon, sample())
        await house.mailbox.wait_for(3)

    assert len(house.simulator.provider.items) == 2
    assert 1 <= len(unit.processes) <= 2


async def test_one_child_serves_mail_after_mail_and_ends_with_its_line(
    unit: Unit, tmp_path: Path
) -> None:
    """M9: the end of its input is the end of its work."""
    children = readers(unit)
    assert await pages(children, tmp_path) == 2
    assert await pages(children, tmp_path) == 2
    assert len(unit.processes) == 1

    await children.close()
    assert await unit.ended(0) == 0


async def test_a_child_that_is_killed_fails_its_mail_and_is_replaced(
    unit: Unit, tmp_path: Path
) -> None:
    """M2: in the middle of a mail, with the document named that it was opening."""
    children = readers(unit)
    task = asyncio.create_task(children.prepare(slow_mail(tmp_path), tmp_path / "out"))
    await opening(children)
    unit.processes[0].kill()
    with pytest.raises(ChildFailed, match="it ended") as failed:
        await task

    assert "slow.bmp" in failed.value.opening
    assert await pages(children, tmp_path) == 2
    assert len(unit.processes) == 2
    await children.close()


async def test_a_child_that_takes_too_long_is_ended_by_closing_its_line(
    unit: Unit, tmp_path: Path
) -> None:
    """L12: it cannot be killed from here; the kernel ends it, wherever it is."""
    children = readers(unit, deadline=1)
    task = asyncio.create_task(children.prepare(slow_mail(tmp_path), tmp_path / "out"))
    await opening(children)
    unit.processes[0].send_signal(signal.SIGSTOP)
    with pytest.raises(ChildFailed, match="too long"):
        await task
    unit.processes[0].send_signal(signal.SIGCONT)

    assert await unit.ended(0) == -signal.SIGIO
    children._deadline = 20
    assert await pages(children, tmp_path) == 2
    await children.close()


async def test_a_child_that_hangs_in_a_document_is_ended_by_its_own_limit(
    unit: Unit, tmp_path: Path
) -> None:
    """M9: the same limits hold, given over the line."""
    children = readers(unit, child=ChildLimits(document=0.01))
    with pytest.raises(ChildFailed, match="it ended") as failed:
        await children.prepare(slow_mail(tmp_path), tmp_path / "out")

    assert "slow.bmp" in failed.value.opening
    assert await unit.ended(0) == -signal.SIGPROF
    await children.close()


async def test_a_child_that_ended_at_rest_is_not_used(unit: Unit, tmp_path: Path) -> None:
    """RuntimeMaxSec= ends one at any time; no mail pays for it."""
    children = readers(unit)
    await pages(children, tmp_path)
    unit.processes[0].send_signal(signal.SIGTERM)
    await unit.ended(0)
    await asyncio.sleep(0.1)

    assert await pages(children, tmp_path) == 2
    await children.close()


async def test_a_child_that_names_a_foreign_file_is_not_believed(tmp_path: Path) -> None:
    """L12: one that was taken over may not have the ledger faxed."""
    async with Unit(tmp_path / "reader.sock", LIAR) as liar:
        children = readers(liar)
        with pytest.raises(ChildFailed, match="not its own"):
            await pages(children, tmp_path)
        assert not children._all


@pytest.mark.parametrize("there", [False, True])
async def test_without_a_reader_mails_wait(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """M2: a unit that is not started, or whose children cannot start, costs no mail its strikes."""
    monkeypatch.setattr(preparer, "_NO_CHILD_REST", 0.05)
    path = tmp_path / "reader.sock"
    async with (
        House.simulated(tmp_path / "state") as house,
        Daemon(house.config(preparing={"socket": str(path)})) as daemon,
    ):
        async with Unit(path if there else tmp_path / "other.sock", ("/bin/false",)):
            await asyncio.to_thread(send, daemon, sample())
            await asyncio.sleep(1)
        assert caplog.text.count("no-child") > 3
        assert house.mailbox.kept == []
        path.unlink(missing_ok=True)
        async with Unit(path):
            await house.mailbox.wait_for(3)
    assert len(house.simulator.provider.items) == 2


async def test_what_cannot_be_connected_to_is_said_with_what_to_do(tmp_path: Path) -> None:
    """The sentence names the unit."""
    with pytest.raises(NoChild, match=r"Is mail2fax-reader.socket started\?"):
        await pages(Children(obtain=from_unit(tmp_path / "no.sock")), tmp_path)


async def test_a_child_makes_no_core_and_hides_its_memory(unit: Unit, tmp_path: Path) -> None:
    """L12: what a document leaves in memory is on no disk."""
    children = readers(unit)
    await pages(children, tmp_path)
    process = Path(f"/proc/{unit.processes[0].pid}")

    limits = (process / "limits").read_text().splitlines()
    assert next(one.split()[4:6] for one in limits if "core file" in one) == ["0", "0"]
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            (process / "mem").open("rb")
    assert (process / "environ").stat().st_uid == 0
    await children.close()
