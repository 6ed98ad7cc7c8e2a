"""The border with the relay: a message goes over, or we know why not (W7).

What concerns the address alone is permanent and leads to the next address; what concerns the
relay or the moment is temporary, whatever code the relay chose for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mail2fax.errors import Failure, PermanentFailure, TemporaryFailure

_FOR_GOOD = 500


@dataclass(frozen=True, slots=True)
class Relay:
    """Where replies go.

    Attributes:
        envelope_from: None for the null sender, which cannot loop.
        hostname: what we call ourselves.
        timeout: seconds for each step.
    """

    host: str
    port: int
    hostname: str
    envelope_from: str | None = None
    timeout: float = 60.0


async def hand_over(message: bytes, to: Sequence[str], relay: Relay) -> None:
    """Give one message to the relay.

    Args:
        message: its bytes.
        to: the address that counts, then those who get a copy, as far as the relay takes them.
        relay: where.

    Raises:
        PermanentFailure: it does not take this address.
        TemporaryFailure: it does not take anything now.
    """
    import aiosmtplib  # noqa: PLC0415 - imported when the first reply is due

    client = aiosmtplib.SMTP(
        hostname=relay.host, port=relay.port, local_hostname=relay.hostname,
        timeout=relay.timeout, use_tls=False, start_tls=False,
    )  # fmt: skip
    try:
        async with client:
            refused, _ = await client.sendmail(relay.envelope_from or "", list(to), message)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise translated(error) from error
    if (refusal := refused.get(to[0])) is not None:
        raise _by_code(refusal.code, f"the relay refused the address ({refusal.code})")


def translated(error: Exception) -> Failure:
    """What aiosmtplib raises, as ours."""
    import aiosmtplib  # noqa: PLC0415 - see above

    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0] if error.recipients else None
        code = refused.code if refused else 0
        said = refused.message if refused else ""
        return _by_code(code, f"the relay refused the address ({code}): {said}")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        return _by_code(error.code, f"the relay refused it ({error.code}): {error.message}")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return TemporaryFailure(f"the relay said {error.code}: {error.message}", status=error.code)
    return TemporaryFailure(f"the relay cannot be reached ({type(error).__name__})")


def _by_code(code: int, text: str) -> Failure:
    kind = PermanentFailure if code >= _FOR_GOOD else TemporaryFailure
    return kind(" ".join(text.split())[:300], status=code)
