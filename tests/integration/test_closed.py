"""Promise 5, A8, L6: only who may, only where they may: what reaches the outbox, counted."""

import asyncio
import random
import smtplib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberType

from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.spool.commands import ask
from tests.integration.test_daemon import House
from tests.unit.mails import TEXT, attached, mail, real_pdf

MAILS, RECIPIENTS, SEED = 60, 20, 7
_WITH_OPTION = 0.03
DENIED = "+4122555019"
ALLOWED = {"CH": "+41225550123", "FR": "+33142681234"}
BASES = (
    *(f"+4122555{n:04}" for n in (100, 123, 124, 200, 188)), *(DENIED + str(n) for n in range(5)),
    "+33142681234", "+33142681235", "+4930901820", "+14155550123", "+442079460958", "+390612345678",
    "+41900123456", "+41840123456", "+41800123456", "+881612345678", "+870773111632", "+8835100",
    "+19005551234", "+18765550123", "117", "144", "112", "911", "1811", "0", "+41740123456",
)  # fmt: skip
EXPENSIVE = {
    PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PAGER,
    PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN,
}  # fmt: skip
SENDERS = [
    {"name": "people", "networks": ["127.0.0.0/8"], "countries": ["CH"]},
    {"name": "swiss", "addresses": ["ann@example.org"], "countries": ["CH"]},
    {"name": "french", "addresses": ["bob@example.org"], "countries": ["FR"]},
]
COUNTRY = {"people": "CH", "swiss": "CH", "french": "FR"}


def spelled(luck: random.Random, number: str) -> str:
    """A number as somebody may write it."""
    digits = number.removeprefix("+")
    national = "0" + digits[2:]
    forms = [number, digits, "00" + digits, national, "0" + national, "000" + digits,
             f"+{digits[:2]} (0){digits[2:]}", f"({national[:3]}){national[3:]}",
             "-".join(national[i : i + 3] for i in range(0, len(national), 3)),
             f"{number}/T33S=12", f"FAX={number}", f"/FAX={number}/", f"{number}#1",
             f"{number}+tag", f"'{number}'", number.replace("+", "")]  # fmt: skip
    return luck.choice(forms)


def address(luck: random.Random) -> str:
    """A recipient with one number or several, and options that would add one."""
    parts = [spelled(luck, luck.choice(BASES)) for _ in range(luck.choice((1, 1, 1, 1, 2)))]
    local = luck.choice((",", ";", "&")).join(parts)
    option = "/to=" + luck.choice(BASES) if luck.random() < _WITH_OPTION else ""
    quoted = local + option
    return f'"{quoted}"@fax.example.com' if luck.random() < 0.7 else f"{quoted}@fax.example.com"


def message(luck: random.Random, author: str) -> bytes:
    """A mail whose header and subject ask for further numbers."""
    wanted = luck.choice(BASES)
    extra = luck.choice(("", f"X-Fax-To: {wanted}\n", f"X-Fax-Destination: {wanted}\n"))
    subject = luck.choice(("Hello", f"fax {wanted}", f"({wanted})"))
    top = f"From: <{author}>\nTo: <{wanted}@fax.example.com>\n{extra}Subject: {subject}\n"
    return mail(TEXT, attached(real_pdf()), top=top + f"Message-ID: <{luck.random()}@x>\n")


def hand_over(port: int, data: bytes, recipients: list[str]) -> int:
    """Send with every recipient that is taken; how many were."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("me")
        client.mail("eve@evil.example")
        taken = [client.docmd("RCPT", f"TO:<{one}>")[0] == 250 for one in recipients]
        client.data(data)
    return sum(taken)


async def send_all(daemon: Daemon, luck: random.Random) -> tuple[int, int]:
    """Every mail, by people and through a mail server; recipients offered and taken at RCPT."""
    (_, people), (_, relay) = daemon.addresses
    offered = taken = 0
    for number in range(MAILS):
        recipients = [address(luck) for _ in range(RECIPIENTS)]
        # The second number of each kind is one that is allowed somewhere: something must go.
        recipients.append(f"{ALLOWED['FR' if number % 3 == 2 else 'CH']}@fax.example.com")
        author = ("ann@example.org", "ann@example.org", "bob@example.org")[number % 3]
        port = people if number % 3 == 0 else relay
        offered += len(recipients)
        data = message(luck, author)
        taken += await asyncio.to_thread(hand_over, port, data, recipients)
    return offered, taken


async def test_nothing_forbidden_reaches_the_outbox(tmp_path: Path) -> None:
    """A8, L6a, promise 5: through listener, preparing and sending, by people and by relay.

    What counts is what Fax.Plus was asked, not what was parsed.
    """
    luck = random.Random(SEED)
    async with Simulator() as simulator, Mailbox() as mailbox:
        house = House(tmp_path / "state", simulator, mailbox)
        listen: list[dict[str, Any]] = [
            {"address": "127.0.0.1", "port": 0},
            {"address": "127.0.0.1", "port": 0, "clients": "relay", "vouches": True},
        ]
        config = house.config(
            listen=listen, senders=SENDERS, numbers={"deny_prefixes": [DENIED]},
            limits={"destinations": 500},
        )  # fmt: skip
        async with Daemon(config) as daemon:
            offered, taken = await send_all(daemon, luck)
            await until_nothing_waits(house)
        ordered = [item.to for item in simulator.provider.items]
    rules = by_number(house.state_dir)

    print(f"\n{offered} recipients offered, {taken} taken, {len(ordered)} faxes ordered")
    assert len(ordered) >= MAILS
    assert [number for number in ordered if is_forbidden(number)] == []
    assert set(ordered) <= set(rules)
    assert {country_of(number) for number in ordered} == {"CH", "FR"}
    for number, names in rules.items():
        assert {COUNTRY[name] for name in names} == {country_of(number)}, number


async def until_nothing_waits(house: House) -> None:
    """Until every fax has been handed over or has ended."""
    async with asyncio.timeout(120):
        while True:
            told = await ask(house.state_dir, {"command": "list"})
            if not any(fax["fax_state"] == "pending" for fax in told["faxes"]):
                return
            await asyncio.sleep(0.2)


def by_number(state_dir: Path) -> dict[str, set[str]]:
    """Every number that was ordered, and the rules whose mail it was."""
    query = (
        "SELECT fax.number, json_extract(mail.identity, '$.rule') FROM fax"
        " JOIN mail ON mail.id = fax.mail_id WHERE fax.fax_plus_id IS NOT NULL"
    )
    found: dict[str, set[str]] = {}
    with closing(sqlite3.connect(state_dir / "ledger.sqlite3")) as ledger:
        for number, rule in ledger.execute(query):
            found.setdefault(number, set()).add(rule)
    return found


def country_of(number: str) -> str | None:
    """A number's country, by the library itself."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(number))


def is_forbidden(number: str) -> bool:
    """Barred by the admin, expensive, an emergency or of no use."""
    parsed = phonenumbers.parse(number)
    return (
        number.startswith(DENIED)
        or phonenumbers.number_type(parsed) in EXPENSIVE
        or not phonenumbers.is_valid_number(parsed)
    )


def test_the_check_itself_knows_what_is_forbidden() -> None:
    """A check that could not fail would prove nothing."""
    bad = (DENIED + "0", "+41900123456", "+41840123456", "+19005551234")

    assert all(is_forbidden(number) for number in bad)
    assert not any(is_forbidden(number) for number in ALLOWED.values())
