"""W6, W8: one word by mail, through the real daemon, the simulator and a relay."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.switches import Trouble
from mail2fax.spool.commands import ask
from tests.integration.test_daemon import House
from tests.unit.mails import TEXT, attached, mail, real_pdf

NUMBER, OTHER = "+41225550123", "+41225550124"
FAST = {"first_poll": "200ms", "settle": "1s", "listings": 2}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A simulated Fax.Plus and a relay."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


class Person:
    """Somebody who sends a mail and answers what comes."""

    def __init__(self, house: House, daemon: Daemon) -> None:
        self._house = house
        self._daemon = daemon
        self._answers = 0

    def _send(self, to: str, message: bytes) -> None:
        with smtplib.SMTP(*self._daemon.addresses[0], timeout=20) as client:
            client.sendmail("ann@example.org", [to], message)

    async def sends(self, *header: str) -> None:
        """A mail with a document."""
        top = "From: Ann <ann@example.org>\nTo: fax\nSubject: Papers\nMessage-ID: <1@example.org>\n"
        data = mail(TEXT, attached(real_pdf()), top=top + "".join(f"{one}\n" for one in header))
        await asyncio.to_thread(self._send, "0225550123@fax.example.com", data)

    async def answers(self, letter: EmailMessage, words: str) -> None:
        """What a mail program makes of an answer: Reply-To, a new Message-ID, the quoted letter."""
        self._answers += 1
        answer = EmailMessage(policy=SMTP)
        answer["From"], answer["To"] = "Ann <ann@example.org>", letter["Reply-To"]
        answer["Subject"] = letter["Subject"]
        answer["Message-ID"] = f"<answer-{self._answers}@example.org>"
        answer["In-Reply-To"] = letter["Message-ID"]
        quoted = "\n".join(f"> {line}" for line in text_of(letter).splitlines())
        answer.set_content(f"{words}\n\nOn Mon, Fax wrote:\n{quoted}\n")
        await asyncio.to_thread(self._send, str(letter["Reply-To"]), answer.as_bytes())

    async def gets(self, state: str) -> EmailMessage:
        """The letter whose From name says so."""
        return await self.has(lambda letter: state in str(letter["From"]))

    async def has(self, wanted: Callable[[EmailMessage], bool]) -> EmailMessage:
        """The first letter that is wanted, as soon as it is there."""
        async with asyncio.timeout(30):
            while True:
                for letter in self._house.letters():
                    if wanted(letter):
                        return letter
                await asyncio.sleep(0.05)


def text_of(letter: EmailMessage) -> str:
    """Its plain text."""
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def faxed(house: House, number: str = NUMBER) -> int:
    """How many faxes a machine really got, or will."""
    items = house.simulator.provider.items
    return sum(item.to == number and not item.cancelled for item in items)


async def test_a_fax_for_tomorrow_is_cancelled(house: House) -> None:
    """W6: accepted, cancel, told as cancelled; taken out of the outbox, and never sent."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M +0000")
    async with Daemon(house.config(sending=FAST)) as daemon:
        ann = Person(house, daemon)
        await ann.sends(f"X-Fax-At: {tomorrow}")
        accepted = await ann.gets("accepted")
        await ann.answers(accepted, "Cancel")

        begun = await ann.gets("being cancelled")
        ended = await ann.gets("CANCELLED")

    assert "cancel " in text_of(accepted)
    assert "is asked to stop it" in text_of(begun)
    assert "Fax.Plus let it go before it was sent" in text_of(ended)
    assert (len(house.simulator.provider.items), faxed(house)) == (1, 0)


async def test_cancel_in_another_language_before_the_order(house: House) -> None:
    """W6: while Fax.Plus cannot be reached; nothing goes out when it can again."""
    house.simulator.provider.switches.always["upload"] = Trouble.GATEWAY
    config = house.config(sending={**FAST, "waiting_after": "300ms"}, language="de")
    async with Daemon(config) as daemon:
        ann = Person(house, daemon)
        await ann.sends()
        waiting = await ann.gets("WARTET")
        await ann.answers(waiting, "Stornieren!")
        done = await ann.gets("STORNIERT")
        house.simulator.provider.switches.always.clear()
        await asyncio.sleep(1)

    assert "Es wurde nicht übergeben" in text_of(done)
    assert house.simulator.provider.items == []


async def test_again_after_a_failure_and_a_restart(house: House) -> None:
    """W6: the same document once more; the token still holds after a restart."""
    house.simulator.provider.switches.outcomes[NUMBER] = ["failed_invalid_number_format", "success"]
    async with Daemon(house.config(sending=FAST)) as daemon:
        await Person(house, daemon).sends()
        failed = await Person(house, daemon).gets("FAILED")
    async with Daemon(house.config(sending=FAST)) as daemon:
        ann = Person(house, daemon)
        await ann.answers(failed, "again")
        told = await ann.gets("sent again")
        await ann.gets("CONFIRMED")

    shown = await ask(house.state_dir, {"command": "list", "all": True})
    assert [fax["fax_state"] for fax in shown["faxes"]] == ["failed", "success"]
    assert "/2" in text_of(told)
    tags = [item.tags[0] for item in house.simulator.provider.items]
    assert (len(tags), len(set(tags))) == (2, 2)


async def test_again_to_another_number(house: House) -> None:
    """W6: read as an address is, within the countries of the rule."""
    async with Daemon(house.config(sending=FAST)) as daemon:
        ann = Person(house, daemon)
        await ann.sends()
        confirmed = await ann.gets("CONFIRMED")
        await ann.answers(confirmed, "Again to +33 1 70 18 95 00")
        refused = await ann.gets("NOT SENT")
        await ann.answers(confirmed, "again to 022 555 01 24.")
        await ann.has(lambda letter: "CONFIRMED 022 555 01 24" in str(letter["From"]))

    assert "faxes to France are not allowed here" in text_of(refused)
    assert (faxed(house, OTHER), faxed(house)) == (1, 1)


async def test_a_report_on_request(house: House) -> None:
    """W6, W3: from anywhere with the token; Fax.Plus's own report is attached."""
    async with Daemon(house.config(sending=FAST)) as daemon:
        ann = Person(house, daemon)
        await ann.sends()
        confirmed = await ann.gets("CONFIRMED")
        await ann.answers(confirmed, "Rapport.")
        told = await ann.has(lambda letter: bool(list(letter.iter_attachments())))

    (report,) = told.iter_attachments()
    assert list(confirmed.iter_attachments()) == []
    assert report.get_content_type() == "application/pdf"
    assert report.get_content().startswith(b"%PDF-")


class Away(Mailbox):
    """A person's mailbox with a vacation responder that marks nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.daemon_at: tuple[str, int] | None = None
        self.sent = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep it, and say that nobody is here."""
        said = await super().handle_DATA(server, session, envelope)
        if self.daemon_at is not None:
            await asyncio.to_thread(self._respond, bytes(envelope.content))
        return said

    def _respond(self, content: bytes) -> None:
        assert self.daemon_at is not None
        to = next(line for line in content.decode().splitlines() if line.startswith("Reply-To:"))
        self.sent += 1
        text = (
            f"From: ann@example.org\r\nMessage-ID: <{self.sent}@example.org>\r\n\r\nI am away.\r\n"
        )
        with smtplib.SMTP(*self.daemon_at, timeout=20) as client:
            client.sendmail("ann@example.org", [to.partition(":")[2].strip()], text.encode())


async def test_a_responder_and_we_do_not_talk_for_ever(house: House) -> None:
    """W8: the number of mails stays what it is, though everything of ours is answered."""
    async with Away() as mailbox:
        relay = {"host": "127.0.0.1", "port": mailbox.port}
        async with Daemon(house.config(sending=FAST, relay=relay)) as daemon:
            mailbox.daemon_at = daemon.addresses[0]
            await Person(house, daemon).sends()
            await mailbox.wait_for(5)
            await asyncio.sleep(4)
            counted = len(mailbox.kept)
            await asyncio.sleep(3)

    assert len(mailbox.kept) == counted == 5  # accepted, confirmed, three times the list
    assert faxed(house) == 1
