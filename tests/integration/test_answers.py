"""W6, K4, K8: answers to a question come in over SMTP, are stored, obeyed or told why not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import Connection, select

from mail2fax.accepting.admission import Rule
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.message import Sender, message_for
from mail2fax.answering.texts import letter_for
from mail2fax.preparing.children import Children
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.reading.verbs import address_of
from mail2fax.spool import schema, stories, tokens
from mail2fax.spool.records import MailStory, ReplyToSend
from tests.integration import smtp_bench
from tests.integration.smtp_bench import RULE, TO
from tests.pictures.table import Row
from tests.unit.mails import attached, mail, part, real_pdf

DOMAIN = "fax.example.com"
DOUBTFUL = Row("outlook", True, ("logo", "square"), ("body", "ask")).mail
PEOPLE: tuple[Rule, ...] = (RULE,)


def answer(words: str, more: str = "") -> bytes:
    """An answer as a mail program writes it, with what it answers below."""
    quoted = "\r\n\r\nOn Mon, Fax wrote:\r\n> send\r\n> drop\r\n"
    head = f"From: Ann <ann@example.org>\nSubject: Re: Papers\n{more}Content-Type: text/plain"
    return part(head, (words + quoted).encode())


class AnswerDesk(smtp_bench.Desk):
    """A listener and a preparing station over one spool, and a mail on hold."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        station = Preparer(self.spool, Children(count=1, deadline=20),
                           PreparingSettings(has_admin=True), self.clock)  # fmt: skip
        self._station = asyncio.create_task(station.run())
        return self

    async def stop(self) -> None:
        """End the station."""
        self._station.cancel()
        await asyncio.gather(self._station, return_exceptions=True)

    async def held(self) -> MailStory:
        """A mail with a picture in doubt, once it is on hold."""
        talk = await self.call()
        assert (await talk.send(DOUBTFUL)).startswith("250")
        return (await self.when(lambda mails: mails[-1].state == "held"))[-1]

    async def send(self, data: bytes, *to: str) -> str:
        """What the dot of a mail, or what came before it, was answered."""
        talk = await self.call()
        return await talk.send(data, *to)

    async def about(self, mail_id: str, state: str, *kinds: str) -> MailStory:
        """The story of a mail in this state with these replies owed."""
        async with asyncio.timeout(20):
            while True:
                story = await self.spool.do(stories.of_mail, mail_id)
                if story.state == state and tuple(one.kind for one in story.told) == kinds:
                    return story
                await asyncio.sleep(0.02)

    async def commands(self) -> list[tuple[str, str, str]]:
        """Who, what and the result of every command."""

        def read(connection: Connection) -> list[Any]:
            rows = schema.command.c
            query = select(rows.who, rows.what, rows.result).order_by(rows.id)
            return [tuple(row) for row in connection.execute(query)]

        return await self.spool.do(read)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AnswerDesk]:
    """Everything running."""
    async with AnswerDesk(tmp_path, domains=(DOMAIN,)) as desk:
        yield desk
        await desk.stop()


def back(story: MailStory) -> str:
    """The address that answers about a mail go to."""
    return address_of(story.answer_token, DOMAIN)


@pytest.mark.parametrize(
    ("words", "verb", "documents"),
    [("send", "send", 2), ("Ohne Bilder senden.", "send without pictures", 1),
     ("ENVOYER", "send", 2)],
)  # fmt: skip
async def test_an_answer_releases_the_mail(
    desk: AnswerDesk, words: str, verb: str, documents: int
) -> None:
    """W6: stored, read, carried out, written down with who gave it; itself never faxed."""
    held = await desk.held()

    said = await desk.send(answer(words), back(held))
    story = await desk.about(held.id, "prepared", "asked")

    assert said.startswith("250")
    assert len(story.documents) == documents
    assert story.faxes[0].orders == 1
    assert await desk.commands() == [("network:127.0.0.1", verb, "done")]
    (own,) = [one for one in await desk.mails() if one.id != held.id]
    assert (own.state, own.faxes, own.documents) == ("answered", (), ())


async def test_an_answer_drops_the_mail(desk: AnswerDesk) -> None:
    """W6: nothing is faxed, and that is told to the address on record."""
    held = await desk.held()

    await desk.send(answer("drop"), back(held))

    story = await desk.about(held.id, "refused", "asked", "refused")
    assert await desk.commands() == [("network:127.0.0.1", "drop", "done")]
    assert story.reply_to == ("ann@example.org",)


@pytest.mark.parametrize(
    ("words", "kind"),
    [("Please send it, thanks", "unclear"), ("", "unclear"), ("> cancel", "unclear"),
     ("status", "status"), ("again", "again"), ("report", "report")],
)  # fmt: skip
async def test_what_is_no_change_changes_nothing(desk: AnswerDesk, words: str, kind: str) -> None:
    """W6: the list comes back, or where it stands; the mail stays on hold."""
    held = await desk.held()

    await desk.send(answer(words), back(held))

    story = await desk.about(held.id, "held", "asked", kind)
    assert story.hold_until == held.hold_until
    refused = [("network:127.0.0.1", "again", "refused")]
    assert await desk.commands() == (refused if kind == "again" else [])


async def test_an_answer_that_brings_a_document_changes_nothing(desk: AnswerDesk) -> None:
    """W6, promise 4: its sender would believe that the document is faxed."""
    held = await desk.held()
    text = part("Content-Type: text/plain", b"send")

    await desk.send(mail(text, attached(real_pdf())), back(held))

    await desk.about(held.id, "held", "asked", "unclear")
    assert await desk.commands() == []


async def test_a_verb_too_late_tells_where_it_stands(desk: AnswerDesk) -> None:
    """W6: the second send does not fax twice."""
    held = await desk.held()
    await desk.send(answer("send"), back(held))
    await desk.about(held.id, "prepared", "asked")

    await desk.send(answer("send", "Message-ID: <2@example.org>\n"), back(held))

    story = await desk.about(held.id, "prepared", "asked", "status")
    assert story.faxes[0].orders == 1


async def test_a_stranger_with_the_token_may_only_ask(desk: AnswerDesk, tmp_path: Path) -> None:
    """W6: from anywhere it is taken; send and drop want the identity of the mail on hold."""
    held = await desk.held()
    desk.settings = desk.listener.settings = replace(desk.settings, rules=())

    refused = await desk.send(answer("send"), TO)
    taken = await desk.send(answer("send"), back(held))
    await desk.about(held.id, "held", "asked", "denied")
    await desk.send(answer("status"), back(held))
    await desk.about(held.id, "held", "asked", "denied", "status")

    assert (refused[:3], taken[:3]) == ("554", "250")
    assert await desk.commands() == [("stranger:127.0.0.1", "send", "denied")]


async def test_unknown_tokens_and_other_recipients_are_refused(desk: AnswerDesk) -> None:
    """W6: 550 without a mail; an answer goes alone, in either order."""
    held = await desk.held()
    talk = await desk.call()
    await talk.say("EHLO me", "MAIL FROM:<ann@example.org>")

    unknown = await talk.say(f"RCPT TO:<{address_of('0' * 16, DOMAIN)}>")
    first = await talk.say(f"RCPT TO:<{TO}>")
    mixed = await talk.say(f"RCPT TO:<{back(held)}>")
    await talk.say("RSET", "MAIL FROM:<ann@example.org>", f"RCPT TO:<{back(held)}>")
    other = await talk.say(f"RCPT TO:<{TO}>")

    assert [said[:9] for said in (unknown, first, mixed, other)] == [
        "550 5.1.1", "250 2.1.5", "452 4.5.3", "452 4.5.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "mark",
    ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated (vacation)",
     "Precedence: bulk", "Precedence: auto_reply", "X-Autoreply: yes", "List-Id: <a.example.org>",
     "X-Mail2Fax-Reference: M2F-7K3QX"],
)  # fmt: skip
async def test_automatic_answers_change_nothing(desk: AnswerDesk, mark: str) -> None:
    """W8: what marks vacation responders, lists and ourselves is refused on the line."""
    held = await desk.held()

    said = await desk.send(answer("send", f"{mark}\n"), back(held))

    assert said.startswith("550 5.7.1")
    assert (await desk.about(held.id, "held", "asked")).told


async def test_a_mail_without_a_sender_is_no_answer(desk: AnswerDesk) -> None:
    """W8: bounces and responders have none; a person has."""
    held = await desk.held()
    talk = await desk.call()

    said = await talk.say("EHLO me", "MAIL FROM:<>", f"RCPT TO:<{back(held)}>")

    assert said.startswith("550 5.7.1")


async def test_what_a_mail_program_writes_alone_is_an_answer(desk: AnswerDesk) -> None:
    """W6: a marked Auto-Submitted: no, and words in HTML alone, with the history quoted below."""
    held = await desk.held()
    page = (
        b"<html><body><div>Drop</div><br><div class='gmail_quote'>On Mon, Fax wrote:"
        b"<blockquote><div>send</div></blockquote></div></body></html>"
    )
    head = "From: Ann <ann@example.org>\nSubject: Re: Papers\nAuto-Submitted: no\n"
    await desk.send(part(f"{head}Content-Type: text/html; charset=utf-8", page), back(held))

    await desk.about(held.id, "refused", "asked", "refused")


async def test_strangers_who_guess_are_put_off(desk: AnswerDesk) -> None:
    """W6: so many unknown tokens an hour from a network that no rule names; a known one is free."""
    desk.settings = desk.listener.settings = replace(desk.settings, rules=())
    said = []
    for start in range(0, 24, 4):
        talk = await desk.call()
        await talk.say("EHLO me", "MAIL FROM:<eve@example.org>")
        to = [address_of(f"{n:016}", DOMAIN) for n in range(start, start + 4)]
        said += [(await talk.say(f"RCPT TO:<{one}>"))[:9] for one in to]
        talk.hang_up()

    assert said == ["550 5.1.1"] * 20 + ["450 4.7.1"] * 4


async def test_an_answer_is_small(desk: AnswerDesk) -> None:
    """W6, within limits: nobody fills the disk through an answer's address."""
    held = await desk.held()

    said = await desk.send(answer("drop") + b"x" * 70 + b"\r\n" * 2_600_000, back(held))

    assert said.startswith("552 5.3.4")


async def test_a_token_is_not_good_for_ever(
    desk: AnswerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W6, within limits: so many answers to one mail, no more."""
    monkeypatch.setattr(tokens, "_MOST_ANSWERS", 2)
    held = await desk.held()
    said = [(await desk.send(answer("status"), back(held)))[:3] for _ in range(3)]

    assert said == ["250", "250", "554"]


async def test_the_question_says_where_to_answer(desk: AnswerDesk) -> None:
    """W6: Reply-To holds the token; a letter of another mail has none."""
    held = await desk.held()
    sender = Sender("fax@fax.example.com", DOMAIN)
    reply = ReplyToSend("R1", held.id, None, "asked", 0.0, 0, 0)

    def made(story: MailStory) -> bytes:
        letter = letter_for("asked", story, None, LetterSettings())
        return message_for(letter, reply, story, ("ann@example.org",), sender, 0.0)

    assert f"Reply-To: {back(held)}\r\n".encode() in made(held)
    assert b"send without pictures" in made(held)
    assert b"\nReply-To" not in made(replace(held, answer_token=""))


@pytest.mark.parametrize("kind", ["status", "unclear", "denied"])
async def test_every_answer_to_an_answer_has_words(desk: AnswerDesk, kind: str) -> None:
    """W6: what happened, that nothing was changed, and how to go on."""
    letter = letter_for(kind, await desk.held(), None, LetterSettings())

    assert "+41 22 555 01 23" in letter.body
    assert ("Nothing was changed" in letter.body) is (kind != "status")
