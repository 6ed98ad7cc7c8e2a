"""M10: what is too large or too much for one fax is drawn in black and white and joined."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from mail2fax.preparing import conversion
from mail2fax.preparing.documents import Asked, DocumentLimits, Prepared, prepare_mail
from mail2fax.preparing.fax_tiff import Grid
from mail2fax.preparing.pages import pages_of_tiff
from mail2fax.preparing.watch import Watch
from tests.unit.mails import attached, mail, real_pdf

RTF = b"{\\rtf1 hello}"


def scan(mark: int, kind: str = "PDF", pages: int = 1, size: tuple[int, int] = (620, 877)) -> bytes:
    """A4 pages of paper noise, each with a black bar at a height that tells it from others."""
    sheets = []
    for page in range(pages):
        sheet = Image.effect_noise(size, 25).point(lambda value: min(255, value + 110))
        height = size[1] * (mark + page) // 20
        ImageDraw.Draw(sheet).rectangle((50, height, size[0] - 50, height + 20), fill=0)
        sheets.append(sheet)
    file = io.BytesIO()
    more = {"save_all": True, "append_images": sheets[1:]} if pages > 1 else {}
    sheets[0].save(file, kind, **more)
    return file.getvalue()


def prepared(
    tmp_path: Path,
    limits: DocumentLimits,
    *documents: tuple[bytes, str],
    top: str = "Subject: x\n",
    watch: Watch | None = None,
    asked: Asked | None = None,
) -> Prepared:
    """What becomes of a mail with these attachments, content and name."""
    path = tmp_path / "mail.eml"
    path.write_bytes(mail(*[attached(data, name) for data, name in documents], top=top))
    return prepare_mail(path, tmp_path / "documents", limits, asked, watch)


def why(found: Prepared) -> str:
    """The sentence of a refusal, or nothing."""
    refusal = found.reading.verdict.refusal
    return refusal.text if refusal else ""


def marks(file: Path) -> list[int]:
    """Where the bar stands on each page, in twentieths of its height."""
    found = []
    with Image.open(file) as fax:
        for page in range(getattr(fax, "n_frames", 1)):
            fax.seek(page)
            rows = fax.convert("L").resize((1, 200), Image.Resampling.BOX).tobytes()
            found.append(round(min(range(200), key=rows.__getitem__) / 10))
    return found


def test_too_many_files_are_joined_in_order(tmp_path: Path) -> None:
    """M10: neighbours share a file; what cannot be drawn stays between them; nothing is lost."""
    documents = [
        (scan(2), "a.pdf"), (scan(4, "PNG"), "b.png"), (RTF, "c.rtf"),
        (scan(6, "TIFF", 2), "d.tif"), (scan(9, "JPEG"), "e.jpg"), (scan(11), "f.pdf"),
    ]  # fmt: skip
    found = prepared(tmp_path, DocumentLimits(files=3), *documents)

    assert why(found) == ""
    told = found.reading.documents
    assert [one.filename for one in told] == [name for _, name in documents]
    assert [one.size for one in told] == [len(data) for data, _ in documents]
    assert [one.pages for one in told] == [1, 1, None, 2, 1, 1]
    files = list(dict.fromkeys(one.file for one in told))
    assert len(files) == 3
    directory = tmp_path / "documents"
    assert marks(directory / files[0]) == [2, 4]
    assert marks(directory / files[2]) == [6, 7, 9, 11]
    assert (directory / files[1]).read_bytes() == RTF
    assert sorted(path.name for path in directory.iterdir()) == sorted(files)
    assert told[0].converted is not None
    assert "joined" in told[0].converted.why
    assert told[0].converted.size == (directory / files[0]).stat().st_size


def test_only_as_much_as_needed_is_drawn(tmp_path: Path) -> None:
    """M10: the largest first; what fits then goes as it came."""
    large, small = scan(3, "PNG", size=(1240, 1754)), scan(5)
    limits = DocumentLimits(fax_size=len(small) + 900_000)
    found = prepared(tmp_path, limits, (small, "small.pdf"), (large, "large.png"))

    assert why(found) == ""
    first, second = found.reading.documents
    assert first.converted is None
    assert second.converted is not None
    assert marks(tmp_path / "documents" / second.file) == [3]


def test_what_is_still_too_large_is_refused_with_the_pages_that_fit(tmp_path: Path) -> None:
    """M10: counted page by page, in the order of the mail."""
    found = prepared(
        tmp_path, DocumentLimits(fax_size=400_000),
        (scan(3, "PNG"), "a.png"), (scan(2, "TIFF", 5), "b.tif"),
    )  # fmt: skip
    drawn = prepared(tmp_path, DocumentLimits(fax_size=600_000), (scan(3, "PNG"), "a.png"))

    assert "of their 6 pages would fit" in why(found)
    fit = int(why(found).partition("Only the first ")[2].split()[0])
    (one,) = drawn.reading.documents
    assert 0 < fit < 6
    assert one.converted is None


@pytest.mark.parametrize(
    ("limits", "names", "sentence"),
    [
        (DocumentLimits(files=2), ["a.rtf", "b.rtf", "c.rtf"], "cannot be joined here"),
        (DocumentLimits(fax_size=10), ["a.rtf", "b.rtf"], "“a.rtf”, “b.rtf” cannot be made small"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(
    tmp_path: Path, limits: DocumentLimits, names: list[str], sentence: str
) -> None:
    """M10: Office, RTF and text stay as they are; the sentence says what to do."""
    found = prepared(tmp_path, limits, *[(RTF, name) for name in names])

    assert sentence in why(found)
    assert "in parts" in why(found)


def test_a_document_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    """M9, M10: the time of a long document ends too, between two pages."""

    class Impatient(Watch):
        def go_on(self) -> bool:
            return False

    found = prepared(
        tmp_path, DocumentLimits(fax_size=10), (real_pdf(3), "a.pdf"), watch=Impatient()
    )

    assert "“a.pdf” takes too long to be made smaller" in why(found)


def test_a_damaged_picture_cannot_be_made_smaller(tmp_path: Path) -> None:
    """M8, M10: a PNG that ends as it should and is broken before."""
    whole = scan(1, "PNG")
    broken = whole[:700] + whole[-40:]
    found = prepared(tmp_path, DocumentLimits(fax_size=10), (broken, "a.png"))

    assert "“a.png” is too large for one fax and cannot be made smaller" in why(found)


def test_more_pages_than_one_fax_may_have(tmp_path: Path) -> None:
    """M9, M10: a picture is a page once it is drawn."""
    limits = DocumentLimits(files=1, pages=2)
    found = prepared(tmp_path, limits, *[(scan(n, "PNG"), f"{n}.png") for n in range(3)])

    assert why(found) == "3 pages are more than the 2 of one fax."


@pytest.mark.parametrize(
    ("top", "asked", "lines"),
    [
        ("Subject: x\n", Asked(), 2287),
        ("Subject: x\n", Asked(resolution="superfine"), 4574),
        ("X-Fax-Resolution: superfine\nSubject: x\n", Asked(), 4574),
    ],
)
def test_the_resolution_is_the_one_asked_for(
    tmp_path: Path, top: str, asked: Asked, lines: int
) -> None:
    """M10: superfine has twice the lines of fine (ITU-T T.4), and the file says so."""
    documents = (real_pdf(1), "a.pdf"), (real_pdf(1), "b.pdf")
    found = prepared(tmp_path, DocumentLimits(files=1), *documents, top=top, asked=asked)

    document = found.reading.documents[0]
    with Image.open(tmp_path / "documents" / document.file) as page:
        assert page.width == 1728
        assert page.height == pytest.approx(lines, rel=0.03)
        assert float(page.info["dpi"][1]) == (391 if lines > 4000 else 196)


def test_a_form_is_drawn_as_it_was_filled_in(tmp_path: Path) -> None:
    """M10: what somebody typed into a PDF form is on the page."""
    stream = b"/Tx BMC q BT /F 24 Tf 10 10 Td (XXXXXXXX) Tj ET Q EMC"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [4 0 R] >>",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /F 4 /Rect [100 600 400 650]%s"
        % b" /V (XXXXXXXX) /P 3 0 R /AP << /N 5 0 R >> >>",
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 300 50] /Length %d%s >>\n%s\nendstream"
        % (len(stream), b" /Resources << /Font << /F 6 0 R >> >>", b"stream\n" + stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data = b"%PDF-1.4\n" + b"".join(
        b"%d 0 obj\n%s\nendobj\n" % numbered for numbered in enumerate(objects, start=1)
    )
    path = tmp_path / "form.pdf"
    path.write_bytes(data + b"trailer\n<< /Root 1 0 R /Size 7 >>\n%%EOF\n")

    (page,) = conversion.pages_of_pdf(path, Grid())

    assert page.convert("L").crop((250, 400, 1200, 720)).getextrema()[0] == 0


def test_a_fax_of_standard_resolution_keeps_its_shape(tmp_path: Path) -> None:
    """M10: dots of 204 by 98 to the inch are twice as tall as wide."""
    fax = io.BytesIO()
    Image.new("1", (1728, 1143), 1).save(fax, "TIFF", compression="group3", dpi=(204, 98))
    path = tmp_path / "a.tif"
    path.write_bytes(fax.getvalue())

    (page,) = conversion.pages_of_picture(path, "image/tiff", Grid())

    assert page.width == 1728
    assert page.height == pytest.approx(2286, abs=10)
    assert pages_of_tiff(path) == 1
