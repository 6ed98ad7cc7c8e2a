"""L4: what we rely on inside aiosmtpd and asyncio is still there; each fix is needed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from aiosmtpd.smtp import SMTP

from mail2fax.accepting.dialogue import internals
from mail2fax.accepting.listener import Session
from tests.integration.smtp_bench import Desk


@contextlib.asynccontextmanager
async def connected(desk: Desk) -> AsyncIterator[Session]:
    """Aiosmtpd's side of a connection to the desk's listener."""
    made: list[Session] = []

    def make() -> Session:
        made.append(Session(desk.listener))
        return made[0]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    await reader.readline()
    yield made[0]
    writer.write(b"QUIT\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_every_private_name_is_there(tmp_path: Path) -> None:
    """L4: a new version that drops one is noticed here first."""
    async with Desk(tmp_path) as desk, connected(desk) as session:
        missing = [name for name in internals.NAMES if not hasattr(session, name)]
        assert missing == []


async def test_the_session_is_ours(tmp_path: Path) -> None:
    """L4: aiosmtpd really starts our conversation, and its timer is stopped."""
    async with Desk(tmp_path) as desk, connected(desk) as session:
        handler = session._handler_coroutine
        assert isinstance(handler, asyncio.Task)
        assert handler.get_coro().__qualname__ == "Session._handle_client"  # type: ignore[union-attr]  # a coroutine
        assert session._timeout_handle is not None
        assert session._timeout_handle.cancelled()


async def test_aiosmtpd_would_still_cancel_on_hang_up(tmp_path: Path) -> None:
    """L2: the reason for the link; when this fails, it may stay for its speed alone."""
    assert "cancel" in SMTP.eof_received.__code__.co_names
    async with Desk(tmp_path) as desk, connected(desk) as session:
        assert session.link.transport.get_protocol() is session.link


async def test_aiosmtpd_finds_no_commands_of_its_own(tmp_path: Path) -> None:
    """L4: it would look at all of its members for each connection; the conversation answers."""
    async with Desk(tmp_path) as desk, connected(desk) as session:
        assert session._smtp_methods == {}
        assert session._auth_methods == {}
    assert len(SMTP(None, hostname="me", loop=asyncio.get_running_loop())._smtp_methods) > 10


async def test_the_log_of_commands_is_silent(tmp_path: Path) -> None:
    """L4: aiosmtpd's INFO tells every fax number."""
    async with Desk(tmp_path):
        assert logging.getLogger("mail.log").getEffectiveLevel() == logging.WARNING
