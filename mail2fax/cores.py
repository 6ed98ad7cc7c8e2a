"""No core dumps: memory holds faxes and the token, and a core is a copy that nobody forgets."""

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def forbid_cores() -> None:
    """Let the kernel make no core of this process.

    The limit holds for files and is inherited. A program behind the kernel's ``core_pattern``
    (systemd-coredump) gets cores past it; against that the process is made not dumpable, which
    also keeps other processes of the same user out of its memory. `exec` undoes that, so each
    program calls this for itself (prctl(2), core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
