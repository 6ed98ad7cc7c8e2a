"""L7: what a device is refused on the line, its office is told by mail."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail2fax.answering.mailer import Relay
from mail2fax.answering.message import Sender
from mail2fax.answering.reporter import AnsweringSettings, Reporter
from mail2fax.errors import PermanentFailure, TemporaryFailure
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.spool import notices, telling
from mail2fax.spool.moves import NOTICE
from mail2fax.spool.notices import Refusal
from mail2fax.spool.spool import Spool
from tests.integration.smtp_bench import GOOD, RULE, TO, Desk

COPIER = replace(RULE, device=True, reply_to="office@example.org")
REFUSAL = Refusal("network:192.0.2.9", "192.0.2.9", "117@f", "550 5.7.1 No.", ("office@b.example",))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A listener whose only client is a copier."""
    async with Desk(tmp_path, rules=(COPIER,)) as desk:
        yield desk


async def rows(spool: Spool) -> list[dict[str, Any]]:
    """The notices in the ledger."""
    return await spool.do(lambda connection: [
        dict(row._mapping)
        for row in connection.exec_driver_sql("SELECT * FROM notice ORDER BY due_at")
    ])  # fmt: skip


async def until(spool: Spool, state: str) -> dict[str, Any]:
    """The first notice, once it has this state."""
    async with asyncio.timeout(10):
        while not (found := await rows(spool)) or found[0]["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found[0]


async def test_a_refused_recipient_of_a_device_is_told(desk: Desk) -> None:
    """L7: device, number as written, the sentence it got; once in ten minutes."""
    talk = await desk.call()
    await talk.say("EHLO copier", "MAIL FROM:<scan@copier>", "RCPT TO:<117@fax.example.com>")
    await talk.say("RCPT TO:<0900123456@fax.example.com>")

    notice = await until(desk.spool, "due")
    assert (notice["device"], notice["peer"]) == ("network:127.0.0.1", "127.0.0.1")
    assert notice["recipient"] == "<117@fax.example.com>"
    assert notice["response"].startswith("550 5.7.1 117: an emergency")
    await desk.still_works()
    assert len(await rows(desk.spool)) == 1


async def test_a_refused_mail_of_a_device_is_told(desk: Desk) -> None:
    """L7: the copier's mail without a document, too."""
    talk = await desk.call()
    assert (await talk.send(b"Subject: x\r\n\r\nnothing\r\n")).startswith("554 5.6.0")

    notice = await until(desk.spool, "due")
    assert notice["response"].startswith("554 5.6.0 No attachment")


async def test_people_and_strangers_are_not_told(tmp_path: Path) -> None:
    """L7: a mail program shows the sentence itself; a stranger has no office."""
    person = replace(RULE, reply_to="office@example.org")
    for rules in ((person,), ()):
        async with Desk(tmp_path / str(len(rules)), rules=rules) as desk:
            talk = await desk.call()
            await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", "RCPT TO:<117@fax.example.com>", "QUIT")
            assert await rows(desk.spool) == []


async def test_what_a_client_may_try_again_is_not_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L7: a full disk is the admin's, and the copier comes again."""
    monkeypatch.setattr(desk.spool.content, "has_room", lambda _size: False)
    talk = await desk.call()
    await talk.say("EHLO copier")
    assert (await talk.say("MAIL FROM:<scan@copier>")).startswith("452")
    await talk.say("QUIT")

    assert await rows(desk.spool) == []


async def test_one_device_is_told_of_again_after_ten_minutes(desk: Desk) -> None:
    """L7: another device at once."""
    owe = desk.spool.do
    other = replace(REFUSAL, device="network:192.0.2.10")

    assert await owe(notices.owe, REFUSAL, 1000.0)
    assert not await owe(notices.owe, REFUSAL, 1599.0)
    assert await owe(notices.owe, other, 1599.0)
    assert await owe(notices.owe, REFUSAL, 1601.0)


class Relaying:
    """A reporter over a listener's spool, with a relay that does what the test says."""

    def __init__(self, desk: Desk, *failures: Exception) -> None:
        self.taken: list[tuple[bytes, str]] = []
        self._failures = list(failures)
        relay = Relay("127.0.0.1", 9, "fax.example.com")
        settings = AnsweringSettings(relay, Sender("fax@fax.example.com"), "admin@example.org")
        reporter = Reporter(desk.spool, settings, desk.clock, self._hand_over)
        self._task = asyncio.create_task(reporter.run())

    async def _hand_over(self, message: bytes, to: Any, _relay: Relay) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.taken.append((message, to[0]))

    async def stop(self) -> None:
        """End the reporter."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_the_relay_gets_a_plain_mail(desk: Desk) -> None:
    """L7, W4, W8: through a real SMTP relay, in ASCII, marked, null sender, no content."""
    async with Mailbox() as mailbox:
        relay = Relay("127.0.0.1", mailbox.port, "fax.example.com", timeout=5)
        settings = AnsweringSettings(relay, Sender("fax@fax.example.com"))
        task = asyncio.create_task(Reporter(desk.spool, settings, desk.clock).run())
        talk = await desk.call()
        await talk.say("EHLO c", "MAIL FROM:<s@c>", "RCPT TO:<11\u00fc7@fax.example.com>")
        notice = await until(desk.spool, "handed over")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    (kept,) = mailbox.kept
    letter = email.message_from_bytes(kept.content, policy=email.policy.default)
    assert notice["told_to"] == letter["To"] == "office@example.org"
    assert letter["X-Mail2Fax-Reference"] == notice["id"]
    assert str(letter["From"]) == "Fax REFUSED <fax@fax.example.com>"
    body = letter.get_content()
    assert "Device:  127.0.0.1" in body
    assert "To:      <11?7@fax.example.com>" in body
    assert kept.content.isascii()


async def test_a_notice_walks_its_addresses(desk: Desk) -> None:
    """L7, W1a: refused for good, the admin; the relay's own trouble, later; at last nobody."""
    relaying = Relaying(desk, PermanentFailure("550 no"), TemporaryFailure("450 later"))
    await desk.spool.note_refusal(REFUSAL)
    async with asyncio.timeout(10):
        while not (await rows(desk.spool))[0]["tries"]:  # noqa: ASYNC110 - no event for a test
            await asyncio.sleep(0.02)
    (row,) = await rows(desk.spool)
    assert (row["address"], row["state"], row["why"]) == (1, "due", "450 later")

    await desk.spool.do(telling.next_address, NOTICE, row["id"], 2, desk.clock.now(), "550 no")
    await relaying.stop()
    relaying = Relaying(desk)
    assert (await until(desk.spool, "undeliverable"))["why"] == "no address is left"
    async with asyncio.timeout(10):
        while not relaying.taken:  # noqa: ASYNC110 - no event for a test
            await asyncio.sleep(0.02)
    await relaying.stop()
    ((alert, to),) = relaying.taken
    assert (b"From: Fax TROUBLE" in alert, to) == (True, "admin@example.org"), "and nothing else"


async def test_an_old_notice_is_given_up(desk: Desk) -> None:
    """W7: after five days the row says that nobody was told; what is no address is passed over."""
    old = desk.clock.now() - 6 * 86400
    await desk.spool.do(notices.owe, replace(REFUSAL, reply_to=("office",)), old)
    relaying = Relaying(desk, TemporaryFailure("450 later"))

    row = await until(desk.spool, "undeliverable")
    assert (row["why"], row["address"]) == ("450 later", 1)
    await relaying.stop()


async def test_a_good_mail_of_a_device_tells_nobody_of_refusals(desk: Desk) -> None:
    """L7: only refusals."""
    talk = await desk.call()
    assert (await talk.send(GOOD, TO)).startswith("250 ")
    assert await rows(desk.spool) == []
