"""The preparing child: ``python -m mail2fax.preparing.child``, one JSON line in, one out.

The first line holds its limits and is answered by whether it could give up its network; each
further line is a mail. The lines come over pipes, or over the socket of a unit of its own (L12).

Hostile documents are opened here and nowhere else. The child has no network where the system
lets it give that up, and limits on memory, processor, files and processes; what it cannot do in
them ends it, and its mail is told so (M9).
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail2fax.cores import forbid_cores
from mail2fax.json_form import as_json, from_json
from mail2fax.preparing.documents import Asked, DocumentLimits, prepare_mail
from mail2fax.preparing.watch import Watch

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_ROOM = 1_000_000
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What one child may use.

    Attributes:
        memory: bytes of data.
        seconds: of processor for one mail, or for one page of a long document.
        document: seconds of processor that opening one document may take. By the clock a good
            one could run out of them on a busy machine; one that only waits is the parent's.
        conversion: seconds of processor for the pages of one long document.
    """

    memory: int = 256_000_000
    seconds: int = 20
    document: float = 5.0
    conversion: float = 120.0


class _KernelsWatch(Watch):
    """The kernel ends the child when a document takes too long; the parent hears which it was."""

    def __init__(self, limits: ChildLimits) -> None:
        self._limits = limits
        self._end = 0.0

    @contextmanager
    def over(self, name: str) -> Iterator[None]:
        _say({"opening": name})
        self._end = time.process_time() + self._limits.conversion
        signal.setitimer(signal.ITIMER_PROF, self._limits.document)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)

    def go_on(self) -> bool:
        _say({})
        _allow_seconds(self._limits.seconds)
        signal.setitimer(signal.ITIMER_PROF, self._limits.document)
        return time.process_time() < self._end


def main() -> None:
    """Serve requests until the input ends."""
    os.umask(0o077)
    forbid_cores()
    settings = json.loads(sys.stdin.readline())
    limits = ChildLimits(**settings["child"])
    documents = DocumentLimits(**settings["documents"])
    isolated = give_up_network()
    _give_up_resources(limits, documents)
    watch = _KernelsWatch(limits)
    _say({"isolated": isolated})
    for line in sys.stdin:
        request = json.loads(line)
        _allow_seconds(limits.seconds)
        with _while_somebody_waits():
            answer = _answer(request, documents, watch)
        _say(answer)


@contextmanager
def _while_somebody_waits() -> Iterator[None]:
    """The kernel ends us when the line is closed: whatever comes before our answer is its end.

    SIGIO works where no code of ours would run: inside a library that never returns.
    """
    line = sys.stdin.fileno()
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(line, fcntl.F_GETFL)
    fcntl.fcntl(line, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        fcntl.fcntl(line, fcntl.F_SETFL, flags)


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _answer(request: dict[str, Any], limits: DocumentLimits, watch: Watch) -> dict[str, Any]:
    """What became of one mail; a failure by its kind alone, without any content."""
    try:
        mail, directory = Path(request["mail"]), Path(request["directory"])
        prepared = prepare_mail(mail, directory, limits, from_json(Asked, request["asked"]), watch)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        is_full = isinstance(error, OSError) and error.errno in _NO_ROOM
        return {"failed": f"{type(error).__name__}", "full": is_full}
    return {"prepared": as_json(prepared)}


def give_up_network() -> bool:
    """Enter an empty network of our own; whether the system allowed it."""
    libc = ctypes.CDLL(None, use_errno=True)
    unshared: int = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    return unshared == 0


def _give_up_resources(limits: ChildLimits, documents: DocumentLimits) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))
    most = documents.decoded + _ROOM
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; the parent ends us


def _allow_seconds(seconds: int) -> None:
    """So many more seconds of processor from now on; then the kernel ends us."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
