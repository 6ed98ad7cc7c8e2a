"""Where the log goes, and what of an error stands in it.

An exception's own words may be the content of a mail, a number or a password: a KeyError holds
the key, a decoder's error the bytes. The log shows of which type it is and where it was raised,
which tells as much about a bug, and of the system's errors their number (promise 6).
"""

import logging
import traceback
from types import TracebackType
from typing import TextIO

_Info = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def write_to(stream: TextIO, *, verbose: bool = False) -> None:
    """Send the log of the whole process to a stream.

    Args:
        stream: where each line goes.
        verbose: whether each connection is told.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # never shown
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], force=True)
    logging.getLogger("mail2fax").setLevel(logging.DEBUG if verbose else logging.INFO)


class Discreet(logging.Formatter):
    """Formats what libraries log, and errors, without words that may come from outside."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; of a library's only its fixed words."""
        if record.name.partition(".")[0] != "mail2fax":
            fixed = str(record.msg).partition("\n")[0]
            record = logging.makeLogRecord(
                {**record.__dict__, "msg": f"{record.name}: %s", "args": (fixed,)}
            )
        return super().format(record)

    def formatException(self, ei: _Info) -> str:  # noqa: N802 - the library's name
        """Types and places of an error and of those that led to it."""
        return "\n".join(_told(ei[1])) if ei[1] is not None else ""


def _told(error: BaseException) -> list[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*_told(cause), "which led to"] if cause is not None else []
    number = error.errno if isinstance(error, OSError) else None
    lines.append(f"{type(error).__name__}{f' (errno {number})' if number is not None else ''}")
    lines += [
        f"  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            lines += ["of which", *_told(one)]
    return lines
