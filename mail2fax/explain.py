"""``mail2fax explain``: what would become of a mail, without sending anything (M13).

The same gate, the same child and the same rules as the daemon's; the result as one JSON object
a mail, or in words.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mail2fax.accepting.admission import ENVELOPE, Rule, admit, candidates
from mail2fax.accepting.proof import Login, Proof
from mail2fax.clock import Clock, utc
from mail2fax.config import Config
from mail2fax.config_fields import machine_timezone
from mail2fax.daemon import children, contacts_file, holds_on, rule_of
from mail2fax.json_form import as_json
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.preparing.documents import Asked, finest
from mail2fax.reading.addresses import AddressReading, AddressRules, read_address
from mail2fax.reading.contacts import NOBODY, Contacts
from mail2fax.reading.gate import Gate, GateReading
from mail2fax.reading.numbers import EVERYWHERE, NumberRules
from mail2fax.reading.options.decision import (
    Decided,
    FaxAsked,
    asks_for_earlier_fax,
    asks_for_page,
    decide,
    mail_asked,
    refusal_of,
    refusal_of_twice,
    refusal_on_the_line,
)
from mail2fax.reading.options.rules import OptionRules
from mail2fax.reading.series import SplitPattern
from mail2fax.values import Destination, Options, Reading, Response, SeriesPart, Verdict

_PIECE = 1 << 18
_TOLD = ("part", "filename", "content_type", "size", "sha256", "pages")


@dataclass(frozen=True, slots=True)
class Explainer:
    """What mails are explained with.

    Attributes:
        addresses: how recipients are read.
        options: how the fax would be sent.
        option_rules: what the mail may ask for.
        children: the pool that opens documents.
        now: when the mail is taken to have come, seconds since the epoch.
        contacts: who can be written to by name.
        refusal: why no rule admits the client; None when one does.
        reply: who would be answered, and by which rule; empty without a configuration.
        paper: ``a4`` or ``letter``.
        split_scans: how the client names the mails of one scan, None when it splits none.
    """

    addresses: AddressRules
    options: Options
    option_rules: OptionRules
    children: Children
    now: float
    contacts: Contacts = NOBODY
    refusal: Response | None = None
    reply: str = ""
    paper: str = "a4"
    split_scans: SplitPattern | None = None

    async def explain(self, mail: Path, recipients: Iterable[str]) -> dict[str, Any]:
        """One mail's whole fate, in the fixed form of ``explain --json``.

        Which fax a reference stands for only the ledger knows: it is shown as written.

        Raises:
            OSError: the file cannot be read.
        """
        told, refusal = self._destinations(recipients)
        taken = [one for one in told if one.number] or [Destination("", None, "")]
        found = self._gate(mail)
        verdict = self._on_the_line(found, taken)
        if (on_the_line := self.refusal or refusal) is not None:
            verdict = Verdict(on_the_line, "line")
        reading, failure = await self._prepared(mail, taken)
        decided = self._decided(reading, taken) if reading else Decided({})
        if verdict.accepted and reading:
            verdict = reading.verdict
        if verdict.accepted and decided.refusal:
            verdict = Verdict(decided.refusal, "mail")
        waits = _waits(found.series or self._part_of_scan(found)) if verdict.by != "line" else None
        refused = waits or (str(verdict.refusal) if verdict.refusal else failure)
        refused = refused or _on_hold(reading.question if reading else "")
        options = decided.options.get("1", self.options)
        return {
            "mail": str(mail),
            "when": verdict.by or ("mail" if refused else None),
            "destinations": list(_shown(told, decided)),
            "documents": [_document(one) for one in as_json(reading.documents)] if reading else [],
            "not_faxed": as_json(reading.not_faxed) if reading else [],
            "comment": _comment(reading, options) if reading else "",
            "options": _said(options),
            "refused": refused,
        }

    def _destinations(self, recipients: Iterable[str]) -> tuple[list[Destination], Response | None]:
        """Every recipient as the listener would read it; the refusal when none is taken."""
        told: list[Destination] = []
        refusals: list[Response] = []
        for recipient in recipients:
            reading = read_address(recipient, self.addresses, self.contacts)
            refusal = (
                reading.refusal
                or self.refused_wishes(reading)
                or refusal_of_twice(told, reading.destinations)
            )
            if refusal is None:
                known = {one.number for one in told}
                told += [one for one in reading.destinations if one.number not in known]
            else:
                refusals.append(refusal)
                told.append(Destination(recipient, None, refusal.text))
        taken = any(one.number for one in told)
        return told, None if taken or not refusals else refusals[0]

    def refused_wishes(self, reading: AddressReading) -> Response | None:
        """Why the options of an address cannot be met; None when they can."""
        refusals = (
            refusal_of(one.wishes, self.option_rules, self.now, 550) for one in reading.destinations
        )
        return next((one for one in refusals if one is not None), None)

    def _gate(self, mail: Path) -> GateReading:
        gate = Gate(nested=self.option_rules.nested)
        with mail.open("rb") as file:
            while piece := file.read(_PIECE):
                gate.feed(piece)
        return gate.finish()

    def _on_the_line(self, found: GateReading, taken: Iterable[Destination]) -> Verdict:
        refusal = found.verdict.refusal or refusal_on_the_line(
            found, taken, self.option_rules, self.now
        )
        return Verdict(refusal, "line" if refusal else None)

    def _part_of_scan(self, found: GateReading) -> SeriesPart | None:
        if self.split_scans is None:
            return None
        return self.split_scans.part_of((found.headline.subject, *found.filenames))

    async def _prepared(
        self, mail: Path, taken: Iterable[Destination]
    ) -> tuple[Reading | None, str | None]:
        rules = self.option_rules
        wishes = [wish for one in taken for wish in one.wishes]
        asked = Asked(
            dialects=rules.dialects,
            nested=rules.nested,
            resends=asks_for_earlier_fax(wishes),
            resolution=finest(wishes, self.options.resolution),
            paper=self.paper,
            page_always=rules.page_always or asks_for_page(wishes, rules.dialects),
            page_alone=rules.page_alone,
        )
        with tempfile.TemporaryDirectory() as directory:
            try:
                prepared = await self.children.prepare(mail, Path(directory, "documents"), asked)
            except ChildFailed as failure:
                return None, f"554 5.6.0 The mail could not be opened safely: {failure}"
        return prepared.reading, None

    def _decided(self, reading: Reading, taken: Iterable[Destination]) -> Decided:
        asked = mail_asked(reading, self.now)
        names = dict(reading.headline.names)
        faxes = [
            FaxAsked(str(at), str(one.number or ""), one.name or names.get(one.written) or "",
                     one.wishes)
            for at, one in enumerate(taken, start=1)
        ]  # fmt: skip
        return decide(asked, faxes, self.options, self.option_rules, lambda wanted: wanted)


def _shown(told: Iterable[Destination], decided: Decided) -> Iterator[dict[str, Any]]:
    """The destinations; one whose options are not the first's has them beside it."""
    first, count = decided.options.get("1"), 0
    for one in told:
        shown = {"written": one.written, "number": as_json(one.number), "why": one.why}
        count += one.number is not None
        options = decided.options.get(str(count)) if one.number else None
        alike = options is None or first is None or _same_for_all(options) == _same_for_all(first)
        yield shown if alike or options is None else {**shown, "options": _said(options)}


def _same_for_all(options: Options) -> Options:
    """Without the recipient's name, which is each fax's own."""
    return replace(options, cover=options.cover and replace(options.cover, name_to=""))


def _said(options: Options) -> dict[str, Any]:
    """The options that somebody said, times as a person reads them."""
    said = {name: value for name, value in as_json(options).items() if value not in (None, [], "")}
    said.pop("with_cover", None)
    if options.at is not None:
        said["at"] = utc(options.at).isoformat()
    return said


def _comment(reading: Reading, options: Options) -> str:
    if options.comment is not None:
        return options.comment
    return reading.comment if options.body in (None, "comment", "comment+cover") else ""


def _waits(part: SeriesPart | None) -> str | None:
    """What a mail that is one of several is told while the others are not there (M5)."""
    if part is None or part.total == 1:
        return None
    total = "" if part.total is None else f" of {part.total}"
    return f"It would wait for its other parts: it is part {part.number}{total}."


def _on_hold(question: str) -> str | None:
    """What a mail with a question about its pictures is told (M6)."""
    return f"It would be held until a person decides: {question}" if question else None


def _document(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in _TOLD}


@dataclass(frozen=True, slots=True)
class Client:
    """Which client a mail would come from; all None for nobody in particular."""

    address: str | None = None
    login: str | None = None
    mail_from: str | None = None

    @property
    def is_anybody(self) -> bool:
        """Whether nothing was said, so that the first rule is meant."""
        return self.address is None and self.login is None

    def __str__(self) -> str:
        who = [f"login {self.login}"] if self.login is not None else []
        return " at ".join([*who, *([self.address] if self.address is not None else [])])


def explainer_for(config: Config | None, region: str, client: Client | None = None) -> Explainer:
    """An explainer by the rule that admits a client, or for every domain.

    Args:
        config: None when there is none: every domain is ours, every country is allowed.
        region: ISO code for national numbers when there is no configuration.
        client: whose mail it would be; None for the first rule, at the first listener.

    Raises:
        ConfigError: the contacts file has mistakes.
    """
    now = Clock().now()
    if config is not None:
        client = client or Client()
        rule = _rule_for(config, client)
        refusal = (
            None
            if rule
            else Response(
                550,
                "5.7.1",
                f"{client} may not send faxes here. An administrator can add it to senders",
            )
        )
        rule = rule or rule_of(config, config.listen[0], config.senders[0], 0)
        return Explainer(
            rule.addresses,
            rule.options,
            rule.option_rules,
            children(config),
            now,
            names_of(config),
            refusal,
            "" if refusal else reply_words(rule, client),
            config.paper,
            rule.split_scans,
        )
    addresses = AddressRules((), open_rules(region))
    allowed = OptionRules(machine_timezone(), most_retries=3)
    return Explainer(addresses, Options(), allowed, Children(), now)


def _rule_for(config: Config, client: Client) -> Rule | None:
    """The rule that would admit a client, at the first listener by which one does."""
    if client.is_anybody:
        return rule_of(config, config.listen[0], config.senders[0], 0)
    login = None if client.login is None else Login(client.login)
    proof = Proof(client.address or "", login=login)
    for listen in config.listen:
        known = [rule_of(config, listen, rule, at) for at, rule in enumerate(config.senders)]
        rules = [rule for rule in known if holds_on(listen, rule) and not rule.frozen]
        by_author = (
            rule
            for rule in candidates(rules, proof)
            if rule.author is not None and rule.author.names(client.mail_from or "")
        )
        if (rule := admit(rules, proof) or next(by_author, None)) is not None:
            return rule
    return None


def reply_words(rule: Rule, client: Client) -> str:
    """Who would be answered, and why it is they."""
    kinds = "the outcome only" if rule.replies == "outcome" else "when it is taken, and the outcome"
    if rule.reply_to != ENVELOPE:
        return f"to {rule.reply_to}, as {rule.name} says: {kinds}"
    if client.mail_from:
        return f"to {client.mail_from}, the envelope's sender (rule {rule.name}): {kinds}"
    return f"to the envelope's sender, --mail-from (rule {rule.name}): {kinds}"


def names_of(config: Config) -> Contacts:
    """Who a configuration lets people write to by name.

    Raises:
        ConfigError: the contacts file has mistakes.
    """
    file = contacts_file(config)
    return NOBODY if file is None else file.current


def open_rules(region: str) -> NumberRules:
    """Every country, no restriction of the office's own."""
    return NumberRules(region, EVERYWHERE)
