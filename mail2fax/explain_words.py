"""What ``mail2fax explain`` says to a person, in 80 columns (M13): an explanation in, words out."""

import textwrap
from collections.abc import Container, Iterator
from typing import Any

_WIDTH = 80
_LABEL = 11
_MOST_TEXT_LINES = 6
_KB, _MB = 1000, 1_000_000
_SHORT_TYPES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
}
_TEXT_GOES = {
    None: "into the comment at Fax.Plus, on no page",
    "comment": "into the comment at Fax.Plus, on no page",
    "cover": "onto the cover page",
    "comment+cover": "into the comment and onto the cover page",
    "page": "as a page of its own",
    "off": "nowhere: it is neither faxed nor kept",
}
_TEXT_WHY = "The mail's text is no document"
_SAID_ELSEWHERE = frozenset({"body", "comment"})


def in_words(told: dict[str, Any], *, reply: str = "", colour: bool = False) -> str:
    """An explanation for a person.

    Args:
        told: as `Explainer.explain` gives it.
        reply: who would be answered and why; empty when no configuration says.
        colour: whether the terminal shows colours.
    """
    lines = [_bold(told["mail"], colour=colour), *_verdict(told, colour=colour), ""]
    for label, values in (
        ("To", list(_destinations(told))),
        (
            "Found" if told["refused"] else "Documents",
            [_document(one) for one in told["documents"]],
        ),
        ("Not faxed", [_not_faxed(one) for one in told["not_faxed"]]),
        ("Text", _text(told)),
        ("Options", _options(told["options"])),
        ("Reply", [reply] if reply else []),
    ):
        lines += _labelled(label, values)
    return "\n".join(lines)


def pages_of(document: dict[str, Any]) -> str:
    """A document's pages in words."""
    count = document["pages"]
    return "pages unknown" if count is None else _count(count, "page")


def size_of(size: int) -> str:
    """Bytes as a person reads them."""
    if size < _KB:
        return _count(size, "byte")
    return f"{size / _KB:.0f} kB" if size < _MB else f"{size / _MB:.1f} MB"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _verdict(told: dict[str, Any], *, colour: bool) -> list[str]:
    refused = told["refused"]
    if refused is None:
        return [f"  {_coloured('Would be faxed', '32', colour=colour)}: {_sum(told)}."]
    if told["when"] == "line":
        head, more = "Refused on the line", "; the client hears:"
    elif refused.startswith("It would be held"):
        head, more = "On hold", ":"
    elif refused.startswith("It would wait"):
        head, more = "One of several", ":"
    else:
        head, more = "Refused by mail", ", after it was taken; the sender reads:"
    wrapped = textwrap.wrap(_printable(refused), _WIDTH - 4)
    return [f"  {_coloured(head, '31', colour=colour)}{more}", *(f"    {line}" for line in wrapped)]


def _sum(told: dict[str, Any]) -> str:
    """How much to how many."""
    documents, pages = told["documents"], [one["pages"] for one in told["documents"]]
    parts = [_count(len(documents), "document")]
    if documents and None not in pages:
        parts.append(_count(sum(pages), "page"))
    numbers = sum(one["number"] is not None for one in told["destinations"])
    where = f", to {_count(numbers, 'number')}" if numbers else "; no number was given (--to)"
    return ", ".join(parts) + where


def _destinations(told: dict[str, Any]) -> Iterator[str]:
    for one in told["destinations"]:
        if one["number"] is None:
            yield f"{one['written']} is refused: {one['why']}"
            continue
        own = "; ".join(_options(one.get("options", {}), said_elsewhere=()))
        yield f"{one['written']} dials {one['number']} ({one['why']}){', ' + own if own else ''}"


def _document(one: dict[str, Any]) -> str:
    pages = f"{pages_of(one)}, " if one["pages"] is not None else ""
    kind = _SHORT_TYPES.get(one["content_type"], one["content_type"])
    return f"{one['filename']}: {pages}{kind}, {size_of(one['size'])} (part {one['part']})"


def _not_faxed(one: dict[str, Any]) -> str:
    name = one["filename"] or _SHORT_TYPES.get(one["content_type"], one["content_type"])
    size = "damaged" if one["size"] is None else size_of(one["size"])
    why = "the mail's text, see below" if one["why"].startswith(_TEXT_WHY) else one["why"]
    return f"{name}, {size} (part {one['part']}): {why}"


def _text(told: dict[str, Any]) -> list[str]:
    body = told["options"].get("body")
    if not told["comment"]:
        is_known = body in ("cover", "page", "off")
        return [f"goes {_TEXT_GOES[body]}"] if is_known else ["none of the sender's own"]
    lines = told["comment"].split("\n")
    shown = [f"\u2502 {line}" for line in lines[:_MOST_TEXT_LINES]]
    more = [f"\u2502 \u2026 {_count(len(lines) - len(shown), 'line')} more"]
    where = _TEXT_GOES.get(body, _TEXT_GOES[None])
    said = "the sender's own words:" if told["refused"] else f"goes {where}:"
    return [said, *shown, *(more if len(lines) > len(shown) else [])]


def _options(
    options: dict[str, Any], said_elsewhere: Container[str] = _SAID_ELSEWHERE
) -> list[str]:
    return [
        f"{name}: {_value(value)}" for name, value in options.items() if name not in said_elsewhere
    ]


def _is_said(value: Any) -> bool:
    """Whether a value tells something; a number of 0 does, as in retries."""
    return bool(value) or (value == 0 and value is not False)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        said = {
            name: one
            for name, one in value.items()
            if one is not False and one not in (None, "", [])
        }
        return ", ".join(f"{name} {_value(one)}" for name, one in said.items()) or "yes"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _labelled(label: str, values: list[str]) -> list[str]:
    """Values beside their label, each wrapped, what goes on one step further in."""
    lines: list[str] = []
    for value in map(_printable, values):
        lines += textwrap.wrap(
            value, _WIDTH, initial_indent=" " * (_LABEL + 2), subsequent_indent=" " * (_LABEL + 4),
            break_on_hyphens=False,
        ) or [""]  # fmt: skip
    if lines:
        lines[0] = f"  {label:{_LABEL}}{lines[0][_LABEL + 2 :]}"
    return lines


def _printable(text: str) -> str:
    """Text that cannot steer a terminal, whatever a mail's labels are."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _bold(text: str, *, colour: bool) -> str:
    return _coloured(text, "1", colour=colour)


def _coloured(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
