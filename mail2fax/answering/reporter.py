"""The station that answers: due replies become letters, letters go to the relay.

A relay that is down only means later, for five days; a letter that cannot be made does not stop
the others. Who was told what, when, or that nobody was, is a row of the ledger.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from mail2fax import events
from mail2fax.answering import back_off, delivery_report, mailer, passing_on
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.mailer import Relay
from mail2fax.answering.message import Sender, header_for, message_for, on_the_wire
from mail2fax.answering.notices import Notices
from mail2fax.answering.signing import Sign, unsigned
from mail2fax.answering.texts import letter_for
from mail2fax.clock import Clock
from mail2fax.errors import PermanentFailure, SpoolBroken, SpoolError, TemporaryFailure
from mail2fax.spool import delivery_reports, notices, replies, stories
from mail2fax.spool.records import MailStory, ReplyToSend
from mail2fax.spool.spool import Spool, Station

_AT_ONCE = 4
_LONGEST_REST = 60.0

HandOver = Callable[[bytes, Sequence[str], Relay], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AnsweringSettings:
    """How people are told.

    Attributes:
        relay: where replies go.
        sender: who they come from.
        admin: who is told when nobody else can be; empty for nobody.
        letters: what the words need.
        sign: puts a signature on a mail (W7).
    """

    relay: Relay
    sender: Sender
    admin: str = ""
    letters: LetterSettings = field(default_factory=LetterSettings)
    sign: Sign = unsigned


class Reporter:
    """The answering station."""

    def __init__(
        self,
        spool: Spool,
        settings: AnsweringSettings,
        clock: Clock,
        hand_over: HandOver = mailer.hand_over,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._hand_over = hand_over
        self._notices = Notices(
            spool, settings.sender, settings.admin, clock, self._to_relay, settings.letters
        )

    async def run(self) -> None:
        """Answer until cancelled.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        while True:
            due = await self._spool.do(replies.due, self._clock.now(), _AT_ONCE)
            refusals = await self._spool.do(notices.due, self._clock.now(), _AT_ONCE)
            if due or refusals:
                async with asyncio.TaskGroup() as group:
                    for reply in due:
                        group.create_task(self._take_care_of(reply))
                    for notice in refusals:
                        group.create_task(self._recorded(self._notices.take_care_of(notice)))
            else:
                await self._spool.bells.wait(Station.ANSWERING, await self._rest())

    async def _rest(self) -> float:
        times = [
            await self._spool.do(replies.next_due_at), await self._spool.do(notices.next_due_at),
        ]  # fmt: skip
        rests = [max(due - self._clock.now(), 0.0) for due in times if due is not None]
        return min([*rests, _LONGEST_REST])

    async def _take_care_of(self, reply: ReplyToSend) -> None:
        story = await self._spool.do(stories.of_mail, reply.mail_id)
        try:
            await self._recorded(self._tell(reply, story))
        except SpoolBroken:
            raise
        except Exception as error:  # noqa: BLE001 - one odd letter must not stop the others
            events.bug("answering", error)
            await self._later(reply, story, "an internal error")

    async def _recorded(self, telling: Awaitable[None]) -> None:
        """Tell somebody; where that cannot be recorded the row stays due, and nothing spins."""
        try:
            await telling
        except SpoolBroken:
            raise
        except SpoolError as error:
            events.spool_trouble("answering", str(error))
            await asyncio.sleep(1.0)

    async def _tell(self, reply: ReplyToSend, story: MailStory) -> None:
        addresses = self._addresses(reply, story)
        if reply.address >= len(addresses):
            await self._give_up(reply, story, "no address is left")
            return
        to = on_the_wire(addresses[reply.address])
        if to is None:
            await self._next(reply, "it is no mail address")
            return
        if delivery_report.is_overtaken(reply, story):
            await self._give_up(reply, story, "it was overtaken by what came to light")
            return
        everybody = self._with_copies(reply, to)
        message = await self._message(reply, story, everybody)
        try:
            await self._to_relay(message, everybody)
        except PermanentFailure as failure:
            await self._next(reply, str(failure))
        except TemporaryFailure as failure:
            await self._later(reply, story, str(failure))
        else:
            await self._spool.do(replies.handed_over, reply.id, to, self._clock.now())
            events.told(story.reference, reply.kind, self._clock.now() - reply.due_at)

    async def _message(
        self, reply: ReplyToSend, story: MailStory, everybody: tuple[str, ...]
    ) -> bytes:
        """The bytes for the relay: a letter of ours, or what somebody wrote to the admin."""
        sender, now = self._settings.sender, self._clock.now()
        if reply.kind == replies.POSTMASTER:
            path = self._spool.content.mail(story.id)
            original = await asyncio.to_thread(passing_on.attachable, path)
            return passing_on.passed_on(
                original, reply, story, everybody[0], sender, now, self._settings.letters
            )
        followed = delivery_reports.followed(reply.kind)
        letter = letter_for(
            followed or reply.kind, story, reply.fax_id, self._settings.letters, reply.facts
        )
        if letter.problem:
            events.template_failed(story.reference, reply.kind, letter.problem)
        if followed is None:
            return message_for(letter, reply, story, everybody, sender, now)
        top = header_for(letter, reply, story, everybody, sender, now)
        path = self._spool.content.mail(story.id)
        original = await asyncio.to_thread(delivery_report.original_header, path)
        hostname = self._settings.relay.hostname
        return delivery_report.message_of(top, letter, reply, story, original, hostname)

    def _with_copies(self, reply: ReplyToSend, to: str) -> tuple[str, ...]:
        """Who gets a reply: what is on hold is told the admin too, for somebody must decide."""
        admin = self._settings.admin
        is_for_both = reply.kind in (replies.HELD, replies.ASKED) and admin not in ("", to)
        return (to, admin) if is_for_both and admin.isascii() else (to,)

    def _addresses(self, reply: ReplyToSend, story: MailStory) -> tuple[str, ...]:
        """Everybody who may be told, the admin last (W1a), but first of what a device asks.

        Mail to the admin is for nobody else.
        """
        admin = self._settings.admin
        if reply.kind == replies.POSTMASTER:
            return (admin,) if admin else ()
        if delivery_reports.followed(reply.kind) is not None:
            return delivery_report.addresses(story)
        if not admin or admin in story.reply_to:
            return story.reply_to
        if reply.kind == replies.ASKED and story.identity.device:
            return (admin, *story.reply_to)
        return (*story.reply_to, admin)

    async def _to_relay(self, message: bytes, to: Sequence[str]) -> None:
        signed = await asyncio.to_thread(self._settings.sign, message)
        await self._hand_over(signed, to, self._settings.relay)

    async def _next(self, reply: ReplyToSend, why: str) -> None:
        now = self._clock.now()
        await self._spool.do(replies.next_address, reply.id, reply.address + 1, now, why)

    async def _later(self, reply: ReplyToSend, story: MailStory, why: str) -> None:
        now = self._clock.now()
        if back_off.is_over(reply.due_at, now):
            await self._give_up(reply, story, why)
            return
        wait = back_off.again_in(reply.tries + 1)
        await self._spool.do(replies.postponed, reply.id, reply.tries + 1, now + wait, why)
        events.reply_delayed(story.reference, reply.kind, why, wait)

    async def _give_up(self, reply: ReplyToSend, story: MailStory, why: str) -> None:
        await self._spool.do(replies.undeliverable, reply.id, self._clock.now(), why)
        events.not_told(story.reference, reply.kind, why)
