"""L5, L6a: a real Postfix in front, over SMTP, over TLS and over LMTP."""

import asyncio
import os
import shutil
import smtplib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.settings import Place
from mail2fax.values import Response
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk
from tests.integration.test_lmtp import lmtp
from tests.integration.test_relays import PARIS, SERVER, Bench
from tests.integration.tls_bench import Authority

MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.com
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
relay_domains = fax.example.com
transport_maps = inline:{{ fax.example.com={transport} }}
smtpd_recipient_restrictions = permit_mynetworks, reject
default_transport = discard:
smtp_host_lookup = native
queue_run_delay = 1s
minimal_backoff_time = 1s
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
smtp_tls_CAfile = {ca}
smtp_tls_security_level = {level}
"""
MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
discard unix - - n - - discard
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
          "maildrop", "pid", "private", "public", "saved", "trace")  # fmt: skip
NOT_HERE = shutil.which("postfix") is None or os.geteuid() != 0
pytestmark = pytest.mark.skipif(NOT_HERE, reason="postfix is not installed, or needs root")


class Front:
    """A running Postfix."""

    def __init__(self, home: Path, port: int) -> None:
        self._home = home
        self.port = port

    @property
    def log(self) -> str:
        """What it says of its deliveries."""
        log = self._home / "mail.log"
        return log.read_text() if log.exists() else ""

    async def send(self, *to: str) -> None:
        """Hand it a mail."""
        await asyncio.to_thread(self._send, to)

    def _send(self, to: tuple[str, ...]) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail("ann@example.org", list(to), GOOD)

    async def says(self, words: str, times: int = 1) -> None:
        """Wait until its log holds the words so often."""
        async with asyncio.timeout(20):
            while self.log.count(words) < times:  # noqa: ASYNC110 - a file of another program
                await asyncio.sleep(0.05)


@asynccontextmanager
async def postfix(
    home: Path, transport: str, *, ca: str = "", level: str = "none", extra: str = ""
) -> Any:
    """A Postfix that relays the fax domain to us; its master alone, without its scripts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {"home": home, "transport": transport, "ca": ca, "level": level, "port": port}
    (home / "main.cf").write_text(MAIN.format(**told) + extra)
    (home / "master.cf").write_text(MASTER.format(**told))
    (home / "queue").mkdir()
    for name in QUEUES:
        (home / "queue" / name).mkdir(mode=0o755 if name in ("pid", "public") else 0o700)
        if name != "pid":
            shutil.chown(home / "queue" / name, "postfix", "postdrop")
    (home / "data").mkdir()
    shutil.chown(home / "data", "postfix")
    master = await asyncio.create_subprocess_exec(
        "/usr/lib/postfix/sbin/master", "-c", str(home), "-d",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    front = Front(home, port)
    try:
        await front.says("daemon started")
        yield front
    finally:
        master.terminate()
        await master.wait()


@pytest.fixture
def home() -> Iterator[Path]:
    """Where Postfix lives: its programs run as another user, so not below pytest's directory."""
    with tempfile.TemporaryDirectory(prefix="m2f-postfix-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


async def test_it_relays_over_smtp(tmp_path: Path, home: Path) -> None:
    """L6a: pipelined, DSN parameters and all; the judge sees the mail."""
    judge = Bench()
    async with (
        Desk(tmp_path / "s", **{**lmtp(judge), "protocol": "smtp"}) as desk,
        postfix(home, f"smtp:[127.0.0.1]:{desk.port}") as front,
    ):
        await front.send(TO, OTHER)
        (story,) = await desk.when(bool)
        await front.says("status=sent", 2)

    assert len(story.faxes) == 2
    assert judge.bytes_on_disk.endswith(GOOD.partition(b"\r\n\r\n")[2])
    assert judge.bytes_on_disk.startswith(b"Received: ")


async def test_it_relays_under_tls_verified(tmp_path: Path, home: Path) -> None:
    """L5: it insists on TLS and on our name."""
    authority = Authority(tmp_path / "tls")
    settings = {**lmtp(Bench(), tls=authority.files()), "protocol": "smtp"}
    async with (
        Desk(tmp_path / "s", **settings) as desk,
        postfix(home, f"smtp:[localhost]:{desk.port}", ca=str(authority.ca_file),
                level="verify") as front,
    ):  # fmt: skip
        await front.send(TO)
        await desk.when(bool)
        await front.says("status=sent")


@pytest.mark.parametrize("where", ["tcp", "unix"])
async def test_it_delivers_over_lmtp(tmp_path: Path, home: Path, where: str) -> None:
    """L5: each recipient has its own fate, as Postfix records it."""
    rule = Rule("all", (), SERVER.addresses, author=SERVER.author)
    judge = Bench()
    judge.verdict = rule
    place = Place() if where == "tcp" else Place((), socket=home / "lmtp.sock", mode=0o666)
    async with Desk(tmp_path / "s", **lmtp(judge, place=place, rules=(rule,))) as desk:
        at = f"inet:127.0.0.1:{desk.port}" if where == "tcp" else f"unix:{home}/lmtp.sock"
        async with postfix(home, f"lmtp:{at}") as front:
            await front.send(TO, PARIS, OTHER)
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
        postfix(home, f"lmtp:inet:127.0.0.1:{desk.port}") as front,
    ):
        await front.send(TO)
        await front.says("status=deferred")
        judge.verdict = SERVER
        await desk.when(bool)
