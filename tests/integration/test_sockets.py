"""L5, L10: several addresses, sockets that systemd opens, PROXY headers, legacy clients."""

import asyncio
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.crowd import CrowdLimits
from mail2fax.accepting.dialogue.patience import PatienceSettings
from mail2fax.accepting.settings import Place
from mail2fax.accepting.sockets import allow_descriptors, listening
from tests.integration.smtp_bench import GOOD, RULE, TO, Desk, Talk, stuffed
from tests.integration.tls_bench import WITH_LOGIN, logins

PROXIED: dict[str, Any] = {"proxy_from": RULE.networks}


async def test_it_listens_at_several_addresses(tmp_path: Path) -> None:
    """L5: IPv4 and IPv6, the client known by either."""
    place = Place(("127.0.0.1", "127.0.0.2", "::1"))
    async with Desk(tmp_path, place=place) as desk:
        hosts = [host for host, _ in desk.listener.addresses]
        assert hosts == ["127.0.0.1", "127.0.0.2", "::1"]
        for host, port in desk.listener.addresses:
            talk = Talk(*await asyncio.open_connection(host, port))
            desk.keep(talk)
            assert (await talk.answer()).startswith("220 ")
            said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
            assert said.startswith("550 5.7.1 ::1 may not" if host == "::1" else "250 ")


async def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    """A sentence with address and port; the other sockets are closed again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127.0.0.1 port {port}: Address already in use"):
            listening(Place(("127.0.0.2", "127.0.0.1"), port))
        socket.create_server(("127.0.0.2", port)).close()


SYSTEMD = """
import os, sys, asyncio
os.environ["LISTEN_PID"] = str(os.getpid())
from mail2fax.accepting.settings import Place
from mail2fax.accepting.sockets import allow_descriptors, listening
(one,) = listening(Place((), systemd="second"))
print(one.getsockname()[1])
"""


def test_a_socket_of_systemd_is_found_by_its_name(tmp_path: Path) -> None:
    """L5: sd_listen_fds(3), two sockets, the one that is meant."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        environment = {**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "first:second"}
        read, write = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, os.dup(a.fileno()), 3),
            (os.POSIX_SPAWN_DUP2, os.dup(b.fileno()), 4),
            (os.POSIX_SPAWN_DUP2, write, 1),
        ]
        child = os.posix_spawn(
            sys.executable, [sys.executable, "-c", SYSTEMD], environment, file_actions=actions
        )
        os.close(write)
        with os.fdopen(read) as said:
            assert said.read().strip() == str(b.getsockname()[1])
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("given", [{}, {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "other"}])
def test_a_socket_that_systemd_did_not_open_is_told(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to do stands in the sentence."""
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OSError, match=r"systemd:smtp: .*(other|\.socket unit)"):
        listening(Place((), systemd="smtp"))


def test_as_many_descriptors_as_connections_need() -> None:
    """L10: systemd's 1,024 are too few for 1,000 connections; a higher limit is left alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        allow_descriptors(1000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(2256, hard), hard)
        allow_descriptors(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(2256, hard), hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_rules_see_the_announced_address_only(tmp_path: Path) -> None:
    """L5: the balancer's own address admits nobody; the log and the ledger know the client."""
    async with Desk(tmp_path, **PROXIED) as desk:
        talk = await desk.call(greet=False)
        talk.writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\nEHLO me\r\n")
        assert (await talk.answer()).startswith("220 ")
        await talk.answer()
        said = await talk.say("MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        assert said.startswith("550 5.7.1 192.0.2.7 may not send")
        talk = await desk.call(greet=False)
        talk.writer.write(b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n")
        assert (await talk.answer()).startswith("220 ")
        assert (await talk.send()).startswith("250 ")
        assert (await desk.mails())[0].identity.name == "127.0.0.9"


async def test_a_health_check_of_the_balancer_is_greeted_and_admits_nobody(tmp_path: Path) -> None:
    """L5: it names no client."""
    async with Desk(tmp_path, **PROXIED) as desk:
        talk = await desk.call(greet=False)
        talk.writer.write(b"PROXY UNKNOWN\r\n")
        assert (await talk.answer()).startswith("220 ")
        said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        assert said.startswith("550 5.7.1 unknown may not")


@pytest.mark.parametrize("first", [b"EHLO me\r\n", b"PROXY TCP4 x\r\n", b""])
async def test_a_connection_without_a_header_is_closed(
    tmp_path: Path, first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """L5: without a word; it is no client's."""
    patience = PatienceSettings(hello=0.3)
    async with Desk(tmp_path, patience=patience, **PROXIED) as desk:
        talk = await desk.call(greet=False)
        talk.writer.write(first)
        assert await talk.is_closed()
    assert "bad-proxy-header" in caplog.text


async def test_a_header_from_elsewhere_is_no_header(desk_elsewhere: Desk) -> None:
    """L5: a client cannot choose who it is."""
    talk = await desk_elsewhere.call()
    assert (await talk.say("PROXY TCP4 127.0.0.9 127.0.0.1 1 2")).startswith("500 5.5.1")


@pytest.fixture
async def desk_elsewhere(tmp_path: Path) -> Any:
    """A listener that believes a balancer, which this machine is not."""
    network = RULE.networks[0].__class__("192.0.2.0/28")
    async with Desk(tmp_path, proxy_from=(network,)) as desk:
        yield desk


async def test_a_client_of_old_ends_its_lines_with_lf(tmp_path: Path) -> None:
    """L1, promise 7: the first command decides; the mail is kept with CRLF."""
    async with Desk(tmp_path, legacy=True) as desk:
        talk = await desk.call()
        talk.writer.write(b"EHLO me\n")
        said = await talk.answer()
        assert "SIZE" in said
        assert "PIPELINING" not in said
        body = stuffed(GOOD).replace(b"\r\n", b"\n")
        for command in (b"MAIL FROM:<a@b.ch>\n", b"RCPT TO:<%s>\n" % TO.encode(), b"DATA\n"):
            talk.writer.write(command)
            last = await talk.answer()
        assert last.startswith("354 ")
        talk.writer.write(body + b".\n")
        assert (await talk.answer()).startswith("250 ")
        (file,) = desk.files()
        assert file.read_bytes() == GOOD


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (b"EHLO me\nNOOP\r\n", "500 5.5.1"),
        (b"EHLO me\nSTARTTLS\n", "502 5.5.1"),
    ],
)
async def test_a_client_of_old_stays_one(tmp_path: Path, lines: bytes, answer: str) -> None:
    """L1: a CR is an error afterwards, TLS is not for it."""
    async with Desk(tmp_path, legacy=True) as desk:
        talk = await desk.call()
        talk.writer.write(lines)
        await talk.answer()
        assert (await talk.answer()).startswith(answer)


@pytest.mark.parametrize("ending", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r"])
async def test_other_listeners_know_no_lf(tmp_path: Path, ending: bytes) -> None:
    """L1: nothing but CRLF.CRLF ends data there, whatever the commands ended with."""
    async with Desk(tmp_path, patience=PatienceSettings(silence=0.3)) as desk:
        talk = await desk.call()
        talk.writer.write(b"EHLO me\nMAIL FROM:<a@b.ch>\nRCPT TO:<%s>\nDATA\n" % TO.encode())
        for _ in range(4):
            await talk.answer()
        talk.writer.write(GOOD + ending + b"NOOP\r\n")
        assert (await talk.answer()).startswith("421 4.4.2 No data came in time")
        assert await desk.mails() == []


async def test_a_cr_in_the_data_of_a_client_of_old_is_improper(tmp_path: Path) -> None:
    """L1: there too the end cannot be smuggled."""
    async with Desk(tmp_path, legacy=True) as desk:
        talk = await desk.call()
        talk.writer.write(b"HELO me\nMAIL FROM:<a@b.ch>\nRCPT TO:<%s>\nDATA\n" % TO.encode())
        for _ in range(4):
            await talk.answer()
        talk.writer.write(b"Subject: x\n\na\r\n.\r\nb\n.\n")
        assert (await talk.answer()).startswith("554 5.6.0 The mail has bare CR")
        assert await talk.is_closed()


async def test_a_copier_logs_in_after_helo_on_a_legacy_listener(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Quirk 4, L11: and is named in the log."""
    caplog.set_level("INFO")
    settings: dict[str, Any] = {"logins": logins, "rules": (WITH_LOGIN,), "legacy": True}
    async with Desk(tmp_path, auth_without_tls=RULE.networks, **settings) as desk:
        talk = await desk.call()
        await talk.say("HELO XC-B8C463")
        assert await talk.say("AUTH PLAIN AGFubgBjb3JyZWN0IGhvcnNl") == "235 2.7.0 Welcome"
    assert "old-client session=" in caplog.text


async def test_junk_ends_the_session_and_a_mail_does_not_count(tmp_path: Path) -> None:
    """L10: a client that says NOOP for ever holds its place for ever otherwise."""
    async with Desk(tmp_path) as desk:
        talk = await desk.call()
        for _ in range(99):
            assert (await talk.say("NOOP")).startswith("250 ")
        assert (await talk.send()).startswith("250 ")
        for _ in range(100):
            assert (await talk.say("NOOP")).startswith("250 ")
        assert (await talk.say("NOOP")).startswith("421 4.7.0 Too many commands")


async def test_strangers_leave_room_for_the_office(tmp_path: Path) -> None:
    """L10: when they have filled their half, a network that a rule names still gets in."""
    limits = CrowdLimits(in_all=8, strangers=20, silent=20)
    async with Desk(tmp_path, limits, **PROXIED) as desk:
        answers = []
        for number in range(12):
            talk = await desk.call(greet=False)
            talk.writer.write(b"PROXY TCP4 192.0.2.%d 127.0.0.1 1 2\r\n" % number)
            answers.append((await talk.answer())[:3])
        assert answers == ["220"] * 4 + ["421"] * 8
        talk = await desk.call(greet=False)
        talk.writer.write(b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n")
        assert (await talk.answer()).startswith("220 ")
        assert (await talk.send()).startswith("250 ")
