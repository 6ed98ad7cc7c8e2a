"""F6: many connections at once, and five ways to hold them. ``python -m benchmarks.connections``.

A daemon with its caps raised takes mail from active senders while idle clients stay connected:
the time from a mail's dot to its 250, and the memory of a session. Then clients pour data that
have no line end, and then five kinds of slow clients hold sessions while honest ones send.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
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


async def _silent(_connection: Connection) -> None:
    await asyncio.sleep(3600)


async def _drips_a_command(connection: Connection) -> None:
    while True:
        connection[1].write(b"E")
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
    while True:
        connection[1].write(b"x")
        await asyncio.sleep(1)


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


async def slow(server: Server, count: int, senders: int, mails: int) -> None:
    """Honest senders beside each kind of slow client."""
    for name, attack in ATTACKS.items():
        async with connected(server, count) as connections:
            attacks = [asyncio.ensure_future(attack(one)) for one in connections]
            await asyncio.sleep(1)
            report(f"{senders} senders, {count} clients {name}", await send(server, senders, mails))
            for one in attacks:
                one.cancel()
            await asyncio.gather(*attacks, return_exceptions=True)


async def run(arguments: argparse.Namespace) -> None:
    """All of it, each part with a daemon of its own."""
    caps = "limits: {connections: 20000}\n"
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        async with mail2fax(home / "idle", _NOBODY, paused=True, more=caps) as server:
            await idle(server, arguments.idle, arguments.senders, arguments.mails)
        async with mail2fax(home / "pour", _NOBODY, paused=True, more=caps) as server:
            await pour(server, arguments.pouring, 1 << 30)
        async with mail2fax(home / "slow", _NOBODY, paused=True, more=caps) as server:
            await slow(server, arguments.slow, arguments.senders, arguments.mails)


def main() -> int:
    """Measure, with as many file descriptors as the machine allows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--senders", type=int, default=50)
    parser.add_argument("--mails", type=int, default=4)
    parser.add_argument("--pouring", type=int, default=4)
    parser.add_argument("--slow", type=int, default=500)
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(run(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
