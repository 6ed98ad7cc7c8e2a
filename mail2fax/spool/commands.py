"""The command interface: how verbs ask the daemon, which alone opens the ledger.

One line of JSON asks, one answers, over ``state_dir/control.sock``. Where no daemon runs, a
verb takes the lock and the ledger itself for as long as its question takes. Every request is
``{"command": name, …arguments}``; every answer ``{"ok": true, "result": …}`` or ``{"ok": false,
"error": sentence}``. Commands that show what a mail was or change something leave a row: who, what,
when (K8); one that changes something writes it in the same transaction as the change.
"""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import Mail2FaxError, SpoolFull, SpoolLocked
from mail2fax.spool import keeping_commands, people_commands, queue_commands
from mail2fax.spool.spool import Spool

_UCRED = struct.Struct("3i")  # process, user, group
_LONGEST_REQUEST = 1 << 16
_LONGEST_ANSWER = 1 << 26


class CommandFailed(Mail2FaxError):
    """A command could not be carried out; the text is the sentence to show."""


_OF_DAEMON = frozenset({"doctor", "probe"})
"""What only a running daemon knows; it brings its own commands for it."""
_WITHOUT_DAEMON = {"doctor": ", or: mail2fax doctor --listen ADDRESS:PORT listens itself"}
_UNTOLD = frozenset({"command", "hash", "of", "refresh_token"})
_BEGIN_A_LEDGER = people_commands.BEGIN_A_LEDGER | keeping_commands.BEGIN_A_LEDGER
_NOTED = people_commands.NOTED | queue_commands.NOTED | keeping_commands.NOTED
Command = Callable[[Spool, dict[str, Any], str], Awaitable[Any]]
"""Carries out a request of somebody; the result is JSON."""
_COMMANDS: dict[str, Command] = {
    **queue_commands.COMMANDS,
    **people_commands.COMMANDS,
    **keeping_commands.COMMANDS,
}


async def carry_out(
    spool: Spool, request: dict[str, Any], who: str, more: Mapping[str, Command] | None = None
) -> dict[str, Any]:
    """The answer to one request of ``who``; ``more`` are commands that only a daemon has."""
    name = str(request.get("command"))
    command = (_COMMANDS | dict(more or {})).get(name)
    if command is None:
        return {"ok": False, "error": f"no such command: {name!r}"}
    try:
        answer: dict[str, Any] = {"ok": True, "result": await command(spool, request, who)}
    except Mail2FaxError as error:
        answer = {"ok": False, "error": str(error)}
    if name in _NOTED:
        result = "done" if answer["ok"] else str(answer["error"])
        if name not in queue_commands.CHANGING or not answer["ok"]:
            answer = await _noted(spool, request, who, answer)
        events.commanded(who, name, result)
    return answer


async def _noted(
    spool: Spool, request: dict[str, Any], who: str, answer: dict[str, Any]
) -> dict[str, Any]:
    """The answer once its command has a row; without one, what was wrong is the answer (K8)."""
    arguments = {key: str(value) for key, value in request.items() if key not in _UNTOLD}
    result = "done" if answer["ok"] else str(answer["error"])
    try:
        await spool.note_command(who, str(request["command"]), arguments, result)
    except SpoolFull as error:
        why = f"the command could not be noted: {error}" if answer["ok"] else answer["error"]
        return {"ok": False, "error": why}
    return answer


def _user(uid: int) -> str:
    """A user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _peer(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end of the control socket (unix(7), SO_PEERCRED)."""
    connection = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return _user(_UCRED.unpack(credentials)[1])


class ControlSocket:
    """The daemon's end of the interface, open while the block lasts."""

    def __init__(
        self, spool: Spool, state_dir: Path, more: Mapping[str, Command] | None = None
    ) -> None:
        self._spool = spool
        self._more = more
        self._path = state_dir / "control.sock"
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; what a daemon that was killed left behind is removed."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, self._path, limit=_LONGEST_REQUEST
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            try:
                request = json.loads(await reader.readline())
                answer = await carry_out(self._spool, request, _peer(writer), self._more)
            except (ValueError, AttributeError):
                answer = {"ok": False, "error": "the request is not one line of JSON"}
            writer.write(json.dumps(answer).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await writer.drain()


async def ask(state_dir: Path, request: dict[str, Any]) -> Any:
    """Ask the daemon, or the ledger itself when none runs.

    Args:
        state_dir: whose.
        request: see the module.

    Raises:
        CommandFailed: with the sentence to show.
        SpoolError: the ledger cannot be opened.
    """
    name = request.get("command")
    needs_ledger = name not in _BEGIN_A_LEDGER | _OF_DAEMON
    if needs_ledger and not (state_dir / "ledger.sqlite3").exists():
        raise CommandFailed(f"{state_dir} has no ledger: nothing was ever received here")
    try:
        answer = await _ask_daemon(state_dir / "control.sock", request)
    except (FileNotFoundError, ConnectionRefusedError):
        if name in _OF_DAEMON:
            more = _WITHOUT_DAEMON.get(str(name), "")
            raise CommandFailed(f"no daemon runs here. Start it{more}") from None
        answer = await _ask_ledger(state_dir, request)
    if not answer["ok"]:
        raise CommandFailed(answer["error"])
    return answer["result"]


async def _ask_daemon(path: Path, request: dict[str, Any]) -> Any:
    reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_ANSWER)
    with contextlib.closing(writer):
        writer.write(json.dumps(request).encode() + b"\n")
        line = await reader.readline()
    if not line:
        raise CommandFailed("the daemon did not answer")
    return json.loads(line)


async def _ask_ledger(state_dir: Path, request: dict[str, Any]) -> Any:
    try:
        spool = await Spool.open(state_dir, Clock())
    except SpoolLocked as locked:
        raise CommandFailed(f"{locked}, which does not answer") from None
    try:
        return await carry_out(spool, request, _user(os.getuid()))
    finally:
        await spool.close()
