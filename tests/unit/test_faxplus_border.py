"""S1, R2: every failure of a call becomes one of three kinds, and tells what may be concluded."""

import socket
import ssl
from datetime import UTC, datetime

import httpx
import pytest

from mail2fax.errors import AccountFailure, Failure, Fate, PermanentFailure, TemporaryFailure
from mail2fax.faxplus import border

OWN = b'{"error": "bad_request", "description": "no such file"}'


def exceptions_of_httpx() -> list[type[Exception]]:
    """Every exception class httpx exports."""
    exported = [getattr(httpx, name) for name in httpx.__all__]
    return [kind for kind in exported if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", exceptions_of_httpx(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_is_mapped(kind: type[Exception]) -> None:
    """An exception httpx may raise is caught at the border; a new one fails this test."""
    assert issubclass(kind, border.TRANSPORT)


@pytest.mark.parametrize("kind", exceptions_of_httpx(), ids=lambda kind: kind.__name__)
def test_only_connect_errors_prove_that_nothing_was_sent(kind: type[Exception]) -> None:
    """R2: anything but a failed connection leaves the fate of the request open."""
    error = kind.__new__(kind)

    failure = border.from_exception(error)

    proven = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout}
    assert isinstance(failure, TemporaryFailure)
    assert (failure.fate is Fate.NEVER_LEFT) == (kind in proven)


@pytest.mark.parametrize(
    ("status", "body", "kind", "fate"),
    [
        (400, OWN, PermanentFailure, Fate.SAID_NO),
        (404, OWN, PermanentFailure, Fate.SAID_NO),
        (413, OWN, PermanentFailure, Fate.SAID_NO),
        (415, OWN, PermanentFailure, Fate.SAID_NO),
        (422, OWN, PermanentFailure, Fate.SAID_NO),
        (401, OWN, AccountFailure, Fate.SAID_NO),
        (402, OWN, AccountFailure, Fate.SAID_NO),
        (403, OWN, AccountFailure, Fate.SAID_NO),
        (403, b"<html>blocked</html>", AccountFailure, Fate.UNKNOWN),
        (400, b"<html>proxy</html>", TemporaryFailure, Fate.UNKNOWN),
        (413, b"", TemporaryFailure, Fate.UNKNOWN),
        (422, b'{"detail": "not ours"}', TemporaryFailure, Fate.UNKNOWN),
        (429, b"", TemporaryFailure, Fate.THROTTLED),
        (409, OWN, TemporaryFailure, Fate.UNKNOWN),
        (302, b"", TemporaryFailure, Fate.UNKNOWN),
        (500, OWN, TemporaryFailure, Fate.UNKNOWN),
        (502, b"<html>bad gateway</html>", TemporaryFailure, Fate.UNKNOWN),
        (504, b"", TemporaryFailure, Fate.UNKNOWN),
    ],
)
def test_an_answer_tells_its_kind_and_its_fate(
    status: int, body: bytes, kind: type[Failure], fate: Fate
) -> None:
    """R2: only Fax.Plus's own words refuse; a gateway's page says nothing about the order."""
    failure = border.from_answer(status, httpx.Headers(), body)

    assert type(failure) is kind
    assert (failure.fate, failure.status) == (fate, status)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value: str, seconds: float | None) -> None:
    """S6: seconds or a date, at most an hour."""
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    failure = border.from_answer(429, httpx.Headers({"Retry-After": value}), b"", now)

    assert failure.retry_after == seconds


def test_the_token_endpoint_refuses_in_words_or_only_for_now() -> None:
    """S1: its own refusal needs a person; a page in front of it passes; nothing ever left."""
    refused = border.from_token_answer(401, httpx.Headers(), b'{"error": "invalid_client"}')
    page = border.from_token_answer(403, httpx.Headers(), b"<html>blocked</html>")

    assert isinstance(refused, AccountFailure)
    assert str(refused).partition(": ")[2] == "invalid_client"
    assert isinstance(page, TemporaryFailure)
    assert refused.fate is page.fate is Fate.NEVER_LEFT


@pytest.mark.parametrize(
    ("below", "told"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its name is not found"),
        (ssl.SSLCertVerificationError("x"), "its certificate is no good, "),
        (OSError("x"), "ConnectError"),
    ],
)
def test_why_there_is_no_connection_is_said(below: Exception, told: str) -> None:
    """S6: an admin can look for it."""
    if isinstance(below, ssl.SSLCertVerificationError):
        below.verify_message = "certificate has expired"
        told += "certificate has expired"
    error = httpx.ConnectError("x")
    error.__cause__ = below

    assert str(border.from_exception(error)) == f"no connection to Fax.Plus ({told})"
