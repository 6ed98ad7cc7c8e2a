"""W4: plain text that reads well where lines are joined, and where they are not (RFC 3676)."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.answering.flowed import set_text
from tests.plain import plain_text


def sent(body: str) -> EmailMessage:
    """A message with a text, as it comes out on the other side."""
    message = EmailMessage(policy=email.policy.SMTP)
    set_text(message, body)
    read = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("one two " * 12, ["one two " * 9, "one two one two one two"]),
        ("    " + "word " * 18, ["     " + "word " * 13 + "word", "         word word word word"]),
        ("    key   " + "word " * 16, ["     key   " + "word " * 12 + "word",
                                       "           word word word"]),
        (">quoted\nFrom here", [" >quoted", " From here"]),
        ("a\n\n\nb", ["a", "", "", "b"]),
        ("x" * 200, ["x" * 200]),
    ],
)  # fmt: skip
def test_lines_are_set(body: str, lines: list[str]) -> None:
    """W4: paragraphs may be joined again, lists hang, long words are not broken."""
    assert str(sent(body).get_content()).rstrip().split("\r\n") == lines


@given(st.lists(st.lists(st.sampled_from(["Wort", "ein", "längeres", "x"]), max_size=40)))
def test_paragraphs_come_back_whole(paragraphs: list[list[str]]) -> None:
    """W4: a program that joins lines shows what was written."""
    body = "\n".join(" ".join(words) for words in paragraphs)
    message = sent(body)

    assert message.get_content_charset() == ("us-ascii" if body.isascii() else "utf-8")
    assert message["Content-Type"].params["format"] == "flowed"
    assert plain_text(message).rstrip("\n") == body.rstrip("\n")
