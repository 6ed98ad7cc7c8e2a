"""The whole way of a mail, through the real daemon, the simulator and a relay (promises 1-4)."""

import asyncio
import contextlib
import email
import email.policy
import os
import pwd
import smtplib
import sqlite3
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.demo import sample
from mail2fax.errors import SpoolBroken, SpoolLocked
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Trouble
from mail2fax.spool.commands import CommandFailed, ask
from tests.plain import plain_text
from tests.unit.mails import attached, mail


class House:
    """A simulated Fax.Plus, a mailbox and a configuration for a daemon between them."""

    def __init__(self, state_dir: Path, simulator: Simulator, mailbox: Mailbox) -> None:
        self.state_dir = state_dir
        self.simulator = simulator
        self.mailbox = mailbox

    @classmethod
    @contextlib.asynccontextmanager
    async def simulated(cls, state_dir: Path) -> AsyncIterator["House"]:
        """Everything but the daemon."""
        async with Simulator() as simulator, Mailbox() as mailbox:
            yield cls(state_dir, simulator, mailbox)

    def config(self, **changes: Any) -> Config:
        """The configuration."""
        return Config.model_validate(
            {
                "domains": ["fax.example.com"], "region": "CH", "state_dir": self.state_dir,
                "timezone": "Europe/Zurich",
                "listen": [{"address": "127.0.0.1", "port": 0}],
                "faxplus": {"token": "t", "from": "+41225550100",
                            "base_url": self.simulator.base_url},
                "relay": {"host": "127.0.0.1", "port": self.mailbox.port},
                "senders": [{"networks": ["127.0.0.0/8"]}],
                "sending": {"first_poll": "300ms"},
                **changes,
            }
        )  # fmt: skip

    def letters(self) -> list[EmailMessage]:
        """The replies so far."""
        return [
            email.message_from_bytes(kept.content, policy=email.policy.default)
            for kept in self.mailbox.kept
        ]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def send(daemon: Daemon, message: EmailMessage | bytes, *to: str) -> None:
    """Send a mail as a client does."""
    host, port = daemon.addresses[0]
    with smtplib.SMTP(host, port, timeout=20) as client:
        if isinstance(message, bytes):
            client.sendmail("ann@example.org", to or ["0225550123@fax.example.com"], message)
        else:
            client.send_message(message)


async def test_a_mail_becomes_faxes_and_answers(house: House) -> None:
    """The main job: two numbers, two documents, one accepted reply, two outcomes."""
    async with Daemon(house.config()) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        await house.mailbox.wait_for(3)

    items = house.simulator.provider.items
    uploads = house.simulator.provider.uploads
    assert sorted(item.to for item in items) == ["+41225550123", "+41445550199"]
    for item in items:
        files = [uploads[path] for path in item.order["files"]]
        assert [one.filename for one in files] == ["result.pdf", "scan.tif"]
        assert item.text.startswith("Please see the attached result.\nm2f:")
        assert item.order["options"]["retry"] == {"count": 0, "delay": 0}
    states = [str(letter["From"]) for letter in house.letters()]
    assert "accepted" in states[0]
    assert all("CONFIRMED" in state for state in states[1:])
    assert len(uploads) == 2


async def test_a_mail_that_cannot_be_faxed_is_answered(house: House) -> None:
    """M8, promise 4: refused by mail with the file's name; nothing is ordered."""
    async with Daemon(house.config()) as daemon:
        await asyncio.to_thread(send, daemon, mail(attached(b"\0\1", "a.bin")))
        await house.mailbox.wait_for(1)

    (letter,) = house.letters()
    assert "“a.bin” is of a kind that cannot be faxed" in plain_text(letter)
    assert house.simulator.provider.items == []


async def test_a_dead_relay_delays_no_fax(house: House) -> None:
    """W7: the fax goes out, the reply waits."""
    async with Daemon(house.config(relay={"host": "127.0.0.1", "port": 1})) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        async with asyncio.timeout(20):
            while len(house.simulator.provider.items) < 2:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)


async def test_a_restart_goes_on_where_it_was(house: House) -> None:
    """K1, K3, S4: accepted and not yet faxed; the next start does it, once."""
    paused = house.config(sending={"paused": True})
    async with Daemon(paused) as daemon:
        await asyncio.to_thread(send, daemon, sample())
    assert house.simulator.provider.items == []
    async with Daemon(house.config()):
        await house.mailbox.wait_for(3)

    assert len(house.simulator.provider.items) == 2


async def test_stopping_records_the_order_under_way(house: House) -> None:
    """S2: SIGTERM during the POST waits for its answer."""
    async with Daemon(house.config()) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        async with asyncio.timeout(20):
            while not house.simulator.provider.uploads:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)
        house.simulator.provider.switches.delay = 0.3
        await asyncio.sleep(0.2)
    house.simulator.provider.switches.delay = 0.0
    shown = await ask(house.state_dir, {"command": "list", "all": True})

    ordered = [fax["fax_plus_id"] for fax in shown["faxes"] if fax["fax_plus_id"]]
    assert sorted(ordered) == sorted(item.id for item in house.simulator.provider.items)
    assert "in doubt" not in shown["counts"]["job"]


async def test_a_broken_disk_ends_the_daemon(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """K6: nothing more may be believed."""
    async with Daemon(house.config()) as daemon:
        daemon._spool._ledger.broken.set_result(SpoolBroken("fsync failed"))
        with pytest.raises(SpoolBroken, match="fsync"):
            await asyncio.wait_for(daemon.run(), 5)


async def test_a_station_that_ends_ends_the_daemon(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that only half runs would be silence."""

    async def broken(*_arguments: object) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mail2fax.sending.dispatcher.Dispatcher._keep_looking", broken)
    async with Daemon(house.config()) as daemon:
        with pytest.raises(ExceptionGroup):
            await asyncio.wait_for(daemon.run(), 5)


async def test_the_daemon_answers_for_its_ledger(house: House) -> None:
    """K8: verbs ask over the control socket, and the ledger itself when no daemon runs.

    Each look at a mail leaves a row: who, what, when.
    """
    with pytest.raises(CommandFailed, match="has no ledger"):
        await ask(house.state_dir, {"command": "list"})
    async with Daemon(house.config(sending={"paused": True})) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        running = await ask(house.state_dir, {"command": "list"})
        with pytest.raises(CommandFailed, match="no such command"):
            await ask(house.state_dir, {"command": "nonsense"})
        with pytest.raises(SpoolLocked):
            await Daemon(house.config()).__aenter__()
    stopped = await ask(house.state_dir, {"command": "list"})

    assert [fax["number"] for fax in running["faxes"]] == ["+41225550123", "+41445550199"]
    assert [fax["reference"] for fax in stopped["faxes"]] == (
        [fax["reference"] for fax in running["faxes"]]
    )
    story = await ask(
        house.state_dir, {"command": "show", "reference": stopped["faxes"][0]["reference"]}
    )
    assert story["subject"] == "Lab result"
    with pytest.raises(CommandFailed, match="there is no mail M2F-NONE0"):
        await ask(house.state_dir, {"command": "show", "reference": "M2F-NONE0"})
    async with Daemon(house.config(sending={"paused": True})):
        await ask(house.state_dir, {"command": "show", "reference": story["reference"]})
    noted = await asyncio.to_thread(commands_noted, house.state_dir)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(who, what, result[:13]) for who, what, result in noted] == [
        (me, "show", "done"), (me, "show", "there is no m"), (me, "show", "done"),
    ]  # fmt: skip


def commands_noted(state_dir: Path) -> list[tuple[str, str, str]]:
    """The rows of commands, oldest first."""
    with contextlib.closing(sqlite3.connect(state_dir / "ledger.sqlite3")) as ledger:
        return list(ledger.execute("SELECT who, what, result FROM command ORDER BY id"))


async def test_a_request_that_is_no_json(house: House) -> None:
    """Bad input gets a sentence."""
    async with Daemon(house.config()):
        for nonsense in (b"nonsense\n", b"[]\n"):
            socket = house.state_dir / "control.sock"
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(nonsense)
            assert b"not one line of JSON" in await reader.readline()
            writer.close()


async def test_an_account_in_trouble_keeps_the_mail(house: House) -> None:
    """S6: 401 for all of Fax.Plus: mail is taken, nothing is lost, nothing is told as sent."""
    house.simulator.provider.switches.always = dict.fromkeys(
        ("upload", "send", "list"), Trouble.UNAUTHORIZED
    )
    async with Daemon(house.config()) as daemon:
        await asyncio.to_thread(send, daemon, sample())
        await asyncio.sleep(1.0)
        shown = await ask(house.state_dir, {"command": "list"})

    assert [fax["fax_state"] for fax in shown["faxes"]] == ["pending", "pending"]
    assert house.mailbox.kept == []
