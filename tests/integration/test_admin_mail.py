"""A2, W8, RFC 5321 4.5.1: mail to postmaster and abuse is the admin's, whoever writes it."""

import asyncio
import email
import email.policy
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.clock import Clock
from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.spool import replies
from mail2fax.spool.spool import Spool
from tests.unit.mails import TEXT, attached, mail, real_pdf

ADMIN = "admin@example.com"
PLAIN = (
    b"From: ann@example.org\r\nTo: postmaster@fax.example.com\r\nSubject: Your fax\r\n"
    b"Message-ID: <1@example.org>\r\n\r\nIt is loud: gr\xc3\xbc\xc3\x9fe.\r\n.\r\n"
)
BOUNCE = (
    b"From: MAILER-DAEMON@example.org\r\nAuto-Submitted: auto-replied\r\n"
    b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nundeliverable\r\n--b--\r\n"
)
OURS = b"X-Mail2Fax-Reference: M2F-7K3QX\r\nSubject: x\r\n\r\nhello\r\n"
STRANGERS = [{"networks": ["192.0.2.0/24"]}]


class House:
    """A daemon between a simulated Fax.Plus and a relay."""

    def __init__(self, state_dir: Path, simulator: Simulator, mailbox: Mailbox) -> None:
        self.state_dir, self.simulator, self.mailbox = state_dir, simulator, mailbox

    def config(self, **changes: Any) -> Config:
        """The configuration."""
        return Config.model_validate({
            "domains": ["fax.example.com"], "region": "CH", "state_dir": self.state_dir,
            "listen": [{"address": "127.0.0.1", "port": 0}], "admin": ADMIN,
            "faxplus": {"token": "t", "from": "+41225550100",
                        "base_url": self.simulator.base_url},
            "relay": {"host": "127.0.0.1", "port": self.mailbox.port},
            "senders": [{"networks": ["127.0.0.0/8"]}],
            "sending": {"first_poll": "300ms"}, **changes,
        })  # fmt: skip


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        yield House(tmp_path / "state", simulator, mailbox)


def said(daemon: Daemon, data: bytes, *to: str, sender: str = "ann@example.org") -> list[str]:
    """What a client is told about each recipient, and about its mail when one is taken."""
    with smtplib.SMTP(*daemon.addresses[0], timeout=20) as client:
        client.ehlo()
        client.mail(sender)
        answers = [client.rcpt(path) for path in to]
        if any(code == 250 for code, _ in answers):
            answers.append(client.data(data))
    return [f"{code} {text.decode()}" for code, text in answers]


async def test_a_stranger_reaches_the_admin(house: House) -> None:
    """A2: stored, 250, passed on whole with the null sender and our mark; nothing is faxed."""
    async with Daemon(house.config(senders=STRANGERS)) as daemon:
        answers = await asyncio.to_thread(said, daemon, PLAIN, "PostMaster@FAX.example.com")
        await house.mailbox.wait_for(1)

    assert answers[0] == "250 2.1.5 Will pass it to the administrator"
    assert answers[1].endswith(" accepted for the administrator")
    (kept,) = house.mailbox.kept
    assert (kept.mail_from, list(kept.rcpt_tos)) == ("", [ADMIN])
    letter = email.message_from_bytes(kept.content, policy=email.policy.default)
    assert letter["To"] == ADMIN
    assert letter["Subject"] == "To postmaster: Your fax"
    assert letter["X-Mail2Fax-Reference"].startswith("M2F-")
    assert letter["Auto-Submitted"] == "auto-generated"
    text, original = letter.iter_parts()
    assert "ann@example.org" in text.get_content()
    assert original.get_content_type() == "message/rfc822"
    assert PLAIN.rstrip() in kept.content
    assert house.simulator.provider.items == []


@pytest.mark.parametrize("path", ["abuse@fax.example.com", "postmaster", '"abuse"@fax.example.com'])
async def test_every_spelling_of_the_roles_is_taken(house: House, path: str) -> None:
    """A2, RFC 5321 4.5.1: postmaster without a domain too; reports of bounces from nobody."""
    async with Daemon(house.config(senders=STRANGERS)) as daemon:
        answers = await asyncio.to_thread(said, daemon, BOUNCE, path, sender="")
        await house.mailbox.wait_for(1)

    assert [answer[:3] for answer in answers] == ["250", "250"]


async def test_a_stranger_reaches_nobody_else(house: House) -> None:
    """A2, promise 5: beside the admin no fax, and no other domain's postmaster."""
    async with Daemon(house.config(senders=STRANGERS)) as daemon:
        answers = await asyncio.to_thread(
            said, daemon, PLAIN, "0225550123@fax.example.com", "postmaster@example.org", "abuse",
            "postmaster@fax.example.com",
        )  # fmt: skip
        await house.mailbox.wait_for(1)

    assert [answer[:3] for answer in answers] == ["550", "550", "550", "250", "250"]
    assert house.simulator.provider.items == []


async def test_a_mail_goes_to_the_admin_and_is_faxed(house: House) -> None:
    """A2: with fax recipients both happen; the large mail's header alone is passed on."""
    large = mail(TEXT, attached(real_pdf(1) + b"\n%" + b"x" * 1_200_000))
    async with Daemon(house.config()) as daemon:
        answers = await asyncio.to_thread(
            said, daemon, large, "0225550123@fax.example.com", "abuse@fax.example.com"
        )
        await house.mailbox.wait_for(3)

    assert [answer[:3] for answer in answers] == ["250", "250", "250"]
    assert answers[-1].endswith("accepted, 1 fax and for the administrator")
    assert [item.to for item in house.simulator.provider.items] == ["+41225550123"]
    (letter,) = (kept for kept in house.mailbox.kept if list(kept.rcpt_tos) == [ADMIN])
    parts = list(email.message_from_bytes(letter.content, policy=email.policy.default).iter_parts())
    assert parts[1].get_content_type() == "text/rfc822-headers"
    assert len(letter.content) < 10_000


async def test_what_strangers_may_send_is_bounded(house: House) -> None:
    """A2: 1 MB, and twenty mails an hour of a network; neither costs anybody else."""
    big = PLAIN + b"x" * 70 + b"\r\n" * 500_000
    async with Daemon(house.config(senders=STRANGERS)) as daemon:
        large = await asyncio.to_thread(said, daemon, big, "abuse@fax.example.com")
        for _ in range(19):
            answers = await asyncio.to_thread(said, daemon, PLAIN, "abuse@fax.example.com")
            assert answers[0].startswith("250")
        refused = await asyncio.to_thread(said, daemon, PLAIN, "abuse@fax.example.com")

    assert large[1].startswith("552 5.3.4 A mail to the administrator may have 1 MB")
    assert refused[0].startswith("450 4.7.1 Too many mails to the administrator")


async def test_our_own_mails_do_not_come_round(house: House) -> None:
    """W8: what bears our mark is refused here too."""
    async with Daemon(house.config(senders=STRANGERS)) as daemon:
        answers = await asyncio.to_thread(said, daemon, OURS, "postmaster@fax.example.com")

    assert answers[1] == "550 5.7.1 An answer of this fax service is not faxed"


async def test_without_an_admin_nobody_is_there(house: House) -> None:
    """A2: nothing is accepted that nobody would read."""
    async with Daemon(house.config(admin=None)) as daemon:
        answers = await asyncio.to_thread(said, daemon, PLAIN, "postmaster@fax.example.com")

    assert answers == ["550 5.1.1 Only fax numbers are served here. Ask the administrator"]


async def test_it_is_due_until_the_relay_has_it(house: House) -> None:
    """K1, K4: the due mail was written with the 250; a relay that is down only means later."""
    dead = house.config(senders=STRANGERS, relay={"host": "127.0.0.1", "port": 1})
    async with Daemon(dead) as daemon:
        answers = await asyncio.to_thread(said, daemon, PLAIN, "postmaster@fax.example.com")
    assert answers[1].startswith("250")
    clock = Clock()
    spool = await Spool.open(house.state_dir, clock)
    (due,) = await spool.do(replies.due, clock.now() + 3600, 9)
    await spool.close()

    assert due.kind == replies.POSTMASTER
