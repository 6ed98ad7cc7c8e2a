"""The border with Fax.Plus: every failure of a call becomes one of our three kinds, here.

Temporary: the same again later may work. Permanent: it never will. Account: nothing works until
a person mends token, scope or credit. Each carries the `Fate` ruling R2 asks for: whether the
request certainly never left, was refused in Fax.Plus's own words, was throttled, or nothing
can be concluded.
"""

import json
import logging
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mail2fax.errors import AccountFailure, Failure, Fate, PermanentFailure, TemporaryFailure

# It would log every address it calls, and with it refresh tokens.
logging.getLogger("httpx").setLevel(logging.WARNING)

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The only exceptions after which not one byte of a request was sent."""
TRANSPORT = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict)
"""Roots of everything else httpx raises; a test lists its exceptions against them."""

_ACCOUNT = frozenset({401, 402, 403})
_NO = frozenset({400, 404, 413, 415, 422})
_THROTTLED = 429
_NO_ACCESS = (
    "Fax.Plus gives no access token any more ({}). Check client_id and client_secret of "
    "faxplus.oauth, or let the owner agree again with mail2fax authorize"
)
_LONGEST_WAIT = 3600.0


def from_exception(error: Exception) -> Failure:
    """A failure without an answer, as ours.

    Args:
        error: what httpx raised, or TimeoutError for our own total deadline.
    """
    fate = Fate.NEVER_LEFT if isinstance(error, NEVER_LEFT) else Fate.UNKNOWN
    what = "no connection to Fax.Plus" if fate is Fate.NEVER_LEFT else "no answer from Fax.Plus"
    return TemporaryFailure(f"{what} ({_cause(error)})", fate=fate)


def _cause(error: BaseException) -> str:
    """What an admin can look for: a name that is not known, a bad certificate, or the kind."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLCertVerificationError):
            return f"its certificate is no good, {below.verify_message}"
        if isinstance(below, socket.gaierror):
            return "its name is not found"
        below = below.__cause__ or below.__context__
    return type(error).__name__


def from_answer(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime | None = None
) -> Failure:
    """An answer other than 2xx, as ours.

    Args:
        status: HTTP status code.
        headers: its headers (case-insensitive mapping).
        body: its complete body.
        now: for a Retry-After that is a date; the present when None.
    """
    own = own_words(body)
    text = f"Fax.Plus answered {status}" + (f": {own}" if own else "")
    if status == _THROTTLED:
        wait = _retry_after(headers.get("retry-after"), now or datetime.now(UTC))
        return TemporaryFailure(text, fate=Fate.THROTTLED, status=status, retry_after=wait)
    if status in _ACCOUNT:
        fate = Fate.SAID_NO if own else Fate.UNKNOWN
        return AccountFailure(text, fate=fate, status=status)
    if status in _NO and own:
        return PermanentFailure(text, fate=Fate.SAID_NO, status=status)
    return TemporaryFailure(text, status=status)


def without_token(why: str) -> Failure:
    """No access token came; the call it was for never left."""
    return TemporaryFailure(f"no access token from Fax.Plus ({why})", fate=Fate.NEVER_LEFT)


def from_token_answer(
    status: int, headers: Mapping[str, str], body: bytes, now: datetime | None = None
) -> Failure:
    """An answer of the token endpoint other than 2xx, as ours.

    Refused in its own words, nothing works until a person has made a new refresh token; a
    gateway's page in front of it, or its being busy, passes. Whatever the token was for never
    left.
    """
    own = own_words(body)
    if own and status in _ACCOUNT | _NO:
        text = f"{_NO_ACCESS.format(status)}: {own}"
        return AccountFailure(text, fate=Fate.NEVER_LEFT, status=status)
    failure = without_token(f"it answered {status}")
    failure.status = status
    failure.retry_after = _retry_after(headers.get("retry-after"), now or datetime.now(UTC))
    return failure


def own_words(body: bytes) -> str:
    """The ``error`` and ``description`` of Fax.Plus's error body; empty if it is not one.

    A gateway's page in front of Fax.Plus says nothing about what Fax.Plus did.
    """
    answer = parsed(body)
    if not isinstance(answer, Mapping):
        return ""
    told = [answer.get("error"), answer.get("description")]
    return " - ".join(part[:200] for part in told if isinstance(part, str) and part)


def parsed(body: bytes) -> Any:
    """A body as JSON, None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _retry_after(value: str | None, now: datetime) -> float | None:
    """``Retry-After`` in seconds, at most an hour; None if absent or unreadable (RFC 9110)."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(value) - now).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)
