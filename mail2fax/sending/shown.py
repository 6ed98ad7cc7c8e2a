"""Listings by ID, token, file and number: built once, for everything that is held against them.

Ten thousand faxes on their way are ten thousand look-ups in it, not ten thousand passes over it.
Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
        user_id: the member in whose lists it stood, None for the account's own user.
    """

    record: Fax | OutboxFax
    to: tuple[str, ...]
    tokens: frozenset[str]
    files: frozenset[str]
    at: datetime | None
    user_id: str | None = None

    @property
    def id(self) -> str:
        """Its ID there."""
        return self.record.id


class Shown:
    """What one look showed. A mark and an ID are found in whosever lists they stand.

    Attributes:
        tokens: every token of ours in it.
    """

    def __init__(self, own: Listing, of_members: Mapping[str, Listing] | None = None) -> None:
        listings: dict[str | None, Listing] = {None: own} | dict(of_members or {})
        self._complete = {user for user, listing in listings.items() if listing.complete}
        self._by_id: dict[str, list[Seen]] = defaultdict(list)
        self._by_token: dict[str, list[Seen]] = defaultdict(list)
        self._unmarked_to: dict[str, list[Seen]] = defaultdict(list)
        for user, listing in listings.items():
            for item in listing.outbox:
                self._add(seen_in_outbox(item, user))
            for fax in listing.sent:
                self._add(seen_in_archive(fax, user))
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

    def is_complete(self, user_id: str | None = None) -> bool:
        """Whether it means anything that a fax of this user is not to be seen."""
        return user_id in self._complete

    def unmarked_to(self, number: str, user_id: str | None = None) -> list[Seen]:
        """Everything of a user's to a number that bears no token of anybody's."""
        return [one for one in self._unmarked_to.get(number, ()) if one.user_id == user_id]

    def marked(self) -> Iterable[Seen]:
        """Everything that bears a mark; of one mark, what was sent comes behind what is not."""
        return (one for seen in self._by_token.values() for one in seen)

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


def seen_in_outbox(item: OutboxFax, user_id: str | None = None) -> Seen:
    """An item of the outbox."""
    tokens = tokens_in(" ".join((item.comment_text, *item.tags)))
    return Seen(item, item.to, tokens, frozenset(item.files), item.submit_time, user_id)


def seen_in_archive(fax: Fax, user_id: str | None = None) -> Seen:
    """A record of the archive."""
    at = fax.submit_time or fax.start_time or fax.last_update
    return Seen(fax, (fax.to,), tokens_in(fax.comment), frozenset(), at, user_id)
