"""Inside the machine that `tests.boot` booted: install as docs/systemd.md says, use, attack.

Prints ``ok`` or ``FAIL`` and a sentence for each thing, and ``that is all`` at the end.
"""

import asyncio
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from mail2fax.spool.commands import ask
from tests.unit.mails import TEXT, attached, mail, real_pdf

PROGRAM = "/opt/mail2fax/.venv/bin/mail2fax"
UNITS = Path("/opt/mail2fax/systemd")
SYSTEM = Path("/etc/systemd/system")
STATE = Path("/var/lib/mail2fax")
LMTP = "/var/spool/postfix/private/mail2fax"
TO = "0225550123@fax.example.com"
SOCKETS = ("mail2fax-reader", "mail2fax", "mail2fax-submission", "mail2fax-smtps", "mail2fax-lmtp")
CONFIG = """\
domains: [fax.example.com]
region: CH
state_dir: /var/lib/mail2fax
listen:
  - {socket: systemd:smtp}
  - {socket: systemd:submission}
  - {socket: systemd:smtps, protocol: smtps}
  - {socket: systemd:lmtp, protocol: lmtp, vouches: true}
tls: {certificate: /etc/mail2fax-tls/fullchain.pem, key: /etc/mail2fax-tls/privkey.pem}
preparing: {socket: /run/mail2fax-reader.sock}
faxplus: {token: "${FAXPLUS_TOKEN}", from: "+41225550100", base_url: "http://127.0.0.1:8025/v3"}
relay: {host: 127.0.0.1, port: 2526}
admin: admin@example.org
senders:
  - {name: here, networks: [127.0.0.0/8]}
  - {name: front, addresses: [ann@example.org]}
"""
IN_THE_DAEMON = {"connect to Fax.Plus", "ask the daemon", "read the configuration",
                 "read the TLS key", "read the ledger", "list the mails", "change a mail",
                 "write a document", "end the daemon"}  # fmt: skip
IN_THE_READER = {"list the mails", "write a document"}
"""What each must be able to do; all else that the probe tries must fail."""
_WATCHDOG = 60
_SLOW = 180.0  # an emulated machine on a busy one


def sh(command: str) -> str:
    """Run a line as root; what it says.

    Raises:
        AssertionError: it failed.
    """
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(met: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something.

    Raises:
        AssertionError: in vain.
    """
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.3)


def install() -> None:
    """The steps of docs/systemd.md, with a simulated Fax.Plus and relay."""
    sh("useradd --system postfix; install -d -o postfix /var/spool/postfix/private")
    users = "/etc/sysusers.d/mail2fax.conf"
    sh(f"install -D -m 644 {UNITS}/mail2fax.sysusers {users} && systemd-sysusers")
    sh(f"cp {UNITS}/*.service {UNITS}/*.socket {SYSTEM}/ && systemctl daemon-reload")
    sh("install -d -m 750 -g mail2fax /etc/mail2fax; install -d -m 700 /etc/mail2fax/credentials")
    sh("echo token | install -m 600 /dev/stdin /etc/mail2fax/credentials/FAXPLUS_TOKEN")
    sh("install -d -m 750 -g mail2fax-tls /etc/mail2fax-tls")
    certificate()
    Path("/etc/mail2fax/mail2fax.yaml").write_text(CONFIG)
    sh("chmod 640 /etc/mail2fax/mail2fax.yaml; chgrp mail2fax /etc/mail2fax/mail2fax.yaml")
    subprocess.Popen([PROGRAM, "simulator", "--mailbox", "2526"], stdout=subprocess.DEVNULL)
    until(lambda: "8025" in sh("ss -ltn"), _SLOW, "the simulator")


def certificate() -> None:
    """A new one, signed by itself."""
    sh(
        "cd /etc/mail2fax-tls && openssl req -x509 -newkey rsa:2048 -nodes -days 30"
        " -subj /CN=fax.example.com -keyout privkey.pem -out fullchain.pem"
        " && chgrp mail2fax-tls *.pem && chmod 640 *.pem"
    )


def starts() -> None:
    """Every unit is active; nothing runs as root, no right is left."""
    sh(f"systemctl enable --now {' '.join(f'{name}.socket' for name in SOCKETS)}")
    sh("systemctl enable --now mail2fax")
    assert sh("systemctl is-active mail2fax") == "active"
    status = Path(f"/proc/{pid()}/status").read_text()
    uid = sh("id -u mail2fax")
    assert re.search(rf"^Uid:\s+{uid}\s+{uid}\s", status, re.MULTILINE), status
    for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status, line


def pid() -> int:
    """Of the daemon; 0 when it does not run."""
    return int(sh("systemctl show -P MainPID mail2fax"))


def data(subject: str) -> bytes:
    """A mail with a document."""
    return mail(TEXT, attached(real_pdf()), top=f"From: ann@example.org\nSubject: {subject}\n")


def faxed(count: int) -> None:
    """Wait until so many faxes were confirmed."""

    def confirmed() -> bool:
        told = asyncio.run(ask(STATE, {"command": "list", "all": True}))
        return [fax["fax_state"] for fax in told["faxes"]].count("success") >= count

    until(confirmed, _SLOW, f"{count} faxes")


def mail_comes_by_every_socket() -> None:
    """Ports 25, 587 with STARTTLS, 465 under TLS, and LMTP; each becomes a fax."""
    context = ssl.create_default_context(cafile="/etc/mail2fax-tls/fullchain.pem")
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", 25, timeout=_SLOW) as client:
        client.sendmail("ann@example.org", [TO], data("25"))
    with smtplib.SMTP("127.0.0.1", 587, timeout=_SLOW) as client:
        client.starttls(context=context)
        client.sendmail("ann@example.org", [TO], data("587"))
    with smtplib.SMTP_SSL("127.0.0.1", 465, timeout=_SLOW, context=context) as client:
        client.sendmail("ann@example.org", [TO], data("465"))
    with smtplib.LMTP(LMTP) as client:
        client.sendmail("ann@example.org", [TO], data("LMTP"))
    with socket.create_connection(("::1", 25), timeout=_SLOW) as own:
        assert own.recv(100).startswith(b"220 ")
    faxed(4)
    assert sh(f"stat -c '%U %a' {LMTP}") == "postfix 600"


def certificates_are_read_again() -> None:
    """After a renewal, by systemctl reload; the same process goes on."""
    before = pid()
    certificate()
    sh("systemctl reload mail2fax")
    shown = sh("openssl s_client -connect 127.0.0.1:465 </dev/null 2>/dev/null | openssl x509")
    assert shown == Path("/etc/mail2fax-tls/fullchain.pem").read_text().strip()
    assert pid() == before


def probed(unit: str, allowed: set[str]) -> None:
    """What can be done inside a unit is what must be, and no more."""
    text = (SYSTEM / unit).read_text()
    text = re.sub(r"^(ExecReload|WatchdogSec|Restart|RestartSec|NotifyAccess|Standard\w+)=.*\n",
                  "", text, flags=re.MULTILINE)  # fmt: skip
    text = re.sub(r"^Type=.*\n", "", text, flags=re.MULTILINE)
    started = (
        "Type=oneshot\nStandardOutput=truncate:/run/probe.json\n"
        f"Environment=DAEMON={pid()}\n"
        "ExecStart=/opt/mail2fax/.venv/bin/python -I /opt/mail2fax/tests/boot/probe.py"
    )
    text = re.sub(r"^ExecStart=.*$", started, text, flags=re.MULTILINE)
    (SYSTEM / "probe.service").write_text(text)
    sh("systemctl daemon-reload; systemctl start probe")
    found = json.loads(Path("/run/probe.json").read_text())
    for name, fate in found.items():
        print(f"     {unit}: {name}: {fate}", flush=True)
    could = {name for name, fate in found.items() if fate == "yes"}
    assert could == allowed, f"could {could - allowed}, could not {allowed - could}"


def the_daemon_is_confined() -> None:
    """It reaches what it needs and nothing of the system."""
    probed("mail2fax.service", IN_THE_DAEMON)


def the_reader_is_confined() -> None:
    """Hostile bytes find mails to read, documents to write, and nothing else."""
    probed("mail2fax-reader@.service", IN_THE_READER)


def without_a_reader_mails_wait() -> None:
    """Taken, not lost, faxed when it is there again."""
    sh("chown root:root /run/mail2fax-reader.sock")
    sh("systemctl stop 'mail2fax-reader@*'")
    with smtplib.SMTP("127.0.0.1", 25, timeout=_SLOW) as client:
        client.sendmail("ann@example.org", [TO], data("waits"))
    until(lambda: "no-child" in sh("journalctl -u mail2fax --no-pager"), _SLOW, "it is missed")
    sh("chown mail2fax:mail2fax /run/mail2fax-reader.sock")
    faxed(5)


def a_crash_leaves_no_core_and_loses_nothing() -> None:
    """Systemd starts it again; the next mail is faxed."""
    before = pid()
    os.kill(before, signal.SIGSEGV)
    until(lambda: pid() not in (0, before), _SLOW, "another daemon")
    until(lambda: sh("systemctl show -P ActiveState mail2fax") == "active", _SLOW, "it is active")
    with smtplib.SMTP("127.0.0.1", 25, timeout=_SLOW) as client:
        client.sendmail("ann@example.org", [TO], data("after a crash"))
    faxed(6)
    names = r"-name core -o -name 'core.[0-9]*' -o -name 'core.mail2fax*'"
    assert sh(rf"find / -xdev -type f \( {names} \)") == ""


def a_loop_that_stands_still_is_replaced() -> None:
    """The watchdog, after a minute without a sign of life."""
    before = pid()
    os.kill(before, signal.SIGSTOP)
    until(lambda: pid() not in (0, before), _WATCHDOG + 2 * _SLOW, "another daemon")
    until(lambda: sh("systemctl show -P ActiveState mail2fax") == "active", _SLOW, "it is active")
    with smtplib.SMTP("127.0.0.1", 25, timeout=_SLOW) as client:
        client.sendmail("ann@example.org", [TO], data("after a standstill"))
    faxed(7)


def exposure_is_low() -> None:
    """By systemd itself, of the units as they were loaded."""
    for unit in ("mail2fax.service", "mail2fax-reader@1.service"):
        said = sh(f"systemd-analyze security --no-pager {unit} | tail -1")
        print(f"     {unit}: {said}", flush=True)
        found = re.search(r"([0-9.]+) (OK|SAFE)", said)
        assert found, said
        assert float(found[1]) <= 1.1


def main() -> None:
    """All of it, in this order."""
    for step in (
        install, starts, mail_comes_by_every_socket, certificates_are_read_again,
        the_daemon_is_confined, the_reader_is_confined, exposure_is_low,
        without_a_reader_mails_wait, a_crash_leaves_no_core_and_loses_nothing,
        a_loop_that_stands_still_is_replaced,
    ):  # fmt: skip
        name = step.__name__.replace("_", " ")
        try:
            step()
        except Exception as error:  # noqa: BLE001 - each is told, and the next is tried
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
            print(sh("journalctl --no-pager -n 15 -u 'mail2fax*' -u probe"), flush=True)
        else:
            print(f"ok   {name}", flush=True)
    print("that is all", flush=True)


if __name__ == "__main__":
    main()
