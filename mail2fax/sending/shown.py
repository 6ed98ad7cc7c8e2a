"""A listing by ID, token, file and number: built once, for everything that is held against it.

Ten thousand faxes on their way are ten thousand look-ups in it, not ten thousand passes over it.
Pure.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mail2fax.faxplus.statuses import final
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.spool.naming import tokens_in


@dataclass(frozen=True, slots=True)
class Seen:
    """One fax of a listing, wherever it stood.

    Attributes:
        record: what stood there.
        to: its destinations.
        tokens: our marks on it.
        files: the paths it was ordered with, of an item of the outbox.
        at: when it was ordered, or the earliest time the record tells.
    """

    record: Fax | OutboxFax
    to: tuple[str, ...]
    tokens: frozenset[str]
    files: frozenset[str]
    at: datetime | None

    @property
    def id(self) -> str:
        """Its ID there."""
        return self.record.id


class Shown:
    """What one look showed.

    Attributes:
        listing: all of it.
        complete: whether a miss means anything.
        tokens: every token of ours in it.
    """

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.complete = listing.complete
        self._by_id: dict[str, list[Seen]] = defaultdict(list)
        self._by_token: dict[str, list[Seen]] = defaultdict(list)
        self._unmarked_to: dict[str, list[Seen]] = defaultdict(list)
        for item in listing.outbox:
            self._add(seen_in_outbox(item))
        for fax in listing.sent:
            self._add(seen_in_archive(fax))
        self.tokens = frozenset(self._by_token)

    def _add(self, seen: Seen) -> None:
        self._by_id[seen.id].append(seen)
        for token in seen.tokens:
            self._by_token[token].append(seen)
        for number in seen.to if not seen.tokens else ():
            self._unmarked_to[number].append(seen)

    def of_fax(self, fax_plus_id: str | None, token: str, number: str) -> list[Seen]:
        """Everything that is this fax by its ID or its token, in the listing's order.

        An order to several has one token; a destination that is no number counts for any. What
        bears the ID and is plainly another fax is not this one, whatever an answer said.
        """
        named = self._by_id.get(fax_plus_id, ()) if fax_plus_id else ()
        found = [one for one in named if may_be(one, token, number)]
        marked = self._by_token.get(token, ())
        return found + [one for one in marked if one not in found and _is_to(one, number)]

    def with_token(self, token: str, number: str) -> list[Seen]:
        """Everything to a number that bears a token."""
        return [one for one in self._by_token.get(token, ()) if number in one.to]

    def unmarked_to(self, number: str) -> list[Seen]:
        """Everything to a number that bears no token of anybody's."""
        return self._unmarked_to.get(number, [])

    def unmarked_ids(self) -> frozenset[str]:
        """The IDs of everything that bears no token."""
        return frozenset(one.id for seen in self._unmarked_to.values() for one in seen)

    def ended(self) -> Iterable[Seen]:
        """Every sent record with a status that is final."""
        return (
            one
            for seen in self._by_id.values()
            for one in seen
            if isinstance(one.record, Fax) and final(one.record.status)
        )


def may_be(seen: Seen, token: str, number: str) -> bool:
    """Whether what bears a fax's ID can be that fax: its number, and nobody else's mark."""
    return _is_to(seen, number) and (not seen.tokens or token in seen.tokens)


def _is_to(seen: Seen, number: str) -> bool:
    """Whether a fax went to a number, or to something that is none (a user of the provider's)."""
    return number in seen.to or not any(to.startswith("+") for to in seen.to)


def seen_in_outbox(item: OutboxFax) -> Seen:
    """An item of the outbox."""
    tokens = tokens_in(" ".join((item.comment_text, *item.tags)))
    return Seen(item, item.to, tokens, frozenset(item.files), item.submit_time)


def seen_in_archive(fax: Fax) -> Seen:
    """A record of the archive."""
    at = fax.submit_time or fax.start_time or fax.last_update
    return Seen(fax, (fax.to,), tokens_in(fax.comment), frozenset(), at)
