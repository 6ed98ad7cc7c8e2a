"""The simulator on a real socket, in the running event loop or by itself."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mail2fax.simulator.app import CONNECTION, Application
from mail2fax.simulator.hook_post import deliver
from mail2fax.simulator.provider import Provider

for name in ("uvicorn.error", "uvicorn.access"):
    logging.getLogger(name).setLevel(logging.CRITICAL)  # cuts are no news here


class _CuttableProtocol(H11Protocol):
    """Lets the application end its own connection, as no proper one may."""

    def data_received(self, data: bytes) -> None:
        CONNECTION.set(self.transport)
        super().data_received(data)


class EmbeddedServer(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Simulator:
    """A local Fax.Plus: ``async with Simulator() as simulator: simulator.base_url``.

    Args:
        provider: the account; a fresh one when None.
        host, port: where to listen; port 0 takes a free one.
        token: the only token that is taken; any when empty.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        provider: Provider | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.provider = provider or Provider()
        self._host = host
        application = Application(self.provider, token, clock).asgi()
        config = uvicorn.Config(
            application,
            host=host,
            port=port,
            http=_CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = EmbeddedServer(config)
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._hooks: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """What to give a client as its base URL."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://{self._host}:{port}/v3"

    @property
    def page_url(self) -> str:
        """Where a browser sees what arrived at the fax machines."""
        return f"{self.base_url.removesuffix('/v3')}/_simulator/faxes"

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        # uvicorn has a flag and no event
        while not self._server.started and not self._task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task
        self._hooks = asyncio.create_task(deliver(self.provider, self._clock))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._hooks is not None:
            self._hooks.cancel()
            await asyncio.gather(self._hooks, return_exceptions=True)
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task
