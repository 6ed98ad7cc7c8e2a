"""The station that answers: due replies become letters, letters go to the relay.

A relay that is down only means later, for five days; a letter that cannot be made does not stop
the others. Who was told what, when, or that nobody was, is a row of the ledger.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from mail2fax import events
from mail2fax.answering import delivery_report, mailer, passing_on
from mail2fax.answering.alerts import Alerts
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.courier import Courier, Due
from mail2fax.answering.mailer import Relay
from mail2fax.answering.message import Sender, header_for, message_for
from mail2fax.answering.notices import Notices
from mail2fax.answering.signing import Sign, unsigned
from mail2fax.answering.texts import Letter, letter_for
from mail2fax.clock import Clock
from mail2fax.errors import SpoolBroken, SpoolError
from mail2fax.spool import delivery_reports, notices, replies, stories, troubles
from mail2fax.spool.moves import REPLY
from mail2fax.spool.records import MailStory, ReplyToSend
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble

_AT_ONCE = 8
"""Mails of one kind in hand, each on a connection of its own to the relay."""
_LONGEST_REST = 60.0
_REST_IN_HAND = 5.0

HandOver = Callable[[bytes, Sequence[str], Relay], Awaitable[None]]
Telling = tuple[str, Callable[[], Awaitable[None]]]


class _Row(Protocol):
    """A due mail of any kind."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Row)


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
        self._courier = Courier(spool, clock, self._to_relay)
        words = settings.sender, clock, self._courier, settings.letters
        self._notices = Notices(spool, *words)
        self._alerts = Alerts(*words)
        self._in_hand = set[str]()  # ids of their rows

    async def run(self) -> None:
        """Answer until cancelled.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        async with asyncio.TaskGroup() as group:
            while True:
                for row_id, telling in await self._work():
                    self._in_hand.add(row_id)
                    group.create_task(self._recorded(row_id, telling))
                await self._spool.bells.wait(Station.ANSWERING, await self._rest())

    async def _work(self) -> list[Telling]:
        """Some of what is due now, and not in hand: a relay may take minutes over one mail."""
        admin = self._settings.admin
        return [
            *await self._due(troubles.due, lambda one: self._alerts.take_care_of(one, admin)),
            *await self._due(replies.due, self._take_care_of),
            *await self._due(notices.due, lambda one: self._notices.take_care_of(one, admin)),
        ]

    async def _due(
        self,
        due: Callable[[Any, float, int], list[R]],
        take_care_of: Callable[[R], Coroutine[Any, Any, None]],
    ) -> list[Telling]:
        """Of one kind of mail, as many as may go beside those in hand; each has a connection."""
        most = _AT_ONCE + len(self._in_hand)
        found = await self._spool.do(due, self._clock.now(), most)
        idle = [one for one in found if one.id not in self._in_hand]
        free = max(_AT_ONCE - (len(found) - len(idle)), 0)
        return [(one.id, partial(take_care_of, one)) for one in idle[:free]]

    async def _rest(self) -> float:
        """Seconds until something may be due; a mail that leaves our hands rings."""
        if self._in_hand:
            return _REST_IN_HAND  # what is in hand is due all the time, and hides the next
        kinds = (replies.next_due_at, notices.next_due_at, troubles.next_due_at)
        times = [await self._spool.do(next_due_at) for next_due_at in kinds]
        rests = [max(due - self._clock.now(), 0.0) for due in times if due is not None]
        return min([*rests, _LONGEST_REST])

    async def _take_care_of(self, reply: ReplyToSend) -> None:
        story = await self._spool.do(stories.of_mail, reply.mail_id)
        await self._tell(reply, story)

    async def _recorded(self, row_id: str, telling: Callable[[], Awaitable[None]]) -> None:
        """Tell somebody; where that cannot be recorded the row stays due, and nothing spins."""
        try:
            await telling()
        except SpoolBroken:
            raise
        except SpoolError as error:
            events.spool_trouble("answering", str(error))
            await asyncio.sleep(1.0)
        finally:
            self._in_hand.discard(row_id)
            self._spool.bells.ring(Station.ANSWERING)

    async def _tell(self, reply: ReplyToSend, story: MailStory) -> None:
        due = _due(reply, story)
        if delivery_report.is_overtaken(reply, story):
            await self._courier.give_up(due, "it was overtaken by what came to light")
            return

        async def compose(to: str) -> tuple[bytes, tuple[str, ...]]:
            everybody = self._with_copies(reply, to)
            return await self._message(reply, story, everybody), everybody

        await self._courier.carry(due, self._addresses(reply, story), compose)

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
        story, reports = await asyncio.to_thread(self._with_reports, story)
        letter = await self._letter(reply, followed or reply.kind, story)
        if followed is None:
            wanted = [reports[report.file] for report in letter.reports]
            return message_for(letter, reply, story, everybody, sender, now, wanted)
        top = header_for(letter, reply, story, everybody, sender, now)
        path = self._spool.content.mail(story.id)
        original = await asyncio.to_thread(delivery_report.original_header, path)
        hostname = self._settings.relay.hostname
        return delivery_report.message_of(top, letter, reply, story, original, hostname)

    async def _letter(self, reply: ReplyToSend, kind: str, story: MailStory) -> Letter:
        """The words; where the admin's own could not be used, the admin is told (S6)."""
        alarm = self._spool.alarm
        letter = letter_for(kind, story, reply.fax_id, self._settings.letters, reply.facts)
        if letter.problem:
            events.template_failed(story.reference, kind, letter.problem)
            await alarm.began(Trouble.TEMPLATES, f"{kind}: {letter.problem}")
        elif alarm.lasting.get(Trouble.TEMPLATES, "").startswith(f"{kind}: "):
            await alarm.over(Trouble.TEMPLATES)
        return letter

    def _with_reports(self, story: MailStory) -> tuple[MailStory, dict[str, bytes]]:
        """The content of Fax.Plus's reports by its file; where one is gone the story has none."""
        directory = self._spool.content.documents_of(story.id)
        found: dict[str, bytes] = {}
        faxes = []
        for fax in story.faxes:
            if fax.report:
                try:
                    found[fax.report] = (directory / fax.report).read_bytes()
                except OSError:
                    fax = replace(fax, report="")  # noqa: PLW2901 - it is gone
            faxes.append(fax)
        return replace(story, faxes=tuple(faxes)), found

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


def _due(reply: ReplyToSend, story: MailStory) -> Due:
    """A reply as the courier knows it; a report says nothing that a reply does not say too."""
    counts = delivery_reports.followed(reply.kind) is None
    return Due(
        REPLY, reply.id, story.reference, reply.kind,
        reply.due_at, reply.address, reply.tries, counts,
    )  # fmt: skip
