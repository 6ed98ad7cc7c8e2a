"""M12: a mail's text as a page, in any script; R8: which texts are never faxed."""

# ruff: noqa: RUF001 - letters of other scripts are what this is about

from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from mail2fax.preparing.documents import Asked, DocumentLimits, Prepared, prepare_mail
from mail2fax.preparing.fonts import SYSTEM, fonts_for
from mail2fax.preparing.text_page import why_unprintable, write_pages
from mail2fax.preparing.typesetting import Line, Typesetter, Unprintable
from mail2fax.reading.gate import Gate
from mail2fax.reading.options.decision import (
    NO_ANSWER,
    FaxAsked,
    decide,
    mail_asked,
    refusal_on_the_line,
)
from mail2fax.reading.options.rules import OptionRules
from mail2fax.values import PAGE, Destination, FaxNumber, Options, Wish
from tests.unit.mails import attached, mail, part, real_pdf

TOP = "From: Ann <ann@example.org>\nTo: x\nSubject: Hello\n"
WHOLE = 470.0
LETTERS = {
    "Latin": "Grüße, Łukasz Žižka, Nguyễn – «€5»",
    "Greek": "Καλημέρα σας",
    "Cyrillic": "Добрый день № 42",
    "Arabic": "السلام عليكم (أحمد) 42",
    "Persian": "نامه\u200cها می\u200cروند",
    "Hebrew": "שָׁלוֹם רב (42)",
    "Thai": "เรียน คุณหมอ น้ำ",
}
CJK = {"Japanese": "検査結果「至急」", "Korean": "검사 결과", "Chinese": "您好，检查结果如下。"}


def set_lines(text: str, width: float = WHOLE, system: tuple[Path, ...] = ()) -> list[Line]:
    """A text in lines, with the fonts that come along unless others are named."""
    return list(Typesetter(fonts_for(text, system), 11.0).lines(text, width))


def drawn(path: Path) -> list[Image.Image]:
    """The pages of a PDF as pictures."""
    document = pypdfium2.PdfDocument(path)
    try:
        return [page.render(scale=2, grayscale=True).to_pil().copy() for page in document]
    finally:
        document.close()


def ink(page: Image.Image) -> tuple[int, int, int, int]:
    """The box around all that is not white."""
    box = page.point(lambda value: 255 - value).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("script", LETTERS)
def test_every_common_script_needs_no_font_of_the_machine(tmp_path: Path, script: str) -> None:
    """M12: what is installed with mail2fax is enough, and every glyph has its ink."""
    path = tmp_path / "a.pdf"

    assert write_pages(LETTERS[script], path, "a4", ()) == 1
    left, top, right, bottom = ink(drawn(path)[0])
    assert right - left > 60
    assert 8 < bottom - top < 50


@pytest.mark.parametrize("script", CJK)
def test_chinese_japanese_and_korean_by_the_machines_fonts(tmp_path: Path, script: str) -> None:
    """M12: with fonts-noto-cjk or another font that has them."""
    if not any(directory.rglob("NotoSansCJK*") for directory in SYSTEM if directory.exists()):
        pytest.skip("fonts-noto-cjk is not installed")
    path = tmp_path / "a.pdf"
    try:
        write_pages(CJK[script], path, "a4")
    except Unprintable:
        pytest.skip("fonts-noto-cjk is not installed")

    left, _, right, _ = ink(drawn(path)[0])
    assert (right - left) / 2 == pytest.approx(11 * len(CJK[script]), rel=0.25)


@pytest.mark.parametrize(
    ("text", "letters", "advice"),
    [
        ("Hallo 田中", "田 中", "fonts-noto-cjk"),
        ("Hallo \u0f00", "\u0f00", "fonts-noto-core"),
        ("Danke \U0001f64f!", "\U0001f64f", "fonts-noto"),
    ],
)
def test_letters_that_no_font_has_stop_the_fax(text: str, letters: str, advice: str) -> None:
    """M12: a page with boxes or gaps is a wrong fax; the letters are named, and what to do."""
    with pytest.raises(Unprintable) as unprintable:
        set_lines(text)

    sentence = why_unprintable(unprintable.value.letters)
    assert f"The letters {letters} of" in sentence
    assert advice in sentence


def test_lines_are_broken_where_they_may_be() -> None:
    """M12: between words; a word that is too long within itself; none is wider than the page."""
    lines = set_lines("one two three\n\n" + "x" * 200 + " end", 60.0)

    assert max(line.width for line in lines) <= 60.0
    assert [len(line.glyphs) for line in lines[:3]] == [7, 5, 0]
    assert sum(len(line.glyphs) for line in lines[3:]) in (203, 204)


def test_no_line_begins_with_a_closing_mark_or_parts_a_thai_vowel() -> None:
    """M12: Thai has no spaces, and a vowel stands before its letter or behind it."""
    text = "ใหใหใหใหใหใหใหให"
    widths = {len(line.glyphs) for line in set_lines(text, 50.0)}

    assert all(count % 2 == 0 for count in widths)


def test_directions_are_those_of_unicode() -> None:
    """M12: right to left, numbers in it from left to right, brackets mirrored, marks in place."""
    (hebrew,) = set_lines("שלום (12) abc")
    (latin,) = set_lines("abc (שלום)")
    fonts = [glyph.font for glyph in hebrew.glyphs]

    assert hebrew.from_right
    assert not latin.from_right
    (digits,) = set_lines("12")
    numbers = [glyph.number for glyph in digits.glyphs]
    shown = [glyph.number for glyph in hebrew.glyphs]
    assert shown[:3] == [glyph.number for glyph in set_lines("abc")[0].glyphs]
    assert numbers == shown[5:7]
    assert [glyph.number for glyph in set_lines("(12)")[0].glyphs] == shown[4:8]
    assert fonts[0] is not fonts[-1]
    assert hebrew.glyphs[-1].number == set_lines("ש")[0].glyphs[0].number


def test_arabic_letters_are_joined() -> None:
    """M12: the forms of letters in a word are not those of letters alone."""
    (word,) = set_lines("بيت")
    alone = [set_lines(letter)[0].glyphs[0].number for letter in "تيب"]

    assert len(word.glyphs) >= 3
    assert [glyph.number for glyph in word.glyphs][:3] != alone


@pytest.mark.parametrize(("paper", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_a_long_text_takes_numbered_pages(
    tmp_path: Path, paper: str, size: tuple[int, int]
) -> None:
    """M12: on the paper of the region, every line once, within the margins."""
    path = tmp_path / "a.pdf"
    count = write_pages("\n".join(f"line {n}" for n in range(120)), path, paper, ())

    pages = drawn(path)
    assert count == len(pages) == 3
    for page in pages:
        left, top, _, bottom = ink(page)
        assert (page.width / 2, page.height / 2) == pytest.approx(size, abs=1)
        assert left > 100
        assert top > 100
        assert bottom < page.height - 60


# Which texts are faxed


def text_mail(*parts: bytes, top: str = TOP, text: str = "Dear Bob,\r\nplease call.") -> bytes:
    """A mail of a text and more."""
    return mail(part("Content-Type: text/plain; charset=utf-8", text.encode()), *parts, top=top)


def prepared(tmp_path: Path, data: bytes, asked: Asked) -> Prepared:
    """What becomes of a mail."""
    path = tmp_path / "mail.eml"
    path.write_bytes(data)
    return prepare_mail(path, tmp_path / "documents", DocumentLimits(), asked)


def why(found: Prepared) -> str:
    """The sentence of a refusal, or nothing."""
    refusal = found.reading.verdict.refusal
    return refusal.text if refusal else ""


def test_the_text_goes_before_the_documents(tmp_path: Path) -> None:
    """M12: as a page of its own, whose size and digest are those of the part in the mail."""
    data = text_mail(attached(real_pdf()))
    found = prepared(tmp_path, data, Asked(page_always=True))

    assert why(found) == ""
    page, document = found.reading.documents
    assert (page.role, page.part, page.pages, document.role) == (PAGE, "1", 1, "")
    assert page.converted is not None
    assert page.uploaded_as[1] == "application/pdf"
    assert page.size == len("Dear Bob,\r\nplease call.")
    assert [one.part for one in found.reading.not_faxed] == []
    ink(drawn(tmp_path / "documents" / page.file)[0])


def test_a_wish_in_the_mail_makes_the_page_too(tmp_path: Path) -> None:
    """M12, O1: wherever it stands."""
    data = text_mail(attached(real_pdf()), top=f"X-Fax-Body: page\n{TOP}")

    assert prepared(tmp_path, data, Asked()).reading.documents[0].role == PAGE


@pytest.mark.parametrize(
    ("asked", "data", "roles", "sentence"),
    [
        (Asked(page_alone=True), text_mail(), [PAGE], ""),
        (Asked(page_alone=True), text_mail(attached(real_pdf())), [""], ""),
        (Asked(), text_mail(), [], "No attachment to fax was found"),
        (Asked(page_alone=True), text_mail(text=" "), [], "No attachment to fax was found"),
        (Asked(page_always=True), text_mail(attached(real_pdf()), text=""), [""], ""),
        (Asked(page_alone=True), text_mail(top=f"In-Reply-To: <1@x>\n{TOP}"), [], "An answer"),
        (Asked(page_always=True), text_mail(top=TOP.replace("Hello", "AW: Hello")), [],
         "An answer"),
        (Asked(page_always=True), text_mail(attached(real_pdf()), top=f"In-Reply-To: <1@x>\n{TOP}"),
         [PAGE, ""], ""),
        (Asked(page_alone=True), text_mail(text="Danke \U0001f64f"), [], "cannot be printed here"),
    ],
)  # fmt: skip
def test_a_text_alone_is_faxed_only_where_the_rule_says_so(
    tmp_path: Path, asked: Asked, data: bytes, roles: list[str], sentence: str
) -> None:
    """R8: by default refused; an answer without a document never goes out."""
    found = prepared(tmp_path, data, asked)

    assert [one.role for one in found.reading.documents] == roles
    assert sentence in why(found)
    assert bool(sentence) == bool(why(found))


PAGE_WISH = (Wish("body", "page", "address"),)


@pytest.mark.parametrize(
    ("rules", "wishes", "top", "refused"),
    [
        (OptionRules(), (), TOP, "No attachment"),
        (OptionRules(page_alone=True), (), TOP, ""),
        (OptionRules(), PAGE_WISH, TOP, ""),
        (OptionRules(page_alone=True), (), TOP.replace("Hello", "Re: Hello"), "An answer"),
        (OptionRules(), PAGE_WISH, f"In-Reply-To: <1@x>\n{TOP}", "An answer"),
        (OptionRules(), (), f"X-Fax-Body: page\n{TOP}", ""),
    ],
)
def test_the_first_gate_knows_what_is_never_faxed(
    rules: OptionRules, wishes: tuple[Wish, ...], top: str, refused: str
) -> None:
    """R8: on the line, with a sentence of its own for answers."""
    gate = Gate()
    gate.feed(text_mail(top=top))
    number = FaxNumber("+41225550123")
    destinations = [Destination("x", number, "", wishes=wishes)]

    refusal = refusal_on_the_line(gate.finish(), destinations, rules, 0.0)

    assert refused in (refusal.text if refusal else "")
    assert bool(refused) == (refusal is not None)
    assert NO_ANSWER.text.isascii()


def test_a_text_alone_goes_to_every_number(tmp_path: Path) -> None:
    """M12, R8: under body_only each fax's options say that it gets the page."""
    reading = prepared(tmp_path, text_mail(), Asked(page_alone=True)).reading
    faxes = [FaxAsked("1", "+41225550123"), FaxAsked("2", "+41225550124")]
    rules = OptionRules(page_alone=True)

    decided = decide(mail_asked(reading, 0.0), faxes, Options(), rules, lambda _: None)

    assert [one.body for one in decided.options.values()] == [PAGE, PAGE]


def test_a_page_that_some_asked_for_is_not_for_the_others(tmp_path: Path) -> None:
    """M12: a number that did not ask and has no document gets nothing, and all are refused."""
    reading = prepared(tmp_path, text_mail(), Asked(page_always=True)).reading
    faxes = [FaxAsked("1", "+41225550123", "", PAGE_WISH), FaxAsked("2", "+41225550124")]

    decided = decide(mail_asked(reading, 0.0), faxes, Options(), OptionRules(), lambda _: None)

    assert decided.refusal is not None
    assert "Nothing is attached for +41225550124" in decided.refusal.text
