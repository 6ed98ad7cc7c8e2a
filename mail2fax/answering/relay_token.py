"""Access tokens for a relay that wants OAuth 2.0 instead of a password (XOAUTH2; W7).

Microsoft 365 and Google give them for a refresh token (RFC 6749 6), Microsoft also for the
client's own secret (RFC 6749 4.4). One is asked for at a time and kept while it is good.
"""

import asyncio
from dataclasses import dataclass

from mail2fax.answering.mailer import RelayDown
from mail2fax.clock import Clock

_EARLY = 60.0
"""Seconds before its end at which a token counts as old."""
_SHORT_LIFE = 300.0
_DEADLINE = 30.0
_OK = 200


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where tokens come from.

    Attributes:
        url: of the token endpoint.
        client_id: who we are there.
        client_secret: empty for a public client.
        refresh_token: empty to ask with the client's own secret.
        scope: what the token is for; empty where it goes without saying.
    """

    url: str
    client_id: str
    client_secret: str = ""
    refresh_token: str = ""
    scope: str = ""


class RelayTokens:
    """Tokens of one source."""

    def __init__(self, source: TokenSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._asking = asyncio.Lock()
        self._refresh_token = source.refresh_token
        self._token = ""
        self._good_until = 0.0

    async def get(self, refused: str = "") -> str:
        """A token that should be good.

        Args:
            refused: one that the relay did not take; another is got then.

        Raises:
            RelayDown: there is none to be had now.
        """
        async with self._asking:
            is_good = self._token and self._clock.now() < self._good_until
            if not is_good or self._token == refused:
                await self._ask()
            return self._token

    async def _ask(self) -> None:
        answer = await self._answer()
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token.isascii():
            raise RelayDown("the relay's token endpoint gave no token")
        life = float(seconds) if isinstance(seconds, int | float) else _SHORT_LIFE
        self._token, self._good_until = token, self._clock.now() + life - _EARLY
        if isinstance(rotated := answer.get("refresh_token"), str) and self._refresh_token:
            self._refresh_token = rotated

    async def _answer(self) -> dict[str, object]:
        """What the endpoint answers.

        Raises:
            RelayDown: it refused, or did not answer.
        """
        import httpx  # noqa: PLC0415 - only where a relay wants tokens

        try:
            async with httpx.AsyncClient(timeout=_DEADLINE) as client:
                response = await client.post(self._source.url, data=self._form())
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            what = type(error).__name__
            raise RelayDown(f"the relay's token cannot be had ({what})") from None
        answer = answer if isinstance(answer, dict) else {}
        if response.status_code != _OK:
            why = str(answer.get("error", ""))[:60]
            said = f"{response.status_code} {why}".strip()
            raise RelayDown(f"the relay's token is refused ({said})")
        return answer

    def _form(self) -> dict[str, str]:
        source = self._source
        grant = "refresh_token" if self._refresh_token else "client_credentials"
        form = {
            "grant_type": grant, "client_id": source.client_id, "scope": source.scope,
            "client_secret": source.client_secret, "refresh_token": self._refresh_token,
        }  # fmt: skip
        return {name: value for name, value in form.items() if value}
