"""A mail of ours that came back: which one, and from whom (W1; RFC 3464). Pure.

Only a server that had our mail knows its Message-ID, which is the name of a row of ours.
"""

import re
from dataclasses import dataclass

ENOUGH = 262_144
"""Bytes from the start of a bounce in which all of this stands."""
_OURS = re.compile(rb"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?<([0-9A-HJKMNP-TV-Z]{26})@")
_BLOCK = re.compile(rb"\r?\n\r?\n")
_ACTION = re.compile(rb"(?im)^action:[ \t]*([a-z]+)")
_RECIPIENT = re.compile(
    rb"(?im)^(?:final|original)-recipient:[^;\r\n]*;[ \t]*<?([!-~]+?)>?[ \t]*\r?$"
)
_STATUS = re.compile(rb"(?im)^status:[ \t]*([245]\.[0-9]{1,3}\.[0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a server says of a mail of ours.

    Attributes:
        row_id: of the mail, from its Message-ID.
        is_final: whether it will not arrive; otherwise it is only late, or did arrive.
        recipients: whom it did not reach, in lower case; empty where that is not said.
        status: the enhanced status code, empty where there is none.
    """

    row_id: str
    is_final: bool
    recipients: frozenset[str] = frozenset()
    status: str = ""


def bounce_of(data: bytes) -> Bounce | None:
    """What came back; None when it names no mail of ours, or several.

    Args:
        data: of the mail, its first `ENOUGH` bytes.
    """
    named = {found.upper() for found in _OURS.findall(data)}
    if len(named) != 1:
        return None
    row_id = named.pop().decode("ascii")
    groups = [block for block in _BLOCK.split(data) if _ACTION.search(block)]
    if not groups:
        return Bounce(row_id, is_final=True)
    failed = [block for block in groups if _word(_ACTION, block) == "failed"]
    reached = (one for block in failed for one in _RECIPIENT.findall(block))
    recipients = frozenset(one.decode("ascii").lower() for one in reached)
    status = next((_word(_STATUS, block) for block in failed), "")
    return Bounce(row_id, bool(failed), recipients, status)


def _word(pattern: re.Pattern[bytes], block: bytes) -> str:
    found = pattern.search(block)
    return found[1].decode("ascii").lower() if found else ""
