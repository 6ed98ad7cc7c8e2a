"""The configuration: YAML and environment become frozen values, or every mistake at once.

A mistake is told as ``file:line:column: key: what is wrong and what to write instead``. Unknown
keys are mistakes. A secret stands in no message. docs/configuration.md lists every key.
"""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
)

from mail2fax.config_faxplus import FaxPlusAccount, Hooks
from mail2fax.config_fields import (
    Count,
    Countries,
    Country,
    Domain,
    Duration,
    Mailbox,
    Numbers,
    Section,
    Size,
    SplitScans,
    Texts,
    Timezone,
    absolute,
    as_list,
    machine_timezone,
)
from mail2fax.config_listen import Listen, Tls
from mail2fax.config_options import Allowances, Billing, Body, Language
from mail2fax.config_relay import RelayAddress, RepliesFrom
from mail2fax.config_senders import Conditions
from mail2fax.errors import ConfigError
from mail2fax.values import Cover, Options
from mail2fax.yaml_file import Place, YamlFile, read_yaml

_SENTENCES = {
    "missing": "is missing",
    "too_short": "at least one must stand here",
    "tuple_type": "write a list",
    "model_type": "write key: value below it",
    "literal_error": "write {expected}",
    "int_parsing": "write a whole number",
    "bool_parsing": "write true or false",
    "less_than_equal": "may be {le} at most",
    "greater_than_equal": "must be {ge} at least",
    "string_pattern_mismatch": "write one digit, or leave it out",
    "string_type": "write one value",
}
_LETTER = frozenset(
    {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}
)
"""Where paper is Letter and not A4 (Unicode CLDR, supplemental data, paperSize)."""

_QUOTAS_LOOK_BACK = 31 * 86400.0
_EXAMPLE = "senders: [{networks: [192.168.1.0/24]}]"


class SenderRule(Conditions, Allowances):
    """Who may send, and what holds for them."""

    name: str = ""
    replies: Literal["both", "outcome"] | None = None
    source_numbers: Annotated[Numbers, Field(alias="from")] = ()
    countries: Countries = ()
    body: Body | None = None
    language: Language | None = None
    timezone: Timezone | None = None
    split_scans: SplitScans | None = None
    body_only: Literal["refuse", "page"] = "refuse"


class NumberPolicy(Section):
    """Which numbers may be dialled."""

    allow_unassigned: bool = False
    deny_prefixes: Texts = ()


class Sending(Section):
    """How orders are sent and settled."""

    on_unknown: Literal["reconcile", "hold"] = "reconcile"
    settle: Duration = 600.0
    listings: Count = 3
    first_poll: Duration = 5.0
    give_up: Duration = 14400.0
    retries: tuple[Duration, ...] = (300.0, 900.0, 2400.0)
    waiting_after: Duration = 1800.0
    hold_for: Duration = 86400.0
    destinations_per_order: Count = 1
    parallel: Count = 16
    per_minute: Count | None = None
    number_per_minute: Count | None = None
    paused: bool = False


class Limits(Section):
    """What a mail and a fax may be."""

    attachments: Size = 100_000_000
    fax_size: Size = 30_000_000
    files: Annotated[int, Field(ge=1, le=10)] = 10
    pages: Count = 200
    recipients: Annotated[int, Field(ge=100)] = 200
    destinations: Count = 500
    connections: Count = 1000
    waiting: Count = 10_000


class Preparing(Section):
    """The children that open documents."""

    children: Count = 2
    memory: Size = 256_000_000
    seconds: Count = 20
    socket: Annotated[Path | None, AfterValidator(absolute)] = None
    parts_within: Duration = 3600.0


class Keeping(Section):
    """How long what is kept."""

    success: Duration = 86400.0
    other: Duration = 7 * 86400.0
    rows: Duration = 90 * 86400.0
    audit: Duration = 6 * 365.25 * 86400.0


class Config(Allowances):
    """The whole configuration."""

    domains: Annotated[tuple[Domain, ...], BeforeValidator(as_list), Field(min_length=1)]
    region: Country
    countries: Countries = ()
    language: Language = "en"
    timezone: Annotated[Timezone, Field(default_factory=machine_timezone)]
    admin: Mailbox | None = None
    prefix: str = ""
    contacts: Path | None = None
    templates: Path | None = None
    hostname: str = ""
    state_dir: Path
    listen: Annotated[tuple[Listen, ...], Field(min_length=1)]
    tls: Tls | None = None
    faxplus: FaxPlusAccount
    hooks: Hooks | None = None
    relay: RelayAddress = RelayAddress()
    replies: RepliesFrom = RepliesFrom()
    senders: tuple[SenderRule, ...]
    numbers: NumberPolicy = NumberPolicy()
    sending: Sending = Sending()
    limits: Limits = Limits()
    preparing: Preparing = Preparing()
    keep: Keeping = Keeping()

    @property
    def reply_address(self) -> str:
        """Who replies come from."""
        return self.replies.sender or f"fax@{self.domains[0]}"

    @property
    def has_logins(self) -> bool:
        """Whether any rule asks for a login."""
        return any(rule.login for rule in self.senders)

    def rule_names(self) -> tuple[str, ...]:
        """What each rule is called, in order."""
        return tuple(rule.name or f"senders[{n}]" for n, rule in enumerate(self.senders))

    def rules_by_fingerprint(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Whom each rule admits, by its name; and which of these names are but places."""
        names = self.rule_names()
        admits = {name: rule.admits for name, rule in zip(names, self.senders, strict=True)}
        named = {rule.name for rule in self.senders}
        return admits, tuple(name for name in names if name not in named)

    def rules_for_login(self, login: str, only: str = "") -> tuple[str, ...]:
        """The rules that ask for a login and name this one; ``only`` is the one it is tied to."""
        named = zip(self.rule_names(), self.senders, strict=True)
        return tuple(
            name for name, rule in named if {login, "*"} & set(rule.login) and only in ("", name)
        )

    def countries_of(self, rule: SenderRule) -> frozenset[str]:
        """Where a rule's faxes may go: its own countries, the site's, or the region."""
        return frozenset(rule.countries or self.countries or (self.region,))

    def options_of(self, rule: SenderRule) -> Options:
        """How a rule's faxes are sent: its own options over the site's."""
        site, own = self.options, rule.options
        cover = own.cover or site.cover
        body = rule.body or own.body or ("off" if rule.device else site.body)
        return Options(
            source_numbers=rule.source_numbers,
            resolution=own.resolution or site.resolution,
            enhance=site.enhance if own.enhance is None else own.enhance,
            retry=own.retry or site.retry,
            tags=tuple(dict.fromkeys((*site.tag, *own.tag))),
            bill=own.bill or site.bill,
            comment=site.comment if own.comment is None else own.comment,
            cover=Cover(**cover.model_dump()) if cover else None,
            body=body,
            user_id=own.user or site.user or self.faxplus.member,
            report=site.report if own.report is None else own.report,
            lang=own.lang or rule.language or site.lang,
        )

    @property
    def members(self) -> frozenset[str]:
        """The Fax.Plus members that some mail may be sent as, beside the account's own user."""
        named = {self.faxplus.member, self.options.user, *self.may_send_as}
        for rule in self.senders:
            named |= {rule.options.user, *rule.may_send_as}
        return frozenset(name for name in named if name)

    def timezone_of(self, rule: SenderRule) -> str:
        """The clock of a rule's people."""
        return rule.timezone or self.timezone

    def bill_of(self, rule: SenderRule) -> Billing:
        """Whether a rule's faxes need a billing code, and which there are."""
        return rule.bill or self.bill or Billing()

    def sources_of(self, rule: SenderRule) -> tuple[str, ...]:
        """The own numbers a rule's mails may name: those it sends from, and more."""
        default = rule.source_numbers or self.faxplus.source_numbers
        return tuple(dict.fromkeys((*default, *(rule.may_send_from or self.may_send_from))))

    @property
    def paper(self) -> str:
        """What faxes are printed on in the region."""
        return "letter" if self.region in _LETTER else "a4"

    def warnings(self) -> tuple[str, ...]:
        """What an admin should look at, without which everything works."""
        found = []
        if self.admin is None:
            found.append("admin is not set: nobody is told when nobody else can be")
        if self.sending.paused:
            found.append("sending.paused is set: mail is taken, nothing is faxed")
        if self.hooks is not None and self.hooks.url.startswith("http:"):
            found.append("hooks.url is not https: who listens on the way learns the secret path")
        found += [
            f"{name}.split_scans has no {{name}}: two scans that each lose a mail may be joined"
            for name, rule in zip(self.rule_names(), self.senders, strict=True)
            if rule.split_scans and "{name}" not in rule.split_scans
        ]
        return tuple(found)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the configuration.

    Args:
        path: the YAML file; ``.env`` beside it and systemd credentials give variables too, the
            environment before them.
        environment: instead of the process's own.

    Raises:
        ConfigError: with every mistake.
    """
    own = dict(os.environ if environment is None else environment)
    file = read_yaml(path, {**_dot_env(path), **_credentials(own), **own})
    data = file.data if file.data is not None else {}
    if not isinstance(data, dict):
        raise ConfigError([f"{file.at(())}: write key: value, beginning with domains:"])
    for key in ("contacts", "templates"):
        if isinstance(data.get(key), str):
            data[key] = str(path.parent / data[key])
    if not data.get("senders"):
        data["senders"] = []
        sentence = f"nobody may send. Add a rule, such as {_EXAMPLE}"
        file.problems.append(f"{file.at(('senders',))}: senders: {sentence}")
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems = {*file.problems, *_problems(error, file)}
        raise _mistakes(problems, file) from None
    file.problems += _loops(config, file)
    file.problems += _listeners(config, file)
    file.problems += _rules_of_nobody(config, file)
    file.problems += _foreign_bills(config, file)
    file.problems += _forgotten_too_soon(config, file)
    file.problems += _foreign_signatures(config, file)
    if file.problems:
        raise _mistakes(file.problems, file)
    return config


def _dot_env(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is a file

    beside = path.parent / ".env"
    if not beside.is_file():
        return {}
    return {name: value for name, value in dotenv_values(beside).items() if value is not None}


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Files of systemd's LoadCredential, by their names."""
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return {}
    files = (file for file in Path(directory).iterdir() if file.is_file())
    return {file.name: file.read_text(encoding="utf-8").strip() for file in files}


def _mistakes(problems: Iterable[str], file: YamlFile) -> ConfigError:
    """All of them, in order; a secret that stands in a wrong place is named, not shown."""
    return ConfigError([file.without_secrets(one) for one in sorted(problems, key=_place_of)])


def _place_of(problem: str) -> tuple[list[int], str]:
    return [int(part) for part in problem.split(":")[1:3] if part.isdigit()], problem


def _problems(error: ValidationError, file: YamlFile) -> Iterator[str]:
    found = error.errors(include_url=False, include_input=False)
    places = [tuple(one["loc"]) for one in found]
    for one, place in zip(found, places, strict=True):
        if one["type"] == "too_short" and any(
            place == other[: len(place)] != other for other in places
        ):
            continue  # it is only too short because of what is wrong inside
        yield _problem(file, place, _sentence(one, place))


def _problem(file: YamlFile, place: Place, sentence: str) -> str:
    return f"{file.at(place)}: {'.'.join(str(part) for part in place)}: {sentence}"


def _loops(config: Config, file: YamlFile) -> Iterator[str]:
    """Addresses for replies that would be faxed again (W8)."""
    told: dict[Place, str] = {("admin",): config.admin or ""}
    told |= {("senders", n, "reply_to"): rule.reply_to for n, rule in enumerate(config.senders)}
    for place, address in told.items():
        if address.rpartition("@")[2].lower() in config.domains:
            yield _problem(file, place, f"{address} is at a fax domain: its mail would be faxed")


def _listeners(config: Config, file: YamlFile) -> Iterator[str]:
    """Listeners that nobody could use as they stand."""
    for number, listen in enumerate(config.listen):
        place = ("listen", number)
        if listen.protocol == "smtps" and not (listen.tls or config.tls):
            yield _problem(file, place, "smtps needs a certificate: write tls here or for all")
        if listen.legacy and not any(rule.networks for rule in config.senders):
            sentence = "legacy needs a rule that names networks: others do not hold there"
            yield _problem(file, place, sentence)
        if listen.of_relays and not any(rule.asks_for_author for rule in config.senders):
            sentence = "mail servers need a rule that says whose mail may be faxed: addresses"
            yield _problem(file, place, sentence)


def _foreign_bills(config: Config, file: YamlFile) -> Iterator[str]:
    """Billing codes of the office's own that are not on its list (O5)."""
    for n, rule in enumerate(config.senders):
        codes, code = config.bill_of(rule).codes, config.options_of(rule).bill
        if codes and code is not None and code not in codes:
            own: Place = ("senders", n) if rule.options.bill else ()
            yield _problem(file, (*own, "options", "bill"), f"{code} is not one of bill.codes")


def _forgotten_too_soon(config: Config, file: YamlFile) -> Iterator[str]:
    """Rows that are still asked for: by quotas, and for content that is kept longer (K7)."""
    keep = config.keep
    if keep.rows < max(_QUOTAS_LOOK_BACK, keep.success, keep.other):
        sentence = "quotas count over a month, and content needs its row: write 31d at least"
        yield _problem(file, ("keep", "rows"), f"{sentence}, and no less than success and other")


def _foreign_signatures(config: Config, file: YamlFile) -> Iterator[str]:
    """A DKIM key for another domain than replies come from, which would prove nothing (W7)."""
    key, domain = config.replies.dkim, config.reply_address.rpartition("@")[2].lower()
    if key is not None and domain != key.domain and not domain.endswith(f".{key.domain}"):
        sentence = f"replies come from {domain}: sign for that domain, or set replies.from"
        yield _problem(file, ("replies", "dkim", "domain"), sentence)


def _rules_of_nobody(config: Config, file: YamlFile) -> Iterator[str]:
    """Rules that could admit nobody, because no listener is for them."""
    relays = [listen for listen in config.listen if listen.of_relays]
    people = [listen for listen in config.listen if not listen.of_relays]
    vouched = any(listen.vouches for listen in relays)
    secret = any(listen.tls or config.tls or listen.auth_without_tls for listen in people)
    for number, rule in enumerate(config.senders):
        sentence = ""
        if rule.asks_for_author and not relays:
            sentence = "asks who wrote the mail, which needs a listener with clients: relay"
        elif rule.is_vouched_for and not vouched:
            sentence = "addresses need trusted_results here, or vouches: true at the listener"
        elif not rule.asks_for_author and not people:
            sentence = "is for people, which needs a listener with clients: people"
        elif rule.login and not secret:
            sentence = "logins need tls, or auth_without_tls at the listener"
        if sentence:
            yield _problem(file, ("senders", number), sentence)


def _sentence(one: Any, place: Place) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "extra_forbidden":
        return f"the key is not known{_nearest(place)}"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    return str(one["msg"]).removeprefix("Value error, ")


def _nearest(place: Place) -> str:
    known = [field.alias or name for name, field in _section_at(place[:-1]).model_fields.items()]
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f". Did you mean {near[0]}?" if near else f". Known are {', '.join(sorted(known))}"


def _section_at(place: Place) -> type[BaseModel]:
    """The section a place lies in."""
    section: type[BaseModel] = Config
    for part in place:
        if isinstance(part, str):
            field = next(
                field for name, field in section.model_fields.items() if part in (name, field.alias)
            )
            section = next(_sections_in(field.annotation))
    return section


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _sections_in(inner)
