"""The client on real sockets: the official client's requests, cut answers, and dead ends."""

import asyncio
import contextlib
import hashlib
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mail2fax.errors import Fate, PermanentFailure, TemporaryFailure
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import CoverPage, Order

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import faxplus

ORDER = Order(from_=("+41225550100",), to=("+41225550123",), files=("/storage/x",))
ANSWER = b'{"ids": {"+41225550123": "abc"}}'


@dataclass
class Request:
    """One recorded request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body as JSON, None without one."""
        return json.loads(self.body) if self.body else None

    @property
    def part(self) -> tuple[str, str | None, str, object]:
        """Its one multipart part: field name, file name, type, bytes."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        whole = message_from_bytes(head + self.body, policy=compat32)
        (part,) = [part for part in whole.walk() if not part.is_multipart()]
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        return str(name), part.get_filename(), part.get_content_type(), content


@dataclass
class Recorder:
    """A tiny HTTP server: records requests, answers as told."""

    answer: bytes = b"{}"
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    raw: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    @property
    def url(self) -> str:
        """Base URL for a client."""
        return f"http://127.0.0.1:{self.port}/v3"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection, one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            parts = urlsplit(target)
            query = dict(parse_qsl(parts.query))
            self.requests.append(Request(method, parts.path, query, headers, body))
            if self.raw is not None:
                await self.raw(writer)
            else:
                writer.write(success(self.answer))
            await writer.drain()
        finally:
            writer.close()


def success(body: bytes) -> bytes:
    """A whole 200 answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\nConnection: close\r\n\r\n" + body


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A running recorder."""
    recorder = Recorder()
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    recorder.port = server.sockets[0].getsockname()[1]
    yield recorder
    server.close()


@pytest.fixture
async def ours(recorder: Recorder) -> AsyncIterator[FaxPlus]:
    """Our client, talking to the recorder."""
    client = FaxPlus(recorder.url, "alohi_pat_test", deadline=5)
    yield client
    await client.aclose()


def official(recorder: Recorder) -> Any:
    """The official client's API object, talking to the recorder."""
    configuration = faxplus.Configuration()
    configuration.host = recorder.url
    configuration.access_token = "alohi_pat_test"
    return faxplus.ApiClient(configuration)


def theirs(recorder: Recorder, call: str) -> Callable[[], object]:
    """One call of the official client, by our name for it."""
    api = official(recorder)
    outbox, faxes = faxplus.OutboxApi(api), faxplus.FaxesApi(api)
    numbers, accounts = faxplus.NumbersApi(api), faxplus.AccountsApi(api)
    files, hooks = faxplus.FilesApi(api), faxplus.WebhooksApi(api)
    calls: dict[str, Callable[[], object]] = {
        "outbox": lambda: outbox.list_outbox_faxes("self"),
        "outbox_fax": lambda: outbox.get_outbox_fax("self", "a1"),
        "change_comment": lambda: outbox.update_outbox_fax(
            "self", "a1", faxplus.PayloadOutboxModification(comment="new")
        ),
        "cancel": lambda: outbox.delete_outbox_fax("self", "a1"),
        "faxes": lambda: faxes.list_faxes(
            "self",
            category="sent",
            after="2026-01-01 00:00:00",
            limit=50,
            offset=0,
            sort_by="date",
            order="asc",
        ),
        "fax": lambda: faxes.get_fax("self", "f1"),
        "change_fax": lambda: faxes.update_fax(
            "self", "f1", faxplus.PayloadFaxModification(comment="c", is_read=True)
        ),
        "delete_fax": lambda: faxes.delete_fax("self", "f1"),
        "numbers": lambda: numbers.list_numbers("self"),
        "number": lambda: numbers.get_number("self", "+41225550100"),
        "account": lambda: accounts.get_user("self"),
        "accounts": accounts.get_accounts,
        "member_details": lambda: accounts.get_member_details("u1"),
        "file": lambda: files.get_file("self", "f1", format="pdf"),
        "report": lambda: files.get_fax_report("self", "f1"),
        "thumbnail": lambda: files.get_fax_thumbnail("self", "f1"),
        "balance": faxplus.ShopApi(api).get_balance,
        "hooks": lambda: hooks.get_webhooks("fax_sent"),
        "create_hook": lambda: hooks.create_webhook(
            body=faxplus.Webhook(target="http://127.0.0.1/x", event="fax_sent")
        ),
        "delete_hook": lambda: hooks.delete_webhook("h/1"),
    }
    return calls[call]


async def mine(client: FaxPlus, call: str) -> None:
    """The same call of ours; what it makes of an empty answer does not matter here."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "outbox": client.outbox,
        "outbox_fax": lambda: client.outbox_fax("a1"),
        "change_comment": lambda: client.change_comment("a1", "new"),
        "cancel": lambda: client.cancel("a1"),
        "faxes": lambda: client.sent_since(datetime(2026, 1, 1, tzinfo=UTC)),
        "fax": lambda: client.fax("f1"),
        "change_fax": lambda: client.change_fax("f1", "c", is_read=True),
        "delete_fax": lambda: client.delete_fax("f1"),
        "numbers": client.numbers,
        "number": lambda: client.number("+41225550100"),
        "account": client.account,
        "accounts": client.accounts,
        "member_details": lambda: client.member_details("u1"),
        "file": lambda: client.file("f1", "pdf"),
        "report": lambda: client.report("f1"),
        "thumbnail": lambda: client.thumbnail("f1"),
        "balance": client.balance,
        "hooks": lambda: client.hooks("fax_sent"),
        "create_hook": lambda: client.create_hook("fax_sent", "http://127.0.0.1/x"),
        "delete_hook": lambda: client.delete_hook("h/1"),
    }
    with contextlib.suppress(TemporaryFailure):
        await calls[call]()


async def quietly(call: Callable[[], object]) -> None:
    """Run a call of the official client, which chokes on an empty answer after sending."""

    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                call()
            except (ValueError, TypeError, AttributeError):
                return

    await asyncio.to_thread(run)


@pytest.mark.parametrize(
    "call",
    [
        "outbox", "outbox_fax", "change_comment", "cancel", "faxes", "fax", "change_fax",
        "delete_fax", "numbers", "number", "account", "accounts", "member_details",
        "file", "report", "thumbnail", "balance", "hooks", "create_hook", "delete_hook",
    ],
)  # fmt: skip
async def test_a_call_is_the_official_clients_call(
    recorder: Recorder, ours: FaxPlus, call: str
) -> None:
    """S1: method, path, query, body and authorisation are those of the official client."""
    await quietly(theirs(recorder, call))
    await mine(ours, call)

    wanted, got = recorder.requests
    assert (got.method, got.path, got.query) == (wanted.method, wanted.path, wanted.query)
    assert got.json == wanted.json
    assert got.headers["authorization"] == wanted.headers["authorization"]


async def test_an_order_is_the_official_clients_order(recorder: Recorder, ours: FaxPlus) -> None:
    """S1: the outbox POST, field by field, for every field the official client knows."""
    recorder.answer = ANSWER
    payload = faxplus.PayloadOutbox(
        from_number="+41225550100",
        to=["+41225550123"],
        files=["/storage/x"],
        comment=faxplus.OutboxComment(tags=["m2f:X"], text="hello"),
        options=faxplus.OutboxOptions(
            enhancement=True, retry=faxplus.RetryOptions(count=2, delay=15)
        ),
        send_time="2026-01-01 01:02:03 +0000",
        return_ids=True,
        cover_page=faxplus.OutboxCoverPage(
            name_to="A", name_from="B", subject="C", message="D", flags=["urgent"]
        ),
    )
    send = faxplus.OutboxApi(official(recorder)).send_fax
    await quietly(lambda: send("self", payload))

    ids = await ours.send(
        Order(
            from_=("+41225550100",),
            to=("+41225550123",),
            files=("/storage/x",),
            comment_text="hello",
            comment_tags=("m2f:X",),
            enhancement=True,
            retry=(2, 15),
            send_time=datetime(2026, 1, 1, 1, 2, 3, tzinfo=UTC),
            cover_page=CoverPage("A", "B", "C", "D", ("urgent",)),
        )
    )

    wanted, got = recorder.requests
    assert ids == {"+41225550123": "abc"}
    assert (got.method, got.path, got.json) == (wanted.method, wanted.path, wanted.json)


@pytest.mark.parametrize("name", ["a b.pdf", "Befund März.pdf"])
async def test_an_upload_is_the_official_clients_upload(
    recorder: Recorder, ours: FaxPlus, tmp_path: Path, name: str
) -> None:
    """S1: field name, file name, type and bytes; and what was read is vouched for (K5)."""
    path = tmp_path / name
    path.write_bytes(b"%PDF-1.4 made up")
    recorder.answer = b'{"path": "/storage/y"}'
    upload_file = faxplus.FilesApi(official(recorder)).upload_file
    await quietly(lambda: upload_file("self", fax_file=str(path), format="pdf"))

    upload = await ours.upload(path, name, "application/pdf", "pdf")

    wanted, got = recorder.requests
    assert (got.method, got.path, got.query) == (wanted.method, wanted.path, wanted.query)
    assert got.part[0] == wanted.part[0] == "fax_file"
    assert got.part[2:] == wanted.part[2:]
    assert upload.path == "/storage/y"
    assert (upload.size, upload.sha256) == (16, hashlib.sha256(path.read_bytes()).hexdigest())


async def test_an_answer_cut_at_any_byte_is_never_a_success(
    recorder: Recorder, ours: FaxPlus
) -> None:
    """R2: a cut answer leaves the order's fate open; only the whole one names the fax ID."""
    whole = success(ANSWER)
    for cut in range(len(whole)):

        async def cut_off(writer: asyncio.StreamWriter, length: int = cut) -> None:
            writer.write(whole[:length])

        recorder.raw = cut_off
        with pytest.raises(TemporaryFailure) as caught:
            await ours.send(ORDER)
        assert caught.value.fate is Fate.UNKNOWN, cut

    recorder.raw = None
    recorder.answer = ANSWER
    assert await ours.send(ORDER) == {"+41225550123": "abc"}


async def test_an_order_gets_a_connection_of_its_own(recorder: Recorder, ours: FaxPlus) -> None:
    """S2: one request a POST, no redirect followed, no retry made."""

    async def moved(writer: asyncio.StreamWriter) -> None:
        target = f"{recorder.url}/accounts/self/elsewhere"
        head = f"HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())

    recorder.raw = moved
    with pytest.raises(TemporaryFailure) as caught:
        await ours.send(ORDER)

    assert caught.value.fate is Fate.UNKNOWN
    assert len(recorder.requests) == 1


async def test_a_refused_connection_never_left() -> None:
    """R2: nobody listened, so the order may be posted again."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    client = FaxPlus(f"http://127.0.0.1:{port}/v3", "token", deadline=5)

    with pytest.raises(TemporaryFailure) as caught:
        await client.send(ORDER)
    await client.aclose()

    assert caught.value.fate is Fate.NEVER_LEFT


async def test_a_trickling_answer_ends_at_the_deadline(recorder: Recorder) -> None:
    """S1: one total deadline a call, however alive the connection looks."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        for byte in success(ANSWER):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    recorder.raw = trickle
    client = FaxPlus(recorder.url, "token", deadline=0.5)
    with pytest.raises(TemporaryFailure) as caught:
        await client.send(ORDER)
    await client.aclose()

    assert caught.value.fate is Fate.UNKNOWN


async def test_a_server_that_does_not_page_is_never_complete(
    recorder: Recorder, ours: FaxPlus
) -> None:
    """S3: full pages that repeat themselves prove nothing."""
    records = [{"id": str(n), "status": "success"} for n in range(50)]
    recorder.answer = json.dumps({"data": {"records": records}}).encode()

    faxes, complete = await ours.sent_since(datetime(2026, 1, 1, tzinfo=UTC))

    assert (len(faxes), complete) == (50, False)


async def test_what_is_not_there_is_none_and_what_is_barred_is_raised(
    recorder: Recorder, ours: FaxPlus
) -> None:
    """A 404 in Fax.Plus's own words is an answer for a look-up, other refusals are not."""

    def refusing(status: int) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
        body = b'{"error": "no"}'

        async def refuse(writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 15\r\n\r\n".encode() + body)

        return refuse

    recorder.raw = refusing(404)
    assert await ours.fax("x") is None
    assert await ours.cancel("x") is False
    recorder.raw = refusing(400)
    with pytest.raises(PermanentFailure, match="400: no"):
        await ours.fax("x")
