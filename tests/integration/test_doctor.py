"""L13, K8: what devices said is kept, bounded and masked, and told by the verb."""

import asyncio
import json
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.doctor.dialogue import Offer, Record
from mail2fax.accepting.doctor.shelf import Shelf
from mail2fax.clock import Clock
from mail2fax.rehearsal import rehearsal
from mail2fax.spool.spool import Spool
from tests.integration.smtp_bench import GOOD, TO, Talk, stuffed
from tests.integration.test_cli import run

LOGIN = "YW5u", "Y29ycmVjdCBob3JzZQ=="


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    """A spool of its own."""
    spool = await Spool.open(tmp_path / "state", Clock())
    yield spool
    await spool.close()


def _commands(connection: Any) -> list[tuple[str, str, str]]:
    rows = connection.exec_driver_sql("SELECT who, what, arguments FROM command ORDER BY id")
    return [(row[0], row[1], row[2]) for row in rows]


def called(shelf: Shelf, peer: str, *, known: bool = False, ends: bool = True) -> Record:
    """A dialogue from an address."""
    record = Record(peer=peer)
    shelf.keep(record, known=known)
    record.heard(b"RCPT TO:<0225550123@x>", ends_lf=False)
    if ends:
        record.end()
    return record


def peers(answer: dict[str, Any]) -> list[str]:
    """Whose dialogues were shown."""
    return [one["peer"] for one in answer["dialogues"]]


async def test_what_is_shown_leaves_a_row(spool: Spool) -> None:
    """K8: who saw whose dialogue, and whether with fax numbers; nothing shown, no row."""
    shelf = Shelf()
    assert peers(await shelf.command(spool, {}, "root")) == []
    assert await spool.do(_commands) == []
    called(shelf, "192.0.2.1")

    masked = await shelf.command(spool, {}, "root")
    plain = await shelf.command(spool, {"numbers": True}, "ann")

    assert "0225550123" not in str(masked)
    assert "0225550123" in str(plain)
    (first, second) = await spool.do(_commands)
    assert first[:2] == ("root", "doctor")
    assert json.loads(second[2]) == {"peers": "192.0.2.1", "numbers": "True"}


async def test_strangers_push_no_known_device_out(spool: Spool) -> None:
    """L13: of each address the last dialogue; a scan of the network takes the strangers' places."""
    shelf = Shelf()
    called(shelf, "192.0.2.1", known=True)
    for number in range(1000):
        called(shelf, f"2001:db8::{number:x}")
    answer = await shelf.command(spool, {}, "root")
    assert len(answer["dialogues"]) == 51
    assert "192.0.2.1" in peers(answer)

    for number in range(1000):
        called(shelf, f"10.0.{number // 250}.{number % 250}", known=True)
    assert len((await shelf.command(spool, {}, "root"))["dialogues"]) == 250


async def test_following_shows_each_dialogue_once_when_it_ends(spool: Spool) -> None:
    """L13: ``next`` of one answer asks for what ended since; an older one of an address is gone."""
    shelf = Shelf()
    called(shelf, "192.0.2.1")
    old = called(shelf, "192.0.2.2", ends=False)
    first = await shelf.command(spool, {}, "root")
    assert peers(first) == ["192.0.2.1", "192.0.2.2"]
    assert [one["ended"] for one in first["dialogues"]] == [True, False]

    after = {"after": first["next"]}
    assert peers(await shelf.command(spool, after, "root")) == []
    new = called(shelf, "192.0.2.2", ends=False)
    old.end()
    assert peers(await shelf.command(spool, after, "root")) == []
    new.end()
    second = await shelf.command(spool, after, "root")
    assert peers(second) == ["192.0.2.2"]
    assert peers(await shelf.command(spool, {"after": second["next"]}, "root")) == []
    assert peers(await shelf.command(spool, {"peer": "192.0.2.1"}, "root")) == ["192.0.2.1"]


async def test_a_local_program_has_its_listeners_name(spool: Spool) -> None:
    """A UNIX socket has no address."""
    shelf = Shelf()
    shelf.keep(Record(Offer("lmtp"), peer=""), known=True)

    answer = await shelf.command(spool, {"peer": "lmtp"}, "root")

    assert [one["listener"] for one in answer["dialogues"]] == ["lmtp"]


async def test_a_rehearsal_lets_everybody_in_and_takes_nothing() -> None:
    """L13: HELO, a login in the clear, 451 behind the dot; what the device needs is told."""
    async with rehearsal("127.0.0.1", 0) as stage:
        talk = Talk(*await asyncio.open_connection("127.0.0.1", stage.port))
        assert (await talk.answer()).startswith("220 mail2fax-doctor")
        login, password = LOGIN
        assert await talk.say("HELO copier", f"AUTH LOGIN {login}", password) == "235 2.7.0 Welcome"
        assert (await talk.say("MAIL FROM:<>", f"RCPT TO:<{TO}>", "DATA")).startswith("354")
        assert (await talk.data()).startswith("451 4.3.0 This was a rehearsal")
        await talk.say("QUIT")
        talk.writer.close()
        await talk.writer.wait_closed()
        answer = await stage.ask({})
        kept = await stage._spool.do(lambda c: c.exec_driver_sql("SELECT id FROM mail").all())
        files = list(stage._spool.content.mails.iterdir())

    (told,) = answer["dialogues"]
    assert (kept, files) == ([], [])
    assert [one["what"] for one in told["findings"]] == [
        "said all it should, and its whole mail came", "said HELO and then AUTH",
    ]  # fmt: skip
    assert "auth_without_tls: [127.0.0.1]" in told["findings"][0]["yaml"]
    assert "correct horse" not in str(told)
    assert password not in str(told)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A real daemon that no rule lets us into: its configuration and port."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {tmp_path}/state\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [192.0.2.7/32]}]\n"
        "faxplus: {token: t, from: +41225550100, base_url: 'http://127.0.0.1:9/v3'}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "serve", "--config", config],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield config, int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_the_verb_asks_the_daemon(daemon: tuple[Path, int]) -> None:
    """L13: what was done, what to set, a snippet, the dialogue; exit code 1 while in trouble."""
    config, port = daemon
    nobody = run("doctor", "--config", config)
    assert (nobody.returncode, nobody.stderr) == (0, "")
    assert nobody.stdout == "no device has connected since the daemon started\n"
    _refused(port)

    done = run("doctor", "--config", config)
    plain = run("doctor", "--config", config, "--numbers", "--json", "--peer", "127.0.0.1")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[0].startswith("127.0.0.1 (KM5E21AB) at listen[0], 20")
    assert lines[1:6] == [
        "  no rule names 127.0.0.1 -> add it",
        "      senders:",
        "        - name: km5e21ab",
        "          networks: [127.0.0.1]",
        "          device: true",
    ]
    assert any(line.endswith("s  C: RCPT TO:<0225…23@fax.example.com>") for line in lines)
    (told,) = [json.loads(line) for line in plain.stdout.splitlines()]
    assert "0225550123@fax.example.com" in str(told)
    assert run("doctor", "--config", config, "--peer", "192.0.2.9").stdout.endswith("192.0.2.9\n")


def test_the_verb_follows_the_daemon(daemon: tuple[Path, int]) -> None:
    """L13: what was there, then each dialogue when it ends."""
    config, port = daemon
    _refused(port)
    process = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "doctor", "--follow", "--config", config],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Each dialogue comes here"):
                break
        _refused(port, b"EHLO OTHER\r\n")
        assert process.stdout.readline() == "\n"
        assert process.stdout.readline().startswith("127.0.0.1 (OTHER) at listen[0], ")
        assert process.stdout.readline().startswith("  gave up at EHLO -> it may want TLS or")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def _by_starttls(port: int) -> int:
    """A program that sends a mail under STARTTLS with a login; the code behind its dot."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.starttls(context=context)
        client.login("ann", "correct horse")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("ann@example.org", [TO], GOOD)
    return refused.value.smtp_code


async def test_a_rehearsal_under_tls() -> None:
    """L13: a throw-away certificate; the device needs a login, and nothing for the clear."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    async with rehearsal("127.0.0.1", 0) as stage:
        assert stage.has_tls
        assert await asyncio.to_thread(_by_starttls, stage.port) == 451
        (told,) = (await stage.ask({}))["dialogues"]

    (finding,) = told["findings"]
    assert finding["what"] == "said all it should, and its whole mail came"
    assert "login: [" in finding["yaml"]
    assert "auth_without_tls" not in finding["yaml"]
    assert "TLSv1.3" in [step["text"] for step in told["steps"] if step["kind"] == "TLS"]


async def test_without_openssl_a_rehearsal_has_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad surroundings: it listens all the same, and says so."""
    monkeypatch.setenv("PATH", "/nowhere")
    async with rehearsal("127.0.0.1", 0) as stage:
        assert not stage.has_tls


def test_the_verb_listens_itself() -> None:
    """L13: without a daemon; each dialogue when it ends, until Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "doctor", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("mail2fax doctor listens at 127.0.0.1:")
        _refused(int(first.split(":")[1].split(" ")[0]))
        assert process.stdout.readline().startswith("127.0.0.1 (KM5E21AB) at doctor, ")
        assert process.stdout.readline().startswith("  gave up after RCPT")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


REFUSED = b"EHLO KM5E21AB\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<0225550123@fax.example.com>\r\n"


def _refused(port: int, words: bytes = REFUSED) -> None:
    """A device that leaves without a mail."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as device:
        device.sendall(words + b"QUIT\r\n")
        while device.recv(4096):
            pass


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--listen", "2525"], 2, "write ADDRESS:PORT, such as 0.0.0.0:2525"),
        (["--listen", "::1:99999"], 2, "write ADDRESS:PORT, such as 0.0.0.0:2525"),
        ([], 2, "doctor asks the daemon of --config FILE, or listens: --listen"),
    ],
)
def test_wrong_arguments_are_said(arguments: list[str], code: int, sentence: str) -> None:
    """Bad input: what to write instead."""
    done = run("doctor", *arguments)

    assert done.returncode == code
    assert sentence in done.stderr


def test_without_a_daemon_the_way_out_is_said(tmp_path: Path) -> None:
    """L13: only a daemon has heard anybody."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {tmp_path}/state\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [192.0.2.7/32]}]\n"
        "faxplus: {token: t, from: +41225550100}\n"
    )
    done = run("doctor", "--config", config)

    assert done.returncode == 1
    assert "mail2fax doctor --listen ADDRESS:PORT" in done.stderr
    assert not (tmp_path / "state").exists()


def test_data_behind_a_refusal_are_not_kept(daemon: tuple[Path, int]) -> None:
    """Promise 6: a client that does not wait sends its content as commands."""
    config, port = daemon
    with socket.create_connection(("127.0.0.1", port), timeout=30) as device:
        device.sendall(b"EHLO c\r\nDATA\r\n" + stuffed(GOOD) + b"AUTH PLAIN AGFubgBzZXNhbWU=\r\n")
        device.shutdown(socket.SHUT_WR)
        while device.recv(4096):
            pass
    shown = run("doctor", "--config", config, "--numbers").stdout

    assert "Hello" not in shown
    assert "AGFubgBzZXNhbWU=" not in shown
    assert "sesame" not in shown
    assert "(no command, " in shown
