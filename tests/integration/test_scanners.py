"""M3-M5, M7, M8: mails as scanners, copiers and old gateways write them, each with its fate.

Rebuilt from descriptions of what such programs put on the wire; the documents are ours.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mail2fax.preparing.documents import DocumentLimits, prepare_mail
from mail2fax.reading.gate import Gate
from tests.unit.mails import base64_lines, multipart, part, real_pdf, real_tiff

PDF, TIFF = real_pdf(2), real_tiff(2)


@dataclass(frozen=True, slots=True)
class Shape:
    """A mail and what must become of it.

    Attributes:
        top: its header lines.
        body: behind them.
        documents: section, name, content and pages of each that is faxed.
        comment: what is left of its text.
    """

    top: str
    body: bytes
    documents: tuple[tuple[str, str, bytes, int], ...]
    comment: str = ""

    @property
    def data(self) -> bytes:
        """The mail's bytes."""
        return part(self.top, self.body)


def _in_base64(headers: str, data: bytes) -> bytes:
    return part(f"{headers}\nContent-Transfer-Encoding: base64", base64_lines(data))


def _text(words: str) -> bytes:
    return part("Content-Type: text/plain; charset=us-ascii", words.encode())


SHAPES = {
    "Canon: encoding on the multipart, a PDF that is called text, two names": Shape(
        "From: mfp@example.org\nX-Mailer: Canon MFP\nSubject: Attached Image\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="CANON_b0"\n'
        "Content-Transfer-Encoding: quoted-printable",
        multipart(
            "CANON_b0",
            _in_base64(
                'Content-Type: text/plain; name="0001_001.pdf"\n'
                'Content-Disposition: attachment; filename="scan0001.pdf"',
                PDF,
            ),
        ),
        (("1", "scan0001.pdf", PDF, 2),),
    ),
    "Cisco T.37: fax-message, an equals sign in the boundary, a doubled Content-Type": Shape(
        'From: "0225550123" <FAX=0225550123@example.org>\nSubject: Fax (2 pages)\n'
        "MIME-Version: 1.0\nContent-Type: multipart/fax-message;\n"
        ' boundary="yradnuoB=_0031.router3.example.org"\n'
        "Content-Type: multipart/fax-message",
        multipart(
            "yradnuoB=_0031.router3.example.org",
            _in_base64(
                "Content-ID: <0033@router3.example.org>\n"
                'Content-Type: image/tiff; name="Cisco_fax.tif"; application=faxbw',
                TIFF,
            ),
        ),
        (("1", "Cisco_fax.tif", TIFF, 2),),
    ),
    "I-Fax in simple mode: one TIFF beside a word of text": Shape(
        "From: ifax@example.org\nSubject: From <CSI> (Fax Message No. 0123)\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=ricoh",
        multipart(
            "ricoh",
            part("Content-Type: text/plain", b""),
            _in_base64("Content-Type: image/tiff", TIFF),
        ),
        (("2", "document-1.tif", TIFF, 2),),
    ),
    "an I-Fax that is one TIFF": Shape(
        "From: ifax@example.org\nMIME-Version: 1.0\nContent-Type: image/tiff; application=faxbw\n"
        "Content-Transfer-Encoding: base64",
        base64_lines(TIFF),
        (("1", "document-1.tif", TIFF, 2),),
    ),
    ".NET: a boundary with dashes of its own, unquoted, and no disposition": Shape(
        "From: erp@example.org\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=--boundary_160_3f0a5b1c-9c1e",
        multipart(
            "--boundary_160_3f0a5b1c-9c1e",
            part(
                "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: "
                "quoted-printable",
                b"Invoice attached",
            ),
            _in_base64("Content-Type: application/octet-stream; name=invoice 17.pdf", PDF),
        ),
        (("2", "invoice 17.pdf", PDF, 2),),
        "Invoice attached",
    ),
    "a shop: a PDF shown inline": Shape(
        "From: shop@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=s",
        multipart(
            "s",
            _text("Your invoice"),
            _in_base64(
                "Content-Type: application/pdf\nContent-Disposition: inline; filename=i.pdf", PDF
            ),
        ),
        (("2", "i.pdf", PDF, 2),),
        "Your invoice",
    ),
    "Outlook: a PDF as octet-stream": Shape(
        "From: a@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="_004_AM0PR04_"',
        multipart(
            "_004_AM0PR04_",
            _text("see attached"),
            _in_base64(
                'Content-Type: application/octet-stream; name="SCAN.PDF"\n'
                "Content-Description: SCAN.PDF\n"
                'Content-Disposition: attachment; filename="SCAN.PDF"; size=900;\n'
                '\tcreation-date="Mon, 09 Jan 2023 15:10:21 GMT"',
                PDF,
            ),
        ),
        (("2", "SCAN.PDF", PDF, 2),),
        "see attached",
    ),
    "a device that writes the time with colons into its boundary": Shape(
        "From: dev@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="Mon_Jan_9_15:10:21_2023_L1_14"',
        multipart(
            "Mon_Jan_9_15:10:21_2023_L1_14",
            _in_base64("Content-Type: application/pdf; name=scan.pdf", PDF),
        ),
        (("1", "scan.pdf", PDF, 2),),
    ),
    "mpack: a dash for a boundary": Shape(
        'From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="-"',
        b"This is a MIME encoded message. Decode it with munpack.\r\n\r\n"
        + multipart("-", _in_base64('Content-Type: application/pdf; name="scan.pdf"', PDF)),
        (("1", "scan.pdf", PDF, 2),),
    ),
    "Toshiba: a cover text, and parameters glued together": Shape(
        "From: e-studio@example.org\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed;boundary=TOSHIBA",
        multipart(
            "TOSHIBA",
            _text("Scanned from Toshiba2555CSE\r\nDate:01/02/2026 10:11\r\nResolution:300x300 DPI"),
            _in_base64(
                'Content-Type: application/pdf;name="DOC010226.pdf"\n'
                'Content-Disposition: attachment;filename="DOC010226.pdf"',
                PDF,
            ),
        ),
        (("2", "DOC010226.pdf", PDF, 2),),
    ),
    "Sharp: device lines for a text": Shape(
        "From: sharp@example.org\nSubject: Scanned image from MX\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=SHARP",
        multipart(
            "SHARP",
            _text(
                "Reply to: s@example.org\r\nDevice Name: Not Set\r\nDevice Model: BP-60C45\r\n"
                "Location: Not Set\r\n\r\nFile Format: PDF (High)\r\n"
                "Resolution: 200dpi x 200dpi\r\n\r\nAttached file is scanned image in PDF format."
            ),
            _in_base64("Content-Type: application/pdf; name=sharp.pdf", PDF),
        ),
        (("2", "sharp.pdf", PDF, 2),),
    ),
    "a copier without Message-ID, Date, Subject or name": Shape(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x",
        multipart("x", _in_base64("Content-Type: application/octet-stream", TIFF)),
        (("1", "document-1.tif", TIFF, 2),),
    ),
    "Konica Minolta: its model for a subject, a date for a name": Shape(
        "From: km@example.org\nSubject: Message from KM_C258\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="KONICA_MINOLTA_1"',
        multipart(
            "KONICA_MINOLTA_1",
            _in_base64(
                'Content-Type: application/pdf; name="SKM_C25826112410110.pdf"\n'
                'Content-Disposition: attachment; filename="SKM_C25826112410110.pdf"',
                PDF,
            ),
        ),
        (("1", "SKM_C25826112410110.pdf", PDF, 2),),
    ),
    "Oki I-Fax: no subject, no text": Shape(
        "From: oki@example.org\nSubject:\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=OKI",
        multipart("OKI", _in_base64("Content-Type: image/tiff; application=faxbw", TIFF)),
        (("1", "document-1.tif", TIFF, 2),),
    ),
    "Panasonic I-Fax in full mode: it wants to be told": Shape(
        "From: panafax@example.org\nSubject: IMAGE from Internet FAX\n"
        "Disposition-Notification-To: panafax@example.org\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=PANA",
        multipart(
            "PANA",
            _text("This E-mail was sent from a Panasonic Internet FAX"),
            _in_base64(
                'Content-Type: image/tiff; name="image.tif"\n'
                'Content-Disposition: attachment; filename="image.tif"',
                TIFF,
            ),
        ),
        (("2", "image.tif", TIFF, 2),),
        "This E-mail was sent from a Panasonic Internet FAX",
    ),
    "swaks, sendEmail: raw UTF-8 in header, name and text, undeclared": Shape(
        "From: a@example.org\nSubject: Übersicht 報告\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=----=_MIME_BOUNDARY_000_1",
        multipart(
            "----=_MIME_BOUNDARY_000_1",
            part("Content-Type: text/plain", "Grüße\r\n.Ann".encode()),
            _in_base64(
                'Content-Type: application/pdf; name="Übersicht März 報告書.pdf"\n'
                "Content-Description: Übersicht März 報告書.pdf\n"
                'Content-Disposition: attachment; filename="Übersicht März 報告書.pdf"',
                PDF,
            ),
        ),
        (("2", "Übersicht März 報告書.pdf", PDF, 2),),
        "Grüße\n.Ann",
    ),
    "mailutils: one type for all that is attached": Shape(
        "From: a@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="1804289383-1@host"',
        multipart(
            "1804289383-1@host",
            _in_base64(
                'Content-Type: application/pdf; name="a.pdf"\n'
                'Content-Disposition: attachment; filename="a.pdf"',
                PDF,
            ),
            _in_base64(
                'Content-Type: application/pdf; name="scan 0001.tif"\n'
                'Content-Disposition: attachment; filename="scan 0001.tif"',
                TIFF,
            ),
        ),
        (("1", "a.pdf", PDF, 2), ("2", "scan 0001.tif", TIFF, 2)),
    ),
    "MIME::Lite: a TIFF shown inline": Shape(
        "From: a@example.org\nMIME-Version: 1.0\n"
        'Content-Transfer-Encoding: binary\nContent-Type: multipart/mixed; boundary="_-1"',
        multipart(
            "_-1",
            _in_base64(
                'Content-Disposition: inline; filename="scan.tif"\n'
                'Content-Type: image/tiff; name="scan.tif"',
                TIFF,
            ),
        ),
        (("1", "scan.tif", TIFF, 2),),
    ),
    "Claws, PHPMailer: a name in RFC 2047 where RFC 2231 is meant": Shape(
        "From: a@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="MP_/b1=_x"',
        multipart(
            "MP_/b1=_x",
            _in_base64(
                'Content-Type: application/pdf; name="=?UTF-8?Q?=C3=9Cbersicht.pdf?="\n'
                'Content-Disposition: attachment; filename="=?UTF-8?Q?=C3=9Cbersicht.pdf?="',
                PDF,
            ),
        ),
        (("1", "Übersicht.pdf", PDF, 2),),
    ),
    "Thunderbird: the name in RFC 2047 and in RFC 2231": Shape(
        "From: a@example.org\nUser-Agent: Mozilla Thunderbird\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="------------b1x"',
        multipart(
            "------------b1x",
            part(
                "Content-Type: text/plain; charset=UTF-8; format=flowed\n"
                "Content-Transfer-Encoding: 8bit",
                "Grüße".encode(),
            ),
            _in_base64(
                'Content-Type: application/pdf; name="=?UTF-8?B?w5xiZXJzaWNodC5wZGY=?="\n'
                "Content-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht.pdf",
                PDF,
            ),
        ),
        (("2", "Übersicht.pdf", PDF, 2),),
        "Grüße",
    ),
    "a Mac: two forks, of which one is the document": Shape(
        "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m",
        multipart(
            "m",
            part(
                "Content-Type: multipart/appledouble; boundary=d",
                multipart(
                    "d",
                    _in_base64(
                        'Content-Type: application/applefile; name="scan.pdf"', b"\0\5\x16\7"
                    ),
                    _in_base64('Content-Type: application/pdf; name="scan.pdf"', PDF),
                ),
            ),
        ),
        (("1.2", "scan.pdf", PDF, 2),),
    ),
    "a signed mail whose signature is none of its documents": Shape(
        "From: a@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s',
        multipart(
            "s",
            part(
                "Content-Type: multipart/mixed; boundary=t",
                multipart(
                    "t",
                    _text("Result"),
                    _in_base64("Content-Type: application/pdf; name=r.pdf", PDF),
                ),
            ),
            _in_base64("Content-Type: application/pkcs7-signature; name=smime.p7s", b"0\x82"),
        ),
        (("1.2", "r.pdf", PDF, 2),),
        "Result",
    ),
    "a digest of what nobody faxes, and a scan": Shape(
        "From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o",
        multipart(
            "o",
            _in_base64("Content-Type: application/pdf; name=r.pdf", PDF),
            part(
                "Content-Type: multipart/digest; boundary=p",
                multipart("p", b"\r\nSubject: one\r\n\r\nx", b"\r\nSubject: two\r\n\r\ny"),
            ),
        ),
        (("1", "r.pdf", PDF, 2),),
    ),
}


@dataclass(slots=True)
class Came:
    """What came of a mail."""

    documents: list[tuple[str, str, bytes, int | None]] = field(default_factory=list)
    comment: str = ""
    refused: str = ""


def came_of(data: bytes, directory: Path) -> Came:
    """A mail through the first gate and the checks of the child."""
    gate = Gate()
    gate.feed(data)
    found = gate.finish()
    refusal = found.verdict.refusal or found.no_document
    if refusal is not None:
        return Came(refused=str(refusal))
    path = directory / "mail.eml"
    path.write_bytes(data)
    reading = prepare_mail(path, directory / "out", DocumentLimits()).reading
    documents = [
        (one.part, one.filename, (directory / "out" / one.file).read_bytes(), one.pages)
        for one in reading.documents
    ]
    return Came(documents, reading.comment, str(reading.verdict.refusal or ""))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("lf", [False, True], ids=["CRLF", "LF"])
def test_what_devices_send_is_faxed(name: str, lf: bool, tmp_path: Path) -> None:
    """M3-M5, M7: the document byte for byte, its pages, and nothing else of the mail."""
    shape = SHAPES[name]
    data = shape.data.replace(b"\r\n", b"\n") if lf else shape.data

    came = came_of(data, tmp_path)

    assert came.refused == ""
    assert came.documents == list(shape.documents)
    assert came.comment == shape.comment


@pytest.mark.parametrize("name", SHAPES)
def test_what_devices_send_and_lines_lose_is_refused(name: str, tmp_path: Path) -> None:
    """M8: half of the last document is no document."""
    data = SHAPES[name].data
    last = base64_lines(SHAPES[name].documents[-1][2])
    half = data[: data.index(last) + len(last) // 2]

    assert came_of(half, tmp_path).refused


def test_a_transfer_request_is_not_faxed(tmp_path: Path) -> None:
    """R8: a copier's instruction to another copier has nothing to fax."""
    request = "From: r@example.org\nSubject: RELAY REQUEST\nMIME-Version: 1.0"
    data = part(request, b"RELAY-ID-: 1234\r\nRELAY: #01#*X#**01\r\n")

    assert "No attachment to fax" in came_of(data, tmp_path).refused
