"""The Fax.Plus REST API v3, as far as a bridge needs it; one object for the daemon's life.

Every call raises `TemporaryFailure`, `PermanentFailure` or `AccountFailure` (see `border`) and
ends within one total deadline. Nothing here retries: who may repeat what is decided in
``sending``. Neither tokens nor content are ever logged.
"""

import asyncio
import copy
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from mail2fax.errors import AccountFailure, Failure, Fate, PermanentFailure, TemporaryFailure
from mail2fax.faxplus import border, wire
from mail2fax.faxplus.access import Access, Grant, PersonalToken
from mail2fax.faxplus.contact import Contact

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_PAGE = 50
_MOST_PAGES = 40
_MOST_BYTES = 40_000_000
_Answer = tuple[httpx.Response, bytes]


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
        access: a personal access token, or `OAuth`.
        user_id: ``self`` or a member's id.
        deadline: seconds in all for any call but an upload.
        upload_deadline: seconds in all for one upload.
        transport: for tests; httpx's own when None.

    Attributes:
        contact: whether it can be reached.
    """

    def __init__(
        self,
        base_url: str,
        access: str | Access,
        *,
        user_id: str = "self",
        deadline: float = 60.0,
        upload_deadline: float = 600.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._access = PersonalToken(access) if isinstance(access, str) else access
        self._user_id = user_id
        self._deadline = deadline
        self._upload_deadline = upload_deadline
        self._transport = transport
        self.contact = Contact()
        # Reading the certificates of the world's authorities costs 40 ms: once, not each POST.
        self._trust = httpx.create_ssl_context(trust_env=False)
        self._client = self._new_client(httpx.Limits(max_connections=20))

    def _new_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport,
            verify=self._trust,
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(self._deadline),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def user_id(self) -> str:
        """Whom it asks for: ``self``, or a member's id."""
        return self._user_id

    @property
    def access(self) -> Access:
        """What makes its calls ours."""
        return self._access

    def as_user(self, user_id: str | None) -> Self:
        """The same client, asking for another member of the account.

        What a member ordered stands in the member's lists alone: every later call about it must
        ask for the same one.

        Args:
            user_id: a member's id; None for the client's own user.

        Returns:
            A view over the same connections and access; only the client itself is closed.
        """
        if user_id is None or user_id == self._user_id:
            return self
        view = copy.copy(self)
        view._user_id = user_id  # noqa: SLF001 - it is one of ours
        return view

    async def aclose(self) -> None:
        """Close the connections."""
        await self._access.aclose()
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

    async def send(self, order: wire.Order) -> dict[str, str]:
        """Post an order: at most once, on a connection of its own (S2).

        An access token that had ended is renewed and the order is not posted again: whether it
        may be is decided in ``sending``, from the lists.

        Returns:
            Fax IDs by destination; empty when the answer, though a success, named none.

        Raises:
            Failure: its ``fate`` says what may be concluded about the order.
        """
        grant = await self._access.grant()
        once = self._new_client(httpx.Limits(max_connections=1, max_keepalive_connections=0))
        url = self._account("outbox")
        try:
            async with once:
                answer = await self._call("POST", url, client=once, grant=grant, json=order.body())
        except AccountFailure as failure:
            if failure.status == _UNAUTHORIZED and await self._has_renewed(grant):
                fate = Fate.RENEWED if failure.fate is Fate.SAID_NO else failure.fate
                raise TemporaryFailure(str(failure), fate=fate, status=failure.status) from failure
            raise
        return wire.order_ids(answer)

    async def _has_renewed(self, grant: Grant) -> bool:
        """Whether the account works again after a 401; if not, the 401 stands for itself."""
        try:
            return await self._access.renewed(grant)
        except Failure:
            return False

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

    # Hooks

    async def create_hook(self, event: str, target: str) -> str:
        """Have ``target`` told of every ``event``; the registration's id."""
        body = {"target": target, "event": event}
        answer = await self._call("POST", f"{self._base_url}/hooks", json=body)
        created = wire.hook(answer) if isinstance(answer, Mapping) else None
        if created is None:
            raise TemporaryFailure("Fax.Plus answered a new hook without an id")
        return created.id

    async def hooks(self, event: str) -> tuple[wire.Hook, ...]:
        """The registrations for an event; the API wants it named."""
        answer = await self._call("GET", f"{self._base_url}/hooks", params={"event": event})
        records = wire.records_in(answer, "data") or ()
        return tuple(hook for record in records if (hook := wire.hook(record)))

    async def delete_hook(self, hook_id: str) -> bool:
        """End a registration; False if it is not there."""
        url = f"{self._base_url}/hooks/{quote(hook_id, safe='')}"
        return await self._found("DELETE", url) is not None

    # How a call is made

    def _account(self, *parts: str) -> str:
        path = [quote(part, safe="") for part in ("accounts", self._user_id, *parts)]
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
        grant: Grant | None = None,
        deadline: float | None = None,
        **content: Any,
    ) -> Any:
        """Make one call; its 2xx body as JSON, None if it has none.

        With a ``grant`` it is made with that one and no other, exactly once.
        """
        http = client or self._client

        async def make(headers: Mapping[str, str]) -> _Answer:
            response = await http.request(method, url, headers=headers, **content)
            return response, response.content

        return border.parsed(await self._made(make, deadline or self._deadline, grant))

    async def _bytes(self, url: str, params: Mapping[str, str] | None = None) -> bytes:
        """A binary answer, of bounded size."""

        async def make(headers: Mapping[str, str]) -> _Answer:
            wanted = {"Accept": "*/*", **headers}
            async with self._client.stream("GET", url, params=params, headers=wanted) as response:
                return response, b"".join([chunk async for chunk in _bounded(response)])

        return await self._made(make, self._upload_deadline)

    async def _made(
        self,
        make: Callable[[Mapping[str, str]], Awaitable[_Answer]],
        deadline: float,
        grant: Grant | None = None,
    ) -> bytes:
        """The body of a 2xx answer; anything else is raised. Either shows whether it is there."""
        try:
            body = await self._tried(make, deadline, grant)
        except Failure as failure:
            self.contact.showed(failure, asyncio.get_running_loop().time())
            raise
        self.contact.showed(None, asyncio.get_running_loop().time())
        return body

    async def _tried(
        self,
        make: Callable[[Mapping[str, str]], Awaitable[_Answer]],
        deadline: float,
        grant: Grant | None,
    ) -> bytes:
        """See `_made`.

        A call whose access token had ended is made once more with another (API facts, edge 24),
        unless it was to be made with this ``grant`` only.
        """
        try:
            async with asyncio.timeout(deadline):
                used = grant or await self._access.grant()
                response, body = await make(used.headers)
                is_stale = response.status_code == _UNAUTHORIZED and grant is None
                if is_stale and await self._access.renewed(used):
                    used = await self._access.grant()
                    response, body = await make(used.headers)
        except (*border.TRANSPORT, TimeoutError) as error:
            raise border.from_exception(error) from error
        if not response.is_success:
            raise border.from_answer(response.status_code, response.headers, body)
        self._access.worked(used)
        return body


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in response.aiter_bytes():
        received += len(chunk)
        if received > _MOST_BYTES:
            raise PermanentFailure("Fax.Plus answered a file that is too large")
        yield chunk
