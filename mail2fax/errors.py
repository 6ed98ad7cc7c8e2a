"""What can go wrong, told by two questions: whose fault is it, and does waiting help?

Every border (the Fax.Plus client, the relay, the disk) translates what its neighbour throws
into one of these; anything else that surfaces is our own bug and is treated as such.
"""

from enum import StrEnum


class Mail2FaxError(Exception):
    """Base of everything mail2fax raises on purpose."""


class ConfigError(Mail2FaxError):
    """The configuration cannot be used.

    Attributes:
        problems: one line each, ``file:line:column: what is wrong and what to write instead``.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CertificateError(Mail2FaxError):
    """A listener's certificate, key or client CA cannot be used; the text says which and why."""


class InternalError(Mail2FaxError):
    """A bug of ours ended what was being done; the log says where."""


class Fate(StrEnum):
    """What a failed request tells about whether Fax.Plus acted on it (ruling R2)."""

    NEVER_LEFT = "never left"
    """No byte of the request was sent: the connection was never made."""
    SAID_NO = "said no"
    """A complete answer in Fax.Plus's own words refused it."""
    THROTTLED = "throttled"
    """A 429: probably not acted on."""
    RENEWED = "renewed"
    """Refused for an access token that had ended, and there is another by now."""
    UNKNOWN = "unknown"
    """Nothing can be concluded: a cut answer, a time-out, a gateway's 5xx."""


class Failure(Mail2FaxError):
    """A neighbour (Fax.Plus, the relay) did not do what was asked.

    The text is ours up to the first colon, the neighbour's own words behind it: those may name
    numbers and addresses, so they are kept in the ledger and stand in no log (L12).

    Attributes:
        fate: what it tells about the request's effect.
        status: the neighbour's status code, None when it never answered.
        retry_after: seconds the neighbour asked us to wait, None if it named none.
    """

    def __init__(
        self,
        text: str,
        *,
        fate: Fate = Fate.UNKNOWN,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.fate = fate
        self.status = status
        self.retry_after = retry_after


class TemporaryFailure(Failure):
    """Trying the same again later may work."""


class PermanentFailure(Failure):
    """The same again will never work."""


class AccountFailure(Failure):
    """Nothing works until a person mends the account: token, scope or credit."""


class AccountEmpty(AccountFailure):
    """No credit is left: orders are taken, and fail."""


class NotAdmitted(Mail2FaxError):
    """The identity may not send this now; the text is the sentence for it (L8)."""


class SpoolError(Mail2FaxError):
    """The spool could not do what it must."""


class SpoolFull(SpoolError):
    """No room on disk (space, inodes or quota): nothing was stored, try again later."""


class SpoolBroken(SpoolError):
    """The disk or the ledger failed in a way after which nothing written can be believed (K6).

    The daemon stops accepting and exits; it never fsyncs again and believes it.
    """


class SpoolLocked(SpoolError):
    """Another process has this state directory."""


class LedgerTooNew(SpoolError):
    """The ledger was written by a newer version of mail2fax (K2)."""


class ContentDamaged(SpoolError):
    """Bytes at rest are unreadable or are not the ones that were stored (K5)."""
