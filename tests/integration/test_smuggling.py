"""L1: whatever looks like the end of a mail, no second mail comes out of the first."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.smtp_bench import GOOD, TO, Desk, Talk, stuffed
from tests.integration.tls_bench import Authority, start_tls

SMUGGLED = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n" % TO.encode()
IMPROPER = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\n", b"\n.\r",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\r\n.\r\r\n", b"\n\n.\n\n", b"\r\n\r.\r\n", b"\n\r.\r\n",
    b"\r\n.\r\r\n", b"\r\n.\n\r\n",
]  # fmt: skip
PROPER = [b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.\t\r\n", b"\r\n.\xc2\x85", b"."]


async def hand_over(talk: Talk, ending: bytes, how: str) -> list[str]:
    """Send a mail with a second one hidden in it; every answer from the dot on."""
    hidden = stuffed(GOOD)[:-2] + ending + SMUGGLED + stuffed(GOOD)
    wire = hidden + b"\r\n.\r\nQUIT\r\n"
    before = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n" % TO.encode()
    if how == "in one packet":
        talk.writer.write(before + wire)
    else:
        talk.writer.write(before)
        step = len(hidden) - 40 if how == "cut at the end" else 7
        for at in range(0, len(wire), step):
            await asyncio.sleep(0)
            talk.writer.write(wire[at : at + step])
            await talk.writer.drain()
    answers = [await talk.answer() for _ in range(5)]
    assert answers[2].startswith("354 ")
    return [answer for answer in answers[3:] if answer]


@pytest.mark.parametrize("how", ["in one packet", "cut at the end", "in small pieces"])
@pytest.mark.parametrize("under", ["clear", "TLS"])
async def test_no_ending_smuggles_a_mail(tmp_path: Path, how: str, under: str) -> None:
    """One answer to the dot: 554 and closed, or one mail that holds the other as text."""
    authority = Authority(tmp_path / "tls")
    settings: dict[str, Any] = {"tls": authority.files()}
    context = authority.context()
    async with Desk(tmp_path / "state", **settings) as desk:
        taken = 0
        for ending in IMPROPER + PROPER:
            talk = await desk.call()
            if under == "TLS":
                await start_tls(talk, context)
            await talk.say("EHLO me")
            answers = await hand_over(talk, ending, how)
            if ending in IMPROPER:
                assert [one[:9] for one in answers] == ["554 5.6.0"], ending
            else:
                taken += 1
                assert [one[:3] for one in answers] == ["250", "221"], ending
        mails = await desk.mails()
        assert len(mails) == taken == len(PROPER)
        assert {mail.mail_from for mail in mails} == {"ann@example.org"}
