"""O6: other products' spellings, each with its own table; none of them names a destination."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.dialects.spoken import DIALECTS, read_subject, read_words, translated
from mail2fax.reading.options.marks import Marked
from mail2fax.reading.options.rules import OptionRules, WishRefused
from mail2fax.reading.options.words import understood
from mail2fax.values import Wish

DESTINATION = "The fax number stands only in the address"


def said(marked: Marked) -> list[str]:
    """The wishes as ``key value``, or the sentence that stops the fax."""
    return [wish.problem or f"{wish.key} {wish.value}".strip() for wish in marked.wishes]


@pytest.mark.parametrize(
    ("subject", "rest", "wishes"),
    [
        ("Offer 12 /d 2026-11-02 08:00 /rf /bn", "Offer 12",
         ["at 2026-11-02 08:00", "resolution fine", "body off"]),
        ("Offer /rs", "Offer", ["resolution fine"]),
        ("Offer /b", "Offer", ["body page"]),
        ("Offer /bb", "Offer", ["/bb: Attachments cannot be left out"]),
        ("Offer /ib", "Offer", ["/ib: The look of the text"]),
        ("Offer /h {Ann & Co}", "Offer", ["/h: The line at the top"]),
        ("Offer /hn", "Offer", ["/hn: The line at the top"]),
        ("Offer /fonttype Arial /fontsize 12", "Offer", ["/fonttype: The", "/fontsize: The"]),
        ("Offer /xx", "Offer /xx", []),
        ("Offer /rf and more", "Offer /rf and more", []),
        ("Offer/rf", "Offer/rf", []),
        ("Offer n/b", "Offer n/b", []),
    ],
)  # fmt: skip
def test_interfax(subject: str, rest: str, wishes: list[str]) -> None:
    """O6: modifiers at the end of the Subject."""
    check(read_subject(subject, ["interfax"]), rest, wishes)


@pytest.mark.parametrize(
    ("text", "rest", "wishes"),
    [
        ("::c=none,23:15,B=5\nHi", "Hi", ["cover off", "at 23:15", "bill 5"]),
        ("::c=cover1\n::H\nHi", "Hi", ["cover on", "resolution superfine"]),
        ("::N", "", ["resolution fine"]),
        ("::2026-11-02:08:00:00", "", ["at 2026-11-02 08:00"]),
        ("::fr=John Smith", "", ["sender John Smith"]),
        ("::S=pricelist", "", ["::S=: Documents of a library"]),
        ("::A=brochure.fax", "", ["::A=: Documents of a library"]),
        ("::p=low,dl=1,fh=x", "", ["::p=: Prior", "::dl=: Lines", "::fh=: The line"]),
        ("::zz=1", "", ["::zz 1"]),
        ("Hi\n::H", "Hi\n::H", []),
    ],
)
def test_gfi(text: str, rest: str, wishes: list[str]) -> None:
    """O6: ``::`` lines at the top."""
    check(read_words(text, ["gfi"]), rest, wishes)


@pytest.mark.parametrize("subject", ["[FAX:1111] Hello", "Hello [fax: +41 22 555 01 23]"])
def test_gfi_names_no_destination(subject: str) -> None:
    """O6: the number in a Subject is refused by name, never dialled; without the dialect too."""
    check(read_subject(subject, ["gfi"]), "Hello", [f"[FAX:number]: {DESTINATION}"])
    with pytest.raises(WishRefused, match="is no option"):
        understood(read_subject(subject, []).wishes, OptionRules(), 0.0)


@pytest.mark.parametrize(
    ("text", "rest", "wishes"),
    [
        ("Hi <TONAME:Sergy>you<NOCOVER>", "Hi you", ["to Sergy", "cover off"]),
        ("<TOCOMPANY:Spital><FROMNAME:Ann><COVER>x", "x",
         ["company Spital", "sender Ann", "cover on"]),
        ("<RETRYCOUNT:1><RETRYINTERVAL:2>", "", ["retry 1/2"]),
        ("<RETRYCOUNT:1>", "", ["retry 1/5"]),
        ("<RETRYINTERVAL:9>", "", ["retry 3/9"]),
        ("<BILLINFO1:4711><BILLINFO2:ward>", "", ["bill 4711", "tag ward"]),
        ("<PRIORITY:HIGH>", "", ["<PRIORITY>: Priorities"]),
        ("<WHO:jdoe>", "", ["<WHO>: Who sends"]),
        ("<LIBDOC2:PRICE><ADDDOC:x>", "", ["<LIBDOC2>: Documents", "<ADDDOC>: Documents"]),
        ("<NOSMARTRESUME>", "", ["<NOSMARTRESUME>: Fax.Plus"]),
        ("<TONAEM:Sergy>", "", ["<tonaem> Sergy"]),
        ("<TOFAXNUM:8475551234>Hi", "Hi", [f"<TOFAXNUM>: {DESTINATION}"]),
        ("see <URGENT> and <HTTPS://x.example>", "see <URGENT> and <HTTPS://x.example>", []),
        ("a < b: c > d", "a < b: c > d", []),
    ],
)  # fmt: skip
def test_rightfax(text: str, rest: str, wishes: list[str]) -> None:
    """O6: codes anywhere in the sender's own words."""
    check(read_words(text, ["rightfax"]), rest, wishes)


@pytest.mark.parametrize(
    ("text", "rest", "wishes"),
    [
        ("BILLINGCODE:4711\nHi", "Hi", ["bill 4711"]),
        ("NOCOVERPAGE:true\nFAXID:0041225550101\nHi", "Hi", ["cover off", "from 0041225550101"]),
        ("NOCOVERPAGE:false", "", ["cover on"]),
        ("NOCOVERPAGE:perhaps", "", ["NOCOVERPAGE: Write true"]),
        ("CONFIRMSEND:true\nHi", "Hi", []),
        ("CONFIRMSEND:false", "", ["CONFIRMSEND: Replies"]),
        ("BANNERTEXT:ACME - Seite %c von %p", "", ["BANNERTEXT: The line"]),
        ("FAXPASSWORD:hunter2\nBILLINGCODE:1\nHi", "Hi", ["bill 1"]),
        ("Hi\nmy FaxPassword: hunter2\nthere", "Hi\nthere", []),
        ("Hi\nBILLINGCODE:4711", "Hi\nBILLINGCODE:4711", []),
    ],
)
def test_relayfax(text: str, rest: str, wishes: list[str]) -> None:
    """O6: lines at the top; a password decides nothing and its value goes nowhere."""
    marked = read_words(text, ["relayfax"])

    check(marked, rest, wishes)
    assert "hunter2" not in str(marked)


@pytest.mark.parametrize(
    ("text", "rest", "wishes"),
    [
        ("{nocoverpage}\n{showbodytext}\nHi", "Hi", ["cover off", "body page"]),
        ("{NoCoverPage}Hi", "Hi", ["cover off"]),
        ("{shobodytext} Hi", "Hi", ["{shobodytext}"]),
        ("Hi {nocoverpage}", "Hi {nocoverpage}", []),
        ("{1} Hi", "{1} Hi", []),
    ],
)
def test_efax_text(text: str, rest: str, wishes: list[str]) -> None:
    """O6: words in braces at the top."""
    check(read_words(text, ["efax"]), rest, wishes)


@pytest.mark.parametrize(
    ("dialect", "key", "value", "meant"),
    [
        ("efax", "fr", "Jane Doe", "sender Jane Doe"),
        ("efax", "co", "Doe Sprockets", "company Doe Sprockets"),
        ("efax", "cp", "off", "cover off"),
        ("efax", "to", "John Doe", "to John Doe"),
        ("faxback", "company", "FaxBack", "company FaxBack"),
        ("faxback", "nocover", "", "nocover"),
        ("faxback", "retries", "2", "retry 2/5"),
        ("faxback", "billing", "77", "bill 77"),
        ("faxback", "standard", "", "resolution fine"),
        ("faxback", "coarse", "", "resolution fine"),
        ("faxback", "legal", "", "^LEGAL: Paper cannot be chosen"),
        ("faxback", "zz", "1", "zz 1"),
        ("gfi", "billing", "77", "billing 77"),
    ],
)
def test_address_options(dialect: str, key: str, value: str, meant: str) -> None:
    """O6: foreign words of an address become ours; others stay for our vocabulary to judge."""
    wishes = translated([Wish(key, value, "address")], [dialect])

    check(Marked("", wishes), "", [meant])


def test_only_addresses_are_translated() -> None:
    """O6: the same word in a Subject mark is ours or nobody's."""
    wish = Wish("fr", "x", "subject")

    assert translated([wish], ["efax"]) == (wish,)


@given(st.text("<>[]{}:^/=TOFAXNUM 0+19", max_size=80))
def test_no_dialect_speaks_when_it_is_not_named(text: str) -> None:
    """R12, O6: off until a rule names them."""
    assert read_words(text, []) == Marked(text)


@given(st.from_regex(r"\+?[0-9][0-9 ()-]{2,15}", fullmatch=True))
def test_no_dialect_yields_a_destination(number: str) -> None:
    """O6: a form with a destination only stops the fax, and the number goes nowhere."""
    text = read_words(f"Hi <TOFAXNUM:{number}> there", DIALECTS)
    subject = read_subject(f"Hi [FAX:{number}]", DIALECTS)

    for marked in (text, subject):
        assert [DESTINATION in wish.problem for wish in marked.wishes] == [True]
        assert number not in str(marked)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_long_texts_take_linear_time(dialect: str) -> None:
    """M2: no spelling makes the reader slow."""
    for piece in ("<TO", "[fax:", "{a}", " /d ", "::", "a" * 9, " ", "FAXID:\n"):
        bomb = piece * (65536 // len(piece))
        read_words(bomb, [dialect])
        read_subject(bomb[:8192], [dialect])


def check(marked: Marked, rest: str, wishes: list[str]) -> None:
    """The rest is exact; each wish begins as told."""
    assert marked.text == rest
    assert len(marked.wishes) == len(wishes)
    assert all(one.startswith(begins) for one, begins in zip(said(marked), wishes, strict=True))
