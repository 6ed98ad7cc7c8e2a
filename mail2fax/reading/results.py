"""What a mail server of ours verified of a mail: the top-most Authentication-Results (RFC 8601).

Only that one field counts; any other may be a stranger's. It is read strictly: whatever is not
of the RFC's form proves nothing, because parts of it (comments, quoted values, addresses) are
words of the mail's sender.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail2fax.reading.headers import Headers

NO_ID = "none"
"""The authserv-id of Microsoft's form, which has none."""

_METHOD = re.compile(r"([a-z][a-z0-9-]*)(?:/[0-9]+)?=([a-z]+)", re.ASCII)
_PROPERTY = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)=(.*)", re.ASCII | re.DOTALL)
_AUTHSERV = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result: ``dkim=pass header.d=example.org``."""

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)


class NotReadable(ValueError):
    """The field is not of the RFC's form."""


def proves_author(headers: Headers, authserv_id: str, author: str) -> str | None:
    """Whether a server of ours verified that a mail is its author's.

    Args:
        headers: the top header.
        authserv_id: what the server calls itself, or `NO_ID`.
        author: the one mailbox of From.

    Returns:
        None when it did; else why not.
    """
    raw = headers.raw("authentication-results")
    if not raw:
        return "the mail server says nothing about the sender"
    try:
        found_id, results = read_results(raw.decode("ascii"), has_id=authserv_id != NO_ID)
    except (NotReadable, UnicodeDecodeError):
        return "what is said about the sender cannot be read"
    if found_id != (None if authserv_id == NO_ID else authserv_id):
        return "what is said about the sender is not the mail server's"
    domain = author.rpartition("@")[2]
    return None if _is_proved(results, domain) else f"the mail is not proved to be of {domain}"


def _is_proved(results: list[Result], domain: str) -> bool:
    """DMARC passed for the very domain; without a DMARC result, its own DKIM signature did."""
    dmarc = [one for one in results if one.method == "dmarc"]
    if len(dmarc) > 1:
        return False
    if dmarc and dmarc[0].result == "pass":
        return _same(dmarc[0].properties.get("header.from", ""), domain)
    if dmarc and dmarc[0].result == "fail":
        return False
    signatures = (one for one in results if one.method == "dkim" and one.result == "pass")
    return any(_same(_signer(one), domain) for one in signatures)


def _signer(result: Result) -> str:
    named = result.properties.get("header.d", "")
    return named or result.properties.get("header.i", "").rpartition("@")[2]


def _same(found: str, domain: str) -> bool:
    return bool(found) and found.rpartition("@")[2].lower().removesuffix(".") == domain.lower()


def read_results(text: str, *, has_id: bool = True) -> tuple[str | None, list[Result]]:
    """The authserv-id in lower case (None without one) and the results of a field's value.

    Raises:
        NotReadable: it is not of the RFC's form.
    """
    parts = [list(words) for words in _parts(text)]
    authserv_id = None
    if has_id:
        authserv_id = _id_of(parts.pop(0) if parts else [])
    results = [_result_of(words) for words in parts if words]
    return authserv_id, [one for one in results if one.method != "none"]


def _id_of(words: list[str]) -> str:
    """The server's name, and nothing else but the version 1."""
    if not words or words[1:] not in ([], ["1"]) or not _AUTHSERV.fullmatch(words[0]):
        raise NotReadable(words)
    return words[0].lower()


def _result_of(words: list[str]) -> Result:
    if words == ["none"]:
        return Result("none", "")
    head = _METHOD.fullmatch(words[0].lower())
    if not head:
        raise NotReadable(words)
    properties: dict[str, str] = {}
    for word in words[1:]:
        found = _PROPERTY.fullmatch(word)
        if not found or found[1].lower() in properties:
            raise NotReadable(word)
        properties[found[1].lower()] = found[2]
    return Result(head[1], head[2], properties)


def _parts(text: str) -> Iterator[list[str]]:
    """The words between semicolons; comments are left out, quoted values belong to their word."""
    words: list[str] = []
    word, position = "", 0
    while position < len(text):
        letter = text[position]
        if letter == '"':
            quoted, position = _quoted(text, position)
            word += quoted
            continue
        if letter in " \t;(":
            words, word = ([*words, word] if word else words), ""
        if letter == "(":
            position = _after_comment(text, position)
            continue
        if letter == ";":
            yield words
            words = []
        elif letter not in " \t":
            if letter in ")\\" or not letter.isprintable():
                raise NotReadable(text)
            word += letter
        position += 1
    yield [*words, word] if word else words


def _quoted(text: str, position: int) -> tuple[str, int]:
    """The content of a quoted string and where it ends; its quotes stay out."""
    content, position = "", position + 1
    while position < len(text):
        letter = text[position]
        if letter == '"':
            return content, position + 1
        if letter == "\\":
            position += 1
            letter = text[position : position + 1]
        content += letter
        position += 1
    raise NotReadable(text)


def _after_comment(text: str, position: int) -> int:
    """Where a comment, and what is nested in it, ends."""
    depth = 0
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 1
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return position + 1
        if depth > _DEEPEST:
            break
        position += 1
    raise NotReadable(text)
