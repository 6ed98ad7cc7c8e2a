"""The HTTP side of the simulated provider, a plain ASGI application.

Under `/v3` it answers as Fax.Plus does; under `/_simulator` it tells the truth and takes
switches. A connection is cut by aborting the transport that `server` puts into `CONNECTION`.
"""

import asyncio
import base64
import contextvars
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import URL, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from mail2fax.simulator import shapes
from mail2fax.simulator.oauth import Refused
from mail2fax.simulator.provider import Invalid, Item, Provider
from mail2fax.simulator.switches import Trouble

CONNECTION: contextvars.ContextVar[asyncio.Transport | None] = contextvars.ContextVar(
    "CONNECTION", default=None
)
_PDF = b"%PDF-1.4\n%%EOF\n"
_MOST_ROWS = 50
_Endpoint = Callable[[Request], Awaitable[Response]]
_BEFORE = {
    Trouble.BAD_REQUEST: (400, "bad_request"),
    Trouble.UNAUTHORIZED: (401, "unauthorized"),
    Trouble.FORBIDDEN: (403, "forbidden"),
    Trouble.THROTTLED: (429, "too_many_requests"),
    Trouble.INTERNAL: (500, "internal_error"),
}
_WORDLESS = {Trouble.EMPTY_500: 500, Trouble.WORDLESS_401: 401}


class _Cut(Exception):
    """End the connection without an answer."""


class Application:
    """The endpoints over one provider.

    Args:
        provider: the account.
        token: the only token that is taken; any when empty.
        clock: seconds since the epoch.
    """

    def __init__(
        self, provider: Provider, token: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._provider = provider
        self._token = token
        self._clock = clock

    def asgi(self) -> Starlette:
        """The application to serve."""
        account = "/v3/accounts/{user}"
        table: list[tuple[str, str, str, _Endpoint]] = [
            ("upload", "POST", f"{account}/files", self._upload),
            ("file", "GET", f"{account}/files/{{id}}", self._pages),
            ("report", "GET", f"{account}/report/{{id}}", self._pages),
            ("thumbnail", "GET", f"{account}/thumbnail/{{id}}", self._pages),
            ("send", "POST", f"{account}/outbox", self._send),
            ("list", "GET", f"{account}/outbox", self._outbox),
            ("outbox", "GET", f"{account}/outbox/{{id}}", self._outbox_fax),
            ("outbox", "PUT", f"{account}/outbox/{{id}}", self._comment),
            ("cancel", "DELETE", f"{account}/outbox/{{id}}", self._cancel),
            ("list", "GET", f"{account}/faxes", self._faxes),
            ("fax", "GET", f"{account}/faxes/{{id}}", self._fax),
            ("fax", "PUT", f"{account}/faxes/{{id}}", self._comment),
            ("fax", "DELETE", f"{account}/faxes/{{id}}", self._cancel),
            ("numbers", "GET", f"{account}/numbers", self._numbers),
            ("numbers", "GET", f"{account}/numbers/{{id}}", self._number),
            ("accounts", "GET", "/v3/accounts", self._accounts),
            ("accounts", "GET", f"{account}/member-details/{{id}}", self._member),
            ("accounts", "GET", account, self._account),
            ("balance", "GET", "/v3/shop/balance", self._balance),
        ]
        routes = [
            Route(path, self._guarded(name, endpoint), methods=[method])
            for name, method, path, endpoint in table
        ]
        routes.append(Route("/login", self._consent))
        routes.append(Route("/token", self._tokens, methods=["POST"]))
        routes.append(Route("/_simulator/truth", self._truth))
        routes.append(Route("/_simulator/switches", self._switch, methods=["PUT"]))
        return Starlette(routes=routes)

    def _guarded(self, name: str, endpoint: _Endpoint) -> _Endpoint:
        """An endpoint behind authorisation and the switches."""

        async def guarded(request: Request) -> Response:
            await asyncio.sleep(self._provider.switches.delay)
            if not self._is_known(request):
                return JSONResponse(shapes.error("unauthorized", "bad token"), 401)
            trouble = self._provider.switches.next_trouble(name)
            if refusal := self._before(trouble):
                return refusal
            try:
                response = await endpoint(request)
            except Invalid as invalid:
                return JSONResponse(shapes.error("bad_request", str(invalid)), 400)
            return self._after(trouble, response)

        return guarded

    def _is_known(self, request: Request) -> bool:
        """Whether a call bears the personal access token, or one by OAuth2 that is still good."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not given:
            return False
        client_id = request.headers.get("x-fax-clientid", "")
        if client_id or self._provider.tokens.access_tokens.get(given):
            return self._provider.tokens.takes(given, client_id, self._clock())
        return self._token in ("", given)

    def _before(self, trouble: Trouble | None) -> Response | None:
        if trouble in _BEFORE:
            status, name = _BEFORE[trouble]
            wait = self._provider.switches.retry_after
            headers = {"Retry-After": wait} if wait and trouble is Trouble.THROTTLED else None
            return JSONResponse(shapes.error(name, "switched on"), status, headers)
        if trouble in _WORDLESS:
            return Response(status_code=_WORDLESS[trouble])
        if trouble is Trouble.GATEWAY:
            return _gateway_page()
        if trouble is Trouble.CUT_BEFORE:
            _cut(b"")
        return None

    def _after(self, trouble: Trouble | None, response: Response) -> Response:
        if trouble is Trouble.GATEWAY_AFTER:
            return _gateway_page()
        if trouble is Trouble.CUT_AFTER:
            _cut(_on_the_wire(response)[: self._provider.switches.cut_at])
        return response

    # The auth server, on the same address

    async def _consent(self, request: Request) -> Response:
        """The owner's consent, given at once; the code goes where the client wants it."""
        query = request.query_params
        tokens = self._provider.tokens
        wanted = ("code", tokens.client_id, "all")
        if (query.get("response_type"), query.get("client_id"), query.get("scope")) != wanted:
            return JSONResponse(shapes.error("invalid_request", "unknown client or scope"), 400)
        target = URL(query.get("redirect_uri", ""))
        return RedirectResponse(target.include_query_params(code=tokens.consent()), 302)

    async def _tokens(self, request: Request) -> Response:
        if refusal := self._before(trouble := self._provider.switches.next_trouble("token")):
            return refusal
        async with request.form() as form:
            body = {name: value for name, value in form.items() if isinstance(value, str)}
        fields = {**request.query_params, **body}
        provider = self._provider
        try:
            login = _basic(request.headers.get("authorization", ""))
            answer = provider.tokens.grant(login, fields, provider.switches, self._clock())
        except Refused as refused:
            status = 401 if str(refused) == "invalid_client" else 400
            return JSONResponse({"error": str(refused)}, status)
        await asyncio.sleep(provider.switches.token_delay)
        return self._after(trouble, JSONResponse(answer))

    # Files

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            file = form.get("fax_file")
            if not isinstance(file, UploadFile):
                raise Invalid("no file in fax_file")
            digest, size = hashlib.sha256(), 0
            while chunk := await file.read(1 << 16):
                digest.update(chunk)
                size += len(chunk)
            kind = file.content_type or ""
            path = self._provider.upload(file.filename or "", kind, size, digest.hexdigest())
        return JSONResponse({"path": path}, 201)

    async def _pages(self, request: Request) -> Response:
        if self._find(request) is None:
            return _not_found()
        return Response(_PDF, media_type="application/pdf")

    # Outbox

    async def _send(self, request: Request) -> Response:
        body = await request.json()
        ids = self._provider.order(body, self._clock())
        named = bool(body.get("return_ids")) and self._provider.switches.ids
        return JSONResponse({"ids": ids} if named else {}, 201)

    async def _outbox(self, _request: Request) -> Response:
        now = self._clock()
        items = self._provider.outbox(now)
        records = [shapes.outbox_fax(self._provider, item, now) for item in items]
        return JSONResponse({"records": records})

    async def _outbox_fax(self, request: Request) -> Response:
        now = self._clock()
        wanted = request.path_params["id"]
        for item in self._provider.outbox(now):
            if wanted in (item.outbox_id, item.id):
                return JSONResponse(shapes.outbox_fax(self._provider, item, now))
        return _not_found()

    async def _comment(self, request: Request) -> Response:
        item = self._find(request)
        if item is None:
            return _not_found()
        comment = (await request.json()).get("comment")
        if not isinstance(comment, str):
            raise Invalid("comment is not of type 'string'")
        item.comment = comment
        return Response(status_code=204)

    async def _cancel(self, request: Request) -> Response:
        item = self._find(request)
        if item is None:
            return _not_found()
        if item in self._provider.outbox(self._clock()):
            self._provider.cancel(item)
        return Response(status_code=204)

    # Archive

    async def _faxes(self, request: Request) -> Response:
        query = request.query_params
        limit, offset = int(query.get("limit", _MOST_ROWS)), int(query.get("offset", 0))
        if not 1 <= limit <= _MOST_ROWS:
            raise Invalid("limit is not between 1 and 50")
        now = self._clock()
        records = [shapes.fax(self._provider, item, now) for item in self._provider.sent(now)]
        after, before = query.get("after", ""), query.get("before", "9999")
        records = [record for record in records if after <= record["start_time"] <= before]
        records.sort(key=lambda record: record["start_time"], reverse=query.get("order") == "desc")
        if query.get("category", "sent") != "sent":
            records = []
        return JSONResponse({"data": {"records": records[offset : offset + limit]}})

    async def _fax(self, request: Request) -> Response:
        now = self._clock()
        item = self._find(request)
        if item is None or item not in self._provider.sent(now):
            return _not_found()
        return JSONResponse(shapes.fax(self._provider, item, now))

    def _find(self, request: Request) -> Item | None:
        wanted = request.path_params["id"]
        for item in self._provider.items:
            if wanted in (item.id, item.outbox_id, item.fax_id) and not item.cancelled:
                return item
        return None

    # Account

    async def _numbers(self, _request: Request) -> Response:
        now = self._clock()
        numbers = [shapes.number(number, now) for number in self._provider.numbers]
        return JSONResponse({"numbers": numbers})

    async def _number(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        if wanted not in self._provider.numbers:
            return _not_found()
        return JSONResponse(shapes.number(wanted, self._clock()))

    async def _accounts(self, _request: Request) -> Response:
        return JSONResponse({"members": [shapes.account(self._clock())]})

    async def _account(self, _request: Request) -> Response:
        return JSONResponse(shapes.account(self._clock()))

    async def _member(self, _request: Request) -> Response:
        return JSONResponse({"quota": 500, "role": "member"})

    async def _balance(self, _request: Request) -> Response:
        return JSONResponse({"amount": 25.5, "currency": "CHF"})

    # The truth

    async def _truth(self, _request: Request) -> Response:
        uploads = self._provider.uploads
        told = [
            {
                "id": item.id,
                "to": item.to,
                "tags": item.tags,
                "text": item.text,
                "outcome": item.outcome,
                "files": [asdict(uploads[path]) for path in item.order.get("files") or []],
            }
            for item in self._provider.faxed(self._clock())
        ]
        return JSONResponse({"faxed": told})

    async def _switch(self, request: Request) -> Response:
        wanted: dict[str, Any] = await request.json()
        unknown = [name for name in wanted if not hasattr(self._provider.switches, name)]
        if unknown:
            return JSONResponse(shapes.error("unknown_switch", ", ".join(unknown)), 400)
        for name, value in wanted.items():
            setattr(self._provider.switches, name, value)
        return Response(status_code=204)


def _basic(header: str) -> tuple[str, str] | None:
    """Name and password of a Basic header (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme != "Basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return name, password


def _not_found() -> Response:
    return JSONResponse(shapes.error("not_found", "no such record"), 404)


def _gateway_page() -> Response:
    return Response("<html>502 Bad Gateway</html>", 502, media_type="text/html")


def _on_the_wire(response: Response) -> bytes:
    head = f"HTTP/1.1 {response.status_code} OK\r\n".encode()
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
    return head + lines + b"\r\n" + bytes(response.body)


def _cut(said: bytes) -> None:
    """End the connection after these bytes.

    Raises:
        _Cut: always; there is no answer to give.
    """
    transport = CONNECTION.get()
    if transport is not None:
        transport.write(said)
        transport.close() if said else transport.abort()
    raise _Cut
