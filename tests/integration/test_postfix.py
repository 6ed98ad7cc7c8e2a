"""L5, L6, L6a: a real Postfix in front, over SMTP, over TLS, with a login, and over LMTP."""

from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.settings import Place
from mail2fax.values import Response
from tests.fronts import NO_POSTFIX, home, postfix, relaying
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk
from tests.integration.test_lmtp import lmtp
from tests.integration.test_relays import PARIS, SERVER, Bench
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins

pytestmark = pytest.mark.skipif(NO_POSTFIX, reason="postfix is not installed, or needs root")
__all__ = ["home"]


async def test_it_relays_over_smtp(tmp_path: Path, home: Path) -> None:
    """L6a: pipelined, DSN parameters and all; the judge sees the mail."""
    judge = Bench()
    async with (
        Desk(tmp_path / "s", **{**lmtp(judge), "protocol": "smtp"}) as desk,
        postfix(home, relaying(f"smtp:[127.0.0.1]:{desk.port}")) as front,
    ):
        await front.send(GOOD, TO, OTHER)
        (story,) = await desk.when(bool)
        await front.says("status=sent", 2)

    assert len(story.faxes) == 2
    assert judge.bytes_on_disk.endswith(GOOD.partition(b"\r\n\r\n")[2])
    assert judge.bytes_on_disk.startswith(b"Received: ")


async def test_it_relays_under_tls_verified(tmp_path: Path, home: Path) -> None:
    """L5: it insists on TLS and on our name."""
    authority = Authority(tmp_path / "tls")
    settings = {**lmtp(Bench(), tls=authority.files()), "protocol": "smtp"}
    verified = {"smtp_tls_CAfile": str(authority.ca_file), "smtp_tls_security_level": "verify"}
    async with (
        Desk(tmp_path / "s", **settings) as desk,
        postfix(home, relaying(f"smtp:[localhost]:{desk.port}", **verified)) as front,
    ):
        await front.send(GOOD, TO)
        await desk.when(bool)
        await front.says("status=sent")


async def test_it_logs_in_under_tls(tmp_path: Path, home: Path) -> None:
    """L5, L6: a smarthost with a login is one of the people."""
    authority = Authority(tmp_path / "tls")
    settings: dict[str, Any] = {"tls": authority.files(), "logins": logins}
    async with Desk(tmp_path / "s", rules=(WITH_LOGIN,), **settings) as desk:
        logging_in = {
            "smtp_tls_CAfile": str(authority.ca_file), "smtp_tls_security_level": "verify",
            "smtp_sasl_auth_enable": "yes", "smtp_sasl_security_options": "noanonymous",
            "smtp_sasl_password_maps": "inline:{ { localhost = ann:correct horse } }",
        }  # fmt: skip
        async with postfix(home, relaying(f"smtp:[localhost]:{desk.port}", **logging_in)) as front:
            await front.send(GOOD, TO)
            (story,) = await desk.when(bool)
            await front.says("status=sent")

    assert (story.identity.kind, story.identity.name) == ("login", "ann")


@pytest.mark.parametrize("where", ["tcp", "unix"])
async def test_it_delivers_over_lmtp(tmp_path: Path, home: Path, where: str) -> None:
    """L5: each recipient has its own fate, as Postfix records it."""
    rule = Rule("all", (), SERVER.addresses, author=SERVER.author)
    judge = Bench()
    judge.verdict = rule
    place = Place() if where == "tcp" else Place((), socket=home / "lmtp.sock", mode=0o666)
    async with Desk(tmp_path / "s", **lmtp(judge, place=place, rules=(rule,))) as desk:
        at = f"inet:127.0.0.1:{desk.port}" if where == "tcp" else f"unix:{home}/lmtp.sock"
        async with postfix(home, relaying(f"lmtp:{at}")) as front:
            await front.send(GOOD, TO, PARIS, OTHER)
            (story,) = await desk.when(bool)
            await front.says("status=sent", 2)
            await front.says("status=bounced")

    assert [fax.number for fax in story.faxes] == ["+41225550123", "+41225550124"]


async def test_it_tries_again_after_a_451(tmp_path: Path, home: Path) -> None:
    """L10: a temporary refusal after the dot leaves the mail in its queue."""
    judge = Bench()
    judge.verdict = Response(451, "4.7.5", "The signature cannot be checked now")
    async with (
        Desk(tmp_path / "s", **lmtp(judge)) as desk,
        postfix(home, relaying(f"lmtp:inet:127.0.0.1:{desk.port}")) as front,
    ):
        await front.send(GOOD, TO)
        await front.says("status=deferred")
        judge.verdict = SERVER
        await desk.when(bool)
