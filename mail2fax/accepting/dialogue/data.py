"""Where a mail ends, and what stands in it: the DATA stream read in constant memory (L1).

Only CRLF.CRLF ends the data (RFC 5321 4.1.1.4, and against smuggling: nothing that merely
looks like it does). Dots are unstuffed at line starts only (4.5.2), the final dot is never
stored, what a client pipelined behind it is handed back untouched. A bare CR, a bare LF or a
NUL is remembered; the mail is then refused after its end was found.
"""

from dataclasses import dataclass, field

_END = b"\r\n.\r\n"
_STUFFED = b"\r\n."
_LINE_END = b"\r\n"


@dataclass(slots=True)
class DotScanner:
    """Takes the bytes behind ``354`` in any chunks, gives the mail's bytes back.

    Attributes:
        done: the end was found.
        rest: what came behind the end; commands of the client.
        improper: a bare CR, a bare LF or a NUL was in the data.
    """

    done: bool = False
    rest: bytes = b""
    improper: bool = False
    # The end needs a line end before its dot; the one of the DATA command counts, so the scan
    # begins as if CRLF had just been read. It is not part of the mail.
    _held: bytes = _LINE_END
    _borrowed: int = field(default=len(_LINE_END))

    def feed(self, chunk: bytes) -> bytes:
        """The mail's bytes that are certain after this chunk, dots unstuffed.

        At most four bytes are kept back: those that may begin the end.

        Args:
            chunk: the next bytes of the client; after `done` none may be fed.
        """
        assert not self.done, "the data has ended"
        data = self._held + chunk
        end = data.find(_END)
        if end >= 0:
            self.done = True
            self.rest = data[end + len(_END) :]
            self._held = b""
            return self._given(data[: end + len(_LINE_END)])
        keep = _may_begin_end(data)
        self._held = data[len(data) - keep :]
        return self._given(data[: len(data) - keep])

    def _given(self, data: bytes) -> bytes:
        """Certain bytes as the mail has them: unstuffed, without the borrowed line end."""
        mail = data.replace(_STUFFED, _LINE_END)
        self.improper = self.improper or _is_improper(data)
        borrowed, self._borrowed = min(self._borrowed, len(mail)), max(
            0, self._borrowed - len(mail)
        )  # fmt: skip
        return mail[borrowed:]


def _may_begin_end(data: bytes) -> int:
    """How many last bytes are a beginning of CRLF.CRLF."""
    for length in range(min(len(_END) - 1, len(data)), 0, -1):
        if data.endswith(_END[:length]):
            return length
    return 0


def _is_improper(data: bytes) -> bool:
    pairs = data.count(_LINE_END)
    return data.count(b"\r") != pairs or data.count(b"\n") != pairs or b"\0" in data
