"""S6: each trouble provoked in a running daemon, and the letter that the admin gets."""

import asyncio
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail2fax.daemon import Daemon
from mail2fax.errors import SpoolBroken
from mail2fax.preparing.children import _Child
from mail2fax.preparing.obtaining import OwnProcess
from mail2fax.simulator.switches import Trouble as Fault
from tests.fronts import free_port
from tests.integration.test_daemon import House, send
from tests.integration.test_full_disk import fill, small_disk
from tests.unit.mails import TEXT, attached, mail, real_pdf

__all__ = ["small_disk"]

ADMIN = "admin@example.org"
GOOD = mail(TEXT, attached(real_pdf()))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def config(house: House, **changes: Any) -> Any:
    """With an admin."""
    return house.config(admin=ADMIN, **changes)


def alerts(house: House) -> list[str]:
    """The plain text of every mail about a trouble."""
    mine = [one for one in house.letters() if str(one["Subject"]).startswith("Fax service: ")]
    assert all(one["To"] == ADMIN and one["Auto-Submitted"] == "auto-generated" for one in mine)
    return [_plain(one) for one in mine]


def _plain(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").replace(" \n", " ")


async def told(house: House, begin: str) -> str:
    """The alert with this first line, once it is there."""
    async with asyncio.timeout(15):
        while True:
            if found := [one for one in alerts(house) if one.startswith(begin)]:
                return found[0]
            await asyncio.sleep(0.05)


async def test_a_disk_that_fills_up(
    house: House, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6, K6: told from a disk that has no block left; over when there is room."""
    monkeypatch.setattr("mail2fax.daemon._HOUSE_EVERY", 0.2)
    house.state_dir = small_disk / "state"
    async with Daemon(config(house, limits={"attachments": "1MB"})) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        await house.mailbox.wait_for(2)
        assert alerts(house) == []
        filling = await asyncio.to_thread(fill, small_disk)
        letter = await told(house, "The disk is nearly full. Large mails are put off.")
        assert daemon.status == "Trouble: disk"
        assert f"Known: {house.state_dir} has no room for a mail of " in letter
        assert "Make room in the state directory's file system." in letter
        filling.unlink()
        await told(house, "There is room on the disk again.")
        assert daemon.status == "Taking mail"
    assert len(alerts(house)) == 2


async def test_a_disk_that_failed_is_the_last_word(house: House) -> None:
    """S6, K6: no row is needed for it; what the ledger said is in it."""
    async with Daemon(config(house)) as daemon:
        daemon._spool._ledger.broken.set_result(SpoolBroken("the ledger failed: disk I/O error"))
        with pytest.raises(SpoolBroken):
            await daemon.run()

    (letter,) = alerts(house)
    assert letter.startswith("The disk failed. The fax service has stopped and takes no mail.\n")
    assert "Known: the ledger failed: disk I/O error\n" in letter


async def test_without_a_relay_it_ends_all_the_same(house: House) -> None:
    """S6, K6: and without an admin, too."""
    relay = {"host": "127.0.0.1", "port": free_port()}
    for settings in (config(house, relay=relay), house.config()):
        async with Daemon(settings) as daemon:
            daemon._spool._ledger.broken.set_result(SpoolBroken("x"))
            with pytest.raises(SpoolBroken):
                await daemon.run()


async def test_a_reader_that_does_not_begin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: children that end at once; no strike against the mail, which is faxed when it works."""
    monkeypatch.setattr("mail2fax.preparing.preparer._NO_CHILD_REST", 0.2)
    python = sys.executable
    monkeypatch.setattr("mail2fax.preparing.obtaining.sys.executable", "/bin/false")
    async with Daemon(config(house)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        letter = await told(
            house, "Documents cannot be prepared: the process that reads them fails."
        )
        assert "Known: the child does not begin (" in letter
        monkeypatch.setattr("mail2fax.preparing.obtaining.sys.executable", python)
        await told(house, "Documents are prepared again.")
        await house.mailbox.wait_for(4)

    assert len(house.simulator.provider.items) == 1


async def test_a_reader_that_dies_again_and_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: one mail may be poison; three in a row are not, and the admin is told."""
    monkeypatch.setattr("mail2fax.preparing.preparer._AGAIN", (0.1, 0.1, 0.1))
    is_ill = True
    say = _Child._say

    async def killed(self: _Child, line: dict[str, Any]) -> None:
        await say(self, line)
        if is_ill and "mail" in line:
            assert isinstance(self.line, OwnProcess)
            self.line.process.kill()

    monkeypatch.setattr(_Child, "_say", killed)
    async with Daemon(config(house)) as daemon:
        for _ in range(2):
            await asyncio.to_thread(send, daemon, GOOD)
        await house.mailbox.wait_for(2)
        assert alerts(house) == []
        await asyncio.to_thread(send, daemon, GOOD)
        letter = await told(house, "Documents cannot be prepared")
        assert "Known: it ended (signal 9)\n" in letter
        is_ill = False
        await asyncio.to_thread(send, daemon, GOOD)
        await told(house, "Documents are prepared again.")


async def test_a_template_that_fails(house: House, tmp_path: Path) -> None:
    """S6, W4: its letter goes out in our layout; the admin is told the line, and when it works."""
    own = tmp_path / "own"
    own.mkdir()
    broken = "{% extends 'built-in/letter.html' %}\n{% block top %}{{ %s }}{% endblock %}"
    own.joinpath("accepted.html").write_text(broken.replace("%s", "1 // (documents | length - 1)"))
    async with Daemon(config(house, templates=str(own))) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        letter = await told(house, "A letter cannot be made with your own words or templates.")
        await house.mailbox.wait_for(3)
        assert f"Known: accepted: {own}/accepted.html:2: integer division" in letter
        two = mail(TEXT, attached(real_pdf()), attached(real_pdf(), "other.pdf"))
        await asyncio.to_thread(send, daemon, two)
        await told(house, "Your own words are used again.")
    assert len(alerts(house)) == 2


async def test_a_ledger_that_cannot_vouch(house: House) -> None:
    """S6, K10, S4: told at once, and over when Fax.Plus's lists were read."""
    async with Daemon(config(house)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        await house.mailbox.wait_for(2)
    (house.state_dir / "last_seen.json").unlink()
    house.simulator.provider.switches.always = dict.fromkeys(("list", "outbox"), Fault.INTERNAL)
    async with Daemon(config(house)) as daemon:
        letter = await told(house, "It is not certain what was ordered before this start.")
        assert "Known: last_seen.json, which says how far the last run had come" in letter
        assert daemon.status == "Trouble: suspect"
        house.simulator.provider.switches.always = {}
        daemon._spool.bells.ring()
        await told(house, "The lists were read. Faxes go out again.")


@pytest.mark.parametrize("fault", [Fault.EMPTY_500, None])
async def test_a_fax_plus_that_is_silent(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: Fault | None
) -> None:
    """S6: out of reach, or answering nothing but errors; over when a call is answered."""
    monkeypatch.setattr("mail2fax.sending.dispatcher._SILENT_FOR", 1.0)
    monkeypatch.setattr("mail2fax.sending.dispatcher._LONGEST_REST", 0.3)
    monkeypatch.setattr("mail2fax.sending.pacing.upload_again_in", lambda *_: 0.3)
    switches = house.simulator.provider.switches
    calls = ("upload", "send", "list", "outbox", "faxes")
    if fault is not None:
        switches.always = dict.fromkeys(calls, fault)
    async with Daemon(config(house)) as daemon:
        if fault is None:
            daemon._client._base_url = f"http://127.0.0.1:{free_port()}"
        await asyncio.to_thread(send, daemon, GOOD)
        letter = await told(house, "Fax.Plus cannot be reached. No fax goes out.")
        known = "Fax.Plus answered 500" if fault else "no connection to Fax.Plus (ConnectError"
        assert f"Known: {known}" in letter
        assert daemon.status == "Trouble: silent"
        if fault is None:
            daemon._client._base_url = house.simulator.base_url
        switches.always = {}
        await told(house, "Fax.Plus can be reached again.")
        await house.mailbox.wait_for(4)


async def test_a_stored_mail_that_changed(house: House) -> None:
    """S6, K5: its sender is asked to send it again, and the admin to look at the disk."""
    async with Daemon(config(house, sending={"paused": True})) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        async with asyncio.timeout(20):
            while not [*house.state_dir.glob("documents/*/*")]:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
    (document,) = house.state_dir.glob("documents/*/*")
    document.write_bytes(document.read_bytes()[:-1] + b"x")
    async with Daemon(config(house)):
        letter = await told(house, "What is stored of a mail is not what was accepted.")
        await house.mailbox.wait_for(2)

    assert "Known: M2F-" in letter
    assert house.simulator.provider.items == []
