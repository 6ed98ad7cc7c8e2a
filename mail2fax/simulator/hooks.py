"""Hooks of the simulated provider: who wants to be told what, and what is to be told. No I/O."""

import secrets
from dataclasses import dataclass, field

from mail2fax.simulator.switches import Switches

EVENTS = ("fax_sent", "fax_received")


@dataclass(frozen=True, slots=True)
class Happened:
    """A fax was sent, or came in.

    Attributes:
        event: one of `EVENTS`.
        session: the fax through all of its attempts.
        record: the attempt; equal to the session for the first one.
        at: when.
    """

    event: str
    session: str
    record: str
    at: float


@dataclass(slots=True)
class Hooks:
    """Registrations and news.

    Attributes:
        targets: (event, target) by registration id.
        delivered: (target, record, answer's status) of everything that was delivered.
    """

    targets: dict[str, tuple[str, str]] = field(default_factory=dict)
    delivered: list[tuple[str, str, int]] = field(default_factory=list)
    _news: list[Happened] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def register(self, event: str, target: str) -> str:
        """A new registration; its id."""
        hook_id = secrets.token_hex(8)
        self.targets[hook_id] = (event, target)
        return hook_id

    def happened(self, what: Happened) -> None:
        """Something happened; the same again is no news."""
        if what.record not in self._known:
            self._known.add(what.record)
            self._news.append(what)

    def due(self, switches: Switches, now: float) -> list[tuple[str, Happened]]:
        """(target, what happened) of everything that is to be delivered now, in order."""
        ready = [what for what in self._news if now >= what.at + switches.hook_late]
        self._news = [what for what in self._news if what not in ready]
        found = [
            (target, what)
            for what in ready
            for event, target in self.targets.values()
            if event == what.event
            for _ in range(switches.hook_copies)
        ]
        return found[::-1] if switches.hooks_reversed else found
