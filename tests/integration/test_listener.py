"""L1-L3, L9-L11, A1, A2, K1, K6: what clients say and what they are told."""

import asyncio
import os
import resource
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path

import pytest

from mail2fax.accepting.crowd import CrowdLimits
from mail2fax.accepting.dialogue.patience import PatienceSettings
from mail2fax.accepting.transaction import RecipientLimits
from mail2fax.errors import SpoolBroken, SpoolFull
from mail2fax.spool.content import MailFile
from mail2fax.spool.spool import Spool
from tests.integration.smtp_bench import GOOD, OTHER, RULE, TO, Desk, stuffed
from tests.unit.mails import PDF, TEXT, TOP, attached, mail, part

EHLO = (
    "250-fax.example.com\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
    "250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES"
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A listener on loopback."""
    async with Desk(tmp_path) as desk:
        yield desk


async def test_a_mail_is_taken(desk: Desk) -> None:
    """K1, A5, W2: 250 with the reference; bytes on disk as sent, destinations in the ledger."""
    talk = await desk.call()
    answer = await talk.send(GOOD, TO, OTHER, "(022)555-01-23@fax.example.com")

    (story,) = await desk.mails()
    assert answer == f"250 2.0.0 {story.reference} accepted, 2 faxes"
    assert [fax.number for fax in story.faxes] == ["+41225550123", "+41225550124"]
    assert story.reply_to == ("ann@example.org",)
    assert (story.subject, story.helo, story.identity.name) == ("Hello", "me", "127.0.0.1")
    (file,) = desk.files()
    assert file.read_bytes() == GOOD
    assert await talk.say("QUIT") == "221 2.0.0 Bye"
    assert await talk.is_closed()


async def test_what_is_said_at_each_step(desk: Desk) -> None:
    """L5: banner without a version, EHLO with what holds, one sentence each, ASCII."""
    talk = await desk.call(greet=False)
    said = [await talk.answer()]
    commands = (
        "EHLO me", "MAIL FROM:<>", f"RCPT TO:<{TO}>", "RSET", "NOOP", "VRFY a", "EXPN a",
        "HELP", "HELO me",
    )  # fmt: skip
    said += [await talk.say(command) for command in commands]

    assert said == [
        "220 fax.example.com ESMTP mail2fax",
        EHLO,
        "250 2.1.0 OK",
        "250 2.1.5 Will fax to +41225550123 (CH)",
        "250 2.0.0 OK", "250 2.0.0 OK", "252 2.1.5 Send it to see",
        "502 5.5.1 EXPN is not served", "214 2.0.0 Mail the documents to a fax number",
        "250 fax.example.com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("recipient", "answer"),
    [
        ("+41225550123@other.example", "550 5.7.1 other.example is not served here"),
        ("ann@fax.example.com", "550 5.1.1 ann: not a fax number"),
        ("@fax.example.com", "550 5.1"),
        ("+4122@fax.example.com", "550 5.1"),
        ("117@fax.example.com", "550 5.7.1 117: an emergency"),
        ("0900123456@fax.example.com", "550 5.7.1 0900123456: a premium"),
        ("+33142681234@fax.example.com", "550 5."),
        ("00435550123@fax.example.com", "550 5.1.3 "),
        ("postmaster@fax.example.com", "550 5.1.1 Only fax numbers"),
        ("", "501 5.1.3 The address is empty"),
    ],
    ids=["domain", "no number", "nothing", "invalid", "emergency", "premium", "country",
         "ambiguous", "role", "empty"],
)  # fmt: skip
async def test_recipients_are_refused_with_a_reason(
    desk: Desk, recipient: str, answer: str
) -> None:
    """A2-A4, A8: each its own code and sentence, then the daemon goes on."""
    talk = await desk.call()
    said = await talk.say("EHLO me", "MAIL FROM:<ann@example.org>", f"RCPT TO:<{recipient}>")

    assert said.startswith(answer)
    assert (await talk.say("DATA"))[:3] in ("554", "503")
    await desk.still_works()


async def test_refused_recipients_stand_in_the_envelope(desk: Desk) -> None:
    """W2: the reply will tell them too."""
    talk = await desk.call()
    await talk.say("EHLO me", "MAIL FROM:<ann@example.org>", "RCPT TO:<117@fax.example.com>")
    await talk.say(f"RCPT TO:<{TO}>", "DATA")
    await talk.data()

    (story,) = await desk.mails()
    ((written, response),) = story.refused_recipients
    assert (written, response[:3]) == ("117@fax.example.com", "550")


async def test_strangers_are_refused(tmp_path: Path) -> None:
    """L6, promise 5: no rule names the address; the sentence says what an admin must do."""
    rule = RULE.__class__("r", (ip_network("192.0.2.0/24"),), RULE.addresses)
    async with Desk(tmp_path, rules=(rule,)) as desk:
        talk = await desk.call()
        said = await talk.send()

        assert said.startswith("554 5.5.1 No valid recipients")
        refused = await talk.say("MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        assert refused.startswith("550 5.7.1 127.0.0.1 may not send faxes here")
        assert await desk.mails() == []


@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        (["MAIL FROM:<a@b>"], "503 5.5.1 Say EHLO first"),
        (["EHLO me", f"RCPT TO:<{TO}>"], "503 5.5.1 Say MAIL first"),
        (["EHLO me", "DATA"], "503 5.5.1 Say MAIL and RCPT first"),
        (["EHLO me", "MAIL FROM:<a@b>", "MAIL FROM:<a@b>"], "503 5.5.1 A mail has begun"),
        (["EHLO me", "MAIL FROM:<a@b"], "501 5.1.7 "),
        (["EHLO me", "MAIL TO:<a@b>"], "501 5.5.4 Write MAIL FROM"),
        (["EHLO me", "MAIL FROM:<a@b> SIZE=\u00b2"], "501 5.5.4 SIZE"),
        (["EHLO me", "MAIL FROM:<a@b> SIZE=9999999"], "552 5.3.4 The mail is larger than 1 MB"),
        (["EHLO me", "MAIL FROM:<a@b> BODY=BINARYMIME"], "501 5.5.4 BODY"),
        (["EHLO me", "MAIL FROM:<a@b> X=1"], "555 5.5.4 The parameter X"),
        (["EHLO me", "MAIL FROM:<a@b> RET=HDRS ENVID=1 AUTH=<> SMTPUTF8"], "250 2.1.0"),
        (["EHLO me", "MAIL FROM:a@b"], "250 2.1.0"),
        (["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<"], "501 5.1.3 "),
        (["EHLO me", "MAIL FROM:<a@b>", "RCPT FROM:<x>"], "501 5.5.4 Write RCPT TO"),
        (["EHLO me", "MAIL FROM:<a@b>", f"RCPT TO:<{TO}> NOTIFY=NEVER"], "250 2.1.5"),
        (["EHLO me", "MAIL FROM:<a@b>", f"RCPT TO:<{TO}> X"], "555 5.5.4"),
        (["EHLO"], "501 5.5.4 Say who you are"),
        (["EHLO me", "NONSENSE"], "500 5.5.1 The command is not known"),
        (["EHLO \udcff"], "501 5.5.2 Only ASCII and UTF-8"),
        ([""], "500 5.5.1"),
    ],
)
async def test_commands_out_of_place(desk: Desk, commands: list[str], answer: str) -> None:
    """L4: own sentences with enhanced codes for what clients get wrong."""
    talk = await desk.call()

    assert (await talk.say(*commands)).startswith(answer)


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (mail(TEXT), "554 5.6.0 No attachment to fax was found"),
        (
            mail(TEXT, part("Content-Type: message/rfc822", mail(TEXT))),
            "554 5.6.0 Nothing but a mail is attached. A mail inside the mail is not faxed. Attach",
        ),
        (mail(TEXT, attached(PDF[:-8]), last=False), "554 5.6.0 The mail is cut"),
        (mail(*[TEXT] * 120), "554 5.6.0 The mail cannot be read"),
        (mail(attached(), top=TOP + "Received: x\n" * 51), "554 5.4.6"),
        (GOOD + b"x" * 1_000_000, "552 5.3.4 The mail is larger than 1 MB"),
        (b"", "554 5.6.0 No attachment"),
    ],
    ids=["no document", "a mail", "cut", "broken MIME", "loop", "too large", "empty"],
)
async def test_mails_are_refused_at_the_dot(desk: Desk, data: bytes, answer: str) -> None:
    """M0, L10: nothing is kept of it, and the same session goes on."""
    talk = await desk.call()

    assert (await talk.send(data)).startswith(answer)
    assert (await desk.mails(), desk.files()) == ([], [])
    assert (await talk.send()).startswith("250 ")


@pytest.mark.parametrize("poison", [b"a\nb", b"a\rb", b"a\0b", b"\n.\n"])
async def test_bare_line_ends_are_refused_and_end_the_session(desk: Desk, poison: bytes) -> None:
    """L1: read to the end, a sentence about line ends, closed; nothing is smuggled."""
    talk = await desk.call()
    await talk.begin()
    talk.writer.write(stuffed(GOOD + poison + b"\r\n") + b".\r\n")

    assert (await talk.answer()).startswith("554 5.6.0 The mail has bare CR, LF or NUL")
    assert await talk.is_closed()
    assert await desk.mails() == []
    await desk.still_works()


async def test_a_mail_that_never_ends_is_cut_off(desk: Desk) -> None:
    """L10: dropped up to twice the limit, then 421, in constant memory."""
    talk = await desk.call()
    await talk.begin()
    talk.writer.write(b"x" * 3_000_000)

    assert (await talk.answer()).startswith("421 4.3.4")
    assert desk.files() == []
    await desk.still_works()


async def test_an_endless_command_line_ends_the_session(desk: Desk) -> None:
    """L4: no more than a few KB of it are ever kept."""
    talk = await desk.call()
    talk.writer.write(b"EHLO " + b"x" * 100_000)

    assert (await talk.answer()).startswith("500 5.5.2 The line is too long")
    await desk.still_works()


async def test_a_hang_up_in_the_data_leaves_nothing(desk: Desk) -> None:
    """K3: no file, no row; the next client is served."""
    talk = await desk.call()
    await talk.begin()
    talk.writer.write(GOOD[:500])
    await talk.writer.drain()
    await asyncio.sleep(0.05)
    talk.hang_up()
    while desk.listener.sessions:  # noqa: ASYNC110 - no event for a test
        await asyncio.sleep(0.01)

    assert (await desk.mails(), desk.files()) == ([], [])
    await desk.still_works()


@pytest.mark.parametrize("how", ["hang up", "half-close"])
async def test_leaving_after_the_dot_undoes_nothing(desk: Desk, how: str) -> None:
    """L2, L9: the mail is ours, its answer counts as unread."""
    talk = await desk.call()
    await talk.begin()
    talk.writer.write(stuffed(GOOD) + b".\r\n")
    await talk.writer.drain()
    if how == "half-close":
        talk.writer.write_eof()
        assert (await talk.answer()).startswith("250 ")
    else:
        await asyncio.sleep(0.05)
        talk.hang_up()

    mails = await desk.when(lambda mails: len(mails) == 1)
    await desk.when(lambda _: not desk.listener.sessions)
    again = await desk.call()
    await again.send()
    assert (await desk.mails())[1].faxes[0].state == "cancelled"
    assert mails[0].faxes[0].state == "pending"


async def test_a_client_that_reads_its_answer_may_send_the_same_again(desk: Desk) -> None:
    """L9: a command after the 250 shows that it was read; the same mail is a new fax."""
    talk = await desk.call()
    await talk.send()
    await talk.say("NOOP")
    await talk.send()
    await talk.say("QUIT")

    mails = await desk.mails()
    assert [mail.faxes[0].state for mail in mails] == ["pending", "pending"]


async def test_what_was_sent_with_the_dot_is_no_sign(desk: Desk) -> None:
    """L9: a pipelined QUIT proves nothing about the 250."""
    talk = await desk.call()
    await talk.begin()
    talk.writer.write(stuffed(GOOD) + b".\r\nQUIT\r\n")
    await talk.answer()
    await talk.answer()
    talk.hang_up()
    await desk.when(lambda _: not desk.listener.sessions)
    again = await desk.call()
    await again.send()

    assert [mail.faxes[0].state for mail in await desk.mails()] == ["pending", "cancelled"]


async def test_commands_may_be_pipelined(desk: Desk) -> None:
    """L5: a whole session in one packet, two mails of it."""
    talk = await desk.call()
    other = GOOD.replace(b"Hello", b"Other")
    whole = b"EHLO me\r\n"
    for data in (GOOD, other):
        whole += b"MAIL FROM:<a@b.ch>\r\nRCPT TO:<%s>\r\nDATA\r\n" % TO.encode()
        whole += stuffed(data) + b".\r\n"
    talk.writer.write(whole + b"QUIT\r\n")
    answers = [await talk.answer() for _ in range(10)]

    assert [answer[:3] for answer in answers] == (
        ["250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    )
    assert len(await desk.mails()) == 2


async def test_twenty_mails_over_one_connection(desk: Desk) -> None:
    """L4: nothing of a mail is left for the next."""
    talk = await desk.call()
    for number in range(20):
        assert (await talk.send(GOOD.replace(b"Hello", b"%d" % number))).startswith("250 ")

    assert len(await desk.mails()) == 20


async def test_bdat_ends_the_session(desk: Desk) -> None:
    """L5: its octets are never read as commands."""
    talk = await desk.call()

    assert (await talk.say("EHLO me", "BDAT 100 LAST")).startswith("502 5.5.1 BDAT")
    assert await talk.is_closed()


@pytest.mark.parametrize(
    ("first", "name"), [(b"\x16\x03\x01\x02\x00\x01", "TLS"), (b"GET / HTTP/1.1\r\n", "HTTP")]
)
async def test_other_protocols_are_recognised(
    desk: Desk, first: bytes, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """L11: named in the log, answered, closed; a TLS hello has no line end to wait for."""
    talk = await desk.call()
    talk.writer.write(first)

    assert (await talk.answer()).startswith(f"500 5.5.2 This is SMTP, not {name}")
    assert f"what={name}" in caplog.text
    await desk.still_works()


async def test_limits_of_recipients_and_numbers(tmp_path: Path) -> None:
    """Defaults: 452 for the rest, which the client sends in another mail."""
    async with Desk(tmp_path, limits=RecipientLimits(2, 3)) as desk:
        talk = await desk.call()
        await talk.say("EHLO me", "MAIL FROM:<a@b.ch>", f"RCPT TO:<{TO}>")
        many = "+41225550125+41225550126+41225550127@fax.example.com"

        assert (await talk.say(f"RCPT TO:<{many}>")).startswith("452 4.5.3 Only 3 fax numbers")
        assert (await talk.say(f"RCPT TO:<{OTHER}>")).startswith("250")
        assert (await talk.say(f"RCPT TO:<{OTHER}>")).startswith("452 4.5.3 Only 2 recipients")


async def test_too_many_errors_end_the_session(desk: Desk) -> None:
    """L10: errors are counted."""
    talk = await desk.call()
    for _ in range(20):
        assert (await talk.say("X")).startswith("500")
    await talk.say("X")

    assert (await talk.answer()).startswith("421 4.7.0 Too many errors")


async def test_silence_ends(tmp_path: Path) -> None:
    """L10: no command in time, no data in time."""
    async with Desk(tmp_path, patience=PatienceSettings(command=0.2, silence=0.2)) as desk:
        talk = await desk.call()
        assert (await talk.answer()).startswith("421 4.4.2 No command came in time")
        talk = await desk.call()
        await talk.begin()
        assert (await talk.answer()).startswith("421 4.4.2 No data came in time")
        assert desk.files() == []


async def test_a_client_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    """L10: unread answers hold a session no longer than an unsaid command."""
    async with Desk(tmp_path, patience=PatienceSettings(command=0.3)) as desk:
        talk = await desk.call()
        talk.reader._transport.pause_reading()  # type: ignore[attr-defined]  # no public way
        (session,) = desk.listener.sessions
        with pytest.raises(ConnectionError, match="does not read"):
            await session._wire.write(b"x" * 20_000_000)
        await desk.when(lambda _: not desk.listener.sessions)
        await desk.still_works()


async def test_a_slow_honest_client_gets_through_and_a_drip_does_not(tmp_path: Path) -> None:
    """L2: data renew the timer; below the rate they do not for ever."""
    patience = PatienceSettings(silence=0.3, free=0.5, rate=400.0)
    async with Desk(tmp_path, patience=patience) as desk:
        talk = await desk.call()
        await talk.begin()
        data = stuffed(GOOD) + b".\r\n"
        for at in range(0, len(data), 60):
            talk.writer.write(data[at : at + 60])
            await asyncio.sleep(0.05)
        assert (await talk.answer()).startswith("250 ")
        drip = await desk.call()
        await drip.begin()
        for _ in range(11):
            drip.writer.write(b"x")
            await asyncio.sleep(0.05)
        assert (await drip.answer()).startswith("421 4.4.2 The data come too slowly")


async def test_connections_are_counted(tmp_path: Path) -> None:
    """L10: one more than there is room for is told so, and room comes back."""
    async with Desk(tmp_path, CrowdLimits(in_all=10, known=2)) as desk:
        first, _ = await desk.call(), await desk.call()
        full = await desk.call(greet=False)
        assert (await full.answer()).startswith("421 4.3.2 Too many connections")
        await first.say("QUIT")
        await asyncio.sleep(0.05)
        await desk.still_works()


async def test_stopping_ends_idle_sessions_and_finishes_data(tmp_path: Path) -> None:
    """L10: 421 to who waits; the mail in hand is taken and answered."""
    async with Desk(tmp_path) as desk:
        idle, busy = await desk.call(), await desk.call()
        await busy.begin()
        busy.writer.write(GOOD[:100])
        await asyncio.sleep(0.05)
        stop = asyncio.create_task(desk.listener.stop(grace=5))
        assert (await idle.answer()).startswith("421 4.3.2 The service is stopping")
        busy.writer.write(stuffed(GOOD)[100:] + b".\r\n")

        assert (await busy.answer()).startswith("250 ")
        assert (await busy.answer()).startswith("421 4.3.2")
        await stop
        assert len(await desk.mails()) == 1


@pytest.mark.parametrize(
    ("error", "answer"),
    [(SpoolFull("x"), "452 4.3.1 No room"), (SpoolBroken("x"), "451 4.3.0 The mail could not")],
)
@pytest.mark.parametrize("where", ["open", "write", "accept"])
async def test_a_disk_that_fails_keeps_the_mail_with_the_client(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str, where: str
) -> None:
    """K6: full or broken, at each step; nothing is half kept, and full goes on."""

    async def no_accept(*_arguments: object) -> str:
        raise error

    def no_file(*_arguments: object) -> None:
        raise error

    owner = {"open": MailFile, "write": MailFile, "accept": Spool}[where]
    name = {"open": "__init__", "write": "write", "accept": "accept"}[where]
    talk = await desk.call()
    with monkeypatch.context() as broken:
        broken.setattr(owner, name, no_accept if where == "accept" else no_file)
        said = await talk.send()
    wanted = "451 4.3.0" if where == "open" and isinstance(error, SpoolBroken) else answer
    assert said.startswith(wanted)
    assert await desk.mails() == []
    await desk.still_works()


async def test_no_room_is_said_early(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K6, L10: 452 at MAIL, before a byte is sent in vain."""
    full = os.statvfs_result((4096, 4096, 100, 1, 1, 100, 90, 90, 0, 255))
    talk = await desk.call()
    with monkeypatch.context() as broken:
        broken.setattr(os, "statvfs", lambda _path: full)
        said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch> SIZE=1000")

    assert said.startswith("452 4.3.1 No room")
    await desk.still_works()


async def test_few_descriptors_are_said_early(desk: Desk) -> None:
    """L10: 452 at MAIL while some are left for the mails in hand."""
    talk = await desk.call()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))
    try:
        said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert said.startswith("452 4.3.1 No room")
    await desk.still_works()


async def test_an_internal_error_tells_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """L3: 451 without detail; the detail is in the log."""

    def broken(*_arguments: object) -> bool:
        raise RuntimeError("secret detail")

    talk = await desk.call()
    with monkeypatch.context() as sabotage:
        sabotage.setattr("mail2fax.spool.content.Content.has_room", broken)
        said = await talk.say("EHLO me", "MAIL FROM:<a@b.ch>")

    assert said == "451 4.3.0 An internal error. Try again later"
    assert "secret detail" in caplog.text
    await desk.still_works()


async def test_a_sign_that_cannot_be_recorded_harms_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """L9, K6: a full disk at the wrong moment is told in the log; the session goes on."""

    async def full(*_arguments: object) -> None:
        raise SpoolFull("x")

    monkeypatch.setattr(Spool, "answer_read", full)
    talk = await desk.call()
    await talk.send()

    assert (await talk.say("NOOP")).startswith("250")
    await desk.listener.stop(grace=2)
    assert "spool-trouble where=accepting" in caplog.text


async def test_names_of_recipients_are_kept(desk: Desk) -> None:
    """A9: the display name that belongs to the address."""
    talk = await desk.call()
    await talk.send(GOOD.replace(b"To: x", f"To: Dr. Meier <{TO}>".encode()))

    assert (await desk.mails())[0].faxes[0].name == "Dr. Meier"


async def test_python_sends(desk: Desk) -> None:
    """Real client: smtplib, with a UTF-8 text and a PDF."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", TO, "Grüße"
    message.set_content("Grüße")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="a.pdf")

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", desk.port) as client:
            client.send_message(message)

    await asyncio.to_thread(send)

    (story,) = await desk.when(bool)
    assert story.subject == "Grüße"


async def test_the_log_masks_numbers(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Promise 6: neither aiosmtpd's log nor ours tells a number or a subject."""
    caplog.set_level("DEBUG")
    talk = await desk.call()
    await talk.send(GOOD.replace(b"Hello", b"Secret"))

    assert "accepted reference=M2F-" in caplog.text
    assert "550123" not in caplog.text
    assert "Secret" not in caplog.text
