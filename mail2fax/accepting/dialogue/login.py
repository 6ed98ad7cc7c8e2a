"""AUTH as clients really speak it (RFC 4954, PLAIN of RFC 4616, LOGIN as copiers know it).

aiosmtpd knows mechanisms in capitals only, challenges LOGIN with words that Xerox machines do
not answer, and asks its verifier in the middle of everybody's loop. Here an exchange is a
generator: it yields challenges, is sent what the client answers, and returns what was claimed.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field

from mail2fax.values import Response

MECHANISMS = ("PLAIN", "LOGIN")
"""CRAM-MD5 is left out: it needs stored passwords, and Ricoh copiers choose it and hang up."""

_LONGEST = 512
_NOT_BASE64 = Response(501, "5.5.2", "The answer is not base64")


@dataclass(frozen=True, slots=True)
class Claim:
    """A login and the password that goes with it. The password is in no repr."""

    login: str
    password: str = field(repr=False)


class AuthRefused(Exception):
    """The exchange is over without a claim."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response))
        self.response = response


Exchange = Generator[str, bytes, Claim]


def exchange(argument: str) -> Exchange:
    """The exchange that an AUTH command begins.

    Args:
        argument: what stands behind AUTH: a mechanism, maybe the first answer.

    Raises:
        AuthRefused: there is no such mechanism.
    """
    mechanism, _, initial = argument.partition(" ")
    first = initial.strip().encode("ascii", "replace") or None
    if mechanism.upper() == "PLAIN":
        return _plain(first)
    if mechanism.upper() == "LOGIN":
        return _login(first)
    raise AuthRefused(Response(504, "5.5.4", f"Use one of {', '.join(MECHANISMS)}"))


def _plain(first: bytes | None) -> Exchange:
    message = _decoded((yield "") if first is None else first)
    try:
        _, login, password = message.split("\0")
    except ValueError:
        text = "The PLAIN answer must hold a login and a password"
        raise AuthRefused(Response(501, "5.5.2", text)) from None
    return _claimed(login, password)


def _login(first: bytes | None) -> Exchange:
    """Some send the login in the command line, most wait to be asked."""
    login = _decoded((yield "Username:") if first is None else first)
    password = _decoded((yield "Password:"))
    return _claimed(login, password)


def _claimed(login: str, password: str) -> Claim:
    if not login or not password or len(login) > _LONGEST or len(password) > _LONGEST:
        raise AuthRefused(Response(501, "5.5.2", "Login and password may not be empty or endless"))
    return Claim(login, password)


def _decoded(answer: bytes) -> str:
    if answer.strip() == b"*":
        raise AuthRefused(Response(501, "5.7.0", "Cancelled"))
    if answer == b"=":  # RFC 4954 4: an empty first answer
        return ""
    try:
        return base64.b64decode(answer.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise AuthRefused(_NOT_BASE64) from None


async def claimed(argument: str, ask: Callable[[bytes], Awaitable[bytes]]) -> Claim:
    """Have the whole exchange with a client.

    Args:
        argument: what stands behind AUTH.
        ask: sends a challenge as it goes out, and gives the client's line.

    Raises:
        AuthRefused: it came to no claim.
    """
    steps = exchange(argument)
    try:
        words = next(steps)
        while True:
            words = steps.send(await ask(_challenge(words)))
    except StopIteration as end:
        claim: Claim = end.value
        return claim


def _challenge(words: str) -> bytes:
    return b"334 " + base64.b64encode(words.encode("ascii")) + b"\r\n"
