"""The simulated Fax.Plus on a simulated wire: HTTP/1.1 byte by byte, with faults.

The application is `mail2fax.simulator`'s own, and it keeps the truth. A connection carries one
call, as a client without a usable keep-alive makes it. What the provider began goes on when the
client has gone.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette

from tests.simtime.faults import ORDERED, Fault, Kind, Listing, endpoint_of

Choose = Callable[[str], Fault | None]
"""The fault of the next call of an endpoint."""
Heard = Callable[[str, int, bytes], None]
"""Told of every call that Fax.Plus acted on: endpoint, bytes of the request, its answer."""
_FULL = 50


class FaxPlusSide(asyncio.Protocol):
    """Fax.Plus's end of one connection."""

    def __init__(
        self, application: Callable[[float], Starlette], choose: Choose, heard: Heard
    ) -> None:
        self._application = application
        self._choose = choose
        self._heard = heard
        self._request = b""
        self._fault: Fault | None = None
        self._chosen = False
        self._begun = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes of the request."""
        if self._begun:
            return
        self._request += data
        if b"\r\n\r\n" not in self._request:
            return
        if not self._chosen:
            self._fault, self._chosen = self._choose(self.endpoint), True
        if not self._never_comes() and len(self._request) >= self._whole():
            self._begin()

    def _never_comes(self) -> bool:
        """Whether the request is not to come through."""
        fault = self._fault
        if fault is None or fault.kind not in (Kind.CUT_REQUEST, Kind.STALL_REQUEST):
            return False
        if len(self._request) >= min(fault.at, self._whole()):
            self._begun = True
            if fault.kind is Kind.CUT_REQUEST:
                self._transport.abort()
        return True

    @property
    def endpoint(self) -> str:
        """What is called."""
        method, path, _ = self._request.split(b"\r\n", 1)[0].decode().split(" ")
        return endpoint_of(method, path)

    def _whole(self) -> int:
        """How many bytes the whole request has."""
        head, _, _ = self._request.partition(b"\r\n\r\n")
        return len(head) + 4 + int(_headers(head).get("content-length", "0"))

    # Acting

    def _begin(self) -> None:
        self._begun = True
        fault = self._fault
        if fault is not None and fault.kind is Kind.INSTEAD:
            self._transport.write(_raw(fault.status, fault.headers, self._lie(fault.body)))
            self._transport.close()
            return
        self._task = asyncio.ensure_future(self._act(fault))

    async def _act(self, fault: Fault | None) -> None:
        if fault is not None and fault.late:
            self._say(fault, b"")
            await asyncio.sleep(fault.late)
        stale_by = fault.seconds if fault is not None and fault.listing is Listing.STALE else 0.0
        answer = await call(self._application(stale_by), self._request)
        if fault is not None and fault.kind is Kind.LISTING:
            answer = changed(fault, self.endpoint, answer)
        self._heard(self.endpoint, len(self._request), answer)
        if fault is None or not fault.late:
            self._say(fault, answer)

    def _say(self, fault: Fault | None, answer: bytes) -> None:
        if fault is None or fault.kind is Kind.LISTING:
            self._transport.write(answer)
            self._transport.close()
        elif fault.kind is Kind.AFTER:
            self._transport.write(_raw(fault.status, fault.headers, self._lie(fault.body)))
            self._transport.close()
        else:
            if cut := answer[: fault.at]:
                self._transport.write(cut)
            if fault.kind is Kind.CUT_ANSWER:
                self._transport.abort()
            elif fault.kind is Kind.END_ANSWER:
                self._transport.close()

    def _lie(self, body: bytes) -> bytes:
        """A body, its `ORDERED` being the number that is ordered."""
        if ORDERED not in body:
            return body
        asked = json.loads(self._request.partition(b"\r\n\r\n")[2])
        return body.replace(ORDERED, str(asked["to"][0]).encode())

    def connection_lost(self, _error: Exception | None) -> None:
        """The client has gone; what was begun goes on."""


async def call(application: Any, request: bytes) -> bytes:
    """One request to the application; its answer as bytes on the wire."""
    head, _, body = request.partition(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("192.0.2.1", 80),
        "headers": [(k.encode(), v.encode()) for k, v in _headers(head).items()],
    }  # fmt: skip
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await application(scope, receive, send)
    headers = {k.decode(): v.decode() for k, v in said[0].get("headers", [])}
    content = b"".join(message.get("body", b"") for message in said[1:])
    return _raw(said[0]["status"], headers, content)


def changed(fault: Fault, endpoint: str, answer: bytes) -> bytes:
    """A listing that is wrong in one way; one that is stale is right, only old."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return answer
    listing = json.loads(body)
    rows: list[Any] = listing["records"] if endpoint == "outbox" else listing["data"]["records"]
    match fault.listing:
        case Listing.EMPTY:
            rows = []
        case Listing.PARTIAL:
            rows = rows[::2]
        case Listing.FULL:
            rows = [_stranger(number) for number in range(_FULL)]
        case Listing.ODD:
            rows = [{"id": None}, {"comment": None, "status": "in_orbit", "new": {}}, 7, *rows]
        case Listing.NO_ROWS:
            return _raw(200, {"content-type": "application/json"}, b"{}")
    told = {"records": rows} if endpoint == "outbox" else {"data": {"records": rows}}
    return _raw(200, {"content-type": "application/json"}, json.dumps(told).encode())


def _stranger(number: int) -> dict[str, Any]:
    """A row of somebody else's fax."""
    return {"id": f"{number:024x}", "status": "success", "comment": "", "to": "+41319999999",
            "pages": 1, "start_time": "2026-01-01 00:00:00"}  # fmt: skip


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _raw(status: int, headers: dict[str, str], body: bytes) -> bytes:
    told = {**headers, "content-length": str(len(body))} if status != 204 else headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body
