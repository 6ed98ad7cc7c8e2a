"""W5, R11: what is reported to whom, and what a program reads; pure."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail2fax.answering import delivery_report
from mail2fax.answering.message import Sender, header_for
from mail2fax.answering.texts import Letter
from mail2fax.faxplus.statuses import FINAL
from mail2fax.spool.delivery_reports import Action, action_of, followed, is_wanted, kind_after
from mail2fax.spool.records import MailStory, ReplyToSend
from mail2fax.values import End, Identity, Outcome, Recipient
from tests.unit.test_texts import FAX, NOW, STORY

TO = Recipient("0225550123@fax.example.com", (FAX.number,), ("SUCCESS", "FAILURE", "DELAY"))
LETTER = Letter("Re: Lab results", "Fax FAILED 0225550123", "Die Nummer fällt aus.\n")
HEADER = b"Subject: Lab results\r\nFrom: ann@example.org\r\n"


def ended(end: End, status: str = "x", why: str = "") -> Outcome:
    """An outcome."""
    return Outcome(end, status, NOW + 60, why, 3, 95)


def story(outcome: Outcome | None, *recipients: Recipient, **more: Any) -> MailStory:
    """A mail whose first fax ended so."""
    return replace(
        STORY, faxes=(replace(FAX, outcome=outcome),), recipients=recipients or (TO,), **more
    )


def report(
    told: MailStory, follows: str = "outcome", header: bytes = HEADER
) -> tuple[EmailMessage, list[Any]]:
    """The report as `email` reads it: the whole, and its groups of fields."""
    due = ReplyToSend("R1", "m1", "f1", kind_after(follows) or "", NOW, 0, 0)
    top = header_for(LETTER, due, told, ["ann@example.org"], Sender("fax@fax.example.com"), NOW)
    data = delivery_report.message_of(top, LETTER, due, told, header, "fax.example.com")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    status = list(found.iter_parts())[1]
    assert status.get_content_type() == "message/delivery-status"
    groups = status.get_payload()
    assert isinstance(groups, list)
    return found, groups


@pytest.mark.parametrize(
    ("reply", "end", "action"),
    [
        ("outcome", End.SUCCESS, Action.DELIVERED),
        ("outcome", End.PARTIAL, Action.FAILED),
        ("outcome", End.FAILED, Action.FAILED),
        ("outcome", End.UNKNOWN, Action.FAILED),
        ("outcome", End.CANCELLED, Action.FAILED),
        ("outcome", None, None),
        ("refused", End.NOT_SENT, Action.FAILED),
        ("waiting", None, Action.DELAYED),
        ("held", None, Action.DELAYED),
        ("waiting", End.SUCCESS, None),
        ("accepted", None, None),
    ],
)
def test_only_the_providers_success_is_a_delivery(
    reply: str, end: End | None, action: Action | None
) -> None:
    """W5: handed over is none, and what waits is delayed."""
    assert action_of(reply, end) is action


@pytest.mark.parametrize("reply", ["accepted", "copy", "status", "unclear", "denied", "postmaster"])
def test_no_report_follows_the_other_replies(reply: str) -> None:
    """W5: being handed over, above all, is not reported."""
    assert kind_after(reply) is None
    assert followed(reply) is None


@pytest.mark.parametrize(
    ("notify", "device", "wanted"),
    [
        ((), False, set()),
        ((), True, {Action.FAILED}),
        (("NEVER",), True, set()),
        (("NEVER",), False, set()),
        (("SUCCESS",), False, {Action.DELIVERED}),
        (("SUCCESS",), True, {Action.DELIVERED}),
        (("FAILURE", "DELAY"), False, {Action.FAILED, Action.DELAYED}),
    ],
)
def test_who_is_reported_to(notify: tuple[str, ...], wanted: set[Action], *, device: bool) -> None:
    """R11: who asked in the envelope, and devices; the envelope's word stands over the device."""
    recipient = replace(TO, notify=notify)

    assert {one for one in Action if is_wanted(one, recipient, device=device)} == wanted


def test_every_field_of_a_report() -> None:
    """RFC 3464: ENVID and ORCPT echoed, one group for the recipient, the header alone goes back."""
    to = replace(TO, original="rfc822;ann+fax@example.org")
    outcome = ended(End.FAILED, "failed_unallocated_number", "The number is not in use.")
    told, (mail, recipient) = report(story(outcome, to, envelope_id="order+7"))

    assert told.get_content_type() == "multipart/report"
    assert told.get_param("report-type") == "delivery-status"
    assert (told["In-Reply-To"], told["Auto-Submitted"]) == ("<1@x>", "auto-replied")
    assert told["X-Auto-Response-Suppress"] == "All"
    words, _, returned = told.iter_parts()
    assert words.get_content().replace("\r\n", "\n") == LETTER.body
    assert returned.get_content_type() == "text/rfc822-headers"
    assert returned.get_payload(decode=True) == HEADER
    assert dict(mail) == {
        "Original-Envelope-Id": "order+7",
        "Reporting-MTA": "dns; fax.example.com",
        "Arrival-Date": "Wed, 18 Nov 2026 11:06:40 +0000",
        "X-Mail2Fax-Reference": "M2F-7K3QX",
    }
    assert dict(recipient) == {
        "Original-Recipient": "rfc822;ann+fax@example.org",
        "Final-Recipient": "rfc822; 0225550123@fax.example.com",
        "Action": "failed",
        "Status": "5.1.1",
        "Diagnostic-Code": "X-Fax; failed_unallocated_number The number is not in use.",
        "Last-Attempt-Date": "Wed, 18 Nov 2026 11:07:40 +0000",
        "X-Fax-Number": "+41225550123",
        "X-Fax-Reference": "M2F-7K3QX/1",
        "X-Fax-ID": "abc123",
        "X-Fax-Pages": "3",
    }


@pytest.mark.parametrize(
    ("outcome", "follows", "action", "status"),
    [
        (ended(End.SUCCESS, "success"), "outcome", "delivered", "2.0.0"),
        (ended(End.PARTIAL, "partially_sent"), "outcome", "failed", "5.4.2"),
        (ended(End.FAILED, "failed_user_busy"), "outcome", "failed", "4.4.1"),
        (ended(End.FAILED, "failed_render_header_issue"), "outcome", "failed", "5.6.5"),
        (ended(End.NOT_SENT, "given up"), "outcome", "failed", "4.4.7"),
        (ended(End.NOT_SENT, "refused 5.3.4"), "refused", "failed", "5.3.4"),
        (ended(End.UNKNOWN, "no outcome"), "outcome", "failed", "4.4.0"),
        (ended(End.FAILED, "a word of tomorrow"), "outcome", "failed", "5.0.0"),
        (None, "waiting", "delayed", "4.4.0"),
    ],
)
def test_action_and_status(outcome: Outcome | None, follows: str, action: str, status: str) -> None:
    """RFC 3463: what a program sorts by."""
    _, (_, recipient) = report(story(outcome), follows)

    assert (recipient["Action"], recipient["Status"]) == (action, status)


def test_every_final_status_has_a_code() -> None:
    """S6: none of Fax.Plus's words for a failure is left as unknown but those that say nothing."""
    failures = [word for word in FINAL if word != "success"]
    codes = {word: delivery_report.status_of(ended(End.FAILED, word)) for word in failures}

    assert {word for word, code in codes.items() if code == "5.0.0"} == {
        "failed", "failed_internal_process_error", "failed_fs_2", "failed_fs_49",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "numbers", "shown"),
    [
        ("0225550123@Fax.Example.com", (FAX.number,), "0225550123@Fax.Example.com"),
        ("0225550123", (FAX.number,), "0225550123@fax.example.com"),
        ("lab@fax.example.com", (FAX.number, "+41225550124"), "+41225550123@fax.example.com"),
        ("bücher@fax.example.com", (FAX.number,), "+41225550123@fax.example.com"),
        ("a b@fax.example.com", (FAX.number,), "+41225550123@fax.example.com"),
    ],
)
def test_the_final_recipient(written: str, numbers: tuple[str, ...], shown: str) -> None:
    """RFC 3464 2.3.2: the address as the sender wrote it, where it meant one number and no more."""
    _, (_, recipient) = report(story(ended(End.FAILED), Recipient(written, numbers, ("FAILURE",))))

    assert recipient["Final-Recipient"] == f"rfc822; {shown}"


def test_only_recipients_that_asked_are_told() -> None:
    """RFC 3461: two addresses of one number, one of which does not want to know."""
    silent = Recipient("+41225550123@fax.example.com", (FAX.number,), ("NEVER",))
    _, groups = report(story(ended(End.FAILED), TO, silent))

    assert [one["Final-Recipient"] for one in groups[1:]] == [f"rfc822; {TO.written}"]


@pytest.mark.parametrize(
    "header",
    ["Subject: Prüfung".encode(), b"Subject: " + b"x" * 2000, b"Subject: a\tb", b""],
    ids=["8 bits", "long line", "tab", "destroyed"],
)
def test_the_header_travels_as_it_is(header: bytes) -> None:
    """W5: in seven bits, whatever it holds; a mail that is purged has none."""
    told, _ = report(story(ended(End.FAILED)), header=header and header + b"\r\n")

    returned = list(told.iter_parts())[2:]
    found = [one.get_payload(decode=True) for one in returned]
    assert found == ([header + b"\r\n"] if header else [])


def test_strangers_words_cannot_forge_a_field() -> None:
    """W1: what somebody wrote stays on its line."""
    why = "“a.pdf\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822;x” is damaged."
    _, groups = report(story(ended(End.NOT_SENT, "refused 5.6.0", why)), "refused")

    assert [one["Action"] for one in groups] == [None, "failed"]


def test_only_the_top_of_a_mail_goes_back(tmp_path: Path) -> None:
    """W5: RET=FULL returns the header alone; no content, and nothing of a purged mail."""
    mail = tmp_path / "mail"
    mail.write_bytes(HEADER + b"\r\nsecret\r\n\r\nsecret")

    assert delivery_report.original_header(mail) == HEADER
    assert delivery_report.original_header(tmp_path / "purged") == b""


@pytest.mark.parametrize(
    ("mail_from", "device", "to"),
    [
        ("ANN@example.org", False, ("ann@example.org",)),
        ("stranger@example.net", False, ("lab@example.org", "ann@example.org")),
        ("ann@example.org", True, ("lab@example.org", "ann@example.org")),
    ],
)
def test_whom_a_report_goes_to(mail_from: str, to: tuple[str, ...], *, device: bool) -> None:
    """W1, W5: MAIL FROM where replies may go there, never where a stranger wrote."""
    told = replace(
        STORY, mail_from=mail_from, reply_to=("lab@example.org", "ann@example.org"),
        identity=Identity("r", "network", "n", device),
    )  # fmt: skip

    assert delivery_report.addresses(told) == to
