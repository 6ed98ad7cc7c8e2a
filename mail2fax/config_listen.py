"""The keys of ``listen``: where mail is taken, from what kind of client, under which TLS."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mail2fax.config_fields import Address, Network, Port, Section, as_list

_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)
_SYSTEMD = "systemd:"


def _mode(text: Any) -> int:
    if isinstance(text, int):
        return text
    if not _MODE.fullmatch(str(text)):
        raise ValueError(f"{text!r} is no file mode. Write one such as 0660")
    return int(str(text), 8)


class Tls(Section):
    """A certificate and what it is used with."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Listen(Section):
    """One listener."""

    address: Annotated[tuple[Address, ...], BeforeValidator(as_list)] = ()
    port: Port | None = None
    socket: str = ""
    mode: Annotated[int | None, BeforeValidator(_mode)] = None
    name: str = ""
    protocol: Literal["smtp", "smtps", "lmtp"] = "smtp"
    clients: Literal["people", "relay"] | None = None
    vouches: bool = False
    tls: Tls | None = None
    auth_without_tls: tuple[Network, ...] = ()
    proxy_from: tuple[Network, ...] = ()
    legacy: bool = False
    outside_line: Annotated[str, Field(pattern=r"^[0-9]?$")] = ""
    allow_no_domain: bool = False

    @property
    def of_relays(self) -> bool:
        """Whether its clients are mail servers (L6a)."""
        return self.clients == "relay" or self.protocol == "lmtp"

    @property
    def path(self) -> Path | None:
        """Of its UNIX socket."""
        return Path(self.socket) if self.socket and not self.systemd else None

    @property
    def systemd(self) -> str:
        """The name of the socket that systemd opens for it."""
        return self.socket.removeprefix(_SYSTEMD) if self.socket.startswith(_SYSTEMD) else ""

    @model_validator(mode="after")
    def _check(self) -> "Listen":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        if self.socket:
            if self.address or self.port is not None:
                yield "write either socket, or address and port"
            if not self.systemd and not self.socket.startswith("/"):
                yield f"socket is a path, or systemd: and a name; {self.socket} is neither"
        elif not self.address or self.port is None:
            yield "where to listen is missing: write address and port, or socket"
        if self.mode is not None and self.path is None:
            yield "mode belongs to a socket with a path"
        if self.protocol == "lmtp" and self.clients == "people":
            yield "LMTP is spoken by mail servers: leave clients out"
        if self.vouches and not self.of_relays:
            yield "vouches is said of a mail server: it needs clients: relay"
        yield from self._login_problems()

    def _login_problems(self) -> Iterator[str]:
        if self.of_relays and self.auth_without_tls:
            yield "mail servers do not log in: leave auth_without_tls out"
        if self.legacy and (self.of_relays or self.protocol != "smtp"):
            yield "legacy is for copiers: it needs protocol: smtp and clients: people"
        if self.legacy and self.proxy_from:
            yield "legacy is for copiers of your own network: leave proxy_from out"
