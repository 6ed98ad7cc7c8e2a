"""Passwords: hashed with argon2id, checked at one cost whether the login exists or not.

19 MiB, two passes, one lane: the least OWASP's password storage page asks for, and little enough
that two checks at once fit beside everything else. Both functions take about 30 ms of processor;
they belong into a thread.
"""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


def hashed(password: str) -> str:
    """The password in the form that is kept."""
    return _HASHER.hash(password)


@cache
def _nobodys() -> str:
    """The hash that is checked for logins nobody has."""
    return hashed(made_up())


def is_right(password: str, kept: str) -> bool:
    """Whether this is the password of a kept hash; at the same cost when ``kept`` is empty.

    A hash that is none is nobody's too: it cannot be right, and must not be quick.
    """
    try:
        _HASHER.verify(kept or _nobodys(), password)
    except InvalidHashError:
        return is_right(password, "")
    except VerificationError:
        return False
    return bool(kept)


def is_outdated(kept: str) -> bool:
    """Whether a hash was made at another cost than today's."""
    return _HASHER.check_needs_rehash(kept)


def made_up() -> str:
    """A password to be typed at a panel: 20 letters and digits in groups, 98 random bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)
