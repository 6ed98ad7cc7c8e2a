"""Mails for the tests of reading, made by hand so that every byte is known."""

import base64
import struct

PDF = b"%PDF-1.4\n" + bytes(range(32, 127)) * 20 + b"\n%%EOF\n"
TIFF = b"II*\0" + b"\x08\0\0\0" + b"\0" * 200
CRLF = b"\r\n"


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76."""
    return base64.encodebytes(data).replace(b"\n", CRLF)


def part(headers: str, body: bytes) -> bytes:
    """One part: header lines, an empty line, the body."""
    return headers.replace("\n", "\r\n").encode() + CRLF + CRLF + body


def multipart(boundary: str, *parts: bytes, last: bool = True) -> bytes:
    """Parts between boundaries."""
    line = b"--" + boundary.encode()
    body = b"".join(line + CRLF + one + CRLF for one in parts)
    return body + (line + b"--" + CRLF if last else b"")


def attached(data: bytes = PDF, name: str = "a.pdf", label: str = "application/pdf") -> bytes:
    """An attachment in base64."""
    return part(
        f'Content-Type: {label}; name="{name}"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: attachment; filename="{name}"',
        base64_lines(data),
    )


TEXT = part("Content-Type: text/plain; charset=utf-8", "Grüße,\r\nAnn".encode())
TOP = "From: Ann <ann@example.org>\nTo: x\nSubject: Hello\nMessage-ID: <1@example.org>\n"


def mail(*parts: bytes, top: str = TOP, kind: str = "mixed", last: bool = True) -> bytes:
    """A whole mail of these parts."""
    head = f'{top}MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b1"'
    return part(head, multipart("b1", *parts, last=last))


SCAN = mail(TEXT, attached())


def real_pdf(pages: int = 1) -> bytes:
    """A PDF that opens, with so many empty pages."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (pages, b" ".join(b"%d 0 R" % (3 + page) for page in range(pages))),
        *[b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"] * pages,
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    xref = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer\n<< /Root 1 0 R /Size %d >>\n" % (len(objects) + 1)
    return data + b"startxref\n%d\n%%%%EOF\n" % xref


def real_tiff(pages: int = 1) -> bytes:
    """A small black-and-white TIFF with so many pages, each of one strip."""
    data = b"II*\0" + struct.pack("<I", 8)
    for page in range(pages):
        start = len(data)
        size = 2 + 8 * 12 + 4
        strip = start + size
        entries = [
            (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 1), (259, 3, 1, 1),
            (262, 3, 1, 0), (273, 4, 1, strip), (278, 3, 1, 8), (279, 4, 1, 8),
        ]  # fmt: skip
        data += struct.pack("<H", len(entries))
        data += b"".join(struct.pack("<HHII", *entry) for entry in entries)
        following = strip + 8 if page < pages - 1 else 0
        data += struct.pack("<I", following) + b"\xaa" * 8
    return data


def split(
    data: bytes, count: int, total_in: str = "all", name: str = "x1@example.org"
) -> list[bytes]:
    """A mail as a ``message/partial`` of so many mails (RFC 2046 5.2.2), split at line ends.

    Args:
        total_in: ``all``, ``last`` or ``none`` of them tell the total.
    """
    whole = data.replace(CRLF + CRLF, CRLF + b"X-Inner: dropped" + CRLF + CRLF, 1)
    lines = whole.splitlines(keepends=True)
    mails = []
    for number in range(1, count + 1):
        begin, end = len(lines) * (number - 1) // count, len(lines) * number // count
        tells = total_in == "all" or (total_in == "last" and number == count)
        total = f"; total={count}" if tells else ""
        head = (
            f"From: Ann <ann@example.org>\nTo: x\nSubject: Hello ({number}/{count})\n"
            f"Message-ID: <p{number}@example.org>\nX-Outer: kept\nMIME-Version: 1.0\n"
            f'Content-Type: message/partial; id="{name}"; number={number}{total}'
        )
        mails.append(part(head, b"".join(lines[begin:end])))
    return mails
