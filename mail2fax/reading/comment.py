"""The sender's own words of a mail's text: what becomes the comment (M11).

Quoted history, signatures, disclaimers and what devices and phones write below every mail are
cut. Every step is linear, whatever the lines are.
"""

import re
from html.parser import HTMLParser

LONGEST = 500
_MOST_TEXT = 65536
_QUOTED = re.compile(r"^\s{0,3}>", re.MULTILINE)
_SPACES = re.compile(r"[ \t\u00a0]+")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_DASHES = re.compile(r"-{2,} ?(original message|urspr.{1,3}ngliche nachricht|message d.origine|"
                     r"mensaje original|forwarded message|weitergeleitete nachricht) ?-{2,}",
                     re.IGNORECASE)  # fmt: skip
_WROTE = re.compile(
    r"^(on|am|le|el|il) .{6,200}(wrote|schrieb.{0,80}|a .crit|escribi.|ha scritto) ?:$",
    re.IGNORECASE,
)
_HEADER = re.compile(r"^(from|von|de|da)\s?: .{1,200}", re.IGNORECASE)
_SECOND = re.compile(
    r"^(sent|date|to|subject|gesendet|datum|an|betreff|envoy.|objet|.|enviado|para|asunto)\s?: ",
    re.IGNORECASE,
)
_FOOTERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(sent|gesendet|envoy.|enviado) (from|with|von|mit|via|de|depuis|desde) .{1,60}$",
        r"^(get|t.l.charge[rz]|holen sie sich) outlook .{1,60}$",
        (
            r"^(diese|this|ce|este) (e-?mail|message|nachricht|courriel|mensaje).{0,60}"
            r"(confiden|vertraulich|privileged|intended)"
        ),
        r"^(confidentiality|disclaimer|vertraulichkeit|avis de confidentialit)",
        r"^(scanned|gescannt|scan|num.ris.|escaneado) (from|by|with|von|mit|date|par|desde)\b",
        (
            r"^(this e-?mail was sent from|device name:|device model:|resolution:|file format:|"
            r"number of images:|attachment file type:|image data has been attached)"
        ),
        r"^(please open the attached document|if you can not read this file)",
    )
)
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "pre"})
_HIDDEN = frozenset({"style", "script", "head", "title", "blockquote"})
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "wbr"})


def own_words(text: str) -> str:
    """The sender's own words of a plain text, whole.

    Args:
        text: the decoded body.
    """
    lines = _CONTROLS.sub("", text[:_MOST_TEXT].replace("\r\n", "\n")).split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        bare = line.strip()[:400]
        if line.rstrip("\r") == "-- " or bare == "--" or _begins_history(bare, lines, number):
            break
        if _QUOTED.match(line):
            continue
        if any(footer.match(bare) for footer in _FOOTERS):
            break
        kept.append(_SPACES.sub(" ", line).strip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _begins_history(bare: str, lines: list[str], number: int) -> bool:
    if _DASHES.match(bare) or _WROTE.match(bare) or bare.startswith("____________"):
        return True
    following = lines[number + 1].strip()[:400] if number + 1 < len(lines) else ""
    if _HEADER.match(bare) and _SECOND.match(following):
        return True
    return bool(following) and bool(_WROTE.match(f"{bare} {following}"))


def shortened(words: str) -> str:
    """Words as a comment: at most 500 characters."""
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "\u2026"


def unflowed(text: str, *, delete_space: bool) -> str:
    """A ``format=flowed`` text with its soft line ends removed (RFC 3676)."""
    joined: list[str] = []
    soft = False
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.removeprefix(" ")
        if soft and joined:
            joined[-1] += content
        else:
            joined.append(content)
        soft = content.endswith(" ") and content != "-- "
        if soft and delete_space:
            joined[-1] = joined[-1][:-1]
    return "\n".join(joined)


class _TextOfHtml(HTMLParser):
    """Collects the text a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        style = next((value or "" for name, value in attrs if name == "style"), "")
        is_hidden = tag in _HIDDEN or "display:none" in style.replace(" ", "").lower()
        if tag not in _VOID and (self._hidden or is_hidden):
            self._hidden.append(tag)
        if tag in _BLOCKS and not self._hidden:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[len(self._hidden) - 1 - self._hidden[::-1].index(tag) :]
        elif tag in _BLOCKS and not self._hidden and tag != "br":
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(_SPACES.sub(" ", data.replace("\n", " ")))


def text_of_html(html: str) -> str:
    """What a person reads in an HTML body, without styles, scripts and quoted history."""
    parser = _TextOfHtml()
    parser.feed(html[:_MOST_TEXT])
    parser.close()
    return "".join(parser.pieces)
