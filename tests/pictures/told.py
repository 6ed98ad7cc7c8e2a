"""What the daemon would make of the mails of real programs, beside what is expected of them."""

import email
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from mail2fax.explain import Explainer, explainer_for
from tests.pictures.images import kind_of, picture
from tests.pictures.programs import Job, sent
from tests.pictures.table import Row, read_table
from tests.pictures.thunderbird import CAPTURED, DOCUMENT, PICTURES
from tests.unit.mails import real_pdf

PROGRAMS_TABLE = Path(__file__).with_name("programs.txt")
_WORDS = {
    "body": "A small picture of the text or signature is not faxed.",
    "ask": "It may be a document or a part of the signature (",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the table, its mail, and what explaining it says.

    Attributes:
        row: what is expected.
        mail: as a real listener stored it.
        files: the SHA-256 of every picture by its name in the table, and of the PDF as ``pdf``.
        said: the object of ``mail2fax explain --json``.
    """

    row: Row
    mail: bytes
    files: dict[str, str]
    said: dict[str, Any]

    @property
    def fates(self) -> tuple[str, ...]:
        """What becomes of each picture, in the row's order."""
        return tuple(self._fate(self.files[name]) for name in self.row.pictures)

    @property
    def problems(self) -> list[str]:
        """Whatever is not as a person expects it; empty when all is."""
        found = [
            f"{name} is {fate}, expected {wanted}"
            for name, fate, wanted in zip(
                self.row.pictures, self.fates, self.row.fates, strict=True
            )
            if fate != wanted
        ]
        documents = [(one["filename"], one["sha256"]) for one in self.said["documents"]]
        if documents != self._expected_documents():
            found.append(f"documents {documents}, expected {self._expected_documents()}")
        return [*found, *self._wrong_words()]

    def _fate(self, sha256: str) -> str:
        if sha256 in {one["sha256"] for one in self.said["documents"]}:
            return "document"
        whys = [one["why"] for one in self.said["not_faxed"] if one["sha256"] == sha256]
        fates = [fate for fate, words in _WORDS.items() for why in whys if why.startswith(words)]
        return fates[0] if fates else f"not told ({whys})"

    def _expected_documents(self) -> list[tuple[str, str]]:
        """Name and content of each, in the order in which another reader finds them."""
        faxed = {self.files[name] for name, fate in self._pairs() if fate == "document"}
        faxed |= {self.files["pdf"]} if self.row.has_file else set()
        found = (leaf for leaf in leaves(self.mail) if leaf.sha256 in faxed)
        return [
            (leaf.name or f"document-{ordinal}{leaf.ending}", leaf.sha256)
            for ordinal, leaf in enumerate(found, start=1)
        ]

    def _wrong_words(self) -> list[str]:
        """What a person would read wrongly or not at all."""
        found = []
        told = [*self.said["documents"], *self.said["not_faxed"]]
        if len(told) != len(leaves(self.mail)):
            found.append(f"{len(told)} parts are told of {len(leaves(self.mail))}")
        names = {leaf.sha256: leaf.name for leaf in leaves(self.mail)}
        asked = [
            names[self.files[name]] or "picture without a name"
            for name, fate in self._pairs()
            if fate == "ask"
        ]
        refused = self.said["refused"] or ""
        if bool(asked) != refused.startswith("It would be held until a person decides: "):
            found.append(f"refused: {refused!r}")
        found += [
            f"the question does not name {name}" for name in asked if f"“{name}”" not in refused
        ]
        return found

    def _pairs(self) -> list[tuple[str, str]]:
        return list(zip(self.row.pictures, self.row.fates, strict=True))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no others: its name, the SHA-256 of its content, a picture's extension."""

    name: str | None
    sha256: str
    ending: str


def leaves(mail: bytes) -> list[Leaf]:
    """Every part that holds no others, as Python's email reads them."""
    message = email.message_from_bytes(mail, policy=default)
    found = []
    for part in message.walk():
        assert isinstance(part, EmailMessage)
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            digest = hashlib.sha256(data).hexdigest()
            found.append(Leaf(part.get_filename(), digest, _ending(data)))
    return found


def _ending(data: bytes) -> str:
    kind = kind_of(data)
    return {"jpeg": ".jpg"}.get(kind, f".{kind}")


def rows_of(program: str) -> list[Row]:
    """The rows of one program."""
    return [row for row in read_table(PROGRAMS_TABLE) if _program(row) == program]


def programs() -> list[str]:
    """Every program of the table."""
    return list(dict.fromkeys(_program(row) for row in read_table(PROGRAMS_TABLE)))


async def told_of(program: str, home: Path) -> list[Told]:
    """Have a program send its mails, and the daemon's parts say what would become of them.

    Raises:
        NotInstalled: the program is not there.
    """
    rows = rows_of(program)
    paths = _written(rows, home) if program != "thunderbird" else _captured()
    jobs = [_job(row, paths, number) for number, row in enumerate(rows)]
    mails = await sent(program, jobs, home)
    files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    explainer = explainer_for(None, "CH")
    try:
        return [
            Told(row, mail, files, await _explained(explainer, mail, home))
            for row, mail in zip(rows, mails, strict=True)
        ]
    finally:
        await explainer.children.close()


async def _explained(explainer: Explainer, mail: bytes, home: Path) -> dict[str, Any]:
    path = home / "mail.eml"
    path.write_bytes(mail)
    return await explainer.explain(path, ["0225550123@fax.example.com"])


def _program(row: Row) -> str:
    return row.shape.partition("/")[0]


def _job(row: Row, paths: dict[str, Path], number: int) -> Job:
    files = (paths["pdf"],) if row.has_file else ()
    arrangement = row.shape.partition("/")[2]
    return Job(arrangement, tuple(paths[name] for name in row.pictures), files, f"Papers {number}")


def _written(rows: Sequence[Row], home: Path) -> dict[str, Path]:
    """The pictures of these rows on the disk, called as the table calls them, and a PDF."""
    directory = home / "pictures"
    directory.mkdir()
    pdf = real_pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%\xe2\xe3\n")  # as real ones, not all text
    (directory / "letter.pdf").write_bytes(pdf)
    paths = {"pdf": directory / "letter.pdf"}
    for name in {name for row in rows for name in row.pictures}:
        paths[name] = directory / f"{name}{_ending(picture(name))}"
        paths[name].write_bytes(picture(name))
    return paths


def _captured() -> dict[str, Path]:
    names = {**PICTURES, "pdf": DOCUMENT}
    return {name: CAPTURED / file for name, file in names.items()}
