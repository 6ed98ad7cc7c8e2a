"""What benchmarks send: a scanned page of any size, and one SMTP session that hands it over."""

import asyncio
import base64
import os
import time

from benchmarks.servers import RECIPIENT

_PIECE = 1 << 16


def a_mail(size: int) -> bytes:
    """A mail of about so many bytes with one PDF; lines end with LF."""
    head = (
        b"From: ann@example.org\nTo: fax\nSubject: scan\nMIME-Version: 1.0\n"
        b'Content-Type: application/pdf; name="scan.pdf"\n'
        b"Content-Transfer-Encoding: base64\n\n"
    )
    content = max(64, (size - len(head)) * 57 // 78 - len(a_pdf(0)))
    return head + base64.encodebytes(a_pdf(content))


def on_the_wire(mail: bytes) -> bytes:
    """The same mail as SMTP carries it, before its dot."""
    return mail.replace(b"\n", b"\r\n")


def a_pdf(padding: int) -> bytes:
    """A PDF of one page that holds so many bytes of noise, as a scanned page is."""
    noise = b"<</Length %d>>stream\n%b\nendstream" % (padding, os.urandom(padding))
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        noise,
    )
    pdf, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(pdf)
    pdf += b"xref\n0 5\n0000000000 65535 f \n"
    pdf += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    pdf += b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(pdf)


class Client:
    """One SMTP session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def at(cls, port: int) -> "Client":
        """A session that was greeted."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client._hear(b"220")
        await client._say(b"HELO bench.example.org", b"250")
        return client

    async def begin(self) -> None:
        """A transaction up to the answer to DATA."""
        await self._say(b"MAIL FROM:<ann@example.org>", b"250")
        await self._say(f"RCPT TO:<{RECIPIENT}>".encode(), b"250")
        await self._say(b"DATA", b"354")

    async def send(self, wire: bytes) -> float:
        """Send a mail; seconds from its dot to its 250."""
        await self.begin()
        for at in range(0, len(wire), _PIECE):
            self._writer.write(wire[at : at + _PIECE])
            await self._writer.drain()
        self._writer.write(b".\r\n")
        dot = time.perf_counter()
        await self._hear(b"250")
        return time.perf_counter() - dot

    async def leave(self) -> None:
        """End the session."""
        await self._say(b"QUIT", b"221")
        self._writer.close()

    async def _say(self, command: bytes, code: bytes) -> None:
        self._writer.write(command + b"\r\n")
        await self._hear(code)

    async def _hear(self, code: bytes) -> None:
        line = await self._reader.readline()
        if not line.startswith(code):
            raise RuntimeError(f"expected {code.decode()}, got {line.decode(errors='replace')}")
