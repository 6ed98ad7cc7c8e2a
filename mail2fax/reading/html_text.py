"""HTML as the lines a person sees (M11).

Markup is read as browsers read it where it matters: what is hidden is hidden, a comment without
an end hides the rest, a tag without one is dropped. One pass with searches that only go
forward, and a bounded stack: every step is linear in the markup, which the parser of the
standard library is not. A library would bring a whole tree of the document for 500 characters.
"""

import html
import re
from collections import Counter
from typing import NamedTuple

from mail2fax.reading.body_text import MOST_LINES, Kind, Line, visible
from mail2fax.reading.phrases import announces_quotation

_LONGEST_HTML = 1 << 20
_DEEPEST = 256
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)((?:[^=>]*+=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+[^=>]*+)>")
_BEGINS_TAG = re.compile(r"/?[A-Za-z]")
_ATTRIBUTE = re.compile(
    r"([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?+"
)
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9A-Fa-f]{1,6}(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,31});?"
)
_WHITE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN_STYLE = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|font-size:0(?![.\d]*[1-9])|opacity:0(?![.\d]*[1-9])"
)
_HIDDEN_ATTRIBUTE = re.compile(r"\shidden(?:[\s=/]|$)", re.IGNORECASE)
_NO_MARGIN = re.compile(r"margin:0|margin-(?:top|bottom):0")
_TIGHT_CLASSES = frozenset({"msonormal", "msolistparagraph", "msoplaintext", "p1"})
_RAW = frozenset({"style", "script", "title", "textarea", "noembed", "noframes", "template"})
_UNSEEN = frozenset({"head", "select", "object", "audio", "video", "svg", "math"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_SPACED = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre"}
)
_BLOCKS = _SPACED | {
    "address", "article", "aside", "body", "center", "dd", "div", "dt", "fieldset", "footer",
    "form", "header", "hr", "html", "li", "main", "nav", "section", "table", "tr",
}  # fmt: skip
_CLOSED_BY_THEIR_LIKE = {
    "li": {"li"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"tr", "td", "th"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
}
_SIGNATURES = frozenset({"gmail_signature", "moz-signature", "protonmail_signature_block"})
_QUOTE_CLASS = re.compile(r"quote|cite|history", re.IGNORECASE)


class _Element(NamedTuple):
    tag: str
    hidden: bool
    kind: Kind
    keeps_white: bool
    blank: bool  # whether space stands around it
    ordered: list[int] | None  # the number of the last item of an ordered list


_NOTHING = _Element("", False, Kind.OWN, False, False, None)


def html_lines(markup: str) -> list[Line]:
    """What a person sees of an HTML body, and which of it is quoted or a signature."""
    reader = _Reader(markup[:_LONGEST_HTML])
    reader.read()
    return reader.page.lines()


class _Page:
    """The lines as they are laid out."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._pieces: list[str] = []
        self._kind = Kind.OWN
        self._gap = 0  # blank lines due before the next text
        self._lead = ""  # what stands before the next text of the line: a list's mark

    @property
    def has_room(self) -> bool:
        """Whether more lines are wanted."""
        return len(self._lines) < MOST_LINES

    def write(self, text: str, kind: Kind) -> None:
        """Text within a line."""
        if not self._pieces:
            text = text.lstrip(" ")
            if not text:
                return
            self._settle_gap(kind)
            self._kind = kind
            self._pieces.append(self._lead)
            self._lead = ""
        elif text.startswith(" ") and self._pieces[-1].endswith((" ", "\t")):
            text = text[1:]
        self._pieces.append(text)

    def mark(self, text: str) -> None:
        """What the next text of a new line begins with."""
        self._lead = text

    def end_line(self, *, blank: bool = False) -> None:
        """The line is over; with ``blank``, one stays empty before the next text."""
        if self._pieces:
            self._lines.append(Line(visible("".join(self._pieces)).rstrip(), self._kind))
            self._pieces = []
        if blank:
            self._gap = 1

    def break_line(self, kind: Kind) -> None:
        """``<br>``: the line is over, be it empty."""
        if self._pieces:
            self.end_line()
        else:
            self._settle_gap(kind)
            self._lines.append(Line("", kind))

    def lines(self) -> list[Line]:
        """All of them."""
        self.end_line()
        return self._lines

    def _settle_gap(self, kind: Kind) -> None:
        if self._gap and self._lines:
            self._lines.append(Line("", kind))
        self._gap = 0

    def last_text(self) -> str:
        """The text before here, to tell a quotation by the line that announces it."""
        if self._pieces:
            return "".join(self._pieces).rstrip()
        return next((line.text for line in reversed(self._lines[-4:]) if line.text), "")


class _Reader:
    """Walks the markup once."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self.page = _Page()
        self._stack: list[_Element] = []
        self._open: Counter[str] = Counter()

    def read(self) -> None:
        """All of it."""
        at = 0
        while at < len(self._markup) and self.page.has_room:
            start = self._markup.find("<", at)
            if start < 0:
                start = len(self._markup)
            self._text(self._markup[at:start])
            at = self._markup_at(start)

    def _markup_at(self, start: int) -> int:
        """Take what begins with ``<``; where the rest begins."""
        after = self._markup[start + 1 : start + 4]
        if after == "!--":
            return self._behind("-->", start + 2)
        if after[:1] in ("!", "?"):
            return self._behind(">", start)
        if not _BEGINS_TAG.match(after):
            self._text(self._markup[start : start + 1])
            return start + 1
        tag = _TAG.match(self._markup, start)
        if tag is None:
            return len(self._markup)
        name = tag[2].lower()
        if tag[1]:
            self._end(name)
            return tag.end()
        self._start(name, tag[3])
        return self._behind_raw(name, tag.end()) if name in _RAW else tag.end()

    def _behind(self, end: str, start: int) -> int:
        found = self._markup.find(end, start)
        return found + len(end) if found >= 0 else len(self._markup)

    def _behind_raw(self, name: str, start: int) -> int:
        """Behind an element whose content is no markup, and not seen."""
        end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self._markup, start)
        return self._behind(">", end.end()) if end else len(self._markup)

    # Text

    def _text(self, raw: str) -> None:
        top = self._top()
        if not raw or top.hidden:
            return
        text = _unescaped(raw)
        if not top.keeps_white:
            self.page.write(_WHITE.sub(" ", text), top.kind)
            return
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
            if number:
                self.page.break_line(top.kind)
            self.page.write(line, top.kind)

    def _top(self) -> _Element:
        return self._stack[-1] if self._stack else _NOTHING

    # Elements

    def _start(self, name: str, inside: str) -> None:
        self._close_implied(name)
        top = self._top()
        attributes = _attributes(inside)
        style = _WHITE.sub("", attributes.get("style", "")).lower()
        element = _Element(
            tag=name,
            hidden=top.hidden or _is_hidden(name, inside, style),
            kind=self._kind(name, attributes, style, top),
            keeps_white=top.keeps_white or name == "pre" or "white-space:pre" in style,
            blank=name in _SPACED and not _is_tight(name, attributes, style),
            ordered=[0] if name == "ol" else None,
        )
        if not element.hidden:
            self._lay_out(name, element)
        if name not in _VOID and name not in _RAW and len(self._stack) < _DEEPEST:
            self._stack.append(element)
            self._open[name] += 1

    def _lay_out(self, name: str, element: _Element) -> None:
        if name == "br":
            self.page.break_line(element.kind)
        elif name in _BLOCKS:
            self.page.end_line(blank=element.blank)
            if name == "li":
                self.page.mark(self._item_mark())
        elif name in ("td", "th"):
            self.page.write(" ", element.kind)

    def _item_mark(self) -> str:
        for element in reversed(self._stack[-8:]):
            if element.ordered is not None:
                element.ordered[0] += 1
                return f"{element.ordered[0]}. "
            if element.tag == "ul":
                break
        return "- "

    def _end(self, name: str) -> None:
        if name == "p" and not self._open["p"]:
            self.page.end_line(blank=True)
        if not self._open[name]:
            return
        while self._pop() != name:
            pass

    def _pop(self) -> str:
        element = self._stack.pop()
        self._open[element.tag] -= 1
        if element.tag in _BLOCKS and not element.hidden:
            self.page.end_line(blank=element.blank)
            self.page.mark("")
        return element.tag

    def _close_implied(self, name: str) -> None:
        """End what a start tag ends without saying so (HTML 13.2.6.4)."""
        ended = _CLOSED_BY_THEIR_LIKE.get(name, set()) | ({"p"} if name in _BLOCKS else set())
        open_ones = sum(self._open[tag] for tag in ended)
        for element in reversed(self._stack if open_ones else ()):
            if element.tag in ended:
                while self._pop() != element.tag:
                    pass
                return
            if element.tag in _BLOCKS or element.tag in ("td", "th"):
                return

    def _kind(self, name: str, attributes: dict[str, str], style: str, top: _Element) -> Kind:
        if top.kind is Kind.QUOTED:
            return Kind.QUOTED
        classes = f"{attributes.get('class', '')} {attributes.get('id', '')}"
        if name == "blockquote" and self._is_quotation(attributes, classes, style):
            return Kind.QUOTED
        if not _SIGNATURES.isdisjoint(classes.lower().split()):
            return Kind.SIGNATURE
        return top.kind

    def _is_quotation(self, attributes: dict[str, str], classes: str, style: str) -> bool:
        """Whether a blockquote quotes; programs use it to indent a sender's own words, too."""
        if attributes.get("type", "").lower() == "cite" or "cite" in attributes:
            return True
        if _QUOTE_CLASS.search(classes):
            return "border:none" not in style
        return "border-left" in style or announces_quotation(self.page.last_text())


def _attributes(inside: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in _ATTRIBUTE.finditer(inside):
        found.setdefault(one[1].lower(), _unescaped(one[2] or one[3] or one[4] or ""))
    return found


def _unescaped(text: str) -> str:
    """Text with its character references read, none longer than any has to be."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def _is_hidden(name: str, inside: str, style: str) -> bool:
    if name in _UNSEEN or _HIDDEN_STYLE.search(style):
        return True
    return bool(_HIDDEN_ATTRIBUTE.search(inside))


def _is_tight(name: str, attributes: dict[str, str], style: str) -> bool:
    """Whether a paragraph is set without space around it, as Outlook sets each line."""
    classes = attributes.get("class", "").lower().split()
    return name == "p" and (
        bool(_NO_MARGIN.search(style)) or not _TIGHT_CLASSES.isdisjoint(classes)
    )
