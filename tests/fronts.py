"""Real mail servers on loopback, each in a directory of its own: Postfix, and Exim.

Exim is not installed beside Postfix, because Debian allows one mail server only:
``scripts/unpack-exim`` puts its program below the user's cache.
"""

import asyncio
import os
import shutil
import smtplib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
EXIM = _CACHE / "mail2fax" / "exim" / "usr" / "sbin" / "exim4"
NO_POSTFIX = shutil.which("postfix") is None or os.geteuid() != 0
NO_EXIM = not EXIM.exists() or os.geteuid() != 0
_STARTS = 30.0

_POSTFIX = {
    "compatibility_level": "3.6", "command_directory": "/usr/sbin",
    "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix",
    "setgid_group": "postdrop", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
    "myhostname": "relay.example.com", "mydestination": "", "alias_maps": "", "alias_database": "",
    "mynetworks": "127.0.0.0/8", "relay_domains": "fax.example.com",
    "smtpd_recipient_restrictions": "permit_mynetworks, reject", "default_transport": "discard:",
    "smtp_host_lookup": "native",
}  # fmt: skip
_POSTFIX_SERVICES = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
discard unix - - n - - discard
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_POSTFIX_QUEUES = (
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
    "maildrop", "pid", "private", "public", "saved", "trace",
)  # fmt: skip
_EXIM = """\
primary_hostname = exim.example.com
spool_directory = {home}/spool
log_file_path = {home}/%s.log
pid_file_path = {home}/pid
exim_path = {home}/exim4
deliver_drop_privilege
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
host_lookup =
keep_environment =
queue_run_max = 1
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept hosts = 127.0.0.1
         domains = fax.example.com
begin routers
fax:
  driver = manualroute
  domains = fax.example.com
  route_list = * localhost
  self = send
  transport = out
begin transports
out:
{transport}
begin retry
* * F,1h,1s
begin authenticators
{authenticators}
"""
_EXIM_USER = "Debian-exim"
_EXIM_ID = 64_999
# Debian's Exim wants its user, and this machine is not to be changed for it.
_AS_IF_INSTALLED = """\
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
exec "$1/exim4" -C "$1/exim.conf" -bdf -q1s
"""


class Front:
    """A running mail server.

    Attributes:
        port: where it takes mail.
        pid: of its first process.
    """

    def __init__(self, home: Path, port: int, pid: int) -> None:
        self._logs = (home / "mail.log", home / "main.log", home / "output")
        self.port = port
        self.pid = pid

    @property
    def log(self) -> str:
        """What it says of its deliveries."""
        return "".join(log.read_text("utf-8", "replace") for log in self._logs if log.exists())

    async def send(self, data: bytes, *to: str, mail_from: str = "ann@example.org") -> None:
        """Hand it a mail."""
        await asyncio.to_thread(self._send, data, to, mail_from)

    def _send(self, data: bytes, to: tuple[str, ...], mail_from: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail(mail_from, list(to), data)

    async def says(self, words: str, times: int = 1) -> None:
        """Wait until its log holds the words so often."""
        try:
            async with asyncio.timeout(_STARTS):
                while self.log.count(words) < times:  # noqa: ASYNC110 - a file of another program
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"no {words!r} in its log: {self.log}") from None


def free_port() -> int:
    """A port nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def home() -> Iterator[Path]:
    """Where a server lives: its programs run as another user, so not below pytest's directory."""
    with tempfile.TemporaryDirectory(prefix="m2f-front-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@asynccontextmanager
async def postfix(home: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Front]:
    """Postfix, its master alone, without its scripts.

    Args:
        home: an empty directory that everybody may enter.
        settings: of ``main.cf``, over those that make it take mail for the fax domain.
    """
    port = free_port()
    own = {
        "queue_directory": f"{home}/queue", "data_directory": f"{home}/data",
        "maillog_file": f"{home}/mail.log", "maillog_file_prefixes": str(home),
    }  # fmt: skip
    told = {**_POSTFIX, **own, **(settings or {})}
    main = "".join(f"{name} = {value}\n" for name, value in told.items())
    (home / "main.cf").write_text(main, "utf-8")
    services = _POSTFIX_SERVICES.format(port=f"127.0.0.1:{port}")
    (home / "master.cf").write_text(services, "utf-8")
    (home / "queue").mkdir()
    for name in _POSTFIX_QUEUES:
        (home / "queue" / name).mkdir(mode=0o755 if name in ("pid", "public") else 0o700)
        if name != "pid":
            shutil.chown(home / "queue" / name, "postfix", "postdrop")
    (home / "data").mkdir()
    shutil.chown(home / "data", "postfix")
    master = ("/usr/lib/postfix/sbin/master", "-c", str(home), "-d")
    async with _running(home, port, master, "daemon started") as front:
        yield front


def relaying(transport: str, **more: str) -> dict[str, str]:
    """Postfix's settings for handing the fax domain on: ``smtp:[host]:port``, ``lmtp:…``."""
    maps = f"inline:{{ fax.example.com={transport} }}"
    soon = {"queue_run_delay": "1s", "minimal_backoff_time": "1s"}
    return {"transport_maps": maps, **soon, **more}


@asynccontextmanager
async def exim(
    home: Path, transport: Mapping[str, str], authenticators: str = ""
) -> AsyncIterator[Front]:
    """Exim, which hands the fax domain on by this transport.

    Args:
        home: an empty directory that everybody may enter.
        transport: the options of its one transport.
        authenticators: that section, for logging in.
    """
    port = free_port()
    options = "".join(f"  {name} = {value}\n" for name, value in transport.items())
    told = {"home": home, "port": port, "transport": options, "authenticators": authenticators}
    (home / "exim.conf").write_text(_EXIM.format(**told), "utf-8")
    for name, line in {"passwd": f"{_EXIM_ID}::/:/bin/false", "group": ""}.items():
        known = (Path("/etc") / name).read_text("utf-8")
        (home / name).write_text(f"{known}{_EXIM_USER}:x:{_EXIM_ID}:{line}\n", "utf-8")
    (home / "spool").mkdir()
    for path in (home, home / "spool"):
        os.chown(path, _EXIM_ID, _EXIM_ID)
    shutil.copyfile(EXIM, home / "exim4")  # it starts itself anew, as a user who may not see EXIM
    (home / "exim4").chmod(0o755)
    command = ("unshare", "--mount", "sh", "-c", _AS_IF_INSTALLED, "exim", str(home))
    async with _running(home, port, command, "daemon started") as front:
        yield front


@asynccontextmanager
async def _running(
    home: Path, port: int, command: tuple[str, ...], started: str
) -> AsyncIterator[Front]:
    """A server in the foreground, from when its log says that it has started."""
    with (home / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
    front = Front(home, port, process.pid)
    try:
        await front.says(started)
        yield front
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
