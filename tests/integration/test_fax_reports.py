"""W3, W6, O1: Fax.Plus's own report with the outcome, where somebody asked for it."""

import asyncio
import os
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from mail2fax.daemon import Daemon
from mail2fax.sending import fetching
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import durable, fax_reports, schema, stories
from tests.integration.sending_bench import Bench
from tests.integration.test_daemon import House
from tests.integration.test_options_end_to_end import letter, send
from tests.plain import plain_text

WAITS = fax_reports.PATIENCE


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        yield House(tmp_path / "state", simulator, mailbox)


async def told(house: House, mail: EmailMessage, *to: str) -> EmailMessage:
    """The outcome of a mail that goes to one number."""
    async with asyncio.timeout(40), Daemon(house.config()) as daemon:
        await send(daemon, mail, *to)
        await house.mailbox.wait_for(2)
    return house.letters()[1]


def attached(message: EmailMessage) -> list[tuple[str | None, str, bytes]]:
    """Name, type and first bytes of what is attached."""
    return [
        (part.get_filename(), part.get_content_type(), part.get_content()[:5])
        for part in message.iter_attachments()
    ]


async def test_a_report_comes_with_the_outcome(house: House) -> None:
    """O1, W3: as a PDF, beside the same words in both forms."""
    outcome = await told(house, letter("[fax: report] Lab"))
    reference = outcome["X-Mail2Fax-Reference"]

    assert attached(outcome) == [(f"{reference}-1 report.pdf", "application/pdf", b"%PDF-")]
    assert "The report of Fax.Plus is attached." in plain_text(outcome)
    assert outcome.get_content_type() == "multipart/mixed"
    assert outcome.get_body(("html",)) is not None


async def test_nobody_who_did_not_ask_gets_one(house: House) -> None:
    """O1: and the outcome does not wait for it."""
    outcome = await told(house, letter("Lab"))

    assert attached(outcome) == []
    assert "gave no report" not in plain_text(outcome)


async def test_a_report_that_cannot_be_had_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 4: after a few tries, with the outcome."""
    monkeypatch.setattr(fetching, "_AGAIN", (0.1, 0.1))
    house.simulator.provider.switches.always["report"] = Trouble.NOT_FOUND
    outcome = await told(house, letter("[fax: report] Lab"))

    assert attached(outcome) == []
    assert "Fax.Plus gave no report of the fax to +41 22 555 01 23." in plain_text(outcome)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """The sending station, running."""
    async with Bench(tmp_path) as bench:
        bench.start()
        yield bench


async def test_a_report_is_durable_before_the_ledger_names_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K4: after a power cut no reply attaches a report that is cut off, or promises none."""
    seen: list[str] = []

    def sync_file(descriptor: int) -> None:
        seen.append(f"{os.fstat(descriptor).st_size > 0} file")

    def over(*_: object) -> None:
        seen.append("ledger")

    monkeypatch.setattr(durable, "sync_file", sync_file)
    monkeypatch.setattr(durable, "sync_directory", lambda path: seen.append(path.name))
    mail_id = await ended(bench)
    (fax,) = (await bench.spool.do(stories.of_mail, mail_id)).faxes
    await bench.spool.do(fax_reports.want, mail_id, "outcome", [fax.id], bench.clock.now())
    (wanted,) = await bench.spool.do(fax_reports.due, bench.clock.now(), 9)
    monkeypatch.setattr(fax_reports, "over", over)
    seen.clear()

    await fetching.Fetcher(bench.spool, bench.client, bench.clock, 60)._take_care_of(wanted)

    assert seen == ["True file", mail_id, "documents", "ledger"]


async def ended(bench: Bench) -> str:
    """A mail whose fax ended; its id."""
    mail_id = await bench.mail()
    await bench.until_over(mail_id)
    return mail_id


async def next_try(bench: Bench, kind: str) -> float:
    """When the reply of a kind is due."""
    rows = schema.reply.c
    query = select(rows.next_try).where(rows.kind == kind)

    def found(connection: Connection) -> float:
        return float(connection.scalars(query).one())

    return await bench.spool.do(found)


async def test_a_reply_waits_for_its_report_and_not_for_ever(bench: Bench) -> None:
    """W3, promise 4: due at once when it is here or there is none, else after its patience."""
    bench.provider.switches.always["report"] = Trouble.INTERNAL
    mail_id = await ended(bench)
    (fax,) = (await bench.spool.do(stories.of_mail, mail_id)).faxes
    now = bench.clock.now()
    await bench.spool.do(fax_reports.want, mail_id, "outcome", [fax.id], now)

    assert await next_try(bench, "outcome") == now + WAITS
    (wanted,) = await bench.spool.do(fax_reports.due, now, 9)
    assert (wanted.fax_id, wanted.fax_plus_id, wanted.tries) == (fax.id, fax.fax_plus_id, 0)

    await bench.spool.do(fax_reports.over, wanted, "report-1.pdf", now + 1)
    assert await next_try(bench, "outcome") == now + 1
    assert (await bench.spool.do(stories.of_mail, mail_id)).faxes[0].report == "report-1.pdf"

    await bench.spool.do(fax_reports.want, mail_id, "outcome", [fax.id], now + 2)
    assert await bench.spool.do(fax_reports.due, now + 9, 9) == []  # it is here
    await bench.spool.do(fax_reports.want, mail_id, "outcome", [], now + 2)
    assert await next_try(bench, "outcome") == now + 1
