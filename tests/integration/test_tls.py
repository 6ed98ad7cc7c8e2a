"""L4, L5: TLS by STARTTLS and from the first byte, its floor, certificates that change."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.crowd import CrowdLimits
from mail2fax.accepting.dialogue import tls
from mail2fax.accepting.dialogue.patience import PatienceSettings
from mail2fax.errors import CertificateError
from tests.integration.smtp_bench import GOOD, RULE, TO, Desk, Talk, stuffed
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins, start_tls


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Issues certificates."""
    return Authority(tmp_path / "tls")


@pytest.fixture
async def desk(tmp_path: Path, authority: Authority) -> AsyncIterator[Desk]:
    """A listener with STARTTLS."""
    async with Desk(tmp_path / "state", tls=authority.files()) as desk:
        yield desk


async def call_tls(desk: Desk, context: ssl.SSLContext) -> Talk:
    """A session under TLS from the first byte."""
    talk = Talk(*await asyncio.open_connection(
        "127.0.0.1", desk.port, ssl=context, server_hostname="localhost"
    ))  # fmt: skip
    desk.keep(talk)
    assert (await talk.answer()).startswith("220 fax.example.com ESMTP")
    return talk


async def test_a_mail_comes_under_starttls(desk: Desk, authority: Authority) -> None:
    """L5: announced before, not after; the mail is taken, 1.3 is spoken."""
    talk = await desk.call()
    assert "250-STARTTLS" in (await talk.say("EHLO me")).replace("250 STARTTLS", "250-STARTTLS")
    await start_tls(talk, authority.context())

    assert "STARTTLS" not in await talk.say("EHLO me")
    assert (await talk.send()).startswith("250 2.0.0 M2F-")
    assert (await talk.say("STARTTLS")).startswith("503 5.5.1 TLS is on already")
    assert talk.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert await talk.say("QUIT") == "221 2.0.0 Bye"


async def test_a_mail_comes_under_tls_from_the_first_byte(
    tmp_path: Path, authority: Authority
) -> None:
    """L5, smtps: the banner comes after the handshake; a large mail too."""
    async with Desk(tmp_path / "state", tls=authority.files(), protocol="smtps") as desk:
        talk = await call_tls(desk, authority.context())
        assert (await talk.send(GOOD + b"x" * 900_000)).startswith("250 ")
        assert (await desk.mails())[0].subject == "Hello"


async def test_what_was_said_before_the_handshake_is_forgotten(
    desk: Desk, authority: Authority
) -> None:
    """RFC 3207 4.2: the transaction and the greeting."""
    talk = await desk.call()
    await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
    assert (await talk.say("STARTTLS")).startswith("220 ")
    await talk.writer.start_tls(authority.context(), server_hostname="localhost")

    assert (await talk.say("DATA")).startswith("503 5.5.1 Say MAIL and RCPT")
    assert (await talk.say("MAIL FROM:<a@b.ch>")).startswith("503 5.5.1 Say EHLO first")


async def test_commands_before_the_handshake_end_the_session(desk: Desk) -> None:
    """CVE-2024-34083 and its kin: what came in the clear is never read as under TLS."""
    talk = await desk.call()
    await talk.say("EHLO me")
    talk.writer.write(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")

    assert (await talk.answer()).startswith("501 5.5.1 Nothing may be sent between STARTTLS")
    assert await talk.is_closed()
    await desk.still_works()


async def test_words_in_the_clear_after_the_go_ahead_are_no_commands(desk: Desk) -> None:
    """The same, one packet later: the handshake fails, nothing is obeyed."""
    talk = await desk.call()
    await talk.say("EHLO me", "STARTTLS")
    talk.writer.write(b"EHLO me\r\nNOOP\r\n")

    assert b"250" not in await talk.reader.read()
    await desk.still_works()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("STARTTLS now", "501 5.5.4 STARTTLS stands alone"),
        ("STARTTLS", "502 5.5.1 STARTTLS is not"),
    ],
)
async def test_starttls_where_it_cannot_be(tmp_path: Path, command: str, answer: str) -> None:
    """L5: not announced and refused without a certificate; no argument."""
    async with Desk(tmp_path) as desk:
        talk = await desk.call()
        assert "STARTTLS" not in await talk.say("EHLO me")
        assert (await talk.say(command)).startswith(answer)
        await desk.still_works()


@pytest.mark.parametrize("legacy", [False, True])
async def test_old_tls_is_for_legacy_listeners_only(
    tmp_path: Path, authority: Authority, legacy: bool
) -> None:
    """L5, promise 7: TLS 1.0 ends the handshake, except where the listener is made for it."""
    files = authority.files(legacy=legacy)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority.ca_file)
    with pytest.deprecated_call():
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with Desk(tmp_path / "state", tls=files, protocol="smtps", legacy=legacy) as desk:
        if not legacy:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await call_tls(desk, old)
            return
        talk = await call_tls(desk, old)
        assert talk.writer.get_extra_info("ssl_object").version() == "TLSv1"
        assert (await talk.send()).startswith("250 ")


async def test_a_new_certificate_is_taken_without_a_restart(
    desk: Desk, authority: Authority, tmp_path: Path
) -> None:
    """L5: renewed files are seen by the next handshake; sessions go on."""
    running = await desk.call()
    other = Authority(tmp_path / "tls")
    other.files()
    talk = await desk.call()
    await start_tls(talk, other.context())

    assert (await talk.send()).startswith("250 ")
    assert (await running.say("NOOP")).startswith("250 ")


@pytest.mark.parametrize("broken", ["no PEM", "no file", "another key"])
async def test_a_broken_new_certificate_leaves_the_old(
    desk: Desk, authority: Authority, tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """L5: told in the log once, and nobody is turned away."""
    key = tmp_path / "tls" / "key.pem"
    if broken == "no file":
        key.unlink()
    else:
        key.write_text("x" if broken == "no PEM" else key.read_text())
    if broken == "another key":
        certificate = (tmp_path / "tls" / "cert.pem").read_bytes()
        authority.files()
        (tmp_path / "tls" / "cert.pem").write_bytes(certificate)
    for _ in range(2):
        talk = await desk.call()
        await start_tls(talk, authority.context())
        assert (await talk.send()).startswith("250 ")

    assert caplog.text.count("certificate-read") == 1
    assert "problem=" in caplog.text


async def test_a_hang_up_signal_reads_the_files_again(
    desk: Desk, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """L12: also when their times did not change."""
    caplog.set_level("INFO")
    desk.listener.read_certificates()

    assert "certificate-read listener=listen[0]" in caplog.text


@pytest.mark.parametrize("what", ["certificate", "key", "client_ca"])
def test_files_that_are_no_good_stop_the_start(authority: Authority, what: str) -> None:
    """L5: a sentence that names the file."""
    other: dict[str, Any] = {what: Path("/nowhere.pem")}
    files = replace(authority.files(), **other)

    with pytest.raises(CertificateError, match=r"cert\.pem|nowhere"):
        tls.Certificates(files)


def test_a_key_with_a_password_is_refused_without_asking(authority: Authority) -> None:
    """L12: OpenSSL would ask at the terminal and wait for ever."""
    files = authority.files()
    command: list[str] = ["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", str(files.key)]
    subprocess.run([*command, "-out", f"{files.key}.2"], check=True)
    locked = replace(files, key=Path(f"{files.key}.2"))

    with pytest.raises(CertificateError, match="has a password"):
        tls.Certificates(locked)


@pytest.mark.parametrize("name", ["mail.example.org", ""])
async def test_a_client_certificate_is_proof(
    tmp_path: Path, authority: Authority, name: str
) -> None:
    """L6, L10: a verified name admits and is no stranger; no certificate is one."""
    rule = replace(RULE, networks=(), certificates=("mail.example.org",))
    files = authority.files(client_ca=authority.ca_file)
    one = CrowdLimits(silent=1)
    async with Desk(tmp_path / "state", one, tls=files, rules=(rule,)) as desk:
        talk = await desk.call()
        await start_tls(talk, authority.context(name))
        said = await talk.send()
        next_one = await desk.call(greet=False)
        assert (await next_one.answer())[:3] == ("220" if name else "421")

        assert said.startswith("250 " if name else "554 5.5.1 No valid recipients")


async def test_reads_under_tls_are_small(desk: Desk, authority: Authority) -> None:
    """L1: 32 KB, not asyncio's 256."""
    talk = await desk.call()
    await start_tls(talk, authority.context())
    await talk.say("NOOP")
    (session,) = desk.listener.sessions

    layer = session._wire._link.transport._ssl_protocol
    assert (layer.max_size, len(layer._ssl_buffer)) == (32768, 32768)


@pytest.mark.parametrize("protocol", ["smtp", "smtps"])
async def test_a_client_that_leaves_in_the_handshake_leaves_nothing(
    tmp_path: Path, authority: Authority, protocol: str
) -> None:
    """L10: the session is counted out, the next one is served."""
    async with Desk(tmp_path / "state", tls=authority.files(), protocol=protocol) as desk:
        talk = await desk.call(greet=False)
        if protocol == "smtp":
            await talk.say("EHLO me", "STARTTLS")
        talk.writer.write(b"\x16\x03\x01\x02\x00\x01")
        await asyncio.sleep(0.05)
        talk.hang_up()
        while desk.listener.sessions:  # noqa: ASYNC110 - no event for a test
            await asyncio.sleep(0.01)


async def test_a_hang_up_after_the_dot_under_tls_undoes_nothing(
    desk: Desk, authority: Authority
) -> None:
    """L2 under TLS."""
    talk = await desk.call()
    await start_tls(talk, authority.context())
    await talk.begin()
    talk.writer.write(stuffed(GOOD) + b".\r\n")
    await talk.writer.drain()
    await asyncio.sleep(0.05)
    talk.hang_up()

    await desk.when(lambda mails: len(mails) == 1)


async def test_stopping_and_silence_are_told_under_tls(
    tmp_path: Path, authority: Authority
) -> None:
    """L10 under TLS: 421 to who waits."""
    patience = PatienceSettings(command=0.3)
    async with Desk(tmp_path / "state", tls=authority.files(), patience=patience) as desk:
        silent = await desk.call()
        await start_tls(silent, authority.context())
        assert (await silent.answer()).startswith("421 4.4.2 No command came in time")
        assert await silent.is_closed()
        idle = await desk.call()
        await start_tls(idle, authority.context())
        await desk.listener.stop(grace=2)
        assert (await idle.answer()).startswith("421 4.")


async def test_logins_are_offered_under_tls_only(tmp_path: Path, authority: Authority) -> None:
    """L5: no AUTH in the clear; under STARTTLS and under implicit TLS (trap 4) there is."""
    files = authority.files()
    settings: dict[str, Any] = {"tls": files, "logins": logins, "rules": (WITH_LOGIN,)}
    async with Desk(tmp_path / "a", **settings) as desk:
        talk = await desk.call()
        assert "AUTH" not in await talk.say("EHLO me")
        assert (await talk.say("AUTH PLAIN AGFubgBj")).startswith("538 5.7.11 Logins need TLS")
        said = await talk.say("MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        assert said == "530 5.7.0 Say STARTTLS and log in first"
        await talk.say("RSET")
        await start_tls(talk, authority.context())
        assert "AUTH PLAIN LOGIN" in await talk.say("EHLO me")
    async with Desk(tmp_path / "b", protocol="smtps", **settings) as desk:
        talk = await call_tls(desk, authority.context())
        assert "AUTH PLAIN LOGIN" in await talk.say("EHLO me")


async def test_a_proxy_header_comes_before_the_handshake(
    tmp_path: Path, authority: Authority
) -> None:
    """L5: header and hello in one packet, as balancers send them."""
    settings: dict[str, Any] = {
        "tls": authority.files(),
        "protocol": "smtps",
        "proxy_from": RULE.networks,
    }
    async with Desk(tmp_path / "state", **settings) as desk:

        def talk() -> bytes:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            secure = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as plain:
                before = b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n"
                while True:
                    try:
                        secure.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        plain.sendall(before + outgoing.read())
                        before = b""
                        incoming.write(plain.recv(65536))
                plain.sendall(outgoing.read())
                while True:
                    try:
                        return secure.read()
                    except ssl.SSLWantReadError:
                        incoming.write(plain.recv(65536))

        assert (await asyncio.to_thread(talk)).startswith(b"220 fax.example.com")
