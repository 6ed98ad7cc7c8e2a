"""The parameters of RFC 3461: read wholly, or refused with the form they should have."""

import pytest

from mail2fax.accepting.dialogue.arguments import (
    MailArgument,
    RecipientArgument,
    mail_argument,
    rcpt_argument,
)
from mail2fax.values import Response


@pytest.mark.parametrize(
    ("parameters", "notify", "original"),
    [
        ("", (), ""),
        ("NOTIFY=NEVER", ("NEVER",), ""),
        ("notify=success,Failure,DELAY", ("SUCCESS", "FAILURE", "DELAY"), ""),
        ("NOTIFY=FAILURE,FAILURE", ("FAILURE",), ""),
        ("ORCPT=rfc822;ann+2Bfax@example.org", (), "rfc822;ann+fax@example.org"),
        ("ORCPT=RFC822;a NOTIFY=DELAY", ("DELAY",), "RFC822;a"),
        ("ORCPT=utf-8;\u00fc@example.org", (), r"utf-8;\x{FC}@example.org"),
        (r"ORCPT=utf-8;\x{FC}@example.org", (), r"utf-8;\x{FC}@example.org"),
        ("ORCPT=x400;/S+3Da/+20b", (), "x400;/S=a/ b"),
    ],
)
def test_what_is_to_be_told_of_a_recipient(
    parameters: str, notify: tuple[str, ...], original: str
) -> None:
    """W5: NOTIFY in any case and once each, ORCPT decoded."""
    argument = rcpt_argument(f"TO:<1@f> {parameters}")

    assert argument == RecipientArgument("1@f", notify, original)


@pytest.mark.parametrize(
    ("parameters", "envelope_id", "returned"),
    [
        ("", "", ""),
        ("RET=full", "", "FULL"),
        ("ENVID=QQ314159 RET=HDRS", "QQ314159", "HDRS"),
        ("ENVID=a+20b+3Dc SIZE=5", "a b=c", ""),
        (f"ENVID={'x' * 100}", "x" * 100, ""),
    ],
)
def test_what_is_to_be_told_of_a_mail(parameters: str, envelope_id: str, returned: str) -> None:
    """W5: ENVID decoded, RET in upper case."""
    argument = mail_argument(f"FROM:<a@b> {parameters}")

    assert isinstance(argument, MailArgument)
    assert (argument.envelope_id, argument.returned) == (envelope_id, returned)


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ("NOTIFY", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=NEVER,FAILURE", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=NEVER,NEVER,DELAY", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=SUCCESS,", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=ALWAYS", "501 5.5.4 NOTIFY may be"),
        ("NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4 The parameter NOTIFY stands there twice"),
        ("ORCPT=ann@example.org", "501 5.5.4 ORCPT must be"),
        ("ORCPT=;ann@example.org", "501 5.5.4 ORCPT must be"),
        ("ORCPT=rfc822;", "501 5.5.4 ORCPT must be"),
        ("ORCPT=rfc822;a+4", "501 5.5.4 ORCPT must be"),
        ("ORCPT=rfc822;a+2b", "501 5.5.4 ORCPT must be"),
        ("ORCPT=rfc822;a+0D+0AX:", "501 5.5.4 ORCPT must be"),
        ("ORCPT=rfc822;\u00fc@example.org", "501 5.5.4 ORCPT must be"),
        (f"ORCPT=rfc822;{'a' * 500}", "501 5.5.4 ORCPT must be"),
        ("RET=FULL", "555 5.5.4 The parameter RET"),
    ],
)
def test_half_a_promise_about_a_recipient_is_refused(parameters: str, wrong: str) -> None:
    """W5: with the form it should have."""
    answer = rcpt_argument(f"TO:<1@f> {parameters}")

    assert isinstance(answer, Response)
    assert str(answer).startswith(wrong)


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ("RET", "501 5.5.4 RET may be"),
        ("RET=BODY", "501 5.5.4 RET may be"),
        ("ENVID=", "501 5.5.4 ENVID must be"),
        ("ENVID=a=b", "501 5.5.4 ENVID must be"),
        ("ENVID=+0A", "501 5.5.4 ENVID must be"),
        (f"ENVID={'x' * 101}", "501 5.5.4 ENVID must be"),
        ("RET=FULL RET=HDRS", "501 5.5.4 The parameter RET stands there twice"),
        ("NOTIFY=NEVER", "555 5.5.4 The parameter NOTIFY"),
    ],
)
def test_half_a_promise_about_a_mail_is_refused(parameters: str, wrong: str) -> None:
    """W5: likewise."""
    answer = mail_argument(f"FROM:<a@b> {parameters}")

    assert isinstance(answer, Response)
    assert str(answer).startswith(wrong)
