"""The conditions of a rule of ``senders``: what proves who somebody is, and how much they may."""

import hashlib
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from mail2fax.config_fields import (
    AuthservId,
    Domains,
    Network,
    People,
    Rates,
    Section,
    Tenant,
    Texts,
    mailbox,
)
from mail2fax.values import Quota

_CONDITIONS = (
    "networks", "login", "certificate", "addresses", "dkim", "m365", "trusted_results",
)  # fmt: skip
_ADMITS_BY = "networks, login, certificate, addresses, dkim, m365 or trusted_results"


class DkimAuthors(Section):
    """Authors whose domain's signature is verified here."""

    domains: Domains = ()
    addresses: People = ()

    @model_validator(mode="after")
    def _check(self) -> "DkimAuthors":
        if not self.domains and not self.addresses:
            raise ValueError("name the domains or addresses whose signed mail is faxed")
        return self


class M365Authors(Section):
    """Authors of one Microsoft 365 tenant."""

    tenant: Tenant
    domains: Annotated[Domains, Field(min_length=1)]


class QuotaSection(Section):
    """How much a rule may send, in any hour, day or month."""

    faxes: Rates = ()
    pages: Rates = ()
    numbers: Rates = ()

    def quotas(self) -> tuple[Quota, ...]:
        """Each limit as one value."""
        kinds = {"faxes": self.faxes, "pages": self.pages, "numbers": self.numbers}
        return tuple(
            Quota(what, most, seconds) for what, rates in kinds.items() for most, seconds in rates
        )


class Conditions(Section):
    """Who a rule admits: every condition it names must hold (L6)."""

    networks: tuple[Network, ...] = ()
    login: Texts = ()
    certificate: Texts = ()
    addresses: People = ()
    dkim: DkimAuthors | None = None
    m365: M365Authors | None = None
    trusted_results: AuthservId | None = None
    device: bool = False
    reply_to: str = "envelope"
    reply_domains: Domains = ()
    quota: QuotaSection = QuotaSection()
    frozen: bool = False

    @property
    def asks_for_author(self) -> bool:
        """Whether only the mail itself can show who it is from (L6a)."""
        return bool(self.addresses or self.dkim or self.m365 or self.trusted_results)

    @property
    def admits(self) -> str:
        """Whom it admits, as a fingerprint."""
        told = self.model_dump_json(include=set(_CONDITIONS))
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def is_vouched_for(self) -> bool:
        """Whether only the mail server's word proves the author."""
        return self.asks_for_author and not (self.dkim or self.m365 or self.trusted_results)

    @model_validator(mode="after")
    def _check_conditions(self) -> "Conditions":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        ways = [name for name in ("dkim", "m365", "trusted_results") if getattr(self, name)]
        if self.login and self.asks_for_author:
            yield "a login is a condition of people, addresses one of relays: make two rules"
        elif len(ways) > 1:
            yield f"{ways[0]} and {ways[1]} prove the author each by itself: make two rules"
        elif self.addresses and ways and ways[0] != "trusted_results":
            yield f"write whose mail is meant below {ways[0]}, not as addresses"
        elif self.trusted_results and not self.addresses:
            yield "trusted_results also needs addresses: whose mail may be faxed"
        elif self.trusted_results and not (self.networks or self.certificate):
            yield "trusted_results also needs networks or certificate: which server is trusted"
        elif not (self.networks or self.login or self.certificate or self.asks_for_author):
            yield f"says nobody. Add {_ADMITS_BY}"
        yield from self._reply_problems()

    def _reply_problems(self) -> Iterator[str]:
        if self.reply_to != "envelope":
            mailbox(self.reply_to)
        elif self.device:
            yield "a device needs a fixed reply_to: the office that reads its replies"
        if self.reply_domains and not self.device:
            yield "reply_domains says where a device's person may be told: it needs device: true"
