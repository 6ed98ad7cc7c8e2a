"""O1-O6, end to end: a mail's wishes become the order at Fax.Plus, or a sentence."""

import asyncio
import json
import logging
import re
import smtplib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail2fax.cli import main
from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from tests.integration.test_daemon import House
from tests.plain import plain_text
from tests.unit.mails import real_pdf

DOMAIN = "@fax.example.com"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        yield House(tmp_path / "state", simulator, mailbox)


def letter(subject: str, text: str = "", *, attach: bool = True, **headers: str) -> EmailMessage:
    """A mail with one document."""
    mail = EmailMessage()
    mail["From"] = "Ann Meier <ann@example.org>"
    mail["To"] = f'"Dr Huber" <0225550123{DOMAIN}>'
    mail["Subject"] = subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if attach:
        mail.add_attachment(
            real_pdf(), maintype="application", subtype="pdf", filename="result.pdf"
        )
    return mail


async def send(daemon: Daemon, mail: EmailMessage, *to: str) -> dict[str, tuple[int, bytes]]:
    """Send it as a client does; the refused recipients."""
    host, port = daemon.addresses[0]

    def talk() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP(host, port, timeout=20) as client:
            return client.send_message(
                mail, "ann@example.org", [f"{one}{DOMAIN}" for one in to or ("0225550123",)]
            )

    return await asyncio.to_thread(talk)


async def orders(house: House, count: int) -> dict[str, dict[str, Any]]:
    """The orders Fax.Plus was given, by destination, our tokens cut off."""
    provider = house.simulator.provider
    async with asyncio.timeout(20):
        while len(provider.items) < count:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.02)
    found: dict[str, dict[str, Any]] = {}
    for item in provider.items:
        order = json.loads(json.dumps(item.order))
        token, *order["comment"]["tags"] = order["comment"]["tags"]
        order["comment"]["text"] = order["comment"]["text"].removesuffix(token).rstrip("\n")
        found[item.to] = order
    return found


async def test_wishes_of_every_place_become_the_order(house: House) -> None:
    """O2, O4: header under first lines under Subject under address, each number its own."""
    config = house.config(
        faxplus={"token": "t", "from": ["+41225550100", "+41225550101"],
                 "base_url": house.simulator.base_url},
        options={"tag": "site", "resolution": "fine", "cover": {"name_from": "Labor"}},
    )  # fmt: skip
    mail = letter(
        f"[fax: retry 2/15, urgent, tag oncology] Lab result [fax: at {TOMORROW} 08:00 UTC]",
        "fax-options: bill 4711, body comment+cover\n\nPlease call.\n\n-- \nAnn",
        X_Fax_From="022 555 01 01, +41225550100", X_Fax_Enhance="on", X_Fax_Tag="header",
    )  # fmt: skip
    async with Daemon(config) as daemon:
        refused = await send(
            daemon, mail, "0225550123", "0445550199/superfine/no_cover/tag=ward_7/enhance=off"
        )
        found = await orders(house, 2)

    assert refused == {}
    common = {
        "from": "+41225550101,+41225550100",
        "send_time": f"{TOMORROW} 08:00:00 +0000",
        "return_ids": True,
    }
    first, second = found["+41225550123"], found["+41445550199"]
    assert {key: first[key] for key in common} == common == {key: second[key] for key in common}
    assert first["comment"] == {
        "text": "Please call.", "tags": ["site", "header", "oncology", "4711"],
    }  # fmt: skip
    assert first["options"] == {"enhancement": True, "retry": {"count": 2, "delay": 15}}
    assert first["resolution"] == "fine"
    assert first["cover_page"] == {
        "name_to": "Dr Huber", "name_from": "Labor", "subject": "Lab result",
        "message": "Please call.", "flags": ["urgent"],
    }  # fmt: skip
    assert second["comment"]["tags"] == ["site", "header", "oncology", "ward 7", "4711"]
    assert second["options"] == {"enhancement": False, "retry": {"count": 2, "delay": 15}}
    assert second["resolution"] == "superfine"
    assert "cover_page" not in second


async def test_only_faxes_alike_share_an_order(house: House) -> None:
    """R1, O2: two numbers with other options are two orders, whatever the group's size."""
    config = house.config(sending={"first_poll": "300ms", "destinations_per_order": 10})
    async with Daemon(config) as daemon:
        await send(daemon, letter("x"), "0225550123", "0445550199/superfine", "0225550124")
        found = await orders(house, 3)

    assert found["+41225550123"]["to"] == ["+41225550123", "+41225550124"]
    assert found["+41445550199"]["to"] == ["+41445550199"]


async def test_what_is_not_understood_is_refused_where_it_shows(house: House) -> None:
    """O3: address at RCPT, Subject and headers after the dot, first lines by mail."""
    async with Daemon(house.config()) as daemon:
        refused = await send(daemon, letter("x"), "0225550123/fien", "0445550199")
        with pytest.raises(smtplib.SMTPDataError) as in_subject:
            await send(daemon, letter("Lab [fax: fien]"))
        with pytest.raises(smtplib.SMTPDataError) as in_header:
            await send(daemon, letter("Lab", X_Fax_Att="08:00"))
        with pytest.raises(smtplib.SMTPRecipientsRefused) as twice:
            await send(daemon, letter("x"), "0225550123/user=someone")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await send(daemon, letter("x"), "not-a-number/fine")
        await send(daemon, letter("[fax: fine] Lab", "fax-options: at never\nHello"))
        await house.mailbox.wait_for(3)

    (code, sentence), = refused.values()  # fmt: skip
    assert (code, b"Did you mean fine?" in sentence) == (550, True)
    assert in_subject.value.smtp_code == in_header.value.smtp_code == 554
    assert "Did you mean at?" in str(in_header.value.smtp_error)
    assert [code for code, _ in twice.value.recipients.values()] == [550]
    told = [one for one in house.letters() if "at: never is no time" in plain_text(one)]
    assert [one["Subject"] for one in told] == ["Re: [fax: fine] Lab"]
    assert len(house.simulator.provider.items) == 1


async def test_one_number_with_two_wishes_is_refused(house: House) -> None:
    """A5, O2: twice the same is one fax, twice otherwise is a question."""
    async with Daemon(house.config(sending={"paused": True})) as daemon:
        refused = await send(
            daemon, letter("x"), "0225550123/fine", "+41225550123/fine", "0225550123/superfine"
        )

    assert [code for code, _ in refused.values()] == [550]
    assert b"different options" in refused[f"0225550123/superfine{DOMAIN}"][1]


async def test_an_earlier_fax_is_sent_again(house: House) -> None:
    """O5: by our reference without any document; another identity's and none have one answer."""
    async with Daemon(house.config()) as daemon:
        await send(daemon, letter("first"))
        first = await orders(house, 1)
        await house.mailbox.wait_for(2)
        body = plain_text(house.letters()[0])
        reference = re.findall(r"M2F-[0-9A-Z]{5}/1", body)[0]
        await send(daemon, letter(f"[fax: resend {reference}]", attach=False), "0445550199")
        found = await orders(house, 2)
        again = letter("Again", f"fax-options: forward {reference[:-2]}", attach=False)
        await send(daemon, again, "0225550124")
        await orders(house, 3)
        await house.mailbox.wait_for(6)
        await send(daemon, letter("[fax: resend M2F-ZZZZZ]", attach=False))
        await house.mailbox.wait_for(7)

    fax_id = next(item.id for item in house.simulator.provider.items if item.to in first)
    order = found["+41445550199"]
    assert order["from_fax"] == {"id": fax_id}
    assert (order["files"], order["options"]["enhancement"]) == ([], False)
    assert "you have no fax M2F-ZZZZZ" in plain_text(house.letters()[-1])
    assert len(house.simulator.provider.items) == 3


async def test_a_password_of_old_goes_nowhere(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """O6: RelayFax's FAXPASSWORD is in no comment, no log and no reply."""
    caplog.set_level(logging.DEBUG)
    config = house.config(senders=[{"networks": ["127.0.0.0/8"], "dialects": ["relayfax"]}])
    async with Daemon(config) as daemon:
        await send(daemon, letter("x", "FAXPASSWORD:hunter2\nBILLINGCODE:4711\nPlease call."))
        found = await orders(house, 1)
        await house.mailbox.wait_for(2)

    assert found["+41225550123"]["comment"] == {"text": "Please call.", "tags": ["4711"]}
    assert "hunter2" not in caplog.text
    assert not any(b"hunter2" in one.content for one in house.mailbox.kept)


async def test_dialects_of_addresses(house: House) -> None:
    """O6: eFax's cover codes and FaxBack's flags."""
    config = house.config(senders=[{"networks": ["127.0.0.0/8"], "dialects": ["efax", "faxback"]}])
    async with Daemon(config) as daemon:
        await send(daemon, letter("x"), "0225550123/fr=Jane_Doe/co=Doe_Sprockets",
                   "0445550199^COMPANY=FaxBack^NOCOVER^RETRIES=2^BILLING=77")  # fmt: skip
        found = await orders(house, 2)

    cover = found["+41225550123"]["cover_page"]
    assert (cover["name_from"], cover["name_to"]) == ("Jane Doe", "Doe Sprockets")
    assert "cover_page" not in found["+41445550199"]
    assert found["+41445550199"]["comment"]["tags"] == ["77"]
    assert found["+41445550199"]["options"]["retry"]["count"] == 2


async def test_a_bill_can_be_mandatory(house: House) -> None:
    """O5: without one nothing is faxed, and the person is told which there are."""
    rule = {"networks": ["127.0.0.0/8"], "bill": {"required": True, "codes": ["4711", "4712"]}}
    async with Daemon(house.config(senders=[rule])) as daemon:
        await send(daemon, letter("x"))
        await house.mailbox.wait_for(1)
        with pytest.raises(smtplib.SMTPDataError, match="Nearest are 4712, 4711"):
            await send(daemon, letter("[fax: bill 4713] x"))

    assert "A billing code is needed" in plain_text(house.letters()[0])
    assert house.simulator.provider.items == []


def test_explain_shows_the_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """M13, O2: by the same code; what differs between numbers stands beside them."""
    path = tmp_path / "a.eml"
    path.write_bytes(bytes(letter(f"[fax: at {TOMORROW} 08:00 UTC, tag a] Lab", "Hi")))
    numbers = ["--to", f"+41225550123{DOMAIN}", "--to", f"+41445550199/superfine{DOMAIN}"]
    main(["explain", "--json", *numbers, str(path)])
    told = json.loads(capsys.readouterr().out)
    path.write_bytes(bytes(letter("[fax: fien]")))
    main(["explain", "--json", *numbers, str(path)])
    refused = json.loads(capsys.readouterr().out)

    assert told["options"] == {"at": f"{TOMORROW}T08:00:00+00:00", "tags": ["a"]}
    assert "options" not in told["destinations"][0]
    assert told["destinations"][1]["options"]["resolution"] == "superfine"
    assert (refused["when"], refused["refused"][:10]) == ("line", "554 5.6.0 ")


async def test_a_fax_that_cannot_be_named_is_uploaded_again(house: House) -> None:
    """S8: Fax.Plus refuses from_fax; what we hold of it goes out, once, behind what is attached."""
    house.simulator.provider.switches.from_fax = False
    async with Daemon(house.config()) as daemon:
        await send(daemon, letter("first"))
        await orders(house, 1)
        await house.mailbox.wait_for(2)
        body = plain_text(house.letters()[0])
        reference = re.findall(r"M2F-[0-9A-Z]{5}", body)[0]
        mail = letter(f"[fax: resend {reference}] second")
        await send(daemon, mail, "0445550199", "0225550124/fine")
        found = await orders(house, 3)
        await house.mailbox.wait_for(5)
        alone = letter(f"[fax: resend {reference}] third", attach=False)
        await send(daemon, alone, "0445550198")
        found |= await orders(house, 4)

    counts = {to: len(order["files"]) for to, order in found.items()}
    assert counts == {
        "+41225550123": 1, "+41445550199": 2, "+41225550124": 2, "+41445550198": 1,
    }  # fmt: skip
    assert not any("from_fax" in order for order in found.values())
    told = next(plain_text(one) for one in house.letters() if "second" in one["Subject"])
    assert told.count("result.pdf") == 2  # what was attached, and what was sent again
    assert len(house.simulator.provider.items) == 4


async def test_a_fax_that_nobody_holds_is_refused_in_their_words(house: House) -> None:
    """S8: without documents of ours the refusal stands, and is told."""
    house.simulator.provider.switches.from_fax = False
    rule = {"networks": ["127.0.0.0/8"], "may_resend": "account"}
    async with Daemon(house.config(senders=[rule])) as daemon:
        await send(daemon, letter("[fax: resend 5e7de3ad54cfd54eb568cc76]", attach=False))
        await house.mailbox.wait_for(1)

    assert "from_fax names no fax" in plain_text(house.letters()[0])
    assert house.simulator.provider.items == []
