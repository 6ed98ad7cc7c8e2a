"""The Fax.Plus REST API v3, as far as a bridge needs it; one object for the daemon's life.

Every call raises `TemporaryFailure`, `PermanentFailure` or `AccountFailure` (see `border`) and
ends within one total deadline. Nothing here retries: who may repeat what is decided in
``sending``. Neither tokens nor content are ever logged.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from mail2fax.errors import PermanentFailure, TemporaryFailure
from mail2fax.faxplus import border, wire

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every address it calls

_NOT_FOUND = 404
_PAGE = 50
_MOST_PAGES = 40
_MOST_BYTES = 40_000_000


class _Bearer(httpx.Auth):
    """A personal access token on every call."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded: the path to order with, and what bytes were really read and sent."""

    path: str
    sha256: str
    size: int


class _HashingFile:
    """A file that remembers what was read from it, so that the upload can be vouched for."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, length: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(length)
        self.digest.update(data)
        self.size += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; back at the start, what was read before does not count."""
        position = self._file.seek(offset, whence)
        if position == 0:
            self.digest, self.size = hashlib.sha256(), 0
        return position

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._file.tell()

    def fileno(self) -> int:
        """For the length of the body."""
        return self._file.fileno()

    def __iter__(self) -> Generator[bytes, None, None]:
        while data := self.read(65536):
            yield data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FaxPlus:
    """A client of one Fax.Plus account.

    Args:
        base_url: such as ``https://restapi.fax.plus/v3``.
        token: a personal access token.
        user_id: ``self`` or a member's id.
        deadline: seconds in all for any call but an upload.
        upload_deadline: seconds in all for one upload.
        transport: for tests; httpx's own when None.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        user_id: str = "self",
        deadline: float = 60.0,
        upload_deadline: float = 600.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._auth = _Bearer(token)
        self._user_id = user_id
        self._deadline = deadline
        self._upload_deadline = upload_deadline
        self._transport = transport
        # Reading the certificates of the world's authorities costs 40 ms: once, not each POST.
        self._trust = httpx.create_ssl_context(trust_env=False)
        self._client = self._new_client(httpx.Limits(max_connections=20))

    def _new_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            auth=self._auth,
            transport=self._transport,
            verify=self._trust,
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(self._deadline),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    # Files

    async def upload(
        self, path: Path, filename: str, content_type: str, file_format: str | None = None
    ) -> Upload:
        """Upload one document from disk, streamed.

        Args:
            path: the file.
            filename: its name with extension, as Fax.Plus shall see it.
            content_type: its media type.
            file_format: ``pdf`` or ``tiff`` to declare it in the query.
        """
        file = await asyncio.to_thread(_HashingFile, path)
        try:
            answer = await self._call(
                "POST",
                self._account("files"),
                deadline=self._upload_deadline,
                files={"fax_file": (filename, file, content_type)},
                params={"format": file_format} if file_format else None,
            )
        finally:
            file.close()
        found = answer.get("path") if isinstance(answer, Mapping) else None
        if not isinstance(found, str) or not found:
            raise TemporaryFailure("Fax.Plus answered an upload without a path")
        return Upload(found, file.digest.hexdigest(), file.size)

    async def file(self, fax_id: str, file_format: str | None = None) -> bytes:
        """The pages of a fax, sent or received, as PDF or TIFF."""
        params = {"format": file_format} if file_format else None
        return await self._bytes(self._account("files", fax_id), params)

    async def report(self, fax_id: str) -> bytes:
        """The provider's confirmation report, a PDF."""
        return await self._bytes(self._account("report", fax_id))

    async def thumbnail(self, fax_id: str) -> bytes:
        """A small picture of the fax."""
        return await self._bytes(self._account("thumbnail", fax_id))

    # Outbox

    async def send(self, order: wire.Order, user_id: str | None = None) -> dict[str, str]:
        """Post an order: at most once, on a connection of its own (S2).

        Returns:
            Fax IDs by destination; empty when the answer, though a success, named none.

        Raises:
            Failure: its ``fate`` says what may be concluded about the order.
        """
        once = self._new_client(httpx.Limits(max_connections=1, max_keepalive_connections=0))
        async with once:
            url = self._account("outbox", user_id=user_id)
            answer = await self._call("POST", url, client=once, json=order.body())
        return wire.order_ids(answer)

    async def outbox(self) -> tuple[wire.OutboxFax, ...]:
        """Everything in the outbox; the call knows no filter and no paging."""
        answer = await self._call("GET", self._account("outbox"))
        records = wire.records_in(answer, "records")
        if records is None:
            raise TemporaryFailure("Fax.Plus answered an outbox without records")
        return tuple(item for record in records if (item := wire.outbox_fax(record)))

    async def outbox_fax(self, fax_id: str) -> wire.OutboxFax | None:
        """One item of the outbox, None if it is not there (any more)."""
        answer = await self._found("GET", self._account("outbox", fax_id))
        return wire.outbox_fax(answer) if isinstance(answer, Mapping) else None

    async def change_comment(self, fax_id: str, text: str) -> None:
        """Change an outbox item's comment; a plain string in this call."""
        await self._call("PUT", self._account("outbox", fax_id), json={"comment": text})

    async def cancel(self, fax_id: str) -> bool:
        """Cancel an outbox item; False if it is not there (any more)."""
        return await self._found("DELETE", self._account("outbox", fax_id)) is not None

    # Archive

    async def faxes(self, **query: str | int) -> tuple[wire.Fax, ...]:
        """Records of the archive; ``query`` as the API names it (category, after, limit …)."""
        answer = await self._call("GET", self._account("faxes"), params=query)
        records = wire.records_in(answer, "data", "records")
        if records is None:
            raise TemporaryFailure("Fax.Plus answered a fax list without records")
        return tuple(item for record in records if (item := wire.fax(record)))

    async def sent_since(self, after: datetime) -> tuple[tuple[wire.Fax, ...], bool]:
        """The sent list from ``after`` on, and whether it is complete.

        It is only when a page came back short: a full one may hide more, and a server that
        does not page repeats itself (S3).
        """
        found: dict[str, wire.Fax] = {}
        for page in range(_MOST_PAGES):
            records = await self.faxes(
                category="sent",
                after=wire.filter_time(after),
                limit=_PAGE,
                offset=page * _PAGE,
                sort_by="date",
                order="asc",
            )
            fresh = {record.id: record for record in records if record.id not in found}
            found |= fresh
            if len(records) < _PAGE:
                return tuple(found.values()), True
            if not fresh:
                break
        return tuple(found.values()), False

    async def listing(self, after: datetime) -> wire.Listing:
        """Outbox and sent list at one look."""
        outbox = await self.outbox()
        sent, complete = await self.sent_since(after)
        return wire.Listing(outbox, sent, complete)

    async def fax(self, fax_id: str) -> wire.Fax | None:
        """One record of the archive, None if it is not there (yet)."""
        answer = await self._found("GET", self._account("faxes", fax_id))
        return wire.fax(answer) if isinstance(answer, Mapping) else None

    async def change_fax(self, fax_id: str, comment: str, *, is_read: bool) -> None:
        """Change a record's comment; the API wants both fields."""
        body = {"comment": comment, "is_read": is_read}
        await self._call("PUT", self._account("faxes", fax_id), json=body)

    async def delete_fax(self, fax_id: str) -> bool:
        """Delete a record; False if it is not there."""
        return await self._found("DELETE", self._account("faxes", fax_id)) is not None

    # Account

    async def numbers(self) -> tuple[str, ...]:
        """Own numbers in E.164."""
        answer = await self._call("GET", self._account("numbers"))
        records = wire.records_in(answer, "numbers") or ()
        return tuple(wire.number(str(record.get("number", ""))) for record in records)

    async def number(self, number: str) -> Mapping[str, Any] | None:
        """One own number's record, None if it is not ours."""
        answer = await self._found("GET", self._account("numbers", number))
        return answer if isinstance(answer, Mapping) else None

    async def account(self) -> Mapping[str, Any]:
        """The account's record; also the cheapest proof that a token works."""
        answer = await self._call("GET", self._account())
        return answer if isinstance(answer, Mapping) else {}

    async def accounts(self) -> tuple[Mapping[str, Any], ...]:
        """The members' records (admins only)."""
        answer = await self._call("GET", f"{self._base_url}/accounts")
        return wire.records_in(answer, "members") or ()

    async def member_details(self, member_id: str) -> Mapping[str, Any]:
        """A member's quota in pages a month, and role."""
        url = f"{self._base_url}/accounts/self/member-details/{quote(member_id, safe='')}"
        answer = await self._call("GET", url)
        return answer if isinstance(answer, Mapping) else {}

    async def balance(self) -> tuple[float, str] | None:
        """Credit left and its currency, None if not told."""
        answer = await self._call("GET", f"{self._base_url}/shop/balance")
        if not isinstance(answer, Mapping) or not isinstance(answer.get("amount"), (int, float)):
            return None
        return float(answer["amount"]), str(answer.get("currency", ""))

    # How a call is made

    def _account(self, *parts: str, user_id: str | None = None) -> str:
        path = [quote(part, safe="") for part in ("accounts", user_id or self._user_id, *parts)]
        return "/".join((self._base_url, *path))

    async def _found(self, method: str, url: str) -> Any:
        """A call whose 404 is an answer: None."""
        try:
            answer = await self._call(method, url)
        except PermanentFailure as failure:
            if failure.status == _NOT_FOUND:
                return None
            raise
        return {} if answer is None else answer

    async def _call(
        self,
        method: str,
        url: str,
        *,
        client: httpx.AsyncClient | None = None,
        deadline: float | None = None,
        **content: Any,
    ) -> Any:
        """Make one call; its 2xx body as JSON, None if it has none."""
        try:
            async with asyncio.timeout(deadline or self._deadline):
                response = await (client or self._client).request(method, url, **content)
        except (*border.TRANSPORT, TimeoutError) as error:
            raise border.from_exception(error) from error
        if not response.is_success:
            raise border.from_answer(response.status_code, response.headers, response.content)
        return border.parsed(response.content)

    async def _bytes(self, url: str, params: Mapping[str, str] | None = None) -> bytes:
        """A binary answer, of bounded size."""
        try:
            async with (
                asyncio.timeout(self._upload_deadline),
                self._client.stream("GET", url, params=params, headers={"Accept": "*/*"}) as got,
            ):
                body = b"".join([chunk async for chunk in _bounded(got)])
        except (*border.TRANSPORT, TimeoutError) as error:
            raise border.from_exception(error) from error
        if not got.is_success:
            raise border.from_answer(got.status_code, got.headers, body)
        return body


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in response.aiter_bytes():
        received += len(chunk)
        if received > _MOST_BYTES:
            raise PermanentFailure("Fax.Plus answered a file that is too large")
        yield chunk
