"""Names that are made once and then written down: ids, references, tokens.

An id is a ULID (26 characters of Crockford's base 32: 48 bits of milliseconds, 80 random
bits), so that rows and files sort by age and no two machines make the same one.
"""

import re
import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26
_TIME_LENGTH = 10
_REFERENCE_LENGTH = 5
_ANSWER_LENGTH = 16
_TOKEN = re.compile(r"m2f:([0-9A-HJKMNP-TV-Z]{26}(?:-[0-9]+)?)", re.ASCII)


def _base32(value: int, length: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (length - 1), -5, -5))


def new_id(now: float) -> str:
    """A ULID for the moment ``now`` (seconds since the epoch)."""
    return _base32(int(now * 1000) << 80 | secrets.randbits(80), _ULID_LENGTH)


def first_id(at: float) -> str:
    """The ULID before every other of the moment ``at`` and later."""
    return _base32(int(at * 1000) << 80, _ULID_LENGTH)


def new_answer_token() -> str:
    """80 random bits for an address that answers to a mail come to (W6): 16 characters."""
    return _base32(secrets.randbits(5 * _ANSWER_LENGTH), _ANSWER_LENGTH)


def new_reference() -> str:
    """A mail's reference as people read it, such as ``M2F-7K3QX``; not unique by itself."""
    return f"M2F-{_base32(secrets.randbits(5 * _REFERENCE_LENGTH), _REFERENCE_LENGTH)}"


def token_of(fax_id: str, order: int = 1) -> str:
    """The mark a fax carries at Fax.Plus: ``m2f:<ulid>``, from its second order on ``…-2``.

    It is fixed by the fax's id, which is in the commit before the 250 (ruling R3), so that
    after a restore from backup what was already ordered can still be recognised.
    """
    return f"m2f:{fax_id}" if order == 1 else f"m2f:{fax_id}-{order}"


def made_at(token: str) -> float:
    """When the fax that a token marks came to be, in seconds since the epoch."""
    value = 0
    for letter in fax_of(token)[:_TIME_LENGTH]:
        value = value << 5 | _ALPHABET.index(letter)
    return value / 1000.0


def fax_of(token: str) -> str:
    """The id of the fax that a token marks."""
    return token.removeprefix("m2f:")[:_ULID_LENGTH]


def order_of(token: str) -> int:
    """Which order of its fax a token marks, from 1."""
    return int(token.partition("-")[2] or 1)


def tokens_in(text: str) -> frozenset[str]:
    """Every token that stands in a comment text or tag."""
    return frozenset(f"m2f:{found}" for found in _TOKEN.findall(text))
