"""L5, L6, L6a: a real Exim in front, over SMTP, over TLS, with a login, and over LMTP."""

from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.settings import Place
from mail2fax.values import Response
from tests.fronts import NO_EXIM, exim, home
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk
from tests.integration.test_lmtp import lmtp
from tests.integration.test_relays import PARIS, SERVER, Bench
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins

pytestmark = pytest.mark.skipif(
    NO_EXIM, reason="exim is not installed (scripts/unpack-exim), or needs root"
)
__all__ = ["home"]

_PLAIN = """\
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^ann^correct horse
"""


def to_smtp(port: int, **more: str) -> dict[str, str]:
    """A transport to a listener that speaks SMTP or LMTP over TCP."""
    return {"driver": "smtp", "port": str(port), "hosts_try_fastopen": "", **more}


def verified(authority: Authority) -> dict[str, str]:
    """TLS or nothing, and our name in the certificate."""
    return {
        "hosts_require_tls": "*", "tls_verify_certificates": str(authority.ca_file),
        "tls_verify_hosts": "*", "tls_verify_cert_hostnames": "*",
    }  # fmt: skip


async def test_it_relays_over_smtp(tmp_path: Path, home: Path) -> None:
    """L6a: pipelined; one mail with both recipients; the judge sees what it wrote above."""
    judge = Bench()
    async with (
        Desk(tmp_path / "s", **{**lmtp(judge), "protocol": "smtp"}) as desk,
        exim(home, to_smtp(desk.port)) as front,
    ):
        await front.send(GOOD, TO, OTHER)
        (story,) = await desk.when(bool)
        await front.says(" Completed")

    assert len(story.faxes) == 2
    assert judge.bytes_on_disk.startswith(b"Received: ")
    assert judge.bytes_on_disk.endswith(GOOD.partition(b"\r\n\r\n")[2])


async def test_it_relays_under_tls_verified(tmp_path: Path, home: Path) -> None:
    """L5: GnuTLS on the other side."""
    authority = Authority(home / "tls")
    settings = {**lmtp(Bench(), tls=authority.files()), "protocol": "smtp"}
    async with (
        Desk(tmp_path / "s", **settings) as desk,
        exim(home, to_smtp(desk.port, **verified(authority))) as front,
    ):
        await front.send(GOOD, TO)
        await desk.when(bool)
        await front.says(" Completed")
        assert " CV=yes" in front.log


async def test_it_logs_in_under_tls(tmp_path: Path, home: Path) -> None:
    """L5, L6: a smarthost with a login is one of the people."""
    authority = Authority(home / "tls")
    settings: dict[str, Any] = {"tls": authority.files(), "logins": logins}
    async with Desk(tmp_path / "s", rules=(WITH_LOGIN,), **settings) as desk:
        transport = to_smtp(desk.port, hosts_require_auth="*", **verified(authority))
        async with exim(home, transport, _PLAIN) as front:
            await front.send(GOOD, TO)
            (story,) = await desk.when(bool)
            await front.says(" Completed")

    assert (story.identity.kind, story.identity.name) == ("login", "ann")


@pytest.mark.parametrize("where", ["tcp", "unix"])
async def test_it_delivers_over_lmtp(tmp_path: Path, home: Path, where: str) -> None:
    """L5: each recipient has its own fate, as Exim records it."""
    rule = Rule("all", (), SERVER.addresses, author=SERVER.author)
    judge = Bench()
    judge.verdict = rule
    place = Place() if where == "tcp" else Place((), socket=home / "lmtp.sock", mode=0o666)
    async with Desk(tmp_path / "s", **lmtp(judge, place=place, rules=(rule,))) as desk:
        over_tcp = to_smtp(desk.port, protocol="lmtp")
        over_socket = {"driver": "lmtp", "socket": f"{home}/lmtp.sock", "batch_max": "100",
                       "user": "Debian-exim"}  # fmt: skip
        async with exim(home, over_tcp if where == "tcp" else over_socket) as front:
            await front.send(GOOD, TO, PARIS, OTHER)
            (story,) = await desk.when(bool)
            await front.says(f" ** {PARIS}")
            await front.says("> +4122555012", 2)

    assert [fax.number for fax in story.faxes] == ["+41225550123", "+41225550124"]


async def test_it_tries_again_after_a_451(tmp_path: Path, home: Path) -> None:
    """L10: a temporary refusal after the dot leaves the mail in its queue."""
    judge = Bench()
    judge.verdict = Response(451, "4.7.5", "The signature cannot be checked now")
    async with (
        Desk(tmp_path / "s", **{**lmtp(judge), "protocol": "smtp"}) as desk,
        exim(home, to_smtp(desk.port)) as front,
    ):
        await front.send(GOOD, TO)
        await front.says(f" == {TO}")
        judge.verdict = SERVER
        await desk.when(bool)
