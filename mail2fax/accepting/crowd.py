"""How many sessions there may be, of whom: addresses that rules name never wait for strangers."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from mail2fax.accepting.admission import plain_address


@dataclass(frozen=True, slots=True)
class CrowdLimits:
    """Sessions at once.

    Attributes:
        in_all: of everybody; strangers may have half of them.
        strangers: of one network that no rule names.
        silent: of these, those that have not logged in.
        known: of one network that a rule names.
    """

    in_all: int = 1000
    strangers: int = 20
    silent: int = 5
    known: int = 200


class Crowd:
    """Counts the sessions of all listeners."""

    def __init__(self, limits: CrowdLimits) -> None:
        self.limits = limits
        self._known: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()

    def enter(self, peer: str, *, known: bool) -> bool:
        """Count a session in, and say whether there is room; if not, it is not counted.

        Args:
            peer: the client's address.
            known: whether a rule names it.
        """
        network, limits = network_of(peer), self.limits
        if self._known.total() + self._strangers.total() >= limits.in_all:
            return False
        if known:
            return _counted(self._known, network, limits.known)
        if self._strangers.total() >= max(1, limits.in_all // 2):
            return False
        if self._silent[network] >= limits.silent:
            return False
        if not _counted(self._strangers, network, limits.strangers):
            return False
        self._silent[network] += 1
        return True

    def logged_in(self, peer: str, *, known: bool) -> None:
        """A session proved a login: it makes room for the next that has not."""
        if not known:
            _uncounted(self._silent, network_of(peer))

    def recognise(self, peer: str) -> None:
        """A stranger's session has shown a certificate that a rule names: it is known now."""
        network = network_of(peer)
        _uncounted(self._strangers, network)
        _uncounted(self._silent, network)
        self._known[network] += 1

    def leave(self, peer: str, *, known: bool, logged_in: bool) -> None:
        """Count out a session that was counted in."""
        network = network_of(peer)
        if known:
            _uncounted(self._known, network)
            return
        _uncounted(self._strangers, network)
        if not logged_in:
            _uncounted(self._silent, network)


def _counted(counter: Counter[str], network: str, most: int) -> bool:
    if counter[network] >= most:
        return False
    counter[network] += 1
    return True


def _uncounted(counter: Counter[str], network: str) -> None:
    counter[network] -= 1
    if counter[network] <= 0:
        del counter[network]


@lru_cache(maxsize=1024)
def network_of(peer: str) -> str:
    """The network a client is counted with: /24, or /64."""
    address = plain_address(peer)
    if address is None:
        return peer
    width = 24 if address.version == 4 else 64  # noqa: PLR2004 - IPv4
    return str(int(address) >> (address.max_prefixlen - width)) + f"/{width}"
