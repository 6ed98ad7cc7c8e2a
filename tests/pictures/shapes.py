"""Mails with pictures, put together as mail programs put them together.

Each shape takes pictures and the bytes of further attachments and gives a whole mail. Where a
program can be driven it is (`programs`); these are built by hand after captured mails, headers
as those programs write them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from tests.unit.mails import attached, base64_lines, multipart, part


@dataclass(frozen=True, slots=True)
class Sent:
    """One picture of a mail: its bytes and what kind they are."""

    data: bytes
    kind: str  # the subtype of image/

    @property
    def ending(self) -> str:
        """The extension programs give it."""
        return {"jpeg": "jpg"}.get(self.kind, self.kind)


Shape = Callable[[Sequence[Sent], Sequence[bytes]], bytes]
_WORDS = "Please see the pages."


def _top(program: str, content: bytes, fields: str) -> bytes:
    head = (
        f"From: Ann <ann@example.org>\nTo: 0225550123@fax.example.com\nSubject: Papers\n"
        f"Message-ID: <1@example.org>\n{program}MIME-Version: 1.0\n{fields}"
    )
    return part(head, content)


def _plain(text: str = _WORDS) -> bytes:
    return part("Content-Type: text/plain; charset=utf-8", text.encode())


def _html(text: str, *, quoted: bool = False) -> bytes:
    if quoted:
        body = text.replace("=", "=3D").replace("<img", "=\n<img").replace("\n", "\r\n")
        fields = "Content-Transfer-Encoding: quoted-printable"
        return part(f'Content-Type: text/html; charset="utf-8"\n{fields}', body.encode())
    return part('Content-Type: text/html; charset="utf-8"', text.encode())


def _multi(kind: str, boundary: str, *parts: bytes, more: str = "") -> bytes:
    field = f'Content-Type: multipart/{kind}; boundary="{boundary}"{more}'
    return part(field, multipart(boundary, *parts))


def _whole(program: str, kind: str, boundary: str, parts: Sequence[bytes], more: str = "") -> bytes:
    field = f'Content-Type: multipart/{kind}; boundary="{boundary}"{more}'
    return _top(program, multipart(boundary, *parts), field)


def _picture(sent: Sent, name: str, fields: str = "") -> bytes:
    head = f'Content-Type: image/{sent.kind}; name="{name}"\nContent-Transfer-Encoding: base64'
    return part(f"{head}{fields}", base64_lines(sent.data))


def outlook(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Outlook for Windows: image001.png, cid with a date, a page of styles before the text."""
    names = [f"image{n:03}.{one.ending}" for n, one in enumerate(pictures, start=1)]
    ids = [f"{name}@01DB4A11.7E5C3F20" for name in names]
    shown = "".join(f'<p class="MsoNormal"><img width="200" id="P" src="cid:{i}"></p>' for i in ids)
    styles = "<style>" + "p.MsoNormal {margin:0cm; font-size:11.0pt}\n" * 200 + "</style>"
    html = _html(f"<html><head>{styles}</head><body>{_WORDS}{shown}</body></html>", quoted=True)
    related = _multi(
        "related", "----=_NextPart_001",
        _multi("alternative", "----=_NextPart_002", _plain(), html),
        *[_picture(one, name, f'\nContent-Description: {name}\nContent-Disposition: inline; '
                   f'filename="{name}"; size={len(one.data)}\nContent-ID: <{i}>')
          for one, name, i in zip(pictures, names, ids, strict=True)],
        more=';\n\ttype="multipart/alternative"',
    )  # fmt: skip
    program = "X-Mailer: Microsoft Outlook 16.0\nThread-Index: AdtKEQ\n"
    return _whole(program, "mixed", "----=_NextPart_000", [related, *map(attached, files)])


def outlook_web(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Outlook on the web: names with Outlook- before them, ids that are UUIDs."""
    names = [f"Outlook-{chr(97 + n) * 8}.{one.ending}" for n, one in enumerate(pictures)]
    ids = [f"{n}f2b6f0e-0d5c-4f7e-9d5c-1c2d3e4f5a6b" for n in range(len(pictures))]
    shown = "".join(f'<img data-outlook-trace="F:1" src="cid:{i}">' for i in ids)
    related = _multi(
        "related", "_005_", _multi("alternative", "_000_", _plain(), _html(_WORDS + shown)),
        *[_picture(one, name, f'\nContent-Disposition: inline; filename="{name}"\n'
                   f"Content-ID: <{i}>")
          for one, name, i in zip(pictures, names, ids, strict=True)],
    )  # fmt: skip
    return _whole("", "mixed", "_006_", [related, *map(attached, files)])


def outlook_pasted(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """New Outlook: what is pasted is called image.png, each of them."""
    ids = [f"{n}a1b2c3d-aaaa-bbbb-cccc-000000000000" for n in range(len(pictures))]
    shown = "".join(f'<div><img src="cid:{i}" style="max-width:100%"></div>' for i in ids)
    related = _multi(
        "related", "_004_", _multi("alternative", "_000_", _plain(), _html(_WORDS + shown)),
        *[_picture(one, f"image.{one.ending}",
                   f'\nContent-Disposition: inline; filename="image.{one.ending}"\n'
                   f"Content-ID: <{i}>") for one, i in zip(pictures, ids, strict=True)],
    )  # fmt: skip
    return _whole("", "mixed", "_007_", [related, *map(attached, files)])


def ios(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """IOS Mail without HTML: pictures inline between the texts, without ids."""
    parts = [_plain()]
    for n, one in enumerate(pictures):
        name = f"IMG_{n + 42:04}.{one.ending}"
        where = f"\nContent-Disposition: inline;\n\tfilename={name};\n\tx-apple-part-url=AB-{n}"
        parts.append(_picture(one, name, where))
    parts += [*map(attached, files), _plain("\r\nSent from my iPhone")]
    program = "X-Mailer: iPhone Mail (22B91)\n"
    return _whole(program, "mixed", "Apple-Mail-1", parts)


def ios_html(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """IOS Mail with formatted text: image0.jpeg, shown by cid in a related inside alternative."""
    ids = [f"ii_{n}_18c@apple" for n in range(len(pictures))]
    shown = "".join(f'<br><img src="cid:{i}" alt="image{n}">' for n, i in enumerate(ids))
    related = _multi(
        "related", "Apple-Mail-2", _html(f"<html><body>{_WORDS}{shown}</body></html>"),
        *[_picture(one, f"image{n}.{one.kind}",
                   f"\nContent-Disposition: inline;\n\tfilename=image{n}.{one.kind}\n"
                   f"Content-Id: <{i}>")
          for n, (one, i) in enumerate(zip(pictures, ids, strict=True))],
    )  # fmt: skip
    body = _multi("alternative", "Apple-Mail-3", _plain(), related)
    program = "X-Mailer: iPhone Mail (22B91)\n"
    return _whole(program, "mixed", "Apple-Mail-4", [body, *map(attached, files)])


def gmail(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Gmail: pasted pictures are image.png with ii_ ids; attachments have ids too."""
    ids = [f"ii_m3x{n}" for n in range(len(pictures))]
    shown = "".join(f'<div><img src="cid:{i}" alt="image.png" width="542"></div>' for i in ids)
    related = _multi(
        "related", "000000000000a1",
        _multi("alternative", "000000000000a0", _plain(),
               _html(f'<div dir="ltr">{_WORDS}{shown}</div>')),
        *[_picture(one, f"image.{one.ending}",
                   f'\nContent-Disposition: inline; filename="image.{one.ending}"\n'
                   f"X-Attachment-Id: {i}\nContent-ID: <{i}>")
          for one, i in zip(pictures, ids, strict=True)],
    )  # fmt: skip
    return _whole("", "mixed", "000000000000a2", [related, *map(attached, files)])


def gmail_attached(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Gmail with pictures attached: Content-ID although no text shows them."""
    body = _multi("alternative", "000000000000b0", _plain(), _html(f"<div>{_WORDS}</div>"))
    parts = [_picture(one, f"photo {n}.{one.ending}",
                      f'\nContent-Disposition: attachment; filename="photo {n}.{one.ending}"\n'
                      f"Content-ID: <f_m3x{n}>\nX-Attachment-Id: f_m3x{n}")
             for n, one in enumerate(pictures)]  # fmt: skip
    return _whole("", "mixed", "000000000000b1", [body, *parts, *map(attached, files)])


def thunderbird(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Thunderbird: part1.AbC ids in a related inside the alternative, names as on the disk."""
    ids = [f"part{n}.F7aK2.Zx9@example.org" for n in range(1, len(pictures) + 1)]
    shown = "".join(f'<p><img moz-do-not-send="false" src="cid:{i}" alt=""></p>' for i in ids)
    related = _multi(
        "related", "------------r", _html(f"<html><body><p>{_WORDS}</p>{shown}</body></html>"),
        *[_picture(one, f"bild{n}.{one.ending}",
                   f'\nContent-Disposition: inline; filename="bild{n}.{one.ending}"\n'
                   f"Content-Id: <{i}>")
          for n, (one, i) in enumerate(zip(pictures, ids, strict=True))],
    )  # fmt: skip
    body = _multi("alternative", "------------a", _plain(), related)
    program = "User-Agent: Mozilla Thunderbird\n"
    return _whole(program, "mixed", "------------m", [body, *map(attached, files)])


def apple_mail(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Mail on a Mac: files between pieces of HTML, inline, with ids that no text shows."""
    pieces = [_html(f"<html><body>{_WORDS}</body></html>")]
    for n, one in enumerate(pictures):
        name = f"Bild {n + 1}.{one.ending}"
        where = f'\nContent-Disposition: inline;\n\tfilename="{name}"\nContent-Id: <A{n}-B@home>'
        pieces += [_picture(one, name, where), _html("<html><body><br></body></html>")]
    mixed = _multi("mixed", "Apple-Mail=_2", *pieces, *map(attached, files))
    program = "X-Mailer: Apple Mail (2.3826.300.87)\n"
    return _whole(program, "alternative", "Apple-Mail=_1", [_plain(), mixed])


def copier(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """A copier that scans to JPEG: numbered names, attached."""
    parts = [_picture(one, f"SCN_{n:04}.{one.ending.upper()}", "\nContent-Disposition: attachment")
             for n, one in enumerate(pictures)]  # fmt: skip
    text = _plain('This E-mail was sent from "RNP0026".')
    return _whole("", "mixed", "DC_BOUND_PRE_1", [text, *parts, *map(attached, files)])


def android(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Android: attached as octet-stream, under the camera's name."""
    parts = [part(f'Content-Type: application/octet-stream; name="20250101_1200{n:02}.{one.ending}"'
                  "\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment",
                  base64_lines(one.data)) for n, one in enumerate(pictures)]  # fmt: skip
    return _whole("", "mixed", "--_com.samsung", [_html(_WORDS), *parts, *map(attached, files)])


def notes(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """HCL Notes: unnamed pictures, shown by cid."""
    ids = [f"_{n}_0B4A0B4A0" for n in range(len(pictures))]
    shown = "".join(f"<img src=cid:{i}>" for i in ids)
    pieces = [part(f"Content-Type: image/{one.kind}\nContent-ID: <{i}>\n"
                   "Content-Transfer-Encoding: base64", base64_lines(one.data))
              for one, i in zip(pictures, ids, strict=True)]  # fmt: skip
    body = _multi("alternative", "=_alternative", _plain(), _html(_WORDS + shown))
    related = _multi("related", "=_related", body, *pieces)
    return _whole("", "mixed", "=_mixed", [related, *map(attached, files)])


def web_archive(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """A page sent as MHTML: pictures shown by their location."""
    base = "https://example.org/letter"
    names = [f"{base}/{n}.{one.ending}" for n, one in enumerate(pictures)]
    shown = "".join(f'<img border="0" src="{name}">' for name in names)
    pieces = [_picture(one, "", f"\nContent-Location: {name}")
              for one, name in zip(pictures, names, strict=True)]  # fmt: skip
    related = _multi("related", "=_page", _html(_WORDS + shown), *pieces)
    return _whole("", "mixed", "=_mixed", [related, *map(attached, files)])


def related_unshown(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Programs that put every file into a related, with ids that no text shows."""
    pieces = [_picture(one, f"page{n}.{one.ending}", f"\nContent-ID: <x{n}@shop>")
              for n, one in enumerate(pictures)]  # fmt: skip
    parts = [_html(f'<p>{_WORDS}</p><a href="cid:x0@shop">page</a>'), *pieces]
    return _whole("", "related", "=_shop", [*parts, *map(attached, files)])


def stationery(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """A letterhead as the background of the text."""
    shown = "".join(f"<td background='cid:bg{n}%40x'>" for n in range(len(pictures)))
    styled = "".join(f"<p style=\"background:url('cid:bg{n}@x')\">" for n in range(len(pictures)))
    pieces = [_picture(one, f"paper{n}.{one.ending}", f"\nContent-ID: <bg{n}@x>")
              for n, one in enumerate(pictures)]  # fmt: skip
    related = _multi("related", "=_r", _html(f"<table>{shown}</table>{styled}{_WORDS}"), *pieces)
    return _whole("", "mixed", "=_m", [related, *map(attached, files)])


def named_logo(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Exchange's signature tools and many others: the logo attached under its name."""
    parts = [_picture(one, f"logo_firma{n}.{one.ending}",
                      f'\nContent-Disposition: attachment; filename="logo_firma{n}.{one.ending}"')
             for n, one in enumerate(pictures)]  # fmt: skip
    return _whole("", "mixed", "=_m", [_plain(), *parts, *map(attached, files)])


def python_related(pictures: Sequence[Sent], files: Sequence[bytes]) -> bytes:
    """Python's own email package, as programs and web frameworks use it."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "a@example.org", "x@y.example", "Papers"
    message.set_content(_WORDS)
    shown = "".join(f'<img src="cid:logo{n}@app">' for n in range(len(pictures)))
    message.add_alternative(f"<p>{_WORDS}</p>{shown}", subtype="html")
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    for n, one in enumerate(pictures):
        html.add_related(one.data, "image", one.kind, cid=f"<logo{n}@app>")
    for data in files:
        message.add_attachment(data, maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes()


SHAPES: dict[str, Shape] = {
    made.__name__: made
    for made in (
        outlook, outlook_web, outlook_pasted, ios, ios_html, gmail, gmail_attached, thunderbird,
        apple_mail, copier, android, notes, web_archive, related_unshown, stationery, named_logo,
        python_related,
    )
}  # fmt: skip
