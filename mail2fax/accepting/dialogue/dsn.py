"""What a client wants to be told of its mail: the parameters of RFC 3461, read strictly.

A parameter that is half understood is a promise that is half kept, so each is either read
wholly or refused with the form it should have.
"""

import re

from mail2fax.values import NEVER, NOTIFY

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+", re.ASCII)
_ENCODED = re.compile(r"\+([0-9A-F]{2})", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]+", re.ASCII)
_TYPE = re.compile(r"[a-z0-9-]+", re.ASCII | re.IGNORECASE)
_LONGEST_ENVID, _LONGEST_ORCPT = 100, 500  # RFC 3461 4.2 and 5.4
_INTERNATIONAL = "utf-8"


def notify(text: str) -> tuple[str, ...]:
    """NOTIFY (RFC 3461 4.1): `NEVER` alone, or some of the others, in upper case.

    Raises:
        ValueError: what it may be, a sentence.
    """
    words = tuple(dict.fromkeys(text.upper().split(",")))
    if words != (NEVER,) and not set(words) <= set(NOTIFY):
        raise ValueError("NOTIFY may be NEVER, or some of SUCCESS,FAILURE,DELAY")
    return words


def original_recipient(text: str) -> str:
    """ORCPT (RFC 3461 4.2): ``type;address`` with the address decoded, in printable ASCII.

    An address of the type utf-8 (RFC 6533) that came as it is gets the form for seven bits.

    Raises:
        ValueError: what it may be, a sentence.
    """
    kind, _, encoded = text.partition(";")
    if kind.lower() == _INTERNATIONAL:
        encoded = "".join(one if one.isascii() else rf"\x{{{ord(one):X}}}" for one in encoded)
    address = _decoded(encoded)
    if not _TYPE.fullmatch(kind) or address is None or len(text) > _LONGEST_ORCPT:
        raise ValueError("ORCPT must be a type and an address, such as rfc822;ann@example.org")
    return f"{kind};{address}"


def envelope_id(text: str) -> str:
    """ENVID (RFC 3461 4.4), decoded, in printable ASCII.

    Raises:
        ValueError: what it may be, a sentence.
    """
    found = _decoded(text) if len(text) <= _LONGEST_ENVID else None
    if found is None:
        raise ValueError("ENVID must be up to 100 characters of xtext (RFC 3461)")
    return found


def returned(text: str) -> str:
    """RET (RFC 3461 4.3): ``FULL`` or ``HDRS``; either way only headers go back.

    Raises:
        ValueError: what it may be, a sentence.
    """
    if text.upper() not in ("FULL", "HDRS"):
        raise ValueError("RET may be FULL or HDRS")
    return text.upper()


def _decoded(xtext: str) -> str | None:
    """Plain text of xtext (RFC 3461 4); None where it is none, or not printable."""
    if not _XTEXT.fullmatch(xtext):
        return None
    plain = _ENCODED.sub(lambda found: chr(int(found[1], 16)), xtext)
    return plain if _PRINTABLE.fullmatch(plain) else None
