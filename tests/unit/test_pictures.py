"""M6: what becomes of a picture, case by case, and which pictures an HTML text shows."""

import base64

import pytest

from mail2fax.reading.mail import MailReading, read_mail
from mail2fax.reading.pictures import (
    SEND,
    WITHOUT,
    Fate,
    Picture,
    PictureKnowledge,
    fate_of,
    is_signature_name,
    question,
    references_to,
    shown_in,
    why_not_faxed,
    written_in,
)
from mail2fax.reading.pixels import Pixels
from tests.pictures.images import picture
from tests.pictures.table import Row, judged, read_table
from tests.unit.mails import attached, mail, part

BODY, DOCUMENT, ASK = Fate.BODY, Fate.DOCUMENT, Fate.ASK
ROWS = read_table()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.shape}-{'-'.join(row.pictures)}")
def test_the_truth_table(row: Row) -> None:
    """M6: every picture of every mail has the fate that people expect."""
    assert judged(row) == row.fates


def test_the_table_is_large_enough_and_a_wrong_fate_would_show() -> None:
    """M6: 40 mails at least; each fate is expected somewhere and given by no rule to all."""
    fates = [fate for row in ROWS for fate in row.fates]

    assert len(ROWS) >= 40
    assert {fates.count(fate) > 5 for fate in Fate} == {True}


@pytest.mark.parametrize(
    ("size", "pixels", "fate"),
    [
        (59_999, (4000, 399), BODY),
        (60_000, (4000, 399), ASK),
        (59_999, (400, 4000), ASK),
        (60_000, (400, 400), DOCUMENT),
        (1_000, (800, 800), DOCUMENT),
        (1_000, (799, 2000), ASK),
        (5_000_000, (399, 399), ASK),
        (1_000, None, ASK),
        (5_000_000, None, ASK),
    ],
)
def test_the_limits_of_small_and_large(size: int, pixels: Pixels | None, fate: Fate) -> None:
    """M6: shorter side under 400 pixels and under 60 kB is small; what is not known is asked."""
    assert fate_of(Picture("x.png", size, pixels, is_shown=True)) is fate
    assert fate_of(Picture("image001.png", size, pixels, is_shown=False)) is fate
    assert fate_of(Picture("x.png", size, pixels, is_shown=False)) is DOCUMENT


@pytest.mark.parametrize(
    ("size", "pixels", "decided", "fate"),
    [
        (9_000, (500, 500), None, BODY),
        (9_000, (500, 500), SEND, BODY),
        (9_000, None, None, BODY),
        (90_000, (500, 500), None, DOCUMENT),
    ],
)
def test_what_stood_in_three_earlier_mails(
    size: int, pixels: Pixels | None, decided: str | None, fate: Fate
) -> None:
    """M6: it is the letterhead; but a large picture is a document all the same."""
    picture = Picture("x.png", size, pixels, is_shown=True, is_known=True)

    assert fate_of(picture, decided) is fate


@pytest.mark.parametrize(("decided", "fate"), [(SEND, DOCUMENT), (WITHOUT, BODY)])
def test_a_person_decides_what_is_in_doubt_and_nothing_else(decided: str, fate: Fate) -> None:
    """M6: small and large stay what they are."""
    assert fate_of(Picture("", 9_000, (500, 500), is_shown=True), decided) is fate
    assert fate_of(Picture("", 9_000, (90, 90), is_shown=True), decided) is BODY
    assert fate_of(Picture("", 90_000, (900, 900), is_shown=True), decided) is DOCUMENT


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("image001.png", True), ("IMAGE012.JPG", True), ("logo.gif", True), ("Logo_Firma.png", True),
     ("Outlook-abc.png", True), ("signature.jpeg", True),
     ("image.png", False), ("image0.jpeg", False), ("mylogo.png", False), ("scan001.png", False),
     ("", False)],
)  # fmt: skip
def test_names_of_signature_pictures(name: str, is_one: bool) -> None:
    """M6: image001.png, logo*, and what programs write."""
    assert is_signature_name(name) is is_one


@pytest.mark.parametrize(
    ("html", "is_shown"),
    [
        ('<img src="cid:a@b">', True),
        ("<IMG alt=x SRC = 'CID:A@b'>", True),
        ("<img src=cid:a@b>", True),
        ('<img src="cid:a%40b">', True),
        ('<img src="cid:a&#64;b">', True),
        ('<td background="cid:a@b">', True),
        ('<p style="background-image:url(cid:a@b)">', True),
        ('<v:imagedata src="cid:a@b"/>', True),
        ('<a href="cid:a@b">', False),
        ("cid:a@b", False),
        ('<img src="cid:other">', False),
        ('<img src="https://example.org/cid:a@b">', False),
    ],
)
def test_what_a_text_shows(html: str, is_shown: bool) -> None:
    """M6: shown, not only named or linked; by Content-ID as RFC 2392 writes it."""
    assert bool(shown_in(html) & references_to("<a@b>", "")) is is_shown


@pytest.mark.parametrize(
    ("html", "content_id"),
    [
        ('<img src="cid:Firma M\u00fcller (1)">', "<Firma M\u00fcller (1)>"),
        ("<img src='cid:image(1).png@01DB'>", "<image(1).png@01DB>"),
        ('<img src=" cid:a@b ">', "< a@b >"),
        ("<img src='cid:it&#39;s \"1\" a'>", '<it\'s "1" a>'),
        ('<p style="background:url(&quot;cid:a@b&quot;)">', "<a@b>"),
        ("<p style='background: url( \"cid:a(1)@b\" )'>", "<a(1)@b>"),
        ("<p style=\"background: url( 'cid:a(1)@b' )\">", "<a(1)@b>"),
        ("<style>p { background: url(cid:a@b) }</style>", "<a@b>"),
    ],
)
def test_references_as_programs_write_them(html: str, content_id: str) -> None:
    """M6: names of files as ids, with spaces and brackets; quotation marks that are escaped."""
    assert shown_in(html) & references_to(content_id, "")


def test_pictures_are_shown_by_location_too() -> None:
    """M6: RFC 2557; a part without either field is shown by nothing."""
    assert shown_in('<img src="http://x/a%20b.png">') & references_to("", "http://x/a b.png")
    assert references_to("", "") == frozenset()


def test_a_hostile_text_takes_no_time() -> None:
    """M2: a megabyte of beginnings that never end."""
    for piece in ('<img src="', "src=", "src='", "url( ", "url('", "src    =   ", "&#" * 4):
        shown_in(piece * (1_000_000 // len(piece)))
    for piece in ("data:image/", "data:image/a;", "data:image/a;base64,A", "data:image/a;;;;"):
        assert list(written_in(piece * (1_000_000 // len(piece)))) is not None


def test_words_say_what_is_asked_and_why() -> None:
    """M6: the pictures are named, with their sizes."""
    banner = Picture("image001.png", 90_400, (1200, 300), is_shown=True)
    unknown = Picture("", 90, None, is_shown=True)

    assert question([]) == ""
    assert question([banner]).startswith(
        "It is not clear whether “image001.png” (1200 x 300 pixels, 90 kB) is a document"
    )
    assert "and “picture without a name” (1 kB) are documents" in question([banner, unknown])
    assert "1200 x 300 pixels" in why_not_faxed(banner, ASK)
    assert "was decided" in why_not_faxed(banner, BODY)
    assert "every mail" in why_not_faxed(Picture("", 9, None, is_shown=True, is_known=True), BODY)


# In whole mails


def read(row: Row, knowledge: PictureKnowledge) -> MailReading:
    """The reading of a row's mail."""
    data = row.mail
    return read_mail(data, len(data), knowledge=knowledge)


DOUBTFUL = Row("outlook", True, ("logo", "square"), ("body", "ask"))


def test_a_mail_with_a_picture_in_doubt_asks() -> None:
    """M6: the question names it; the small one is remembered as part of the text."""
    reading = read(DOUBTFUL, PictureKnowledge())

    assert "“image002.png” (512 x 512 pixels, 4 kB)" in reading.question
    assert [one.filename for one in reading.candidates] == ["a.pdf"]
    assert len(reading.pictures) == 1


@pytest.mark.parametrize(("decided", "documents"), [(SEND, 2), (WITHOUT, 1)])
def test_a_decision_ends_the_question(decided: str, documents: int) -> None:
    """M6: the same mail, read again with what a person said."""
    reading = read(DOUBTFUL, PictureKnowledge(decided=decided))

    assert (reading.question, len(reading.candidates)) == ("", documents)
    assert len(reading.pictures) == 3 - documents


def test_a_picture_known_from_earlier_mails_is_not_asked_about() -> None:
    """M6: by its digest."""
    first = read(DOUBTFUL, PictureKnowledge(decided=WITHOUT))
    reading = read(DOUBTFUL, PictureKnowledge(known=frozenset(first.pictures)))

    assert (reading.question, len(reading.candidates)) == ("", 1)


def test_a_damaged_picture_stops_the_fax() -> None:
    """M8: even a small one that the text shows, for nobody knows what it was."""
    bad = part("Content-Type: image/png; name=logo.png\nContent-Transfer-Encoding: base64", b"=A=")
    data = mail(bad)

    assert len(read_mail(data, len(data)).candidates) == 1


def _in_html(data: bytes, kind: str = "png", more: str = "") -> bytes:
    code = base64.encodebytes(data).decode()
    html = f'<p>See</p><img src="data:image/{kind}{more};base64,{code}">'
    return mail(part("Content-Type: text/html; charset=utf-8", html.encode()), attached())


@pytest.mark.parametrize(
    "data",
    [
        _in_html(picture("scan")),
        _in_html(picture("photo"), "jpeg", ";filename=Seite%201.jpg"),
        _in_html(picture("logo")).replace(b"</p>", b"</p>" + _in_html(picture("scan"))),
    ],
)
def test_a_page_in_the_html_itself_stops_the_fax(data: bytes) -> None:
    """M6, M8: nothing takes it out, so its sender is told; not in silence without it."""
    damage = read_mail(data, len(data)).damage

    assert damage is not None
    assert damage.startswith("A picture is written into the mail's HTML itself (")
    assert "pixels" in damage


@pytest.mark.parametrize(
    "data",
    [
        _in_html(picture("logo")),
        _in_html(picture("square")),
        _in_html(b"nothing"),
        _in_html(picture("scan")).replace(b"base64,", b"base64,A==="),
        mail(part("Content-Type: text/html", b'<img src="cid:x">'), attached()),
        mail(part("Content-Type: text/plain", b"no html"), attached()),
        mail(part("Content-Type: message/rfc822", _in_html(picture("scan"))), attached()),
    ],
)
def test_what_is_no_page_does_not(data: bytes) -> None:
    """M6: a logo, an emblem, what is no picture, texts without any, mails in the mail."""
    assert read_mail(data, len(data)).damage is None
