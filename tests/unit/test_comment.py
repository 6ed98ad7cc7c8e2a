"""M11: the sender's own words, whatever the bytes are. What real programs write: `test_replies`."""

import pytest

from mail2fax.reading.body_text import Kind, Line, flowed_lines, plain_lines
from mail2fax.reading.charsets import in_charset
from mail2fax.reading.comment import LONGEST, own_words, own_words_of, shortened
from mail2fax.reading.html_text import html_lines

HOSTILE = 150_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello\r\n\r\n\r\n\r\nBob", "Hello\n\nBob"),
        ("  many \t spaces\u00a0here  ", "many spaces here"),
        ("a\u202eb\x07c\u200b\ufeff", "abc"),
        ("بي\u200cخو", "بي\u200cخو"),
        ("   ", ""),
        ("", ""),
    ],
)
def test_text_is_set_plainly(text: str, words: str) -> None:
    """M11: what nobody sees is left out, joiners that make other words of it are not."""
    assert own_words(text) == words


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("x" * 600, "x\u2026"),
        ("x" * 498 + "e\u0301\u0302yyy", "x\u2026"),  # a letter and its accents
        ("x" * 498 + "👩\u200d⚕\ufe0f yyy", "x\u2026"),  # one sign of four code points
        ("x" * 498 + "👍🏽 yyy", "x\u2026"),
        ("x" * 498 + "🇨🇭 yyy", "x\u2026"),
        ("x" * 497 + " yyyyy", "xx y\u2026"),
        ("\u0301" * 600, "\u2026"),
    ],
)
def test_a_comment_is_short(text: str, end: str) -> None:
    """M11: 500 code points; never inside what a person reads as one sign."""
    short = shortened(text)

    assert len(short) <= LONGEST
    assert short.endswith(end)
    assert shortened("x" * LONGEST) == "x" * LONGEST


def test_own_words_have_an_end() -> None:
    """M11: a body of megabytes is read as far as anybody would."""
    assert 0 < len(own_words("word\n\n" * 100_000)) <= 65536


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("utf-8", "Grüße 報告".encode(), "Grüße 報告"),
        ("UTF-8", b"Gr\xfc\xdfe", "Grüße"),
        ("iso-8859-1", b"\x80 5 \x96 Gr\xfc\xdfe", "€ 5 \u2013 Grüße"),
        ("'iso-8859-15'", b"\xa4", "€"),
        ("windows-1250", "žluťoučký".encode("cp1250"), "žluťoučký"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("cp-1252", b"\x80", "€"),
        ("win-1253", "γειά".encode("cp1253"), "γειά"),
        ("windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
        ("tis-620", "สวัสดี".encode("cp874"), "สวัสดี"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("iso-8859-8-i", "שלום".encode("iso8859-8"), "שלום"),
        ("windows-1256", "سلام".encode("cp1256"), "سلام"),
        ("iso-2022-jp", "報告ｶﾅ".encode("iso2022_jp_ext"), "報告ｶﾅ"),
        ("shift_jis", "①報告".encode("cp932"), "①報告"),
        ("x-sjis", "報告".encode("cp932"), "報告"),
        ("gb2312", "報告镕".encode("gb18030"), "報告镕"),
        ("gb18030", "报告".encode("gb18030"), "报告"),
        ("big5", "報告".encode("big5"), "報告"),
        ("ks_c_5601-1987", "안녕똠".encode("cp949"), "안녕똠"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("unicode-1-1-utf-7", b"+2DzfqQ-", "🎩"),
        ("utf-7", b"+2AA-x", "\ufffdx"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("us-ascii", b"Gr\xfc\xdfe", "Grüße"),
        ("", b"Gr\xfc\xdfe", "Grüße"),
        ("klingon", "Grüße".encode(), "Grüße"),
        ("unicode_escape", b"\\u0041", "\\u0041"),
        ("idna", b"xn--bcher-kva", "xn--bcher-kva"),
        ("zlib", b"x", "x"),
        ("rot13", b"x", "x"),
        ("a\0b", b"x", "x"),
        ("é", b"x", "x"),
        ("x" * 5000, b"x", "x"),
    ],
)
def test_every_charset_is_read(charset: str, raw: bytes, text: str) -> None:
    """M11, M3: as programs mean their names; none raises, none gives half a pair."""
    found = in_charset(raw, charset)

    assert found.startswith(text)
    assert found.encode("utf-8")  # a lone surrogate could be stored nowhere


def test_kinds_are_told() -> None:
    """M11: whose a line is, from every form of body."""
    assert plain_lines("a\n> b") == [Line("a"), Line("> b", Kind.QUOTED)]
    assert flowed_lines(">> a \n>> b\n> c\nd \n e", delete_space=False) == [
        Line("a b", Kind.QUOTED),
        Line("c", Kind.QUOTED),
        Line("d e"),
    ]
    assert html_lines('<div class="moz-signature">s</div>') == [Line("s", Kind.SIGNATURE)]
    assert flowed_lines("", delete_space=False) == [Line("")]


@pytest.mark.parametrize(
    "markup",
    ["text <b", "text <!-- no end", "text <!doctype", "text <style>p{}", "text <style>p{}</style",
     'text <a href="no end', "text </div></p>", "text <title>no</title >", "text <b></i></b></b>",
     "te<b>xt</b><select><option>no</select>", "text" + "<div>" * 400 + "<hr>" + "</div>" * 400],
)  # fmt: skip
def test_broken_markup_is_read(markup: str) -> None:
    """M11: as browsers do: what has no end hides the rest, what was never begun ends nothing."""
    assert own_words_of(html_lines(markup)) == "text"


HOSTILE_TEXT = [
    "a", ">", "On ", "On 10:12 wrote", "On 10:12 wrote:\n", "-", "-\n", "--\n", "-- \n",
    " \t", "\n", "On x\n", "From: a\n", "From: a\nSent: 10:12\n", "From:", "To: a\n", "_", "_\n",
    "confidential \n", "Disclaimer\n\n", "sent from my iphone ", "sent from my iphone\n", "a\n\n",
    "scanned from a xerox ", "Date: a\n", "2016/1/5 @", "- wrote -", "bob wrote:\n> x\n", "\u0301",
    "Bitte Umwelt ", "von iphone ", "This email is confidential privileged intended recipient\n",
]  # fmt: skip
HOSTILE_MARKUP = [
    "<", "<a ", "<a b", '<a b="', "<a b='>", "<!--", "<!", "<?", "&", "&#", "&#1", "<b>", "</b>",
    "<div>", "</div>", "<p>", "<p><b>", "<p><b><hr>", "<li>", "<td>", "<ul><li>", "<ol><li>x",
    "<style>", "<style></style>", "</style ", "<blockquote>", "<blockquote>x:", "<pre>\n", "<br>",
    "<table><tr><td>x", "<p style='display:none'>", "<p style=", "<a =", "<a \"'", "<a\n",
]  # fmt: skip


@pytest.mark.timeout(40)
@pytest.mark.parametrize("piece", HOSTILE_TEXT)
def test_hostile_text_is_read_in_linear_work(piece: str) -> None:
    """M11, M2: a step that is not linear in so much would not come back in time."""
    text = piece * (HOSTILE // len(piece))
    own_words(text)
    flowed_lines(text, delete_space=True)


@pytest.mark.timeout(40)
@pytest.mark.parametrize("piece", HOSTILE_MARKUP)
def test_hostile_markup_is_read_in_linear_work(piece: str) -> None:
    """M11, M2: the same of HTML, where the standard library's parser has such steps."""
    own_words_of(html_lines(piece * (HOSTILE // len(piece))))
    own_words_of(html_lines("<style>" + piece * (8 * HOSTILE // len(piece))))
