"""The station that prepares: accepted mails become documents and jobs, or a refusal by mail.

A mail whose bytes are not the ones that were accepted is quarantined (K5). A mail that ends the
child three times is refused with a sentence; it cannot stop the mails behind it.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mail2fax import events
from mail2fax.clock import Clock
from mail2fax.errors import SpoolBroken, SpoolError, SpoolFull
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.preparing.documents import Asked, Prepared, finest
from mail2fax.preparing.obtaining import NoChild
from mail2fax.reading.numbers import NumberRules, read_number
from mail2fax.reading.options.decision import (
    Decided,
    FaxAsked,
    asks_for_earlier_fax,
    asks_for_page,
    decide,
    mail_asked,
    wanted_again,
)
from mail2fax.reading.options.rules import OptionRules
from mail2fax.reading.options.words import language_of
from mail2fax.reading.series import gathered
from mail2fax.reading.verbs import wanted_in
from mail2fax.spool import answers, holds, preparation, resending, series, turns, usage
from mail2fax.spool.lifecycle import IllegalEvent
from mail2fax.spool.quarantine import quarantined
from mail2fax.spool.records import MailToPrepare
from mail2fax.spool.repeating import Terms
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble
from mail2fax.spool.turns import Turn
from mail2fax.values import Destination, NotFaxed, Options, Quota, Reading, Response

_STRIKES = 3
_MAILS_STRUCK = 3
"""Mails in a row that ended their child, after which it is not the mails (S6)."""
_LEASE = 600.0
_LONGEST_REST = 60.0
_FULL_REST = 5.0
_NO_CHILD_REST = 10.0
_AGAIN = (2.0, 30.0, 120.0)
_UNSAFE = "{what} could not be opened safely. Save the document as a plain PDF and send it again."
_CHANGED = "the stored mail is not the one that was accepted"


@dataclass(frozen=True, slots=True)
class PreparingSettings:
    """How mails are prepared.

    Attributes:
        count: mails at once.
        per_order: destinations in one order (R1).
        quotas: of each rule, by its name; before a first fax only those of pages count here (L8).
        numbers: which numbers each rule may dial, by its name.
        rules: what each rule's mails may ask for, by its name; an unknown one allows nothing
            beyond the defaults.
        timezone: for the mails of rules that are gone.
        hold_for: seconds after which a mail on hold that nobody decided is not sent.
        has_admin: whether there is an admin who can be told when nobody else can.
        paper: ``a4`` or ``letter``.
        parts_within: seconds from the first to the last mail of several (M5).
    """

    count: int = 2
    per_order: int = 1
    quotas: Mapping[str, tuple[Quota, ...]] = field(default_factory=dict)
    numbers: Mapping[str, NumberRules] = field(default_factory=dict)
    rules: Mapping[str, OptionRules] = field(default_factory=dict)
    hold_for: float = 86400.0
    has_admin: bool = False
    paper: str = "a4"
    parts_within: float = 3600.0
    timezone: str = "UTC"


class Preparer:
    """The preparing station."""

    def __init__(
        self, spool: Spool, children: Children, settings: PreparingSettings, clock: Clock
    ) -> None:
        self._spool = spool
        self._children = children
        self._settings = settings
        self._clock = clock
        self._struck_mails = set[str]()  # mails, since the last that came through

    async def run(self) -> None:
        """Prepare until cancelled; a mail in hand is prepared again at the next start.

        Raises:
            SpoolBroken: the ledger cannot be written any more.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.count):
                    group.create_task(self._work())
        finally:
            await self._children.close()

    async def _work(self) -> None:
        while True:
            turn = await self._next_turn()
            if turn.mail is not None:
                await self._take_care_of(turn.mail)
                continue
            rest = turn.next_at - self._clock.now()
            await self._spool.bells.wait(Station.PREPARING, min(max(rest, 0.0), _LONGEST_REST))

    async def _next_turn(self) -> Turn:
        """What is to be done now; nothing while the disk has no room to claim a mail."""
        now, within = self._clock.now(), self._settings.parts_within
        try:
            turn = await self._spool.do(turns.take, gathered, within, now, _LEASE)
        except SpoolFull as error:
            events.spool_trouble("preparing", str(error))
            await asyncio.sleep(_FULL_REST)
            return Turn(None, now)
        if turn.mail is not None and turn.next_at <= now:
            self._spool.bells.ring(Station.PREPARING)  # there is one for a colleague
        for reference in turn.ended:
            self._spool.bells.ring(Station.ANSWERING)
            events.refused_by_mail(reference, "4.7.0")
        return turn

    async def _take_care_of(self, mail: MailToPrepare) -> None:
        try:
            await self._prepare(mail)
        except SpoolBroken:
            raise
        except SpoolFull as error:
            await self._wait_for_room(mail, str(error))
        except SpoolError as error:
            events.spool_trouble("preparing", str(error))
            await self._again(mail)
        except NoChild as failure:
            await self._wait_for_children(mail, str(failure))
        except IllegalEvent as error:
            if await self._spool.do(preparation.is_to_prepare, mail.id):
                events.bug("preparing", error)
                await self._struck(mail, type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one odd mail must not stop the others
            events.bug("preparing", error)
            await self._struck(mail, type(error).__name__)

    async def _prepare(self, mail: MailToPrepare) -> None:
        started = self._clock.now()
        if mail.waits:
            await self._gather(mail)
            return
        directory = self._spool.content.documents_of(mail.id)
        if directory.exists():  # of an attempt that was cut short
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        path = self._spool.content.mail(mail.id)
        if not all(one.exists() for one in (path, *self._others(mail))):
            await self._quarantine(mail, "the stored mail is missing")
            return
        settings = self._settings
        rules = settings.rules.get(mail.rule) or OptionRules(timezone=settings.timezone)
        try:
            prepared = await self._children.prepare(path, directory, self._asked(mail, rules))
        except ChildFailed as failure:
            await self._struck(mail, str(failure), failure.opening)
            return
        self._struck_mails.clear()
        await self._spool.alarm.over(Trouble.READER)
        if not _is_unchanged(mail, prepared):
            await self._quarantine(mail, _CHANGED)
            return
        reading = prepared.reading
        if mail.is_answer:
            await self._obey(mail, "" if reading.documents else reading.words)
            return
        refusal, spoken = reading.verdict.refusal, _in_its_language(mail, reading, rules)
        if refusal is None:
            decided = await self._decided(spoken, reading, rules)
            refusal = decided.refusal
        if refusal is None and reading.question:
            await self._answer_in(spoken, mail.options)
            await self._ask(mail, reading)
            return
        refusal = refusal or await self._reserve_pages(mail, prepared)
        if refusal is not None:
            await self._answer_in(spoken, mail.options)
            await self._refuse(mail, refusal, reading.not_faxed)
        else:
            await self._record(mail, prepared, decided.options, started)

    async def _obey(self, mail: MailToPrepare, words: str) -> None:
        """Do what an answer to one of our replies asks for; nothing of it is faxed (W6).

        One that brings a document is not understood: its sender would believe that it is faxed.
        """
        directory = self._spool.content.documents_of(mail.id)
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        wanted, now = wanted_in(words), self._clock.now()
        verb, to = (str(wanted.verb), wanted.to) if wanted else (None, "")
        terms = Terms(self._read_number, self._settings.quotas)
        done = await self._spool.do(answers.obey, answers.Answer(mail.id, verb, to), terms, now)
        self._spool.bells.ring()
        events.answer_read(mail.reference, verb or "-", done)

    def _read_number(self, rule: str, written: str) -> Destination:
        """Where a rule's fax to a number goes; nowhere when the rule is gone or forbids it."""
        rules = self._settings.numbers.get(rule)
        if rules is None:
            return Destination(
                written, None, f"The rule {rule} is not in the configuration any more"
            )
        return read_number(written, rules).destination

    async def _gather(self, mail: MailToPrepare) -> None:
        """A mail that is one of several waits until all are there (M5)."""
        within, now = self._settings.parts_within, self._clock.now()
        await self._spool.do(series.gather, mail.id, gathered, within, now)
        self._spool.bells.ring(Station.PREPARING, Station.ANSWERING)
        events.gathering(mail.reference)

    async def _reserve_pages(self, mail: MailToPrepare, prepared: Prepared) -> Response | None:
        """Count the mail's pages against its rule's quotas; the refusal when they do not fit.

        A document whose pages cannot be counted counts as one page, until the outcome tells.
        """
        rules = self._settings.quotas
        if not any(rules.values()):
            return None
        pages = sum(document.pages or 1 for document in prepared.reading.documents)
        problem = await self._spool.do(usage.reserve_pages, mail.id, pages, rules)
        return None if problem is None else Response(550, "5.7.1", problem)

    def _asked(self, mail: MailToPrepare, rules: OptionRules) -> Asked:
        """What the mail's rule and its addresses want of its documents."""
        wishes = [wish for fax in mail.faxes for wish in fax.wishes]
        return Asked(
            dialects=rules.dialects,
            resends=asks_for_earlier_fax(wishes),
            resolution=finest(wishes, mail.options.resolution),
            paper=self._settings.paper,
            page_always=rules.page_always or asks_for_page(wishes, rules.dialects),
            page_alone=rules.page_alone,
            known_pictures=tuple(mail.known_pictures),
            pictures_decided=mail.pictures_decided,
            others=tuple(map(str, self._others(mail))),
            joined=mail.joined,
            nested=rules.nested,
        )

    def _others(self, mail: MailToPrepare) -> list[Path]:
        """The files of the mails it is joined with."""
        return [self._spool.content.mail(part.id) for part in mail.others]

    async def _decided(self, mail: MailToPrepare, reading: Reading, rules: OptionRules) -> Decided:
        """How each fax is sent, or why the mail cannot be faxed as it wishes (O2, O5)."""
        asked = mail_asked(reading, mail.received_at)
        faxes = [FaxAsked(fax.id, fax.number, fax.name or "", fax.wishes) for fax in mail.faxes]
        who = None if rules.may_resend == "account" else mail.who
        earlier = {
            wanted: await self._spool.do(resending.earlier_fax, wanted, who)
            for wanted in wanted_again(asked, faxes)
        }
        return decide(asked, faxes, mail.options, rules, earlier.get)

    async def _record(
        self,
        mail: MailToPrepare,
        prepared: Prepared,
        options: Mapping[str, Options],
        started: float,
    ) -> None:
        content, reading = self._spool.content, prepared.reading
        await asyncio.to_thread(content.sync_documents, mail.id)
        now = self._clock.now()
        await self._spool.do(
            preparation.prepared, mail.id, reading.documents, reading.not_faxed,
            _comment(reading, options), options, self._settings.per_order, now,
            reading.pictures,
        )  # fmt: skip
        self._spool.bells.ring(Station.SENDING)
        counted = [document.pages for document in reading.documents]
        pages = None if None in counted else sum(page or 0 for page in counted)
        events.prepared(mail.reference, len(reading.documents), pages, now - started)

    async def _answer_in(self, mail: MailToPrepare, before: Options) -> None:
        """Remember the language of a mail that is not faxed; those of others are their faxes'."""
        if mail.options != before:
            await self._spool.do(preparation.answered_in, mail.id, mail.options)

    async def _refuse(
        self, mail: MailToPrepare, refusal: Response, parts: Sequence[NotFaxed]
    ) -> None:
        """The second gate refuses a mail; one that nobody can be told of is kept (M0)."""
        why, now = refusal.text, self._clock.now()
        if mail.has_reply_address or self._settings.has_admin:
            status = refusal.status
            await self._spool.do(preparation.refused, mail.id, why, parts, now, status)
            events.refused_by_mail(mail.reference, status)
        else:
            await self._spool.do(holds.hold, mail.id, why, parts, holds.NEVER, now)
            events.held(mail.reference, "nobody can be told why it is not faxed")
        self._spool.bells.ring(Station.ANSWERING)

    async def _ask(self, mail: MailToPrepare, reading: Reading) -> None:
        """A person must decide about pictures first (M6)."""
        now = self._clock.now()
        until = now + self._settings.hold_for
        await self._spool.do(holds.hold, mail.id, reading.question, reading.not_faxed, until, now)
        self._spool.bells.ring(Station.ANSWERING)
        events.held(mail.reference, "pictures that may be documents")

    async def _quarantine(self, mail: MailToPrepare, why: str) -> None:
        await self._spool.do(quarantined, mail.id, why, self._clock.now())
        self._spool.bells.ring(Station.ANSWERING)
        events.quarantined(mail.reference, why)
        await self._spool.alarm.began(Trouble.DAMAGED, mail.reference)

    async def _struck(self, mail: MailToPrepare, why: str, opening: str = "") -> None:
        """The child failed on this mail; after the third time it is refused.

        Args:
            mail: the mail.
            why: how the child ended, for the log.
            opening: the document that was being opened, as its sender knows it.
        """
        events.child_failed(mail.reference, why, mail.attempts)
        self._struck_mails.add(mail.id)
        if len(self._struck_mails) >= _MAILS_STRUCK:
            await self._spool.alarm.began(Trouble.READER, why)
        if mail.attempts < _STRIKES:
            await self._again(mail)
            return
        if mail.is_answer:
            await self._obey(mail, "")
            return
        why = _UNSAFE.format(what=opening or "Its attachments")
        await self._refuse(mail, Response(554, "5.6.0", why), [])

    async def _wait_for_children(self, mail: MailToPrepare, why: str) -> None:
        """There is none to be had: no strike against the mail, and no hurry."""
        events.no_child(mail.reference, why)
        await self._spool.alarm.began(Trouble.READER, why)
        await asyncio.sleep(_NO_CHILD_REST)
        await self._spool.do(preparation.not_tried, mail.id, self._clock.now())

    async def _wait_for_room(self, mail: MailToPrepare, why: str) -> None:
        """The disk is full: no strike against the mail, and the reserve is for work in hand (K6).

        Where not even that finds room, the claim ends by itself.
        """
        events.spool_trouble("preparing", why)
        self._spool.content.use_reserve()
        await asyncio.sleep(_FULL_REST)
        with contextlib.suppress(SpoolFull):
            await self._spool.do(preparation.not_tried, mail.id, self._clock.now())

    async def _again(self, mail: MailToPrepare) -> None:
        wait = _AGAIN[min(mail.attempts, len(_AGAIN)) - 1]
        await self._spool.do(preparation.try_again, mail.id, self._clock.now() + wait)


def _in_its_language(mail: MailToPrepare, reading: Reading, rules: OptionRules) -> MailToPrepare:
    """The mail with the language of its replies among its options."""
    wishes = [*(wish for fax in mail.faxes for wish in fax.wishes), *reading.wishes]
    language = language_of(wishes, reading.headline.languages, mail.options, rules)
    return replace(mail, options=replace(mail.options, lang=language))


def _is_unchanged(mail: MailToPrepare, prepared: Prepared) -> bool:
    """Whether every stored byte is the one that was accepted (K5)."""
    accepted = tuple((one.header_sha256, one.body_sha256) for one in mail.others)
    own = (prepared.header_sha256, prepared.body_sha256)
    return own == (mail.header_sha256, mail.body_sha256) and prepared.others == accepted


def _comment(reading: Reading, options: Mapping[str, Options]) -> str:
    """The words that some fax's comment may hold; none are kept that nobody wants."""
    return reading.comment if any(one.body != "off" for one in options.values()) else ""
