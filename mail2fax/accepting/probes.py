"""The mails of ``mail2fax check``: do they find their way back to us (W6)?

A probe goes out by the relay to a token of its own at the fax domain. It is in memory only, and
what arrives for it is not kept.
"""

import secrets
from typing import Any

from mail2fax.spool.naming import new_answer_token
from mail2fax.spool.spool import Spool

_MOST = 100


class Probes:
    """The probes that are under way."""

    def __init__(self) -> None:
        self._arrived: dict[str, str] = {}

    def is_known(self, token: str) -> bool:
        """Whether a token is a probe's."""
        return token in self._arrived

    def arrive(self, token: str, by: str) -> None:
        """A probe has come.

        Args:
            by: the client that brought it and the listener, for the admin.
        """
        if token in self._arrived:
            self._arrived[token] = by

    async def command(self, _spool: Spool, request: dict[str, Any], _who: str) -> dict[str, Any]:
        """``probe``: without a ``token`` begin a new one, with it tell by whom it came."""
        token = str(request.get("token", ""))
        if token:
            return {"token": token, "arrived": self._arrived.get(token, "")}
        if len(self._arrived) >= _MOST:
            del self._arrived[secrets.choice(tuple(self._arrived))]
        token = new_answer_token()
        self._arrived[token] = ""
        return {"token": token, "arrived": ""}
