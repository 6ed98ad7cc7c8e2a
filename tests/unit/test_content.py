"""M3: what a content is, by its bytes."""

import pytest

from mail2fax.reading import content

ZIP = b"PK\x03\x04\x14\0\0\0"


@pytest.mark.parametrize(
    ("head", "name", "found"),
    [
        (b"junk\n%PDF-1.7", "", content.PDF),
        (b"\x78\x9f\x3e\x22..%PDF-1.7", "", content.TNEF),
        (b"II*\0", "", content.TIFF),
        (b"MM\0+", "", content.TIFF),
        (b"\x89PNG\r\n\x1a\n", "", content.PNG),
        (b"\xff\xd8\xff\xe0", "", content.JPEG),
        (ZIP + b"....word/document.xml", "", "wordprocessingml"),
        (ZIP + b"....xl/workbook.xml", "", "spreadsheetml"),
        (ZIP + b"hello", "", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.DOC", "application/msword"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a", "application/x-ole-storage"),
        (b"RIFF....WEBP", "", "image/webp"),
        (b"....ftypheic", "", "image/heic"),
        (b"....ftypmp42", "", None),
        (b"<!-- x --> <HTML>", "", content.HTML),
        (b"{\\rtf1", "", "application/rtf"),
        (b"hello", "", None),
    ],
)
def test_signatures(head: bytes, name: str, found: str | None) -> None:
    """M3: never the label."""
    assert (found or "") in (content.sniff(head, name) or "")
    assert (content.sniff(head, name) is None) == (found is None)


@pytest.mark.parametrize(
    ("kind", "tail", "whole"),
    [
        (content.PDF, b"startxref\n1\n%%EOF\n", True),
        (content.PDF, b"stream", False),
        (content.PNG, b"\0\0\0\0IEND\xaeB`\x82", True),
        (content.JPEG, b"\xff\xd9", True),
        (content.JPEG, b"\xff", False),
        (content.TIFF, b"", None),
        ("text/plain", b"the end", False),
    ],
)
def test_the_end_of_a_format(kind: str, tail: bytes, whole: bool | None) -> None:
    """M8: what nothing closed must be whole by its own format; text can never prove it."""
    assert content.is_complete(kind, tail) is whole


def test_extensions_and_text() -> None:
    """M3: a name's extension, and bytes that can be text."""
    assert content.extension("A.PDF") == ".pdf"
    assert content.extension(".profile") == content.extension("no") == ""
    assert content.extension("v1.2 of the letter") == ""
    assert content.looks_like_text("Grüße\r\n\x1b".encode())
    assert not content.looks_like_text(b"a\0b")
    assert not content.looks_like_text(b" ")
