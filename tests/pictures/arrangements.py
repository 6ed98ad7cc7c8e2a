"""How well-known mail programs arrange a mail with pictures, for other programs to make.

Structure, names and ids are those of captured mails; encoding, folding, boundaries and headers
are the business of the program that makes the mail.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = "Please see the pages.\n"


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a mail: parts, a text or a file.

    Attributes:
        kind: its content type.
        parts: those it holds, if it is a multipart.
        text: what it says, if it is a text.
        file: what it holds, if it is a file.
        name: as what.
        cid: its Content-ID without brackets.
        disposition: ``inline`` or ``attachment``; empty for the program's own choice.
    """

    kind: str
    parts: tuple["Node", ...] = ()
    text: str = ""
    file: Path | None = None
    name: str = ""
    cid: str = ""
    disposition: str = ""

    @property
    def as_json(self) -> dict[str, Any]:
        """For programs in other languages."""
        return {
            "kind": self.kind, "parts": [part.as_json for part in self.parts], "text": self.text,
            "file": str(self.file or ""), "name": self.name, "cid": self.cid,
            "disposition": self.disposition,
        }  # fmt: skip


Files = Sequence[Path]
Arrangement = Callable[[Files, Files], Node]
_PLAIN = Node("text/plain", text=WORDS)


def outlook(pictures: Files, files: Files) -> Node:
    """Outlook for Windows: related around the alternative, image001.png with a date in its id."""
    names = [f"image{at:03}{one.suffix}" for at, one in enumerate(pictures, start=1)]
    ids = [f"{name}@01DB4A11.7E5C3F20" for name in names]
    body = _multi("alternative", _PLAIN, _showing(ids, '<p class="MsoNormal">'))
    related = _multi("related", body, *map(_inline, pictures, names, ids))
    return _multi("mixed", related, *map(_attached, files)) if files else related


def gmail(pictures: Files, files: Files) -> Node:
    """Gmail: mixed around related around alternative, everything pasted is image.png."""
    ids = [f"ii_m3x{at}" for at in range(len(pictures))]
    body = _multi("alternative", _PLAIN, _showing(ids, '<div dir="ltr">'))
    inline = [_inline(one, f"image{one.suffix}", i) for one, i in zip(pictures, ids, strict=True)]
    return _multi("mixed", _multi("related", body, *inline), *map(_attached, files))


def gmail_attached(pictures: Files, files: Files) -> Node:
    """Gmail: what is attached has an id too, that no text shows."""
    body = _multi("alternative", _PLAIN, _showing((), '<div dir="ltr">'))
    ids = [f"f_m3x{at}" for at in range(len(pictures))]
    return _multi("mixed", body, *map(_attached, pictures, ids), *map(_attached, files))


def ios(pictures: Files, files: Files) -> Node:
    """IOS Mail: plain text, inline pictures, plain text."""
    inline = [_inline(one, f"IMG_{at:04}{one.suffix}") for at, one in enumerate(pictures, 42)]
    end = Node("text/plain", text="\nSent from my iPhone\n")
    return _multi("mixed", _PLAIN, *inline, *map(_attached, files), end)


def ios_html(pictures: Files, files: Files) -> Node:
    """IOS Mail with formatted text: related within the alternative, image0.jpeg."""
    ids = [f"6F1A{at}-8B2C@apple" for at in range(len(pictures))]
    names = [f"image{at}{one.suffix}" for at, one in enumerate(pictures)]
    shown = _multi("related", _showing(ids, "<p>"), *map(_inline, pictures, names, ids))
    return _multi("mixed", _multi("alternative", _PLAIN, shown), *map(_attached, files))


def apple_mail(pictures: Files, files: Files) -> Node:
    """Mail on a Mac: HTML, picture, HTML again, all of it one side of an alternative."""
    pieces = [_showing((), "<p>")]
    for at, one in enumerate(pictures):
        pieces += [_inline(one, f"Bild {at + 1}{one.suffix}", f"A{at}-B@home"), _showing((), "<p>")]
    return _multi("alternative", _PLAIN, _multi("mixed", *pieces, *map(_attached, files)))


def nameless(pictures: Files, files: Files) -> Node:
    """HCL Notes and many scripts: pictures that have an id and no name."""
    ids = [f"_{at}_0B4A0B4A0@app" for at in range(len(pictures))]
    inline = [_inline(one, "", i) for one, i in zip(pictures, ids, strict=True)]
    body = _multi("alternative", _PLAIN, _multi("related", _showing(ids, "<p>"), *inline))
    return _multi("mixed", body, *map(_attached, files))


def _multi(kind: str, *parts: Node) -> Node:
    return Node(f"multipart/{kind}", parts)


def _showing(ids: Sequence[str], begin: str) -> Node:
    shown = "".join(f'<img width="200" src="cid:{one}" alt="">' for one in ids)
    return Node("text/html", text=f"<html><body>{begin}{WORDS}{shown}</body></html>\n")


def _inline(file: Path, name: str, cid: str = "") -> Node:
    return Node(_kind(file), file=file, name=name, cid=cid, disposition="inline")


def _attached(file: Path, cid: str = "") -> Node:
    return Node(_kind(file), file=file, name=file.name, cid=cid, disposition="attachment")


def _kind(file: Path) -> str:
    return {".jpg": "image/jpeg", ".pdf": "application/pdf"}.get(
        file.suffix, f"image/{file.suffix[1:]}"
    )


ARRANGEMENTS: dict[str, Arrangement] = {
    made.__name__: made
    for made in (outlook, gmail, gmail_attached, ios, ios_html, apple_mail, nameless)
}
