"""M5: what Outlook packs into a winmail.dat, of real mails and of ones made here."""

import hashlib
import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from mail2fax.preparing.documents import DocumentLimits, Prepared, prepare_mail
from mail2fax.preparing.pages import Damaged
from mail2fax.preparing.tnef import attachments
from tests.corpora import CORPORA, needs_corpora
from tests.unit.mails import TEXT, attached, mail, real_pdf, real_tiff

PDF, TIFF = real_pdf(2), real_tiff(1)
UNICODE, BINARY, LONG, BOOLEAN = 0x1F, 0x102, 3, 0xB
LONG_NAME, CONTENT, METHOD, HIDDEN, TYPE = 0x3707, 0x3701, 0x3705, 0x7FFE, 0x370E


def attribute(level: int, name: int, data: bytes) -> bytes:
    """One attribute with its checksum."""
    return (
        struct.pack("<BII", level, name, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)
    )


def properties(*values: tuple[int, int, bytes]) -> bytes:
    """MAPI properties: name, type, value."""
    packed = struct.pack("<I", len(values))
    for name, kind, value in values:
        packed += struct.pack("<HH", kind, name)
        if kind in (UNICODE, BINARY):
            packed += struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
        else:
            packed += value.ljust(4, b"\0")
    return packed


def attachment(data: bytes, title: bytes, *more: tuple[int, int, bytes]) -> bytes:
    """The attributes of one attachment."""
    return (
        attribute(2, 0x69002, b"\0" * 14)
        + attribute(2, 0x18010, title + b"\0")
        + attribute(2, 0x6800F, data)
        + attribute(2, 0x69005, properties(*more))
    )


def winmail(*attachments: bytes, codepage: int = 1252) -> bytes:
    """A whole stream."""
    head = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x89006, b"\0\0\1\0")
    return head + attribute(1, 0x69007, struct.pack("<II", codepage, 0)) + b"".join(attachments)


def utf16(text: str) -> bytes:
    """A string property's value."""
    return text.encode("utf-16-le") + b"\0\0"


def prepared(tmp_path: Path, *parts: bytes) -> Prepared:
    """What becomes of a mail of these parts."""
    path = tmp_path / "mail.eml"
    path.write_bytes(mail(*parts))
    return prepare_mail(path, tmp_path / "documents", DocumentLimits())


def test_its_attachments_become_documents(tmp_path: Path) -> None:
    """M5: in order, with their own names, digests and pages; Outlook's own text is not faxed."""
    data = winmail(
        attachment(PDF, b"BEFUND~1.PDF", (LONG_NAME, UNICODE, utf16("Befund für Łukasz.pdf"))),
        attachment(TIFF, "Röntgen.tif".encode("cp1252")),
    )
    found = prepared(tmp_path, TEXT, attached(data, "winmail.dat", "application/ms-tnef"))

    assert found.reading.verdict.accepted
    assert [(one.part, one.filename, one.pages) for one in found.reading.documents] == [
        ("2.tnef1", "Befund für Łukasz.pdf", 2), ("2.tnef2", "Röntgen.tif", 1),
    ]  # fmt: skip
    assert [one.sha256 for one in found.reading.documents] == [
        hashlib.sha256(data).hexdigest() for data in (PDF, TIFF)
    ]
    assert [(one.part, one.filename) for one in found.reading.not_faxed] == [
        ("1", None), ("2", "winmail.dat"),
    ]  # fmt: skip


def test_content_may_lie_in_the_properties(tmp_path: Path) -> None:
    """M5: as newer Outlooks write it, after an empty old one."""
    data = winmail(attachment(b"", b"a.pdf", (CONTENT, BINARY, PDF)))
    found = prepared(tmp_path, attached(data, "winmail.dat"))

    assert [one.size for one in found.reading.documents] == [len(PDF)]


def test_what_belongs_to_the_text_is_told_and_not_faxed(tmp_path: Path) -> None:
    """M5, M6, M7: pasted objects, the text's small pictures, mails inside, calendars."""
    png = b"\x89PNG\r\n\x1a\n" + b"x" * 99
    data = winmail(
        attachment(PDF, b"a.pdf"),
        attachment(b"x" * 50, b"Picture", (METHOD, LONG, b"\6")),
        attachment(b"x" * 50, b"Mail", (METHOD, LONG, b"\5")),
        attachment(png, b"image001.png", (HIDDEN, BOOLEAN, b"\1")),
        attachment(b"BEGIN:VCALENDAR", b"a.ics"),
    )
    found = prepared(tmp_path, attached(data, "winmail.dat"))

    assert [one.part for one in found.reading.documents] == ["1.tnef1"]
    assert [one.why.split()[1] for one in found.reading.not_faxed] == [
        "object", "mail", "small", "calendar", "own",
    ]  # fmt: skip


def test_one_that_stops_the_fax_does_not_hide_the_others(tmp_path: Path) -> None:
    """M5, M7: each file of a winmail.dat is told, in front of the refused one and behind it."""
    data = winmail(
        attachment(PDF, b"a.pdf"), attachment(b"MZ\0", b"b.exe"), attachment(TIFF, b"c.tif")
    )
    found = prepared(tmp_path, attached(data, "winmail.dat"))

    assert found.reading.verdict.refusal is not None
    assert found.reading.verdict.refusal.text.startswith("“b.exe” is of a kind")
    assert [one.filename for one in found.reading.documents] == ["a.pdf", "c.tif"]
    assert [one.filename for one in found.reading.not_faxed] == ["b.exe", "winmail.dat"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (winmail(attachment(PDF, b"a.pdf"))[:-30], "“winmail.dat” is damaged: it is cut"),
        (winmail(attachment(PDF, b"a.pdf")).replace(b"MediaBox", b"mediaBox"), "checksum"),
        (winmail(attribute(2, 0x69002, b"")), "one of its attachments has no content"),
        (winmail(attribute(2, 0x6800F, b"x")), "its list of attachments is broken"),
        (winmail(attachment(PDF, b"a", (TYPE, 0x99, b""))), "it is cut"),
        (winmail(attachment(b"", b"a.pdf")), "“a.pdf” is empty"),
        (winmail(attachment(b"MZ\0", b"a.exe")), "“a.exe” is of a kind that cannot be faxed"),
        (winmail(attachment(winmail(), b"w.dat")), "“w.dat” is Outlook's own form"),
        (winmail(), "No attachment to fax was found"),
    ],
)
def test_doubt_stops_the_fax(tmp_path: Path, data: bytes, sentence: str) -> None:
    """M5, M8: a damaged stream, or one document of it, is refused by name."""
    found = prepared(tmp_path, attached(data, "winmail.dat"))

    assert found.reading.verdict.refusal is not None
    assert sentence in found.reading.verdict.refusal.text


def test_garbage_behind_the_last_attribute_does_no_harm() -> None:
    """M5: some gateways pad."""
    data = winmail(attachment(PDF, b"a.pdf")) + b"\0garbage"

    assert [one.filename for one in attachments(data, len(data))] == ["a.pdf"]


def test_a_mail_inside_that_nothing_closed_is_refused(tmp_path: Path) -> None:
    """M8: the stream has no end of its own."""
    path = tmp_path / "mail.eml"
    path.write_bytes(mail(attached(winmail(attachment(PDF, b"a.pdf")), "winmail.dat"), last=False))
    found = prepare_mail(path, tmp_path / "documents", DocumentLimits())

    assert found.reading.verdict.refusal is not None


def streams() -> list[tuple[bytes, list[dict[str, Any]]]]:
    """The corpus's streams and what other programs found in them; none where it is absent."""
    index = CORPORA / "mails.jsonl"
    rows = map(json.loads, index.read_text("utf-8").splitlines() if index.exists() else ())
    found = [row for row in rows if row["file"].endswith(".tnef")]
    return [
        ((CORPORA / "mails" / row["corpus"] / row["file"]).read_bytes(),
         row["expected"]["attachments"])
        for row in found
    ]  # fmt: skip


@needs_corpora
def test_real_streams_hold_what_others_found_in_them() -> None:
    """M5: every file with a digest, of 19 real streams, but objects and mails inside mails."""
    missing = []
    for data, expected in streams():
        found = [data[one.start : one.end] for one in attachments(data, len(data))]
        digests = {hashlib.sha256(one).hexdigest() for one in found}
        missing += [
            one["filename"]
            for one in expected
            if one.get("sha256") and not one.get("is_body") and one["sha256"] not in digests
        ]

    assert len(streams()) == 19
    assert {name.replace("_", " ").partition(".")[0] for name in missing} == {"Untitled Attachment"}


def test_mutated_streams_end_in_damage_or_attachments() -> None:
    """M2, M5: nothing else is raised, whatever the bytes are."""
    chance = random.Random(5)
    good = winmail(attachment(TIFF, b"a.tif", (LONG_NAME, UNICODE, utf16("a")))) * 2
    ends = {True: 0, False: 0}
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(len(data)) :]
        try:
            found = attachments(bytes(data), len(data))
            ends[True] += all(0 <= one.start <= one.end <= len(data) for one in found)
        except Damaged:
            ends[False] += 1

    assert sum(ends.values()) == 3000
