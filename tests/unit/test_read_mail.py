"""M1, M3, M6, M7, M8, M11: a mail on disk, part by part."""

import pytest

from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import decode
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import MailReading, read_mail
from mail2fax.reading.parts import made_up_name
from tests.pictures.images import picture
from tests.unit.mails import PDF, SCAN, TEXT, TIFF, TOP, attached, mail, multipart, part

LATIN = part("Content-Type: text/plain; charset=iso-8859-1", "Grüße".encode("latin-1"))
HTML = part("Content-Type: text/html", b"<p>Hello <b>you</b></p>")
PICTURE = picture("logo")
SHOWS = part("Content-Type: text/html", b"<img src='cid:x'>")


def read(data: bytes) -> MailReading:
    """The reading of a mail."""
    return read_mail(data, len(data))


def contents(data: bytes) -> list[bytes]:
    """The decoded candidates."""
    return [
        b"".join(decode(data, one.start, one.end, one.encoding, closed=one.closed))
        for one in read(data).candidates
    ]


def test_documents_come_in_order_byte_for_byte() -> None:
    """M1, M3: numbers, names, types by content, and the text as the comment."""
    data = mail(LATIN, attached(), attached(TIFF, "b", "application/octet-stream"))
    reading = read(data)

    assert contents(data) == [PDF, TIFF]
    assert [(one.part, one.filename, one.content_type) for one in reading.candidates] == [
        ("2", "a.pdf", "application/pdf"), ("3", "b", "image/tiff"),
    ]  # fmt: skip
    assert reading.comment == "Grüße"
    assert [(one.part, one.why[:15]) for one in reading.not_faxed] == [("1", "The mail's text")]
    assert reading.header_size == data.index(b"\r\n\r\n") + 4


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        (part("Content-Type: multipart/alternative; boundary=c", multipart("c", TEXT, HTML)),
         "Grüße,\nAnn"),
        (HTML, "Hello you"),
        (part("Content-Type: text/plain; format=flowed; delsp=yes", b"on \r\ne"), "one"),
        (part("Content-Type: text/plain\nContent-Transfer-Encoding: base64", b"SGVs*****"), "Hel"),
        (part("Content-Disposition: attachment", b"body"), "body"),
        (part("Content-Type: application/pdf\nContent-Disposition: inline", b"Hi"), "Hi"),
        (part("X: y", b""), ""),
    ],
    ids=["alternative", "html", "flowed", "broken", "attached body", "mislabelled", "empty"],
)  # fmt: skip
def test_the_text_becomes_the_comment(text: bytes, comment: str) -> None:
    """M7, M11: it is not faxed, and is listed with its fate."""
    reading = read(mail(text, attached()))

    assert reading.comment == comment
    assert len(reading.candidates) == 1
    assert all(one.why for one in reading.not_faxed)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (part("Content-Type: text/calendar", b"x"), "calendar"),
        (part("Content-Type: application/pkcs7-signature; name=smime.p7s", b"x"), "signature"),
        (part("Content-Type: message/rfc822", SCAN), "mail inside"),
        (part("Content-Type: text/x-unknown; name=a.vcf", b"BEGIN:VCARD"), "contact"),
        (part("Content-Type: image/png; name=image001.png", PICTURE), "small picture"),
        (part("Content-Type: multipart/related; boundary=c",
              multipart("c", SHOWS, part("Content-Type: image/png\nContent-ID: <x>", PICTURE))),
         "small picture"),
    ],
    ids=["calendar", "signature", "mail", "card", "logo", "cid"],
)  # fmt: skip
def test_what_is_no_document_is_listed_with_its_fate(one: bytes, why: str) -> None:
    """M6, M7: nothing is dropped in silence."""
    reading = read(mail(TEXT, one, attached()))

    assert [candidate.filename for candidate in reading.candidates] == ["a.pdf"]
    assert any(why in part.why for part in reading.not_faxed)


@pytest.mark.parametrize(
    "one",
    [
        part("Content-Type: image/png; name=scan.png", PICTURE),
        part("Content-Type: image/png; name=image001.png", picture("photo")),
        part("Content-Type: text/plain; name=letter.txt", b"Dear"),
        part("Content-Type: application/zip; name=a.zip", b"PK\x03\x04"),
        part("Content-Type: application/ms-tnef; name=winmail.dat", b"\x78\x9f\x3e\x22"),
    ],
    ids=["picture", "large inline", "text file", "zip", "tnef"],
)
def test_what_may_be_a_document_is_never_left_out(one: bytes) -> None:
    """M6, M8: also what cannot be faxed, so that it stops the fax."""
    assert len(read(mail(TEXT, one)).candidates) == 1


@pytest.mark.parametrize(
    "data",
    [
        mail(*[TEXT] * 120),
        mail(part("Content-Type: multipart/encrypted; boundary=c", multipart("c", TEXT))),
    ],
    ids=["too many", "encrypted"],
)
def test_what_cannot_be_trusted_as_a_whole(data: bytes) -> None:
    """M8: a sentence, and nothing of it is faxed."""
    assert read(data).damage


INNER = mail(TEXT, attached(TIFF, "in.tif"), HTML, top="Subject: in\n").replace(b"b1", b"c1")


def test_a_mail_inside_the_mail_is_listed_with_its_parts() -> None:
    """M5, M7: by name, each part measured, and nothing of it faxed."""
    forwarded = part("Content-Type: message/rfc822; name=fw.eml", INNER)
    data = mail(TEXT, forwarded, attached())
    reading = read(data)

    assert [one.part for one in reading.candidates] == ["3"]
    told = {one.part: one for one in reading.not_faxed}
    assert list(told) == ["1", "2", "2.1", "2.2", "2.3"]
    assert (told["2"].filename, told["2"].size) == ("fw.eml", len(INNER))
    assert (told["2.2"].filename, told["2.2"].size) == ("in.tif", len(TIFF))
    assert "inside the mail" in told["2.2"].why
    assert reading.comment == "Grüße,\nAnn"


def test_documents_of_a_mail_inside_the_mail_where_the_rule_says_so() -> None:
    """M5: its documents, not its texts; one that is encoded is a document that is refused."""
    encoded = part("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64", b"QUJD")
    data = mail(TEXT, part("Content-Type: message/rfc822", INNER), encoded)
    reading = read_mail(data, len(data), nested=True)

    assert [one.part for one in reading.candidates] == ["2.2", "3"]
    assert [one.part for one in reading.not_faxed] == ["1", "2", "2.1", "2.3"]
    assert reading.comment == "Grüße,\nAnn"


def test_an_encrypted_mail_inside_the_mail_is_its_own_affair() -> None:
    """M5, M8: it stops the fax only where its documents would be faxed."""
    secret = part("Content-Type: multipart/encrypted; boundary=c", multipart("c", TEXT))
    data = mail(attached(), part("Content-Type: message/rfc822", secret))

    assert read(data).damage is None
    assert read_mail(data, len(data), nested=True).damage


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        (b"just a text\r\n", "text"),
        (b"\r\n \r\n", "empty"),
        (PDF, "document"),
        (b"--other\r\nContent-Type: application/pdf\r\n\r\nx", "document"),
    ],
)
def test_a_multipart_in_which_no_boundary_came(body: bytes, fate: str) -> None:
    """M4, M8: what it holds is not lost, and parts that hide in it stop the fax."""
    reading = read(mail(part("Content-Type: multipart/mixed; boundary=zz", body), attached()))

    assert (len(reading.candidates) == 2) is (fate == "document")
    assert ("just a text" in reading.comment) is (fate == "text")
    assert any("empty part" in one.why for one in reading.not_faxed) is (fate == "empty")


@pytest.mark.parametrize(
    ("name", "kind", "made"),
    [
        ("", "application/pdf", "document-2.pdf"),
        ("scan", "application/pdf", "scan.pdf"),
        ("SCAN.PDF", "application/pdf", "SCAN.PDF"),
        ("a.dat", "image/tiff", "a.dat.tif"),
        ("a.tiff", "image/tiff", "a.tiff"),
        ("a.jpeg", "image/jpeg", "a.jpeg"),
        ("../..\\x", "application/zip", "_.._x"),
    ],
)
def test_names_get_the_extension_of_their_type(name: str, kind: str, made: str) -> None:
    """M3: made up by type and order where there is none; never a path."""
    assert made_up_name(name, kind, 2) == made


@pytest.mark.parametrize("encoded", [attached(), part("Content-Type: application/pdf", PDF)])
def test_a_mail_cut_anywhere_gives_the_whole_document_or_none(encoded: bytes) -> None:
    """M8: at every byte, through both gates."""
    data = mail(TEXT, encoded)
    wrong: list[int] = []
    for cut in range(len(data)):
        gate = Gate()
        gate.feed(data[:cut])
        if gate.finish().verdict.refusal is not None:
            continue
        try:
            got = contents(data[:cut])
        except Damaged:
            continue
        if got and got[0].rstrip() != PDF.rstrip():
            wrong.append(cut)

    assert wrong == []


HISTORY = "Thanks.\r\n\r\nOn Mon, 2 Nov 2026, Bob <b@x.example> wrote:\r\n{}\r\n"
FORWARDED = "-----Original Message-----\r\nFrom: Bob\r\nSent: x\r\n\r\n{}\r\n"
OPTION = "fax-options: superfine"


@pytest.mark.parametrize(
    "parts",
    [
        [part("Content-Type: text/plain", HISTORY.format("> " + OPTION).encode())],
        [part("Content-Type: text/plain", HISTORY.format(OPTION).encode())],
        [part("Content-Type: text/plain", FORWARDED.format(OPTION).encode())],
        [part("Content-Type: text/plain", b"> " + OPTION.encode())],
        [TEXT, part("Content-Type: message/rfc822",
                    f"Subject: [fax: fine]\r\nX-Fax-At: 1\r\n\r\n{OPTION}\r\n".encode())],
        [part("Content-Type: message/rfc822", f"X-Fax-At: 1\r\n\r\n{OPTION}\r\n".encode())],
        [TEXT, attached(OPTION.encode(), "a.txt", "text/plain")],
        [part("Content-Type: text/html",
              f"<blockquote type=cite>{OPTION}</blockquote>thanks".encode())],
    ],
)  # fmt: skip
@pytest.mark.parametrize("nested", [False, True])
def test_options_of_others_steer_nothing(parts: list[bytes], nested: bool) -> None:
    """O6: neither quoted, nor forwarded, nor attached text is read for options."""
    data = mail(*parts, attached())

    assert read_mail(data, len(data), nested=nested).wishes == ()


def test_options_are_taken_out_of_what_is_used() -> None:
    """O2, O3: wishes of three places; Subject and comment without them, the headline as it was."""
    top = TOP.replace("Subject: Hello", "Subject: [fax: fine] Hello\nX-Fax-Tag: a")
    text = part("Content-Type: text/plain", b"Fax-Options: urgent\r\n\r\nPlease call.\r\n")
    reading = read(mail(text, attached(), top=top))

    assert [(one.key, one.place) for one in reading.wishes] == [
        ("tag", "header"), ("urgent", "body"), ("fine", "subject"),
    ]  # fmt: skip
    assert (reading.subject, reading.headline.subject) == ("Hello", "[fax: fine] Hello")
    assert reading.comment == "Please call."


def test_first_lines_of_html_are_read_too() -> None:
    """O2: a mail of phones and webmail."""
    html = part("Content-Type: text/html", b"<div>fax-options: fine</div><div>Hello</div>")
    reading = read(mail(html, attached()))

    assert [one.key for one in reading.wishes] == ["fine"]
    assert reading.comment == "Hello"
