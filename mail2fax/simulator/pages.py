"""The pages a fax machine prints: real ones, drawn from the documents that were faxed.

PDF is drawn by PDFium, pictures by Pillow, to black and white of 1728 dots a line (ITU-T T.4).
What cannot be drawn here, such as an office document, is one page that says so.
"""

import ctypes
import io
import textwrap
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mail2fax.simulator import orders
from mail2fax.simulator.provider import Item, Provider, Received

WIDTH = 1728
_HEIGHT = 2444
_MOST_PAGES = 200
_THUMBNAIL = (240, 340)
_MARGIN = 120
_SIZE, _LETTERS = 40, 70
_PDFIUM = threading.Lock()  # it knows no threads


def count(content: bytes, content_type: str) -> int:
    """Pages of a document; 1 where they cannot be counted."""
    from PIL import Image  # noqa: PLC0415 - only where something is drawn

    try:
        if content_type == "application/pdf":
            return _pdf_pages(content)
        if content_type == "image/tiff":
            with Image.open(io.BytesIO(content)) as image:
                return int(getattr(image, "n_frames", 1))
    except (OSError, ValueError, SyntaxError):
        pass  # it is drawn as a page that says so
    return 1


def _pdf_pages(content: bytes) -> int:
    import pypdfium2  # noqa: PLC0415

    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            raise ValueError("no PDF") from error
        try:
            return len(document)
        finally:
            document.close()


def of_fax(provider: Provider, fax: Item | Received) -> list[Any]:
    """The pages of a fax as pictures (PIL, mode 1), as many as the far machine has."""
    files = fax.files if isinstance(fax, Received) else fax.order.get("files") or []
    found = [] if isinstance(fax, Received) else _cover(fax)
    for path in files:
        upload = provider.uploads[path]
        content = provider.contents.get(upload.sha256, b"")
        found += _drawn(content, upload.content_type, upload.filename)
    if isinstance(fax, Item):
        earlier = provider.find(str((fax.order.get("from_fax") or {}).get(orders.FROM_FAX_ID, "")))
        found += of_fax(provider, earlier) if earlier else []
    return found[: provider.pages(fax)]


@lru_cache(maxsize=64)
def _drawn(content: bytes, content_type: str, filename: str) -> tuple[Any, ...]:
    """The pages of one document."""
    try:
        if content_type == "application/pdf":
            return tuple(_of_pdf(content))
        if content_type.startswith("image/"):
            return tuple(_of_picture(content))
        if content_type == "text/plain":
            return (_page_of(content.decode(errors="replace").splitlines()),)
    except (OSError, ValueError, SyntaxError):
        pass
    return (_page_of([filename, content_type, f"({len(content)} bytes)", "is not shown here."]),)


def _of_pdf(content: bytes) -> Iterator[Any]:
    import pypdfium2  # noqa: PLC0415

    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            raise ValueError("no PDF") from error
        try:
            for number in range(min(len(document), _MOST_PAGES)):
                page = document[number]
                picture = page.render(scale=WIDTH / page.get_width(), grayscale=True).to_pil()
                yield picture.convert("1")
        finally:
            document.close()


def _of_picture(content: bytes) -> Iterator[Any]:
    from PIL import Image, ImageSequence  # noqa: PLC0415

    with Image.open(io.BytesIO(content)) as image:
        for frame in ImageSequence.Iterator(image):
            picture = frame.convert("L")
            if picture.width != WIDTH:
                height = max(1, round(picture.height * WIDTH / picture.width))
                picture = picture.resize((WIDTH, height))
            yield picture.convert("1")


def _cover(fax: Item) -> list[Any]:
    cover = fax.order.get("cover_page")
    if not cover:
        return []
    flags = ", ".join(cover.get("flags") or [])
    lines = ["FAX", "", f"To: {cover['name_to']}", f"From: {cover['name_from']}"]
    lines += [f"Subject: {cover['subject']}", flags, ""]
    return [_page_of(lines + str(cover.get("message", "")).splitlines())]


def _page_of(lines: list[str]) -> Any:
    """A page with these lines on it."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    page = Image.new("L", (WIDTH, _HEIGHT), 255)
    font = ImageFont.load_default(_SIZE)
    text = "\n".join(textwrap.fill(line, _LETTERS) for line in lines)
    ImageDraw.Draw(page).multiline_text((_MARGIN, _MARGIN), text, 0, font, spacing=16)
    return page.convert("1")


def as_file(provider: Provider, fax: Item | Received, file_format: str) -> bytes:
    """The pages of a fax as one PDF or TIFF."""
    first, *more = of_fax(provider, fax)
    out = io.BytesIO()
    if file_format == "tiff":
        first.save(out, "TIFF", save_all=True, append_images=more, compression="group4")
    else:
        first.save(out, "PDF", save_all=True, append_images=more, resolution=204.0)
    return out.getvalue()


def picture(provider: Provider, fax: Item | Received, number: int) -> bytes | None:
    """One page as PNG, counted from 1; None if there is no such page."""
    pages = of_fax(provider, fax)
    if not 1 <= number <= len(pages):
        return None
    return _png(pages[number - 1])


def thumbnail(provider: Provider, fax: Item | Received) -> bytes:
    """The first page as a small PNG."""
    small = of_fax(provider, fax)[0].convert("L")
    small.thumbnail(_THUMBNAIL)
    return _png(small)


def _png(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def report(fax: dict[str, Any]) -> bytes:
    """The confirmation report of a record: one page of PDF with text in it."""
    import pypdfium2  # noqa: PLC0415
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    names = ("status", "to", "from", "pages", "duration", "submit_time", "start_time", "id")
    known = fax | {"from": fax.get("from") or fax.get("from_number")}
    lines = ["Transmission report", *(f"{name}: {known[name]}" for name in names)]
    with _PDFIUM:
        document = pypdfium2.PdfDocument.new()
        page = document.new_page(595, 842)
        for number, line in enumerate(lines):
            text = pdfium.FPDFPageObj_NewTextObj(document, b"Helvetica", 14)
            wide = f"{line}\0".encode("utf-16-le")
            pdfium.FPDFText_SetText(
                text, (ctypes.c_ushort * (len(wide) // 2)).from_buffer_copy(wide)
            )
            pdfium.FPDFPageObj_Transform(text, 1, 0, 0, 1, 72, 760 - 24 * number)
            pdfium.FPDFPage_InsertObject(page, text)
        page.gen_content()
        out = io.BytesIO()
        document.save(out)
        document.close()
    return out.getvalue()
