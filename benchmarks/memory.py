"""Ten mails of 30 MB at once: memory over idle and MB/s. ``python -m benchmarks.memory``.

The daemon runs as a process of its own, sending paused; memory is the PSS of its process group
without the preparing children, which are counted apart (peak of each). Stock aiosmtpd taking
the same mails, joined in memory and written with fsync, is the peer in the same run.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_MEGABYTE = 1_000_000
_PEER = """
import asyncio, os, sys
from aiosmtpd.smtp import SMTP
class Handler:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        path = os.path.join(sys.argv[1], str(Handler.count))
        with open(path, "wb") as file:
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        return "250 OK"
async def main():
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Handler(), hostname="peer", loop=loop, data_size_limit=10**9)
    server = await loop.create_server(make, "127.0.0.1", 0)
    print("at:%d" % server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: MB of memory at rest, more at the peak, of one child at most, and MB/s."""

    idle: float
    more: float
    child: float
    speed: float


def pss(pid: int) -> float:
    """A process's proportional memory in MB, 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / _MEGABYTE
    return 0.0


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    with contextlib.suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


async def watch(pid: int, peaks: dict[str, float]) -> None:
    """Note the peaks until cancelled."""
    while True:
        peaks["own"] = max(peaks.get("own", 0.0), pss(pid))
        child = max((pss(one) for one in children_of(pid)), default=0.0)
        peaks["child"] = max(peaks.get("child", 0.0), child)
        await asyncio.sleep(0.01)


def a_mail(serial: int, size: int) -> bytes:
    """A mail with one PDF of so many bytes, ready for the wire."""
    pdf = b"%PDF-1.4\n" + os.urandom(size) + b"\n%%EOF\n"
    encoded = base64.encodebytes(pdf).replace(b"\n", b"\r\n")
    head = (
        f"From: ann@example.org\r\nSubject: {serial}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: application/pdf; name="a.pdf"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + encoded + b".\r\n"


async def send(port: int, data: bytes) -> None:
    """Hand one mail over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    for command in ("HELO me", "MAIL FROM:<ann@example.org>",
                    "RCPT TO:<+41225550123@fax.example.com>", "DATA"):  # fmt: skip
        writer.write(command.encode() + b"\r\n")
        await reader.readline()
    writer.write(data)
    answer = await reader.readline()
    if not answer.startswith(b"250"):
        raise RuntimeError(answer.decode())
    writer.close()


async def measure(command: list[str], mails: list[bytes]) -> Measured:
    """One server, one round of all mails at once."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, *command,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert server.stdout is not None
    port = int((await server.stdout.readline()).rpartition(b":")[2])
    await send(port, mails[0])
    await asyncio.sleep(3.0)
    idle, peaks = pss(server.pid), dict[str, float]()
    watching = asyncio.create_task(watch(server.pid, peaks))
    started = time.perf_counter()
    await asyncio.gather(*(send(port, data) for data in mails))
    took = time.perf_counter() - started
    await asyncio.sleep(2.0)
    watching.cancel()
    server.terminate()
    await server.wait()
    size = sum(map(len, mails)) / _MEGABYTE
    return Measured(idle, peaks["own"] - idle, peaks["child"], size / took)


def write_config(directory: str) -> Path:
    """A configuration that takes mail and faxes nothing."""
    config = Path(directory, "mail2fax.yaml")
    config.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {directory}/state\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [127.0.0.0/8]}]\n"
        "faxplus: {token: t, from: +41225550100, base_url: 'http://127.0.0.1:9'}\n"
        "sending: {paused: true}\n"
    )
    return config


async def rounds(count: int, mails: int, size: int) -> None:
    """Alternate between mail2fax and its peer, and print the medians."""
    data = [a_mail(serial, size * _MEGABYTE) for serial in range(mails)]
    found: dict[str, list[Measured]] = {"mail2fax": [], "stock aiosmtpd": []}
    for _ in range(count):
        with tempfile.TemporaryDirectory() as directory:
            config = write_config(directory)
            serve = ["-m", "mail2fax", "serve", "--config", str(config)]
            found["mail2fax"].append(await measure(serve, data))
            found["stock aiosmtpd"].append(await measure(["-c", _PEER, directory], data))
    for name, measured in found.items():
        print(f"{name}: {count} rounds of {mails} mails of {size} MB at once")
        for field in Measured.__slots__:
            values = sorted(getattr(one, field) for one in measured)
            unit = "MB/s" if field == "speed" else "MB"
            print(f"  {field:>6}: median {statistics.median(values):8.1f} {unit}"
                  f"   ({values[0]:.1f} to {values[-1]:.1f})")  # fmt: skip
    ours, peers = (
        {name: statistics.median(getattr(one, name) for one in measured)
         for name in Measured.__slots__} for measured in found.values()
    )  # fmt: skip
    print(f"speed, ratio to the peer: {ours['speed'] / peers['speed']:.2f}")
    print(f"memory over idle, ratio to the peer: {ours['more'] / peers['more']:.3f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="memory and speed of large mails at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=10)
    parser.add_argument("--size", type=int, default=30, help="MB of each document")
    arguments = parser.parse_args()
    asyncio.run(rounds(arguments.rounds, arguments.mails, arguments.size))


if __name__ == "__main__":
    main()
