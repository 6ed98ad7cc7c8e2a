"""The sockets a listener listens at, and the descriptors that connections need."""

import contextlib
import os
import resource
import socket
import stat
from pathlib import Path

from mail2fax.accepting.settings import Place

_BACKLOG = 1024
_OTHER_DESCRIPTORS = 256
_RESERVED_DESCRIPTORS = 64
_FIRST_GIVEN = 3  # sd_listen_fds(3)


def listening(place: Place) -> list[socket.socket]:
    """Open sockets that listen.

    Raises:
        OSError: an address cannot be had, or systemd gave no socket of that name.
    """
    if place.systemd:
        return _given(place.systemd)
    if place.socket is not None:
        return [_unix(place.socket, place.mode)]
    with contextlib.ExitStack() as undo:
        opened = [undo.enter_context(_inet(address, place.port)) for address in place.addresses]
        undo.pop_all()
    return opened


def allow_descriptors(connections: int) -> None:
    """Let the process have a socket and a mail's file for each connection, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 2 * connections + _OTHER_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def are_descriptors_short() -> bool:
    """Whether so few are left that work in hand may want for them (L10).

    The system gives the lowest free one, which is about as many as are in use.
    """
    try:
        lowest = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return True
    os.close(lowest)
    return lowest >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED_DESCRIPTORS


def _inet(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # An IPv6 socket takes IPv6 only: one that took both could not stand beside an IPv4 one.
    try:
        return socket.create_server((address, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(error.errno, f"{address} port {port}: {error.strerror}") from error


def _unix(path: Path, mode: int) -> socket.socket:
    """A UNIX socket with its mode from the start; what an earlier run left is removed."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
        path.unlink()
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)
    try:
        own.bind(str(path))
    except OSError as error:
        own.close()
        raise OSError(error.errno, f"{path}: {error.strerror}") from error
    finally:
        os.umask(before)
    own.listen(_BACKLOG)
    return own


def _answers(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        return caller.connect_ex(str(path)) == 0


def _given(name: str) -> list[socket.socket]:
    """The sockets systemd has opened under a name (FileDescriptorName=)."""
    count = int(os.environ.get("LISTEN_FDS", "0"))
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count:
        raise OSError(f"systemd:{name}: systemd has opened no socket. Start by its .socket unit")
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = [n for n, one in enumerate(names[:count]) if one == name]
    if not found:
        told = ", ".join(names)
        raise OSError(f"systemd:{name}: no socket has this FileDescriptorName; there are {told}")
    given = [socket.socket(fileno=os.dup(_FIRST_GIVEN + n)) for n in found]
    for one in given:
        one.setblocking(False)
    return given
