"""What a process that was taken over could do where it runs: each attempt and its fate, as JSON.

Runs in the place of the daemon or of the reader, with every line of its unit. Uses nothing but
Python itself.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_ATTACH, _NEW_USERS, _PAGE = 16, 0x10000000, 4096
STATE = Path("/var/lib/mail2fax")


def _called(number: int) -> None:
    if number < 0:
        raise OSError(ctypes.get_errno(), "")


def _connect() -> None:
    with socket.create_connection(("127.0.0.1", 8025), timeout=5):
        pass


def _control() -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.connect(str(STATE / "control.sock"))


def _write(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"x")
    path.unlink()


def attempts(daemon: int) -> dict[str, Callable[[], object]]:
    """Each by its name; the daemon is another process of the same user."""
    return {
        "connect to Fax.Plus": _connect,
        "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
        "ask the daemon": _control,
        "read the configuration": Path("/etc/mail2fax/mail2fax.yaml").read_bytes,
        "read root's copy of the token": Path("/etc/mail2fax/credentials/FAXPLUS_TOKEN").read_bytes,
        "read the TLS key": Path("/etc/mail2fax-tls/privkey.pem").read_bytes,
        "read the ledger": (STATE / "ledger.sqlite3").read_bytes,
        "list the mails": lambda: list((STATE / "mails").iterdir()),
        "change a mail": lambda: _write(STATE / "mails" / "x"),
        "write a document": lambda: _write(STATE / "documents" / "x"),
        "write to the system": lambda: _write(Path("/usr/local/x")),
        "see the daemon": Path(f"/proc/{daemon}/status").read_bytes,
        "read the daemon's memory": Path(f"/proc/{daemon}/mem").open,
        "end the daemon": lambda: os.kill(daemon, signal.SIGCONT),
        "trace the daemon": lambda: _called(_LIBC.ptrace(_ATTACH, daemon, 0, 0)),
        "become root": lambda: os.setuid(0),
        "make users of its own": lambda: _called(_LIBC.unshare(_NEW_USERS)),
        "mount": lambda: _called(_LIBC.mount(b"x", b"/mnt", b"tmpfs", 0, None)),
        "run what it wrote to memory": lambda: mmap.mmap(
            -1, _PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        ),
        "see other processes": lambda: Path("/proc/1/status").read_bytes(),
        "dump core": _dump,
    }


def _dump() -> None:
    if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0):
        raise PermissionError("no core dumps")


def main() -> None:
    """Try each."""
    found = {}
    for name, attempt in attempts(int(os.environ["DAEMON"])).items():
        try:
            attempt()
        except OSError as error:
            found[name] = f"no: {error.strerror or error}"
        else:
            found[name] = "yes"
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
