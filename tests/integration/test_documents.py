"""M3, M8, M9: what the second gate makes of a mail on disk."""

import hashlib
from pathlib import Path

import pytest

from mail2fax.preparing import pages
from mail2fax.preparing.documents import DocumentLimits, Prepared, prepare_mail
from mail2fax.reading.gate import Gate
from tests.unit.mails import SCAN, TEXT, TOP, attached, mail, part, real_pdf, real_tiff

PDF, TIFF = real_pdf(2), real_tiff(3)


def prepared(tmp_path: Path, data: bytes, limits: DocumentLimits | None = None) -> Prepared:
    """What becomes of a mail's bytes."""
    path = tmp_path / "mail.eml"
    path.write_bytes(data)
    return prepare_mail(path, tmp_path / "documents", limits or DocumentLimits())


def why(found: Prepared) -> str:
    """The sentence of a refusal; empty when there is none."""
    refusal = found.reading.verdict.refusal
    assert (refusal is None) == (found.reading.verdict.by is None)
    return refusal.text if refusal else ""


def test_documents_are_written_recognised_and_counted(tmp_path: Path) -> None:
    """M3, M9: bytes, names, types and pages, in order; the text is the comment."""
    data = mail(TEXT, attached(PDF, "Übersicht.pdf"), attached(TIFF, "scan", "application/x"))
    found = prepared(tmp_path, data)

    assert why(found) == ""
    assert [(d.part, d.filename, d.content_type, d.pages) for d in found.reading.documents] == [
        ("2", "Übersicht.pdf", "application/pdf", 2), ("3", "scan.tif", "image/tiff", 3),
    ]  # fmt: skip
    for document, content in zip(found.reading.documents, (PDF, TIFF), strict=True):
        stored = (tmp_path / "documents" / document.file).read_bytes()
        assert stored == content
        assert document.sha256 == hashlib.sha256(content).hexdigest()
        assert document.size == len(content)
        assert document.file.isascii()
    assert found.reading.comment == "Grüße,\nAnn"


def test_the_bytes_that_were_read_are_vouched_for(tmp_path: Path) -> None:
    """K5: the same hashes the first gate took."""
    found = prepared(tmp_path, SCAN)
    gate = Gate()
    gate.feed(SCAN)
    reading = gate.finish()

    assert (found.header_sha256, found.body_sha256) == (reading.header_sha256, reading.body_sha256)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The mail is empty"),
        (mail(TEXT), "No attachment to fax was found"),
        (mail(attached(b"", "a.pdf")), "“a.pdf” is empty"),
        (mail(attached(PDF[:-300], "a.pdf")), "“a.pdf” is damaged"),
        (mail(attached(TIFF[:-4], "a.tif")), "“a.tif” is damaged: it ends before"),
        (mail(attached(b"\x89PNG\r\n\x1a\n" + b"x", "a.png")), "“a.png” is damaged: it is cut"),
        (mail(attached(b"\0\1\2", "a.bin")), "“a.bin” is of a kind that cannot be faxed"),
        (mail(attached(b"PK\x03\x04", "a.zip")), "“a.zip” is damaged: its list of contents"),
        (mail(attached(b"\x78\x9f\x3e\x22", "winmail.dat")), "“winmail.dat” is damaged"),
        (mail(part("Content-Type: application/pdf\nContent-Transfer-Encoding: base64", b"JVB*")),
         "“part 1” is damaged: its base64"),
        (mail(part("Content-Type: image/jpeg\nContent-Transfer-Encoding: x-y", b"\xff\xd8\xff")),
         "“part 1” is damaged: its encoding"),
        (mail(attached(PDF), attached(b"\0", "b.bin")), "“b.bin” is of a kind"),
        (mail(attached(b"<a href=x>Open</a>", "b.dat", "text/html")), "“b.dat” is a web page"),
        (mail(attached(b"<a href=x>Open</a>", "b.HTM", "text/plain")), "“b.HTM” is a web page"),
        (mail(attached(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc"), last=False), "may be cut"),
        (mail(*[TEXT] * 120), "The mail cannot be read"),
        (mail(attached(real_pdf(150)), attached(real_pdf(51))), "201 pages are more than the 200"),
    ],
)  # fmt: skip
def test_doubt_stops_the_fax_with_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    """M8, M9: the file is named and what to do is said; nothing is faxed in part."""
    assert sentence in why(prepared(tmp_path, data))


def test_sizes_are_limited(tmp_path: Path) -> None:
    """M9: what Fax.Plus takes at once, and what a mail may unpack to."""
    data = mail(attached(PDF), attached(PDF))
    fax = DocumentLimits(fax_size=len(PDF))
    bomb = DocumentLimits(decoded=len(PDF))

    assert "more than the 0 MB of one fax" in why(prepared(tmp_path, data, fax))
    assert "is too large" in why(prepared(tmp_path, data, bomb))


def test_a_locked_pdf_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M9: it says that a password is in the way."""

    def locked(_path: Path) -> int:
        raise pages.Locked("it opens only with a password")

    monkeypatch.setattr(pages, "pages_of_pdf", locked)

    assert "“a.pdf” opens only with a password" in why(prepared(tmp_path, mail(attached(PDF))))


def test_what_was_refused_is_listed_with_its_fate(tmp_path: Path) -> None:
    """W2: every part is accounted for, also in a refusal."""
    found = prepared(tmp_path, mail(TEXT, attached(PDF), attached(b"\0", "b.bin")))

    assert [document.filename for document in found.reading.documents] == ["a.pdf"]
    assert [(one.part, bool(one.why)) for one in found.reading.not_faxed] == [
        ("1", True),
        ("3", True),
    ]


@pytest.mark.parametrize("name", ["letter.txt", ""])
def test_a_text_file_is_a_document(tmp_path: Path, name: str) -> None:
    """M9: TXT goes as it is; so does data that is only labelled as text by its name."""
    label = "text/plain" if not name else "application/octet-stream"
    one = part(
        f'Content-Type: {label}\nContent-Disposition: attachment; filename="{name or "x"}"',
        b"Dear Bob",
    )
    found = prepared(tmp_path, mail(TEXT, one, top=TOP))

    assert [document.content_type for document in found.reading.documents] == ["text/plain"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 300 + ".pdf", "Ü\r\n.pdf", ".."])
def test_names_never_leave_the_directory(tmp_path: Path, name: str) -> None:
    """M3: whatever a name says, the file lies beside the others."""
    found = prepared(tmp_path, mail(attached(PDF, name)))

    (document,) = found.reading.documents
    assert (tmp_path / "documents" / document.file).parent == tmp_path / "documents"
    assert (tmp_path / "documents" / document.file).exists()
