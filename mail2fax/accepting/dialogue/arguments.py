"""The arguments of MAIL and RCPT, raw as they stood on the wire (A1, RFC 5321 4.1.2).

aiosmtpd gives them to a parser that drops what stands in parentheses, crashes on ``<``, takes
``<>`` as a recipient and ``²`` as a size, and refuses the parameters every DSN client sends.
"""

import re
from dataclasses import dataclass

from mail2fax.reading.addresses import split_path
from mail2fax.values import Response

_MAIL = re.compile(r"from\s*:(.*)", re.IGNORECASE | re.DOTALL)
_RCPT = re.compile(r"to\s*:(.*)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_MAIL_KNOWN = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"})
_RCPT_KNOWN = frozenset({"NOTIFY", "ORCPT"})
_BODIES = frozenset({"7BIT", "8BITMIME"})


@dataclass(frozen=True, slots=True)
class MailArgument:
    """MAIL's argument: the reverse-path, empty for the null sender, and the declared size."""

    path: str
    size: int = 0


def mail_argument(text: str) -> MailArgument | Response:
    """Read what stands behind MAIL; the response says what is wrong with it."""
    found = _MAIL.fullmatch(text)
    if not found:
        return Response(501, "5.5.4", "Write MAIL FROM:<address>")
    try:
        path, rest = split_path(found[1])
    except ValueError as error:
        return Response(501, "5.1.7", f"The sender's address cannot be read: {error}")
    parameters = _parameters(rest, _MAIL_KNOWN)
    if isinstance(parameters, Response):
        return parameters
    if parameters.get("BODY", "7BIT").upper() not in _BODIES:
        return Response(501, "5.5.4", "BODY may be 7BIT or 8BITMIME")
    size = parameters.get("SIZE", "0")
    if not _NUMBER.fullmatch(size):
        return Response(501, "5.5.4", "SIZE must be a number of bytes")
    return MailArgument(path, int(size))


def rcpt_argument(text: str) -> str | Response:
    """Read what stands behind RCPT: the forward-path exactly as written, or what is wrong."""
    found = _RCPT.fullmatch(text)
    if not found:
        return Response(501, "5.5.4", "Write RCPT TO:<address>")
    try:
        path, rest = split_path(found[1])
    except ValueError as error:
        return Response(501, "5.1.3", f"The address cannot be read: {error}")
    if not path:
        return Response(501, "5.1.3", "The address is empty. Write the fax number in it")
    parameters = _parameters(rest, _RCPT_KNOWN)
    return parameters if isinstance(parameters, Response) else path


def _parameters(rest: str, known: frozenset[str]) -> dict[str, str] | Response:
    found: dict[str, str] = {}
    for word in rest.split():
        name, _, value = word.partition("=")
        if name.upper() not in known:
            shown = "".join(letter for letter in name[:40] if letter.isascii())
            return Response(555, "5.5.4", f"The parameter {shown} is not known here")
        found[name.upper()] = value
    return found
