"""Real mails cut at every byte: the whole document or a refusal, never a part of one (M8).

``python -m tests.campaigns.cuts [--random N --seed S] [--only NAME] [DIR]`` cuts twenty mails of
the corpora beside the project, at every byte or at N random ones each, and sends what is left
through the first gate, the reader and the checks of the preparing child. It prints what became of
the cuts, and ends with 1 when a document came out that is not the whole one.

A mail cut behind its first document, where a boundary should stand, is a mail with one document:
nothing in it says that there was another. Such cuts are counted by themselves as *fewer*.
"""

import argparse
import collections
import copy
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mail2fax.preparing.documents import DocumentLimits, prepare_mail
from mail2fax.reading.gate import Gate
from mail2fax.reading.structure import StructureScanner
from tests.corpora import CORPORA

_STEP = 2048
MAILS = (
    "clients/captured/aiosmtplib.eml",
    "clients/captured/emailjs.eml",
    "clients/captured/mimelite.eml",
    "clients/captured/mpack.eml",
    "cpython/data/msg_22.txt",
    "enmime/testdata/mail/attachment-only.raw",
    "imap_tools/tests/messages/attachment_emails/attachment_with_quoted_filename.eml",
    "imap_tools/tests/messages/mime_emails/raw_email_with_nested_attachment.eml",
    "letters/tests/test_english_multipart_related_utf-8_over_7bit.txt",
    "mailpit/internal/storage/testdata/mime-attachment.eml",
    "nodemailer-mailparser/test/fixtures/base64encodedroot.eml",
    "stalwart-mail-parser/resources/eml/legacy/000.eml",
    "stalwart-mail-parser/resources/eml/legacy/016.eml",
    "stalwart-mail-parser/resources/eml/legacy/026.eml",
    "stalwart-mail-parser/resources/eml/legacy/042.eml",
    "stalwart-mail-parser/resources/eml/legacy/049.eml",
    "stalwart-mail-parser/resources/eml/thirdparty/019.eml",
    "zbateson/tests/_data/emails/m0024.txt",
    "zbateson/tests/_data/emails/m4004.txt",
    "zbateson/tests/_data/emails/m4006.txt",
)
"""Clients, base64 and 7bit, a mail that is one picture, uuencode, BinHex, signed, nested, Word."""


@dataclass(slots=True)
class Tally:
    """What became of the cuts of one mail.

    Attributes:
        fates: how many were refused on the line, by mail, asked about, faxed whole or with fewer.
        partial: where a cut gave a document that is none of the mail's own.
    """

    fates: collections.Counter[str] = field(default_factory=collections.Counter)
    partial: list[int] = field(default_factory=list)


class Cutter:
    """A mail of which ever longer beginnings pass the gate, each from where the last one was."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._scanner = StructureScanner()
        self._fed = 0

    def gate(self, place: int) -> Gate:
        """A gate that has seen the mail up to a place, which is behind all earlier ones."""
        if place - self._fed > _STEP:
            self._scanner.feed(self._data[self._fed : place])
            self._fed = place
        gate = Gate()
        gate._scanner = copy.deepcopy(self._scanner)
        gate._size = self._fed
        gate.feed(self._data[self._fed : place])
        return gate


def documents_of(data: bytes, directory: Path, gate: Gate | None = None) -> list[bytes] | str:
    """The documents a mail would be faxed as, or how it would be refused.

    Args:
        data: the mail.
        directory: where files may be written.
        gate: one that has seen the mail; None for a new one.
    """
    if gate is None:
        gate = Gate()
        gate.feed(data)
    found = gate.finish()
    if found.verdict.refusal is not None or found.no_document is not None:
        return "refused on the line"
    path = directory / "mail"
    path.write_bytes(data)
    with tempfile.TemporaryDirectory(dir=directory) as out:
        reading = prepare_mail(path, Path(out), DocumentLimits()).reading
        if reading.verdict.refusal is not None:
            return "refused by mail"
        if reading.question:
            return "asked"
        return [Path(out, one.file).read_bytes() for one in reading.documents]


def cut(data: bytes, places: Iterable[int], directory: Path) -> Tally:
    """Cut one mail at these places; its own documents are the measure."""
    tally = Tally()
    whole = documents_of(data, directory)
    assert not isinstance(whole, str), whole
    known = {_measure(one) for one in whole}
    cutter = Cutter(data)
    for place in places:
        found = documents_of(data[:place], directory, cutter.gate(place))
        if isinstance(found, str):
            tally.fates[found] += 1
        elif not {_measure(one) for one in found} <= known:
            tally.fates["partial"] += 1
            tally.partial.append(place)
        else:
            tally.fates["whole" if len(found) == len(whole) else "fewer"] += 1
    return tally


def _measure(document: bytes) -> bytes:
    """A document but for line ends behind it, which belong to no format."""
    return document.rstrip(b"\r\n")


def places_of(size: int, chance: random.Random, count: int | None) -> Iterable[int]:
    """Where a mail is cut: everywhere, or at so many random places."""
    if count is None or count >= size:
        return range(size)
    return sorted(chance.sample(range(size), count))


def campaign(directory: Path, only: str, count: int | None, seed: int) -> bool:
    """Cut the mails and print what became of each; whether no document was partial."""
    chance = random.Random(seed)
    total: collections.Counter[str] = collections.Counter()
    held = True
    with tempfile.TemporaryDirectory(dir=_memory()) as workplace:
        for name in MAILS:
            if only not in name:
                continue
            data = (directory / "mails" / name).read_bytes()
            began = time.monotonic()
            tally = cut(data, places_of(len(data), chance, count), Path(workplace))
            total += tally.fates
            held = held and not tally.partial
            took = time.monotonic() - began
            told = ", ".join(f"{number} {fate}" for fate, number in tally.fates.most_common())
            more = f"; partial at {tally.partial[:8]}" if tally.partial else ""
            print(f"{name} ({len(data)} bytes, {took:.0f} s): {told}{more}", flush=True)
    told = ", ".join(f"{number} {fate}" for fate, number in total.most_common())
    print(f"in all {total.total()} cuts: {told}")
    return held


def _memory() -> str | None:
    """A directory in memory, where the system has one: nothing here outlives the run."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path, nargs="?", default=CORPORA)
    parser.add_argument("--random", type=int, default=None, help="so many random cuts of each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only mails with this in their name")
    arguments = parser.parse_args()
    held = campaign(arguments.directory, arguments.only, arguments.random, arguments.seed)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
