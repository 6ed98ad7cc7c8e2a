"""``mail2fax demo``: the whole way of a mail on this machine, without an account or network.

A simulated Fax.Plus, a catch-all relay and the real daemon on loopback. A sample mail with a
PDF and a TIFF goes to two numbers; its reply and the outcomes are shown as they come. Nothing
is left behind.
"""

import asyncio
import email
import email.policy
import smtplib
import struct
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.errors import Mail2FaxError
from mail2fax.simulator.mailbox import Kept, Mailbox
from mail2fax.simulator.server import Simulator

_DOMAIN = "fax.example.com"
_NUMBERS = ("+41225550123", "+41445550199")
_REPLIES = 3  # one tells that both were handed over, then one outcome each
_PATIENCE = 60.0


class DemoFailed(Mail2FaxError):
    """Something of the demo did not happen; the text says what."""


async def demo(port: int, *, once: bool) -> None:
    """Run the demo.

    Args:
        port: where the daemon takes mail; 0 takes a free port.
        once: end after the outcomes instead of staying up.

    Raises:
        DemoFailed: a reply did not come, or is not what it must be.
    """
    with tempfile.TemporaryDirectory(prefix="mail2fax-demo-") as directory:
        async with Simulator() as simulator, Mailbox() as mailbox:
            config = _config(Path(directory), port, simulator.base_url, mailbox.port)
            async with Daemon(config) as daemon:
                running = asyncio.ensure_future(daemon.run())
                try:
                    await _story(daemon, mailbox, simulator)
                    if not once:
                        await _stay_up(daemon, mailbox, simulator)
                finally:
                    running.cancel()


def _config(state_dir: Path, port: int, base_url: str, relay_port: int) -> Config:
    settings: dict[str, Any] = {
        "domains": [_DOMAIN],
        "region": "CH",
        "admin": "admin@example.org",
        "state_dir": state_dir / "state",
        "listen": [{"address": "127.0.0.1", "port": port}],
        "faxplus": {"token": "demo", "from": "+41225550100", "base_url": base_url},
        "relay": {"host": "127.0.0.1", "port": relay_port},
        "senders": [{"name": "demo", "networks": ["127.0.0.0/8"]}],
        "sending": {"first_poll": "1s"},
    }
    return Config.model_validate(settings)


async def _story(daemon: Daemon, mailbox: Mailbox, simulator: Simulator) -> None:
    host, port = daemon.addresses[0]
    print(f"mail2fax takes mail at {host}:{port}; Fax.Plus and the relay are simulated.\n")
    print("A mail with a PDF and a TIFF goes to two fax numbers:")
    for number in _NUMBERS:
        print(f"    {number}@{_DOMAIN}")
    await asyncio.to_thread(_send, host, port)
    for count in range(1, _REPLIES + 1):
        kept = await _reply(mailbox, count)
        print(f"\n--- reply {count} ---\n{shown(kept)}")
    _check(mailbox, simulator)


async def _reply(mailbox: Mailbox, count: int) -> Kept:
    try:
        return (await mailbox.wait_for(count, _PATIENCE))[count - 1]
    except TimeoutError:
        raise DemoFailed(f"reply {count} of {_REPLIES} did not come in time") from None


def _check(mailbox: Mailbox, simulator: Simulator) -> None:
    """Everything must have happened once, and as it was told.

    Raises:
        DemoFailed: it has not.
    """
    faxed = sorted(item.to for item in simulator.provider.items)
    if faxed != sorted(_NUMBERS):
        raise DemoFailed(f"Fax.Plus got {faxed} instead of one fax to each number")
    states = [_parsed(kept)["From"] for kept in mailbox.kept[1:_REPLIES]]
    if not all("CONFIRMED" in state for state in states):
        raise DemoFailed(f"not every fax was confirmed: {states}")
    print("\nBoth faxes were ordered once and confirmed.")


async def _stay_up(daemon: Daemon, mailbox: Mailbox, simulator: Simulator) -> None:
    host, port = daemon.addresses[0]
    print(
        f"\nPoint a mail client at {host} port {port} (no TLS, no login) and send a PDF to"
        f"\n<number>@{_DOMAIN}, for example 0225550123@{_DOMAIN}."
        "\nReplies appear here. Ctrl-C ends the demo."
        f"\nWhat arrives at the fax machines: {simulator.page_url}"
    )
    for count in range(_REPLIES + 1, 1_000_000):
        kept = (await mailbox.wait_for(count, float("inf")))[count - 1]
        print(f"\n--- reply to {', '.join(kept.rcpt_tos)} ---\n{shown(kept)}")


def _parsed(kept: Kept) -> EmailMessage:
    message = email.message_from_bytes(kept.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def shown(kept: Kept) -> str:
    """A reply as a mail program shows it."""
    message = _parsed(kept)
    head = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    return f"{head}\n\n{text.strip()}"


def _send(host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=30) as client:
        client.send_message(sample())


def sample() -> EmailMessage:
    """The sample mail: a text, a PDF of two pages and a TIFF of one."""
    message = EmailMessage()
    message["From"] = "Ann Meier <ann@example.org>"
    message["To"] = ", ".join(f"{number}@{_DOMAIN}" for number in _NUMBERS)
    message["Subject"] = "Lab result"
    message["Message-ID"] = "<demo@example.org>"
    message.set_content("Please see the attached result.\n\n-- \nAnn Meier\n")
    message.add_attachment(
        sample_pdf(("Laboratory result", "Second page")),
        maintype="application", subtype="pdf", filename="result.pdf",
    )  # fmt: skip
    message.add_attachment(sample_tiff(), maintype="image", subtype="tiff", filename="scan.tif")
    return message


def sample_pdf(pages: tuple[str, ...]) -> bytes:
    """A PDF with one line of text on each page (ISO 32000-1 7.5)."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page, line in enumerate(pages):
        content = f"BT /F1 24 Tf 72 760 Td ({line}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * page} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    data, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, one in enumerate(objects, start=1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{one}\nendobj\n".encode("ascii")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"trailer\n<< /Root 1 0 R /Size {size} >>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode("ascii")


def sample_tiff(width: int = 1728, height: int = 200) -> bytes:
    """A black-and-white fax page of one strip, striped (TIFF 6.0)."""
    rows = b"".join((b"\xff" if row // 20 % 2 else b"\0") * (width // 8) for row in range(height))
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, 1), (259, 3, 1), (262, 3, 0),
        (273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(rows)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", 8 + len(rows)) + rows + directory + bytes(4)
