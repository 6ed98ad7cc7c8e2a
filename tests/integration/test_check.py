"""W6, D1: ``mail2fax check`` says for each thing ok or what to do."""

import asyncio
import json
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.checks import Finding, State, findings, of_account, of_configuration, of_way_back
from mail2fax.cli import main
from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.switches import Trouble
from tests.fronts import NO_POSTFIX, free_port, home, postfix, relaying
from tests.integration.test_daemon import House

__all__ = ["home"]

GOOD_RULE = {"networks": ["127.0.0.0/8"], "name": "office", "quota": {"faxes": "200/day"}}


class Forwarder(Mailbox):
    """A relay that sends mail for the fax domain on to the daemon."""

    def __init__(self) -> None:
        super().__init__()
        self.next_hop: tuple[str, int] | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep it, and send it on."""
        said = await super().handle_DATA(server, session, envelope)
        if self.next_hop is not None:
            await asyncio.to_thread(self._send_on, envelope.rcpt_tos, bytes(envelope.content))
        return said

    def _send_on(self, to: list[str], content: bytes) -> None:
        assert self.next_hop is not None
        with smtplib.SMTP(*self.next_hop, timeout=10) as client:
            client.sendmail("", to, content)


class Deaf(Mailbox):
    """A relay that knows nobody."""

    async def handle_RCPT(self, *_arguments: Any) -> str:  # noqa: N802
        """Refuse every recipient."""
        return "550 5.1.1 User unknown"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A simulated Fax.Plus and a relay."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def config_of(house: House, **changes: Any) -> Config:
    """A configuration that lacks nothing."""
    return house.config(**{"admin": "admin@example.org", "senders": [GOOD_RULE], **changes})


async def found(config: Config, seconds: float = 5.0) -> dict[str, Finding]:
    """What is found, by what it is about."""
    return {one.what: one async for one in findings(config, seconds)}


async def test_all_is_well(house: House) -> None:
    """W6: the probe goes by the relay and comes back; nothing of it is kept or faxed."""
    async with Forwarder() as relay:
        config = config_of(house, relay={"host": "127.0.0.1", "port": relay.port})
        async with Daemon(config) as daemon:
            relay.next_hop = daemon.addresses[0]
            told = await found(config)

        assert [one for one in told.values() if one.state is not State.OK] == []
        assert list(told) == ["configuration", "fax.plus", "relay", "answers"]
        assert "127.0.0.1 at listen[0]" in told["answers"].text
        assert len(relay.kept) == 1
        assert list((house.state_dir / "mails").iterdir()) == []


async def test_what_does_not_come_back_is_told(house: House) -> None:
    """W6: no route: after so many seconds, with the domain and the address to look for."""
    config = config_of(house)
    async with Daemon(config):
        told = await found(config, 0.3)

    assert told["relay"].state is State.OK
    assert told["answers"].state is State.FAILED
    assert "re+*@fax.example.com must reach a listener" in told["answers"].text


async def test_a_relay_that_knows_no_route_is_told(house: House) -> None:
    """W6: it refuses the address for good."""
    async with Deaf() as relay:
        config = config_of(house, relay={"host": "127.0.0.1", "port": relay.port})
        async with Daemon(config):
            told = await found(config, 0.3)

    assert told["relay"].state is State.FAILED
    assert "send mail for re+*@fax.example.com on to mail2fax" in told["relay"].text
    assert "answers" not in told


async def test_a_dead_relay_and_no_daemon_are_told(house: House) -> None:
    """W6: each with its own line."""
    dead = config_of(house, relay={"host": "127.0.0.1", "port": 1})
    nobody = [one async for one in of_way_back(dead, 0.1)]
    async with Daemon(dead):
        told = {one.what: one async for one in of_way_back(dead, 0.1)}

    assert [(one.what, one.state) for one in nobody] == [("daemon", State.FAILED)]
    assert "no daemon runs here. Start it" in nobody[0].text
    assert told["relay"].text.startswith("127.0.0.1:1: the relay cannot be reached")


@pytest.mark.parametrize(
    ("changes", "what", "state"),
    [
        ({"admin": None}, "admin", State.FAILED),
        ({"senders": [{**GOOD_RULE, "name": ""}]}, "senders[0]", State.LOOK),
        ({"senders": [{**GOOD_RULE, "quota": {}}]}, "office", State.LOOK),
        ({"sending": {"paused": True}}, "configuration", State.LOOK),
        ({"relay": {"host": "mx.example.org", "tls": "none"}}, "relay.tls", State.LOOK),
        ({"relay": {"host": "mx.example.org", "verify": False}}, "relay.verify", State.LOOK),
    ],
)
async def test_what_a_configuration_lacks(
    house: House, changes: dict[str, Any], what: str, state: State
) -> None:
    """D1: what works and is no mistake, and still should not stay."""
    lacking = [one for one in of_configuration(config_of(house, **changes))
               if one.state is not State.OK]  # fmt: skip

    assert [(one.what, one.state) for one in lacking] == [(what, state)]
    assert [one.state for one in of_configuration(config_of(house))] == [State.OK]


async def test_the_account_is_asked(house: House) -> None:
    """D1: a token that is refused, a number that is not ours."""
    foreign = config_of(house)
    house.simulator.provider.numbers = ("+41225550199",)
    number = await of_account(foreign)
    house.simulator.provider.switches.always["numbers"] = Trouble.UNAUTHORIZED
    token = await of_account(foreign)

    assert (number.what, number.state) == ("faxplus.from", State.FAILED)
    assert "+41225550100 is no number of the account. It has +41225550199" in number.text
    assert token.state is State.FAILED


async def test_every_member_that_a_mail_may_be_sent_as_is_asked_for(house: House) -> None:
    """D1, S6: one that nobody knows, or that the token may not ask for, is named."""
    senders = [{**GOOD_RULE, "options": {"user": "ann"}, "may_send_as": ["eve"]}]
    config = config_of(house, senders=senders, may_send_as=["bob"], options={"user": "dan"})
    switches = house.simulator.provider.switches
    fine = await of_account(config)
    switches.members, switches.barred_members = ["ann", "bob", "eve"], ["bob"]
    found = await of_account(config)

    assert config.members == {"ann", "bob", "dan", "eve"}
    assert fine.state is State.OK
    assert (found.what, found.state) == ("user", State.FAILED)
    assert "bob, dan is no user" in found.text


def test_the_verb_prints_a_line_for_each_and_tells_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """D1: for people and as JSON; 1 when something failed, 2 for a wrong configuration."""
    file = tmp_path / "c.yaml"
    file.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {tmp_path}/s\n"
        "listen: [{address: 127.0.0.1, port: 2525}]\n"
        "faxplus: {token: t, from: '+41225550100', base_url: 'http://127.0.0.1:1/v3'}\n"
        "senders: [{networks: [127.0.0.0/8]}]\n",
        encoding="utf-8",
    )
    codes = [main(["check", "--config", str(file), *more]) for more in ([], ["--json"])]
    lines = capsys.readouterr().out.splitlines()
    told = [json.loads(line) for line in lines[len(lines) // 2 :]]

    assert codes == [1, 1]
    assert lines[0] == "ok      configuration: every key is understood"
    assert [one["what"] for one in told] == [
        "configuration", "admin", "senders[0]", "senders[0]", "fax.plus", "daemon",
    ]  # fmt: skip
    file.write_text("domains: []\n", encoding="utf-8")
    assert main(["check", "--config", str(file)]) == 2


@pytest.mark.skipif(NO_POSTFIX, reason="postfix is not installed, or needs root")
async def test_by_a_real_postfix(house: House, home: Path) -> None:
    """W6: the relay of the office is also the one in front; its recipient_delimiter is a plus."""
    port = free_port()
    settings = relaying(f"smtp:[127.0.0.1]:{port}", recipient_delimiter="+")
    async with postfix(home, settings) as front:
        config = config_of(
            house,
            listen=[{"address": "127.0.0.1", "port": port}],
            relay={"host": "127.0.0.1", "port": front.port},
        )
        async with Daemon(config):
            told = await found(config, 20.0)

    assert (told["relay"].state, told["answers"].state) == (State.OK, State.OK)
