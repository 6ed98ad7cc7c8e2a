"""W4, end to end: in which language and at whose clock a person is told."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mail2fax.daemon import Daemon
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from tests.integration.test_daemon import House
from tests.integration.test_options_end_to_end import letter as plain_letter
from tests.integration.test_options_end_to_end import send
from tests.plain import plain_text


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        yield House(tmp_path / "state", simulator, mailbox)


def letter(subject: str, text: str = "", language: str = "") -> EmailMessage:
    """A mail with one document, and with a Content-Language."""
    mail = plain_letter(subject, text)
    if language:
        mail["Content-Language"] = language
    return mail


async def told(house: House, mail: EmailMessage, *to: str, **more: Any) -> EmailMessage:
    """The first reply to a mail."""
    async with asyncio.timeout(30), Daemon(house.config(**more)) as daemon:
        await send(daemon, mail, *to)
        await house.mailbox.wait_for(1)
    return house.letters()[0]


FRENCH = [{"networks": ["127.0.0.0/8"], "language": "fr", "timezone": "America/New_York"}]


@pytest.mark.parametrize(
    ("mail", "to", "more", "first"),
    [
        (letter("x"), "0225550123", {}, "Your fax to"),
        (letter("x"), "0225550123", {"language": "es"}, "Su fax al"),
        (letter("x", language="de-CH, en"), "0225550123", {"language": "es"}, "Ihr Fax an"),
        (letter("x", language="it, tlh"), "0225550123", {"language": "es"}, "Su fax al"),
        (letter("x", language="de"), "0225550123", {"senders": FRENCH}, "Votre fax au"),
        (letter("[fax: lang es] x"), "0225550123", {"senders": FRENCH}, "Su fax al"),
        (letter("x"), "0225550123/lang=de", {"senders": FRENCH}, "Ihr Fax an"),
        (
            letter("x", "fax-options: at never", language="fr"), "0225550123", {},
            "Votre e-mail n'a pas été faxé.",
        ),
        (
            letter("x", "fax-options: lang de, at never"), "0225550123", {},
            "Ihre E-Mail wurde nicht gefaxt.",
        ),
    ],
)  # fmt: skip
async def test_the_first_that_says_a_language_decides(
    house: House, mail: EmailMessage, to: str, more: dict[str, Any], first: str
) -> None:
    """W4: the mail's option, its rule's, its Content-Language, the site's; refusals too."""
    reply = await told(house, mail, to, **more)

    assert plain_text(reply).startswith(first)


async def test_times_are_those_of_the_rule(house: House) -> None:
    """W4, O4: what is read as a time and what is told as one are of the same clock."""
    mail = letter("[fax: at tomorrow 08:00, lang en] x")
    reply = await told(house, mail, senders=FRENCH, timezone="Europe/Zurich")

    assert ", 08:00 E" in plain_text(reply)  # EST or EDT


async def test_an_admins_words_reach_the_person(house: House, tmp_path: Path) -> None:
    """W4: of a directory that the configuration names."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "en.toml").write_text('[accepted]\none = "On its way to {number}."', encoding="utf-8")
    (own / "letter.html").write_text(
        '{% extends "built-in/letter.html" %}{% block bottom %}<p>Ward 7</p>{% endblock %}',
        encoding="utf-8",
    )
    reply = await told(house, letter("x"), templates=str(own))
    page = reply.get_body(("html",))

    assert plain_text(reply).startswith("On its way to +41 22 555 01 23.\n")
    assert page is not None
    assert "<p>Ward 7</p>" in page.get_content()
