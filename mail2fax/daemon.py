"""The daemon: builds the stations from the configuration and runs them until it is told to stop.

Stations never see the configuration; each gets the plain values it needs from here.
"""

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Self, get_args

from mail2fax import events
from mail2fax.accepting.admission import ENVELOPE, MICROSOFT, AuthorRule, Rule, Way
from mail2fax.accepting.crowd import Crowd, CrowdLimits
from mail2fax.accepting.dialogue.tls import TlsFiles
from mail2fax.accepting.doctor.shelf import Shelf
from mail2fax.accepting.judging import AuthorJudge
from mail2fax.accepting.listener import Listener
from mail2fax.accepting.logins import Logins
from mail2fax.accepting.probes import Probes
from mail2fax.accepting.settings import (
    ListenerSettings,
    LoginVerifier,
    Place,
    RelaySettings,
)
from mail2fax.accepting.signatures import Resolver, Signatures, dns_text
from mail2fax.accepting.transaction import RecipientLimits
from mail2fax.answering.last_words import last_words
from mail2fax.answering.reporter import Reporter
from mail2fax.clock import Clock
from mail2fax.config import Config, SenderRule
from mail2fax.config_listen import Listen
from mail2fax.config_options import Language
from mail2fax.contacts_file import ContactsFile
from mail2fax.daemon_account import account_commands, fax_plus, hook_tasks
from mail2fax.daemon_answering import answering_settings, bounces_to, reports_go_back
from mail2fax.errors import ConfigError, SpoolBroken, SpoolFull
from mail2fax.preparing.child import ChildLimits
from mail2fax.preparing.children import Children
from mail2fax.preparing.documents import DocumentLimits
from mail2fax.preparing.obtaining import Obtain, from_unit, spawned
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.contacts import Contacts
from mail2fax.reading.numbers import EVERYWHERE, NumberRules
from mail2fax.reading.options.rules import OptionRules
from mail2fax.reading.series import SplitPattern
from mail2fax.sending.dispatcher import Dispatcher
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool import intake, letterheads
from mail2fax.spool.commands import ControlSocket
from mail2fax.spool.ends import Keep
from mail2fax.spool.forgetting import Forgetting
from mail2fax.spool.spool import Spool, Station
from mail2fax.spool.troubles import Trouble
from mail2fax.values import PAGE

_HOUSE_EVERY = 15.0
_CONTACTS_EVERY = 2.0
_ENCODED = 1.4
_BESIDE_ATTACHMENTS = 2_000_000
_CHILD_DEADLINE = 3.0
_MOST_RETRIES = 3  # what Fax.Plus takes


class Daemon:
    """Everything running, while ``async with`` lasts.

    Attributes:
        addresses: where its listeners really listen.
    """

    def __init__(
        self, config: Config, clock: Clock | None = None, resolver: Resolver = dns_text
    ) -> None:
        """Remember what to run.

        Args:
            config: the configuration.
            clock: instead of the machine's.
            resolver: of TXT records, instead of the machine's.
        """
        self._config = config
        self._resolver = resolver
        self._clock = clock or Clock()
        self._room = most_bytes(config)
        self._tasks: list[asyncio.Task[None]] = []
        self._listeners: list[Listener] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listener."""
        return [address for listener in self._listeners for address in listener.addresses]

    async def __aenter__(self) -> Self:
        """Open the spool, start the stations, and listen last of all.

        Raises:
            ConfigError: contacts or templates have mistakes, or the key that signs is no good.
            SpoolError: the state directory cannot be used.
            OSError: an address cannot be listened at.
            CertificateError: a listener's TLS files are no good.
        """
        config, clock = self._config, self._clock
        self._contacts = contacts_file(config)
        self._answering = answering_settings(config, clock)
        self._spool = await Spool.open(config.state_dir, clock)
        try:
            self._client = await fax_plus(config, self._spool, clock)
        except ConfigError:
            await self._spool.close()
            raise
        self._shelf, self._probes = Shelf(), Probes()
        own_commands = {
            "doctor": self._shelf.command,
            "probe": self._probes.command,
            **account_commands(self._client),
        }
        self._control = ControlSocket(self._spool, config.state_dir, own_commands)
        own = (network for rule in config.senders for network in rule.networks)
        self._logins = Logins(self._spool, clock, own)
        self._signatures = Signatures(self._resolver)
        await self._spool.follow_rules(*config.rules_by_fingerprint())
        self._start_stations()
        try:
            await self._control.open()
            hooks = hook_tasks(config, self._spool, self._client)
            self._tasks += [asyncio.ensure_future(task) for task in hooks]
            await self._start_listeners()
        except BaseException:
            await self._stop()
            raise
        where = [f"{host}:{port}" if port else host for host, port in self.addresses]
        events.started(where, str(config.state_dir))
        for warning in config.warnings():
            events.warned(warning)
        return self

    async def _start_listeners(self) -> None:
        config = self._config
        crowd = Crowd(CrowdLimits(config.limits.connections))
        for number, listen in enumerate(config.listen):
            logins = self._logins if config.has_logins else None
            settings = listener_settings(config, listen, number, logins)
            if settings.relay is not None:
                judge = AuthorJudge(settings.rules, self._spool, self._signatures)
                settings = replace(settings, relay=replace(settings.relay, judge=judge))
            admin_at = config.domains if config.admin else ()
            bounces = bounces_to(config)
            settings = replace(
                settings, contacts=self._names, admin_at=admin_at, bounces_to=bounces
            )
            listener = Listener(
                settings, self._spool, self._clock, crowd, self._shelf, self._probes
            )
            self._listeners.append(listener)
            await listener.start()

    def read_certificates(self) -> None:
        """Read every listener's TLS files again (SIGHUP)."""
        for listener in self._listeners:
            listener.read_certificates()

    def _start_stations(self) -> None:
        config, spool, clock = self._config, self._spool, self._clock
        rules = tuple(zip(config.rule_names(), config.senders, strict=True))
        preparing = PreparingSettings(
            config.preparing.children,
            config.sending.destinations_per_order,
            {name: rule.quota.quotas() for name, rule in rules},
            {name: number_rules(config, config.countries_of(rule)) for name, rule in rules},
            {name: option_rules(config, rule) for name, rule in rules},
            config.sending.hold_for,
            has_admin=config.admin is not None,
            paper=config.paper,
            parts_within=config.preparing.parts_within,
            timezone=config.timezone,
        )
        stations = [
            Preparer(spool, children(config, obtain_by(config)), preparing, clock).run(),
            Dispatcher(spool, self._client, sending_settings(config), clock).run(),
            Reporter(spool, self._answering, clock).run(),
            Forgetting(spool, keep_of(config)).run(),
            self._keep_house(),
            self._keep_contacts(),
        ]
        self._tasks = [asyncio.ensure_future(station) for station in stations]

    @property
    def status(self) -> str:
        """How it stands, in a line for the service manager."""
        lasting = self._spool.alarm.lasting
        return f"Trouble: {', '.join(sorted(lasting))}" if lasting else "Taking mail"

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            SpoolError: the disk failed for good; nothing more may be believed (K6). The admin
                was told, as far as the relay could be reached.
            Exception: whatever ended a station; it is our own bug.
        """
        try:
            await self._run()
        except SpoolBroken as error:
            await last_words(str(error), self._answering, self._clock.now())
            raise

    async def _run(self) -> None:
        broken = asyncio.ensure_future(self._spool.failed())
        try:
            done, _ = await asyncio.wait(
                {broken, *self._tasks}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            broken.cancel()
        if broken in done and not broken.cancelled():
            raise broken.result()
        for task in done - {broken}:
            task.result()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        """Take no more mail, finish orders under way, close."""
        await asyncio.gather(*(listener.stop() for listener in self._listeners))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._control.close()
        self._logins.close()
        self._signatures.close()
        await self._client.aclose()
        await self._spool.close()

    async def _keep_house(self) -> None:
        """What no station owns: signs of life, twins that waited long enough, old letterheads."""
        while True:
            try:
                await self._spool.note_alive()
                await self._spool.count_waiting()
                if await self._spool.do(intake.twins_overdue, self._clock.now()):
                    self._spool.bells.ring(Station.ANSWERING)
                await self._spool.do(letterheads.forget, self._clock.now())
                await self._spool.alarm.look_around(short=self._short(), behind=self._behind())
                self._spool.content.keep_reserve()  # last: a full disk is told out of it
            except SpoolFull as error:
                events.spool_trouble("daemon", str(error))
                self._spool.content.use_reserve()
                await self._spool.alarm.began(Trouble.DISK, self._short() or str(error))
            await asyncio.sleep(_HOUSE_EVERY)

    def _short(self) -> str:
        """In words that the largest mail finds no room; empty when it does."""
        if self._spool.content.has_room(self._room):
            return ""
        return f"{self._config.state_dir} has no room for a mail of {self._room // 1_000_000} MB"

    def _behind(self) -> str:
        """In words that so much waits that new mail is put off; empty when it is taken (L10)."""
        most = self._config.limits.waiting
        return f"{most} mails wait to be faxed" if self._spool.waiting >= most else ""

    async def _keep_contacts(self) -> None:
        """Read the contacts file again when it has changed (A7)."""
        while True:
            await asyncio.sleep(_CONTACTS_EVERY)
            if self._contacts is not None:
                await asyncio.to_thread(self._contacts.refresh)

    def _names(self) -> Contacts:
        """Who can be written to by name at this moment."""
        return self._contacts.current if self._contacts is not None else Contacts()


# From configuration to settings


def obtain_by(config: Config) -> Obtain:
    """Where the daemon's children come from."""
    socket = config.preparing.socket
    return spawned if socket is None else from_unit(socket)


def children(config: Config, obtain: Obtain = spawned) -> Children:
    """The pool of preparing children."""
    limits, preparing = config.limits, config.preparing
    documents = DocumentLimits(limits.files, limits.fax_size, limits.attachments, limits.pages)
    return Children(
        documents,
        ChildLimits(preparing.memory, preparing.seconds),
        count=preparing.children,
        deadline=_CHILD_DEADLINE * preparing.seconds,
        obtain=obtain,
    )


def contacts_file(config: Config) -> ContactsFile | None:
    """The contacts, when there are some.

    Raises:
        ConfigError: with every mistake of their file.
    """
    if config.contacts is None:
        return None
    unassigned, barred = config.numbers.allow_unassigned, config.numbers.deny_prefixes
    rules = NumberRules(config.region, EVERYWHERE, "", unassigned, barred)
    return ContactsFile(config.contacts, rules, config.prefix)


def listener_settings(
    config: Config,
    listen: Listen,
    number: int,
    logins: LoginVerifier | None = None,
) -> ListenerSettings:
    """One listener."""
    limits, tls = config.limits, listen.tls or config.tls
    rules = tuple(
        rule_of(config, listen, rule, position) for position, rule in enumerate(config.senders)
    )
    return ListenerSettings(
        name=listen.name or f"listen[{number}]",
        place=place_of(listen),
        hostname=config.hostname or config.domains[0],
        size=most_bytes(config),
        rules=tuple(rule for rule in rules if holds_on(listen, rule)),
        limits=RecipientLimits(limits.recipients, limits.destinations),
        most_waiting=limits.waiting,
        domains=config.domains,
        protocol=listen.protocol,
        tls=TlsFiles(tls.certificate, tls.key, tls.client_ca, listen.legacy) if tls else None,
        proxy_from=listen.proxy_from,
        logins=None if listen.of_relays else logins,
        auth_without_tls=listen.auth_without_tls,
        legacy=listen.legacy,
        relay=RelaySettings(reach_of(config, listen)) if listen.of_relays else None,
        reports=reports_go_back(config, rules),
    )


def most_bytes(config: Config) -> int:
    """Of a mail, as the listeners announce it."""
    return int(config.limits.attachments * _ENCODED) + _BESIDE_ATTACHMENTS


def place_of(listen: Listen) -> Place:
    """Where a listener listens."""
    if listen.socket:
        return Place((), 0, listen.path, listen.mode or 0o660, listen.systemd)
    return Place(listen.address, listen.port or 0)


def holds_on(listen: Listen, rule: Rule) -> bool:
    """Whether a rule admits anybody by this listener.

    A legacy listener is for named networks only; a mail server's word for its users counts
    where the admin says that it vouches for them (L6a).
    """
    if listen.legacy and not rule.networks:
        return False
    return listen.vouches or rule.author is None or rule.author.way is not Way.RELAY


def rule_of(config: Config, listen: Listen, rule: SenderRule, position: int) -> Rule:
    """One rule, as it holds on one listener."""
    return Rule(
        name=config.rule_names()[position],
        networks=rule.networks,
        addresses=address_rules(config, listen, rule),
        reply_to=rule.reply_to or ENVELOPE,
        replies=rule.replies or ("outcome" if rule.device else "both"),
        options=config.options_of(rule),
        device=rule.device,
        logins=rule.login,
        certificates=rule.certificate or ((MICROSOFT,) if rule.m365 else ()),
        author=author_rule(rule),
        reply_domains=frozenset(rule.reply_domains),
        quotas=rule.quota.quotas(),
        frozen=rule.frozen,
        split_scans=SplitPattern(rule.split_scans) if rule.split_scans else None,
        option_rules=option_rules(config, rule),
    )


def option_rules(config: Config, rule: SenderRule) -> OptionRules:
    """What the mails of a rule may ask for: its own word, the site's, or the default."""
    bill = config.bill_of(rule)
    retries = config.most_retries if rule.most_retries is None else rule.most_retries
    own_user = config.options_of(rule).user_id
    return OptionRules(
        timezone=config.timezone_of(rule),
        source_numbers=config.sources_of(rule),
        most_retries=_MOST_RETRIES if retries is None else retries,
        may_resend=rule.may_resend or config.may_resend or "own",
        bill_required=bill.required,
        bill_codes=bill.codes,
        users=(*(rule.may_send_as or config.may_send_as), *((own_user,) if own_user else ())),
        languages=get_args(Language),
        dialects=dialects_of(config, rule),
        page_always=config.options_of(rule).body == PAGE,
        page_alone=rule.body_only == PAGE,
        nested=(rule.nested or config.nested) == "documents",
    )


def dialects_of(config: Config, rule: SenderRule) -> tuple[str, ...]:
    """The other products' spellings that a rule's mails are read for (O6)."""
    return (config.dialects if rule.dialects is None else rule.dialects) or ()


def author_rule(rule: SenderRule) -> AuthorRule | None:
    """Whose mail a rule admits and what proves it; None when the session decides."""
    if rule.m365 is not None:
        return AuthorRule(Way.M365, domains=frozenset(rule.m365.domains), source=rule.m365.tenant)
    if not rule.asks_for_author:
        return None
    people, domains = rule.addresses, frozenset[str]()
    if rule.dkim is not None:
        people, domains = rule.dkim.addresses, frozenset(rule.dkim.domains)
    way = Way.DKIM if rule.dkim else Way.RESULTS if rule.trusted_results else Way.RELAY
    return AuthorRule(
        way,
        frozenset(one for one in people if not one.startswith("@")),
        domains | {one[1:] for one in people if one.startswith("@")},
        rule.trusted_results or "",
    )


def address_rules(config: Config, listen: Listen, rule: SenderRule) -> AddressRules:
    """How recipients are read for a rule on a listener."""
    dialects = dialects_of(config, rule)
    return _address_rules(config, listen, config.countries_of(rule), dialects)


def reach_of(config: Config, listen: Listen) -> AddressRules:
    """How recipients are read before a relayed mail's rule is known: as any of them allows."""
    asked = [rule for rule in config.senders if rule.asks_for_author]
    countries = frozenset[str]().union(*(config.countries_of(rule) for rule in asked))
    dialects = {name: None for rule in asked for name in dialects_of(config, rule)}
    return _address_rules(config, listen, countries, tuple(dialects))


def _address_rules(
    config: Config, listen: Listen, countries: frozenset[str], dialects: tuple[str, ...]
) -> AddressRules:
    numbers = number_rules(config, countries, listen.outside_line)
    return AddressRules(
        config.domains, numbers, config.prefix, listen.allow_no_domain, config.limits.destinations,
        dialects=dialects,
    )  # fmt: skip


def number_rules(config: Config, countries: frozenset[str], outside_line: str = "") -> NumberRules:
    """Which numbers may be dialled."""
    policy = config.numbers
    return NumberRules(
        config.region, countries, outside_line, policy.allow_unassigned, policy.deny_prefixes
    )


def sending_settings(config: Config) -> SendingSettings:
    """The sending station."""
    sending = config.sending
    return SendingSettings(
        source_numbers=config.faxplus.source_numbers,
        on_unknown=sending.on_unknown,
        settle=sending.settle,
        listings=sending.listings,
        first_poll=sending.first_poll,
        give_up=sending.give_up,
        retries=sending.retries,
        paused=sending.paused,
        parallel=sending.parallel,
        per_minute=sending.per_minute,
        number_per_minute=sending.number_per_minute,
        waiting_after=sending.waiting_after,
        hold_for=sending.hold_for,
        members=config.members,
    )


def keep_of(config: Config) -> Keep:
    """How long what is kept."""
    keep = config.keep
    return Keep(keep.success, keep.other, keep.rows, keep.audit)
