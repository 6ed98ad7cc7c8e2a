"""An ASGI application on a socket of the daemon's own, in its loop, by uvicorn."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

_CONNECTIONS = 64
_IDLE = 5
_LARGEST_HEAD = 16384


class WebServer:
    """Serves an application at one address until it is cancelled.

    Args:
        application: what answers.
        host, port: where; port 0 takes a free one.

    Raises:
        OSError: the address cannot be listened at.
    """

    def __init__(self, application: "ASGIApp", host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
        self._application = application

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    async def run(self) -> None:
        """Serve until cancelled."""
        server = _server(self._application)
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = server.force_exit = True
            await asyncio.gather(serving, return_exceptions=True)
            self._socket.close()


def _server(application: "ASGIApp") -> "uvicorn.Server":
    import uvicorn  # noqa: PLC0415 - costs what a daemon without a page need not pay

    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it would log what strangers send

    class Embedded(uvicorn.Server):
        """Leaves the process's signals to the process."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Capture none."""
            yield

    settings: dict[str, Any] = {
        "http": "h11",
        "ws": "none",
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "limit_concurrency": _CONNECTIONS,
        "timeout_keep_alive": _IDLE,
        "h11_max_incomplete_event_size": _LARGEST_HEAD,
    }
    return Embedded(uvicorn.Config(application, **settings))
