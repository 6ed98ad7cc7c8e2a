"""The daemon as a process: its signals, its service manager, its limits."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable

from mail2fax import events
from mail2fax.accepting.sockets import allow_descriptors
from mail2fax.config import Config
from mail2fax.cores import forbid_cores
from mail2fax.daemon import Daemon
from mail2fax.errors import InternalError, SpoolError
from mail2fax.service_manager import ServiceManager


async def serve(config: Config, ready: Callable[[Daemon], None]) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Args:
        config: the configuration.
        ready: called once mail is taken.

    Raises:
        SpoolError: the state directory cannot be used, or failed.
        InternalError: a station ended; why stands in the log.
    """
    forbid_cores()
    allow_descriptors(config.limits.connections)
    manager, stop = ServiceManager(), asyncio.Event()
    async with (
        _stop_signals(stop, manager),
        Daemon(config) as daemon,
        _hang_up_signal(daemon, manager),
    ):
        _settle_memory()
        ready(daemon)
        manager.ready()
        alive = asyncio.ensure_future(manager.show_signs_of_life())
        standing = asyncio.ensure_future(manager.show_status(lambda: daemon.status))
        stopped = asyncio.ensure_future(stop.wait())
        running = asyncio.ensure_future(_run(daemon))
        try:
            await asyncio.wait({stopped, running}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            for task in (stopped, running, alive, standing):
                task.cancel()


def _settle_memory() -> None:
    """What was made at start is never garbage: the collector need not look through it again."""
    gc.collect()
    gc.freeze()


async def _run(daemon: Daemon) -> None:
    try:
        await daemon.run()
    except SpoolError as error:
        events.spool_broken(str(error))
        raise
    except Exception as error:  # noqa: BLE001 - whatever ended it, the log tells it discreetly
        events.bug("daemon", error)
        raise InternalError("a station ended; the log says why") from None


@contextlib.asynccontextmanager
async def _stop_signals(stop: asyncio.Event, manager: ServiceManager) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()

    def told(name: str) -> None:
        events.stopping(name)
        manager.stopping()
        stop.set()

    names = ("SIGTERM", "SIGINT")
    for name in names:
        loop.add_signal_handler(getattr(signal, name), told, name)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(getattr(signal, name))


@contextlib.asynccontextmanager
async def _hang_up_signal(daemon: Daemon, manager: ServiceManager) -> AsyncIterator[None]:
    """SIGHUP reads the certificates again; nothing else changes without a restart."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        manager.reloading()
        daemon.read_certificates()
        manager.ready()

    loop.add_signal_handler(signal.SIGHUP, told)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
