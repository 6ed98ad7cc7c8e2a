"""M2, M9: documents are opened in a child with limits; what ends it ends nothing else."""

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from mail2fax.errors import SpoolFull
from mail2fax.preparing import children as pool
from mail2fax.preparing.child import ChildLimits
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.preparing.obtaining import OwnProcess
from tests.crash.disks import NoDisk, SmallDisk
from tests.unit.mails import attached, mail, real_pdf

GOOD = mail(attached(real_pdf(2)))


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    """A pool of one child."""
    one = Children(count=1, deadline=20)
    yield one
    await one.close()


def stored(tmp_path: Path, data: bytes = GOOD) -> Path:
    """A mail on disk."""
    path = tmp_path / "mail.eml"
    path.write_bytes(data)
    return path


async def pages(children: Children, tmp_path: Path) -> int | None:
    """The pages of the good mail, as the child counts them."""
    prepared = await children.prepare(stored(tmp_path), tmp_path / "out")
    return prepared.reading.documents[0].pages


async def test_a_child_prepares_mail_after_mail(children: Children, tmp_path: Path) -> None:
    """M9: the same child serves, and its answer is the whole reading."""
    first = await children.prepare(stored(tmp_path), tmp_path / "out")
    again = await children.prepare(stored(tmp_path), tmp_path / "out")

    assert first == again
    assert first.reading.documents[0].pages == 2
    assert (tmp_path / "out" / first.reading.documents[0].file).read_bytes() == real_pdf(2)


async def test_a_refusal_comes_back_as_one(children: Children, tmp_path: Path) -> None:
    """M8: the sentence crosses the pipe."""
    bad = stored(tmp_path, mail(attached(b"\0", "a.bin")))
    prepared = await children.prepare(bad, tmp_path / "out")

    assert prepared.reading.verdict.by == "mail"
    assert prepared.reading.verdict.refusal is not None


async def test_a_mail_that_cannot_be_read_fails_and_the_child_lives(
    children: Children, tmp_path: Path
) -> None:
    """M2: the kind of the trouble is told, without content."""
    with pytest.raises(ChildFailed, match="FileNotFoundError"):
        await children.prepare(tmp_path / "missing.eml", tmp_path / "out")

    assert await pages(children, tmp_path) == 2


async def test_a_full_disk_is_no_fault_of_the_mail(children: Children, tmp_path: Path) -> None:
    """K6, M2: what finds no room counts against no mail; with room all is well."""
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(SmallDisk(tmp_path))
        except NoDisk as why:
            pytest.skip(str(why))
        path = stored(tmp_path)
        disk.crowd()
        with pytest.raises(SpoolFull):
            await children.prepare(path, disk.where / "out")
        disk.make_room()

        prepared = await children.prepare(path, disk.where / "out")
        assert prepared.reading.documents[0].pages == 2


async def test_a_child_that_dies_is_replaced(children: Children, tmp_path: Path) -> None:
    """M2: killed from outside while it has no mail: the next mail is not blamed for it."""
    await pages(children, tmp_path)
    (child,) = children._idle
    assert isinstance(child.line, OwnProcess)
    child.line.process.kill()
    await child.line.reader.read()

    assert await pages(children, tmp_path) == 2
    assert child not in children._all


async def test_a_mail_that_takes_too_long_ends_its_child(tmp_path: Path) -> None:
    """M2: a child that says nothing for too long is ended; the next mail has a new one."""
    children = Children(count=1, deadline=0.01)
    with pytest.raises(ChildFailed, match="too long"):
        await pages(children, tmp_path)
    children._deadline = 20

    assert await pages(children, tmp_path) == 2
    await children.close()


async def test_a_document_that_takes_too_long_ends_its_child_and_is_named(tmp_path: Path) -> None:
    """M9: the kernel keeps the time of each document, and the sentence can say which it was."""
    slow = io.BytesIO()
    Image.effect_noise((3000, 3000), 90).save(slow, "BMP")
    bad = stored(tmp_path, mail(attached(slow.getvalue(), "slow.bmp")))
    children = Children(child=ChildLimits(document=0.01), count=1, deadline=20)
    with pytest.raises(ChildFailed, match="signal 27") as failed:
        await children.prepare(bad, tmp_path / "out")

    assert failed.value.opening == "\u201cslow.bmp\u201d"
    assert not children._all


async def test_a_child_gives_way_to_the_daemon(children: Children, tmp_path: Path) -> None:
    """M9: a client waits on the line while documents are opened."""
    await pages(children, tmp_path)
    (child,) = children._all
    assert isinstance(child.line, OwnProcess)

    niceness = os.getpriority(os.PRIO_PROCESS, child.line.process.pid)
    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)


async def test_memory_is_limited(tmp_path: Path) -> None:
    """M9: a child that may use little fails on what needs more; nothing else suffers."""
    children = Children(child=ChildLimits(memory=1_000_000), count=1, deadline=20)
    with pytest.raises(ChildFailed):
        await pages(children, tmp_path)
    await children.close()


async def test_cancelling_ends_the_child_in_hand(children: Children, tmp_path: Path) -> None:
    """K6: nothing is left running behind a daemon that stops."""
    task = asyncio.create_task(pages(children, tmp_path))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not children._all
    assert await pages(children, tmp_path) == 2


async def test_idle_children_give_their_memory_back(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F3: a minute without mail ends them."""
    monkeypatch.setattr(pool, "_IDLE_SECONDS", 0.1)
    await pages(children, tmp_path)
    await asyncio.sleep(0.5)

    assert not children._all


async def test_a_child_is_replaced_in_time(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M2: what a library leaks ends with its child."""
    monkeypatch.setattr(pool, "_MAILS_PER_CHILD", 1)
    await pages(children, tmp_path)

    assert not children._all


async def test_the_child_has_no_network_where_the_system_allows(tmp_path: Path) -> None:
    """M9: from inside, not even this machine can be reached."""
    server = await asyncio.start_server(lambda _r, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    probe = (
        "import socket, sys\n"
        "from mail2fax.preparing.child import give_up_network\n"
        "isolated = give_up_network()\n"
        "try:\n"
        f"    socket.create_connection(('127.0.0.1', {port}), 2)\n"
        "    reached = True\n"
        "except OSError:\n"
        "    reached = False\n"
        "print(isolated, reached)\n"
    )
    import sys  # noqa: PLC0415 - for this one process

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", probe, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    server.close()

    assert said.split() in ([b"True", b"False"], [b"False", b"True"])
