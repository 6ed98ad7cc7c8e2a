"""What a session has proved about its client: the wire side fills it in, `admission` asks it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """A login whose password was right.

    Attributes:
        name: as it is registered.
        reply_to: the address registered for it, empty for none (W1a).
        rule: name of the one rule it may be admitted by, empty for any.
    """

    name: str
    reply_to: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a client has proved so far.

    Attributes:
        peer: its address as text; the announced one behind a proxy that is believed (L5).
        certificate: the names of its TLS certificate (common name and subject alternative
            names), once the certificate's chain was verified; empty without one.
        login: who logged in, None when nobody did.
    """

    peer: str
    certificate: tuple[str, ...] = ()
    login: Login | None = None
