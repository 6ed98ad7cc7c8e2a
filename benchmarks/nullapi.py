"""A Fax.Plus that costs nothing: drains what it is sent and answers, after a wait if told.

``async with running(wait=0.05) as base_url`` serves it from a process of its own, so that it
takes no time from whoever is measured. It answers uploads, orders and listings as Fax.Plus does,
and ends each fax at once; ``GET /count`` says how many orders it had.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
from collections.abc import AsyncIterator

_READ = 1 << 18


class NullApi:
    """Answers requests of HTTP/1.1 with a Content-Length or chunks."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._serial = itertools.count(1)
        self._orders = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with (
            contextlib.closing(writer),
            contextlib.suppress(ConnectionError, asyncio.IncompleteReadError),
        ):
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, _, fields = head.decode("latin-1").partition("\r\n")
                body = await self._body(reader, fields.lower())
                await asyncio.sleep(self._wait)
                answer = json.dumps(self._answer(line, body)).encode()
                code = "201 Created" if line.startswith("POST") else "200 OK"
                writer.write(
                    f"HTTP/1.1 {code}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()

    async def _body(self, reader: asyncio.StreamReader, fields: str) -> bytes:
        """The first bytes of a body; the rest is drained."""
        if "transfer-encoding: chunked" in fields:
            kept = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                kept = kept or await self._drain(reader, size)
                await reader.readexactly(2)
            await reader.readline()
            return kept
        length = next(
            (line for line in fields.split("\r\n") if line.startswith("content-length")), ""
        )
        return await self._drain(reader, int(length.partition(":")[2] or 0))

    @staticmethod
    async def _drain(reader: asyncio.StreamReader, size: int) -> bytes:
        kept = b""
        while size:
            data = await reader.read(min(size, _READ))
            if not data:
                raise ConnectionError
            size -= len(data)
            kept = kept or data
        return kept

    def _answer(self, line: str, body: bytes) -> object:
        method, path, _ = line.split(" ")
        if method == "POST" and path.partition("?")[0].endswith("/files"):
            return {"path": f"/transient-{next(self._serial)}"}
        if method == "POST" and path.endswith("/outbox"):
            self._orders += 1
            return {"ids": {to: f"{next(self._serial):032x}" for to in json.loads(body)["to"]}}
        if path == "/count":
            return {"orders": self._orders}
        return {"records": [], "data": {"records": []}}


@contextlib.asynccontextmanager
async def running(wait: float = 0.0) -> AsyncIterator[str]:
    """A null API in a process of its own; its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.nullapi", "--wait", str(wait),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _serve(wait: float) -> None:
    server = await asyncio.start_server(NullApi(wait).serve, "127.0.0.1", 0, limit=_READ)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wait", type=float, default=0.0, help="seconds before each answer")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().wait))
