"""S6: the admin is told what is wrong, once when it begins and once when it is over."""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from mail2fax.answering.alerts import message_for
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.message import Sender
from mail2fax.answering.wording import LANGUAGES
from mail2fax.clock import Clock
from mail2fax.daemon import Daemon
from mail2fax.errors import SpoolFull
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.switches import Trouble as Fault
from mail2fax.spool import schema, telling, troubles
from mail2fax.spool.ledger import Ledger
from mail2fax.spool.moves import ALERT
from mail2fax.spool.spool import Spool
from mail2fax.spool.troubles import AlertToSend, Trouble
from tests.fronts import free_port
from tests.integration.test_daemon import House, send
from tests.unit.mails import TEXT, attached, mail, real_pdf

GOOD = mail(TEXT, attached(real_pdf()))
ADMIN = "admin@example.org"


class Time(Clock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1_795_000_000.0

    def now(self) -> float:
        """What it was set to."""
        return self.at


@pytest.fixture
def time() -> Time:
    """Of the spool."""
    return Time()


@pytest.fixture
async def spool(tmp_path: Path, time: Time) -> AsyncIterator[Spool]:
    """One without a daemon."""
    spool = await Spool.open(tmp_path, time)
    yield spool
    await spool.close()


async def owed(spool: Spool) -> list[tuple[str, bool, str]]:
    """Kind, end and facts of every mail that is due."""
    due = await spool.do(troubles.due, spool.now(), 100)
    return [(one.kind.value, one.is_over, one.facts) for one in due]


async def test_a_beginning_and_an_end(spool: Spool) -> None:
    """S6: however often it is said meanwhile."""
    for why in ("refused", "refused", "no route"):
        await spool.alarm.began(Trouble.RELAY, why)
    assert await owed(spool) == [("relay", False, "refused")]
    assert spool.alarm.lasting == {Trouble.RELAY: "no route"}

    for _ in range(3):
        await spool.alarm.over(Trouble.RELAY)
    assert await owed(spool) == [("relay", False, "refused"), ("relay", True, "no route")]
    assert spool.alarm.lasting == {}


async def test_a_kind_begins_once_an_hour(spool: Spool, time: Time) -> None:
    """S6: one that flaps is told again when the hour is over, if it lasts; others at once."""
    await spool.alarm.began(Trouble.RELAY, "a")
    await spool.alarm.over(Trouble.RELAY)
    for _ in range(20):
        time.at += 60
        await spool.alarm.began(Trouble.RELAY, "b")
        await spool.alarm.over(Trouble.RELAY)
    await spool.alarm.began(Trouble.DISK, "d")
    assert len(await owed(spool)) == 3

    await spool.alarm.began(Trouble.RELAY, "c")
    time.at += 3600
    await spool.alarm.look_around(short="no room")
    assert (await owed(spool))[3:] == [("relay", False, "c")]
    await spool.alarm.over(Trouble.RELAY)
    assert (await owed(spool))[4:] == [("relay", True, "c")]


async def test_who_could_not_be_told_is_gathered(spool: Spool, time: Time) -> None:
    """S6: the first at once, those of the next hour together, and no end is told."""
    for name in ("M2F-A", "M2F-B", "M2F-C", "M2F-B"):
        await spool.alarm.began(Trouble.UNTOLD, name)
    assert await owed(spool) == [("untold", False, "M2F-A")]
    assert spool.alarm.lasting == {}

    time.at += 3600
    await spool.alarm.look_around()
    assert (await owed(spool))[1:] == [("untold", False, "M2F-B, M2F-C")]


def test_many_names_are_counted() -> None:
    """S6: a mail stays readable."""
    names = [f"M2F-{n}" for n in range(30)]

    assert troubles.listed(names) == ", ".join([*names[:20], "… (30)"])


async def test_a_crash_neither_forgets_nor_doubles(tmp_path: Path, time: Time) -> None:
    """S6, K4: the rows know, whenever the daemon dies."""
    for _ in range(3):
        spool = await Spool.open(tmp_path, time)
        await spool.alarm.began(Trouble.ACCOUNT, "401")
        await spool.close()
    spool = await Spool.open(tmp_path, time)
    assert spool.alarm.lasting == {Trouble.ACCOUNT: "401"}
    await spool.alarm.over(Trouble.ACCOUNT)
    assert await owed(spool) == [("account", False, "401"), ("account", True, "401")]
    await spool.close()


async def test_a_full_disk_does_not_hide_itself(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: what could not be recorded is said again, and then recorded."""
    working = Ledger.do

    async def full(self: Ledger, *_: object) -> None:
        raise SpoolFull("no room")

    monkeypatch.setattr(Ledger, "do", full)
    await spool.alarm.began(Trouble.DISK, "full")
    monkeypatch.setattr(Ledger, "do", working)
    assert await owed(spool) == []
    await spool.alarm.began(Trouble.DISK, "full")
    assert await owed(spool) == [("disk", False, "full")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Trouble))
@pytest.mark.parametrize("is_over", [False, True])
def test_every_alert_has_words(language: str, kind: Trouble, *, is_over: bool) -> None:
    """W4, S6: in the site's language, with what is known and what to do."""
    alert = AlertToSend(
        "A1", kind, is_over, 1_795_000_000.0, "M2F-A\r\nX: y", 1_795_003_600.0, 0, 0
    )
    letters = LetterSettings("Europe/Zurich", language=language)
    data = message_for(alert, ADMIN, Sender("fax@fax.example.com"), 1_795_003_600.0, letters)
    told = email.message_from_bytes(data, policy=email.policy.default)

    assert isinstance(told, EmailMessage)
    assert (told["To"], told["Auto-Submitted"]) == (ADMIN, "auto-generated")
    assert (told["Message-ID"], told["X-Mail2Fax-Reference"]) == ("<A1@fax.example.com>", "A1")
    assert told["X"] is None
    plain, page = told.get_body(("plain",)), told.get_body(("html",))
    assert plain is not None
    assert page is not None
    text = plain.get_content()
    assert (("M2F-A X: y" in text), text.count("06")) == (not is_over, 1 + is_over)
    assert re.search(r"[{}]", text) is None
    assert len(re.findall("<tr>", page.get_content())) == 2


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


def alerts(house: House) -> list[str]:
    """The subjects of the mails to the admin, so far."""
    return [str(one["Subject"]) for one in house.letters() if one["To"] == ADMIN]


async def until(house: House, subject: str) -> None:
    """Wait for an alert."""
    async with asyncio.timeout(30):
        while not any(subject in one for one in alerts(house)):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.FORBIDDEN])
async def test_a_barred_account_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """S6: 401 and 403, within a minute; and that it works again."""
    monkeypatch.setattr("mail2fax.sending.pacing.barred_for", lambda _n: 1.0)
    switches = house.simulator.provider.switches
    switches.always = dict.fromkeys(("upload", "send", "list", "outbox", "faxes"), fault)
    async with Daemon(house.config(admin=ADMIN)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        await until(house, "does not let us in")
        assert daemon.status == "Trouble: account"
        switches.always = {}
        await until(house, "lets us in again")
        assert daemon.status == "Taking mail"

    assert len(alerts(house)) == 2


async def test_an_empty_account_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: over only when a fax has really gone out, not when an order is taken."""
    monkeypatch.setattr("mail2fax.sending.pacing.barred_for", lambda _n: 1.0)
    switches = house.simulator.provider.switches
    switches.default_outcome = "insufficient_credit"
    async with Daemon(house.config(admin=ADMIN)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        await until(house, "no credit left")
        await asyncio.sleep(2.5)
        assert len(alerts(house)) == 1
        switches.default_outcome = "success"
        await until(house, "sends faxes again")


async def test_a_dead_relay_is_told_when_it_lives(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6, W7: log and status have it at once; the mails wait, and all go out at once then."""
    monkeypatch.setattr("mail2fax.answering.back_off.again_in", lambda _tries: 0.3)
    monkeypatch.setattr("mail2fax.answering.courier._DOWN_FOR", 0.2)
    port = free_port()
    relay = {"host": "127.0.0.1", "port": port}
    async with Daemon(house.config(admin=ADMIN, relay=relay)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        async with asyncio.timeout(20):
            while daemon.status != "Trouble: relay":  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
        async with Mailbox(port=port) as house.mailbox:
            await house.mailbox.wait_for(4)
        assert daemon.status == "Taking mail"

    assert sorted(alerts(house)) == [
        "Fax service: The mail server for our replies takes none of them.",
        "Fax service: The mail server takes our replies again.",
    ]


async def test_what_waits_for_the_relay_goes_out_when_it_lives(spool: Spool, time: Time) -> None:
    """W7: not an hour later, as its own time would be."""
    await spool.alarm.began(Trouble.DISK, "x")
    (alert,) = await spool.do(troubles.due, time.at, 9)
    await spool.do(telling.postponed, ALERT, alert.id, 9, time.at + 3600, "no route")
    assert await owed(spool) == []
    await spool.do(telling.try_now, time.at)
    assert await owed(spool) == [("disk", False, "x")]


async def test_without_an_admin_the_row_says_so(house: House) -> None:
    """S6, D3: nobody is told, and the log has said it."""
    async with Daemon(house.config()) as daemon:
        spool = daemon._spool
        await spool.alarm.began(Trouble.DISK, "x")
        async with asyncio.timeout(20):
            while await owed(spool):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)
        why = await spool.do(lambda ledger: ledger.scalar(select(schema.alert.c.why)))
    assert why == "no address is left"
