"""What every group of the simulator's endpoints is made of: calls, and the answers they share."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mail2fax.simulator import shapes
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.switches import Switches

Endpoint = Callable[[Request], Awaitable[Response]]


class Call(NamedTuple):
    """One endpoint: the name that switches know it by, method, path, and what answers."""

    name: str
    method: str
    path: str
    endpoint: Endpoint


def not_found() -> Response:
    """404 with the error body."""
    return JSONResponse(shapes.error("not_found", "no such record"), 404)


def changed(switches: Switches) -> Response:
    """What a PUT or DELETE answers (ASSUMPTION: 204, as in API v1)."""
    return JSONResponse({}) if switches.changes_answer_json else Response(status_code=204)


async def json_of(request: Request) -> dict[str, Any]:
    """The body, an object.

    Raises:
        Invalid: it is none.
    """
    try:
        body = await request.json()
    except ValueError:
        raise Invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Invalid("the body is not an object")
    return body


def whole(text: str, name: str, least: int, most: int) -> int:
    """A number of a query.

    Raises:
        Invalid: it is none, or out of bounds.
    """
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Invalid(f"{name} is not a number from {least} to {most}")
    return int(text)
