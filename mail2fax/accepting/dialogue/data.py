"""Where a mail ends, and what stands in it: the DATA stream read in constant memory (L1).

Only CRLF.CRLF ends the data (RFC 5321 4.1.1.4, and against smuggling: nothing that merely
looks like it does). Dots are unstuffed at line starts only (4.5.2), the final dot is never
stored, what a client pipelined behind it is handed back untouched. A bare CR, a bare LF or a
NUL is remembered; the mail is then refused after its end was found.
"""

CRLF = b"\r\n"
LF = b"\n"
_CR = b"\r"
_DOT = b"."
_HEADERS = 4096
"""Bytes at the start of what came, in which no lines of one width are looked for."""


class DotScanner:
    """Takes the bytes behind ``354`` in any chunks, gives the mail's bytes back.

    Attributes:
        done: the end was found.
        rest: what came behind the end; commands of the client.
        improper: a bare CR, a bare LF or a NUL was in the data.
    """

    def __init__(self, line_end: bytes = CRLF) -> None:
        """Begin behind 354.

        Args:
            line_end: `LF` for a client of a legacy listener that ends all its lines so: its
                data end with LF.LF, a CR in them is improper, and the mail's lines get CRLF.
        """
        self.done = False
        self.rest = b""
        self.improper = False
        self._line_end = line_end
        self._end = line_end + _DOT + line_end
        # The end needs a line end before its dot; the one of the DATA command counts, so the
        # scan begins as if one had just been read. It is not part of the mail.
        self._held = line_end
        self._borrowed = len(line_end)

    def feed(self, chunk: bytes) -> bytes:
        """The mail's bytes that are certain after this chunk, dots unstuffed.

        At most four bytes are kept back: those that may begin the end.

        Args:
            chunk: the next bytes of the client; after `done` none may be fed.
        """
        assert not self.done, "the data has ended"
        data = self._held + chunk
        end = data.find(self._end) if _DOT in data else -1
        if end >= 0:
            self.done = True
            self.rest = data[end + len(self._end) :]
            self._held = b""
            return self._given(data[: end + len(self._line_end)])
        keep = self._may_begin_end(data)
        self._held = data[len(data) - keep :]
        return self._given(data[: len(data) - keep])

    def _given(self, data: bytes) -> bytes:
        """Certain bytes as the mail has them: unstuffed, without the borrowed line end."""
        stuffed = self._line_end + _DOT
        mail = data.replace(stuffed, self._line_end) if _DOT in data else data
        self.improper = self.improper or self._is_improper(data)
        borrowed = min(self._borrowed, len(mail))
        self._borrowed -= borrowed
        mail = mail[borrowed:]
        return mail if self._line_end == CRLF else mail.replace(LF, CRLF)

    def _may_begin_end(self, data: bytes) -> int:
        """How many last bytes are a beginning of the end."""
        for length in range(min(len(self._end) - 1, len(data)), 0, -1):
            if data.endswith(self._end[:length]):
                return length
        return 0

    def _is_improper(self, data: bytes) -> bool:
        if b"\0" in data:
            return True
        if self._line_end == LF:
            return _CR in data
        return not _ends_in_pairs(data)


def _ends_in_pairs(data: bytes) -> bool:
    """Whether every CR and every LF is one half of a CRLF.

    To count them takes longer than all else that is done with a mail. Encoders write lines of one
    width, whose ends are looked at and taken out in one step of a slice; where something that ends
    a line is left in them, all is counted.
    """
    start, stop, width = _even_lines(data)
    if start < stop:
        lines = bytearray(data[start:stop])
        lines[width - 1 :: width] = lines[width - 2 :: width] = bytes(len(lines) // width)
        if LF not in lines and _CR not in lines:  # else shorter lines fill a line's width
            data = data[:start] + data[stop:]
    count = data.count(CRLF)
    return data.count(LF) == count == data.count(_CR)


def _even_lines(data: bytes) -> tuple[int, int, int]:
    """The run of CRLF lines of one width behind the headers: its start, its stop, the width.

    Returns:
        Zeros when there is none.
    """
    first = data.find(LF, _HEADERS)
    width = data.find(LF, first + 1) - first
    if first < 0 or width < len(CRLF):
        return 0, 0, 0
    count = min(_run(data[first::width], LF), _run(data[first - 1 :: width], _CR))
    return first + 1, first + 1 + (count - 1) * width, width


def _run(column: bytes, end: bytes) -> int:
    """How many bytes of a column are this line end, up to the first that is not."""
    return len(column) - len(column.lstrip(end))
