"""L12: the units are confined, well-formed, and say why; systemd is told what it wants to know."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mail2fax.service_manager import ServiceManager
from tests.integration.test_children import pages
from tests.integration.test_cli import config_with_tls
from tests.integration.test_reader_unit import READER, Unit, readers, slow_mail
from tests.integration.tls_bench import Authority

UNITS = Path(__file__).parents[2] / "systemd"
ALL_UNITS = sorted((*UNITS.glob("*.service"), *UNITS.glob("*.socket")))
MOST_EXPOSED = "11"  # tenths
has_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
services = pytest.mark.parametrize("name", ["mail2fax.service", "mail2fax-reader@.service"])
GROUPS = re.compile(r"^\[|^(Description|WantedBy|Documentation)=")


def exposure(unit: Path) -> subprocess.CompletedProcess[str]:
    """What systemd makes of a unit; it fails above 1.1."""
    return subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true",
         f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@has_systemd
@services
def test_exposure_is_low(name: str) -> None:
    """At most 1.1, as the best of peers is 6."""
    judged = exposure(UNITS / name)

    assert judged.returncode == 0, judged.stdout
    assert "Overall exposure level" in judged.stdout


@has_systemd
@services
def test_a_missing_line_is_seen(name: str, tmp_path: Path) -> None:
    """F9: without the lines that matter most the same check fails."""
    text = (UNITS / name).read_text()
    text = re.sub(
        r"^(NoNewPrivileges|Protect|Restrict|Private|SystemCall).*\n", "", text, flags=re.MULTILINE
    )
    (tmp_path / name).write_text(text)

    assert exposure(tmp_path / name).returncode != 0


@has_systemd
@pytest.mark.parametrize("planted", ["", "ProtectHme=yes"])
def test_systemd_understands_every_line(planted: str, tmp_path: Path) -> None:
    """A directive that is misspelt would only be ignored, with a line in the journal."""
    for unit in ALL_UNITS:
        text = re.sub(
            r"^ExecStart=\S+",
            f"{planted}\nExecStart=/bin/true",
            unit.read_text(),
            flags=re.MULTILINE,
        )
        (tmp_path / unit.name).write_text(text.replace("/opt/mail2fax/docs", "/tmp"))
    names = [one.name.replace("@.", "@1.") for one in ALL_UNITS]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *names],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [line for line in checked.stderr.splitlines() if "mail2fax" in line]

    assert bool(ours) == bool(planted), ours
    assert planted or checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("unit", [one.name for one in ALL_UNITS])
def test_every_line_has_its_reason(unit: str) -> None:
    """A reason stands right above each directive, or above the group it is in."""
    reason = False
    for number, line in enumerate((UNITS / unit).read_text().splitlines(), 1):
        if line.startswith("#"):
            reason = True
        elif not line:
            reason = False
        elif not GROUPS.match(line):
            assert reason, f"{unit}:{number}: {line}"


class Manager:
    """The service manager's end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(20)
        self.statuses: list[str] = []

    def told(self) -> list[str]:
        """The lines of the next datagram that is not only for `systemctl status`."""
        while True:
            lines = self._socket.recv(4096).decode().split("\n")
            if not lines[0].startswith("STATUS="):
                return lines
            self.statuses.append(lines[0])

    def next_but_signs(self) -> list[str]:
        """The next datagram that is no sign of life."""
        while (told := self.told()) == ["WATCHDOG=1"]:
            pass
        return told

    def close(self) -> None:
        """No more."""
        self._socket.close()


def test_the_daemon_tells_what_it_does(tmp_path: Path) -> None:
    """L12: ready, alive, reading again, ready, stopping; through a real socket."""
    Authority(tmp_path / "tls").files()
    manager = Manager(tmp_path / "notify")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "serve", "--config", config_with_tls(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "900000"},
    )  # fmt: skip
    try:
        assert manager.told() == ["READY=1"]
        began = time.monotonic()
        assert [manager.told() for _ in range(3)] == [["WATCHDOG=1"]] * 3
        assert time.monotonic() - began > 0.3
        daemon.send_signal(signal.SIGHUP)
        reloading, since = manager.next_but_signs()
        assert reloading == "RELOADING=1"
        assert int(since.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        assert manager.next_but_signs() == ["READY=1"]
        limits = Path(f"/proc/{daemon.pid}/limits").read_text().splitlines()
        assert next(one.split()[4:6] for one in limits if "core file" in one) == ["0", "0"]
        assert Path(f"/proc/{daemon.pid}/environ").stat().st_uid == 0
        daemon.send_signal(signal.SIGTERM)
        assert manager.next_but_signs() == ["STOPPING=1"]
    finally:
        daemon.kill() if daemon.wait(30) else None
        manager.close()

    assert daemon.returncode == 0
    assert manager.statuses == ["STATUS=Taking mail"]


async def test_without_a_manager_nobody_is_told() -> None:
    """`mail2fax serve` in a terminal."""
    manager = ServiceManager({})
    manager.ready()
    await asyncio.wait_for(manager.show_signs_of_life(), 1)


async def test_a_watchdog_of_another_process_is_not_ours() -> None:
    """sd_watchdog_enabled(3): WATCHDOG_PID says whose it is."""
    manager = ServiceManager({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    await asyncio.wait_for(manager.show_signs_of_life(), 1)


def test_an_abstract_socket_is_told_too() -> None:
    """The @ of its name stands for a null byte."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(f"\0mail2fax-{os.getpid()}")
        ServiceManager({"NOTIFY_SOCKET": f"@mail2fax-{os.getpid()}"}).stopping()
        assert own.recv(100) == b"STOPPING=1"


def group(name: str) -> set[str]:
    """The system calls of one of systemd's groups."""
    listed = subprocess.check_output(["systemd-analyze", "syscall-filter", name], text=True)
    words = [line.strip() for line in listed.splitlines()[1:] if not line.strip().startswith("#")]
    inner = (group(word) for word in words if word.startswith("@"))
    return {word for word in words if word and word[0] != "@"}.union(*inner)


def allowed(unit: str) -> set[str]:
    """The system calls a unit allows: each line of its filter adds, or with ~ takes away."""
    calls: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)", (UNITS / unit).read_text(), re.MULTILINE):
        named = [group(one) if one[0] == "@" else {one} for one in line.lstrip("~").split()]
        calls = calls - set().union(*named) if line[0] == "~" else calls.union(*named)
    return calls | group("@default")


@has_systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
async def test_the_reader_needs_no_call_that_its_unit_forbids(tmp_path: Path) -> None:
    """L12: nothing here enforces the filter, so the calls of a real child are held against it.

    Looking up our user's name asks a name service, and giving up the network is tried again:
    both may fail.
    """
    trace = tmp_path / "trace"
    traced = ("strace", "-f", "-qq", "-o", str(trace), *READER)
    async with Unit(tmp_path / "reader.sock", traced) as unit:
        children = readers(unit, deadline=60)
        await children.prepare(slow_mail(tmp_path), tmp_path / "converted")
        assert await pages(children, tmp_path) == 2
        await children.close()
        await unit.ended(0)
    calls = re.findall(r"^\d+ +(\w+)\((.*)", trace.read_text(), re.MULTILINE)
    names = {name for name, _ in calls}

    assert {"read", "openat", "setitimer"} <= names
    assert names - allowed("mail2fax-reader@.service") <= {"socket", "connect", "unshare"}
    assert not [one for one in calls if "PROT_WRITE|PROT_EXEC" in one[1]]


NO_CORE = """
import os, sys
from mail2fax.cores import forbid_cores
if sys.argv[1] == "forbid": forbid_cores()
os.abort()
"""


def test_a_core_cannot_be_made(tmp_path: Path) -> None:
    """L12: the same crash with and without; the kernel says whether it dumped."""
    for asked, dumped in (("", True), ("forbid", False)):
        crash = f"ulimit -c unlimited; exec {sys.executable} -c '{NO_CORE}' '{asked}'"
        child = subprocess.Popen(["/bin/sh", "-c", crash], cwd=tmp_path, stderr=subprocess.DEVNULL)
        _, status = os.waitpid(child.pid, 0)
        child.returncode = status
        if asked == "" and not os.WCOREDUMP(status):
            pytest.skip("this machine makes no core dumps at all")
        assert os.WTERMSIG(status) == signal.SIGABRT
        assert os.WCOREDUMP(status) == dumped
