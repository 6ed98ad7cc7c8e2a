"""W7, W1a: what a relay does wrong delays a reply or leads to the next address; nothing is lost."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mail2fax.answering import back_off
from tests.fronts import free_port
from tests.integration.test_reporter import ANN, Desk, desk, is_told

__all__ = ["desk"]
SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(SINK is None, reason="smtp-sink (postfix) is not installed")


@asynccontextmanager
async def sink(home: Path, port: int, *faults: str) -> AsyncIterator[None]:
    """Postfix's test server, which keeps what it takes below a directory, with these faults."""
    assert SINK is not None
    process = await asyncio.create_subprocess_exec(
        SINK, "-u", "nobody", "-d", "%M.", *faults, f"127.0.0.1:{port}", "100", cwd=home
    )
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield
    finally:
        process.terminate()
        await process.wait()


def directory(path: Path) -> Path:
    """A new one that the sink, which is nobody, may write to."""
    path.mkdir()
    path.chmod(0o777)
    return path


def taken(home: Path) -> int:
    """How many mails it has taken."""
    return len([one for one in home.iterdir() if b"Message-ID" in one.read_bytes()])


@pytest.mark.parametrize(
    "fault",
    [
        ("-r", "RCPT"), ("-r", "DATA"), ("-r", "."), ("-q", "DATA"), ("-q", "."), ("-q", "EHLO"),
        ("-Q", "RCPT"), ("-f", "MAIL"), ("-r", "CONNECT"), ("-f", "CONNECT"), ("-q", "CONNECT"),
        ("-W", ".:1"),
    ],
    ids="-".join,
)  # fmt: skip
async def test_what_is_wrong_for_now_is_tried_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[str, str]
) -> None:
    """W7: 4xx, a connection that drops, 421, a relay that is slow: told to the first address."""
    monkeypatch.setattr(back_off, "again_in", lambda _tries: 0.2)
    port, good = free_port(), directory(tmp_path / "good")
    mail_id = await desk.refused(ANN, "second@example.org")
    if fault[0] != "-W":
        async with sink(directory(tmp_path / "bad"), port, *fault):
            desk.start(port=port)
            await desk.when(mail_id, lambda story: bool(story.told[0].why))
    async with sink(good, port, *(fault if fault[0] == "-W" else ())):
        desk.start(port=port)
        story = await desk.when(mail_id, is_told)

    assert (story.told[0].state, story.told[0].told_to) == ("handed over", ANN)
    assert taken(good) == 1


@pytest.mark.parametrize("fault", [("-f", "RCPT"), ("-f", ".")], ids="-".join)
async def test_every_address_that_is_refused_ends_with_nobody(
    desk: Desk, tmp_path: Path, fault: tuple[str, str]
) -> None:
    """W1a: each is tried once, the admin last; then the row says why nobody was told."""
    port = free_port()
    mail_id = await desk.refused(ANN, "second@example.org")
    async with sink(directory(tmp_path / "bad"), port, *fault):
        desk.start(port=port, admin="admin@example.org")
        story = await desk.when(mail_id, is_told)

    assert story.told[0].state == "undeliverable"
    refusals = [line.detail for line in story.history if line.subject == "reply"]
    assert sum("refused" in detail for detail in refusals) == 3
