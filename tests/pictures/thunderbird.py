"""Thunderbird itself writes mails with pictures; they are kept, for it is too heavy for each run.

``python -m tests.pictures.thunderbird`` makes them anew: it starts Thunderbird without a screen,
opens its composer for each mail, puts the pictures where a person would, and presses Send. What
arrives at a real listener is written to ``tests/pictures/captured``, beside the pictures.
"""

import asyncio
import base64
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tests.fronts import free_port
from tests.integration.smtp_bench import Desk
from tests.pictures.images import picture
from tests.unit.mails import real_pdf

CAPTURED = Path(__file__).with_name("captured")
PICTURES = {
    "logo": "firma.png", "emblem": "emblem.png", "scan": "Seite 1.png", "photo": "IMG_0042.jpg",
}  # fmt: skip
"""Pictures of a few kilobytes by their names in the table, and what they are called on the disk."""
DOCUMENT = "Brief.pdf"

MAILS: dict[str, tuple[str, ...]] = {
    "signature-pdf": ("signature:logo", "pdf"),
    "signature-scan-inserted": ("signature:logo", "inserted:scan"),
    "signature-scan-pasted": ("signature:logo", "pasted:scan"),
    "signature-photo-inserted": ("signature:logo", "inserted:photo"),
    "signature-scan-attached": ("signature:logo", "attached:scan"),
    "signature-emblem-pdf": ("signature:emblem", "pdf"),
    "inserted-logo-pdf": ("inserted:logo", "pdf"),
    "inserted-scan": ("inserted:scan",),
    "inserted-photo": ("inserted:photo",),
    "inserted-emblem": ("inserted:emblem",),
    "pasted-logo-pdf": ("pasted:logo", "pdf"),
    "pasted-scan": ("pasted:scan",),
    "pasted-photo": ("pasted:photo",),
    "attached-logo": ("attached:logo",),
    "attached-photo-scan": ("attached:photo", "attached:scan"),
}
"""What each mail is made of, in the order in which it is put in."""

_TO = "0225550123@fax.example.com"
_PREFERENCES: dict[str, str | int | bool] = {
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1",
    "mail.server.server1.type": "none",
    "mail.server.server1.hostname": "Local Folders",
    "mail.server.server1.userName": "nobody",
    "mail.identity.id1.useremail": "ann@example.org",
    "mail.identity.id1.fullName": "Ann",
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.fcc": False,
    "mail.identity.id1.compose_html": True,
    "mail.identity.id1.htmlSigFormat": True,
    "mail.identity.id1.sig_bottom": True,
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.hostname": "127.0.0.1",
    "mail.smtpserver.smtp1.authMethod": 1,
    "mail.smtpserver.smtp1.try_ssl": 0,
    "mail.compose.attachment_reminder": False,
    "mail.rights.version": 1,
    "mailnews.show_send_progress": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
_COMPOSE = Path(__file__).with_name("compose.js").read_text("ascii")


@dataclass
class Marionette:
    """Firefox's remote control: ``length:[type, number, command, arguments]`` over TCP."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int = 0

    @classmethod
    async def at(cls, port: int) -> Self:
        """Connected as soon as the program listens, its greeting read."""
        async with asyncio.timeout(120):
            while True:
                try:
                    control = cls(*await asyncio.open_connection("127.0.0.1", port))
                    await control._message()
                except (OSError, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.5)
                else:
                    return control

    async def do(self, command: str, **arguments: Any) -> Any:
        """One command, its result.

        Raises:
            RuntimeError: the program cannot do it.
        """
        self.number += 1
        said = json.dumps([0, self.number, command, arguments]).encode()
        self.writer.write(b"%d:%s" % (len(said), said))
        _, _, error, result = await self._message()
        if error:
            raise RuntimeError(f"{command}: {error}")
        return result

    async def _message(self) -> Any:
        length = await self.reader.readuntil(b":")
        return json.loads(await self.reader.readexactly(int(length[:-1])))


def _write_profile(profile: Path, smtp_port: int, control_port: int) -> None:
    values = {
        **_PREFERENCES,
        "mail.smtpserver.smtp1.port": smtp_port,
        "marionette.port": control_port,
    }
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(one)});" for name, one in values.items())
    (profile / "user.js").write_text("\n".join(lines) + "\n", "utf-8")


def _job(name: str) -> dict[str, Any]:
    """What the composer is told about a mail."""
    signature, body = "", ""
    attached = []
    for piece in MAILS[name]:
        how, _, what = piece.rpartition(":")
        file = CAPTURED / PICTURES.get(what, DOCUMENT)
        if how == "signature":
            signature = f'Ann<br><img src="{_source(file, named=True)}" alt="">'
        elif how in ("inserted", "pasted"):
            body += f'<p><img src="{_source(file, named=how == "inserted")}" alt=""></p>'
        else:
            attached.append({"url": file.as_uri(), "name": file.name})
    return {
        "to": _TO, "subject": name, "html": f"<p>Please see the pages.</p>{body}",
        "signature": signature, "attached": attached,
    }  # fmt: skip


def _source(file: Path, *, named: bool) -> str:
    """A picture as the composer holds it: with its name unless it was pasted."""
    kind = "jpeg" if file.suffix == ".jpg" else "png"
    name = f";filename={quote(file.name)}" if named else ""
    return f"data:image/{kind}{name};base64,{base64.b64encode(file.read_bytes()).decode()}"


async def _capture(home: Path) -> None:
    """Send every mail and keep what arrives."""
    async with Desk(home / "state") as desk:
        profile, port = home / "profile", free_port()
        profile.mkdir()
        _write_profile(profile, desk.port, port)
        process = await asyncio.create_subprocess_exec(
            "thunderbird", "--headless", "--marionette", "-remote-allow-system-access",
            "--profile", str(profile), "--no-remote",
            env={**os.environ, "HOME": str(home)}, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await _send_all(await Marionette.at(port), desk)
        finally:
            process.terminate()
            await process.wait()


async def _send_all(control: Marionette, desk: Desk) -> None:
    await control.do("WebDriver:NewSession", timeouts={"script": 60_000})
    await control.do("Marionette:SetContext", value="chrome")
    seen: set[Path] = set()
    for name in MAILS:
        job = _job(name)
        said = await control.do("WebDriver:ExecuteAsyncScript", script=_COMPOSE, args=[job])
        if said["value"] != "sent":
            raise RuntimeError(f"{name}: {said['value']}")
        await desk.when(lambda mails: len(mails) > len(seen))
        (file,) = set(desk.files()) - seen
        seen.add(file)
        (CAPTURED / f"{name}.eml").write_bytes(file.read_bytes())
        print(f"{name}: {file.stat().st_size} bytes", flush=True)


def main() -> int:
    """Make the pictures and the mails anew."""
    if shutil.which("thunderbird") is None:
        print("thunderbird is not installed: apt-get install thunderbird", file=sys.stderr)
        return 1
    for name, file in PICTURES.items():
        (CAPTURED / file).write_bytes(picture(f"{name}-light"))
    (CAPTURED / DOCUMENT).write_bytes(real_pdf())
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(_capture(Path(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
