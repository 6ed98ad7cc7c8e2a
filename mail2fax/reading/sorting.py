"""The pictures of a mail become documents, parts of its text, or a question (M6)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mail2fax.reading import content
from mail2fax.reading.charsets import in_charset
from mail2fax.reading.contents import PartRef, contents, measured
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import Buffer
from mail2fax.reading.parts import Purpose, Use
from mail2fax.reading.pictures import (
    Fate,
    Picture,
    PictureKnowledge,
    fate_of,
    measures,
    references_to,
    shown_in,
    why_not_faxed,
    written_in,
)
from mail2fax.reading.pixels import ENOUGH, pixels_of
from mail2fax.reading.structure import Part

_MOST_HTML = 1 << 22
_WRITTEN = "A picture is written into the mail's HTML itself ({}) and cannot be faxed. Attach it."


class PictureSorter:
    """Decides about the pictures of one mail.

    Attributes:
        asked: those a person must decide about.
        body: SHA-256 (hex) of those that belong to the text.
    """

    def __init__(
        self, buffer: Buffer, leaves: Iterable[tuple[Part, PartRef]], knowledge: PictureKnowledge
    ) -> None:
        self._buffer = buffer
        self._leaves = tuple(leaves)
        self._knowledge = knowledge
        self._shown: frozenset[str] | None = None
        self.asked: list[Picture] = []
        self.body: list[str] = []

    def settled(self, part: Part, use: Use, ref: PartRef) -> Use:
        """What a leaf is for once it is no picture any more but a document, or nothing."""
        if use.purpose is not Purpose.PICTURE:
            return use
        size, sha256 = measured(self._buffer, ref)
        if size is None or sha256 is None:
            return replace(use, purpose=Purpose.DOCUMENT)  # damaged: doubt stops the fax (M8)
        picture = self._picture(part, ref, size, sha256)
        fate = fate_of(picture, self._knowledge.decided)
        if fate is Fate.DOCUMENT:
            return replace(use, purpose=Purpose.DOCUMENT)
        if fate is Fate.ASK:
            self.asked.append(picture)
        else:
            self.body.append(sha256)
        return replace(use, purpose=Purpose.NOTHING, why=why_not_faxed(picture, fate))

    def lost(self) -> str | None:
        """Why the mail cannot be faxed: a page of it is in its HTML, where nothing takes it out."""
        written = (one for text in self._html(own=True) for one in written_in(text))
        page = next((one for one in written if fate_of(one) is Fate.DOCUMENT), None)
        return None if page is None else _WRITTEN.format(measures(page))

    def _picture(self, part: Part, ref: PartRef, size: int, sha256: str) -> Picture:
        if self._shown is None:
            self._shown = self._all_shown()
        own = references_to(part.headers.text("content-id"), part.headers.text("content-location"))
        head = self._first_bytes(ref, ENOUGH)
        is_known = sha256 in self._knowledge.known
        return Picture(ref.filename, size, pixels_of(head), bool(own & self._shown), is_known)

    def _all_shown(self) -> frozenset[str]:
        """What the HTML texts of the mail show."""
        return frozenset(one for text in self._html() for one in shown_in(text))

    def _html(self, *, own: bool = False) -> Iterator[str]:
        """The HTML texts of the mail, as far as read; only its own, or of mails in it too."""
        for part, ref in self._leaves:
            if own and part.is_in_mail:
                continue
            if content.HTML in (part.content_type, ref.content_type) and not ref.filename:
                raw = self._first_bytes(ref, _MOST_HTML)
                yield in_charset(raw, part.parameters.get("charset", ""))

    def _first_bytes(self, ref: PartRef, most: int) -> bytes:
        """The first decoded bytes of a part, as far as they can be decoded."""
        found = bytearray()
        try:
            for piece in contents(self._buffer, ref):
                found += piece
                if len(found) >= most:
                    break
        except Damaged:
            return bytes(found)
        return bytes(found[:most])
