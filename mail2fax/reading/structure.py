"""The structure of a mail, found while its bytes pass by, in constant memory (M0, M1).

One scanner serves the first gate, which sees a mail arrive, and the reader, which has it on
disk. A body is searched for boundary lines only and never copied; a mail without a multipart is
not searched at all. Line ends may be CRLF or LF alone, because stored mails come with both.
"""

from dataclasses import dataclass, field

from mail2fax.reading.headers import Headers

_HEAD = 4096
_TAIL = 4096
_LONGEST_BOUNDARY_LINE = 1000
_LONGEST_BLOCK = 100_000
_MOST_PARTS = 100
_DEEPEST = 10


@dataclass(slots=True)
class Part:
    """One part, a multipart too.

    Attributes:
        number: section number (RFC 3501 6.4.5): ``1.2``; a mail that is no multipart is ``1``.
            The outermost multipart has none.
        headers: its header fields.
        content_type: as labelled or by default, in lower case.
        parameters: of Content-Type.
        parent: content type of the multipart around it; empty for the whole mail.
        start, end: where its body lies in the mail; the line end before a boundary is not in it.
        closed: whether a boundary line ended it; the whole mail is ended by its own end.
        head, tail: the first and last 4 KB of its raw body; none for a multipart.
    """

    number: str
    headers: Headers
    content_type: str
    parameters: dict[str, str]
    parent: str
    start: int
    end: int = 0
    closed: bool = False
    head: bytes = b""
    tail: bytes = b""
    path: tuple[str, ...] = ()
    children: int = field(default=0, repr=False)

    @property
    def is_multipart(self) -> bool:
        """Whether it only holds others."""
        return self.content_type.startswith("multipart/")

    @property
    def size(self) -> int:
        """Bytes of its raw body."""
        return self.end - self.start


class StructureScanner:
    """Takes a mail's bytes in any chunks and gives its parts.

    Attributes:
        parts: every part begun so far, in order.
        problem: why scanning stopped: a limit was passed. None while all is well.
        header_size: length of the top header block with its empty line; None until known.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.problem: str | None = None
        self.header_size: int | None = None
        self.top_block = b""
        self._open: list[tuple[bytes, Part]] = []  # boundaries, outermost first
        self._leaf: Part | None = None
        self._lines: list[bytes] = []
        self._block_size = 0
        self._in_headers = True
        self._pending = b""
        self._at = 0  # offset of the first pending byte
        self._before = b""  # the byte before it

    @property
    def unclosed(self) -> bool:
        """After `close`: whether a multipart had no last boundary."""
        return bool(self._open)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self.problem is not None:
            return
        data = self._pending + chunk if self._pending else chunk
        used = 0
        while self.problem is None:
            step = self._header_line(data, used) if self._in_headers else self._body(data, used)
            if step == used:
                break
            used = step
        self._keep(data, used)

    def close(self) -> None:
        """The mail is over: what is open ends here."""
        if not self._in_headers:
            self._pending = self._without_half_boundary(self._pending)
        total = self._at + len(self._pending)
        if self._pending:
            self.feed(b"\n")  # a last line without its end is a line all the same
        if self._in_headers and self.problem is None:
            self._end_of_block(total)
        if self._leaf is not None:
            self._leaf.end, self._leaf.closed = total, not self._open
        for part in self.parts:
            part.start, part.end = min(part.start, total), min(part.end, total)
        self._pending = b""

    def _without_half_boundary(self, rest: bytes) -> bytes:
        """The last bytes of a cut mail without the beginning of a boundary line among them."""
        last_line = rest[rest.rfind(b"\n") + 1 :]
        if last_line and any(_is_half(last_line, boundary) for boundary, _ in self._open):
            return rest[: -len(last_line)].removesuffix(b"\n").removesuffix(b"\r")
        return rest

    def _keep(self, data: bytes, used: int) -> None:
        if used:
            self._before = data[used - 1 : used]
        self._pending = data[used:]
        self._at += used

    # Headers

    def _header_line(self, data: bytes, start: int) -> int:
        """Take one line of a header block; where the next begins."""
        end = data.find(b"\n", start) + 1
        if not end:
            if len(data) - start > _LONGEST_BLOCK:
                self.problem = "the header is too large"
            return start
        line = data[start:end]
        if line[:2] == b"--" and self._open and self._end_of_part(line, self._at + start):
            return end
        self._block_size += len(line)
        if self._block_size > _LONGEST_BLOCK:
            self.problem = "the header is too large"
            return end
        self._lines.append(line)
        if line in (b"\r\n", b"\n"):
            self._end_of_block(self._at + end)
        return end

    def _end_of_block(self, body_start: int) -> None:
        """A header block is complete: a part begins."""
        block = b"".join(self._lines)
        self._lines, self._block_size, self._in_headers = [], 0, False
        if self.header_size is None:
            self.header_size, self.top_block = body_start, block
        part = self._part(Headers(block), body_start)
        self.parts.append(part)
        if part.headers.is_too_long("content-type"):
            self.problem = "a Content-Type is too long"
        elif len(self.parts) > _MOST_PARTS:
            self.problem = f"it has more than {_MOST_PARTS} parts"
        elif not part.is_multipart:
            self._leaf = part
        elif len(self._open) >= _DEEPEST:
            self.problem = f"its parts are nested deeper than {_DEEPEST}"
        else:
            self._open_multipart(part)

    def _open_multipart(self, part: Part) -> None:
        boundary = part.parameters.get("boundary", "").rstrip(" ")
        if not boundary:
            self.problem = "a multipart has no boundary"
            return
        self._open.append((b"--" + boundary.encode("utf-8", "replace"), part))
        self._leaf = None

    def _part(self, headers: Headers, start: int) -> Part:
        around = self._open[-1][1] if self._open else None
        content_type, parameters = headers.parameters("content-type")
        if "/" not in content_type:
            is_digest = around is not None and around.content_type == "multipart/digest"
            content_type = "message/rfc822" if is_digest else "text/plain"
        path = () if around is None else (*around.path, around.content_type)
        return Part(
            number=self._number(around, content_type),
            headers=headers,
            content_type=content_type,
            parameters=parameters,
            parent=around.content_type if around else "",
            start=start,
            path=path,
        )

    @staticmethod
    def _number(around: Part | None, content_type: str) -> str:
        if around is None:
            return "" if content_type.startswith("multipart/") else "1"
        around.children += 1
        return f"{around.number}.{around.children}" if around.number else f"{around.children}"

    # Bodies

    def _body(self, data: bytes, start: int) -> int:
        """Take body bytes up to a boundary line, or as many as are certain to hold none."""
        if not self._open:
            self._pass_by(data[start:] if start else data)
            return len(data)
        at_line_start = self._begins_line(data, start) and data.startswith(b"--", start)
        line_start = start if at_line_start else data.find(b"\n--", start) + 1
        if not line_start and not at_line_start:
            certain = max(start, len(data) - 4)
            self._pass_by(data[start:certain])
            return certain
        return self._maybe_boundary(data, start, line_start)

    def _begins_line(self, data: bytes, start: int) -> bool:
        before = data[start - 1 : start] if start else self._before
        return before in (b"\n", b"")

    def _maybe_boundary(self, data: bytes, start: int, line_start: int) -> int:
        line_end = data.find(b"\n", line_start) + 1
        if not line_end and len(data) - line_start < _LONGEST_BOUNDARY_LINE:
            certain = max(start, line_start - 2)
            self._pass_by(data[start:certain])
            return certain
        line = data[line_start : line_end or len(data)]
        if self._end_of_part(line, self._at + line_start, data[start:line_start]):
            return line_end
        certain = line_end or len(data)
        self._pass_by(data[start:certain])
        return certain

    def _pass_by(self, body: bytes) -> None:
        leaf = self._leaf
        if leaf is None or not body:
            return
        if len(leaf.head) < _HEAD:
            leaf.head += body[: _HEAD - len(leaf.head)]
        leaf.tail = body[-_TAIL:] if len(body) >= _TAIL else (leaf.tail + body)[-_TAIL:]

    # Boundaries

    def _end_of_part(self, line: bytes, at: int, body: bytes = b"") -> bool:
        """Whether a line is an open boundary; then what it ends is ended.

        Args:
            line: the line, with its end.
            at: its offset in the mail.
            body: what the part in hand still gets before it.
        """
        text = line.rstrip(b" \t\r\n")
        for depth in range(len(self._open) - 1, -1, -1):
            boundary, part = self._open[depth]
            if text == boundary or text == boundary + b"--":
                self._pass_by(body)
                self._end_leaf(at, depth)
                self._begin_next(part, depth, at, is_last=text != boundary)
                return True
        return False

    def _end_leaf(self, at: int, depth: int) -> None:
        """The part in hand ends before the line end that belongs to the boundary."""
        if self._in_headers and self._lines:
            self._end_of_block(at)  # a part that is all header
        if self._leaf is not None:
            leaf = self._leaf
            ending = 2 if leaf.tail.endswith(b"\r\n") else 1 if leaf.tail.endswith(b"\n") else 0
            leaf.tail = leaf.tail[: len(leaf.tail) - ending]
            leaf.end = max(leaf.start, at - ending)
            leaf.head = leaf.head[: leaf.end - leaf.start]
            leaf.closed = True
        del self._open[depth + 1 :]

    def _begin_next(self, part: Part, depth: int, at: int, *, is_last: bool) -> None:
        self._leaf = None
        self._lines, self._block_size = [], 0
        self._in_headers = not is_last
        if is_last:
            part.end, part.closed = at, True
            del self._open[depth]


def _is_half(line: bytes, boundary: bytes) -> bool:
    """Whether a line is the beginning of a last boundary line, and not all of it."""
    last = boundary + b"--"
    return last.startswith(line) and line != last
