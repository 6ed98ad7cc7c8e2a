"""A recipient's address, raw as it stood on the wire, becomes fax numbers or a 550.

Only the raw argument is ever read: parsers that know about comments drop what stands in
parentheses and would dial ``+1(415)555-1234`` without its area code (A1). One number that is
refused refuses the whole address, so that nobody believes a fax went to all of them.
"""

import re
from dataclasses import dataclass

from mail2fax.reading.numbers import NumberRules, read_number, shown
from mail2fax.values import Destination, Response

_SEPARATORS = re.compile(r"[,;&]", re.ASCII)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_OPTION = re.compile(r"/\s*[A-Za-z]", re.ASCII)
_TAG = re.compile(r"\+([^+]*[A-Za-z][^+]*)", re.ASCII)
_LETTER = re.compile(r"[A-Za-z]", re.ASCII)
_MOST_DESTINATIONS = 500


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Which addresses are ours, and how their numbers are read.

    Attributes:
        domains: ours, as lower-case A-labels; empty when every domain is (``explain``).
        prefix: word before a ``+`` as in ``fax+0225550123@``; empty for none (A3).
        allow_no_domain: whether a bare number without ``@`` is taken (A2).
        max_destinations: how many numbers one address may name.
    """

    domains: tuple[str, ...]
    numbers: NumberRules
    prefix: str = ""
    allow_no_domain: bool = False
    max_destinations: int = _MOST_DESTINATIONS


@dataclass(frozen=True, slots=True)
class AddressReading:
    """What became of an address: its destinations, or the refusal of all of it."""

    destinations: tuple[Destination, ...]
    refusal: Response | None
    steps: tuple[str, ...] = ()


def split_path(argument: str) -> tuple[str, str]:
    """The path of a MAIL or RCPT argument, and what follows it (RFC 5321 4.1.2).

    Args:
        argument: after the colon, such as ``<+1(415)555-1234@f.example> NOTIFY=NEVER``.
            Missing angle brackets are tolerated, then the path ends at the first space
            outside quotes.

    Returns:
        The path without brackets and source route, exactly as written, and the rest.

    Raises:
        ValueError: a bracket or a quotation mark has no partner.
    """
    text = argument.strip(" ")
    bracketed = text.startswith("<")
    end = _end_of_path(text, ">" if bracketed else " ")
    if bracketed and end == len(text):
        raise ValueError("the closing > is missing")
    path = text[1:end] if bracketed else text[:end]
    rest = text[end + 1 :] if bracketed else text[end:]
    if not bracketed and path.endswith(">"):
        raise ValueError("the opening < is missing")
    return _without_route(path), rest.strip(" ")


def _end_of_path(text: str, closing: str) -> int:
    """Where the path ends, quotes respected.

    Raises:
        ValueError: a quotation mark has no partner.
    """
    quoted = escaped = False
    for position, letter in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == closing and not quoted:
            return position
    if quoted:
        raise ValueError('a closing " is missing')
    return len(text)


def _without_route(path: str) -> str:
    """The path without ``@a,@b:`` in front, which is to be ignored (RFC 5321 4.1.1.3)."""
    if path.startswith("@") and ":" in path:
        return path.partition(":")[2]
    return path


def read_address(raw: str, rules: AddressRules) -> AddressReading:
    """Read one address.

    Args:
        raw: the path as `split_path` gives it.
        rules: our domains and how numbers are read.

    Returns:
        The reading; it never raises. Numbers that stand twice count once (A5).
    """
    local, at, domain = raw.rpartition("@")
    if not at:
        local, domain = raw, ""
    if refusal := _domain_refusal(domain, bool(at), rules) or _encoding_refusal(raw):
        return AddressReading((), refusal)
    written = _unquoted(local)
    if rules.prefix and written.lower().startswith(f"{rules.prefix.lower()}+"):
        written = written[len(rules.prefix) + 1 :]
    if refusal := _form_refusal(written):
        return AddressReading((), refusal)
    return _numbers(_pieces(written), rules)


def same_domain(domain: str) -> str:
    """A domain in the form in which domains are compared: A-label, lower case, no last dot.

    Raises:
        UnicodeError: it cannot be a domain.
    """
    bare = domain.strip(" ").removesuffix(".").lower()
    return bare if bare.isascii() else bare.encode("idna").decode("ascii")


def _domain_refusal(domain: str, has_domain: bool, rules: AddressRules) -> Response | None:
    if not has_domain:
        if rules.allow_no_domain or not rules.domains:
            return None
        return Response(550, "5.1.3", f"Write the number with @{rules.domains[0]} behind it")
    try:
        ours = not rules.domains or same_domain(domain) in rules.domains
    except UnicodeError:
        ours = False
    if ours:
        return None
    wanted = ", ".join(rules.domains[:3])
    return Response(
        550, "5.7.1", f"{shown(domain)} is not served here. Fax numbers are at {wanted}"
    )


def _encoding_refusal(raw: str) -> Response | None:
    local = raw.rpartition("@")[0] or raw
    if local.isascii() and local.isprintable():
        return None
    return Response(550, "5.1.3", f"{shown(local)}: only the digits 0 to 9 are read as a number")


def _unquoted(local: str) -> str:
    """A local part without its quotes (RFC 5321 4.1.2 Quoted-string)."""
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        return _QUOTED_PAIR.sub(r"\1", local[1:-1])
    return local


def _form_refusal(written: str) -> Response | None:
    """Forms that are not understood yet are refused by name, never read in part."""
    if option := _OPTION.search(written):
        what = shown(written[option.start() :])
        return Response(550, "5.1.3", f"{what}: options in the address are not understood here")
    if "#" in written or "=" in written:
        return Response(550, "5.1.3", f"{shown(written)}: sub-addresses cannot be faxed to")
    digits_before = any(letter.isdigit() for letter in written.partition("+")[0])
    tag = _TAG.search(written)
    if tag and (digits_before or written.startswith("+")) and any(map(str.isdigit, written)):
        return Response(550, "5.1.3", f"+{shown(tag[1])} is no number. Leave it out")
    if _LETTER.search(written):
        return Response(550, "5.1.1", f"{shown(written)}: not a fax number. Write it in digits")
    return None


def _pieces(written: str) -> list[str]:
    """The numbers of one local part: at separators, and at every plus that begins one (A5)."""
    pieces: list[str] = []
    for part in _SEPARATORS.split(written):
        head, *others = part.split("+")
        if head.strip(" "):
            pieces.append(head)
        pieces += [f"+{other}" for other in others]
    return pieces


def _numbers(pieces: list[str], rules: AddressRules) -> AddressReading:
    if len(pieces) > rules.max_destinations:
        text = f"{len(pieces)} numbers in one address, {rules.max_destinations} may be"
        return AddressReading((), Response(452, "4.5.3", text))
    destinations: dict[str, Destination] = {}
    steps: list[str] = []
    for piece in pieces or [""]:
        reading = read_number(piece, rules.numbers)
        steps += reading.steps
        number = reading.destination.number
        if number is None:
            return AddressReading((), reading.refusal, tuple(steps))
        destinations.setdefault(number.e164, reading.destination)
    return AddressReading(tuple(destinations.values()), None, tuple(steps))
