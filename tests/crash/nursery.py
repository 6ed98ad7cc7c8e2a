"""A place where real daemons begin quickly: a process that has imported everything forks them.

A daemon begun this way is a process of its own that runs ``mail2fax serve`` and can be killed
like any other; it only was spared a second of imports, which thousands of starts add up. Its
document children come from here too, by the socket of the reader's unit (L12).

A request is one datagram on the inherited socket, JSON with two descriptors (standard output,
log); the answer is the process's id. The nursery ends when that socket is closed.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import pypdfium2  # noqa: F401 - the first PDF would import it in every child

from mail2fax import log, serving  # noqa: F401 - the verb would import them in every daemon
from mail2fax.cli import main as mail2fax
from mail2fax.preparing import child

_LONGEST = 1 << 16


def main() -> None:
    """Fork what is asked for until nobody can ask any more."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    readers = socket.socket(socket.AF_UNIX)
    readers.bind(sys.argv[2])
    readers.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    gc.freeze()
    requests.send(b"ready")
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(readers, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is readers:
                    _begin_reader(readers)
                elif not _begin_daemon(requests):
                    return


def _begin_daemon(requests: socket.socket) -> bool:
    message, descriptors, _, _ = socket.recv_fds(requests, _LONGEST, 2)
    if not message:
        return False
    request = json.loads(message)

    def life() -> int:
        exec(request["plant"], {})
        return mail2fax(request["arguments"])

    pid = _fork(life, os.open(os.devnull, os.O_RDONLY), *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    requests.send(str(pid).encode())
    return True


def _begin_reader(readers: socket.socket) -> None:
    line, _ = readers.accept()
    with line:
        null = os.open(os.devnull, os.O_WRONLY)
        _fork(child.main, line.fileno(), line.fileno(), null)
        os.close(null)


def _fork(life: Callable[[], int | None], *streams: int) -> int:
    pid = os.fork()
    if pid == 0:
        _live(life, streams)
    return pid


def _live(life: Callable[[], int | None], streams: tuple[int, ...]) -> NoReturn:
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        os.closerange(len(streams), 256)
        code = life() or 0
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
