"""L8: a rule that is put on top takes nothing over from the one that stood there."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from mail2fax.daemon import Daemon
from mail2fax.spool import schema
from mail2fax.spool.commands import ask
from tests.integration.smtp_bench import GOOD
from tests.integration.test_daemon import House, send

HERE: dict[str, Any] = {"networks": ["127.0.0.0/8"], "quota": {"faxes": "1/day"}}
ELSEWHERE: dict[str, Any] = {"networks": ["192.0.2.0/24"]}
NAMED: dict[str, Any] = {**HERE, "name": "office"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Everything but the daemon."""
    async with House.simulated(tmp_path / "state") as one:
        yield one


async def test_freeze_quota_login_and_mails_move_with_their_rule(house: House) -> None:
    """On top of it, back, and to a name; each start finds what was the rule's under its place."""
    async with Daemon(house.config(senders=[HERE], sending={"paused": True})) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        request = {"command": "freeze", "name": "senders[0]", "why": "", "rules": ["senders[0]"]}
        await ask(house.state_dir, request)
        await daemon._spool.do(_tie_a_login, "senders[0]")

    for senders, name in [
        ([ELSEWHERE, HERE], "senders[1]"), ([HERE], "senders[0]"), ([ELSEWHERE, NAMED], "office"),
    ]:  # fmt: skip
        async with Daemon(house.config(senders=senders, sending={"paused": True})) as daemon:
            assert await daemon._spool.do(_known_names) == {
                "mail": name, "usage": name, "login": name, "frozen": name,
            }  # fmt: skip
            with pytest.raises(smtplib.SMTPRecipientsRefused, match="This sender is stopped"):
                await asyncio.to_thread(send, daemon, GOOD)


async def test_a_rule_that_went_leaves_its_place_clean(house: House) -> None:
    """L8: who stands there now is neither frozen nor has used anything."""
    async with Daemon(house.config(senders=[ELSEWHERE, HERE])) as daemon:
        request = {"command": "freeze", "name": "senders[0]", "why": "", "rules": ["senders[0]"]}
        await ask(house.state_dir, request)

    async with Daemon(house.config(senders=[HERE])) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
        assert "senders[0] (removed)" in daemon._spool.frozen


async def test_the_mail_of_a_rule_that_went_is_faxed_without_its_rights(house: House) -> None:
    """O5: what only a rule could allow is not allowed by the one in its place."""
    paused = {"paused": True}
    first: dict[str, Any] = {"networks": ["127.0.0.1/32"]}
    async with Daemon(house.config(senders=[first], sending=paused)) as daemon:
        await asyncio.to_thread(send, daemon, GOOD)
    async with Daemon(house.config(senders=[first, HERE], sending=paused)):
        pass

    async with Daemon(house.config(senders=[HERE])) as daemon:
        await house.mailbox.wait_for(1)
        known = await daemon._spool.do(_known_names)
    assert known["mail"] == "senders[0] (removed)"
    assert [item.to for item in house.simulator.provider.items] == ["+41225550123"]


def _tie_a_login(connection: Connection, rule: str) -> None:
    row = {"name": "ann", "hash": "x", "reply_to": "", "rule": rule, "created_at": 0.0,
           "changed_at": 0.0}  # fmt: skip
    connection.execute(insert(schema.login).values(row))


def _known_names(connection: Connection) -> dict[str, str]:
    """The one name under which each table knows the rule."""
    mail = connection.scalars(select(schema.mail.c.identity)).all()
    return {
        "mail": " ".join(identity["rule"] for identity in mail),
        "usage": " ".join(connection.scalars(select(schema.usage.c.rule))),
        "login": " ".join(connection.scalars(select(schema.login.c.rule))),
        "frozen": " ".join(connection.scalars(select(schema.frozen.c.name))),
    }
