"""``mail2fax explain``: what would become of a mail, without sending anything (M13).

The same gate, the same child and the same rules as the daemon's; the result as one JSON object
a mail, or in words.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail2fax.config import Config
from mail2fax.daemon import address_rules, children, contacts_file
from mail2fax.preparing.children import ChildFailed, Children
from mail2fax.reading.addresses import AddressRules, read_address
from mail2fax.reading.contacts import NOBODY, Contacts
from mail2fax.reading.gate import Gate
from mail2fax.reading.numbers import EVERYWHERE, NumberRules
from mail2fax.values import Destination, Options, Reading, Verdict, as_json

_PIECE = 1 << 18
_TOLD = ("part", "filename", "content_type", "size", "sha256", "pages")


@dataclass(frozen=True, slots=True)
class Explainer:
    """What mails are explained with.

    Attributes:
        addresses: how recipients are read.
        options: how the fax would be sent.
        children: the pool that opens documents.
        contacts: who can be written to by name.
    """

    addresses: AddressRules
    options: Options
    children: Children
    contacts: Contacts = NOBODY

    async def explain(self, mail: Path, recipients: Iterable[str]) -> dict[str, Any]:
        """One mail's whole fate, in the fixed form of ``explain --json``.

        Raises:
            OSError: the file cannot be read.
        """
        destinations, refusal = self._destinations(recipients)
        verdict = _first_gate(mail)
        if refusal is not None:
            verdict = Verdict(refusal, "line")
        reading, failure = await self._prepared(mail)
        if verdict.accepted:
            verdict = reading.verdict if reading else verdict
        refused = str(verdict.refusal) if verdict.refusal else failure
        return {
            "mail": str(mail),
            "when": verdict.by or ("mail" if failure else None),
            "destinations": destinations,
            "documents": [_document(one) for one in as_json(reading.documents)] if reading else [],
            "not_faxed": as_json(reading.not_faxed) if reading else [],
            "comment": reading.comment if reading and self.options.body != "off" else "",
            "options": {name: value for name, value in as_json(self.options).items() if value},
            "refused": refused,
        }

    def _destinations(self, recipients: Iterable[str]) -> tuple[list[dict[str, Any]], Any]:
        """Every recipient as the listener would read it; the refusal when none is taken."""
        told: list[Destination] = []
        refusals = []
        for recipient in recipients:
            reading = read_address(recipient, self.addresses, self.contacts)
            told += reading.destinations
            if reading.refusal is not None:
                refusals.append(reading.refusal)
                told.append(Destination(recipient, None, reading.refusal.text))
        taken = any(one.number for one in told)
        shown = [{"written": one.written, "number": as_json(one.number), "why": one.why}
                 for one in told]  # fmt: skip
        return shown, None if taken or not refusals else refusals[0]

    async def _prepared(self, mail: Path) -> tuple[Reading | None, str | None]:
        with tempfile.TemporaryDirectory() as directory:
            try:
                prepared = await self.children.prepare(mail, Path(directory, "documents"))
            except ChildFailed as failure:
                return None, f"554 5.6.0 The mail could not be opened safely: {failure}"
        return prepared.reading, None


def _document(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in _TOLD}


def _first_gate(mail: Path) -> Verdict:
    gate = Gate()
    with mail.open("rb") as file:
        while piece := file.read(_PIECE):
            gate.feed(piece)
    return gate.finish().verdict


def explainer_for(config: Config | None, region: str) -> Explainer:
    """An explainer by a configuration's first rule and listener, or for every domain.

    Args:
        config: None when there is none: every domain is ours, every country is allowed.
        region: ISO code for national numbers when there is no configuration.

    Raises:
        ConfigError: the contacts file has mistakes.
    """
    if config is not None:
        rule = config.senders[0]
        rules, names = address_rules(config, config.listen[0], rule), names_of(config)
        return Explainer(rules, config.options_of(rule), children(config), names)
    return Explainer(AddressRules((), open_rules(region)), Options(), Children())


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


def pages_of(document: dict[str, Any]) -> str:
    """A document's pages in words."""
    count = document["pages"]
    return "pages unknown" if count is None else f"{count} page{'' if count == 1 else 's'}"


def in_words(told: dict[str, Any]) -> str:
    """An explanation for a person."""
    lines = [f"{told['mail']}:"]
    if told["refused"]:
        when = "on the line" if told["when"] == "line" else "by mail"
        lines.append(f"  refused {when}: {told['refused']}")
    for one in told["destinations"]:
        shown = f"{one['number']} ({one['why']})" if one["number"] else f"refused: {one['why']}"
        lines.append(f"  to {one['written']}: {shown}")
    for one in told["documents"]:
        pages = f"{pages_of(one)}, " if one["pages"] else ""
        kind = f"{one['content_type']}, {pages}{one['size']} bytes"
        lines.append(f"  part {one['part']} is faxed: {one['filename']} ({kind})")
    for one in told["not_faxed"]:
        name = one["filename"] or one["content_type"]
        lines.append(f"  part {one['part']} is not faxed: {name}: {one['why']}")
    if told["comment"]:
        lines.append(f"  comment: {told['comment'].splitlines()[0]}")
    return "\n".join(lines)
