"""F6: many connections at once, and five ways to hold them. ``python -m benchmarks.connections``.

A daemon with its caps raised takes mail from active senders while idle clients stay connected:
the time from a mail's dot to its 250, and the memory of a session. Then clients pour data that
have no line end, and then five kinds of slow clients hold sessions while honest ones send. At
last, on the default caps, strangers take what they can get: how soon the others are told 421, and
whether who a rule names gets in.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.load import Client, a_mail, on_the_wire
from benchmarks.servers import RECIPIENT, Server, mail2fax

_NOBODY = "http://127.0.0.1:9"
_OF_ONE_NETWORK = 100
_KILOBYTE = 1000.0
_SETTLED = 5.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Attack = Callable[[Connection], Awaitable[None]]


async def connect(server: Server, number: int) -> Connection:
    """A connection from one of many networks, so that none has more than its share."""
    network, host = divmod(number, _OF_ONE_NETWORK)
    source = f"127.1.{network}.{host + 1}"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
    greeting = await reader.readline()
    if not greeting.startswith(b"220"):
        raise RuntimeError(f"connection {number}: {greeting.decode()}")
    return reader, writer


@contextlib.asynccontextmanager
async def connected(server: Server, count: int) -> AsyncIterator[list[Connection]]:
    """So many clients that were greeted."""
    found: list[Connection] = []
    try:
        for start in range(0, count, _OF_ONE_NETWORK):
            numbers = range(start, min(start + _OF_ONE_NETWORK, count))
            found += await asyncio.gather(*(connect(server, number) for number in numbers))
        yield found
    finally:
        for _, writer in found:
            writer.transport.abort()
        await asyncio.sleep(1)


async def send(server: Server, senders: int, mails: int) -> list[float]:
    """Seconds from dot to 250 of mails of 50 KB by so many senders at once."""
    wire = on_the_wire(a_mail(50_000))

    async def one() -> list[float]:
        client = await Client.at(server.port)
        times = [await client.send(wire) for _ in range(mails)]
        await client.leave()
        return times

    found = await asyncio.gather(*(one() for _ in range(senders)))
    return [seconds for times in found for seconds in times]


def report(what: str, times: list[float]) -> None:
    """A line of figures."""
    p50, p99 = (1000 * percentile(times, percent) for percent in (50, 99))
    print(f"{what:<44} dot to 250: median {p50:7.1f} ms, p99 {p99:7.1f} ms", flush=True)


async def idle(server: Server, count: int, senders: int, mails: int) -> None:
    """Senders alone, then beside idle clients."""
    report(f"{senders} senders", await send(server, senders, mails))
    before = server.memory()
    async with connected(server, count):
        each = (server.memory() - before) * _KILOBYTE / count
        print(f"{count} idle clients: {each:.1f} kB each", flush=True)
        report(f"{senders} senders, {count} idle clients", await send(server, senders, mails))


async def pour(server: Server, clients: int, size: int) -> None:
    """Data without a line end, by all of them at once, until they are sent away."""
    await send(server, 1, 1)  # what is loaded once is no connection's
    await asyncio.sleep(_SETTLED)  # its mail is prepared
    before, peak = server.memory(), 0.0
    piece = b"x" * 65536

    async def one(connection: Connection) -> bytes:
        reader, writer = connection
        await _begin(connection)
        answer = asyncio.ensure_future(reader.readline())
        with contextlib.suppress(ConnectionError):
            for _ in range(size // len(piece)):
                writer.write(piece)
                await writer.drain()
        await asyncio.wait([answer])
        return b"" if answer.exception() else answer.result()

    async with connected(server, clients) as connections:
        pouring = asyncio.gather(*(one(connection) for connection in connections))
        while not pouring.done():
            peak = max(peak, server.memory())
            await asyncio.sleep(0.05)
        answers = {answer[:3].decode() or "closed" for answer in await pouring}
    each = (peak - before) / clients
    print(
        f"{clients} clients pour {size >> 20} MiB without a line end: "
        f"{each:.2f} MB each, answered {', '.join(sorted(answers))}",
        flush=True,
    )


async def _begin(connection: Connection) -> None:
    reader, writer = connection
    for command in ("EHLO me", "MAIL FROM:<a@example.org>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
        writer.write(command.encode() + b"\r\n")
        while (await reader.readline())[3:4] == b"-":
            pass


async def _silent(connection: Connection) -> None:
    await connection[0].read()


async def _drips_a_command(connection: Connection) -> None:
    await _drip(connection, b"E")


async def _drip(connection: Connection, drop: bytes) -> None:
    while True:
        connection[1].write(drop)
        await connection[1].drain()
        await asyncio.sleep(1)


async def _says_nothing_of_worth(connection: Connection) -> None:
    reader, writer = connection
    while True:
        writer.write(b"NOOP\r\n")
        if not await reader.readline():
            return
        await asyncio.sleep(1)


async def _drips_data(connection: Connection) -> None:
    await _begin(connection)
    await _drip(connection, b"x")


async def _never_reads(connection: Connection) -> None:
    reader, writer = connection
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
    while True:
        writer.write(b"HELP\r\n" * 15)
        await writer.drain()
        await asyncio.sleep(0.2)


ATTACKS: dict[str, Attack] = {
    "say nothing": _silent, "drip a command": _drips_a_command,
    "say NOOP": _says_nothing_of_worth, "drip data": _drips_data, "never read": _never_reads,
}  # fmt: skip


async def slow(server: Server, count: int, senders: int, minutes: float) -> None:
    """Honest senders beside slow clients of every kind, who come again when they are sent away."""
    kinds = list(ATTACKS)
    attackers = [
        asyncio.ensure_future(_again_and_again(server, number, ATTACKS[kinds[number % len(kinds)]]))
        for number in range(count)
    ]
    await asyncio.sleep(_SETTLED)
    until = time.monotonic() + 60 * minutes
    found = await asyncio.gather(*(_honest(server, until) for _ in range(senders)))
    for one in attackers:
        one.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    times = [seconds for one in found for seconds in one]
    print(f"{count} clients {', '.join(kinds)} for {minutes:g} min: "
          f"all {len(times)} honest mails accepted")  # fmt: skip
    report(f"{senders} senders meanwhile", times)


async def _again_and_again(server: Server, number: int, attack: Attack) -> None:
    while True:
        with contextlib.suppress(OSError, RuntimeError, asyncio.IncompleteReadError):
            connection = await connect(server, number)
            try:
                await attack(connection)
            finally:
                connection[1].transport.abort()
        await asyncio.sleep(1)


async def _honest(server: Server, until: float) -> list[float]:
    """Seconds from dot to 250 of each mail, a session for each.

    Raises:
        RuntimeError: one was not accepted.
    """
    wire, times = on_the_wire(a_mail(50_000)), list[float]()
    while time.monotonic() < until:
        client = await Client.at(server.port)
        times.append(await client.send(wire))
        await client.leave()
        await asyncio.sleep(1)
    return times


async def crowd(server: Server, count: int, mails: int) -> None:
    """Strangers of 256 networks, who keep what they get; then ours."""
    kept: list[Connection] = []
    told: list[float] = []
    for number in range(count):
        source = f"127.2.{number % 256}.{number // 256 + 1}"
        began = time.perf_counter()
        connection = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
        code = (await connection[0].readline())[:3]
        if code == b"220":
            kept.append(connection)
        elif code == b"421":
            told.append(time.perf_counter() - began)
            connection[1].close()
        else:
            raise RuntimeError(f"stranger {number}: {code.decode()}")
    p50, p99 = (1000 * percentile(told, percent) for percent in (50, 99))
    print(f"{count} strangers on default caps: {len(kept)} let in, {len(told)} told 421 "
          f"in median {p50:.1f} ms, p99 {p99:.1f} ms")  # fmt: skip
    report("10 senders that a rule names", await send(server, 10, mails))
    for _, writer in kept:
        writer.transport.abort()


async def run(arguments: argparse.Namespace) -> None:
    """All of it, each part with a daemon of its own."""
    caps = "limits: {connections: 20000, waiting: 1000000}\n"
    parts: dict[str, Callable[[Server], Awaitable[None]]] = {
        "idle": lambda server: idle(server, arguments.idle, arguments.senders, arguments.mails),
        "pour": lambda server: pour(server, arguments.pouring, 1 << 30),
        "slow": lambda server: slow(server, arguments.slow, arguments.senders, arguments.minutes),
        "crowd": lambda server: crowd(server, arguments.strangers, arguments.mails),
    }
    with tempfile.TemporaryDirectory() as directory:
        for name in arguments.parts:
            raised = {"more": caps} if name != "crowd" else {"known": "127.0.0.0/24"}
            home = Path(directory) / name
            async with mail2fax(home, _NOBODY, paused=True, **raised) as server:
                await parts[name](server)


def main() -> int:
    """Measure, with as many file descriptors as the machine allows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="idle, pour, slow, crowd; all")
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--senders", type=int, default=50)
    parser.add_argument("--mails", type=int, default=4)
    parser.add_argument("--pouring", type=int, default=4)
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--strangers", type=int, default=1500)
    arguments = parser.parse_args()
    arguments.parts = arguments.parts or ["idle", "pour", "slow", "crowd"]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(run(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
