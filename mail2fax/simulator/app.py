"""The HTTP side of the simulated provider, a plain ASGI application.

Under `/v3` it answers as Fax.Plus does, under `/login` and `/token` as its auth server; under
`/_simulator` it tells the truth and takes switches. A connection is cut by aborting the
transport that `server` puts into `CONNECTION`.
"""

import asyncio
import base64
import contextvars
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from mail2fax.simulator import shapes
from mail2fax.simulator.account_calls import AccountCalls
from mail2fax.simulator.answers import Endpoint, not_found
from mail2fax.simulator.control import Control
from mail2fax.simulator.fax_calls import FaxCalls
from mail2fax.simulator.oauth import Refused
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.provider import Provider
from mail2fax.simulator.switches import Trouble

CONNECTION: contextvars.ContextVar[asyncio.Transport | None] = contextvars.ContextVar(
    "CONNECTION", default=None
)
_BEFORE = {
    Trouble.BAD_REQUEST: (400, "bad_request"),
    Trouble.UNAUTHORIZED: (401, "unauthorized"),
    Trouble.NO_CREDIT: (402, "insufficient_credit"),
    Trouble.FORBIDDEN: (403, "forbidden"),
    Trouble.NOT_FOUND: (404, "not_found"),
    Trouble.CONFLICT: (409, "conflict"),
    Trouble.TOO_LARGE: (413, "too_large"),
    Trouble.UNSUPPORTED: (415, "unsupported_media_type"),
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
        token: the only personal access token that is taken; any when empty.
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
        provider, clock = self._provider, self._clock
        account = "/v3/accounts/{user}"
        calls = [
            *AccountCalls(provider, clock).calls("/v3", account),
            *FaxCalls(provider, clock).calls(account),
        ]
        routes = [
            Route(call.path, self._guarded(call.name, call.endpoint), methods=[call.method])
            for call in calls
        ]
        routes.append(Route("/login", self._consent))
        routes.append(Route("/token", self._tokens, methods=["POST"]))
        return Starlette(routes=[*routes, *Control(provider, clock).routes()])

    def _guarded(self, name: str, endpoint: Endpoint) -> Endpoint:
        """An endpoint behind authorisation and the switches."""

        async def guarded(request: Request) -> Response:
            await asyncio.sleep(self._provider.switches.delay)
            if not self._is_known(request):
                return JSONResponse(shapes.error("unauthorized", "bad token"), 401)
            if refusal := self._of_user(request):
                return refusal
            trouble = self._provider.switches.next_trouble(name)
            if refusal := self._before(trouble):
                return refusal
            request.scope["cut_in"] = trouble is Trouble.CUT_DURING
            try:
                response = await endpoint(request)
            except Invalid as invalid:
                return JSONResponse(shapes.error("bad_request", str(invalid)), 400)
            return await self._after(trouble, response)

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

    def _of_user(self, request: Request) -> Response | None:
        """No answer but this for a user that nobody knows, or that the token may not ask for."""
        named = request.path_params.get("user", "self")
        if self._provider.user(named) is None:
            return not_found()
        if named in self._provider.switches.barred_members:
            return JSONResponse(shapes.error("forbidden", "not an admin"), 403)
        return None

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

    async def _after(self, trouble: Trouble | None, response: Response) -> Response:
        if trouble is Trouble.GATEWAY_AFTER:
            return _gateway_page()
        if trouble is Trouble.CUT_DURING:
            _cut(b"")
        if trouble is Trouble.CUT_AFTER:
            _cut(_on_the_wire(response)[: self._provider.switches.cut_at])
        if trouble is Trouble.SILENT:
            await asyncio.sleep(self._provider.switches.silence)
            _cut(b"")
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
        return await self._after(trouble, JSONResponse(answer))


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
