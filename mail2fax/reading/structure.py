"""The structure of a mail, found while its bytes pass by, in constant memory (M0, M1).

One scanner serves the first gate, which sees a mail arrive, and the reader, which has it on
disk. A body is searched for the boundaries that are open and never copied; a mail without a
multipart is not searched at all. Line ends may be CRLF or LF alone, because stored mails come
with both. A mail inside the mail is a part and, unless it is encoded, its parts are parts too.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from mail2fax.reading.headers import Headers, first_line_of_body

_HEAD = 4096
_TAIL = 4096
_LONGEST_BOUNDARY = 250
_LONGEST_BOUNDARY_LINE = 1200
_LONGEST_BLOCK = 100_000
_MOST_LINES = 10_000
_MOST_PARTS = 100
_DEEPEST = 10
_MAILS = frozenset({"message/rfc822", "message/global"})
AS_IT_STANDS = frozenset({"", "7bit", "8bit", "binary", "none"})
"""Encodings that are none, so that a mail in it can be read where it stands."""
_FILE_BEGINS = re.compile(
    rb"\n(?:begin [0-7]{3,4} [^\r\n]|=ybegin [^\r\n]{0,100}size=|\(This file must be converted)"
)
_LONGEST_BEGIN = 150  # bytes in which such a line shows itself
_UNNAMED_BOUNDARY = re.compile(rb"\n--([^\s][^\r\n]{0,249})()\r?\n(?=content-)", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """One part, a multipart too.

    Attributes:
        number: section number (RFC 3501 6.4.5): ``1.2``; a mail that is no multipart is ``1``.
            The outermost multipart has none; text before or behind the parts of a multipart is
            its ``preamble`` or ``epilogue``.
        headers: its header fields.
        content_type: as labelled or by default, in lower case.
        parameters: of Content-Type; the charset is inherited from what is around it.
        start, end: where its body lies in the mail; the line end before a boundary is not in it.
        closed: whether a boundary line ended it; the whole mail is ended by its own end.
        head, tail: the first and last 4 KB of its raw body; none for what holds parts.
        path: content types of everything around it, outermost first.
        holds_files: whether a line of its text begins a file (uuencode, yEnc, BinHex).
        children: how many parts it holds.
    """

    number: str
    headers: Headers
    content_type: str
    parameters: dict[str, str]
    start: int
    end: int = 0
    closed: bool = False
    head: bytes = b""
    tail: bytes = b""
    path: tuple[str, ...] = ()
    holds_files: bool = False
    children: int = field(default=0, repr=False)

    @property
    def is_multipart(self) -> bool:
        """Whether it only holds others, whatever its label says."""
        return self.children > 0 and self.content_type not in _MAILS

    @property
    def encoding(self) -> str:
        """Content-Transfer-Encoding in lower case."""
        return self.headers.word("content-transfer-encoding")

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail."""
        return self.content_type in _MAILS

    @property
    def is_in_mail(self) -> bool:
        """Whether it is part of a mail inside the mail."""
        return not _MAILS.isdisjoint(self.path)

    @property
    def is_whole_mail(self) -> bool:
        """Whether it is all there is, so that no boundary marks its end."""
        return not self.path

    @property
    def is_only_part(self) -> bool:
        """Whether it is all there is in its mail."""
        return not self.path or self.path[-1] in _MAILS

    @property
    def size(self) -> int:
        """Bytes of its raw body."""
        return self.end - self.start


class StructureScanner:
    """Takes a mail's bytes in any chunks and gives its parts.

    Attributes:
        parts: every part begun so far, in order.
        between: texts before and behind the parts of multiparts, those in which files begin.
        problem: why scanning stopped: a limit was passed. None while all is well.
        header_size: length of the top header block with its empty line; None until known.
        top: the fields of that block.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.between: list[Part] = []
        self.problem: str | None = None
        self.header_size: int | None = None
        self.top = Headers()
        self._open: list[tuple[bytes, Part]] = []  # boundary and what it divides, outermost first
        self._boundary: re.Pattern[bytes] | None = None  # any open one, with its line
        self._leaf: Part | None = None
        self._may_hold_files = False
        self._lines: list[bytes] = []
        self._block_start = self._block_size = self._header_lines = 0
        self._in_headers = True
        self._pending = b""
        self._at = 0  # offset of the first pending byte

    @property
    def unclosed(self) -> bool:
        """Whether a multipart had no last boundary."""
        return any(boundary for boundary, _ in self._open)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self.problem:
            return
        data = self._pending + chunk if self._pending else chunk
        used, before = 0, (-1, False)
        while before != (used, self._in_headers) and not self.problem:
            before = used, self._in_headers
            used = self._header_line(data, used) if self._in_headers else self._body(data, used)
        self._pending = data[used:]
        self._at += used

    def close(self) -> None:
        """The mail is over: what is open ends here."""
        if not self._in_headers:
            self._pending = self._without_half_boundary(self._pending)
        total = self._at + len(self._pending)
        if self._pending:
            self.feed(b"\n")  # a last line without its end is a line all the same
        if self.problem is None and self._in_headers:
            self._end_without_body(total)
        self._pass_by(self._pending, 0, total - self._at)
        self._pending = b""
        is_whole = not self.unclosed
        self._end_leaf(total, closed=is_whole)
        for _, part in self._open:
            part.end, part.closed = total, is_whole
        for part in self.parts:
            part.start = min(part.start, total)
            part.end = max(part.start, min(part.end, total))

    def _without_half_boundary(self, rest: bytes) -> bytes:
        """The last bytes of a cut mail without the beginning of a boundary line among them."""
        last_line = rest[rest.rfind(b"\n") + 1 :]
        if last_line and any(_is_half(last_line, boundary) for boundary, _ in self._open):
            return rest[: -len(last_line)].removesuffix(b"\n").removesuffix(b"\r")
        return rest

    # Headers

    def _header_line(self, data: bytes, start: int) -> int:
        """Take one line of a header block; where what follows it begins."""
        end = data.find(b"\n", start) + 1
        if not end:
            if len(data) - start > _LONGEST_BLOCK:
                self.problem = "the header is too large"
            return start
        line = data[start:end]
        if line[:2] == b"--" and self._boundary is not None:
            found = self._boundary.fullmatch(b"\n" + line)
            if found is not None:
                return self._end_in_headers(found, start, end)
        self._lines.append(line)
        self._block_size += len(line)
        self._header_lines += 1
        if self._block_size > _LONGEST_BLOCK or self._header_lines > _MOST_LINES:
            self.problem = "the header is too large"
        elif line in (b"\r\n", b"\n"):
            self._end_of_block(self._at + end)
            return end if self._in_headers else end - 1  # a boundary may follow this line end
        return end

    def _end_in_headers(self, found: re.Match[bytes], start: int, end: int) -> int:
        """A boundary stands where a header line could; see `_end_of_part`."""
        last = self._lines[-1] if self._lines else b""
        at = self._at + start - _length_of_line_end(last, len(last))
        self._end_without_body(at)
        return self._end_of_part(found, at, end)

    def _end_without_body(self, end: int) -> None:
        """A header block without its empty line: what stands behind its last field is the body."""
        first = first_line_of_body(self._lines)
        start = self._block_start + sum(len(line) for line in self._lines[:first])
        body = b"".join(self._lines[first:])[: max(0, end - start)]
        self._end_of_block(end)
        if self._leaf is not None and body:
            self._leaf.start = start
            self._look_at(self._leaf, body, 0, len(body))

    def _begin_headers(self, start: int) -> None:
        self._lines, self._block_start, self._block_size = [], start, 0
        self._leaf, self._in_headers = None, True

    def _end_of_block(self, body_start: int) -> None:
        """A header block is complete: a part begins."""
        block = b"".join(self._lines)
        self._lines, self._in_headers = [], False
        headers = Headers(block)
        if self.header_size is None:
            self.header_size, self.top = body_start, headers
        part = self._part(headers, body_start)
        self.parts.append(part)
        if part.headers.is_too_long("content-type"):
            self.problem = "a Content-Type is too long"
        elif len(self.parts) > _MOST_PARTS:
            self.problem = f"it has more than {_MOST_PARTS} parts"
        elif part.is_mail and part.encoding in AS_IT_STANDS:
            self._open_one(b"", part)
            self._begin_headers(body_start)
        else:
            self._begin_body(part)

    def _begin_body(self, part: Part) -> None:
        """Pass by a body; that of a multipart is text until its first boundary comes."""
        self._leaf = part
        label = part.content_type
        boundary = part.parameters.get("boundary", "").rstrip(" ").encode("utf-8", "replace")
        is_open = any(b"--" + boundary == one for one, _ in self._open)
        divided = label.startswith("multipart/") or (boundary and not is_open)
        self._may_hold_files = divided or (label[:5] == "text/" and part.encoding != "base64")
        if len(boundary) > _LONGEST_BOUNDARY:
            self.problem = "a boundary is too long"
        elif divided:
            self._open_one(b"--" + boundary, part)

    def _open_one(self, boundary: bytes, part: Part) -> None:
        if len(self._open) >= _DEEPEST:
            self.problem = f"its parts are nested deeper than {_DEEPEST}"
            return
        self._open.append((boundary, part))
        self._boundary = _pattern(tuple(one for one, _ in self._open))

    def _part(self, headers: Headers, start: int) -> Part:
        around = self._open[-1][1] if self._open else None
        content_type, parameters = headers.content_type()
        if "/" not in content_type:
            is_digest = around is not None and around.content_type == "multipart/digest"
            content_type = "message/rfc822" if is_digest else "text/plain"
        part = Part(
            number=_number(around, content_type),
            headers=headers,
            content_type=content_type,
            parameters=parameters,
            start=start,
        )
        if around is not None:
            part.path = (*around.path, around.content_type)
            if "charset" in around.parameters:
                parameters.setdefault("charset", around.parameters["charset"])
        return part

    # Bodies

    def _body(self, data: bytes, start: int) -> int:
        """Take body bytes up to a boundary line, or as many as are certain to hold none."""
        if not self._open:
            self._pass_by(data, start, len(data))
            return len(data)
        found = self._next_boundary(data, start)
        is_unnamed = self._open[-1][0] == b"--"
        if is_unnamed and self._name_boundary(data, start, found.start() if found else len(data)):
            return self._body(data, start)
        if found is None:
            certain = self._certain(data, start, kept=_LONGEST_BOUNDARY_LINE if is_unnamed else 0)
            self._pass_by(data, start, certain)
            return certain
        end = max(start, found.start() + 1 - _length_of_line_end(data, found.start() + 1))
        self._pass_by(data, start, end)
        return self._end_of_part(found, self._at + end, found.end())

    def _next_boundary(self, data: bytes, start: int) -> re.Match[bytes] | None:
        """The next line that is an open boundary; nearly always there is none to look at."""
        if self._boundary and any(data.find(one, start) >= 0 for one, _ in self._open if one):
            return self._boundary.search(data, start)
        return None

    def _name_boundary(self, data: bytes, start: int, end: int) -> bool:
        """Whether a multipart without a boundary parameter shows its boundary here (M5)."""
        found = _UNNAMED_BOUNDARY.search(data, start, end)
        if found is None:
            return False
        part = self._open.pop()[1]
        self._open_one(b"--" + found[1].rstrip(b" \t"), part)
        return True

    @staticmethod
    def _certain(data: bytes, start: int, kept: int) -> int:
        """Up to where no boundary line can have begun; ``kept`` bytes are left in any case."""
        newline = data.rfind(b"\n", start)
        line = data[newline + 1 : newline + 3]
        if (
            newline < 0
            or not b"--".startswith(line)
            or len(data) - newline > _LONGEST_BOUNDARY_LINE
        ):
            certain = len(data) - data.endswith(b"\r")
        else:
            certain = newline + 1 - _length_of_line_end(data, newline + 1)
        return max(start, min(certain, len(data) - kept))

    def _pass_by(self, data: bytes, start: int, end: int) -> None:
        """Bytes of the part in hand go by; what is before its start is not its own."""
        if self._leaf is not None:
            self._look_at(self._leaf, data, max(start, self._leaf.start - self._at), end)

    def _look_at(self, leaf: Part, data: bytes, start: int, end: int) -> None:
        if start >= end:
            return
        if self._may_hold_files and not leaf.holds_files:
            leaf.holds_files = _begins_file(leaf.tail, data, start, end)
        if len(leaf.head) < _HEAD:
            leaf.head += data[start : min(end, start + _HEAD - len(leaf.head))]
        if end - start >= _TAIL:
            leaf.tail = data[end - _TAIL : end]
        else:
            leaf.tail = (leaf.tail + data[start:end])[-_TAIL:]

    # Boundaries

    def _end_of_part(self, found: re.Match[bytes], end: int, after: int) -> int:
        """A boundary ends what is inside it.

        Args:
            found: its line, with the line end before it.
            end: offset in the mail where the body before it ends.
            after: where the next line begins in the data in hand; returned, or the line end
                before it where another boundary may follow.
        """
        depth = max(at for at, (boundary, _) in enumerate(self._open) if boundary == found[1])
        part = self._open[depth][1]
        is_last = bool(found[2])
        if self._leaf is part and not is_last:
            self._end_preamble(part, end)
        self._end_leaf(end, closed=True)
        for _, inner in self._open[depth + (not is_last) :]:
            inner.end, inner.closed = end, True
        del self._open[depth + (not is_last) :]
        self._boundary = _pattern(tuple(one for one, _ in self._open))
        if not is_last:
            self._begin_headers(self._at + after)
            return after
        self._leaf, self._in_headers = _between(part, "epilogue", self._at + after), False
        self._may_hold_files = True
        return after - 1

    def _end_leaf(self, end: int, *, closed: bool) -> None:
        leaf, self._leaf = self._leaf, None
        if leaf is None:
            return
        leaf.end, leaf.closed = max(leaf.start, end), closed
        if leaf.number.endswith("epilogue") and leaf.holds_files:
            self.between.append(leaf)

    def _end_preamble(self, part: Part, end: int) -> None:
        """What went by of a multipart was not its parts, but text before them."""
        if part.holds_files:
            before = _between(part, "preamble", part.start)
            before.end, before.closed, before.holds_files = max(part.start, end), True, True
            before.head, before.tail = part.head, part.tail
            self.between.append(before)
        part.head = part.tail = b""
        part.holds_files = False
        self._leaf = None


def _number(around: Part | None, content_type: str) -> str:
    """The section number of the next part (RFC 3501 6.4.5)."""
    is_multipart = content_type.startswith("multipart/")
    if around is None:
        return "" if is_multipart else "1"
    if around.is_mail and is_multipart:
        return around.number
    around.children += 1
    return f"{around.number}.{around.children}" if around.number else f"{around.children}"


def _between(part: Part, name: str, start: int) -> Part:
    """Text beside the parts of a multipart."""
    number = f"{part.number}.{name}" if part.number else name
    return Part(number, Headers(), "text/plain", {}, start, path=part.path)


@lru_cache(maxsize=64)
def _pattern(boundaries: tuple[bytes, ...]) -> re.Pattern[bytes] | None:
    """Lines that are one of these boundaries (RFC 2046 5.1.1), the innermost first."""
    named = [re.escape(one) for one in reversed(boundaries) if len(one) > len(b"--")]
    if not named:
        return None
    return re.compile(rb"\n(" + b"|".join(named) + rb")(--)?[ \t]{0,900}\r?\n")


def _length_of_line_end(data: bytes, at: int) -> int:
    """How many bytes before ``at`` are a line end."""
    if data[at - 1 : at] != b"\n":
        return 0
    return 2 if data[max(0, at - 2) : at - 1] == b"\r" else 1


def _begins_file(before: bytes, data: bytes, start: int, end: int) -> bool:
    """Whether a file begins in these bytes or across their beginning."""
    last = before[-_LONGEST_BEGIN:]
    edge = (b"\n" if len(last) < _LONGEST_BEGIN else b"") + last
    edge += data[start : min(end, start + _LONGEST_BEGIN)]
    return bool(_FILE_BEGINS.search(edge) or _FILE_BEGINS.search(data, start, end))


def _is_half(line: bytes, boundary: bytes) -> bool:
    """Whether a line is the beginning of a last boundary line, and not all of it."""
    last = boundary + b"--"
    return len(boundary) > len(b"--") and last.startswith(line) and line != last
