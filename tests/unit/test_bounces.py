"""W1: which mail of ours came back, and from whom."""

import pytest

from mail2fax.reading.bounces import Bounce, bounce_of

ROW = "01M7RHD66BHJP28MRWXVTYQY9P"
POSTFIX = f"""\
Return-Path: <>
From: MAILER-DAEMON@relay.example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
Message-Id: <20261125000000.AAAA@relay.example.com>

--b
Content-Type: text/plain

I'm sorry

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com

Final-Recipient: rfc822; Ann@example.org
Original-Recipient: rfc822;ann@example.org
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

From: Fax <fax@fax.example.com>
Message-ID: <{ROW}@fax.example.com>

--b--
"""
FOUND = Bounce(ROW, is_final=True, recipients=frozenset({"ann@example.org"}), status="5.1.1")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_postfix_returns(ends: str) -> None:
    """RFC 3464: the row, whom it did not reach, and the status; its own Message-ID is another's."""
    assert bounce_of(POSTFIX.replace("\n", ends).encode()) == FOUND


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
def test_what_is_only_told_is_not_final(action: str) -> None:
    """A mail that is late has not come back."""
    data = POSTFIX.replace("Action: failed", f"Action: {action}").encode()

    assert bounce_of(data) == Bounce(ROW, is_final=False)


def test_words_without_fields_are_a_return() -> None:
    """Old servers put the mail behind a sentence; Exchange folds long ids."""
    data = (
        f"Subject: failure notice\n\nSorry. Below is a copy.\n\nMessage-ID:\n <{ROW}@f>\n".encode()
    )

    assert bounce_of(data) == Bounce(ROW, is_final=True)


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: out of office\r\n\r\nI am on holiday\r\n",
        f"In-Reply-To: <{ROW}@fax.example.com>\r\n\r\nhello\r\n".encode(),
        POSTFIX.replace(ROW, ROW[:-1]).encode(),
        (POSTFIX + POSTFIX.replace(ROW, f"{ROW[:-1]}Q")).encode(),
        b"",
    ],
    ids=["vacation", "an answer", "another id", "two ids", "empty"],
)
def test_what_names_no_mail_of_ours_is_none(data: bytes) -> None:
    """W1: nothing follows from it."""
    assert bounce_of(data) is None
