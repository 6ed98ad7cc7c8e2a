"""Thunderbird itself, without a screen, at the other end of Firefox's remote control.

A test that needs it is skipped where it is not installed, in CI too: it brings 115 packages.
"""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.fronts import free_port

IS_HERE = shutil.which("thunderbird") is not None
NONE, STARTTLS, TLS = 0, 2, 3
_NO_LOGIN, _PASSWORD = 1, 3
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
_COMPOSE = Path(__file__).with_name("thunderbird_compose.js").read_text("ascii")
_PREPARE = """
const [ca, password] = arguments;
if (ca) Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
  .addCertFromBase64(ca, "CT,,");
if (!password) return "";
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
login.init("smtp://localhost", null, "smtp://localhost", "ann", password, "", "");
return Services.logins.addLoginAsync(login).then(() => "");
"""


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


@dataclass(frozen=True, slots=True)
class Account:
    """How it sends.

    Attributes:
        port: of the listener.
        security: `NONE`, `STARTTLS` or `TLS`.
        ca: the authority to believe, a PEM file.
        password: of the login ``ann``; empty for no login.
    """

    port: int
    security: int = NONE
    ca: Path | None = None
    password: str = ""

    @property
    def preferences(self) -> dict[str, str | int]:
        """As its profile holds them."""
        return {
            "mail.smtpserver.smtp1.hostname": "localhost" if self.security else "127.0.0.1",
            "mail.smtpserver.smtp1.port": self.port,
            "mail.smtpserver.smtp1.try_ssl": self.security,
            "mail.smtpserver.smtp1.authMethod": _PASSWORD if self.password else _NO_LOGIN,
            "mail.smtpserver.smtp1.username": "ann" if self.password else "",
        }

    @property
    def authority(self) -> str:
        """The authority's certificate in base64, as Thunderbird takes it."""
        return "".join(self.ca.read_text().split("-----")[2].split()) if self.ca else ""


@dataclass
class Thunderbird:
    """A running one."""

    control: Marionette

    async def send(self, to: str, subject: str, html: str, **more: Any) -> None:
        """Write a mail in the composer and press Send.

        Args:
            to: the recipient.
            subject: its subject.
            html: what is typed.
            more: ``signature`` (HTML), ``attached`` (url and name of each).

        Raises:
            RuntimeError: it was not sent.
        """
        job = {"to": to, "subject": subject, "html": html, "signature": "", "attached": [], **more}
        said = await self.control.do("WebDriver:ExecuteAsyncScript", script=_COMPOSE, args=[job])
        if said["value"] != "sent":
            raise RuntimeError(f"{subject}: {said['value']}")


@contextlib.asynccontextmanager
async def thunderbird(home: Path, account: Account) -> AsyncIterator[Thunderbird]:
    """Thunderbird with one account, in a directory of its own."""
    profile, port = home / "profile", free_port()
    profile.mkdir()
    values = {**_PREFERENCES, **account.preferences, "marionette.port": port}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(one)});" for name, one in values.items())
    (profile / "user.js").write_text("\n".join(lines) + "\n", "utf-8")
    process = await asyncio.create_subprocess_exec(
        "thunderbird", "--headless", "--marionette", "-remote-allow-system-access",
        "--profile", str(profile), "--no-remote",
        env={**os.environ, "HOME": str(home)}, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        control = await Marionette.at(port)
        with contextlib.closing(control.writer):
            await control.do("WebDriver:NewSession", timeouts={"script": 60_000})
            await control.do("Marionette:SetContext", value="chrome")
            told = [account.authority, account.password]
            await control.do("WebDriver:ExecuteScript", script=_PREPARE, args=told)
            yield Thunderbird(control)
    finally:
        process.terminate()
        await process.wait()
