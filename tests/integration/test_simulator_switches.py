"""C1: every switch of the simulator, turned and exercised over HTTP; none is left out.

The rows are those of the fact sheet's table of choices a simulator must make.
"""

import asyncio
import base64
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import httpx
import pytest

from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Switches, Trouble

NUMBER, OTHER = "+41225550123", "+41225550124"
START = 1_800_000_000.0


class Line:
    """Any client of the simulator: raw HTTP, and the hands on its clock."""

    def __init__(self) -> None:
        self.now = START
        self.provider = Provider(Switches(converting=10, sending=20))
        self.simulator = Simulator(self.provider, token="pat", clock=lambda: self.now)

    async def __aenter__(self) -> Self:
        await self.simulator.__aenter__()
        root = self.simulator.base_url.removesuffix("/v3")
        bearer = {"Authorization": "Bearer pat"}
        self.http = httpx.AsyncClient(base_url=root, headers=bearer, trust_env=False)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.http.aclose()
        await self.simulator.__aexit__(None, None, None)

    async def turn(self, **switches: Any) -> None:
        """Turn switches, as another process does."""
        answer = await self.http.put("/_simulator/switches", json=switches)
        assert answer.status_code == 204

    async def call(
        self, method: str, path: str, *, user: str = "self", **content: Any
    ) -> httpx.Response:
        """A call of the account, or of a member."""
        return await self.http.request(method, f"/v3/accounts/{user}/{path}", **content)

    async def upload(self, field: str = "fax_file") -> httpx.Response:
        """Upload a document."""
        files = {field: ("a.pdf", b"%PDF-1.4 made up", "application/pdf")}
        return await self.call("POST", "files", files=files)

    async def order(self, *to: str, **more: Any) -> httpx.Response:
        """Upload, and order a fax."""
        path = (await self.upload()).json()["path"]
        body = {
            "from": "+41225550100", "to": list(to or (NUMBER,)), "files": [path],
            "return_ids": True, "comment": {"text": "hello", "tags": ["m2f:X"]},
        }  # fmt: skip
        return await self.call("POST", "outbox", json=body | more)

    async def ordered(self, **more: Any) -> str:
        """The id of a fax that was ordered."""
        answer = await self.order(**more)
        fax_id: str = answer.json()["ids"][NUMBER]
        return fax_id

    async def outbox(self) -> list[dict[str, Any]]:
        """What waits to be sent."""
        records: list[dict[str, Any]] = (await self.call("GET", "outbox")).json()["records"]
        return records

    async def faxes(self, **query: Any) -> list[dict[str, Any]]:
        """The archive."""
        answer = await self.call("GET", "faxes", params=query)
        records: list[dict[str, Any]] = answer.json()["data"]["records"]
        return records


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A simulator in simulated time."""
    async with Line() as line:
        yield line


# One check a switch. Each shows the default first where that is not shown elsewhere.

Check = Callable[[Line], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def exercises(*names: str) -> Callable[[Check], Check]:
    """These switches are exercised by this check."""

    def remember(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(names, check))
        return check

    return remember


@exercises("outcomes", "default_outcome")
async def _outcomes(line: Line) -> None:
    await line.turn(outcomes={OTHER: ["failed_user_busy", "an_invented_value"]},
                    default_outcome="partially_sent")  # fmt: skip
    for _ in range(2):
        await line.order(OTHER)
    await line.order()
    line.now += 60
    shown = [(fax["to"], fax["status"]) for fax in await line.faxes(order="asc")]
    assert sorted(shown) == [
        (NUMBER, "partially_sent"), (OTHER, "an_invented_value"), (OTHER, "failed_user_busy"),
    ]  # fmt: skip


@exercises("submitted", "converting", "sending")
async def _walk(line: Line) -> None:
    await line.turn(submitted=5, converting=5, sending=5)
    await line.order(send_time="2027-01-15 08:01:00 +0000")  # a minute from START
    walked = []
    for _ in range(14):
        walked += [item["status"] for item in await line.outbox()] or ["gone"]
        line.now += 5
    assert list(dict.fromkeys(walked)) == [
        "submitted", "converting", "scheduled_for_sending", "sending", "gone",
    ]  # fmt: skip


@exercises("settling", "settling_status")
async def _settling(line: Line) -> None:
    await line.turn(settling=30, settling_status="in_progress")
    await line.order()
    line.now += 40
    assert [fax["status"] for fax in await line.faxes()] == ["in_progress"]
    line.now += 30
    assert [fax["status"] for fax in await line.faxes()] == ["success"]


@exercises("failed_attempts")
async def _attempts(line: Line) -> None:
    await line.turn(failed_attempts=2)
    session = await line.ordered(options={"retry": {"count": 2, "delay": 1}})
    line.now += 20
    assert [fax["status"] for fax in await line.faxes()] == ["failed_user_busy"]
    assert len(await line.outbox()) == 1
    line.now += 20
    shown = {fax["id"]: fax["status"] for fax in await line.faxes(order="asc")}
    assert list(shown.values()) == ["failed_user_busy", "failed_user_busy", "success"]
    assert next(iter(shown)) == session
    assert (await line.call("GET", f"files/{session}", params={"format": "pdf"})).is_success


@exercises("trouble", "always")
async def _in_turn(line: Line) -> None:
    await line.turn(trouble={"list": ["500"]}, always={"send": "403"})
    answers = [await line.call("GET", "outbox") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [500, 200]
    assert [(await line.order()).status_code for _ in range(2)] == [403, 403]


@exercises("retry_after")
async def _retry_after(line: Line) -> None:
    await line.turn(trouble={"list": ["429", "429"]})
    assert "retry-after" not in (await line.call("GET", "outbox")).headers
    await line.turn(retry_after="9")
    assert (await line.call("GET", "outbox")).headers["retry-after"] == "9"


@exercises("cut_at")
async def _cut_at(line: Line) -> None:
    await line.turn(trouble={"send": ["cut after commit"]}, cut_at=40)
    with pytest.raises(httpx.RemoteProtocolError):
        await line.order()
    assert len(await line.outbox()) == 1


@exercises("commit_lasts")
async def _commit_lasts(line: Line) -> None:
    await line.turn(trouble={"send": ["cut during commit"]}, commit_lasts=5)
    with pytest.raises(httpx.HTTPError):
        await line.order(NUMBER, OTHER)
    assert [item["to"] for item in await line.outbox()] == [[NUMBER]]
    line.now += 5
    assert [item["to"] for item in await line.outbox()] == [[NUMBER], [OTHER]]


@exercises("silence")
async def _silence(line: Line) -> None:
    await line.turn(trouble={"send": ["silent after commit"]}, silence=0.2)
    with pytest.raises(httpx.HTTPError):
        await line.order()
    assert len(await line.outbox()) == 1


@exercises("late_commit")
async def _late_commit(line: Line) -> None:
    await line.turn(late_commit=300)
    await line.order()
    assert await line.outbox() == []
    line.now += 300
    assert len(await line.outbox()) == 1


@exercises("listing_gap")
async def _listing_gap(line: Line) -> None:
    await line.turn(listing_gap=60)
    fax_id = await line.ordered()
    line.now += 40
    gone = await line.call("GET", f"outbox/{fax_id}")
    not_yet = await line.call("GET", f"faxes/{fax_id}")
    assert (gone.status_code, not_yet.status_code, await line.faxes()) == (404, 404, [])
    line.now += 60
    assert len(await line.faxes()) == 1


@exercises("listing_gap_polls")
async def _listing_gap_polls(line: Line) -> None:
    await line.turn(listing_gap_polls=2)
    await line.order()
    line.now += 40
    assert [len(await line.faxes()) for _ in range(4)] == [0, 0, 1, 1]


@exercises("outbox_ids_differ")
async def _outbox_ids(line: Line) -> None:
    await line.turn(outbox_ids_differ=True)
    fax_id = await line.ordered()
    (item,) = await line.outbox()
    assert item["id"] != fax_id
    line.now += 40
    assert [fax["id"] for fax in await line.faxes()] == [fax_id]


@exercises("fax_ids_differ")
async def _fax_ids(line: Line) -> None:
    await line.turn(fax_ids_differ=True)
    fax_id = await line.ordered()
    assert [item["id"] for item in await line.outbox()] == [fax_id]
    line.now += 40
    assert [fax["id"] for fax in await line.faxes()] != [fax_id]


@exercises("archive_comment")
async def _archive_comment(line: Line) -> None:
    await line.order()
    line.now += 40
    assert [fax["comment"] for fax in await line.faxes()] == ["hello"]
    await line.turn(archive_comment=False)
    assert [fax["comment"] for fax in await line.faxes()] == [""]


@exercises("outbox_tags")
async def _outbox_tags(line: Line) -> None:
    await line.order()
    assert [item["comment"]["tags"] for item in await line.outbox()] == [["m2f:X"]]
    await line.turn(outbox_tags=False)
    assert [item["comment"]["tags"] for item in await line.outbox()] == [[]]


@exercises("from_number_key")
async def _from_number(line: Line) -> None:
    await line.order()
    line.now += 40
    assert [fax["from"] for fax in await line.faxes()] == ["+41225550100"]
    await line.turn(from_number_key=True)
    (fax,) = await line.faxes()
    assert fax["from_number"] == "+41225550100"
    assert "from" not in fax


@exercises("short_paths")
async def _short_paths(line: Line) -> None:
    first = await line.upload()
    assert first.status_code == 201
    path = first.json()["path"]
    assert path.startswith("/storage/transient-")
    assert path.endswith(".pdf")
    await line.turn(short_paths=True)
    short = (await line.upload()).json()["path"]
    assert short.startswith("/transient-")
    assert "." not in short
    assert (await line.upload("file")).status_code == 400


@exercises("ids", "empty_order_answer")
async def _order_answer(line: Line) -> None:
    assert (await line.order(return_ids=False)).json() == {}
    await line.turn(ids=False)
    answer = await line.order()
    assert (answer.status_code, answer.json()) == (201, {})
    await line.turn(empty_order_answer=True)
    answer = await line.order()
    assert (answer.status_code, answer.content) == (201, b"")


@exercises("changes_answer_json")
async def _changes(line: Line) -> None:
    fax_id = await line.ordered()
    answer = await line.call("PUT", f"outbox/{fax_id}", json={"comment": "x"})
    assert (answer.status_code, answer.content) == (204, b"")
    await line.turn(changes_answer_json=True)
    answer = await line.call("DELETE", f"outbox/{fax_id}")
    assert (answer.status_code, answer.json()) == (200, {})


@exercises("from_fax")
async def _from_fax(line: Line) -> None:
    fax_id = await line.ordered()
    line.now += 40
    assert (await line.order(from_fax={"id": fax_id})).status_code == 201
    line.now += 40
    assert sorted(fax["pages"] for fax in await line.faxes()) == [1, 2]
    await line.turn(from_fax=False)
    assert (await line.order(from_fax={"id": fax_id})).status_code == 400


@exercises("default_category")
async def _categories(line: Line) -> None:
    await line.order()
    line.now += 40
    for category in ("inbox", "spam"):
        body = {"from": OTHER, "category": category}
        assert (await line.http.post("/_simulator/received", json=body)).status_code == 201
    for category, count in {"sent": 1, "inbox": 1, "spam": 1}.items():
        assert len(await line.faxes(category=category)) == count
    assert len(await line.faxes()) == 1
    await line.turn(default_category="")
    assert len(await line.faxes()) == 3


class Heard:
    """A target of hooks on a real socket: the bodies it was told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        from starlette.applications import Starlette  # noqa: PLC0415
        from starlette.responses import Response  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415

        from mail2fax.simulator.server import EmbeddedServer  # noqa: PLC0415

        async def hear(request: Any) -> Response:
            self.bodies.append(await request.json())
            return Response(status_code=204)

        import uvicorn  # noqa: PLC0415

        application = Starlette(routes=[Route("/hook", hear, methods=["POST"])])
        settings = {"host": "127.0.0.1", "port": 0, "log_config": None, "lifespan": "off"}
        self._server = EmbeddedServer(uvicorn.Config(application, **settings))  # type: ignore[arg-type]
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has a flag and no event
            await asyncio.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.should_exit = True
        await self._task

    async def told(self, count: int) -> list[dict[str, Any]]:
        """The bodies, once there are so many."""
        async with asyncio.timeout(10):
            while len(self.bodies) < count:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)
        return self.bodies


async def _registered(line: Line, heard: Heard, *events: str) -> None:
    for event in events or ("fax_sent",):
        body = {"target": heard.url, "event": event}
        assert (await line.http.post("/v3/hooks", json=body)).is_success


@exercises("hook_copies")
async def _hook_copies(line: Line) -> None:
    async with Heard() as heard:
        await _registered(line, heard)
        await line.turn(hook_copies=2)
        fax_id = await line.ordered()
        line.now += 40
        bodies = await heard.told(2)
        assert [body["data"]["id"] for body in bodies] == [fax_id] * 2
        await line.turn(hook_copies=0)
        await line.ordered()
        line.now += 40
        await asyncio.sleep(0.2)
        assert len(heard.bodies) == 2


@exercises("hook_late")
async def _hook_late(line: Line) -> None:
    async with Heard() as heard:
        await _registered(line, heard)
        await line.turn(hook_late=100)
        await line.ordered()
        line.now += 40
        await asyncio.sleep(0.2)
        assert heard.bodies == []
        line.now += 100
        await heard.told(1)


@exercises("hooks_reversed")
async def _hooks_reversed(line: Line) -> None:
    async with Heard() as heard:
        await _registered(line, heard)
        await line.turn(hooks_reversed=True, failed_attempts=1)
        session = await line.ordered(options={"retry": {"count": 1, "delay": 1}})
        line.now += 40
        last, first = (body["hook"]["id"] for body in await heard.told(2))
        assert first == session != last


@exercises("hook_long_keys")
async def _hook_keys(line: Line) -> None:
    async with Heard() as heard:
        await _registered(line, heard, "fax_sent", "fax_received")
        fax_id = await line.ordered()
        line.now += 40
        (body,) = await heard.told(1)
        assert (body["hook"]["event"], body["hook"]["id"]) == ("fax_sent", fax_id)
        assert (body["data"]["from"], body["data"]["to"]) == ("+41225550100", NUMBER)
        assert body["data"]["status"] == "success"
        await line.turn(hook_long_keys=True)
        await line.http.post("/_simulator/received", json={"from": OTHER})
        received = (await heard.told(2))[1]
        assert received["hook"]["event"] == "fax_received"
        assert (received["data"]["from_number"], received["data"]["to_number"]) == (
            OTHER, "+41225550100",
        )  # fmt: skip


@exercises("delay")
async def _delay(line: Line) -> None:
    await line.turn(delay=30)
    with pytest.raises(httpx.ReadTimeout):
        await line.call("GET", "outbox", timeout=0.2)


async def _token(line: Line, refresh_token: str) -> httpx.Response:
    basic = base64.b64encode(b"APIK-simulator:secret").decode()
    return await line.http.post(
        "/token",
        params={"grant_type": "refresh_token", "refresh_token": refresh_token},
        headers={"Authorization": f"Basic {basic}"},
    )


@exercises("token_life", "told_life", "rotate_refresh")
async def _token_endpoint(line: Line) -> None:
    line.provider.tokens.refresh_tokens.add("first")
    plain = (await _token(line, "first")).json()
    assert (plain["expires_in"], "refresh_token" in plain) == (3600, False)
    await line.turn(token_life=5, told_life=0, rotate_refresh=True)
    rotated = (await _token(line, "first")).json()
    assert "expires_in" not in rotated
    assert (await _token(line, "first")).json() == {"error": "invalid_grant"}
    assert (await _token(line, rotated["refresh_token"])).is_success
    headers = {
        "Authorization": f"Bearer {rotated['access_token']}", "x-fax-clientid": "APIK-simulator",
    }  # fmt: skip
    assert (await line.call("GET", "outbox", headers=headers)).status_code == 200
    line.now += 5
    assert (await line.call("GET", "outbox", headers=headers)).status_code == 401


@exercises("token_delay")
async def _token_delay(line: Line) -> None:
    line.provider.tokens.refresh_tokens.add("first")
    await line.turn(token_delay=30)
    line.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        await _token(line, "first")


async def _order_as(line: Line, user: str, path: str) -> httpx.Response:
    body = {"from": "+41225550100", "to": [NUMBER], "files": [path], "return_ids": True}
    return await line.call("POST", "outbox", user=user, json=body)


@exercises("members", "barred_members")
async def _members(line: Line) -> None:
    path = (await line.upload()).json()["path"]
    fax_id = (await _order_as(line, "ann", path)).json()["ids"][NUMBER]
    item = f"outbox/{fax_id}"
    assert await line.outbox() == []
    assert (await line.call("GET", item)).status_code == 404
    assert (await line.call("DELETE", item, user="bob")).status_code == 404
    (record,) = (await line.call("GET", "outbox", user="ann")).json()["records"]
    assert (record["id"], record["uid"]) == (fax_id, "ann")
    line.now += 40
    assert await line.faxes() == []
    for kind in ("faxes", "files", "report", "thumbnail"):
        answers = [await line.call("GET", f"{kind}/{fax_id}", user=u) for u in ("self", "ann")]
        assert [answer.status_code for answer in answers] == [404, 200]
    await line.turn(members=["ann"], barred_members=["ann"])
    answers = [await line.call("GET", "faxes", user=u) for u in ("self", "ann", "bob")]
    assert [answer.status_code for answer in answers] == [200, 403, 404]


@exercises("own_uploads")
async def _own_uploads(line: Line) -> None:
    path = (await line.upload()).json()["path"]
    assert (await _order_as(line, "ann", path)).status_code == 201
    await line.turn(own_uploads=True)
    assert (await _order_as(line, "ann", path)).status_code == 400
    assert (await _order_as(line, "self", path)).status_code == 201


@pytest.mark.parametrize("switch", [field.name for field in dataclasses.fields(Switches)])
async def test_a_switch_does_what_it_says(line: Line, switch: str) -> None:
    """C1: one row a switch; a switch without a check fails here."""
    assert switch in CHECKS, f"{switch} is exercised by no check"
    await CHECKS[switch](line)


# Every trouble of a call: what the client sees, and how many faxes were ordered all the same.

ANSWERS: dict[Trouble, tuple[int | None, int]] = {
    Trouble.CUT_BEFORE: (None, 0),
    Trouble.CUT_DURING: (None, 1),
    Trouble.CUT_AFTER: (None, 1),
    Trouble.SILENT: (None, 1),
    Trouble.BAD_REQUEST: (400, 0),
    Trouble.UNAUTHORIZED: (401, 0),
    Trouble.WORDLESS_401: (401, 0),
    Trouble.NO_CREDIT: (402, 0),
    Trouble.FORBIDDEN: (403, 0),
    Trouble.NOT_FOUND: (404, 0),
    Trouble.CONFLICT: (409, 0),
    Trouble.TOO_LARGE: (413, 0),
    Trouble.UNSUPPORTED: (415, 0),
    Trouble.THROTTLED: (429, 0),
    Trouble.INTERNAL: (500, 0),
    Trouble.EMPTY_500: (500, 0),
    Trouble.GATEWAY: (502, 0),
    Trouble.GATEWAY_AFTER: (502, 1),
}


@pytest.mark.parametrize("trouble", list(Trouble))
async def test_a_trouble_comes_before_during_or_after_the_commit(
    line: Line, trouble: Trouble
) -> None:
    """C1: the code, or a cut connection, and the truth about the order; then all is well again."""
    wanted, ordered = ANSWERS[trouble]
    await line.turn(trouble={"send": [trouble]}, silence=0.1, commit_lasts=0)
    try:
        status: int | None = (await line.order()).status_code
    except httpx.HTTPError:
        status = None

    assert (status, len(await line.outbox())) == (wanted, ordered)
    assert (await line.order()).status_code == 201


@pytest.mark.parametrize(
    "spoilt",
    [
        {"comment": "a text"},
        {"to": []},
        {"to": [NUMBER] * 4001},
        {"files": ["/storage/x"] * 11},
        {"files": ["/storage/nowhere"]},
        {"from": "022 555"},
        {"resolution": "finest"},
        {"options": {"retry": {"count": 4}}},
        {"options": []},
        {"send_time": "2027-01-15T08:01:00Z"},
        {"cover_page": {"name_to": "A"}},
        {"cover_page": {"name_to": "A", "name_from": "B", "subject": "C", "flags": ["now"]}},
    ],
    ids=lambda spoilt: next(iter(spoilt)),
)
async def test_an_invalid_order_is_a_400_in_words(line: Line, spoilt: dict[str, Any]) -> None:
    """C1: the validation the fact sheet suggests, and nothing is ordered."""
    answer = await line.order(**spoilt)

    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert await line.outbox() == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 51}, {"limit": 0}, {"limit": "many"}, {"offset": -1}, {"category": "trash"},
        {"sort_by": "size"}, {"order": "up"}, {"after": "2027-01-15"}, {"before": "tomorrow"},
    ],
)  # fmt: skip
async def test_a_query_out_of_bounds_is_a_400(line: Line, query: dict[str, Any]) -> None:
    """C1: limit above 50 and everything else the API does not know."""
    assert (await line.call("GET", "faxes", params=query)).status_code == 400


async def test_a_list_can_be_paged_sorted_and_bounded(line: Line) -> None:
    """C1: every query of the list of faxes."""
    for number in (OTHER, NUMBER, "+41225550122"):
        await line.order(number, comment={"text": number[::-1]})
        line.now += 60
    by_date = [fax["to"] for fax in await line.faxes(sort_by="date", order="asc")]
    times = [fax["start_time"] for fax in await line.faxes(sort_by="date", order="asc")]

    assert by_date == [OTHER, NUMBER, "+41225550122"]
    assert [fax["to"] for fax in await line.faxes(sort_by="to", order="desc")] == sorted(
        by_date, reverse=True
    )
    comments = [fax["comment"] for fax in await line.faxes(sort_by="comment", order="asc")]
    assert comments == sorted(comments)
    paged = await line.faxes(limit=1, offset=1, order="asc")
    assert [fax["to"] for fax in paged] == [NUMBER]
    between = await line.faxes(after=times[1], before=times[1])
    assert [fax["to"] for fax in between] == [NUMBER]
    for by in ("from", "pages"):
        assert len(await line.faxes(sort_by=by)) == 3


async def test_both_bulk_updates(line: Line) -> None:
    """C1: up to 100 ids, doubles ignored; 409 while one is being sent."""
    first, second = await line.ordered(), await line.ordered()
    bulk = {"ids": [first, second, second], "comment": "new"}
    assert (await line.call("PUT", "outbox", json=bulk)).status_code == 204
    assert [item["comment"]["text"] for item in await line.outbox()] == ["new", "new"]
    line.now += 15
    assert (await line.call("PUT", "outbox", json=bulk)).status_code == 409
    line.now += 40
    change = {"ids": [first], "comment": "archived", "is_read": False}
    assert (await line.call("PUT", "faxes", json=change)).status_code == 204
    shown = {fax["id"]: (fax["comment"], fax["is_read"]) for fax in await line.faxes()}
    assert shown == {first: ("archived", False), second: ("new", True)}
    many = {"ids": [str(number) for number in range(101)], "comment": ""}
    assert (await line.call("PUT", "outbox", json=many)).status_code == 400


async def test_a_deleted_record_is_gone_and_was_faxed_all_the_same(line: Line) -> None:
    """C1: the account shows it no more, the truth does."""
    fax_id = await line.ordered()
    line.now += 40
    assert (await line.call("DELETE", f"faxes/{fax_id}")).status_code == 204

    assert await line.faxes() == []
    assert (await line.call("GET", f"faxes/{fax_id}")).status_code == 404
    assert (await line.call("DELETE", f"faxes/{fax_id}")).status_code == 404
    truth = (await line.http.get("/_simulator/truth")).json()
    assert [fax["id"] for fax in truth["faxed"]] == [fax_id]


async def test_switches_that_do_not_exist_are_refused(line: Line) -> None:
    """C1: a typing error turns nothing on."""
    answer = await line.http.put("/_simulator/switches", json={"no_such_switch": 1})

    assert answer.status_code == 400
