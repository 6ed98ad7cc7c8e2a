"""L6, L8, K8: logins over a real ledger, from the command line to the check."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from mail2fax.accepting import passwords
from mail2fax.accepting.logins import Logins
from mail2fax.accepting.proof import Login
from mail2fax.accepting.settings import TryLater
from mail2fax.clock import Clock
from mail2fax.spool import logins
from mail2fax.spool.commands import CommandFailed, ask, carry_out
from mail2fax.spool.spool import Spool

RIGHT = "correct horse"
HOME, ELSEWHERE, OFFICE = "192.0.2.10", "198.51.100.7", "192.168.1.4"


class Desk:
    """A spool with a login and a clock that can be turned."""

    def __init__(self, spool: Spool, verifier: Logins) -> None:
        self.spool = spool
        self.verifier = verifier
        self.time = 1_800_000_000.0

    async def try_it(self, password: str = RIGHT, name: str = "ann", peer: str = HOME) -> str:
        """One try: in, out, or later."""
        try:
            found = await self.verifier(name, password, peer)
        except TryLater:
            return "later"
        return "in" if found else "out"

    async def fail(self, count: int, **where: str) -> list[str]:
        """So many wrong passwords."""
        return [await self.try_it("wrong", **where) for _ in range(count)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Ann is registered; 192.168.1.0/24 is a rule's own network."""
    spool = await Spool.open(tmp_path, Clock())
    desk = Desk(spool, None)  # type: ignore[arg-type]
    clock = Clock(wall=lambda: desk.time)
    clock.now = lambda: desk.time  # type: ignore[method-assign]
    desk.verifier = Logins(spool, clock, [ip_network("192.168.1.0/24")])
    await spool.do(logins.add, "ann", passwords.hashed(RIGHT), "ann@example.org", "staff", 1.0)
    yield desk
    desk.verifier.close()
    await spool.close()


async def test_the_right_password_gives_what_is_registered(desk: Desk) -> None:
    """L6, W1a: case of the name does not matter, that of the password does."""
    assert await desk.verifier("ANN ", RIGHT, HOME) == Login("ann", "ann@example.org", "staff")
    assert await desk.verifier("ann", RIGHT.upper(), HOME) is None
    assert await desk.verifier("eve", RIGHT, HOME) is None
    assert await desk.verifier("", "", HOME) is None


async def test_wrong_passwords_shut_out_login_and_network(desk: Desk) -> None:
    """L8: also the right password; not from elsewhere, not another login; it ends."""
    assert await desk.fail(5) == ["out"] * 5
    assert await desk.try_it() == "later"
    assert await desk.try_it(peer="192.0.2.99") == "later"
    assert await desk.try_it(peer=ELSEWHERE) == "in"
    assert await desk.try_it("wrong", name="bob") == "out"

    desk.time += 61
    assert await desk.try_it() == "in"
    assert await desk.fail(4) == ["out"] * 4, "a right password forgets the wrong ones"


async def test_a_login_that_does_not_exist_is_shut_out_the_same_way(desk: Desk) -> None:
    """L8: the lock-out tells nobody which logins exist."""
    assert await desk.fail(6, name="eve") == ["out"] * 5 + ["later"]


async def test_a_familiar_address_is_never_shut_out(desk: Desk) -> None:
    """L8: somebody who logged in within 30 days; strangers beside them are."""
    assert await desk.try_it() == "in"
    assert await desk.fail(8) == ["out"] * 8
    assert await desk.try_it() == "in"

    await desk.fail(5, peer="192.0.2.99")
    assert await desk.try_it(peer="192.0.2.99") == "later"
    assert await desk.try_it() == "in"
    desk.time += 31 * 86400
    await desk.fail(5)
    assert await desk.try_it() == "later"


async def test_an_own_network_is_out_for_15_minutes_at_most(desk: Desk) -> None:
    """L8: however often the copier's old password is tried."""
    for _ in range(12):
        await desk.fail(1, peer=OFFICE)
        desk.time += 901
    await desk.fail(1, peer=OFFICE)

    assert await desk.try_it(peer=OFFICE) == "later"
    desk.time += 901
    assert await desk.try_it(peer=OFFICE) == "in"


async def test_lock_outs_survive_a_restart(desk: Desk, tmp_path: Path) -> None:
    """L8: they are rows."""
    await desk.fail(5)
    await desk.spool.close()

    desk.spool = await Spool.open(tmp_path, Clock())
    desk.verifier = Logins(desk.spool, desk.verifier._clock)
    assert await desk.try_it() == "later"


async def test_a_flood_of_names_fills_no_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """L8: only so many rows are kept, the newest, and a day's at most."""
    monkeypatch.setattr(logins, "_MOST_LOCKOUTS", 10)
    for number in range(30):
        await desk.spool.do(logins.wrong, f"x{number}", "n", False, desk.time + number)
    assert await desk.spool.do(count_lockouts) <= 11

    await desk.spool.do(logins.wrong, "late", "n", False, desk.time + 2 * 86400)
    assert await desk.spool.do(count_lockouts) == 1


def count_lockouts(connection: Any) -> int:
    """Rows of lock-outs."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM lockout").scalar())


async def test_one_check_an_address_and_twenty_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L6: the loop goes on, an address has one check at a time, the 21st who waits comes later."""
    going, most, lock = 0, 0, threading.Lock()
    release = threading.Event()

    def slow(password: str, kept: str) -> tuple[bool, str]:
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
        release.wait(10)
        with lock:
            going -= 1
        return False, ""

    monkeypatch.setattr("mail2fax.accepting.logins._compare", slow)
    tries = [asyncio.create_task(desk.try_it(name=f"x{n}")) for n in range(25)]
    await asyncio.sleep(0.2)
    done = [one.result() for one in tries if one.done()]
    release.set()
    answers = await asyncio.gather(*tries)

    assert done == ["later"] * 4, "one is checked, twenty wait"
    assert answers.count("out") == 21
    assert most == 1
    assert await desk.try_it() == "out"
    assert not desk.verifier._turns
    assert desk.verifier._waiting == 0


async def test_a_client_that_hangs_up_while_waiting_frees_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L6: places are given back whatever happens."""
    release = threading.Event()

    def slow(password: str, kept: str) -> tuple[bool, str]:
        release.wait(10)
        return False, ""

    monkeypatch.setattr("mail2fax.accepting.logins._compare", slow)
    tries = [asyncio.create_task(desk.try_it(name=f"x{n}")) for n in range(12)]
    await asyncio.sleep(0.1)
    for one in tries:
        one.cancel()
    release.set()
    await asyncio.gather(*tries, return_exceptions=True)

    assert desk.verifier._waiting == 0
    assert not desk.verifier._turns


async def test_an_outdated_hash_is_made_anew(desk: Desk) -> None:
    """L6: at the next right password, with today's cost."""
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(RIGHT)
    await desk.spool.do(logins.change_password, "ann", weak, 2.0)
    assert await desk.try_it() == "in"

    standing = await desk.spool.do(logins.look, "ann", HOME, "n", desk.time)
    assert not passwords.is_outdated(standing.hash)
    assert await desk.try_it() == "in"


# Commands


async def test_the_commands_leave_rows_without_the_hash(desk: Desk) -> None:
    """K8: who, what, when; and what cannot be done is a sentence."""
    new = {"command": "user add", "name": "bob", "hash": "$secret", "reply_to": "b@example.org"}
    assert (await carry_out(desk.spool, new, "root"))["ok"]
    again = await carry_out(desk.spool, new, "root")
    nobody = await carry_out(desk.spool, {"command": "user remove", "name": "eve"}, "root")
    await carry_out(desk.spool, {"command": "user passwd", "name": "bob", "hash": "$2"}, "root")
    listed = await carry_out(desk.spool, {"command": "user list"}, "root")

    assert "registered already" in again["error"]
    assert "not registered" in nobody["error"]
    assert [line["name"] for line in listed["result"]] == ["ann", "bob"]
    assert "secret" not in str(listed)
    rows = await desk.spool.do(all_commands)
    assert [row[1:3] for row in rows] == [
        ("root", "user add"), ("root", "user add"), ("root", "user remove"),
        ("root", "user passwd"),
    ]  # fmt: skip
    assert "secret" not in str(rows)


def all_commands(connection: Any) -> list[tuple[Any, ...]]:
    """Rows of commands."""
    rows = connection.exec_driver_sql("SELECT at, who, what, arguments, result FROM command")
    return [tuple(row) for row in rows]


def run(config: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """``mail2fax user …`` as a process."""
    return subprocess.run(
        [sys.executable, "-m", "mail2fax", "user", *arguments, "--config", str(config)],
        capture_output=True, text=True, timeout=60, check=False, input=text,
        env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip


async def test_user_add_shows_a_password_once_and_it_is_right(tmp_path: Path) -> None:
    """L6: before the first start, too; mistakes are sentences and change nothing."""
    config, state = tmp_path / "mail2fax.yaml", tmp_path / "state"
    config.write_text(
        "domains: [fax.example.com]\nregion: CH\n"
        "listen: [{address: 127.0.0.1, port: 0, auth_without_tls: [127.0.0.0/8]}]\n"
        'faxplus: {token: t, from: "+41225550100"}\n'
        "senders: [{name: staff, login: [ann]}]\n"
        f"state_dir: {state}\n"
    )
    added = run(config, "add", "Ann", "--reply-to", "ann@example.org", "--rule", "staff")
    assert added.returncode == 0, added.stderr
    password = added.stdout.split("password: ")[1].split()[0]
    assert "No rule of senders" not in added.stdout

    assert "No rule of senders admits it yet" in run(config, "add", "bob").stdout
    assert "no rule of senders. They are: staff" in run(config, "add", "x", "--rule", "y").stderr
    assert "no mail address" in run(config, "add", "x", "--reply-to", "y").stderr
    assert run(config, "add", "a b").returncode == 2
    assert "at least 8" in run(config, "passwd", "bob", "--ask", text="short\n").stderr
    asked = run(config, "passwd", "bob", "--ask", text="long enough\n")
    assert (asked.returncode, "password" in asked.stdout) == (0, False)
    listed = run(config, "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["ann", "bob"]
    assert run(config, "remove", "eve").returncode == 1

    spool = await Spool.open(state, Clock())
    verifier = Logins(spool, Clock())
    try:
        assert await verifier("ann", password, HOME) == Login("ann", "ann@example.org", "staff")
        assert await verifier("bob", "long enough", HOME) is not None
    finally:
        verifier.close()
        await spool.close()
    with contextlib.closing(sqlite3.connect(state / "ledger.sqlite3")) as ledger:
        assert password not in str(ledger.execute("SELECT hash FROM login").fetchall())
    assert run(config, "remove", "bob").returncode == 0


async def test_other_commands_still_need_a_ledger(tmp_path: Path) -> None:
    """A typing mistake in state_dir makes no empty ledger where nothing was asked to begin."""
    with pytest.raises(CommandFailed, match="nothing was ever received"):
        await ask(tmp_path, {"command": "user list"})
