"""A campaign of hostile documents through the real children (M9).

``python -m tests.campaigns.documents --seed 1 --count 500`` sends every document of the corpus
beside the project, then as many mutated ones, and large honest ones, through the pool the
daemon uses, and prints the longest time, the children lost and every wrong page count. It ends
with 1 when a document took longer than it may or a count is wrong.
"""

import argparse
import asyncio
import collections
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from mail2fax.preparing.children import ChildFailed, Children
from tests.corpora import CORPORA
from tests.unit.mails import attached, mail

MOST_SECONDS = 5.0
GRACE = 0.5
"""Starting a child and writing the mail are not the document's time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One document: its name, its bytes, and its pages where independent tools agree."""

    name: str
    data: bytes
    pages: int | None = None


@dataclass(slots=True)
class Tally:
    """What came of the samples.

    Attributes:
        fates: how many ended in which way.
        wrong: names of those whose pages were counted wrongly.
        slowest: seconds and name.
        lost: names of those that ended their child.
    """

    fates: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    lost: list[str] = field(default_factory=list)

    def count(self, sample: Sample, fate: str, pages: int | None, took: float) -> None:
        """What came of one sample."""
        self.fates[fate] += 1
        self.slowest = max(self.slowest, (took, sample.name))
        if fate == "child lost":
            self.lost.append(sample.name)
        if None not in (pages, sample.pages) and pages != sample.pages:
            self.wrong.append(sample.name)

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.wrong) or self.slowest[0] > MOST_SECONDS + GRACE

    def __str__(self) -> str:
        fates = ", ".join(f"{count} {fate}" for fate, count in sorted(self.fates.items()))
        seconds, name = self.slowest
        return (
            f"{self.fates.total()} documents: {fates}; slowest {seconds:.2f} s ({name}); "
            f"children lost: {len(self.lost)} {self.lost[:8]}; "
            f"wrong page counts: {len(self.wrong)} {self.wrong[:8]}"
        )


def corpus() -> list[Sample]:
    """Every document of the corpus."""
    rows = map(json.loads, (CORPORA / "documents.jsonl").read_text("utf-8").splitlines())
    found = [(row, CORPORA / "documents" / row["source"] / row["file"]) for row in rows]
    return [Sample(path.name, path.read_bytes(), row.get("pages")) for row, path in found]


def pictures() -> list[Sample]:
    """A photo in every kind that is converted."""
    photo = Image.effect_mandelbrot((640, 480), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    found = []
    for kind in ("GIF", "WEBP", "BMP", "JPEG2000", "ICO", "PCX", "PPM", "AVIF"):
        file = io.BytesIO()
        photo.save(file, kind)
        found.append(Sample(f"photo.{kind.lower()}", file.getvalue(), 1))
    return found


def streams() -> list[Sample]:
    """Outlook's winmail.dat, of the corpus's mails."""
    found = sorted((CORPORA / "mails").rglob("*.tnef"))
    return [Sample(path.name, path.read_bytes()) for path in found]


def mutated(samples: list[Sample], chance: random.Random, count: int) -> Iterator[Sample]:
    """Samples with flipped bits, a cut, a doubled piece or a piece of another."""
    for number in range(count):
        one = chance.choice(samples)
        data = bytearray(one.data[:2_000_000])
        kind = chance.choice(("bits", "cut", "doubled", "grafted"))
        at = chance.randrange(len(data) or 1)
        if kind == "bits":
            for _ in range(chance.randint(1, 40)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del data[at:]
        elif kind == "doubled":
            data[at:at] = data[at : at + chance.randint(1, 4000)]
        else:
            other = chance.choice(samples).data
            data[at : at + 2000] = other[: chance.randint(1, 4000)]
        yield Sample(f"{number}-{kind}-{one.name}", bytes(data or b"x"))


def honest(chance: random.Random) -> Iterator[Sample]:
    """Scans of almost 30 MB, as a colour copier and a phone make them."""
    noise = Image.frombytes("RGB", (1654, 2339), chance.randbytes(1654 * 2339 * 3))
    for kind, name, quality in (("PDF", "scan.pdf", 60), ("TIFF", "scan.tif", 60)):
        file = io.BytesIO()
        one = io.BytesIO()
        noise.save(one, "JPEG", quality=quality)
        pages = int(27_000_000 / one.tell())
        more = {"compression": "jpeg"} if kind == "TIFF" else {}
        noise.save(
            file, kind, save_all=True, append_images=[noise] * (pages - 1), quality=quality, **more
        )
        yield Sample(name, file.getvalue(), pages)
    photo = Image.frombytes("RGB", (5000, 4000), chance.randbytes(60_000_000))
    for kind, name in (("JPEG", "photo.jpg"), ("WEBP", "photo.webp"), ("BMP", "photo.bmp")):
        file = io.BytesIO()
        photo.resize((3000, 2400)).save(file, kind, quality=90)
        yield Sample(name, file.getvalue())


async def run(children: Children, samples: Iterator[Sample], directory: Path) -> Tally:
    """Send samples one by one through the pool."""
    tally = Tally()
    for number, sample in enumerate(samples):
        path = directory / f"{number}.eml"
        path.write_bytes(mail(attached(sample.data, sample.name, "application/octet-stream")))
        began = time.monotonic()
        fate, pages = await _fate(children, path, directory / str(number))
        took = time.monotonic() - began
        path.unlink()
        tally.count(sample, fate, pages, took)
    return tally


async def _fate(children: Children, path: Path, out: Path) -> tuple[str, int | None]:
    try:
        prepared = await children.prepare(path, out)
    except ChildFailed:
        return "child lost", None
    if not prepared.reading.verdict.accepted:
        return "refused", None
    document, *more = prepared.reading.documents
    fate = "several" if more else "converted" if document.converted else "whole"
    return fate, document.pages


async def campaign(seed: int, count: int) -> bool:
    """Run it all; whether every promise held."""
    chance = random.Random(seed)
    samples = corpus()
    children = Children(count=1)
    held = True
    try:
        with tempfile.TemporaryDirectory() as directory:
            for name, some in (
                ("corpus", iter(samples)),
                ("mutated", mutated(samples, chance, count)),
                ("mutated pictures", mutated(pictures(), chance, count)),
                ("mutated winmail.dat", mutated(streams(), chance, count)),
                ("honest and large", honest(chance)),
            ):
                tally = await run(children, some, Path(directory))
                held = held and not tally.failed
                print(f"{name}: {tally}", flush=True)
    finally:
        await children.close()
    return held


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    sys.exit(0 if asyncio.run(campaign(arguments.seed, arguments.count)) else 1)


if __name__ == "__main__":
    main()
