"""What we tell the service manager: that mail is taken, that we stop, that we are alive.

The protocol is sd_notify(3): datagrams of ``NAME=value`` lines to the socket in
``NOTIFY_SOCKET``. Without one, nobody is told.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping

_MICROSECONDS = 1_000_000
_SIGNS_IN_TIME = 3
_STATUS_EVERY = 1.0


class ServiceManager:
    """The service manager, as far as there is one.

    Args:
        environment: that we were started with.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._within = int(environment.get("WATCHDOG_USEC", "0")) / _MICROSECONDS * is_ours

    def ready(self) -> None:
        """Mail is taken (again)."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """What is told to be read again is being read; `ready` ends it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}")

    async def show_status(self, status: Callable[[], str]) -> None:
        """For ever: how it stands, whenever that has changed."""
        told = ""
        while self._address:
            if (now := status()) != told:
                told = now
                self._tell(f"STATUS={told}")
            await asyncio.sleep(_STATUS_EVERY)

    def stopping(self) -> None:
        """No more mail is taken."""
        self._tell("STOPPING=1")

    async def show_signs_of_life(self) -> None:
        """For ever, as often as the watchdog wants; a loop that stands still shows none."""
        while self._within:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._within / _SIGNS_IN_TIME)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as own:
            own.connect(self._address)
            own.sendall(state.encode())
