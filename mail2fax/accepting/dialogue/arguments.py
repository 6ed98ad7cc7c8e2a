"""The arguments of MAIL and RCPT, raw as they stood on the wire (A1, RFC 5321 4.1.2).

aiosmtpd gives them to a parser that drops what stands in parentheses, crashes on ``<``, takes
``<>`` as a recipient and ``²`` as a size, and refuses the parameters every DSN client sends.
"""

import re
from dataclasses import dataclass

from mail2fax.accepting.dialogue import dsn
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
    """MAIL's argument: the reverse-path, empty for the null sender, and what it declares.

    Attributes:
        size: SIZE, 0 when it was not said.
        envelope_id: ENVID, decoded.
        returned: RET.
    """

    path: str
    size: int = 0
    envelope_id: str = ""
    returned: str = ""


@dataclass(frozen=True, slots=True)
class RecipientArgument:
    """RCPT's argument: the forward-path exactly as written, and what is to be told of it."""

    path: str
    notify: tuple[str, ...] = ()
    original: str = ""


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
    try:
        return _declared(path, parameters)
    except ValueError as error:
        return Response(501, "5.5.4", str(error))


def _declared(path: str, parameters: dict[str, str]) -> MailArgument:
    """What a mail declares.

    Raises:
        ValueError: what a parameter may be, a sentence.
    """
    if parameters.get("BODY", "7BIT").upper() not in _BODIES:
        raise ValueError("BODY may be 7BIT or 8BITMIME")
    size = parameters.get("SIZE", "0")
    if not _NUMBER.fullmatch(size):
        raise ValueError("SIZE must be a number of bytes")
    envelope_id = dsn.envelope_id(parameters["ENVID"]) if "ENVID" in parameters else ""
    returned = dsn.returned(parameters["RET"]) if "RET" in parameters else ""
    return MailArgument(path, int(size), envelope_id, returned)


def rcpt_argument(text: str) -> RecipientArgument | Response:
    """Read what stands behind RCPT; the response says what is wrong with it."""
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
    if isinstance(parameters, Response):
        return parameters
    try:
        wanted = dsn.notify(parameters["NOTIFY"]) if "NOTIFY" in parameters else ()
        original = dsn.original_recipient(parameters["ORCPT"]) if "ORCPT" in parameters else ""
    except ValueError as error:
        return Response(501, "5.5.4", str(error))
    return RecipientArgument(path, wanted, original)


def _parameters(rest: str, known: frozenset[str]) -> dict[str, str] | Response:
    found: dict[str, str] = {}
    for word in rest.split():
        name, _, value = word.partition("=")
        if name.upper() not in known:
            shown = "".join(letter for letter in name[:40] if letter.isascii())
            return Response(555, "5.5.4", f"The parameter {shown} is not known here")
        if name.upper() in found:
            return Response(501, "5.5.4", f"The parameter {name.upper()} stands there twice")
        found[name.upper()] = value
    return found
