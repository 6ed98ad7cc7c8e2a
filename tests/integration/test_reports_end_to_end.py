"""W5, R11 through the real daemon: reports as programs of others read them."""

import asyncio
import shutil
import smtplib
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Kept
from mail2fax.spool import cancelling, finding, schema
from mail2fax.spool.lifecycle import JobState
from mail2fax.spool.spool import Station
from tests.integration.test_daemon import House
from tests.unit.mails import TEXT, attached, mail, real_pdf

TO, NUMBER = "0225550123@fax.example.com", "+41225550123"
DEVICE = {"networks": ["127.0.0.0/8"], "device": True, "reply_to": "office@example.org"}
GOOD = mail(TEXT, attached(real_pdf()))
# Prints what a bounce processor of others makes of a report: address, reason, action, status.
BOUNCE_PARSER = """
use Mail::DeliveryStatus::BounceParser;
my $bounce = Mail::DeliveryStatus::BounceParser->new(\\*STDIN);
print $bounce->is_bounce ? "bounce" : "no bounce", "\\n";
for my $report ($bounce->reports) {
    print join(" ", map { $report->get($_) // "-" } qw(email std_reason action status)), "\\n";
}
"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


async def send(daemon: Daemon, notify: str, data: bytes = GOOD) -> None:
    """Send a mail whose envelope asks for reports."""
    host, port = daemon.addresses[0]

    def talk() -> None:
        with smtplib.SMTP(host, port, timeout=20) as client:
            client.ehlo("me")
            assert client.mail("ann@example.org", ["RET=FULL", "ENVID=order+2B7"])[0] == 250
            options = [f"NOTIFY={notify}", f"ORCPT=rfc822;{TO}"] if notify else []
            assert client.rcpt(TO, options)[0] == 250
            assert client.data(data)[0] == 250

    await asyncio.to_thread(talk)


def reports(house: House) -> list[tuple[Kept, EmailMessage]]:
    """The reports that were handed over."""
    pairs = zip(house.mailbox.kept, house.letters(), strict=True)
    return [pair for pair in pairs if pair[1].get_content_type() == "multipart/report"]


def fields(report: EmailMessage) -> Any:
    """The group of its one recipient."""
    status = list(report.iter_parts())[1].get_payload()
    assert isinstance(status, list)
    (_, recipient) = status
    return recipient


@pytest.mark.parametrize(
    ("notify", "outcome", "action", "letters"),
    [
        ("SUCCESS", "success", "delivered", 3),
        ("FAILURE,DELAY", "success", None, 2),
        ("SUCCESS", "failed_unallocated_number", None, 2),
        ("FAILURE", "failed_unallocated_number", "failed", 3),
        ("NEVER", "failed_unallocated_number", None, 2),
        ("", "failed_unallocated_number", None, 2),
    ],
)
async def test_the_end_is_reported_as_the_envelope_asks(
    house: House, notify: str, outcome: str, action: str | None, letters: int
) -> None:
    """W5: to MAIL FROM from the null sender, beside our own mails and never instead."""
    house.simulator.provider.switches.default_outcome = outcome
    async with Daemon(house.config()) as daemon:
        await send(daemon, notify)
        await house.mailbox.wait_for(letters)
        await asyncio.sleep(0.5)

    assert len(house.mailbox.kept) == letters
    found = reports(house)
    assert [fields(one)["Action"] for _, one in found] == ([action] if action else [])
    for kept, one in found:
        assert (kept.mail_from, kept.rcpt_tos) == ("", ("ann@example.org",))
        assert fields(one)["Original-Recipient"] == f"rfc822;{TO}"
        assert b"JVBERi0" not in kept.content, "nothing of the document goes back"


@pytest.mark.parametrize(("notify", "wanted"), [("FAILURE", 1), ("SUCCESS,DELAY", 0), ("", 0)])
async def test_a_cancel_that_took_effect_at_once_is_reported(
    house: House, notify: str, wanted: int
) -> None:
    """W5, R11: as a failure, once, beside the reply; an outcome from before is not again."""
    sending = {"first_poll": "300ms", "paused": True}
    async with Daemon(house.config(sending=sending)) as daemon:
        await send(daemon, notify)
        spool = daemon._spool
        async with asyncio.timeout(20):
            while not await spool.do(finding.in_state, JobState.READY):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        mail_id = await spool.do(lambda ledger: ledger.scalar(select(schema.mail.c.id)))
        await spool.do(_cancel, str(mail_id), spool.now())
        spool.bells.ring(Station.ANSWERING)
        await house.mailbox.wait_for(1 + wanted)
        await asyncio.sleep(0.5)

    assert len(house.mailbox.kept) == 1 + wanted
    for _, report in reports(house):
        assert (fields(report)["Action"], fields(report)["X-Fax-Number"]) == ("failed", NUMBER)
        words = str(next(report.iter_parts()).get_payload())
        assert words.startswith("The fax to +41 22 555 01 23 was cancelled.")


def _cancel(connection: Connection, mail_id: str, now: float) -> None:
    mail = connection.execute(select(schema.mail).where(schema.mail.c.id == mail_id)).one()
    cancelling.cancel(connection, mail, None, "an administrator", now)


async def test_what_waits_is_reported_once(house: House) -> None:
    """W5: DELAY is the waiting mail; the fax is neither delivered nor failed by it."""
    sending = {"first_poll": "300ms", "paused": True, "waiting_after": "300ms"}
    async with Daemon(house.config(sending=sending)) as daemon:
        await send(daemon, "DELAY")
        await house.mailbox.wait_for(2)
        await asyncio.sleep(1.5)

    assert len(house.mailbox.kept) == 2
    ((_, report),) = reports(house)
    assert (fields(report)["Action"], fields(report)["Status"]) == ("delayed", "4.4.0")


@pytest.mark.parametrize("notify", ["", "NEVER"])
async def test_a_device_is_told_its_failures(house: House, notify: str) -> None:
    """R11: a report for its office, unless the envelope wants none; the reply comes anyway."""
    async with Daemon(house.config(senders=[DEVICE])) as daemon:
        await send(daemon, notify, mail(attached(b"\0\1", "a.bin")))
        await house.mailbox.wait_for(1 if notify else 2)
        await asyncio.sleep(0.3)

    assert [kept.rcpt_tos for kept in house.mailbox.kept] == [("office@example.org",)] * (
        1 if notify else 2
    )
    assert [fields(one)["Status"] for _, one in reports(house)] == ([] if notify else ["5.6.0"])


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")
@pytest.mark.parametrize(
    ("outcome", "read"),
    [
        ("failed_unallocated_number", f"bounce\n{TO} user_unknown failed 5.1.1\n"),
        ("success", "no bounce\n"),
    ],
)
async def test_a_bounce_processor_reads_a_report(house: House, outcome: str, read: str) -> None:
    """RFC 3464: Mail::DeliveryStatus::BounceParser finds recipient, action and status."""
    house.simulator.provider.switches.default_outcome = outcome
    async with Daemon(house.config()) as daemon:
        await send(daemon, "SUCCESS,FAILURE")
        await house.mailbox.wait_for(3)
    ((kept, _),) = reports(house)

    perl = await asyncio.create_subprocess_exec(
        "perl", "-e", BOUNCE_PARSER, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    told, complaint = await perl.communicate(kept.content)
    if b"Can't locate Mail" in complaint:
        pytest.skip("libmail-deliverystatus-bounceparser-perl is not installed")

    assert (told.decode(), complaint.decode()) == (read, "")
