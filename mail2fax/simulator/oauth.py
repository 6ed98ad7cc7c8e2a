"""OAuth2 at the simulated provider: consent, codes, access and refresh tokens. No I/O.

As in the API's pages: the consent page redirects with a code; the token endpoint wants the
client's id and secret by Basic and takes its fields in the query or in the body.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mail2fax.simulator.switches import Switches


class Refused(Exception):
    """The token endpoint says no; the text is OAuth2's word for why (RFC 6749 5.2)."""


@dataclass(slots=True)
class Tokens:
    """The tokens of one registered client.

    Attributes:
        client_id, client_secret: what it proves itself with.
        refresh_tokens: those that are good.
        codes: those that were not redeemed yet.
        access_tokens: each with when it ends.
        issued: how many access tokens there were.
    """

    client_id: str = "APIK-simulator"
    client_secret: str = "secret"  # noqa: S105 - of nothing real
    refresh_tokens: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    access_tokens: dict[str, float] = field(default_factory=dict)
    issued: int = 0

    def consent(self) -> str:
        """The account's owner agrees: a new code."""
        code = secrets.token_hex(12)
        self.codes.add(code)
        return code

    def grant(
        self,
        login: tuple[str, str] | None,
        fields: Mapping[str, str],
        switches: Switches,
        now: float,
    ) -> dict[str, Any]:
        """The answer of the token endpoint.

        Args:
            login: id and secret of the Basic header, None without one.
            fields: of query and body together.

        Raises:
            Refused: nothing was given.
        """  # fmt: skip
        if login != (self.client_id, self.client_secret):
            raise Refused("invalid_client")
        match fields.get("grant_type"):
            case "authorization_code":
                return self._by_code(fields, switches, now)
            case "refresh_token":
                return self._by_refresh_token(fields, switches, now)
            case _:
                raise Refused("unsupported_grant_type")

    def _by_code(self, fields: Mapping[str, str], switches: Switches, now: float) -> dict[str, Any]:
        if fields.get("client_id") != self.client_id or not fields.get("redirect_uri"):
            raise Refused("invalid_request")
        if fields.get("code") not in self.codes:
            raise Refused("invalid_grant")
        self.codes.discard(fields["code"])
        return self._access_token(switches, now) | {"refresh_token": self._refresh_token()}

    def _by_refresh_token(
        self, fields: Mapping[str, str], switches: Switches, now: float
    ) -> dict[str, Any]:
        # ASSUMPTION: a refresh token stays good; with the switch it is replaced at each use.
        if fields.get("refresh_token") not in self.refresh_tokens:
            raise Refused("invalid_grant")
        answer = self._access_token(switches, now)
        if switches.rotate_refresh:
            self.refresh_tokens.discard(fields["refresh_token"])
            answer["refresh_token"] = self._refresh_token()
        return answer

    def _refresh_token(self) -> str:
        token = secrets.token_urlsafe(24)
        self.refresh_tokens.add(token)
        return token

    def _access_token(self, switches: Switches, now: float) -> dict[str, Any]:
        token = secrets.token_urlsafe(24)
        self.access_tokens[token] = now + switches.token_life
        self.issued += 1
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        return answer | ({"expires_in": switches.told_life} if switches.told_life else {})

    def takes(self, token: str, client_id: str, now: float) -> bool:
        """Whether a call with this access token and ``x-fax-clientid`` is let in."""
        return client_id == self.client_id and now < self.access_tokens.get(token, now)
