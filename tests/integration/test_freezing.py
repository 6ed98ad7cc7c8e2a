"""L8, K8: an identity is stopped in one command: no new mail, waiting faxes held; and thawed."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.errors import NotAdmitted
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.spool import finding, frozen, jobs, logins
from mail2fax.spool.commands import CommandFailed, ask, carry_out
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.replies import FROZEN
from mail2fax.spool.spool import Spool
from mail2fax.values import Identity
from tests.integration.sending_bench import Bench
from tests.integration.smtp_bench import GOOD, TO
from tests.integration.smtp_bench import Desk as Line
from tests.integration.test_daemon import House
from tests.integration.test_spool import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A spool; its mails are of rule ``senders[0]``, device 127.0.0.0/8."""
    spool = await Spool.open(tmp_path, Clock())
    yield Desk(spool, Clock())
    await spool.close()


async def freeze(spool: Spool, name: str, *rules: str) -> Any:
    """The command."""
    request = {"command": "freeze", "name": name, "why": "stolen", "rules": list(rules)}
    return await carry_out(spool, request, "root")


async def thaw(spool: Spool, name: str) -> Any:
    """The other."""
    return await carry_out(spool, {"command": "unfreeze", "name": name}, "root")


@pytest.mark.parametrize("name", ["senders[0]", "127.0.0.0/8"])
async def test_what_waits_is_held_and_told_and_goes_on(desk: Desk, name: str) -> None:
    """L8: by rule or device; ready jobs are held at once, released when thawed."""
    mail_id = await desk.prepared()
    assert await freeze(desk.spool, name) == {"ok": True, "result": {"held": 1}}

    story = await desk.story(mail_id)
    assert story.faxes[0].job_state == "held"
    assert [reply.kind for reply in story.told] == [FROZEN]
    assert await desk.spool.do(finding.due, desk.clock.now() + 1, 5) == []
    with pytest.raises(NotAdmitted, match="stopped"):
        await desk.mail()

    assert await thaw(desk.spool, name) == {"ok": True, "result": {"released": 1}}
    assert (await desk.story(mail_id)).faxes[0].job_state == "ready"
    assert await desk.mail()


async def test_no_job_of_a_frozen_sender_passes_the_door(desk: Desk) -> None:
    """L8, S2: also one that was in hand, or came back from a doubt, after the command."""
    mail_id = await desk.prepared()
    (job,) = await desk.spool.do(finding.due, desk.clock.now() + 1, 1)
    await desk.spool.do(jobs.happened, job.id, JobEvent.UPLOADED, desk.clock.now())
    await freeze(desk.spool, "elsewhere", "elsewhere")
    await desk.spool.do(insert_frozen, "senders[0]")

    assert not await desk.spool.do(jobs.intended, job.id, desk.clock.now())
    assert (await desk.story(mail_id)).faxes[0].job_state == "held"


def insert_frozen(connection: Any, name: str) -> None:
    """A row as the command writes it, without what it does to waiting jobs."""
    connection.exec_driver_sql("INSERT INTO frozen VALUES (?, 1.0, 'root', '')", (name,))


async def test_a_person_at_a_device_is_frozen_alone(desk: Desk) -> None:
    """L8, L7: others at the same copier go on."""
    await desk.spool.do(insert_frozen, "ann@example.org")
    names = Identity("copiers", "network", "10.0.0.9", True, "ann@example.org").names

    assert names & await desk.spool.do(frozen.names)
    assert await desk.mail()


async def test_two_names_hold_until_both_are_thawed(desk: Desk) -> None:
    """L8: what another name freezes stays held by that."""
    mail_id = await desk.prepared()
    await freeze(desk.spool, "senders[0]")
    await freeze(desk.spool, "127.0.0.0/8")

    assert (await thaw(desk.spool, "senders[0]"))["result"] == {"released": 0}
    assert (await desk.story(mail_id)).faxes[0].job_state == "held"
    assert (await thaw(desk.spool, "127.0.0.0/8"))["result"] == {"released": 1}


async def test_a_job_that_is_held_for_doubt_is_not_thawed(desk: Desk) -> None:
    """L8, S3: only what freezing held goes on; an order in doubt stays a person's to decide."""
    mail_id, job = await desk.intent()
    now = desk.clock.now()
    await desk.spool.do(jobs.answer_lost, job.id, "unknown", now, now, "cut")
    await desk.spool.do(jobs.held, job.id, now, "no trace")
    await freeze(desk.spool, "senders[0]")

    assert (await thaw(desk.spool, "senders[0]"))["result"] == {"released": 0}
    assert (await desk.story(mail_id)).faxes[0].job_state == "held"


async def test_mistakes_are_sentences_and_rows(desk: Desk) -> None:
    """K8: a name that nobody bears freezes nobody; who, what, when stand in the ledger."""
    await desk.spool.do(logins.add, "bob", "$h", "", "", 1.0)
    nobody = await freeze(desk.spool, "senders[00]")
    assert nobody["error"].startswith("nobody is called senders[00]")
    assert (await freeze(desk.spool, "bob"))["ok"]
    assert "already" in (await freeze(desk.spool, "bob"))["error"]
    assert "Frozen: bob" in (await thaw(desk.spool, "x"))["error"]

    rows = await desk.spool.do(lambda connection: [
        tuple(row) for row in connection.exec_driver_sql("SELECT who, what FROM command")
    ])  # fmt: skip
    assert rows == [("root", "freeze")] * 3 + [("root", "unfreeze")]


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    """L8: it is a row; a command before the first start works too."""
    await ask(tmp_path, {"command": "freeze", "name": "office", "rules": ["office"]})
    with pytest.raises(CommandFailed, match="already"):
        await ask(tmp_path, {"command": "freeze", "name": "office", "rules": ["office"]})

    spool = await Spool.open(tmp_path, Clock())
    assert spool.frozen == {"office"}
    await spool.close()


async def test_a_client_is_refused_at_rcpt(tmp_path: Path) -> None:
    """L8: without a restart, in a session that is open; by the configuration just so."""
    async with Line(tmp_path) as line:
        talk = await line.call()
        await talk.say("EHLO me", "MAIL FROM:<a@b.ch>")
        await freeze(line.spool, "senders[0]", "senders[0]")
        assert (await talk.say(f"RCPT TO:<{TO}>")) == (
            "550 5.7.1 This sender is stopped. Ask the administrator"
        )
        await thaw(line.spool, "senders[0]")
        assert (await talk.send()).startswith("250 ")
        rule = replace(line.settings.rules[0], frozen=True)
        line.listener.settings = replace(line.settings, rules=(rule,))
        refused = await (await line.call()).send()
        assert refused.startswith("554 5.5.1 No valid")


async def test_frozen_between_rcpt_and_dot(tmp_path: Path) -> None:
    """L8: the transaction of the 250 decides; nothing is kept."""
    async with Line(tmp_path) as line:
        talk = await line.call()
        assert (await talk.begin()).startswith("354")
        await freeze(line.spool, "senders[0]", "senders[0]")
        assert (await talk.data(GOOD)).startswith("550 5.7.1 This sender is stopped")
        assert (await line.mails(), line.files()) == ([], [])


async def test_the_station_orders_nothing_of_a_frozen_sender(tmp_path: Path) -> None:
    """L8: through the real dispatcher, a job in its hands, and after thawing it is faxed once."""
    async with Bench(tmp_path) as bench:
        mail_id = await bench.mail(prepare=False)
        await bench.spool.do(insert_frozen, "r")
        await bench.prepare(mail_id)
        bench.start()
        await bench.when(mail_id, lambda story: story.faxes[0].job_state == "held")
        assert bench.provider.faxed(bench.clock.now()) == []

        await thaw(bench.spool, "r")
        await bench.when(mail_id, lambda story: bool(story.faxes[0].fax_plus_id))
        assert len(bench.provider.outbox(bench.clock.now())) == 1


async def test_the_whole_house(tmp_path: Path) -> None:
    """L8: the command goes to the running daemon; its client is refused; thawed, it is faxed."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        house = House(tmp_path / "state", simulator, mailbox)
        async with Daemon(house.config()) as daemon:
            told = {"command": "freeze", "name": "senders[0]", "rules": ["senders[0]"]}
            await ask(house.state_dir, told)
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="stopped"):
                await asyncio.to_thread(send, daemon)
            await ask(house.state_dir, {"command": "unfreeze", "name": "senders[0]"})
            await asyncio.to_thread(send, daemon)


def send(daemon: Daemon) -> None:
    """A mail as a client sends it."""
    host, port = daemon.addresses[0]
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.sendmail("ann@example.org", [TO], GOOD)
