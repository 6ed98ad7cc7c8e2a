"""The lines for auditors: what ended how, who was told, and that nobody changed them (K7)."""

import asyncio
import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mail2fax.cli import main
from mail2fax.clock import Clock
from mail2fax.spool import audit, forgetting, preparation
from mail2fax.spool.lifecycle import FaxEvent
from mail2fax.spool.spool import LEDGER, Spool
from tests.integration.test_cli import run
from tests.integration.test_forgetting import Archive, Time
from tests.integration.test_spool import NUMBER, Desk

DOCS = Path(__file__).parents[2] / "docs"
CONFIG = """\
domains: [fax.example.com]
region: CH
listen:
  - {address: 127.0.0.1, port: 2525}
faxplus: {token: t, from: "+41225550100"}
senders:
  - {networks: [127.0.0.0/8]}
state_dir: STATE
"""


async def an_archive(state_dir: Path) -> None:
    """Three faxes that ended, a refused mail, and one whose content is destroyed."""
    time = Time()
    spool = await Spool.open(state_dir, time.clock)
    desk = Archive(spool, time)
    await desk.ended()
    await desk.ended(FaxEvent.FAILED)
    gone = await desk.ended()
    refused = await desk.mail()
    now = desk.clock.now()
    await spool.do(preparation.refused, refused, "“secret.bin” is no document", [], now)
    await desk.tell()
    reference = (await desk.story(gone)).reference
    await spool.do(forgetting.expire_now, reference, now)
    await forgetting.destroy(spool, [gone])
    await spool.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration over a state directory with a history."""
    asyncio.run(an_archive(tmp_path / "state"))
    path = tmp_path / "mail2fax.yaml"
    path.write_text(CONFIG.replace("STATE", str(tmp_path / "state")), "utf-8")
    return path


def test_each_end_is_a_line(config: Path) -> None:
    """K7: a fax with number, pages and identity; a mail; a reply with who was told."""
    done = run("report", "--json", "--config", config)

    lines = [json.loads(text) for text in done.stdout.splitlines()]
    told = [{**json.loads(line["line"]), **line["personal"]} for line in lines]
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))
    faxes = [one for one in told if one["what"] == "fax"]
    assert [one["state"] for one in faxes] == ["success", "failed", "success", "failed"]
    assert faxes[0]["number"] == NUMBER
    assert faxes[0]["pages"] == 1
    assert faxes[0]["who"] == "network:127.0.0.0/8"
    assert re.fullmatch(r"M2F-.{5}/1", faxes[0]["reference"])
    mails = [one for one in told if one["what"] == "mail"]
    assert [one["state"] for one in mails] == ["refused", "purged"]
    assert {one["to"] for one in told if one["what"] == "reply"} == {"ann@example.org"}
    assert "secret" not in done.stdout
    assert "hello" not in done.stdout  # the subject


def test_a_report_for_people_and_for_tables(config: Path) -> None:
    """K7: a period, one line each; as a table with every column."""
    plain = run("report", "--config", config)
    table = run("report", "--csv", "--config", config)
    before = run("report", "--to", "2020-01-01", "--config", config)
    after = run("report", "--from", "2030-01-01", "--to", "2031-01-01T00:00", "--config", config)
    wrong = run("report", "--from", "yesterday", "--config", config)

    assert f"fax  success  {NUMBER}" in plain.stdout.replace("success  success", "success")
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    assert len(rows) == len(plain.stdout.splitlines())
    assert {row["number"] for row in rows if row["what"] == "fax"} == {NUMBER}
    assert before.stdout == ""
    assert len(after.stdout.splitlines()) == len(rows)
    assert wrong.returncode == 2
    assert "such as 2026-11-01" in wrong.stderr


def test_the_chain_is_in_order_and_can_be_checked_without_us(config: Path) -> None:
    """K7: by the verb, and by the script of docs/keeping.md."""
    checked = run("audit", "verify", "--config", config)
    (script,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "keeping.md").read_text("utf-8"), re.DOTALL
    )
    exported = run("report", "--json", "--config", config).stdout

    def foreign(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script], input=text, capture_output=True, text=True, check=False
        )

    assert checked.returncode == 0
    head = checked.stdout.split()[-1]
    assert re.fullmatch(r"[0-9]+:[0-9a-f]{64}", head)
    assert foreign(exported).stdout.strip() == f"in order up to {head}"
    assert foreign(exported.replace(NUMBER, "+41225550124", 1)).returncode != 0
    assert foreign("".join(exported.splitlines(keepends=True)[::2])).returncode != 0
    assert run("audit", "verify", "--noted", head, "--config", config).returncode == 0
    assert run("audit", "verify", "--noted", "9", "--config", config).returncode == 2


def change(state_dir: Path, *statements: str) -> None:
    """Change the ledger behind its back."""
    connection = sqlite3.connect(state_dir / LEDGER)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["UPDATE audit SET line = replace(line, 'success', 'failed') WHERE seq = 1"],
         "line 1 is not what was written"),
        (["DELETE FROM audit WHERE seq = 2"], "line 2 is missing"),
        (["UPDATE audit SET seq = 99 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4",
          "UPDATE audit SET seq = 4 WHERE seq = 99"], "line 3 is not what was written"),
        (["INSERT INTO audit SELECT 999, at, line, salt, personal, hash FROM audit WHERE seq = 1"],
         "is missing: line 999 follows"),
        (["UPDATE audit SET personal = replace(personal, '5550123', '5550124') WHERE seq = 1"],
         "line 1: its number is not what was written"),
        (["DELETE FROM audit WHERE seq > 5"], "the lines after 5 are missing"),
    ],
    ids=["flip", "delete", "reorder", "insert", "personal", "truncate"],
)  # fmt: skip
def test_what_was_done_to_the_ledger_is_told(
    config: Path, statements: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """K7: the first broken line; also after somebody opened the ledger in between."""
    change(config.parent / "state", *statements)

    main(["queue", "list", "--config", str(config)])
    for _ in range(2):
        assert main(["audit", "verify", "--config", str(config)]) == 1
        assert sentence in capsys.readouterr().out


async def test_old_lines_are_forgotten_and_the_rest_still_fits(tmp_path: Path) -> None:
    """K7: six years; the chain then follows the last forgotten line, and the last one stays."""
    await an_archive(tmp_path)
    spool = await Spool.open(tmp_path, Clock(wall=lambda: 1_900_000_000.0))
    lines = await spool.do(audit.lines, 0, 100)

    assert await spool.do(audit.forget, 1_800_000_000.0, 5) == 0
    assert await spool.do(audit.forget, 2_000_000_000.0, 3) == 3
    assert await spool.do(audit.base) == lines[2].head
    assert await spool.do(audit.lines, 0, 100) == lines[3:]
    assert await spool.do(audit.forget, 2_000_000_000.0, 100) == len(lines) - 4
    assert await spool.do(audit.forget, 2_000_000_000.0, 100) == 0
    assert await spool.do(audit.head) == lines[-1].head
    await spool.close()


async def test_an_outcome_that_is_not_committed_leaves_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K4, K7: one transaction: what is rolled back was never told."""
    spool = await Spool.open(tmp_path, Clock())
    desk = Desk(spool, Clock())
    mail_id = await desk.mail()

    def fail(*_args: object) -> None:
        raise RuntimeError("after the line")

    with monkeypatch.context() as patched:
        patched.setattr(preparation, "owe", fail)
        with pytest.raises(RuntimeError):
            await spool.do(preparation.refused, mail_id, "no", [], 1.0)
    assert await spool.do(audit.lines, 0, 9) == []
    await spool.do(preparation.refused, mail_id, "no", [], 1.0)
    assert len(await spool.do(audit.lines, 0, 9)) == 2
    await spool.close()
