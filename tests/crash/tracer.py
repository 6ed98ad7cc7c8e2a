"""Follows a daemon call by call and disturbs one of them: ``python -m tests.crash.tracer``.

Counts the system calls of a process, all its threads and its children, that touch a file below
a directory or a TCP connection over IPv4, in the order in which they are made. One of them, by
its number or its name, is disturbed: before it acts the process is killed, or it fails with an
error instead of acting. strace can do both too, but counts for each thread and each call by
itself, so that a moment in the life of the whole daemon has no number there.

Each call is a line of output: its number, its name, what it touches, with ``ID`` for the ids in
the names of files. The last line is for the end of the process, with its exit code.
"""

import ctypes
import os
import platform
import re
import signal
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

# As ptrace(2) has them.
_GET_REGISTERS, _SET_REGISTERS, _CONT_SYSCALL = 12, 13, 24
_SEIZE, _INTERRUPT, _LISTEN, _SYSCALL_INFO = 0x4206, 0x4207, 0x4208, 0x420E
_OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
"""Marked syscall stops; follow fork, vfork, clone, exec; whoever is left dies with us."""
_ANY_THREAD = 0x40000000
_EVENT_STOP = 128
_ENTRY = struct.Struct("<B3xIQQ7Q")  # op, arch, ip, sp, number, six arguments
_OP_ENTRY = 1
_REGISTERS = ctypes.c_ulonglong * 27
_RESULT, _NUMBER = 10, 15  # of the registers
_PAGE = 4096
_ID = re.compile(r"[0-9A-Z]{26}", re.ASCII)

MACHINE = "x86_64"
"""Calls and registers are numbered as on this machine."""
_BY_DESCRIPTOR = {
    0: "read", 1: "write", 17: "pread64", 18: "pwrite64", 20: "writev", 44: "sendto",
    45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 48: "shutdown", 74: "fsync", 75: "fdatasync",
    77: "ftruncate", 285: "fallocate",
}  # fmt: skip
_BY_PATH = {2: ("open", 0), 82: ("rename", 0), 83: ("mkdir", 0), 84: ("rmdir", 0),
            86: ("link", 0), 87: ("unlink", 0), 257: ("openat", 1), 258: ("mkdirat", 1),
            263: ("unlinkat", 1), 264: ("renameat", 1), 265: ("linkat", 1),
            316: ("renameat2", 1)}  # fmt: skip
"""With the position of the path among the arguments."""


def why_not() -> str:
    """Why nothing can be traced here; empty when it can."""
    if platform.machine() != MACHINE:
        return f"the tracer knows the calls of {MACHINE} only"
    return "" if os.geteuid() == 0 else "only root traces a process that is not dumpable"


@dataclass
class Tracer:
    """Follows one process.

    Args:
        pid: which.
        directory: whose files count.
        disturbed: the call that is not to act: its number, 0 for none, or what is printed of it,
            such as ``fsync /mails/ID.eml``; the first of that name is meant.
        error: what it fails with; 0 to kill the process instead.
    """

    pid: int
    directory: str
    disturbed: str
    error: int
    count: int = 0
    _failing: int = 0
    _libc: ctypes.CDLL = field(default_factory=lambda: ctypes.CDLL(None, use_errno=True))
    _connections: dict[str, str] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def follow(self) -> None:
        """Until the process and all that it began have ended."""
        for thread in self._attached():
            self._ptrace(_INTERRUPT, thread, 0)
        print("ready", flush=True)
        while True:
            try:
                thread, status = os.waitpid(-1, _ANY_THREAD)
            except ChildProcessError:
                return
            if os.WIFSTOPPED(status):
                self._seen.add(thread)
                self._stopped(thread, os.WSTOPSIG(status), status >> 16)
            elif thread == self.pid:
                print(self.count, "ended", os.waitstatus_to_exitcode(status), flush=True)

    def _attached(self) -> list[int]:
        """Every thread; those that begin meanwhile are found by looking again."""
        tasks, attached = Path(f"/proc/{self.pid}/task"), set[int]()
        while new := {int(one.name) for one in tasks.iterdir()} - attached:
            for thread in new:
                self._ptrace(_SEIZE, thread, _OPTIONS)
            attached |= new
        return sorted(attached)

    def _stopped(self, thread: int, number: int, event: int) -> None:
        if number == signal.SIGTRAP | 0x80:
            self._at_call(thread)
            self._ptrace(_CONT_SYSCALL, thread, 0)
        elif event == _EVENT_STOP and number in (signal.SIGSTOP, signal.SIGTSTP):
            self._ptrace(_LISTEN, thread, 0)
        else:
            self._ptrace(_CONT_SYSCALL, thread, 0 if event else number)

    def _at_call(self, thread: int) -> None:
        buffer = ctypes.create_string_buffer(_ENTRY.size + 16)
        size = len(buffer)
        if self._libc.ptrace(_SYSCALL_INFO, thread, ctypes.c_void_p(size), buffer) <= 0:
            return
        operation, _, _, _, number, *arguments = _ENTRY.unpack_from(buffer)
        if operation != _OP_ENTRY:
            self._after_call(thread)
        elif touched := self._touched(thread, number, arguments):
            self.count += 1
            print(self.count, *touched, flush=True)
            if self.disturbed in (str(self.count), " ".join(touched)):
                self.disturbed = ""
                self._disturb(thread)

    # Disturbing

    def _disturb(self, thread: int) -> None:
        if self.error:
            self._failing = thread
            self._set_register(thread, _NUMBER, -1)  # no call has this number
            return
        for process in {self.pid, *self._processes()}:
            os.kill(process, signal.SIGKILL)

    def _processes(self) -> set[int]:
        return {thread for thread in self._seen if Path(f"/proc/{thread}").exists()}

    def _after_call(self, thread: int) -> None:
        if thread == self._failing:
            self._failing = 0
            self._set_register(thread, _RESULT, -self.error)

    def _set_register(self, thread: int, index: int, value: int) -> None:
        registers = _REGISTERS()
        self._libc.ptrace(_GET_REGISTERS, thread, None, registers)
        registers[index] = value & 0xFFFFFFFFFFFFFFFF
        self._libc.ptrace(_SET_REGISTERS, thread, None, registers)

    # What a call touches

    def _touched(self, thread: int, number: int, arguments: list[int]) -> tuple[str, str] | None:
        if number in _BY_DESCRIPTOR:
            what = self._behind(thread, arguments[0] & 0xFFFFFFFF)
            return None if what is None else (_BY_DESCRIPTOR[number], what)
        if number in _BY_PATH:
            name, position = _BY_PATH[number]
            path = self._text(thread, arguments[position])
            return (name, self._below(path)) if path.startswith(self.directory) else None
        return None

    def _behind(self, thread: int, descriptor: int) -> str | None:
        try:
            target = str(Path(f"/proc/{thread}/fd/{descriptor}").readlink())
        except OSError:
            return None
        if target.startswith(self.directory):
            return self._below(target)
        return self._connection(thread, target) if target.startswith("socket:") else None

    def _below(self, path: str) -> str:
        below = path.removeprefix(self.directory).removesuffix(" (deleted)") or "/"
        return _ID.sub("ID", below)

    def _connection(self, thread: int, target: str) -> str | None:
        """Both ports of a TCP connection, as ``tcp:ours:theirs``."""
        if target not in self._connections:
            for line in Path(f"/proc/{thread}/net/tcp").read_text().splitlines()[1:]:
                _, ours, theirs, *more = line.split()
                name = f"tcp:{int(ours[-4:], 16)}:{int(theirs[-4:], 16)}"
                self._connections[f"socket:[{more[6]}]"] = name
        return self._connections.get(target)

    @staticmethod
    def _text(thread: int, address: int) -> str:
        with Path(f"/proc/{thread}/mem").open("rb", 0) as memory:
            memory.seek(address)
            data = memory.read(_PAGE - address % _PAGE)  # what follows may not be mapped
            if b"\0" not in data:
                data += memory.read(_PAGE)
        return os.fsdecode(data.partition(b"\0")[0])

    def _ptrace(self, request: int, thread: int, data: int) -> None:
        """A thread that has just died is past it."""
        self._libc.ptrace(request, thread, ctypes.c_void_p(0), ctypes.c_void_p(data))


if __name__ == "__main__":
    pid, below, disturbed, error = sys.argv[1:]
    Tracer(int(pid), below, disturbed, int(error)).follow()
