"""Who wrote a mail, read so strictly that no other program can read somebody else (L6).

What proves an author (a signature, a server's word) proves what *it* read in From. A mail
whose From two programs might read differently has no author here: several fields, several
mailboxes, groups, comments, routes, quoted local parts, encoded words around the address, or a
display name that shows another address (RFC 5322 3.4, 3.6.2).
"""

import re

from mail2fax.reading.charsets import eight_bit
from mail2fax.reading.headers import Headers, decoded

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"'
_WORD = r"[^\x00-\x20\x7f\"(),:;<>@\[\]\\]+"
_NAME = rf"(?:{_QUOTED}|{_WORD})(?:[ \t]+(?:{_QUOTED}|{_WORD}))*[ \t]*"
_BARE = re.compile(_ADDRESS, re.ASCII)
_NAMED = re.compile(rf"(?P<name>{_NAME})?<{_ADDRESS}>", re.ASCII)
_SHOWN = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_LONGEST = 1000


def only_mailbox(headers: Headers, field: str) -> str:
    """The address of the one mailbox a field names; empty when there is any doubt.

    Args:
        headers: the top header.
        field: ``from`` or ``reply-to``.

    Returns:
        The local part as written and the domain in lower case.
    """
    raw = headers.raw(field)
    if headers.count(field) != 1 or not raw or len(raw) > _LONGEST:
        return ""
    text = eight_bit(raw)
    found = _BARE.fullmatch(text) or _NAMED.fullmatch(text)
    if found is None:
        return ""
    address = f"{found['local']}@{found['domain'].lower()}"
    name = found.groupdict().get("name") or ""
    return address if _shows_nobody_else(name, address) else ""


def _shows_nobody_else(name: str, address: str) -> bool:
    shown = _SHOWN.findall(decoded(name.encode("utf-8", "replace")))
    return all(one.lower() == address.lower() for one in shown)
