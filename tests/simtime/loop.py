"""An event loop whose time is virtual: it passes only while nobody has anything to do.

`VirtualLoop` never sleeps. When no callback is ready, its clock moves to the next timer, so
that days pass in moments and the same seed replays the same history. Nothing real is ever
waited for: what would run in a thread runs at once, and the network is a dictionary
(`tests.simtime.network`).

A *life* is one run of the daemon. Every callback and task started within it carries it in its
context; when the life ends by SIGKILL, none of them ever runs again: not a ``finally``, not an
``except``. That is what a dead process does.
"""

import asyncio
import contextvars
import selectors
import socket
from collections.abc import Callable
from contextvars import Context
from typing import Any

from tests.simtime.life import LIFE, Life
from tests.simtime.network import Network, Peer

_BEGIN = 1000.0


class Stuck(Exception):
    """Nothing is ready and no timer is set: the simulated world waits for nothing."""


class _NoSelector(selectors.SelectSelector):
    """Waits for nothing real; instead of waiting, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.pass_time: Callable[[float | None], None] = lambda _timeout: None

    def select(self, timeout: float | None = None) -> list[Any]:
        self.pass_time(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        selector = _NoSelector()
        selector.pass_time = self._pass_time
        self._now = _BEGIN
        super().__init__(selector)
        self.network = Network(self)

    # Time

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def _pass_time(self, timeout: float | None) -> None:
        if timeout is None:
            raise Stuck
        self._now += max(timeout, 0.0)

    # Lives

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, unless the caller's life has ended meanwhile."""
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(_while_alive, life, callback, args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """As asyncio's, unless the caller's life has ended meanwhile."""
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, _while_alive, life, callback, args, context=context)

    # What would be real

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run it now: a thread would make the order of things a matter of chance."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raised is the future's
            future.set_exception(error)
        return future

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: str = "", port: int = 0, **options: Any
    ) -> tuple[Any, Any]:
        """Connect within the simulated network."""
        if options.get("ssl"):
            raise NotImplementedError("TLS is made on the stream")
        return await self.network.connect(protocol_factory, host, port)

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: str = "", port: int = 0,
        *, sock: Any = None, **_options: Any,
    ) -> "Server":  # fmt: skip
        """Listen within the simulated network."""
        address = sock.getsockname() if sock is not None else (host, port)
        return Server(self.network, self.network.listen(address, protocol_factory))

    async def create_unix_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], path: Any = None, **_options: Any
    ) -> "Server":
        """Listen at a path that exists, though nobody outside can connect to it."""
        path.touch()
        return Server(self.network, self.network.listen((str(path), 0), protocol_factory))

    async def getaddrinfo(self, host: Any, port: Any, **_options: Any) -> list[Any]:
        """Every name has an address, unless DNS is out of order."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        address = (self.network.resolve(name), int(port or 0))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    def _write_to_self(self) -> None:
        """Nothing sleeps that would have to be woken."""


def _while_alive(life: Life, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
    if life.alive:
        callback(*args)
    else:
        life.missed.append((callback, args, contextvars.copy_context()))


class Server:
    """What `create_server` gives: enough of asyncio's for those who use it."""

    def __init__(self, network: Network, peer: Peer) -> None:
        self._network = network
        self._peer = peer
        self.sockets = [peer]

    def close(self) -> None:
        """Take no more connections."""
        self._network.silence(self._peer)

    async def wait_closed(self) -> None:
        """Closed at once."""
