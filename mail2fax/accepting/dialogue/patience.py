"""How long a client may take over its data (L2, RFC 5321 4.5.3.2).

aiosmtpd has one timer for commands, data and our own work, which data do not renew: an honest
copier on a slow line is cut, and a client that sends a byte an hour is not.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatienceSettings:
    """Seconds, and bytes a second.

    Attributes:
        command: for the next command.
        hello: for a PROXY header, which the balancer sends at once.
        silence: for the next bytes of data.
        free: how long data may come as slowly as they like.
        rate: what they must reach on average from then on.
        most: for all the data of one mail.
    """

    command: float = 300.0
    hello: float = 10.0
    silence: float = 180.0
    free: float = 180.0
    rate: float = 500.0
    most: float = 4 * 3600.0


def is_too_slow(settings: PatienceSettings, seconds: float, received: int) -> bool:
    """Whether a client has used up our patience.

    Args:
        settings: how much there is.
        seconds: since the data began.
        received: bytes of them so far.
    """
    if seconds > settings.most:
        return True
    return seconds > settings.free and received < seconds * settings.rate
