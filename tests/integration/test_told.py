"""W1a, promise 4: every mail has a row that says who was told, or that nobody was and why."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mail2fax.cli import main
from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.spool.commands import ask
from mail2fax.spool.records import MailStory
from mail2fax.spool.spool import Spool
from tests.integration.test_bounces_and_loops import mails
from tests.integration.test_daemon import House, send
from tests.unit.mails import TEXT, TOP, attached, mail, real_pdf

PDF = attached(real_pdf())
AUTOMATIC = TOP + "Auto-Submitted: auto-generated\n"
MAILS = {
    "a fax": mail(TEXT, PDF),
    "refused by mail": mail(attached(b"\0\1", "a.bin")),
    "automatic": mail(PDF, top=AUTOMATIC),
    "automatic and refused": mail(attached(b"\0\1", "b.bin"), top=AUTOMATIC),
    "a resend that is a copy": mail(TEXT, PDF),
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def is_over(story: MailStory) -> bool:
    """Whether its first reply came to an end."""
    return bool(story.told) and all(one.state != "due" for one in story.told)


@pytest.mark.parametrize("admin", [None, "admin@example.org"])
async def test_every_mail_says_who_was_told(
    house: House, admin: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """W1a: people and automatic mails, with an admin and without; the list names the others."""
    house.mailbox.answer["ann@example.org"] = "550 no such user"
    async with Daemon(house.config(admin=admin)) as daemon:
        for data in MAILS.values():
            await asyncio.to_thread(send, daemon, data)
        async with asyncio.timeout(60):
            while not all(map(is_over, found := await mails(daemon))):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        listed = await ask(house.state_dir, {"command": "list", "untold": True})

    told = [one for story in found for one in story.told]
    assert len(found) == len(MAILS)
    assert {one.told_to for one in told} == {admin}
    assert all(one.told_at if admin else one.why for one in told)
    names = {story.reference for story in found}
    assert {one["reference"] for one in listed["untold"]} == (set() if admin else names)


async def opened(state_dir: Path) -> None:
    """Make a ledger."""
    await (await Spool.open(state_dir, Clock())).close()


def test_the_list_is_a_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """W1a: without a daemon too; not together with the other list."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        "domains: [fax.example.com]\nregion: CH\nlisten: [{address: 127.0.0.1, port: 2525}]\n"
        "faxplus: {token: x, from: '+41225550100'}\nsenders: [{networks: [127.0.0.0/8]}]\n"
        f"state_dir: {tmp_path / 'state'}\n"
    )
    asyncio.run(opened(tmp_path / "state"))
    assert main(["queue", "list", "--untold", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "everybody was told\n"
    with pytest.raises(SystemExit):
        main(["queue", "list", "--untold", "--all", "--config", str(config)])
