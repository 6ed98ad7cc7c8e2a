"""A7, A9: mail to names and groups through the real daemon, and a file that changes under it."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.errors import ConfigError
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from tests.unit.mails import TEXT, attached, mail, real_pdf

D = "@fax.example.com"
BOOK = """\
contacts:
  dr-meier: {number: +41225550123, name: Dr. Meier}
  lab: 043 555 01 23
groups:
  all-labs: [lab, dr-meier]
"""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A Fax.Plus."""
    async with Simulator() as running:
        yield running


def config(directory: Path, simulator: Simulator, mailbox: Mailbox, **more: Any) -> Config:
    """A daemon's configuration with a contacts file."""
    return Config.model_validate({
        "domains": ["fax.example.com"], "region": "CH", "state_dir": directory / "state",
        "listen": [{"address": "127.0.0.1", "port": 0}],
        "faxplus": {"token": "t", "from": "+41225550100", "base_url": simulator.base_url},
        "relay": {"host": "127.0.0.1", "port": mailbox.port},
        "senders": [{"networks": ["127.0.0.0/8"]}],
        "sending": {"first_poll": "300ms"},
        "contacts": directory / "contacts.yaml", **more,
    })  # fmt: skip


def rcpt(daemon: Daemon, *paths: str) -> list[str]:
    """What a client is told about these recipients of one mail."""
    with smtplib.SMTP(*daemon.addresses[0], timeout=20) as client:
        client.ehlo()
        client.mail("ann@example.org")
        answers = [client.rcpt(path) for path in paths]
    return [f"{code} {text.decode()}" for code, text in answers]


def send(daemon: Daemon, *to: str) -> None:
    """Send a mail with a document."""
    with smtplib.SMTP(*daemon.addresses[0], timeout=20) as client:
        client.sendmail("ann@example.org", to, mail(TEXT, attached(real_pdf(1))))


async def test_a_group_is_faxed_to_each_member(tmp_path: Path, simulator: Simulator) -> None:
    """A7: one mail to a group and to a member of it is one fax to each number."""
    (tmp_path / "contacts.yaml").write_text(BOOK, "utf-8")
    async with Mailbox() as mailbox, Daemon(config(tmp_path, simulator, mailbox)) as daemon:
        await asyncio.to_thread(send, daemon, f"ALL-labs{D}", f"lab{D}")
        await mailbox.wait_for(3)

    numbers = sorted(item.to for item in simulator.provider.items)
    assert numbers == ["+41225550123", "+41435550123"]


async def test_a_group_over_the_limit_is_refused_whole(
    tmp_path: Path, simulator: Simulator
) -> None:
    """A7: its members count against `limits.destinations`."""
    (tmp_path / "contacts.yaml").write_text(BOOK, "utf-8")
    async with Mailbox() as mailbox:
        few = config(tmp_path, simulator, mailbox, limits={"destinations": "2"})
        async with Daemon(few) as daemon:
            told = await asyncio.to_thread(rcpt, daemon, f"0225550199{D}", f"all-labs{D}")

    assert told[0].startswith("250")
    assert told[1].startswith("452 4.5.3 Only 2 fax numbers a mail")


async def test_a_changed_file_is_used_without_a_restart(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: a new name is known soon after; a broken file keeps the names."""
    monkeypatch.setattr("mail2fax.daemon._CONTACTS_EVERY", 0.05)
    path = tmp_path / "contacts.yaml"
    path.write_text(BOOK, "utf-8")
    async with Mailbox() as mailbox, Daemon(config(tmp_path, simulator, mailbox)) as daemon:
        before = await asyncio.to_thread(rcpt, daemon, f"dr-mueller{D}")
        path.write_text(BOOK + "  x: [nobody]\n", "utf-8")
        await asyncio.sleep(1)
        kept = await asyncio.to_thread(rcpt, daemon, f"lab{D}", f"x{D}")
        path.write_text(BOOK.replace("dr-meier", "dr-mueller"), "utf-8")
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(rcpt, daemon, f"dr-mueller{D}"))[0][:3] != "250":
                pass

    assert "Did you mean dr-meier?" in before[0]
    assert kept[0].startswith("250 2.1.5 Will fax to +41435550123")
    assert kept[1].startswith("550 5.1.1")


async def test_a_wrong_file_stops_the_start(tmp_path: Path, simulator: Simulator) -> None:
    """A7: as a mistake of the configuration does."""
    (tmp_path / "contacts.yaml").write_text("contacts: {lab: 117}\n", "utf-8")
    async with Mailbox() as mailbox:
        with pytest.raises(ConfigError, match=r"contacts\.yaml:1:12: contacts\.lab: 117: an em"):
            await Daemon(config(tmp_path, simulator, mailbox)).__aenter__()
