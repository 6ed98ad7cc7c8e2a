"""What proves to Fax.Plus who we are: a personal access token, or OAuth2 (API facts, section 1).

A call asks for a `Grant`, sends its headers, and tells how Fax.Plus took it. With OAuth2 a grant
is renewed before it ends, and once when a call comes back with 401; however many calls find that
out at the same time, one request renews it, and none of them can cut that request short: the
answer may hold a new refresh token, without which nothing works any more.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import SpoolError
from mail2fax.faxplus import border, wire

TOKEN_URL = "https://accounts.fax.plus/token"  # noqa: S105 - where tokens are had, and none
_LIFE = 3600.0  # of an access token that does not tell its own (help pages)
_EARLY = 60.0
_DEADLINE = 30.0

Keep = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """The headers that make a call ours; never shown."""

    headers: Mapping[str, str] = field(repr=False)


class Access(Protocol):
    """How calls become ours."""

    async def grant(self) -> Grant:
        """The grant to make a call with.

        Raises:
            Failure: there is none; the call it was for never left.
        """

    async def renewed(self, refused: Grant) -> bool:
        """Whether there is another grant than this one, which Fax.Plus answered with 401.

        Raises:
            Failure: there should be, and it could not be had.
        """

    def worked(self, grant: Grant) -> None:
        """Fax.Plus took this grant."""

    async def aclose(self) -> None:
        """Finish what is under way."""


class PersonalToken:
    """A personal access token: the same for every call until its owner makes another."""

    def __init__(self, token: str) -> None:
        self._grant = Grant({"Authorization": f"Bearer {token}"})

    async def grant(self) -> Grant:
        """The one there is."""
        return self._grant

    async def renewed(self, refused: Grant) -> bool:
        """Never: only a person can make another."""
        return refused is not self._grant

    def worked(self, grant: Grant) -> None:
        """Nothing to learn from it."""

    async def aclose(self) -> None:
        """Nothing is ever under way."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A registered OAuth2 client and the consent of an account's owner; never shown."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_url: str = TOKEN_URL


async def _forget(_token: str) -> None:
    """For accounts whose refresh token nobody needs to keep."""


class OAuth:
    """Access tokens by OAuth2, each had with the refresh token.

    Args:
        client: whose.
        keep: makes a new refresh token durable, before its access token is used.
        now: seconds on a clock that does not jump.
        transport: for tests; httpx's own when None.
    """

    def __init__(
        self,
        client: OAuthClient,
        keep: Keep = _forget,
        *,
        now: Callable[[], float] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = client
        self._refresh_token = client.refresh_token
        self._keep = keep
        self._now = now or Clock().now
        self._transport = transport
        self._grant: Grant | None = None
        self._ends_at = 0.0
        self._has_worked = False
        self._is_kept = True
        self._renewal: asyncio.Task[Grant] | None = None

    async def grant(self) -> Grant:
        """One that has not ended, renewed first where it has.

        Raises:
            Failure: the token endpoint gave none; ``fate`` is that nothing left.
        """
        if self._grant is not None and self._now() < self._ends_at:
            return self._grant
        return await self._renew()

    async def renewed(self, refused: Grant) -> bool:
        """Renew a grant that is no longer taken.

        One that never was taken is left as it is: another would fare no better, and a person
        must look at the account.

        Raises:
            Failure: the token endpoint gave none.
        """
        if refused is self._grant and not self._has_worked:
            return False
        if refused is self._grant:
            await self._renew()
        return True

    def worked(self, grant: Grant) -> None:
        """Fax.Plus took this grant, so that a later 401 means that it has ended."""
        if grant is self._grant:
            self._has_worked = True

    async def consented(self, refresh_token: str) -> None:
        """The account's owner agreed once more: go on with this refresh token from now on.

        Whoever brings it has kept it. A renewal that is under way with the old one ends first.
        """
        await self.aclose()
        self._refresh_token, self._is_kept, self._grant = refresh_token, True, None

    async def aclose(self) -> None:
        """Finish a renewal that is under way: its answer may hold a new refresh token."""
        if self._renewal is not None:
            await asyncio.wait({self._renewal})

    async def _renew(self) -> Grant:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._request())
            self._renewal.add_done_callback(self._renewal_over)
        return await asyncio.shield(self._renewal)

    def _renewal_over(self, renewal: asyncio.Task[Grant]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # those who waited for it have it, if any still do

    async def _request(self) -> Grant:
        """Ask for an access token, and keep what comes with it (facts: 1.3, step 3)."""
        response = await self._post()
        if not response.is_success:
            raise border.from_token_answer(response.status_code, response.headers, response.content)
        tokens = wire.tokens(border.parsed(response.content))
        if tokens is None:
            raise border.without_token("its answer names none")
        if tokens.refresh and tokens.refresh != self._refresh_token:
            self._refresh_token, self._is_kept = tokens.refresh, False
        await self._keep_refresh_token()
        life = _LIFE if tokens.seconds is None else tokens.seconds
        self._ends_at = self._now() + life - min(_EARLY, life / 10)
        self._has_worked = False
        bearer = {"Authorization": f"Bearer {tokens.access}"}
        self._grant = Grant(bearer | {"x-fax-clientid": self._client.client_id})
        return self._grant

    async def _post(self) -> httpx.Response:
        query = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        login = (self._client.client_id, self._client.client_secret)
        try:
            return await ask_for_tokens(
                self._client.token_url, login, query=query, transport=self._transport
            )
        except (*border.TRANSPORT, TimeoutError) as error:
            raise border.without_token(type(error).__name__) from error

    async def _keep_refresh_token(self) -> None:
        """Write a new refresh token down; on a full disk it is used all the same, and told."""
        if self._is_kept:
            return
        with contextlib.suppress(SpoolError):
            await self._keep(self._refresh_token)
            self._is_kept = True
        if not self._is_kept:
            events.refresh_token_not_kept()


async def ask_for_tokens(
    token_url: str,
    login: tuple[str, str],
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.Response:
    """The token endpoint's answer, whatever it is.

    Args:
        login: id and secret of the client, for Basic.
        query, body: the fields, which it takes in either place (facts: 1.3).

    Raises:
        httpx.HTTPError, TimeoutError: none came.
    """
    async with (
        asyncio.timeout(_DEADLINE),
        httpx.AsyncClient(
            transport=transport, timeout=_DEADLINE, follow_redirects=False, trust_env=False
        ) as http,
    ):
        return await http.post(
            token_url,
            params=query,
            data=body,
            auth=login,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
