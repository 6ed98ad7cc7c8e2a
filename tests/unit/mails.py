"""Mails for the tests of reading, made by hand so that every byte is known."""

import base64

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
