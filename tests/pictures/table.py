"""Reads the truth table and judges its mails with the reader itself."""

from dataclasses import dataclass
from pathlib import Path

from mail2fax.reading.mail import MailReading, read_mail
from mail2fax.reading.pictures import PictureKnowledge
from tests.pictures.images import kind_of, picture
from tests.pictures.shapes import SHAPES, Sent
from tests.unit.mails import real_pdf

TABLE = Path(__file__).with_name("table.txt")


@dataclass(frozen=True, slots=True)
class Row:
    """One mail of the table: its shape, whether a PDF is attached, its pictures, their fates."""

    shape: str
    has_file: bool
    pictures: tuple[str, ...]
    fates: tuple[str, ...]

    @property
    def mail(self) -> bytes:
        """The mail itself."""
        sent = [Sent(data, kind_of(data)) for data in map(picture, self.pictures)]
        return SHAPES[self.shape](sent, [real_pdf()] if self.has_file else [])


def read_table(table: Path = TABLE) -> list[Row]:
    """Every row of a table: ``shape  pdf|-  picture=fate …``; a line with ``#`` is a comment."""
    rows = []
    for line in table.read_text(encoding="ascii").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        shape, file, *pairs = line.split()
        pictures, fates = zip(*(pair.split("=") for pair in pairs), strict=True)
        rows.append(Row(shape, file == "pdf", pictures, fates))
    return rows


def judged(row: Row, knowledge: PictureKnowledge | None = None) -> tuple[str, ...]:
    """What the reader makes of each picture of a row's mail, in their order."""
    data = row.mail
    reading = read_mail(data, len(data), knowledge=knowledge or PictureKnowledge())
    sizes = [len(picture(name)) for name in row.pictures]
    return tuple(_fate(reading, size) for size in sizes)


def _fate(reading: MailReading, size: int) -> str:
    """The fate of the picture with this size; no two in a mail have the same."""
    parts = [part for part in reading.not_faxed if part.size == size]
    if not parts:
        return "document"
    return "ask" if "may be" in parts[0].why else "body"
