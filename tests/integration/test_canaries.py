"""L12, promise 6: what people write, and secrets, stand in no log, environment, command or error.

A word of its own is planted in every field that somebody else controls; the real daemon takes,
refuses, prepares, faxes and answers the mails that hold them, while its child is killed, its
relay refuses with their own words, and bugs are planted that raise errors with content.
"""

import asyncio
import base64
import contextlib
import email.policy
import logging
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

import pytest

from mail2fax import events, log
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Trouble
from tests.integration.test_cli import run as run_verb
from tests.unit.mails import real_pdf

MARK = "zqcanary"
NUMBERS = ("225550123", "445550199", "315550144")
CONFIG = """\
domains: [fax.example.com]
region: CH
state_dir: {home}/state
contacts: contacts.yaml
admin: {mark}admin@example.org
listen: [{{address: 127.0.0.1, port: 0, auth_without_tls: [127.0.0.0/8]}}]
faxplus: {{token: "${{TOKEN}}", from: +41225550100, base_url: "{base_url}"}}
relay: {{host: 127.0.0.1, port: {relay}}}
senders:
  - {{name: people, networks: [127.0.0.0/8]}}
  - {{name: known, login: [ann]}}
sending: {{settle: 1s, first_poll: 200ms}}
"""
CONTACTS = """\
contacts:
  zqcanarycontact: {number: +41315550144, name: zqcanaryperson}
"""
BUGS = """\
import asyncio, sys
from mail2fax.accepting import conversation
from mail2fax.spool import preparation
from mail2fax.spool.spool import Spool
accept, prepared, hello = Spool.accept, preparation.prepared, conversation.Conversation._hello

async def forgotten(words):
    raise LookupError(words)

async def failing(self, mail, file):
    if "zqcanarybug" in mail.envelope.mail_from:
        asyncio.ensure_future(forgotten(mail.envelope.mail_from))
        raise KeyError(mail.envelope.mail_from)
    return await accept(self, mail, file)

def unrecorded(connection, mail_id, documents, not_faxed, comment, *rest):
    if "zqcanarystumble" in comment:
        try:
            connection.exec_driver_sql("INSERT INTO nowhere VALUES (?)", (comment,))
        except Exception as error:
            raise ValueError(comment) from error
    return prepared(connection, mail_id, documents, not_faxed, comment, *rest)

async def greeted(self, argument):
    if "zqcanarytrip" in argument:
        raise ValueError(argument) from KeyError(argument)
    await hello(self, argument)

Spool.accept, preparation.prepared = failing, unrecorded
conversation.Conversation._hello = greeted
from mail2fax.cli import main
sys.exit(main())
"""


class Aviary:
    """The daemon as a process between a simulated Fax.Plus and a relay."""

    def __init__(self, home: Path, simulator: Simulator, mailbox: Mailbox) -> None:
        self.home = home
        self.simulator = simulator
        self.mailbox = mailbox
        self.seen: list[bytes] = []

    async def start(self) -> None:
        """Start it, with its token as a credential."""
        (self.home / "credentials").mkdir()
        (self.home / "credentials" / "TOKEN").write_text(f"{MARK}token\n")
        (self.home / "contacts.yaml").write_text(CONTACTS)
        self.config = self.home / "mail2fax.yaml"
        self.config.write_text(CONFIG.format(
            home=self.home, mark=MARK, base_url=self.simulator.base_url, relay=self.mailbox.port
        ))  # fmt: skip
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(self.home / "credentials")}
        self.log = self.home / "log"
        with self.log.open("wb") as file:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", BUGS, "serve", "--verbose", "--config", str(self.config),
                stdout=asyncio.subprocess.PIPE, stderr=file, env=environment,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        self.port = int(line.rpartition(b":")[2])

    async def stop(self) -> None:
        """End it in good order."""
        self.process.terminate()
        assert self.process.stdout is not None
        self.seen.append(await self.process.stdout.read())
        assert await self.process.wait() == 0

    def children(self) -> list[int]:
        """Its children's process ids."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def look(self) -> None:
        """What anybody on the machine may see of the processes now."""
        for pid in (self.process.pid, *self.children()):
            for name in ("environ", "cmdline"):
                if name == "environ" or pid != self.process.pid:  # its own holds the planted bugs
                    self.seen.append(Path(f"/proc/{pid}/{name}").read_bytes())

    async def logged(self, word: str, count: int = 1) -> None:
        """Wait until a line of the log has the word."""
        async with asyncio.timeout(30):
            while self.log.read_text().count(word) < count:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def aviary(home: Path) -> AsyncIterator[Aviary]:
    """A running daemon."""
    async with Simulator() as simulator, Mailbox() as mailbox:
        one = Aviary(home, simulator, mailbox)
        await one.start()
        try:
            yield one
        except TimeoutError as error:
            error.add_note(one.log.read_text())
            raise
        finally:
            if one.process.returncode is None:
                one.process.kill()
                await one.process.wait()


def letter(words: str = "words", name: str = "a.pdf", data: bytes | None = None) -> EmailMessage:
    """A mail with a canary in each of its fields."""
    message = EmailMessage(email.policy.SMTP)
    message["From"] = f"{MARK}author <{MARK}from@example.org>"
    message["To"] = f"{MARK}to <0225550123@fax.example.com>"
    message["Subject"] = f"{MARK}subject"
    message["Message-ID"] = f"<{MARK}id@example.org>"
    message["X-Mailer"] = f"{MARK}mailer"
    message["X-Fax-Bill"] = f"{MARK}bill"
    message.set_content(f"{MARK}{words} and more\n")
    data = real_pdf() if data is None else data
    message.add_attachment(data, maintype="application", subtype="pdf", filename=f"{MARK}{name}")
    return message


class Talk:
    """A client that says what is not polite."""

    def __init__(self, port: int) -> None:
        self.client = smtplib.SMTP("127.0.0.1", port, timeout=30)

    def session(self, *commands: str) -> None:
        """Commands, whatever is answered; the server may hang up."""
        with contextlib.suppress(smtplib.SMTPException):
            for command in commands:
                self.client.docmd(command)
        self.client.close()


def send(port: int, message: EmailMessage, to: str = "0225550123", sender: str = "from") -> int:
    """Send a mail; the last code."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30, local_hostname=f"{MARK}helo") as client:
        address = f"{to}@fax.example.com"
        try:
            client.sendmail(f"{MARK}{sender}@example.org", [address], message.as_bytes())
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        return 250


def rudeness(port: int) -> None:
    """Everything the line refuses."""
    wrong = base64.b64encode(f"\0{MARK}login\0{MARK}password".encode()).decode()
    hello = f"EHLO {MARK}helo"
    Talk(port).session(hello, f"AUTH PLAIN {wrong}", f"AUTH PLAIN {MARK}=", "AUTH LOGIN", "*")
    Talk(port).session(hello, f"{MARK.upper()} verb", f"NOOP {MARK}", f"VRFY {MARK}")
    Talk(port).session(hello, f"MAIL FROM:<{MARK} broken", f"MAIL FROM:<{MARK}@a.ch> {MARK}=1")
    Talk(port).session(
        hello, f"MAIL FROM:<{MARK}from@example.org>", f"RCPT TO:<{MARK}@fax.example.com>",
        f"RCPT TO:<{MARK}@{MARK}.example>", "RCPT TO:<0900123456@fax.example.com>",
        "RCPT TO:<+33142681234@fax.example.com>", "RCPT TO:<445550199@fax.example.com>",
        f"RCPT TO:<0225550123/{MARK}=1@fax.example.com>",
    )  # fmt: skip
    Talk(port).session(f"HELO {MARK}helo", f"STARTTLS {MARK}")
    Talk(port).session(f"GET /{MARK} HTTP/1.1")
    Talk(port).session(f"EHLO {MARK}trip")


def slow_picture() -> bytes:
    """What takes a child a moment."""
    from io import BytesIO  # noqa: PLC0415 - for this one picture

    from PIL import Image  # noqa: PLC0415

    picture = BytesIO()
    Image.effect_noise((3000, 3000), 90).save(picture, "BMP")
    return picture.getvalue()


async def live(one: Aviary) -> None:
    """The life of a daemon, with everything that may go wrong."""
    in_thread = asyncio.to_thread
    assert await in_thread(send, one.port, letter()) == 250
    await one.mailbox.wait_for(2)
    one.look()
    assert await in_thread(send, one.port, letter(), f"{MARK}contact") == 250
    await in_thread(rudeness, one.port)
    assert await in_thread(send, one.port, letter(), f"{MARK}nobody") == 550
    nonsense = letter()
    nonsense[f"X-Fax-{MARK}"] = MARK
    assert await in_thread(send, one.port, nonsense) == 554
    assert await in_thread(send, one.port, letter(data=b"\0\1", name="bad.bin")) == 250
    await one.logged("refused-by-mail")
    # The child is killed in the middle of a picture.
    documents = one.home / "state" / "documents"
    before = set(documents.iterdir())
    assert await in_thread(send, one.port, letter(data=slow_picture(), name="slow.bmp")) == 250
    async with asyncio.timeout(30):
        while set(documents.iterdir()) <= before:  # noqa: ASYNC110 - a directory
            await asyncio.sleep(0.01)
    for pid in one.children():
        os.kill(pid, signal.SIGKILL)
    await one.logged("child-failed")
    # Bugs of ours.
    assert await in_thread(send, one.port, letter(), "0445550199", "bug") == 451
    assert await in_thread(send, one.port, letter("stumble"), "0445550199") == 250
    await one.logged("bug where=preparing")
    # The relay, and Fax.Plus, refuse.
    refusal = f"550 5.1.1 <{MARK}from@example.org> {MARK}relay says no to +41225550123"
    for who in ("from", "admin"):
        one.mailbox.answer[f"{MARK}{who}@example.org"] = refusal
    one.simulator.provider.switches.trouble["send"] = [Trouble.CUT_BEFORE, Trouble.INTERNAL]
    assert await in_thread(send, one.port, letter(), "0445550199", "other") == 250
    await one.logged("not-told")
    await one.logged("in-doubt")
    one.mailbox.answer = {"": f"451 4.3.0 {MARK}later"}
    assert await in_thread(send, one.port, letter(), "0315550144") == 250
    await one.logged("reply-delayed")
    one.look()
    await one.stop()


@pytest.mark.timeout(200)
async def test_no_canary_sings(tmp_path: Path) -> None:
    """Neither in the log, verbose, nor in what anybody can see of daemon and children."""
    async with aviary(tmp_path) as one:
        await live(one)
    told = one.log.read_text() + b"".join(one.seen).decode(errors="replace")

    for event in ("accepted", "refused ", "login-refused", "prepared", "ordered", "outcome",
                  "bug where=preparing", "accept-failed", "not-told", "not-smtp",
                  "asyncio: Task exception was never retrieved"):  # fmt: skip
        assert event in told, event
    assert [line for line in told.splitlines() if MARK in line.lower()] == []
    assert [line for line in told.splitlines() for one in NUMBERS if one in line] == []


def test_a_token_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    """Config errors go to the journal; they name the variable, not what it holds."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        "domains: ['${TOKEN}']\nregion: '${TOKEN}'\nstate_dir: /x\nlisten: ['${TOKEN}']\n"
        "faxplus: {token: [1], from: 'x${TOKEN}', '${TOKEN}': 1}\n"
        "senders: [{networks: ['${TOKEN}']}]\nadmin: '${TOKEN}'\ncontacts: c.yaml\n"
    )
    (tmp_path / ".env").write_text(f"TOKEN={MARK}token\n")
    done = run_verb("serve", "--config", config)

    assert done.returncode == 2
    assert MARK not in done.stderr + done.stdout
    assert "region: '${TOKEN}' is no country" in done.stderr


def test_no_argument_holds_a_secret(tmp_path: Path) -> None:
    """A password is asked for or read, never given as an argument."""
    shown = subprocess.check_output(
        [sys.executable, "-m", "mail2fax", "user", "add", "--help"], text=True
    )
    assert "--password" not in shown


def test_what_a_neighbour_says_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """L12: Fax.Plus names the number it refuses; the log has the code."""
    why = f"Fax.Plus answered 400: bad number - {MARK} +41225550123"
    events.not_sent("M2F-1", why)
    events.in_doubt("M2F-1", "m2f:1", why)
    events.listing_failed(why, 1.0)
    events.account_barred(why, 1.0)
    events.will_retry("M2F-1", "upload", why, 1.0)

    assert caplog.text.count("Fax.Plus answered 400") == 5
    assert MARK not in caplog.text


def _fail() -> None:
    try:
        Path(f"/nowhere/{MARK}").stat()
    except OSError as error:
        raise ExceptionGroup(MARK, [KeyError(MARK)]) from error


def test_an_error_is_logged_by_type_and_place() -> None:
    """The words of an error may be anything; what a bug needs is there without them."""
    stream, root = StringIO(), logging.getLogger()
    before, level = root.handlers[:], logging.getLogger("mail2fax").level
    try:
        log.write_to(stream)
        try:
            _fail()
        except ExceptionGroup as error:
            events.bug("here", error)
        logging.getLogger("library").error("it says %s\nof %s", MARK, MARK)
    finally:
        root.handlers[:] = before
        logging.getLogger("mail2fax").setLevel(level)
    said = stream.getvalue()

    assert MARK not in said
    assert "FileNotFoundError (errno 2)\n" in said
    assert "which led to\nExceptionGroup\n" in said
    assert "of which\nKeyError" in said
    assert "test_canaries.py:" in said
    assert "library: it says %s" in said
