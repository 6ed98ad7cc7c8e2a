"""What one listener is told by the configuration."""

from dataclasses import dataclass, field

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.dialogue.patience import PatienceSettings
from mail2fax.accepting.transaction import RecipientLimits


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener.

    Attributes:
        name: as the log and the ledger call it.
        address, port: where it listens; port 0 takes a free one.
        hostname: what it calls itself.
        size: the most bytes of a mail, announced (RFC 1870).
        rules: who may send by it, first match.
        limits: recipients and destinations of a mail.
        patience: timers.
        connections: at once in all; of one network no rule names; of one that one names.
    """

    name: str
    address: str
    port: int
    hostname: str
    size: int
    rules: tuple[Rule, ...]
    limits: RecipientLimits = field(default_factory=RecipientLimits)
    patience: PatienceSettings = field(default_factory=PatienceSettings)
    connections: tuple[int, int, int] = (1000, 20, 200)
