"""L4, L6: AUTH as real clients and copiers speak it."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.crowd import CrowdLimits
from tests.integration.smtp_bench import RULE, TO, Desk, Talk
from tests.integration.tls_bench import WITH_LOGIN, logins

PLAIN = base64.b64encode(b"\0ann\0correct horse").decode()
ANN, HORSE, WRONG = (base64.b64encode(one).decode() for one in (b"ann", b"correct horse", b"x"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A listener that lets this machine log in without TLS."""
    settings: dict[str, Any] = {"logins": logins, "rules": (WITH_LOGIN,)}
    settings["auth_without_tls"] = RULE.networks
    async with Desk(tmp_path, **settings) as desk:
        yield desk


@pytest.mark.parametrize(
    "lines",
    [
        [f"AUTH PLAIN {PLAIN}"],
        ["AUTH PLAIN", PLAIN],
        [f"auth plain {PLAIN}"],
        ["AUTH LOGIN", ANN, HORSE],
        [f"AUTH LOGIN {ANN}", HORSE],
        ["AUTH Login", ANN, HORSE],
    ],
)
async def test_a_login_admits(desk: Desk, lines: list[str]) -> None:
    """Each form that programs and copiers use, in any case (quirks 2, 3)."""
    talk = await desk.call()
    assert await talk.say("EHLO me", *lines) == "235 2.7.0 Welcome"
    assert (await talk.send()).startswith("250 ")

    (story,) = await desk.mails()
    assert (story.identity.kind, story.identity.name) == ("login", "ann")


async def test_the_challenges_are_those_copiers_know(desk: Desk) -> None:
    """Quirk 1: Xerox hangs up at any other words than Username: and Password:."""
    talk = await desk.call()

    assert await talk.say("EHLO me", "AUTH LOGIN") == "334 VXNlcm5hbWU6"
    assert await talk.say(ANN) == "334 UGFzc3dvcmQ6"


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ([f"AUTH LOGIN {ANN}", WRONG], "535 5.7.8 The login or the password is wrong"),
        ([f"AUTH LOGIN {base64.b64encode(b'busy').decode()}", WRONG], "454 4.7.0 Logins cannot"),
        (["AUTH LOGIN", "*"], "501 5.7.0 Cancelled"),
        (["AUTH PLAIN", "*"], "501 5.7.0 Cancelled"),
        (["AUTH LOGIN", "???"], "501 5.5.2 The answer is not base64"),
        (["AUTH PLAIN ???"], "501 5.5.2 The answer is not base64"),
        (["AUTH PLAIN /w=="], "501 5.5.2 The answer is not base64"),
        (["AUTH PLAIN ="], "501 5.5.2 The PLAIN answer must hold"),
        ([f"AUTH PLAIN {ANN}"], "501 5.5.2 The PLAIN answer must hold"),
        (["AUTH PLAIN AGFubgA="], "501 5.5.2 Login and password may not be empty"),
        (["AUTH CRAM-MD5"], "504 5.5.4 Use one of PLAIN, LOGIN"),
        (["AUTH"], "504 5.5.4 Use one of PLAIN, LOGIN"),
        ([f"AUTH PLAIN {PLAIN}", f"AUTH PLAIN {PLAIN}"], "503 5.5.1 You are logged in already"),
        (["MAIL FROM:<a@b.ch>", f"AUTH PLAIN {PLAIN}"], "503 5.5.1 A mail has begun already"),
        (["HELO me", f"AUTH PLAIN {PLAIN}"], "503 5.5.1 Say EHLO first"),
    ],
)
async def test_logins_that_fail(desk: Desk, lines: list[str], answer: str) -> None:
    """RFC 4954: each its code; the session goes on and the right login is still taken."""
    talk = await desk.call()
    assert (await talk.say("EHLO me", *lines)).startswith(answer)

    if "already" not in answer:
        assert (await talk.say("EHLO me", f"AUTH PLAIN {PLAIN}")).startswith("235 ")


async def test_a_stranger_is_told_to_log_in(desk: Desk) -> None:
    """RFC 4954 6: 530, so that a mail program asks for the password."""
    talk = await desk.call()

    said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
    assert said == "530 5.7.0 Log in first"


async def test_a_login_that_no_rule_names_is_refused_by_name(tmp_path: Path) -> None:
    """L6: the sentence says who must be added."""
    rule = WITH_LOGIN.__class__("other", (), RULE.addresses, logins=("bob",))
    settings: dict[str, Any] = {"logins": logins, "rules": (rule,)}
    settings["auth_without_tls"] = RULE.networks
    async with Desk(tmp_path, **settings) as desk:
        talk = await desk.call()
        await talk.say("EHLO me", f"AUTH PLAIN {PLAIN}")

        said = await talk.say("MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        assert said.startswith("550 5.7.1 ann may not send faxes here")


async def test_without_logins_auth_is_not_served(tmp_path: Path) -> None:
    """L4, trap 5: neither announced nor taken."""
    async with Desk(tmp_path) as desk:
        talk = await desk.call()
        assert "AUTH" not in await talk.say("EHLO me")
        assert (await talk.say(f"AUTH PLAIN {PLAIN}")).startswith("502 5.5.1 AUTH is not served")


async def test_guessing_ends_the_session(desk: Desk) -> None:
    """L10: wrong logins are errors, and those are counted."""
    talk = await desk.call()
    await talk.say("EHLO me")
    for _ in range(20):
        assert (await talk.say(f"AUTH LOGIN {ANN}", WRONG)).startswith("535")
    await talk.say(f"AUTH LOGIN {ANN}", WRONG)

    assert (await talk.answer()).startswith("421 4.7.0 Too many errors")


async def test_no_password_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """L12: neither the password nor what stood in its place, in no form."""
    caplog.set_level("DEBUG")
    talk = await desk.call()
    await talk.say("EHLO me", f"AUTH LOGIN {ANN}", base64.b64encode(b"canary-1").decode())
    await talk.say("AUTH LOGIN", base64.b64encode(b"canary-2").decode(), WRONG)
    await talk.say(f"AUTH PLAIN {PLAIN}")

    assert "logged-in session=" in caplog.text
    for secret in ("canary", base64.b64encode(b"canary-1").decode(), "horse", PLAIN):
        assert secret not in caplog.text


async def test_a_login_makes_room_for_the_next_stranger(tmp_path: Path) -> None:
    """L10: only those that have not logged in count as silent."""
    settings: dict[str, Any] = {"logins": logins, "rules": (WITH_LOGIN,)}
    settings["auth_without_tls"] = RULE.networks
    async with Desk(tmp_path, CrowdLimits(silent=1), **settings) as desk:
        first = await desk.call()
        full: Talk = await desk.call(greet=False)
        assert (await full.answer()).startswith("421 4.3.2")
        await first.say("EHLO me", f"AUTH PLAIN {PLAIN}")
        await desk.call()
