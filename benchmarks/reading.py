"""Our reading of scanned mails beside Python's ``email`` (F5): ``python -m benchmarks.reading``.

Each mail is a text and one PDF, 4 KB to 30 MB. *Ours* is what ``explain`` needs of it: the file
through the first gate in the listener's pieces, then the reader over the mapped file, and the
SHA-256 of every decoded part. *email* is ``policy.default``: the file parsed, every attachment
decoded by ``get_content`` and hashed. Each round is a process of its own, A B A B; the time is
that of the work alone (processor and wall alike), the memory its peak over the time before it.

``--profile`` shows where our time goes, for each size.
"""

import argparse
import base64
import cProfile
import email
import email.policy
import hashlib
import json
import mmap
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Spread, spread
from benchmarks.load import a_pdf
from mail2fax.reading.contents import measured
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import read_mail

_SIZES = {"4 KB": 4_096, "64 KB": 65_536, "1 MB": 1 << 20, "30 MB": 30 << 20}
_CHUNK = 32_768
_WORK = 40 << 20  # bytes a process reads, so that small mails are read often enough to be timed
_HEAD = (
    b"Received: from copier.example.org (copier [192.0.2.7]) by mx.example.org with ESMTP\r\n"
    b"From: Ann Meier <ann@example.org>\r\nTo: 0313334455@fax.example.org\r\n"
    b"Subject: =?utf-8?Q?Befund_M=C3=A4rz?=\r\nMessage-ID: <1@example.org>\r\n"
    b"Date: Mon, 5 Jan 2026 10:12:33 +0100\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=_b1_=="\r\n\r\n'
    b"--=_b1_==\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease fax.\r\n"
    b'--=_b1_==\r\nContent-Type: application/pdf; name="scan.pdf"\r\n'
    b'Content-Disposition: attachment; filename="scan.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)
_TAIL = b"\r\n--=_b1_==--\r\n"


def a_scan(size: int) -> bytes:
    """A mail of about so many bytes, as it is stored."""
    padding = max(64, (size - len(_HEAD) - len(_TAIL)) * 57 // 78 - len(a_pdf(0)))
    encoded = base64.encodebytes(a_pdf(padding)).replace(b"\n", b"\r\n")
    return _HEAD + encoded.removesuffix(b"\r\n") + _TAIL


def gate(path: Path) -> list[str]:
    """The first gate alone."""
    reader = Gate()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            reader.feed(chunk)
    return [reader.finish().body_sha256]


def ours(path: Path) -> list[str]:
    """Gate, reader, and the hash of every decoded part that may be a document."""
    gate(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        found = read_mail(buffer, len(buffer))
        return [measured(buffer, one)[1] or "" for one in found.candidates]


def peers(path: Path) -> list[str]:
    """The same with ``email``."""
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    return [hashlib.sha256(one.get_content()).hexdigest() for one in message.iter_attachments()]


_READERS: dict[str, Callable[[Path], list[str]]] = {"gate": gate, "ours": ours, "email": peers}


def once(reader: str, path: Path) -> dict[str, float | list[str]]:
    """One process: seconds for a mail, MB of memory more than before, and what was found."""
    read = _READERS[reader]
    times = max(1, _WORK // path.stat().st_size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read(path)  # also warms what is made once: memory is of one mail, time of the next
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    started = time.process_time()
    for _ in range(times):
        read(path)
    return {"seconds": (time.process_time() - started) / times, "more": more, "found": found}


def in_process(reader: str, path: Path) -> dict[str, float | list[str]]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reading", "--once", reader, str(path)]
    answer: dict[str, float | list[str]] = json.loads(subprocess.check_output(command))
    return answer


def measure(label: str, path: Path, rounds: int) -> None:
    """One size: A B A B, a line a reader and the ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in _READERS}
    memory: dict[str, list[float]] = {name: [] for name in _READERS}
    for _ in range(rounds):
        answers = {name: in_process(name, path) for name in _READERS}
        if answers["ours"]["found"] != answers["email"]["found"]:
            raise SystemExit(f"{label}: the two found different attachments")
        for name, answer in answers.items():
            seconds[name].append(float(str(answer["seconds"])))
            memory[name].append(float(str(answer["more"])))
    size = path.stat().st_size
    for name in _READERS:
        print(_line(label, name, size, spread(seconds[name]), max(memory[name])))
    ratios = spread([b / a for a, b in zip(seconds["ours"], seconds["email"], strict=True)])
    print(f"{label:6} ours beside email: {ratios.median:.1f} times as fast"
          f" (quartiles {ratios.low:.1f} to {ratios.high:.1f})\n")  # fmt: skip


def _line(label: str, name: str, size: int, took: Spread, more: float) -> str:
    return (
        f"{label:6} {name:5} {took.median * 1e6:11.0f} µs (quartiles {took.low * 1e6:.0f} to "
        f"{took.high * 1e6:.0f}) {size / took.median / 1e6:7.0f} MB/s  peak {more:5.1f} MB more"
    )


def profile(label: str, path: Path) -> None:
    """Where our own time goes."""
    print(f"\n{label}")
    with cProfile.Profile() as run:
        for _ in range(max(1, min(2000, _WORK // path.stat().st_size))):
            ours(path)
    pstats.Stats(run).strip_dirs().sort_stats("tottime").print_stats(25)


def main() -> None:
    """Measure every size, or one process's part of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="pairs for each size (default: 7)")
    parser.add_argument("--only", choices=_SIZES, help="one size")
    parser.add_argument("--profile", action="store_true", help="where our own time goes")
    parser.add_argument("--once", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(once(arguments.once[0], Path(arguments.once[1]))))
        return
    with tempfile.TemporaryDirectory() as directory:
        for label in [arguments.only] if arguments.only else _SIZES:
            path = Path(directory, "mail.eml")
            path.write_bytes(a_scan(_SIZES[label]))
            if arguments.profile:
                profile(label, path)
            else:
                measure(label, path, arguments.rounds)


if __name__ == "__main__":
    main()
