"""The keys of ``relay`` and ``replies``: where our mails go, as whom, and under which name."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mail2fax.config_fields import Domain, Mailbox, Port, Section, TokenUrl, absolute

SUBMISSIONS = 465
_SMTP = 25
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)


def _selector(text: str) -> str:
    if not _SELECTOR.fullmatch(text):
        raise ValueError(f"{text!r} is no selector. Write the name before ._domainkey in the DNS")
    return text


class RelayToken(Section):
    """Where the relay's token comes from (OAuth 2.0, RFC 6749 4.4 and 6)."""

    token_url: TokenUrl
    client_id: str
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    scope: str = ""

    @model_validator(mode="after")
    def _check(self) -> "RelayToken":
        if self.refresh_token is None and self.client_secret is None:
            raise ValueError("write refresh_token, or client_secret and scope")
        return self


class RelayAddress(Section):
    """Where replies go."""

    host: str = "127.0.0.1"
    port: Port | None = None
    protocol: Literal["smtp", "smtps"] = "smtp"
    tls: Literal["required", "opportunistic", "none"] | None = None
    verify: bool = True
    ca: Annotated[Path | None, AfterValidator(absolute)] = None
    login: str = ""
    password: SecretStr | None = None
    oauth: RelayToken | None = None
    envelope_from: Mailbox | None = None

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine, so that nothing goes over a network."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def floor(self) -> str:
        """The TLS that it must at least have."""
        return self.tls or ("none" if self.is_here else "required")

    @property
    def reached_at(self) -> int:
        """Its port."""
        if self.port is not None:
            return self.port
        return SUBMISSIONS if self.protocol == "smtps" else _SMTP

    @model_validator(mode="after")
    def _check(self) -> "RelayAddress":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        if self.protocol == "smtps" and self.tls is not None:
            yield "smtps is TLS from the first byte: leave tls out"
        if (self.password or self.oauth) and not self.login:
            yield "a password or oauth needs a login"
        if self.login and not (self.password or self.oauth):
            yield "a login needs a password, or oauth"
        if self.password and self.oauth:
            yield "write either a password, or oauth"
        in_clear = self.protocol == "smtp" and self.floor != "required"
        if self.login and in_clear and not self.is_here:
            yield "a login is sent under TLS only: write tls: required"
        if self.ca is not None and not self.verify:
            yield "ca says what to verify with: leave verify: false out"


class DkimKey(Section):
    """What our mails are signed with."""

    domain: Domain
    selector: Annotated[str, AfterValidator(_selector)]
    key: Annotated[Path, AfterValidator(absolute)]


class RepliesFrom(Section):
    """Who replies come from."""

    sender: Annotated[Mailbox | None, Field(alias="from")] = None
    dkim: DkimKey | None = None
