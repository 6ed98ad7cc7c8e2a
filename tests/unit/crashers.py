"""Mails that crash, stall or blow up parsers, in any size (M2)."""

import base64
from collections.abc import Callable

Builder = Callable[[int], bytes]
_TOP = b"From: a@example.org\r\nTo: b\r\nMIME-Version: 1.0\r\n"


def _multipart(body: bytes, boundary: bytes = b"b") -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n'
    return _TOP + head + body + b"\r\n--" + boundary + b"--\r\n"


def _fill(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece) + 1)


def _nested(size: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (at, at)
        for at in range(size // 60)
    )
    return _TOP + b"".join(levels) + b"\r\nx"


def _prefixes(size: int) -> bytes:
    """Boundaries that begin one another, and lines that begin all of them."""
    names = [b"b" * length for length in range(1, 10)]
    heads = [b"--%s\r\nContent-Type: multipart/mixed; boundary=%sb\r\n\r\n" % (n, n) for n in names]
    return _multipart(b"".join(heads) + b"\r\n" + _fill(b"--bbbbbbbbbbbx\r\n--bb -\r\n", size))


def _plain(body: bytes, top: bytes = b"") -> bytes:
    return _TOP + top + b"\r\n" + body


CRASHERS: dict[str, Builder] = {
    "one endless field": lambda size: b"Subject: " + b"x" * size,
    "endless fields": lambda size: _fill(b"X-A: b\r\n", size),
    "endless lines that are no fields": lambda size: _fill(b"x\r\n", size),
    "endless continuation": lambda size: b"Subject: x\r\n" + _fill(b" y\r\n", size),
    "parts without end": lambda size: _multipart(_fill(b"\r\n--b\r\n\r\nx", size)),
    "large headers on every part": lambda size: _multipart(
        _fill(b"\r\n--b\r\n" + b"x: y\r\n" * 16_000 + b"\r\nx", size)
    ),
    "multiparts in multiparts": _nested,
    "mails in mails": lambda size: _TOP + _fill(b"Content-Type: message/rfc822\r\n\r\n", size),
    "boundaries that begin one another": _prefixes,
    "lines like boundaries": lambda size: _multipart(_fill(b"--b-\r\n", size)),
    "only dashes": lambda size: _multipart(_fill(b"--\r\n", size)),
    "a boundary with spaces behind": lambda size: _multipart(
        _fill(b"\r\n--b" + b" " * 800 + b"x", size)
    ),
    "no boundary and lines like one": lambda size: (
        _TOP + b"Content-Type: multipart/mixed\r\n\r\n" + _fill(b"--b\r\nContent\r\n", size)
    ),
    "one endless line": lambda size: _plain(b"x" * size),
    "one endless line in a multipart": lambda size: _multipart(b"\r\n--b\r\n\r\n" + b"-" * size),
    "only line ends": lambda size: _multipart(_fill(b"\r\n", size)),
    "only carriage returns": lambda size: _multipart(_fill(b"\r", size)),
    "encoded words": lambda size: _plain(b"x", b"Subject: " + _fill(b"=?utf-8?q?", size) + b"\r\n"),
    "encoded words in 8 KB": lambda size: _plain(
        b"x", b"Subject: " + _fill(b"=?utf-8?b?a?= ", min(size, 8000)) + b"\r\n"
    ),
    "words that never end": lambda size: _plain(
        b"x", b"Subject: " + _fill(b"=?a?b?", min(size, 8000)) + b"\r\n"
    ),
    "parameters": lambda size: _plain(
        b"x", b"Content-Type: text/plain" + _fill(b";", min(size, 8000)) + b"\r\n"
    ),
    "numbered parameters": lambda size: _plain(
        b"x", b"Content-Type: a/b" + _fill(b"; a*1*=x", min(size, 8000)) + b"\r\n"
    ),
    "quotation marks": lambda size: _plain(
        b"x", b"Content-Type: a/b; a=" + _fill(b'"', min(size, 8000)) + b"\r\n"
    ),
    "glued parameters": lambda size: _plain(
        b"x", b"Content-Type: a/b; " + _fill(b'a="" ', min(size, 8000)) + b"\r\n"
    ),
    "mailboxes": lambda size: _plain(b"x", b"To: " + _fill(b"<,", min(size, 8000)) + b"\r\n"),
    "beginnings of files": lambda size: _plain(_fill(b"begin 644 a\nx\n", size)),
    "files in the text": lambda size: _plain(_fill(b"begin 644 a\n`\nend\n", size)),
    "BinHex without end": lambda size: _plain(
        _fill(b"(This file must be converted with BinHex 4.0)\n:\n", size)
    ),
    "yEnc without end": lambda size: _plain(_fill(b"=ybegin size=1 name=a\n", size)),
    "base64 with strays": lambda size: _plain(
        _fill(b"QUJD*\r\n", size), b"Content-Transfer-Encoding: base64\r\n"
    ),
    "base64 that is all padding": lambda size: _plain(
        b"=" * size, b"Content-Transfer-Encoding: base64\r\n"
    ),
    "quoted-printable of marks": lambda size: _plain(
        _fill(b"=\r\n", size), b"Content-Transfer-Encoding: quoted-printable\r\n"
    ),
    "quoted-printable in one line": lambda size: _plain(
        _fill(b"=41", size), b"Content-Transfer-Encoding: quoted-printable\r\n"
    ),
    "punycode": lambda size: _plain(b"a" * size, b"Content-Type: text/plain; charset=punycode\r\n"),
    "a bomb in BinHex": lambda size: _plain(
        b"(This file must be converted with BinHex 4.0)\r\n:" + _fill(b"rN", size)
    ),
}
"""By name, each a function from a size in bytes to a mail of about that size."""

ODD_HEADERS = (
    b'From: "',
    b"From: a@[",
    b"Message-ID: <",
    b"Subject: =?utf-8?b??=",
    b"Subject: =?utf-8?b?\r\n?=",
    b"Subject: =?utf-8?q?=0d=0aX:_y?=",
    b"Subject: =?idna?q?a?=",
    b"Subject: =?" + base64.b64encode(b"x" * 60) + b"?b?AA?=",
    b"Content-Type: multipart/mixed; boundary*0*=utf-8''%ff; boundary*1=x",
    b"Content-Type: ;;;=;\x00",
    b"Content-Disposition: attachment; filename*=''",
    b"Content-Disposition: attachment; filename*=iso-2022-jp''%1B$B",
    b"Content-Disposition: attachment; filename*999999999999=x",
    b"Content-Transfer-Encoding: \xff\xfe",
    b": no name",
    b"\x00: y",
    b" only a continuation",
)
"""Fields on which parsers raise."""
