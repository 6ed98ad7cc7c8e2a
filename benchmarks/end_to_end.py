"""F4: from SMTP to order posted, beside a script. ``python -m benchmarks.end_to_end``.

The script is what an office would write: it reads each mail with ``email``, uploads its
attachments and posts the order with the official client, one mail after the other, and once
more with ten threads. Both face the same null API, which drains what it is sent and answers
after 50 ms. mail2fax gets the mails by SMTP, on its defaults, and keeps all its promises.
"""

import argparse
import asyncio
import email
import email.policy
import json
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

from benchmarks import nullapi
from benchmarks.figures import spread
from benchmarks.load import Client, a_mail, on_the_wire
from benchmarks.servers import mail2fax

_WAIT = 0.05
_CLIENTS = 16


def _fax(base_url: str, path: Path) -> None:
    """One mail, as a script does it."""
    import faxplus  # noqa: PLC0415 - only the script's process needs it

    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    configuration = faxplus.Configuration()
    configuration.host, configuration.access_token = base_url, "t"
    client = faxplus.ApiClient(configuration)
    files: list[str] = []
    for part in message.iter_attachments() if message.is_multipart() else [message]:
        with tempfile.NamedTemporaryFile(suffix=".pdf") as document:
            content: bytes = part.get_content()
            document.write(content)
            document.flush()
            files.append(faxplus.FilesApi(client).upload_file("self", document.name).path)
    order = faxplus.PayloadOutbox(
        from_number="+41225550100", to=["+41225550123"], files=files, return_ids=True,
        comment=faxplus.OutboxComment(text="", tags=[]),
    )  # fmt: skip
    faxplus.OutboxApi(client).send_fax("self", order)


def script(base_url: str, directory: Path, threads: int) -> None:
    """Fax every mail of a directory; the peer's whole process."""
    mails = sorted(directory.glob("*.eml"))
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda path: _fax(base_url, path), mails):
            pass


async def by_script(base_url: str, directory: Path, threads: int) -> None:
    """The script in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.end_to_end", "--script", base_url, str(directory),
        str(threads),
    )  # fmt: skip
    if await process.wait():
        raise RuntimeError("the script failed")


async def by_mail2fax(base_url: str, directory: Path, mails: list[bytes]) -> float:
    """Seconds until every mail that was sent by SMTP is ordered."""
    async with mail2fax(directory / "mail2fax", base_url, paused=False) as server:
        await _ordered(base_url, 0)
        left = iter(mails)
        started = time.perf_counter()

        async def client() -> None:
            session = await Client.at(server.port)
            for mail in left:
                await session.send(on_the_wire(mail))
            await session.leave()

        await asyncio.gather(*(client() for _ in range(min(_CLIENTS, len(mails)))))
        await _ordered(base_url, len(mails))
        return time.perf_counter() - started


async def _ordered(base_url: str, wanted: int) -> None:
    """Wait until the API has had so many orders."""

    def count() -> int:
        with urllib.request.urlopen(f"{base_url}/count") as answer:
            return int(json.load(answer)["orders"])

    async with asyncio.timeout(600):
        while await asyncio.to_thread(count) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the API has no way to tell


async def a_round(kind: str, count: int, size: int) -> float:
    """Mails a second of one way to do it."""
    mails = [a_mail(size) for _ in range(count)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with nullapi.running(wait=_WAIT) as base_url:
            if kind == "mail2fax":
                return count / await by_mail2fax(base_url, directory, mails)
            for number, mail in enumerate(mails):
                (directory / f"{number:06}.eml").write_bytes(mail)
            started = time.perf_counter()
            await by_script(base_url, directory, 10 if kind == "threads" else 1)
            return count / (time.perf_counter() - started)


async def compare(arguments: argparse.Namespace) -> None:
    """Alternate between the three and print the medians."""
    found: dict[str, list[float]] = {"mail2fax": [], "script": [], "threads": []}
    for _ in range(arguments.rounds):
        for kind, rates in found.items():
            rates.append(await a_round(kind, arguments.mails, arguments.size * 1000))
    print(f"{arguments.rounds} rounds of {arguments.mails} mails of {arguments.size} kB; mails/s")
    for kind, rates in found.items():
        print(f"  {kind:>8} {spread(rates)}")
    ours = spread(found["mail2fax"]).median
    for kind in ("script", "threads"):
        print(f"  ratio to the {kind}: {ours / spread(found[kind]).median:.2f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=200)
    parser.add_argument("--size", type=int, default=100, help="kB of each mail")
    parser.add_argument("--script", nargs=3, metavar=("URL", "DIRECTORY", "THREADS"))
    arguments = parser.parse_args()
    if arguments.script:
        base_url, directory, threads = arguments.script
        script(base_url, Path(directory), int(threads))
    else:
        asyncio.run(compare(arguments))


if __name__ == "__main__":
    main()
