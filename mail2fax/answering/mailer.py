"""The border with the relay: a message goes over, or we know why not (W7).

What concerns the address alone is permanent and leads to the next address; what concerns the
relay or the moment is temporary, whatever code the relay chose for it.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mail2fax.errors import Failure, PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from aiosmtplib import SMTP

_FOR_GOOD = 500
_LOGIN_FIRST = 530
_NO_RELAYING = re.compile(r"\brelay(ing)?\b", re.IGNORECASE)
_NO_SUCH = re.compile(r"\b5\.1\.\d+\b|user unknown", re.ASCII | re.IGNORECASE)
_SLOW = 10.0
"""How much longer a relay may take over a mail: who leaves it too early sends it twice."""
_NO_STARTTLS = "the relay offers no STARTTLS, and relay.tls requires it"
_NO_UTF8 = "the relay takes no address with letters beyond ASCII (SMTPUTF8)"


class RelayDown(TemporaryFailure):
    """The relay itself cannot be used now, whatever the address."""


class RelayTls(StrEnum):
    """How the connection is protected."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    """STARTTLS where it is offered and works, proving nothing (RFC 7435)."""
    REQUIRED = "required"
    FIRST = "from the first byte"
    """``smtps`` (RFC 8314)."""


class Tokens(Protocol):
    """Gives access tokens for XOAUTH2."""

    async def get(self, refused: str = "") -> str:
        """A token, another one than was refused."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at the relay.

    Attributes:
        name: the login.
        password: for PLAIN, LOGIN or CRAM-MD5, as the relay offers.
        tokens: instead of it, for XOAUTH2.
    """

    name: str
    password: str = field(default="", repr=False)
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """Where replies go.

    Attributes:
        envelope_from: None for the null sender, which cannot loop.
        hostname: what we call ourselves.
        timeout: seconds for connecting and each step of it; a mail has ten times as long.
        tls: how the connection is protected.
        verify: whether the relay's certificate must be good where TLS is not opportunistic.
        ca: file of the authorities to verify with, None for the machine's.
        login: None where the relay asks for none.
    """

    host: str
    port: int
    hostname: str
    envelope_from: str | None = None
    timeout: float = 60.0
    tls: RelayTls = RelayTls.NONE
    verify: bool = True
    ca: Path | None = None
    login: Login | None = None


async def hand_over(message: bytes, to: Sequence[str], relay: Relay) -> None:
    """Give one message to the relay.

    Args:
        message: its bytes.
        to: the address that counts, then those who get a copy, as far as the relay takes them.
        relay: where.

    Raises:
        PermanentFailure: it does not take this address.
        TemporaryFailure: it does not take this address now.
        RelayDown: it does not take anything now.
    """
    import aiosmtplib  # noqa: PLC0415 - imported when the first reply is due

    try:
        client = await _connected(relay)
        async with client:
            await _log_in(client, relay.login)
            options = await _options(client, message, to)
            sender = relay.envelope_from or ""
            refused, _ = await client.sendmail(
                sender, list(to), message,
                mail_options=options, timeout=relay.timeout * _SLOW,
            )  # fmt: skip
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise translated(error) from error
    if (refusal := refused.get(to[0])) is not None:
        raise _by_code(refusal.code, f"the relay refused the address ({refusal.code})")


async def _connected(relay: Relay) -> "SMTP":
    """A connection as protected as it must be.

    Raises:
        RelayDown: the relay does not offer that.
    """
    from aiosmtplib import SMTPException  # noqa: PLC0415 - see above

    if relay.tls is not RelayTls.OPPORTUNISTIC:
        return await _opened(relay, relay.tls)
    try:
        return await _opened(relay, RelayTls.OPPORTUNISTIC)
    except (ssl.SSLError, SMTPException):
        return await _opened(relay, RelayTls.NONE)


async def _opened(relay: Relay, tls: RelayTls) -> "SMTP":
    """A connection under this TLS, greeted."""
    from aiosmtplib import SMTP  # noqa: PLC0415 - see above

    context = None if tls is RelayTls.NONE else await asyncio.to_thread(_context, relay, tls)
    client = SMTP(
        hostname=relay.host, port=relay.port, local_hostname=relay.hostname,
        timeout=relay.timeout, use_tls=tls is RelayTls.FIRST, start_tls=False, tls_context=context,
    )  # fmt: skip
    await client.connect()
    try:
        if tls in (RelayTls.OPPORTUNISTIC, RelayTls.REQUIRED):
            await _start_tls(client, tls)
    except BaseException:
        client.close()
        raise
    return client


async def _start_tls(client: "SMTP", tls: RelayTls) -> None:
    """The handshake, where it is offered.

    Raises:
        RelayDown: it is not, and must be.
    """
    await client.ehlo()
    if client.supports_extension("starttls"):
        await client.starttls()
    elif tls is RelayTls.REQUIRED:
        raise RelayDown(_NO_STARTTLS)


def _context(relay: Relay, tls: RelayTls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=relay.ca)
    if tls is RelayTls.OPPORTUNISTIC or not relay.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _log_in(client: "SMTP", login: Login | None) -> None:
    """Say who we are; a token that is refused is replaced once, because it may be too old."""
    from aiosmtplib import SMTPAuthenticationError  # noqa: PLC0415 - see above

    if login is None:
        return
    if login.tokens is None:
        await client.login(login.name, login.password)
        return
    token = await login.tokens.get()
    try:
        await client.auth_xoauth2(login.name, token)
    except SMTPAuthenticationError:
        await client.auth_xoauth2(login.name, await login.tokens.get(refused=token))


async def _options(client: "SMTP", message: bytes, to: Sequence[str]) -> list[str]:
    """The parameters of MAIL.

    Raises:
        PermanentFailure: the relay cannot take such an address.
    """
    options: list[str] = []
    if message.isascii():
        return options
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    if not all(address.isascii() for address in to):
        if not client.supports_extension("smtputf8"):
            raise PermanentFailure(_NO_UTF8)
        options.append("SMTPUTF8")
    if client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    return options


def translated(error: Exception) -> Failure:
    """What aiosmtplib and TLS raise, as ours."""
    import aiosmtplib  # noqa: PLC0415 - see above

    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0] if error.recipients else None
        return _of_recipient(refused.code, refused.message) if refused else _of_recipient(0, "")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        return _by_code(error.code, f"the relay refused it ({error.code}): {error.message}")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return RelayDown(f"the relay refused our login ({error.code})", status=error.code)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return RelayDown(f"the relay said {error.code}: {error.message}", status=error.code)
    if isinstance(error, aiosmtplib.SMTPConnectError) and isinstance(error.__cause__, OSError):
        return _unreachable(error.__cause__)
    return _unreachable(error)


def _unreachable(error: Exception) -> Failure:
    """Why there is no conversation with the relay, or no address to speak of."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return RelayDown(f"the relay's certificate is no good: {error.verify_message}")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return PermanentFailure("the address cannot be written in SMTP")
    return RelayDown(f"the relay cannot be reached ({type(error).__name__})")


def _of_recipient(code: int, said: str) -> Failure:
    """Why a recipient was refused."""
    if _is_about_us(code, said):
        return RelayDown(f"the relay does not take our mail for others ({code}): {said}")
    return _by_code(code, f"the relay refused the address ({code}): {said}")


def _is_about_us(code: int, said: str) -> bool:
    """Whether a refused recipient only shows that the relay does not relay for us.

    That is the admin's to mend, and would lose every reply if it were taken for the address's.
    """
    return code == _LOGIN_FIRST or (
        code >= _FOR_GOOD and bool(_NO_RELAYING.search(said)) and not _NO_SUCH.search(said)
    )


def _by_code(code: int, text: str) -> Failure:
    kind = PermanentFailure if code >= _FOR_GOOD else TemporaryFailure
    return kind(" ".join(text.split())[:300], status=code)
