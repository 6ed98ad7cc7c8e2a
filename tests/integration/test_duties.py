"""L10: what a listener owes to long lists of recipients, and to work that is piling up."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.spool.commands import ask
from mail2fax.spool.spool import Spool
from mail2fax.spool.troubles import Trouble
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk
from tests.integration.test_daemon import House, send
from tests.integration.tls_bench import WITH_LOGIN, logins

BAD = "117@fax.example.com"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A listener that lets this machine in."""
    async with Desk(tmp_path) as desk:
        yield desk


async def test_a_list_with_many_bad_numbers_reaches_the_good_ones(desk: Desk) -> None:
    """L10, W2: each is refused and told; the errors of a list end no session."""
    talk = await desk.call()
    await talk.say("EHLO me", "MAIL FROM:<ann@example.org>")
    for _ in range(100):
        assert (await talk.say(f"RCPT TO:<{BAD}>")).startswith("550 5.7.1 117")
    await talk.say(f"RCPT TO:<{TO}>", "DATA")

    assert (await talk.data()).startswith("250 ")
    (story,) = await desk.mails()
    assert [fax.number for fax in story.faxes] == ["+41225550123"]
    assert len(story.refused_recipients) == 100


async def test_a_list_without_end_ends_the_session(desk: Desk) -> None:
    """L10: no more are forgiven than there may be recipients."""
    talk = await desk.call()
    await talk.say("EHLO me", "MAIL FROM:<ann@example.org>")
    for _ in range(220):
        assert (await talk.say(f"RCPT TO:<{BAD}>")).startswith("550 5.7.1 117")

    assert (await talk.say(f"RCPT TO:<{BAD}>")).startswith("550 ")
    assert (await talk.answer()).startswith("421 4.7.0 Too many errors")


async def test_a_strangers_tries_are_counted(tmp_path: Path) -> None:
    """L10: who is not admitted learns no more than twenty refusals' worth."""
    async with Desk(tmp_path, rules=(WITH_LOGIN,), logins=logins) as desk:
        talk = await desk.call()
        await talk.say("EHLO me", "MAIL FROM:<ann@example.org>")
        for _ in range(20):
            assert (await talk.say(f"RCPT TO:<{TO}>")).startswith("530 ")
        await talk.say(f"RCPT TO:<{TO}>")

        assert (await talk.answer()).startswith("421 4.7.0 Too many errors")


async def test_when_much_waits_new_faxes_are_put_off(tmp_path: Path) -> None:
    """L10: 451 at RCPT, as soon as so many came and until less waits; each mail told once."""
    async with Desk(tmp_path, most_waiting=2) as desk:
        talk = await desk.call()
        for _ in range(2):
            assert (await talk.send(GOOD, TO)).startswith("250 ")

        said = await talk.say("MAIL FROM:<ann@example.org>", f"RCPT TO:<{OTHER}>")
        assert said == "451 4.3.2 Too many faxes wait to be sent. Try again later"
        assert (await talk.say("RSET", "NOOP")).startswith("250 ")

        (first, _) = await desk.mails()
        await desk.spool.do(_forget, first.id)
        await desk.spool.count_waiting()
        assert (await talk.send(GOOD, OTHER)).startswith("250 ")


async def test_answers_and_the_admin_are_heard_meanwhile(tmp_path: Path) -> None:
    """A2, W6: who would help must not have to wait for it."""
    async with Desk(tmp_path, most_waiting=1, admin_at=("fax.example.com",)) as desk:
        talk = await desk.call()
        assert (await talk.send(GOOD, TO)).startswith("250 ")
        await talk.say("MAIL FROM:<ann@example.org>")

        assert (await talk.say(f"RCPT TO:<{TO}>")).startswith("451 ")
        assert (await talk.say("RCPT TO:<postmaster@fax.example.com>")).startswith("250 ")


async def test_what_waits_is_counted_in_mails_and_jobs(tmp_path: Path) -> None:
    """L10, S6: prepared faxes count, after a restart too, and the admin is told; ordered do not."""
    numbers = ("0225550123@fax.example.com", "0225550124@fax.example.com")
    limits = {"waiting": 2}
    async with House.simulated(tmp_path / "state") as house:
        paused = house.config(sending={"paused": True}, limits=limits)
        async with Daemon(paused) as daemon:
            await asyncio.to_thread(send, daemon, GOOD, *numbers)
            await _prepared(house)
        async with Daemon(paused) as daemon:
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="Too many faxes wait"):
                await asyncio.to_thread(send, daemon, GOOD, *numbers)
            async with asyncio.timeout(20):
                while Trouble.BACKLOG not in daemon._spool.alarm.lasting:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        async with Daemon(house.config()):
            await house.mailbox.wait_for(1)
        spool = await Spool.open(tmp_path / "state", Clock())
        assert spool.waiting == 0
        await spool.close()


async def _prepared(house: House) -> None:
    async with asyncio.timeout(20):
        while True:
            told = await ask(house.state_dir, {"command": "list"})
            if {fax["mail_state"] for fax in told["faxes"]} == {"prepared"}:
                return
            await asyncio.sleep(0.05)


def _forget(connection: object, mail_id: str) -> None:
    connection.exec_driver_sql(  # type: ignore[attr-defined]
        "UPDATE mail SET state = 'refused' WHERE id = ?", (mail_id,)
    )
