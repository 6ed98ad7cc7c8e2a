"""L6a: a mail server hands over; whose mail it is shows after the dot."""

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from mail2fax.accepting.admission import AuthorRule, Rule, Way
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import RelayedMail, RelaySettings
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.numbers import NumberRules
from mail2fax.values import Response
from tests.integration.smtp_bench import GOOD, OTHER, RULE, TO, Desk

PARIS = "+33142681234@fax.example.com"
REACH = AddressRules(("fax.example.com",), NumberRules("CH", frozenset({"CH", "FR"})))
SERVER = replace(
    RULE, name="swiss", author=AuthorRule(Way.RELAY, domains=frozenset({"example.org"}))
)


class Bench:
    """A judge that keeps what it was shown and says what the test wants."""

    def __init__(self) -> None:
        self.shown: list[RelayedMail] = []
        self.bytes_on_disk = b""
        self.verdict: Rule | Response = SERVER

    async def __call__(self, mail: RelayedMail) -> Rule | Response:
        """Look, and say it."""
        self.shown.append(mail)
        self.bytes_on_disk = mail.file.read_bytes()
        return self.verdict


@pytest.fixture
def judge() -> Bench:
    """The judge of the listener."""
    return Bench()


@pytest.fixture
async def desk(tmp_path: Path, judge: Bench) -> AsyncIterator[Desk]:
    """A listener for mail servers on this machine."""
    relay = RelaySettings(REACH, judge)
    async with Desk(tmp_path, relay=relay, rules=(SERVER,)) as desk:
        yield desk


async def test_the_judge_sees_the_whole_mail_and_names_the_rule(desk: Desk, judge: Bench) -> None:
    """L6a: file, gate reading and proof are there before the 250; the ledger keeps the rule."""
    talk = await desk.call()
    assert (await talk.send()).startswith("250 ")

    (shown,) = judge.shown
    assert judge.bytes_on_disk == GOOD
    assert (shown.mail_from, shown.proof) == ("ann@example.org", Proof("127.0.0.1"))
    assert shown.found.headline.subject == "Hello"
    assert (await desk.mails())[0].identity.rule == "swiss"


async def test_an_unproved_mail_is_refused_at_the_dot(desk: Desk, judge: Bench) -> None:
    """L6a: nothing is kept, the session goes on."""
    judge.verdict = Response(550, "5.7.1", "Not proved")
    talk = await desk.call()

    assert await talk.send() == "550 5.7.1 Not proved"
    assert (await desk.mails(), desk.files()) == ([], [])
    judge.verdict = SERVER
    assert (await talk.send()).startswith("250 ")


async def test_a_number_that_the_rule_bars_is_told_by_mail(desk: Desk) -> None:
    """L10, W2: 250 if one fax can be ordered; the others stand among the refused recipients."""
    talk = await desk.call()
    assert "accepted, 1 fax" in await talk.send(GOOD, PARIS, OTHER)

    (story,) = await desk.mails()
    assert [fax.number for fax in story.faxes] == ["+41225550124"]
    ((written, response),) = story.refused_recipients
    assert (written, response[:3]) == (PARIS, "550")


async def test_no_number_left_is_a_refusal(desk: Desk) -> None:
    """L6a: the rule's own sentence, and nothing kept."""
    talk = await desk.call()

    assert (await talk.send(GOOD, PARIS)).startswith("550 5.7.1 ")
    assert await desk.mails() == []


async def test_the_null_sender_is_refused(desk: Desk, judge: Bench) -> None:
    """R9: reports and automatic answers come from it."""
    talk = await desk.call()

    said = await talk.say("EHLO me", "MAIL FROM:<>", f"RCPT TO:<{TO}>")
    assert said == "550 5.7.1 A mail without a sender is not faxed"
    assert judge.shown == []


async def test_another_server_opens_nothing(tmp_path: Path, judge: Bench) -> None:
    """L6a: the server's address opens the conversation, and a people rule does not."""
    elsewhere = replace(SERVER, networks=(ip_network("192.0.2.1/32"),))
    relay = RelaySettings(REACH, judge)
    async with Desk(tmp_path, relay=relay, rules=(RULE, elsewhere)) as desk:
        talk = await desk.call()

        assert (await talk.send()).startswith("554 5.5.1 No valid recipients")
        assert judge.shown == []


async def test_without_a_judge_nobody_is_proved(tmp_path: Path) -> None:
    """L6a: closed by default."""
    async with Desk(tmp_path, relay=RelaySettings(REACH), rules=(SERVER,)) as desk:
        talk = await desk.call()

        assert (await talk.send()).startswith("550 5.7.1 The sender is not proved")
