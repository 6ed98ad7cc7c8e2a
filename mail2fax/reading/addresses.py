"""A recipient's address, raw as it stood on the wire, becomes fax numbers or a 550.

Only the raw argument is ever read: parsers that know about comments drop what stands in
parentheses and would dial ``+1(415)555-1234`` without its area code (A1). One number that is
refused refuses the whole address, so that nobody believes a fax went to all of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mail2fax.reading.contacts import NOBODY, Contact, Contacts
from mail2fax.reading.dialects.spoken import with_plain_separators
from mail2fax.reading.forms import LocalPart, refuse_sub_address, taken_apart, unquoted
from mail2fax.reading.numbers import (
    NumberRules,
    Refused,
    plain_punctuation,
    read_number,
    shown,
)
from mail2fax.values import Destination, Response

_SEPARATORS = re.compile(r"[,;&]", re.ASCII)
_PLUS = re.compile(r"(?:\( *)?\+", re.ASCII)
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
        dialects: other products' spellings whose options are split off too (O6).
    """

    domains: tuple[str, ...]
    numbers: NumberRules
    prefix: str = ""
    allow_no_domain: bool = False
    max_destinations: int = _MOST_DESTINATIONS
    dialects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressReading:
    """What became of an address.

    Attributes:
        destinations: its numbers; none when it is refused.
        refusal: of all of it, or None.
        steps: how it was read, a sentence each, for ``mail2fax number``.
        groups: the groups it names, each with its size.
    """

    destinations: tuple[Destination, ...]
    refusal: Response | None
    steps: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()


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


def read_address(raw: str, rules: AddressRules, contacts: Contacts = NOBODY) -> AddressReading:
    """Read one address.

    Args:
        raw: the path as `split_path` gives it.
        rules: our domains and how numbers are read.
        contacts: who can be written to by name (A7).

    Returns:
        The reading; it never raises. Numbers that stand twice count once (A5).
    """
    local, at, domain = raw.rpartition("@")
    if not at:
        local, domain = raw, ""
    steps: list[str] = []
    try:
        _check_domain(domain, bool(at), rules)
        if at:
            steps.append(f"left out: the domain {shown(domain)}")
        _check_encoding(local)
        written = with_plain_separators(unquoted(plain_punctuation(local)), rules.dialects)
        part = taken_apart(written, rules.prefix)
        steps += part.steps
        return _read(part, rules, contacts, steps)
    except Refused as refused:
        return AddressReading((), refused.response, tuple(steps))


def same_domain(domain: str) -> str:
    """A domain in the form in which domains are compared: A-label, lower case, no last dot.

    Raises:
        UnicodeError: it cannot be a domain.
    """
    bare = domain.strip(" ").removesuffix(".").lower()
    return bare if bare.isascii() else bare.encode("idna").decode("ascii")


def same_address(address: str) -> str:
    """An address in the form in which a To is compared with a recipient: no quotes, no case."""
    local, at, domain = address.strip(" ").rpartition("@")
    if not at:
        return unquoted(domain).lower()
    try:
        return f"{unquoted(local).lower()}@{same_domain(domain)}"
    except UnicodeError:
        return address.lower()


def _check_domain(domain: str, has_domain: bool, rules: AddressRules) -> None:
    if not has_domain:
        if rules.allow_no_domain or not rules.domains:
            return
        raise Refused(f"Write the number with @{rules.domains[0]} behind it")
    try:
        ours = not rules.domains or same_domain(domain) in rules.domains
    except UnicodeError:
        ours = False
    if not ours:
        wanted = ", ".join(rules.domains[:3])
        raise Refused(f"{shown(domain)} is not served here. Fax numbers are at {wanted}", "5.7.1")


def _check_encoding(local: str) -> None:
    plain = plain_punctuation(local)
    if not (plain.isascii() and plain.isprintable()):
        raise Refused(f"{shown(local)}: only the digits 0 to 9 are read as a number")


def _read(
    part: LocalPart, rules: AddressRules, contacts: Contacts, steps: list[str]
) -> AddressReading:
    """The numbers and names of a local part, each number once (A5)."""
    pieces = _pieces(part.numbers) or [""]
    named = [contacts.members(piece) for piece in pieces]
    count = sum(len(members) or 1 for members in named)
    if count > rules.max_destinations:
        text = f"{count} fax numbers in one address, {rules.max_destinations} may be"
        raise Refused(f"{text}. Send it in parts", "4.5.3", 452)
    found: dict[str, Destination] = {}
    groups: list[tuple[str, int]] = []
    for position, (piece, members) in enumerate(zip(pieces, named, strict=True)):
        if not members:
            _check_letters(piece, contacts, is_first=position == 0)
        if len(members) > 1:
            groups.append((piece, len(members)))
            steps.append(f"group {piece}: {len(members)} numbers")
        for one in _destinations(piece, members, rules.numbers, steps):
            assert one.number is not None, "a refused number refuses the address"
            found.setdefault(one.number.e164, replace(one, wishes=part.wishes))
    return AddressReading(tuple(found.values()), None, tuple(steps), tuple(groups))


def _pieces(numbers: str) -> list[str]:
    """The numbers of one local part: at separators, and at every plus that begins one (A5)."""
    parts = (piece for part in _SEPARATORS.split(numbers) for piece in _at_plus(part))
    return [bare for piece in parts if (bare := piece.strip(" "))]


def _at_plus(part: str) -> Iterator[str]:
    """A text cut before every ``+`` and ``(+``."""
    cuts = [found.start() for found in _PLUS.finditer(part)]
    for begin, end in zip([0, *cuts], [*cuts, len(part)], strict=True):
        yield part[begin:end]


def _destinations(
    piece: str, members: tuple[Contact, ...], rules: NumberRules, steps: list[str]
) -> Iterator[Destination]:
    """What one piece stands for: the members of a name, or the number it is.

    Raises:
        Refused: one of them may not be dialled.
    """
    for one in members:
        try:
            number = _number(one.number.e164, rules, steps)
        except Refused as refused:
            why = refused.response
            raise Refused(f"{shown(piece)}: {why.text}", why.status) from None
        yield replace(number, written=piece, name=one.name or None)
    if not members:
        yield _number(piece, rules, steps)


def _number(text: str, rules: NumberRules, steps: list[str]) -> Destination:
    reading = read_number(text, rules)
    steps += reading.steps
    if reading.refusal is not None:
        raise Refused(reading.refusal.text, reading.refusal.status)
    return reading.destination


def _check_letters(piece: str, contacts: Contacts, *, is_first: bool) -> None:
    """Letters are a sub-address, a tag, or a name that is not known; each is said (A3, A6, A7).

    Raises:
        Refused: there are some.
    """
    refuse_sub_address(piece)
    if not _LETTER.search(piece):
        return
    if not is_first and piece.startswith("+"):
        raise Refused(f"+{shown(piece[1:])} is no number. Leave it out")
    if near := contacts.nearest(piece):
        advice = f"not a fax number, and no contact has this name. Did you mean {near}?"
    else:
        advice = "not a fax number. Write it in digits"
    raise Refused(f"{shown(piece)}: {advice}", "5.1.1")
