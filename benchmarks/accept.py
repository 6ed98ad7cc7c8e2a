"""F2: durable acceptance beside Postfix: mails a second, and p99 from dot to 250.

``python -m benchmarks.accept`` runs both servers in turn, A B A B, each new for each round, with
Postfix's own load generator (``smtp-source``) for the rate and one client of ours for the
latency. Mails are one PDF in base64. ``--mode accepting`` only takes mail (mail2fax with
``sending.paused``, Postfix with HOLD); ``--mode delivering`` also hands it on (a null Fax.Plus;
Postfix's ``discard``).
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import nullapi
from benchmarks.figures import percentile, spread, steady
from benchmarks.load import Client, a_mail, on_the_wire
from benchmarks.servers import RECIPIENT, Server, is_installed, mail2fax, postfix

SIZES = {
    "4KB": (4_000, 2_000),
    "64KB": (64_000, 1_000),
    "1MB": (1_000_000, 300),
    "10MB": (10_000_000, 48),
}


@dataclass(frozen=True, slots=True)
class Round:
    """One server, one round: mails a second, and p99 in milliseconds."""

    rate: float
    p99: float


async def rate(server: Server, mail: Path, count: int, connections: int) -> float:
    """Mails a second that smtp-source gets rid of."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "smtp-source", "-s", str(connections), "-m", str(count), "-F", str(mail),
        "-f", "ann@example.org", "-t", RECIPIENT, f"127.0.0.1:{server.port}",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{server.name}: {said.decode()}")
    return count / (time.perf_counter() - started)


async def latencies(server: Server, data: bytes, count: int, connections: int) -> list[float]:
    """Milliseconds from the dot to its 250 of each mail, so many connections at once."""
    wire = on_the_wire(data)
    left = iter(range(count))
    found: list[float] = []

    async def client() -> None:
        session = await Client.at(server.port)
        found.extend([1000 * await session.send(wire) for _ in left])
        await session.leave()

    await asyncio.gather(*(client() for _ in range(connections)))
    return found


@contextlib.asynccontextmanager
async def both(directory: Path, mode: str, base_url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Both servers, new."""
    only = mode == "accepting"
    async with (
        mail2fax(directory / "mail2fax", base_url, paused=only) as ours,
        postfix(directory / "postfix", hold=only) as peer,
    ):
        yield ours, peer


async def one_pair(
    mode: str, base_url: str, size: int, count: int, connections: int
) -> list[Round]:
    """A round of each, ours first."""
    data = a_mail(size)
    found: list[Round] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        mail = directory / "mail"
        mail.write_bytes(data)
        async with both(directory, mode, base_url) as servers:
            for server in servers:
                await rate(server, mail, max(connections, count // 4), connections)
            for server in servers:
                speed = await rate(server, mail, count, connections)
                late = await latencies(server, data, max(connections * 4, count // 4), connections)
                found.append(Round(speed, percentile(late, 99)))
    return found


async def compare(arguments: argparse.Namespace) -> None:
    """Print a table for each size."""
    async with nullapi.running() as base_url:
        for name in arguments.sizes:
            size, count = SIZES[name]
            pairs = [
                await one_pair(arguments.mode, base_url, size, count, arguments.connections)
                for _ in range(arguments.pairs)
            ]
            show(name, arguments, pairs)


def show(name: str, arguments: argparse.Namespace, pairs: list[list[Round]]) -> None:
    """One table."""
    kept = steady([(ours.rate, peer.rate) for ours, peer in pairs])
    late = [(ours.p99, peer.p99) for ours, peer in pairs]
    print(f"{name}, {arguments.mode}, {arguments.connections} connections, "
          f"{len(kept)} of {len(pairs)} pairs kept")  # fmt: skip
    print(f"  mail2fax  mails/s {spread([ours for ours, _ in kept])}")
    print(f"  postfix   mails/s {spread([peer for _, peer in kept])}")
    print(f"  ratio             {spread([ours / peer for ours, peer in kept])}")
    print(f"  mail2fax  p99 ms  {spread([ours for ours, _ in late])}")
    print(f"  postfix   p99 ms  {spread([peer for _, peer in late])}")
    print(f"  ratio             {spread([ours / peer for ours, peer in late])}", flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--mode", choices=["accepting", "delivering"], default="accepting")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    arguments = parser.parse_args()
    if not is_installed():
        parser.error("Postfix is not installed, or this is not root")
    asyncio.run(compare(arguments))


if __name__ == "__main__":
    main()
