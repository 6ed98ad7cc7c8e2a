"""W1, W1a, W7, K4: replies go to the relay, or the ledger says why not."""

import asyncio
import email
import email.policy
import inspect
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from mail2fax.answering import back_off, mailer
from mail2fax.answering.mailer import Relay
from mail2fax.answering.message import Sender, message_for
from mail2fax.answering.reporter import AnsweringSettings, Reporter
from mail2fax.answering.texts import Letter
from mail2fax.clock import Clock
from mail2fax.errors import PermanentFailure, TemporaryFailure
from mail2fax.simulator.mailbox import Mailbox
from mail2fax.spool import finding, holds, jobs, naming, preparation, stories
from mail2fax.spool.records import MailStory, NewMail, ReplyToSend
from mail2fax.spool.spool import Spool, Station
from mail2fax.values import Destination, Envelope, FaxNumber, Headline, Identity
from tests.plain import plain_text
from tests.unit.test_texts import STORY

SENDER = Sender("fax@fax.example.com")
REPLY = ReplyToSend("R1", "m1", None, "refused", 0.0, 0, 0)
ANN = "ann@example.org"


class Desk:
    """A spool with a refused mail's reply due, a mailbox as relay, and a reporter."""

    def __init__(self, spool: Spool, clock: Clock, mailbox: Mailbox) -> None:
        self.spool = spool
        self.clock = clock
        self.mailbox = mailbox
        self._task: asyncio.Task[None] | None = None

    async def refused(self, *reply_to: str, subject: str = "Lab results") -> str:
        """A mail the second gate refused; its id."""
        mail_id = await self._accepted(*reply_to, subject=subject)
        now = self.clock.now()
        await self.spool.do(preparation.refused, mail_id, "“a.pdf” is damaged.", [], now)
        self.spool.bells.ring(Station.ANSWERING)
        return mail_id

    async def held(self, *reply_to: str) -> str:
        """A mail whose order is on hold; its id."""
        mail_id = await self._accepted(*reply_to)
        now = self.clock.now()
        await self.spool.do(preparation.prepared, mail_id, [], [], "", {}, 1, now)
        (job,) = await self.spool.do(finding.due, now, 1)
        await self.spool.do(jobs.suspected, job.id, "unknown", now, "x")
        await self.spool.do(jobs.held, job.id, now, "Fax.Plus shows no trace of it")
        return mail_id

    async def asked(self, *reply_to: str, device: bool = False) -> str:
        """A mail with a picture in doubt; its id."""
        mail_id = await self._accepted(*reply_to, device=device)
        now = self.clock.now()
        await self.spool.do(holds.hold, mail_id, "Is “a.png” a document?", [], now + 60, now)
        self.spool.bells.ring(Station.ANSWERING)
        return mail_id

    async def _accepted(
        self, *reply_to: str, subject: str = "Lab results", device: bool = False
    ) -> str:
        now = self.clock.now()
        mail_id = naming.new_id(now)
        file = self.spool.content.new_mail(mail_id)
        file.write(b"x")
        number = FaxNumber("+41225550123")
        mail = NewMail(
            mail_id, naming.new_reference(), now, 1, "h", "b", mail_id,
            Envelope(ANN, ("x",)), Identity("r", "network", "n", device), "s",
            Headline(subject, "<1@example.org>", "<0@example.org>"),
            (Destination("0225550123", number, "national", "CH"),), reply_to,
        )  # fmt: skip
        await self.spool.accept(mail, file)
        return mail_id

    def start(self, port: int | None = None, admin: str = "") -> None:
        """Start the station, if it is not running."""
        if self._task is not None:
            return
        relay = Relay("127.0.0.1", port or self.mailbox.port, "fax.example.com", timeout=5)
        settings = AnsweringSettings(relay, SENDER, admin)
        self._task = asyncio.create_task(Reporter(self.spool, settings, self.clock).run())

    async def stop(self) -> None:
        """Stop it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def when(self, mail_id: str, met: Callable[[MailStory], bool]) -> MailStory:
        """The mail's story as soon as a condition is met."""
        async with asyncio.timeout(10):
            while not met(  # noqa: ASYNC110 - the ledger has no event for a test
                story := await self.spool.do(stories.of_mail, mail_id)
            ):
                await asyncio.sleep(0.02)
        return story


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Everything but the running station."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    async with Mailbox() as mailbox:
        desk = Desk(spool, clock, mailbox)
        yield desk
        await desk.stop()
    await spool.close()


class SlowMailbox(Mailbox):
    """A relay that says nothing after the dot of some mails until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.slow = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """Keep a mail, sooner or later."""
        if b"Subject: Re: Slow" in envelope.content:
            self.slow += 1
            await self.may_answer.wait()
        return await super().handle_DATA(server, session, envelope)


async def test_a_relay_that_hangs_after_a_dot_holds_nobody_else_up(tmp_path: Path) -> None:
    """W7: the others go beside it, more than fit in hand at once; it goes once all the same."""
    spool = await Spool.open(tmp_path, Clock())
    async with SlowMailbox() as mailbox:
        desk = Desk(spool, Clock(), mailbox)
        slow = [await desk.refused(ANN, subject="Slow") for _ in range(3)]
        desk.start()
        quick = [await desk.refused(ANN) for _ in range(20)]
        for mail_id in quick:
            await desk.when(mail_id, is_told)
        assert (len(mailbox.kept), mailbox.slow) == (20, 3)
        mailbox.may_answer.set()
        for mail_id in slow:
            await desk.when(mail_id, is_told)
        await desk.stop()
    await spool.close()

    assert (len(mailbox.kept), mailbox.slow) == (23, 3)


async def test_a_question_goes_to_the_sender_and_the_admin(desk: Desk) -> None:
    """M6, defaults: the sender is asked and the admin copied."""
    mail_id = await desk.asked(ANN)
    desk.start(admin="admin@example.org")
    await desk.when(mail_id, is_told)

    (kept,) = desk.mailbox.kept
    assert kept.rcpt_tos == (ANN, "admin@example.org")
    assert b"Cc: admin@example.org" in kept.content
    assert b"--without-pictures" in kept.content


async def test_what_a_device_asks_the_admin_answers(desk: Desk) -> None:
    """Defaults: of a copier's mail the admin is asked, the office at last."""
    mail_id = await desk.asked(ANN, device=True)
    desk.start(admin="admin@example.org")
    await desk.when(mail_id, is_told)

    assert [kept.rcpt_tos for kept in desk.mailbox.kept] == [("admin@example.org",)]


def is_told(story: MailStory) -> bool:
    """Whether its reply is no longer due."""
    return story.told[0].state != "due"


async def test_a_reply_goes_to_the_sender_in_the_same_thread(desk: Desk) -> None:
    """W1: null sender, thread, marks against loops, the state in the From name."""
    mail_id = await desk.refused(ANN)
    desk.start()
    story = await desk.when(mail_id, is_told)

    (kept,) = desk.mailbox.kept
    message = email.message_from_bytes(kept.content, policy=email.policy.default)
    assert (kept.mail_from, kept.rcpt_tos) == ("", (ANN,))
    assert message["From"].addresses[0].display_name == "Fax NOT SENT 0225550123"
    assert message["From"].addresses[0].addr_spec == "fax@fax.example.com"
    assert message["Subject"] == "Re: Lab results"
    assert message["In-Reply-To"] == "<1@example.org>"
    assert message["References"] == "<0@example.org> <1@example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Mail2Fax-Reference"] == story.reference
    assert "“a.pdf” is damaged." in plain_text(message)
    assert (story.told[0].state, story.told[0].told_to) == ("handed over", ANN)


async def test_the_same_reply_has_the_same_message_id() -> None:
    """W1: a repeat after a lost answer is recognised by every mail program."""
    letter = Letter("s", "n", "b")
    one, two = (message_for(letter, REPLY, STORY, [ANN], SENDER, at) for at in (1.0, 999.0))

    ids = [email.message_from_bytes(data)["Message-ID"] for data in (one, two)]
    assert ids == ["<R1@fax.example.com>"] * 2


async def test_headers_cannot_be_injected() -> None:
    """W1: whatever ids and subjects a stranger sends."""
    hostile = replace(
        STORY, message_id="<a\r\nBcc: x@y>", thread="<ok@x> <b\r\nTo: z> junk " + "<c@d> " * 50
    )
    letter = Letter("s\r\nBcc: x@y", "n\r\nBcc: x@y", "b")
    data = message_for(letter, REPLY, hostile, [ANN], SENDER, 1.0)
    message = email.message_from_bytes(data)

    assert message["Bcc"] is None
    assert message.get_all("To") == [ANN]
    assert len(message["References"].split()) <= 21


async def test_a_relay_that_is_down_only_means_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W7: queued, tried again, told once it is back; nothing is lost."""
    monkeypatch.setattr(back_off, "again_in", lambda _tries: 0.1)
    mail_id = await desk.refused(ANN)
    desk.mailbox.answer[""] = "451 later"
    desk.start()
    await asyncio.sleep(0.4)
    before = await desk.spool.do(stories.of_mail, mail_id)
    desk.mailbox.answer.clear()
    after = await desk.when(mail_id, is_told)

    assert (before.told[0].state, after.told[0].state) == ("due", "handed over")
    assert "451" in before.told[0].why
    assert len(desk.mailbox.kept) == 1


async def test_an_address_that_is_refused_leads_to_the_next(desk: Desk) -> None:
    """W1a: the next candidate, at last the admin."""
    desk.mailbox.answer["a@x.example"] = "550 no such user"
    mail_id = await desk.refused("a@x.example", "nobody")
    desk.start(admin="admin@example.org")
    story = await desk.when(mail_id, is_told)

    assert story.told[0].told_to == "admin@example.org"


@pytest.mark.parametrize("refused", ["", "admin@example.org"])
async def test_a_fax_on_hold_is_told_the_admin_too(desk: Desk, refused: str) -> None:
    """Defaults, hold: the sender is told and the admin gets a copy, if the relay takes it."""
    if refused:
        desk.mailbox.answer[refused] = "550 no"
    mail_id = await desk.held(ANN)
    desk.start(admin="admin@example.org")
    story = await desk.when(mail_id, is_told)

    (kept,) = desk.mailbox.kept
    assert kept.rcpt_tos == ((ANN,) if refused else (ANN, "admin@example.org"))
    assert b"Cc: admin@example.org\r\n" in kept.content
    assert story.told[0].told_to == ANN


async def test_a_copy_does_not_stand_for_the_person(desk: Desk) -> None:
    """W1a: when only the admin's copy was taken, the next address is tried."""
    desk.mailbox.answer[ANN] = "550 no such user"
    mail_id = await desk.held(ANN)
    desk.start(admin="admin@example.org")
    story = await desk.when(mail_id, is_told)

    assert story.told[0].told_to == "admin@example.org"


async def test_nobody_left_is_written_down(desk: Desk) -> None:
    """W1a: every mail has a row "told" or "not told"."""
    mail_id = await desk.refused()
    desk.start()
    story = await desk.when(mail_id, is_told)

    assert (story.told[0].state, story.told[0].why) == ("undeliverable", "no address is left")


async def test_five_days_without_a_relay_end_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W7: then the row says that nobody was told."""
    monkeypatch.setattr(back_off, "LONGEST", 0.0)
    mail_id = await desk.refused(ANN)
    desk.start(port=1)
    story = await desk.when(mail_id, is_told)

    assert story.told[0].state == "undeliverable"
    assert "cannot be reached" in story.told[0].why


async def test_a_letter_that_cannot_be_made_does_not_stop_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise 4: it is logged and tried again; the next one is told."""
    real = message_for

    def breaking(letter: Letter, *rest: object) -> bytes:
        if "odd" in letter.subject:
            raise KeyError("a bug")
        return real(letter, *rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr("mail2fax.answering.reporter.message_for", breaking)
    odd = await desk.refused(ANN, subject="odd")
    fine = await desk.refused(ANN)
    desk.start()
    await desk.when(fine, is_told)

    assert (await desk.spool.do(stories.of_mail, odd)).told[0].state == "due"
    assert "bug where=answering" in caplog.text


def test_every_failure_of_the_library_is_ours() -> None:
    """W7: aiosmtplib's exceptions are listed here; a new one fails the test until decided."""
    known = {
        name for name, one in inspect.getmembers(aiosmtplib)
        if inspect.isclass(one) and issubclass(one, aiosmtplib.SMTPException)
    }  # fmt: skip

    assert known == {
        "SMTPException", "SMTPServerDisconnected", "SMTPConnectError", "SMTPConnectTimeoutError",
        "SMTPReadTimeoutError", "SMTPTimeoutError", "SMTPResponseException", "SMTPNotSupported",
        "SMTPHeloError", "SMTPDataError", "SMTPAuthenticationError", "SMTPSenderRefused",
        "SMTPRecipientRefused", "SMTPRecipientsRefused", "SMTPConnectResponseError",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiosmtplib.SMTPRecipientsRefused(
            [aiosmtplib.SMTPRecipientRefused(550, "no", "a")]), PermanentFailure),
        (aiosmtplib.SMTPRecipientsRefused(
            [aiosmtplib.SMTPRecipientRefused(450, "later", "a")]), TemporaryFailure),
        (aiosmtplib.SMTPRecipientsRefused([
            aiosmtplib.SMTPRecipientRefused(554, "5.7.1 <a>: Relay access denied", "a")]),
         mailer.RelayDown),
        (aiosmtplib.SMTPRecipientsRefused([
            aiosmtplib.SMTPRecipientRefused(550, "5.7.54 Unable to relay", "a")]),
         mailer.RelayDown),
        (aiosmtplib.SMTPRecipientsRefused([
            aiosmtplib.SMTPRecipientRefused(530, "5.7.57 Client not authenticated", "a")]),
         mailer.RelayDown),
        (aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(
            550, "5.1.1 <a>: User unknown in relay recipient table", "a")]), PermanentFailure),
        (aiosmtplib.SMTPRecipientsRefused([]), TemporaryFailure),
        (aiosmtplib.SMTPDataError(554, "spam"), PermanentFailure),
        (aiosmtplib.SMTPDataError(451, "later"), TemporaryFailure),
        (aiosmtplib.SMTPSenderRefused(550, "no", "a"), mailer.RelayDown),
        (aiosmtplib.SMTPConnectError("x"), mailer.RelayDown),
        (ConnectionResetError(), mailer.RelayDown),
    ],
)  # fmt: skip
def test_what_concerns_the_address_alone_is_permanent(
    error: Exception, kind: type[Exception]
) -> None:
    """W7: what concerns the relay is temporary, whatever its code."""
    assert type(mailer.translated(error)) is kind


async def test_postfixs_sink_takes_a_reply(desk: Desk, tmp_path: Path) -> None:
    """W7: Postfix's own test server as the relay."""
    sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if sink is None:
        pytest.skip("smtp-sink (postfix) is not installed")
    where = tmp_path / "sink"
    where.mkdir(mode=0o777)
    where.chmod(0o777)
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sink, "-u", "nobody", "-d", "%M.", f"127.0.0.1:{port}", "100", cwd=where
    )
    try:
        mail_id = await desk.refused(ANN)
        await _until_open(port)
        desk.start(port=port)
        story = await desk.when(mail_id, is_told)
    finally:
        process.terminate()
        await process.wait()

    assert story.told[0].state == "handed over"


def _free_port() -> int:
    import socket  # noqa: PLC0415 - for this one port

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_open(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
