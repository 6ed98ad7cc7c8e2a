"""M13: an explanation as a person reads it, and what is no mail."""

from pathlib import Path
from typing import Any

import pytest

from mail2fax.explain_verb import NotAMail, check_is_mail
from mail2fax.explain_words import in_words

DOCUMENT = {"part": "2", "filename": "a.pdf", "content_type": "application/pdf", "size": 34_815,
            "sha256": "0" * 64, "pages": 2}  # fmt: skip
TEXT = {"part": "1", "filename": None, "content_type": "text/plain", "size": 1, "sha256": "0" * 64,
        "why": "The mail's text is no document: it goes where the option body says."}  # fmt: skip
GOES = {"written": "022 555 01 23", "number": "+41225550123", "why": "national number, Switzerland"}


def told(**changes: Any) -> dict[str, Any]:
    """A mail with one document that would be faxed."""
    return {"mail": "m.eml", "when": None, "destinations": [GOES], "documents": [DOCUMENT],
            "not_faxed": [TEXT], "comment": "Please call.\nAnn", "options": {},
            "refused": None, **changes}  # fmt: skip


def test_what_would_be_faxed() -> None:
    """M13: how much, where it goes, what not and why, the text's fate, options, the answer."""
    words = in_words(told(options={"resolution": "fine", "tags": ["a", "b"], "report": True,
                                   "cover": {"to": "Ann", "urgent": True, "from": ""}}),
                     reply="to ann@example.org")  # fmt: skip

    assert (
        words
        == """\
m.eml
  Would be faxed: 1 document, 2 pages, to 1 number.

  To         022 555 01 23 dials +41225550123 (national number, Switzerland)
  Documents  a.pdf: 2 pages, application/pdf, 35 kB (part 2)
  Not faxed  text/plain, 1 byte (part 1): the mail's text, see below
  Text       goes into the comment at Fax.Plus, on no page:
             │ Please call.
             │ Ann
  Options    resolution: fine
             tags: a, b
             report: yes
             cover: to Ann, urgent yes
  Reply      to ann@example.org"""
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"refused": "554 5.6.0 No", "when": "line"}, "  Refused on the line; the client hears:"),
        ({"refused": "554 5.6.0 No", "when": "mail"},
         "  Refused by mail, after it was taken; the sender reads:"),
        ({"refused": "It would be held until …", "when": "mail"}, "  On hold:"),
        ({"refused": "It would wait for …", "when": "mail"}, "  One of several:"),
        ({"destinations": []},
         "  Would be faxed: 1 document, 2 pages; no number was given (--to)."),
        ({"documents": [{**DOCUMENT, "pages": None}]},
         "  Would be faxed: 1 document, to 1 number."),
        ({"destinations": [{"written": "117@f", "number": None, "why": "emergency"}]},
         "  To         117@f is refused: emergency"),
        ({"destinations": [{**GOES, "options": {"resolution": "fine"}}]},
         "               resolution: fine"),
        ({"destinations": [{**GOES, "options": {"body": "page"}}]}, "               body: page"),
        ({"options": {"retry": {"count": 1, "delay": 0}, "cover": {"message": "Hi\n\nAnn"}}},
         "  Options    retry: count 1, delay 0"),
        ({"options": {"cover": {"message": "Hi\n\nAnn"}}}, "  Options    cover: message Hi Ann"),
        ({"comment": "", "options": {"body": "off"}},
         "  Text       goes nowhere: it is neither faxed nor kept"),
        ({"comment": "", "options": {"body": "page"}}, "  Text       goes as a page of its own"),
        ({"comment": ""}, "  Text       none of the sender's own"),
        ({"comment": "x", "options": {"body": "comment+cover"}},
         "  Text       goes into the comment and onto the cover page:"),
        ({"comment": "a\n" * 9}, "             │ … 4 lines more"),
        ({"not_faxed": [{**TEXT, "size": None, "filename": "x\x1b[2J", "why": "Cut."}]},
         "  Not faxed  x\ufffd[2J, damaged (part 1): Cut."),
        ({"documents": [{**DOCUMENT, "size": 2_500_000}]},
         "  Documents  a.pdf: 2 pages, application/pdf, 2.5 MB (part 2)"),
    ],
)  # fmt: skip
def test_each_fate_has_its_line(changes: dict[str, Any], line: str) -> None:
    """M13: which gate refuses and how; nothing of a mail steers the terminal."""
    words = in_words(told(**changes))

    assert line in words.split("\n")
    assert "\x1b" not in words


def test_lines_fit_a_terminal() -> None:
    """M13: 80 columns, whatever the names are; colours only where they are asked for."""
    long = {**DOCUMENT, "filename": "a name " * 40, "content_type": "x/" + "y " * 90}
    words = in_words(told(documents=[long] * 3, comment="word " * 90, refused="554 no " * 40))

    assert max(map(len, words.split("\n"))) <= 80
    assert "\x1b[31m" in in_words(told(refused="554 no", when="line"), colour=True)
    assert "\x1b[32m" in in_words(told(), colour=True)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pdf", b"%PDF-1.4\n", "is a PDF, not a mail. Save the mail itself"),
        ("a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a file of Outlook (.msg)"),
        ("a.docx", b"PK\x03\x04", "is a ZIP or Office file"),
        ("box", b"From a@x Mon\nTo: b\n\nhi\n\nFrom c@x Tue\nTo: b\n\nho\n", "several mails"),
        ("missing", None, "there is no such file"),
    ],
)
def test_what_is_no_mail_is_named(
    name: str, data: bytes | None, sentence: str, tmp_path: Path
) -> None:
    """M13: with what to do instead."""
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(NotAMail) as error:
        check_is_mail(path)

    assert str(error.value).startswith(str(path))
    assert sentence in str(error.value)


def test_directories_and_giants_are_named(tmp_path: Path) -> None:
    """M13: the same; a mailbox of one mail is that mail."""
    with pytest.raises(NotAMail, match=r"is a directory. Name the mails in it: .*\.eml"):
        check_is_mail(tmp_path)
    giant = tmp_path / "giant.eml"
    with giant.open("wb") as file:
        file.truncate(400_000_000)
    with pytest.raises(NotAMail, match="has 400 MB"):
        check_is_mail(giant)
    one = tmp_path / "one"
    one.write_bytes(b"From a@x Mon\nTo: b\n\nhi\n\nFrom here on it is text.\n")
    check_is_mail(one)
