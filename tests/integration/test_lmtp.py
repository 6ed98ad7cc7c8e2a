"""L5, L6a: LMTP over TCP and a UNIX socket, one response for each recipient after the dot."""

import asyncio
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.settings import Place, RelaySettings
from mail2fax.accepting.sockets import listening
from mail2fax.values import Response
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk, Talk, stuffed
from tests.integration.test_relays import PARIS, REACH, SERVER, Bench


def lmtp(judge: Bench, **more: Any) -> dict[str, Any]:
    """The settings of an LMTP listener."""
    relay = RelaySettings(REACH, judge)
    return {"protocol": "lmtp", "relay": relay, "rules": (SERVER,), **more}


async def begin(talk: Talk, *recipients: str) -> str:
    """A transaction up to the answer to DATA."""
    to = [f"RCPT TO:<{one}>" for one in recipients]
    return await talk.say("LHLO me", "MAIL FROM:<ann@example.org>", *to, "DATA")


async def test_each_recipient_is_answered(tmp_path: Path) -> None:
    """RFC 2033 4.2: in the order of the RCPTs, also for one that the rule bars, and twice."""
    async with Desk(tmp_path, **lmtp(Bench())) as desk:
        talk = await desk.call()
        assert (await begin(talk, TO, PARIS, OTHER, TO)).startswith("354 ")
        said = [await talk.data(), *[await talk.answer() for _ in range(3)]]

        assert [one[:3] for one in said] == ["250", "550", "250", "250"]
        assert said[0].endswith("accepted, 2 faxes")
        assert (await talk.say("NOOP")).startswith("250 ")
        (story,) = await desk.mails()
        assert [fax.number for fax in story.faxes] == ["+41225550123", "+41225550124"]


@pytest.mark.parametrize(
    ("data", "verdict", "answer"),
    [
        (b"x", SERVER, "554 5.6.0 No attachment"),
        (GOOD, Response(550, "5.7.1", "Not proved"), "550 5.7.1 Not proved"),
        (GOOD, Response(451, "4.7.5", "Later"), "451 4.7.5 Later"),
        (GOOD + b"x" * 1_000_000, SERVER, "552 5.3.4"),
    ],
)
async def test_a_refusal_is_said_for_each(
    tmp_path: Path, data: bytes, verdict: Any, answer: str
) -> None:
    """The whole mail's refusal, as often as there were recipients; then the next mail."""
    judge = Bench()
    judge.verdict = verdict
    async with Desk(tmp_path, **lmtp(judge)) as desk:
        talk = await desk.call()
        await begin(talk, TO, OTHER)
        assert (await talk.data(data)).startswith(answer)
        assert (await talk.answer()).startswith(answer)
        assert await desk.mails() == []
        judge.verdict = SERVER
        await begin(talk, TO)
        assert (await talk.data()).startswith("250 ")


async def test_bare_line_ends_end_the_session_after_each_answer(tmp_path: Path) -> None:
    """L1 over LMTP."""
    async with Desk(tmp_path, **lmtp(Bench())) as desk:
        talk = await desk.call()
        await begin(talk, TO, OTHER)
        talk.writer.write(stuffed(GOOD + b"a\nb") + b".\r\n")
        for _ in range(2):
            assert (await talk.answer()).startswith("554 5.6.0 The mail has bare CR")
        assert await talk.is_closed()


async def test_it_greets_with_lhlo_only(tmp_path: Path) -> None:
    """RFC 2033 4.1: EHLO and HELO are no commands here, nor LHLO elsewhere."""
    async with Desk(tmp_path, **lmtp(Bench())) as desk:
        talk = await desk.call(greet=False)
        assert await talk.answer() == "220 fax.example.com LMTP mail2fax"
        for command in ("EHLO me", "HELO me"):
            assert (await talk.say(command)).startswith("500 5.5.1")
        said = await talk.say("LHLO me")
        assert "PIPELINING" in said
        assert "AUTH" not in said
    async with Desk(tmp_path / "smtp") as desk:
        talk = await desk.call()
        assert (await talk.say("LHLO me")).startswith("500 5.5.1")


async def test_it_listens_at_a_unix_socket(tmp_path: Path) -> None:
    """L12: with its mode; what an earlier run left is replaced, and nothing is left behind."""
    path = tmp_path / "lmtp.sock"
    rule = SERVER.__class__(
        "all", (), SERVER.addresses, author=SERVER.author
    )  # a socket has no network: its file lets clients in
    place = Place((), socket=path, mode=0o660)
    judge = Bench()
    judge.verdict = rule
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    for state in ("one", "two"):
        async with Desk(tmp_path / state, **lmtp(judge, place=place, rules=(rule,))) as desk:
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            talk = Talk(*await asyncio.open_unix_connection(str(path)))
            desk.keep(talk)
            assert (await talk.answer()).startswith("220 ")
            await begin(talk, TO)
            assert (await talk.data()).startswith("250 ")
            assert (await desk.mails())[0].identity.rule == "all"
        assert not path.exists()


async def test_a_socket_in_use_is_not_taken_away(tmp_path: Path) -> None:
    """Two daemons with one path: the second does not start."""
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match=r"lmtp.sock: Address already in use"):
            listening(Place((), socket=path))


async def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    """A mistyped path costs nobody a file."""
    path = tmp_path / "precious"
    path.write_text("x")

    with pytest.raises(OSError, match=r"precious: Address already in use"):
        listening(Place((), socket=path))
    assert path.read_text() == "x"
