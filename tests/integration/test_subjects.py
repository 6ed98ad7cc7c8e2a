"""Everything that is held of a person, and its end (K7)."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from mail2fax.cli import main
from mail2fax.spool import forgetting, logins, notices, preparation, schema, telling
from mail2fax.spool.lifecycle import FaxEvent
from mail2fax.spool.moves import NOTICE
from mail2fax.spool.notices import Refusal
from mail2fax.spool.spool import LEDGER, Spool
from mail2fax.spool.subjects import Subject
from tests.integration.test_audit import CONFIG
from tests.integration.test_forgetting import Archive, Time, found_in
from tests.integration.test_spool import NUMBER

ANN, BOB = "ann@example.org", "bob@example.net"
OTHER = "+41225550177"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("Ann@Example.org", True),
        ("login:ann@example.org", True),
        ("xann@example.org", False),
        ("ann@example.org.evil", False),
        ([BOB, ANN], True),
        ({"reply_to": {"deep": (ANN,)}}, True),
        ({"reply_to": BOB, "ann@example.org": 1}, False),
        (None, False),
        (7, False),
    ],
)
def test_what_names_somebody(value: Any, named: bool) -> None:
    """K7: the whole address, in any case, alone or behind the kind of an identity."""
    assert Subject.of(" ann@example.ORG ").is_named_by(value) is named


async def a_past(state_dir: Path, *, still_open: bool = False) -> None:
    """Ann's fax, Bob's fax to the same number, Ann's to another that is forgotten; and more."""
    time = Time()
    spool = await Spool.open(state_dir, time.clock)
    desk = Archive(spool, time)
    now, do = desk.clock.now(), spool.do
    await desk.ended()
    bob = await desk.ended(FaxEvent.FAILED)
    gone = await desk.ended()

    def become(connection: Connection) -> None:
        mail, fax = schema.mail, schema.fax
        theirs = {"kind": "login", "name": "ann", "rule": "r", "person": ANN}
        values = {"identity": theirs, "who": "login:ann"}
        connection.execute(mail.update().where(mail.c.id != bob).values(values))
        values = {"mail_from": BOB, "reply_to": [BOB], "who": "network:n"}
        connection.execute(mail.update().where(mail.c.id == bob).values(values))
        connection.execute(
            schema.reply.update().where(schema.reply.c.mail_id == bob).values(told_to=BOB)
        )
        history = schema.history
        connection.execute(
            history.update().where(history.c.mail_id == bob, history.c.detail == ANN)
            .values(detail=BOB)
        )  # fmt: skip
        connection.execute(fax.update().where(fax.c.mail_id == gone).values(number=OTHER))
        connection.execute(schema.audit.delete())

    await do(become)
    await do(forgetting.begin, gone, now)
    await forgetting.destroy(spool, [gone])
    refused = await desk.mail(numbers=(OTHER,))
    await do(preparation.refused, refused, "no", [], now)
    await desk.tell()
    await do(logins.add, "scan", "x" * 60, ANN, "", now)
    refusal = Refusal("scan", "192.0.2.1", "1@fax.example.com", "550 no", (ANN,))
    await do(notices.owe, refusal, now)
    (notice,) = await do(notices.due, now, 9)
    await do(telling.handed_over, NOTICE, notice.id, ANN, now)
    await spool.note_command("root", "freeze", {"name": ANN}, "done")
    if still_open:
        await desk.prepared()
    await spool.close()


def config_over(tmp_path: Path, *, still_open: bool = False) -> list[str]:
    """The command line's configuration over such a past."""
    asyncio.run(a_past(tmp_path / "state", still_open=still_open))
    path = tmp_path / "mail2fax.yaml"
    path.write_text(CONFIG.replace("STATE", str(tmp_path / "state")), "utf-8")
    return ["--config", str(path)]


def test_everything_is_exported_and_nobody_elses(tmp_path: Path) -> None:
    """K7: mails with their story and files, lines for auditors, notices, logins, commands."""
    at = config_over(tmp_path)

    assert main(["export", "--subject", "ANN@example.org", str(tmp_path / "ann"), *at]) == 0

    held = json.loads((tmp_path / "ann" / "export.json").read_text("utf-8"))
    assert len(held["mails"]) == 3
    assert {name for name, value in held.items() if value} == {
        "subject", "mails", "audit", "login", "notice", "command",
    }  # fmt: skip
    assert held["login"] == [
        {"name": "scan", "reply_to": ANN, "rule": "", "created_at": held["login"][0]["created_at"],
         "changed_at": held["login"][0]["changed_at"]}
    ]  # fmt: skip
    files = [path.name for path in (tmp_path / "ann").rglob("*") if path.is_file()]
    assert sorted(name.rpartition(".")[2] for name in files) == ["eml", "eml", "json", "pdf"]
    assert found_in(tmp_path / "ann", BOB) == []


def test_a_recipients_number_is_a_person_too(tmp_path: Path) -> None:
    """K7: written with spaces; all who faxed to it."""
    at = config_over(tmp_path)
    spaced = f"{NUMBER[:3]} {NUMBER[3:5]} {NUMBER[5:]}"

    assert main(["export", "--subject", spaced, str(tmp_path / "n.tar"), *at]) == 0
    assert main(["export", "--subject", NUMBER, str(tmp_path / "n"), *at]) == 0

    held = json.loads((tmp_path / "n" / "export.json").read_text("utf-8"))
    assert {mail["mail_from"] for mail in held["mails"]} == {ANN, BOB}


def test_a_person_is_erased_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """K7: content and name; the other person, and the chain, stay; K8: the row names nobody."""
    at = config_over(tmp_path)
    state = tmp_path / "state"
    assert main(["erase", "--subject", ANN, *at]) == 2
    assert found_in(state, ANN) != []
    assert main(["erase", "--subject", ANN, "--yes", *at]) == 0

    told = capsys.readouterr().out
    assert "erased from 3 mails, content of 2 destroyed" in told
    assert told.count("\n  F-") == 2
    assert "user remove scan" in told
    assert "erase --subject ann " in told
    for more in (["user", "remove", "scan"], ["erase", "--subject", "ann", "--yes"]):
        assert main([*more, *at]) == 0
    assert found_in(state, ANN, "login:ann", '"ann"') == []
    assert found_in(state, BOB) != []
    assert len(list((state / "mails").iterdir())) == 1
    assert main(["audit", "verify", *at]) == 0
    assert "with something erased" in capsys.readouterr().out
    with sqlite3.connect(state / LEDGER) as connection:
        commands = dict(connection.execute("SELECT what, arguments FROM command").fetchall())
        numbers = {row[0] for row in connection.execute("SELECT number FROM fax")}
    connection.close()
    assert json.loads(commands["erase"]) == {"subject": Subject.of("ann").fingerprint}
    assert json.loads(commands["freeze"]) == {"name": "erased"}
    assert numbers == {NUMBER, OTHER}  # of others, who have not asked


def test_a_number_is_erased_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """K7: of every mail that was faxed to it; who had sent it stays."""
    at = config_over(tmp_path)
    state = tmp_path / "state"

    assert main(["erase", "--subject", NUMBER, "--yes", *at]) == 0

    assert found_in(state, NUMBER) == []
    assert found_in(state, ANN, BOB) != []
    assert main(["audit", "verify", *at]) == 0
    assert main(["queue", "list", "--all", *at]) == 0
    assert "erased" in capsys.readouterr().out


def test_what_is_still_open_is_not_erased(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """K7: all or nothing, and what to do is said."""
    at = config_over(tmp_path, still_open=True)
    before = sorted(path.name for path in (tmp_path / "state" / "mails").iterdir())

    assert main(["erase", "--subject", ANN, "--yes", *at]) == 1

    assert "queue cancel (or drop) M2F-" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "state" / "mails").iterdir()) == before
    assert main(["export", "--subject", ANN, str(tmp_path / "all"), *at]) == 0
    held = json.loads((tmp_path / "all" / "export.json").read_text("utf-8"))
    assert len(held["mails"]) == 4


def test_nobody_is_found_by_a_part_of_an_address(tmp_path: Path) -> None:
    """K7: a name that nothing holds is exported as nothing, and erases nothing."""
    at = config_over(tmp_path)

    assert main(["export", "--subject", "ann@example", str(tmp_path / "x"), *at]) == 0
    assert main(["erase", "--subject", "ann@example", "--yes", *at]) == 0

    held = json.loads((tmp_path / "x" / "export.json").read_text("utf-8"))
    assert held["mails"] == held["audit"] == []
    assert found_in(tmp_path / "state", ANN) != []
