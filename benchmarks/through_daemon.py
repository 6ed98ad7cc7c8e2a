"""Every real mail through a real daemon: ``python -m benchmarks.through_daemon [DIR]``.

DIR holds the corpora (``mails/`` below it); without it the ones beside the project are taken.
The mails go in over SMTP one after the other, the crashers of the tests behind them, while a
second session asks NOOP all the time. Printed are the answers, the longest time from dot to
answer and of a NOOP (a gate that stalls makes both wait), and the memory (PSS) of the daemon,
without its preparing children, above what it had when idle. It ends with 1 when the daemon died,
stalled for more than a second or grew by more than 16 MB.
"""

import argparse
import asyncio
import collections
import os
import smtplib
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.servers import RECIPIENT, Server, mail2fax, pss
from tests.corpora import CORPORA
from tests.unit.crashers import CRASHERS

MOST_SECONDS = 1.0
MOST_GROWTH = 16.0
_MEGABYTE = 1_000_000
_CRASHER_SIZE = 4_000_000
_WARM_UP = 3
_NOOPS = 20


@dataclass(slots=True)
class Seen:
    """What was seen from outside while the mails went in.

    Attributes:
        answers: how often each code was said after the dot.
        slowest: seconds from dot to answer, and the mail.
        noop: longest seconds of a NOOP in another session.
        idle, peak: MB of memory, before and at most.
    """

    answers: collections.Counter[int] = field(default_factory=collections.Counter)
    slowest: tuple[float, str] = (0.0, "")
    noop: float = 0.0
    idle: float = 0.0
    peak: float = 0.0

    @property
    def held(self) -> bool:
        """Whether it neither stalled nor grew."""
        return max(self.noop, self.slowest[0]) <= MOST_SECONDS and self.grown <= MOST_GROWTH

    @property
    def grown(self) -> float:
        """MB above idle."""
        return self.peak - self.idle


def real_mails(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every mail of the corpora."""
    for path in sorted((directory / "mails").rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory / "mails")), path.read_bytes()


def crashers(size: int) -> Iterator[tuple[str, bytes]]:
    """Every crasher, of about this size."""
    for name, build in CRASHERS.items():
        yield name, build(size)


def on_the_wire(data: bytes) -> bytes:
    """A stored mail as a client sends it, up to its dot."""
    lines = data.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    stuffed = lines.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def send_all(port: int, mails: Iterable[tuple[str, bytes]], seen: Seen) -> None:
    """Hand every mail over in one session after the other."""
    for name, data in mails:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.ehlo("bench.example.org")
            client.mail("ann@example.org")
            client.rcpt(RECIPIENT)
            client.docmd("DATA")
            assert client.sock is not None
            client.sock.sendall(on_the_wire(data))
            began = time.monotonic()
            client.sock.sendall(b".\r\n")
            code, _ = client.getreply()
            seen.answers[code] += 1
            seen.slowest = max(seen.slowest, (time.monotonic() - began, name))


def ask(port: int, seen: Seen, over: threading.Event) -> None:
    """Ask NOOP in sessions of its own until told to stop."""
    while not over.is_set():
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            for _ in range(_NOOPS):
                began = time.monotonic()
                client.noop()
                seen.noop = max(seen.noop, time.monotonic() - began)
                over.wait(0.005)


def watch(server: Server, seen: Seen, over: threading.Event) -> None:
    """Note the peak of memory until told to stop."""
    while not over.wait(0.02):
        seen.peak = max(seen.peak, pss(server.pid) / _MEGABYTE)


def measure(server: Server, mails: Iterable[tuple[str, bytes]]) -> Seen:
    """Send the mails and see what the daemon does."""
    seen, over = Seen(), threading.Event()
    send_all(server.port, [("warm-up", b"Subject: x\n\nx\n")] * _WARM_UP, Seen())
    time.sleep(1.0)
    seen.idle = pss(server.pid) / _MEGABYTE
    threads = [
        threading.Thread(target=ask, args=(server.port, seen, over)),
        threading.Thread(target=watch, args=(server, seen, over)),
    ]
    for thread in threads:
        thread.start()
    try:
        send_all(server.port, mails, seen)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    os.kill(server.pid, 0)  # it is alive
    return seen


async def run(directory: Path, size: int) -> bool:
    """Both sets through one daemon each; whether both held."""
    held = True
    for name, mails in (("real mails", real_mails(directory)), ("crashers", crashers(size))):
        with tempfile.TemporaryDirectory() as home:
            async with mail2fax(Path(home, "m"), "http://127.0.0.1:1", paused=True) as server:
                seen = await asyncio.to_thread(measure, server, mails)
        answers = ", ".join(f"{count} of {code}" for code, count in sorted(seen.answers.items()))
        print(
            f"{name}: {seen.answers.total()} mails ({answers}); "
            f"dot to answer at most {seen.slowest[0]:.3f} s ({seen.slowest[1]}), "
            f"NOOP {seen.noop:.3f} s; "
            f"memory {seen.idle:.1f} MB idle, {seen.grown:+.1f} MB at most",
            flush=True,
        )
        held = held and seen.held
    return held


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path, nargs="?", default=CORPORA)
    parser.add_argument("--size", type=int, default=_CRASHER_SIZE, help="bytes of each crasher")
    arguments = parser.parse_args()
    sys.exit(0 if asyncio.run(run(arguments.directory, arguments.size)) else 1)


if __name__ == "__main__":
    main()
