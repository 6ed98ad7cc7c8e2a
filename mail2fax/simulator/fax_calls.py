"""Files, outbox and archive of the simulated provider (API facts 2.1 to 2.3)."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mail2fax.simulator import pages, shapes
from mail2fax.simulator.answers import Call, changed, json_of, not_found, whole
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.provider import Item, Provider, Received, Record

_MOST_ROWS = 50
_MOST_AT_ONCE = 100
_FAR = 1_000_000_000
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_FORMATS = ("pdf", "tiff")
_CATEGORIES = ("inbox", "sent", "spam")
_SORTED_BY: dict[str, Callable[[Provider, Record], Any]] = {
    "date": lambda _provider, record: record.start,
    "from": lambda _provider, record: record.of.src,
    "to": lambda _provider, record: record.of.to,
    "comment": lambda provider, record: shapes.fax(provider, record)["comment"],
    "pages": lambda provider, record: provider.pages(record.of),
}


class FaxCalls:
    """The endpoints that have to do with faxes, over one provider."""

    def __init__(self, provider: Provider, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._clock = clock

    def calls(self, account: str) -> list[Call]:
        """Every endpoint, below the path of an account."""
        return [
            Call("upload", "POST", f"{account}/files", self._upload),
            Call("file", "GET", f"{account}/files/{{id}}", self._file),
            Call("report", "GET", f"{account}/report/{{id}}", self._report),
            Call("thumbnail", "GET", f"{account}/thumbnail/{{id}}", self._thumbnail),
            Call("send", "POST", f"{account}/outbox", self._send),
            Call("list", "GET", f"{account}/outbox", self._outbox),
            # ASSUMPTION: method and path of both bulk updates; the pages do not show them.
            Call("outbox", "PUT", f"{account}/outbox", self._change_outbox_faxes),
            Call("fax", "PUT", f"{account}/faxes", self._change_faxes),
            Call("outbox", "GET", f"{account}/outbox/{{id}}", self._outbox_fax),
            Call("outbox", "PUT", f"{account}/outbox/{{id}}", self._change_outbox_fax),
            Call("cancel", "DELETE", f"{account}/outbox/{{id}}", self._cancel),
            Call("list", "GET", f"{account}/faxes", self._faxes),
            Call("fax", "GET", f"{account}/faxes/{{id}}", self._fax),
            Call("fax", "PUT", f"{account}/faxes/{{id}}", self._change_fax),
            Call("fax", "DELETE", f"{account}/faxes/{{id}}", self._delete_fax),
        ]

    # Files

    async def _upload(self, request: Request) -> Response:
        declared = request.query_params.get("format")
        if declared is not None and declared not in _FORMATS:
            raise Invalid("format is neither pdf nor tiff")
        async with request.form() as form:
            file = form.get("fax_file")
            if not isinstance(file, UploadFile):
                raise Invalid("no file in fax_file")
            content = await file.read()
        kind = file.content_type or ""
        count = await asyncio.to_thread(pages.count, content, kind)
        path = self._provider.upload(
            file.filename or "",
            kind,
            len(content),
            hashlib.sha256(content).hexdigest(),
            pages=count,
            content=content,
            user=self._user(request),
        )
        return JSONResponse({"path": path}, 201)

    async def _file(self, request: Request) -> Response:
        """The pages of a fax, as the far machine has them; by archive or session id."""
        wanted = request.query_params.get("format")
        if wanted is None:
            wanted = "tiff" if request.headers.get("accept") == "image/tiff" else "pdf"
        fax = self._fax_of(request)
        if fax is None:
            return not_found()
        if wanted not in _FORMATS:
            raise Invalid("format is neither pdf nor tiff")
        content = await asyncio.to_thread(pages.as_file, self._provider, fax, wanted)
        kind = "application/pdf" if wanted == "pdf" else "image/tiff"
        name = f'attachment; filename="fax-{fax.id}.{wanted}"'
        return Response(content, media_type=kind, headers={"Content-Disposition": name})

    async def _report(self, request: Request) -> Response:
        record = self._record(request)
        if record is None:
            return not_found()
        content = await asyncio.to_thread(pages.report, shapes.fax(self._provider, record))
        return Response(content, media_type="application/pdf")

    async def _thumbnail(self, request: Request) -> Response:
        fax = self._fax_of(request)
        if fax is None:
            return not_found()
        content = await asyncio.to_thread(pages.thumbnail, self._provider, fax)
        return Response(content, media_type="image/png")

    # Outbox

    async def _send(self, request: Request) -> Response:
        body = await json_of(request)
        switches = self._provider.switches
        cut_in = bool(request.scope.get("cut_in"))
        ids = self._provider.order(body, self._clock(), cut_in=cut_in, user=self._user(request))
        if switches.empty_order_answer:
            return Response(status_code=201)
        named = bool(body.get("return_ids")) and switches.ids
        return JSONResponse({"ids": ids} if named else {}, 201)

    async def _outbox(self, request: Request) -> Response:
        now = self._clock()
        items = self._items(request)
        records = [shapes.outbox_fax(self._provider, item, now) for item in items]
        return JSONResponse({"records": records})

    async def _outbox_fax(self, request: Request) -> Response:
        now = self._clock()
        item = self._waiting(request, request.path_params["id"])
        return JSONResponse(shapes.outbox_fax(self._provider, item, now)) if item else not_found()

    async def _change_outbox_fax(self, request: Request) -> Response:
        item = self._waiting(request, request.path_params["id"])
        if item is None:
            return not_found()
        item.comment = _comment(await json_of(request))
        return changed(self._provider.switches)

    async def _change_outbox_faxes(self, request: Request) -> Response:
        body = await json_of(request)
        items = [item for one in _ids(body) if (item := self._waiting(request, one))]
        comment = _comment(body)
        if any(self._provider.status(item, self._clock()) == "sending" for item in items):
            return JSONResponse(shapes.error("conflict", "a fax is being sent"), 409)
        for item in items:
            item.comment = comment
        return changed(self._provider.switches)

    async def _cancel(self, request: Request) -> Response:
        item = self._waiting(request, request.path_params["id"])
        if item is None:
            return not_found()
        # ASSUMPTION: what is being sent can be cancelled too; the call is dropped.
        self._provider.cancel(item)
        return changed(self._provider.switches)

    def _waiting(self, request: Request, fax_id: str) -> Item | None:
        """An item of the outbox, by its own id or the one the order's answer named."""
        for item in self._items(request):
            if fax_id in (item.outbox_id, item.id):
                return item
        return None

    # Archive

    async def _faxes(self, request: Request) -> Response:
        query = request.query_params
        limit = whole(query.get("limit", str(_MOST_ROWS)), "limit", 1, _MOST_ROWS)
        offset = whole(query.get("offset", "0"), "offset", 0, _FAR)
        category = query.get("category", self._provider.switches.default_category)
        by, order = query.get("sort_by", "date"), query.get("order", "desc")
        if category not in (*_CATEGORIES, "") or by not in _SORTED_BY or order not in (
            "asc", "desc",
        ):  # fmt: skip
            raise Invalid("category, sort_by or order is not known")
        after, before = _time(query, "after"), _time(query, "before")
        now = self._clock()
        records = [
            record
            for record in self._records(request, category)
            if after <= (start := shapes.plain_time(record.start))
            and (not before or start <= before)
        ]
        records.sort(key=lambda one: _SORTED_BY[by](self._provider, one), reverse=order == "desc")
        if not offset:
            self._provider.polled(now, self._user(request))
        shown = [shapes.fax(self._provider, one) for one in records[offset : offset + limit]]
        return JSONResponse({"data": {"records": shown}})

    async def _fax(self, request: Request) -> Response:
        record = self._record(request)
        return JSONResponse(shapes.fax(self._provider, record)) if record else not_found()

    async def _change_fax(self, request: Request) -> Response:
        record = self._record(request)
        if record is None:
            return not_found()
        body = await json_of(request)
        if not isinstance(body.get("is_read"), bool):
            raise Invalid("is_read is not of type 'boolean'")
        mark = self._provider.mark(record.id)
        mark.comment, mark.is_read = _comment(body), body["is_read"]
        return changed(self._provider.switches)

    async def _change_faxes(self, request: Request) -> Response:
        body = await json_of(request)
        mine = {record.id for record in self._records(request, "")}
        for fax_id in mine.intersection(_ids(body)):
            mark = self._provider.mark(fax_id)
            mark.comment = body.get("comment", mark.comment)
            mark.is_read = body.get("is_read", mark.is_read)
        return changed(self._provider.switches)

    async def _delete_fax(self, request: Request) -> Response:
        record = self._record(request)
        if record is None:
            return not_found()
        self._provider.mark(record.id).deleted = True
        return changed(self._provider.switches)

    def _record(self, request: Request) -> Record | None:
        """A record by its id; the session's opens the last one of its attempts."""
        wanted = request.path_params["id"]
        records = self._records(request, "")
        found = [record for record in records if wanted in (record.id, record.of.id)]
        return next((one for one in found if one.id == wanted), found[-1] if found else None)

    # Whose

    def _user(self, request: Request) -> str:
        """The user whose path it is; one that is known."""
        user = self._provider.user(request.path_params["user"])
        assert user is not None, "the door has looked"
        return user

    def _items(self, request: Request) -> list[Item]:
        user = self._user(request)
        return [item for item in self._provider.outbox(self._clock()) if item.user == user]

    def _records(self, request: Request, category: str) -> list[Record]:
        user = self._user(request)
        found = self._provider.records(self._clock(), category)
        return [record for record in found if record.of.user == user]

    def _fax_of(self, request: Request) -> Item | Received | None:
        fax = self._provider.find(request.path_params["id"])
        return fax if fax is not None and fax.user == self._user(request) else None


def _comment(body: dict[str, Any]) -> str:
    comment = body.get("comment")
    if not isinstance(comment, str):
        raise Invalid("comment is not of type 'string'")
    return comment


def _ids(body: dict[str, Any]) -> list[str]:
    ids = body.get("ids")
    if not isinstance(ids, list) or len(set(ids)) > _MOST_AT_ONCE:
        raise Invalid("ids is not a list of at most 100")
    return list(dict.fromkeys(ids))


def _time(query: Any, name: str) -> str:
    text: str = query.get(name, "")
    if text and not _TIME.fullmatch(text):
        raise Invalid(f"{name} is not YYYY-MM-DD HH:mm:ss")
    return text
