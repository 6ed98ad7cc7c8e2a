"""Hooks: Fax.Plus says that something happened, and the lookout looks (S5).

A delivery is unsigned, may be doubled, late, missing or forged, and its order is not promised
(API facts 2.4). So nothing in it is believed: who knows the path rings a bell, and the lists are
read by our own token. Looks keep their distance, so that a flood of rings costs no more than a
look every few seconds; without any ring the polls find everything, only later.
"""

import asyncio
import hmac
from typing import TYPE_CHECKING

from mail2fax import events
from mail2fax.spool.spool import Bells, Station

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

_LARGEST = 65536
_SLOWEST = 5.0


def door(secret: str, bells: Bells) -> "ASGIApp":
    """The application that takes deliveries at any path whose last part is the secret.

    Everything else is 404, whatever is asked, so that the path cannot be felt for.
    """
    from starlette.applications import Starlette  # noqa: PLC0415 - only where there are hooks
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def told(request: "Request") -> "Response":
        last = request.path_params["path"].rpartition("/")[2]
        is_ours = hmac.compare_digest(last.encode(), secret.encode())
        if request.method != "POST" or not is_ours:
            return Response(status_code=404)
        if not await _is_read(request):
            return Response(status_code=413)
        events.hook_rang()
        bells.ring(Station.LOOKOUT)
        return Response(status_code=204)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", told, methods=methods)])


async def _is_read(request: "Request") -> bool:
    """Read the body and forget it; False when it is too large, or never comes to its end."""
    size = 0
    try:
        async with asyncio.timeout(_SLOWEST):
            async for chunk in request.stream():
                size += len(chunk)
                if size > _LARGEST:
                    return False
    except TimeoutError:
        return False
    return True
