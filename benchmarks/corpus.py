"""What we recover of real mails, beside Python's ``email``: ``python -m benchmarks.corpus [DIR]``.

DIR holds ``mails.jsonl`` and ``mails/``: each row a mail with what its project says is in it
(*expected*) and what independent parsers agree on (*consensus*). Ours is everything ``mail2fax
explain`` tells with a SHA-256, faxed or not, by the same code as the child's; ``email`` is
``policy.default`` and every leaf of ``walk()``, in the same run by the same measure. An
attachment counts as

- *bytes*: a part with that SHA-256 is told (text also with LF line ends, as some projects hash it);
- *right*: under the right name too, and in order among the parts of its multipart.

``--misses`` prints each attachment that is not right.
"""

import argparse
import base64
import email
import email.message
import email.policy
import hashlib
import json
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mail2fax.preparing.documents import DocumentLimits, prepare_mail
from mail2fax.reading.content import looks_like_text
from mail2fax.reading.contents import PartRef, contents
from mail2fax.reading.decoding import is_known
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import read_mail
from mail2fax.reading.parts import made_up_name
from tests.corpora import CORPORA

_CHUNK = 32768
_MADE_UP = re.compile(r"document-\d+(\.\w+)?")


@dataclass(frozen=True, slots=True)
class Told:
    """A part that somebody found: its name, the multipart around it, the hashes of its bytes.

    A text has two more: with LF line ends, and with these and without those at its end.
    """

    filename: str
    around: str
    sha256: str
    sha256_unix: str
    sha256_lf: str


@dataclass(frozen=True, slots=True)
class Found:
    """All parts and the text of a mail as one reader tells them."""

    parts: list[Told]
    text: str


@dataclass(slots=True)
class Column:
    """Counts of one reader over one corpus."""

    bytes: int = 0
    right: int = 0
    texts: int = 0


@dataclass(slots=True)
class Row:
    """One corpus: how many attachments and texts are wanted, and what each reader recovers."""

    wanted: int = 0
    texts: int = 0
    ours: Column = field(default_factory=Column)
    peer: Column = field(default_factory=Column)


def told(filename: str | None, around: str, data: bytes) -> Told:
    """A part with its hashes."""
    unix = data.replace(b"\r\n", b"\n") if looks_like_text(data) else data
    stripped = data.replace(b"\r\n", b"\n").rstrip(b"\n")
    hashes = [hashlib.sha256(one).hexdigest() for one in (data, unix, stripped)]
    return Told(filename or "", around, *hashes)


def ours(data: bytes) -> Found:
    """What the child tells of a mail; a part it is silent about does not count."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "mail")
        path.write_bytes(data)
        reading = prepare_mail(path, Path(directory, "out"), DocumentLimits()).reading
    names: dict[str, str] = {one.part: one.filename for one in reading.documents}
    names |= {one.part: one.filename or "" for one in reading.not_faxed if one.sha256}
    found = read_mail(data, len(data))
    refs = {ref.part: ref for ref in found.parts}
    hashes = {one.part: one.sha256 or "" for one in reading.not_faxed}
    hashes |= {one.part: one.sha256 for one in reading.documents}
    parts = [
        told(name, part.rpartition(".")[0], _bytes(data, refs[part]))
        if part in refs
        else Told(name, part.rpartition(".")[0], hashes[part], "", "")  # from a winmail.dat
        for part, name in sorted(names.items(), key=lambda one: _in_order(one[0]))
    ]
    return Found(parts, found.text)


def _in_order(part: str) -> list[tuple[int, str]]:
    """A section as something that sorts: ``1.10`` behind ``1.9``."""
    return [(int(one), "") if one.isdigit() else (0, one) for one in part.split(".")]


def _as_mail(path: Path) -> bytes:
    """A file of the corpora as a mail: a bare winmail.dat is attached to one."""
    data = path.read_bytes()
    if path.suffix != ".tnef":
        return data
    head = (
        b"From: a@example.org\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/ms-tnef; name=winmail.dat\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + base64.encodebytes(data)


def _bytes(data: bytes, ref: PartRef) -> bytes:
    """A part's bytes, as `measured` sees them."""
    return b"".join(contents(data, ref if is_known(ref.encoding) else replace(ref, encoding="")))


def peers(data: bytes) -> Found:
    """What ``email`` makes of a mail; a mail that it raises on is a mail without parts."""
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        return Found(list(_leaves(message)), _peers_text(message))
    except Exception:  # noqa: BLE001 - whatever it raises is its figure
        return Found([], "")


def _leaves(message: email.message.EmailMessage, number: str = "") -> Iterator[Told]:
    if message.get_content_maintype() != "multipart":
        yield told(_peers_name(message), number.rpartition(".")[0], _peers_bytes(message))
    parts: list[Any] = list(message.iter_parts()) if message.is_multipart() else []
    for ordinal, part in enumerate(parts, 1):
        yield from _leaves(part, f"{number}.{ordinal}")


def _peers_bytes(message: email.message.EmailMessage) -> bytes:
    payload: Any = message.get_payload()
    if isinstance(payload, list):
        return payload[0].as_bytes() if payload else b""
    decoded: Any = message.get_payload(decode=True)
    return decoded or b""


def _peers_name(message: email.message.EmailMessage) -> str | None:
    try:
        return message.get_filename()
    except Exception:  # noqa: BLE001 - a name it cannot read
        return None


def _peers_text(message: email.message.EmailMessage) -> str:
    try:
        body = message.get_body(("plain", "html"))
        return str(body.get_content()) if body else ""
    except Exception:  # noqa: BLE001 - a text it cannot read
        return ""


def is_named(name: str, wanted: str | None) -> bool:
    """Whether a name is the wanted one, or the one M3 makes of it or in its place."""
    if not wanted:
        return not name or bool(_MADE_UP.fullmatch(name))
    ending = re.search(r"\.\w{1,5}$", name)
    without = name[: ending.start()] if ending else name
    return _plain(wanted) in (_plain(name), _plain(without))


def _plain(name: str) -> str:
    """A name without what no file name may have: paths, controls, doubled spaces."""
    return " ".join(made_up_name(re.sub(r"[\x00-\x1f\x7f]+", " ", name), "", 0).split())


def is_same(one: Told, wanted: dict[str, Any]) -> bool:
    """Whether a part has the wanted bytes."""
    if wanted.get("sha256"):
        return wanted["sha256"] in (one.sha256, one.sha256_unix) or is_same_text(one, wanted)
    return is_same_text(one, wanted)


def is_same_text(one: Told, wanted: dict[str, Any]) -> bool:
    """Whether a text part is the wanted one but for its line ends."""
    is_text = (wanted.get("content_type") or "text/").startswith("text/")
    return (
        (is_text or not wanted.get("sha256"))
        and bool(wanted.get("sha256_lf"))
        and one.sha256_lf == wanted["sha256_lf"]
    )


def recovered(
    found: Found, wanted: list[dict[str, Any]], *, by_disposition: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The wanted attachments whose bytes are found, and those found by name and in order too.

    Args:
        found: by a reader, in its order.
        wanted: in the order of the parts, or, ``by_disposition``, inline ones first.
        by_disposition: see there.
    """
    left = list(enumerate(found.parts))
    with_bytes: list[dict[str, Any]] = []
    right: list[dict[str, Any]] = []
    last: dict[str, int] = {}
    for one in wanted:
        hits = [hit for hit in left if is_same(hit[1], one)]
        if not hits:
            continue
        with_bytes.append(one)
        group = str(one.get("disposition")) if by_disposition else ""
        named = [hit for hit in hits if is_named(hit[1].filename, one.get("filename"))]
        behind = [hit for hit in named if hit[0] > last.get(group + hit[1].around, -1)]
        chosen = (behind or named or hits)[0]
        left.remove(chosen)
        if behind:
            last[group + chosen[1].around] = chosen[0]
            right.append(one)
    return with_bytes, right


def has_text(found: str, wanted: str) -> bool:
    """Whether a text begins as wanted (the corpora keep the beginning), spaces apart."""
    return " ".join(found.split()).startswith(" ".join(wanted.split()).removesuffix("\ufffd"))


class Figures:
    """Adds up rows by corpus, for one kind of answer."""

    def __init__(self, answer: str, *, misses: bool) -> None:
        self.rows: dict[str, Row] = {}
        self._answer = answer
        self._misses = misses

    def add(self, mail: dict[str, Any], mine: Found, peer: Found) -> None:
        """One mail as both readers tell it."""
        answer = mail.get(self._answer)
        if not answer:
            return
        rule = answer.get("attachment_rule") or ""
        label = f"{mail['corpus']}{' (winmail.dat)' if 'TNEF' in rule else ''}"
        row = self.rows.setdefault(label, Row())
        wanted = [
            one for one in answer["attachments"] or [] if one.get("sha256") or one.get("sha256_lf")
        ]
        row.wanted += len(wanted)
        row.texts += bool(answer.get("text"))
        for found, column in ((mine, row.ours), (peer, row.peer)):
            with_bytes, right = recovered(found, wanted, by_disposition="inline" in rule)
            column.bytes += len(with_bytes)
            column.right += len(right)
            column.texts += bool(answer.get("text")) and has_text(found.text, answer["text"])
            if self._misses and found is mine:
                self._print_misses(mail, wanted, with_bytes, right, mine)

    def _print_misses(
        self,
        mail: dict[str, Any],
        wanted: Iterable[dict[str, Any]],
        with_bytes: list[dict[str, Any]],
        right: list[dict[str, Any]],
        mine: Found,
    ) -> None:
        text = mail[self._answer].get("text")
        if text and not has_text(mine.text, text):
            print(f"{self._answer} text {mail['corpus']}/{mail['file']}: {text[:60]!r}, "
                  f"ours {mine.text[:60]!r}")  # fmt: skip
        for one in wanted:
            if not any(one is other for other in right):
                what = "name or order" if any(one is other for other in with_bytes) else "bytes"
                names = [part.filename for part in mine.parts]
                print(f"{self._answer} {what} {mail['corpus']}/{mail['file']}: "
                      f"{one['filename']!r} of {one['size']}, ours {names}")  # fmt: skip

    def print(self) -> None:
        """A line a corpus and one in all: wanted, then ours and ``email`` for each measure."""
        total = Row()
        print(f"\n{self._answer:36} wanted     bytes         right   texts wanted  begins so")
        for label, row in [*sorted(self.rows.items()), ("in all", total)]:
            if row is not total:
                _add(total, row)
            print(
                f"{label:36} {row.wanted:6} {row.ours.bytes:5} ({row.peer.bytes:4})"
                f" {row.ours.right:6} ({row.peer.right:4})"
                f" {row.texts:13} {row.ours.texts:5} ({row.peer.texts:4})"
            )


def _add(total: Row, row: Row) -> None:
    total.wanted += row.wanted
    total.texts += row.texts
    for mine, other in ((total.ours, row.ours), (total.peer, row.peer)):
        mine.bytes += other.bytes
        mine.right += other.right
        mine.texts += other.texts


def gate(data: bytes) -> None:
    """One mail through the first gate, in the listener's chunks."""
    reader = Gate()
    for at in range(0, len(data), _CHUNK):
        reader.feed(data[at : at + _CHUNK])
    reader.finish()


def seconds(action: Callable[[bytes], object], data: bytes) -> float:
    """Seconds of processor that an action takes."""
    started = time.process_time()
    action(data)
    return time.process_time() - started


def main() -> None:
    """Read every mail of the corpora in both ways and print what was recovered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, nargs="?", default=CORPORA)
    parser.add_argument("--misses", action="store_true", help="print what is not right of ours")
    parser.add_argument("--only", default="", help="only files with this in their name")
    arguments = parser.parse_args()
    kinds = [Figures(kind, misses=arguments.misses) for kind in ("expected", "consensus")]
    spent: dict[str, list[float]] = {"gate": [], "reader": [], "email": []}
    kept: Counter[str] = Counter()
    lines = (arguments.directory / "mails.jsonl").read_text(encoding="utf-8").splitlines()
    for mail in map(json.loads, lines):
        if arguments.only not in f"{mail['corpus']}/{mail['file']}":
            continue
        path = arguments.directory / "mails" / mail["corpus"] / mail["file"]
        data = _as_mail(path)
        spent["gate"].append(seconds(gate, data))
        spent["reader"].append(seconds(lambda data: read_mail(data, len(data)), data))
        spent["email"].append(seconds(peers, data))
        kept["mails"] += 1
        kept["bytes"] += len(data)
        mine, peer = ours(data), peers(data)
        for kind in kinds:
            kind.add(mail, mine, peer)
    print(
        f"{kept['mails']} mails, {kept['bytes'] / 1e6:.1f} MB; in brackets: email, policy.default"
    )
    for kind in kinds:
        kind.print()
    print("\nseconds of processor      in all   median      most")
    for name, times in spent.items():
        print(f"{name:24} {sum(times):7.2f} {statistics.median(times):8.5f} {max(times):9.5f}")


if __name__ == "__main__":
    main()
