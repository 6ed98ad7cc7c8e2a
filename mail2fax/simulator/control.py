"""The side of the simulator that no provider has: the truth, the switches, the fax machines."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from mail2fax.simulator import pages, shapes
from mail2fax.simulator.answers import json_of, not_found
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.provider import Item, Provider

_ARRIVED = ("success", "partially_sent")
_MOST_SHOWN = 50
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The fax machines</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<style>
 body {font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #222; background: #f3f3f0}
 h1 {font-size: 1.4rem} h2 {font-size: 1.05rem; margin: 0}
 section {margin: 1.5rem 0; padding: 1rem; background: #fff; border: 1px solid #ddd}
 p {margin: .2rem 0 .8rem; color: #555} .lost h2 {color: #a00}
 img {max-width: 16rem; max-height: 22rem; vertical-align: top; border: 1px solid #999;
      margin: 0 .8rem .8rem 0; box-shadow: 2px 2px 5px #ccc;
      background: #fff}
</style></head><body>
<h1>The fax machines</h1>
<p>What really arrived, newest first. The provider is simulated; nothing left this machine.</p>
{% for fax in faxes %}<section{% if not fax.arrived %} class="lost"{% endif %}>
<h2>{{ fax.to }}{% if not fax.arrived %}: nothing arrived ({{ fax.outcome }}){% endif %}</h2>
<p>from {{ fax.src }}, {{ fax.at }} UTC, {{ fax.pages }} page{{ "" if fax.pages == 1 else "s" }}{%
 if fax.outcome == "partially_sent" %}, then the call dropped{% endif %}, fax ID {{ fax.id }}</p>
{% if fax.arrived %}{% for n in range(1, fax.pages + 1) -%}
<a href="/_simulator/faxes/{{ fax.id }}/{{ n }}.png"><img loading="lazy" alt="page {{ n }}"
 src="/_simulator/faxes/{{ fax.id }}/{{ n }}.png"></a>
{%- endfor %}{% endif %}</section>
{% else %}<p>No fax has arrived yet.</p>{% endfor %}
</body></html>
"""


class Control:
    """The endpoints below ``/_simulator``, over one provider."""

    def __init__(self, provider: Provider, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._clock = clock

    def routes(self) -> list[Route]:
        """Every endpoint."""
        return [
            Route("/", lambda _request: RedirectResponse("/_simulator/faxes")),
            Route("/_simulator/truth", self._truth),
            Route("/_simulator/switches", self._switch, methods=["PUT"]),
            Route("/_simulator/received", self._receive, methods=["POST"]),
            Route("/_simulator/faxes", self._faxes),
            Route("/_simulator/faxes/{id}/{page:int}.png", self._page),
        ]

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
        return JSONResponse({"faxed": told, "hooks": self._provider.hooks.delivered})

    async def _switch(self, request: Request) -> Response:
        wanted: dict[str, Any] = await request.json()
        unknown = [name for name in wanted if not hasattr(self._provider.switches, name)]
        if unknown:
            return JSONResponse(shapes.error("unknown_switch", ", ".join(unknown)), 400)
        for name, value in wanted.items():
            setattr(self._provider.switches, name, value)
        return Response(status_code=204)

    async def _receive(self, request: Request) -> Response:
        """A fax comes in: ``{"from", "to", "files", "category"}``; files are upload paths."""
        try:
            body = await json_of(request)
        except Invalid as invalid:
            return JSONResponse(shapes.error("bad_request", str(invalid)), 400)
        provider = self._provider
        fax_id = provider.receive(
            str(body.get("from", "+41445550199")),
            str(body.get("to", provider.numbers[0])),
            [path for path in body.get("files", []) if path in provider.uploads],
            self._clock(),
            "spam" if body.get("category") == "spam" else "inbox",
        )
        return JSONResponse({"id": fax_id}, 201)

    async def _faxes(self, _request: Request) -> Response:
        newest = self._provider.faxed(self._clock())[: -_MOST_SHOWN - 1 : -1]
        shown = [
            {
                "id": item.id,
                "to": item.to,
                "src": item.src,
                "at": shapes.plain_time(self._provider.ends(item)),
                "outcome": item.outcome,
                "arrived": item.outcome in _ARRIVED,
                "pages": self._provider.pages(item),
            }
            for item in newest
        ]
        return HTMLResponse(_template().render(faxes=shown))

    async def _page(self, request: Request) -> Response:
        fax = self._provider.find(request.path_params["id"])
        if not isinstance(fax, Item) or fax not in self._provider.faxed(self._clock()):
            return not_found()
        page = request.path_params["page"]
        content = await asyncio.to_thread(pages.picture, self._provider, fax, page)
        return Response(content, media_type="image/png") if content else not_found()


@cache
def _template() -> Any:
    from jinja2 import Environment  # noqa: PLC0415 - only for who looks at the page

    return Environment(autoescape=True).from_string(_PAGE)
