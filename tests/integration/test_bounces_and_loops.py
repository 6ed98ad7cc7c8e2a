"""W1, W8: mails that come back lead to the next address; no two machines talk for ever."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.spool import stories
from mail2fax.spool.records import MailStory
from mail2fax.spool.spool import Spool
from tests.fronts import NO_POSTFIX, free_port, home, postfix
from tests.integration.test_daemon import House, send
from tests.unit.mails import TEXT, attached, mail, real_pdf

__all__ = ["home"]
BAD = mail(attached(b"\0\1", "a.bin"))
GOOD = mail(TEXT, attached(real_pdf()))
ADMIN, BOUNCES = "admin@example.org", "bounces@fax.example.com"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def spool_of(daemon: Daemon) -> Spool:
    """Of a running daemon."""
    return daemon._spool


async def mails(daemon: Daemon) -> list[MailStory]:
    """Every mail it took."""

    def ids(ledger: Any) -> list[str]:
        return [row[0] for row in ledger.exec_driver_sql("SELECT id FROM mail ORDER BY id")]

    return [
        await spool_of(daemon).do(stories.of_mail, one) for one in await spool_of(daemon).do(ids)
    ]


async def when(daemon: Daemon, told: str) -> MailStory:
    """The first mail, once its first reply was told to somebody, or to nobody."""
    async with asyncio.timeout(40):
        while True:
            found = await mails(daemon)
            if found and found[0].told and told in (found[0].told[0].told_to, found[0].told[0].why):
                return found[0]
            await asyncio.sleep(0.1)


@pytest.mark.skipif(NO_POSTFIX, reason="postfix is not installed, or needs root")
async def test_every_address_bounces(house: House, home: Path) -> None:
    """W1a: a real Postfix takes each reply and returns it; at last the row says: nobody."""
    port, nobody = free_port(), Mailbox()
    listen = [{"address": "127.0.0.1", "port": port}]
    for address in ("ann@example.org", ADMIN):
        nobody.answer[address] = "550 5.1.1 nobody of that name"
    async with nobody, postfix(home, {
        "transport_maps": f"inline:{{ fax.example.com=smtp:[127.0.0.1]:{port} }}",
        "default_transport": f"smtp:[127.0.0.1]:{nobody.port}", "queue_run_delay": "1s",
    }) as front:  # fmt: skip
        relay = {"host": "127.0.0.1", "port": front.port, "envelope_from": BOUNCES}
        config = house.config(admin=ADMIN, relay=relay, listen=listen)
        async with Daemon(config) as daemon:
            await asyncio.to_thread(send, daemon, BAD)
            story = await when(daemon, "no address is left")
            await asyncio.sleep(1.5)
            assert len(await mails(daemon)) == 1

    assert story.told[0].state == "undeliverable"
    details = [line.detail for line in story.history if line.subject == "reply"]
    returned = [one for one in details if "it came back 5.1.1" in one]
    assert [one.partition(":")[0] for one in returned] == ["ann@example.org", ADMIN]
    assert front.log.count("status=bounced") == 3, "two replies and the alert, each once"


async def test_what_returns_is_heard_from_anybody_and_kept_by_nobody(house: House) -> None:
    """W1: twice the same changes nothing, a stranger's is refused, a fax goes not with it."""
    relay = {"host": "127.0.0.1", "port": house.mailbox.port, "envelope_from": BOUNCES}
    async with Daemon(house.config(admin=ADMIN, relay=relay)) as daemon:
        await asyncio.to_thread(send, daemon, BAD)
        story = await when(daemon, "ann@example.org")
        assert house.mailbox.kept[0].mail_from == BOUNCES
        bounce = f"Subject: failed\r\n\r\nMessage-ID: <{story.told[0].id}@fax.example.com>\r\n"
        for _ in range(2):
            assert await given(daemon, bounce, BOUNCES) == 250
        await when(daemon, ADMIN)
        assert await given(daemon, bounce.replace(story.told[0].id, "0" * 26), BOUNCES) == 550
        assert await given(daemon, "Subject: holiday\r\n\r\nI am away\r\n", BOUNCES) == 550
        assert await given(daemon, bounce, "0225550123@fax.example.com", BOUNCES) == 452
        assert await given(daemon, bounce, BOUNCES, "0225550123@fax.example.com") == 452
        assert len(await mails(daemon)) == 1

    assert [kept.rcpt_tos for kept in house.mailbox.kept] == [("ann@example.org",), (ADMIN,)]


async def given(daemon: Daemon, data: str, *to: str) -> int:
    """What a server that returns a mail is told, at the last recipient or the dot."""
    host, port = daemon.addresses[0]

    def talk() -> int:
        with smtplib.SMTP(host, port, timeout=20) as client:
            client.ehlo("relay.example.net")
            client.mail("")
            codes = [client.rcpt(one)[0] for one in to]
            return client.data(data.encode())[0] if codes == [250] else codes[-1]

    return await asyncio.to_thread(talk)


# Loops


class Responder(Mailbox):
    """A mailbox whose owner is on holiday, and whose program answers every mail at once.

    Attributes:
        answers: how many it has sent.
        heads: fields of its answers.
    """

    def __init__(self, heads: str, to: str) -> None:
        super().__init__()
        self.answers = 0
        self.codes: list[int] = []
        self._heads = heads
        self._to = to
        self.fax = ("", 0)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message, and answer it."""
        said = await super().handle_DATA(server, session, envelope)
        top = bytes(envelope.content).split(b"\r\n\r\n")[0].decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in top if ": " in line)
        sender = {"envelope": envelope.mail_from or "", "from": fields["From"],
                  "reply-to": fields.get("Reply-To", "")}[self._to]  # fmt: skip
        address = sender.rpartition("<")[2].strip("<>")
        if address and self.answers < 50:
            self.answers += 1
            self.codes.append(await asyncio.to_thread(self._answer, address))
        return said

    def _answer(self, to: str) -> int:
        text = f"{self._heads}Subject: Away\r\nFrom: ann@example.org\r\n\r\nI am on holiday.\r\n"
        with smtplib.SMTP(*self.fax, timeout=20) as client:
            client.ehlo("me")
            client.mail("ann@example.org")
            code = client.rcpt(to)[0]
            return client.data(text.encode())[0] if code == 250 else code


@pytest.mark.parametrize(
    ("heads", "to"),
    [
        ("Auto-Submitted: auto-replied\r\n", "from"), ("", "envelope"), ("", "from"),
        ("Auto-Submitted: auto-replied\r\n", "reply-to"), ("", "reply-to"),
        ("Precedence: bulk\r\nList-Id: <l.example.org>\r\n", "reply-to"),
    ],
)  # fmt: skip
async def test_a_vacation_responder_ends(house: House, tmp_path: Path, heads: str, to: str) -> None:
    """W8: whatever it answers to, marked or not, the number of mails stays what it was."""
    async with Responder(heads, to) as responder:
        relay = {"host": "127.0.0.1", "port": responder.port}
        async with Daemon(house.config(relay=relay)) as daemon:
            responder.fax = daemon.addresses[0]
            await asyncio.to_thread(send, daemon, GOOD)
            await responder.wait_for(2)
            await asyncio.sleep(2.0)
            count = len(responder.kept)
            await asyncio.sleep(1.5)
            assert len(responder.kept) == count

    assert count <= 5
    assert len(house.simulator.provider.items) == 1


def faxed(port: int, mail_from: str) -> None:
    """Send a mail to the first bridge."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail(mail_from, ["+41225550123@fax-a.example.com"], GOOD)


async def test_two_bridges_end(house: House, tmp_path: Path) -> None:
    """W8: each is the other's relay, and the sender's address is a fax number at the other."""
    ports = free_port(), free_port()
    async with contextlib.AsyncExitStack() as stack:
        daemons = []
        for number, name in enumerate(("a", "b")):
            config = Config.model_validate({
                **house.config().model_dump(include={"region", "timezone"}),
                "domains": [f"fax-{name}.example.com"], "state_dir": tmp_path / name,
                "listen": [{"address": "127.0.0.1", "port": ports[number]}],
                "faxplus": {"token": "t", "from": "+41225550100",
                            "base_url": house.simulator.base_url},
                "relay": {"host": "127.0.0.1", "port": ports[1 - number]},
                "senders": [{"networks": ["127.0.0.0/8"]}],
                "sending": {"first_poll": "300ms"},
            })  # fmt: skip
            daemons.append(await stack.enter_async_context(Daemon(config)))
        await asyncio.to_thread(faxed, ports[0], "+41225550188@fax-b.example.com")
        async with asyncio.timeout(30):
            while True:
                (first,) = await mails(daemons[0])
                if len(first.told) == 2 and {one.state for one in first.told} == {"undeliverable"}:
                    break
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)

        assert [len(await mails(one)) for one in daemons] == [1, 0]
    assert len(house.simulator.provider.items) == 1
