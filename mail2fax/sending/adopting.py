"""Which orders of a listing are ours and unknown, after the ledger was put back (S4). Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from mail2fax.faxplus.wire import Listing
from mail2fax.spool.adoption import Stranger
from mail2fax.spool.naming import made_at, tokens_in

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def strangers(
    listing: Listing, window: tuple[float, float], unknown: Iterable[str]
) -> tuple[Stranger, ...]:
    """The orders of a time that bear a mark of ours and that nobody here knows.

    A fax may stand in the outbox and in the sent list: the record that stays counts.

    Args:
        window: of when the ledger is, and when it was put back, in seconds since the epoch.
        unknown: the tokens that the ledger does not know.
    """
    wanted = {token for token in unknown if window[0] <= made_at(token) <= window[1]}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for token, number, fax_plus_id in _marked(listing):
        if token in wanted and _E164.fullmatch(number):
            found[token][number] = fax_plus_id
    return tuple(Stranger(token, ids) for token, ids in sorted(found.items()))


def _marked(listing: Listing) -> Iterator[tuple[str, str, str]]:
    """(token, number, fax ID) of everything that bears a mark, the sent list last."""
    for item in listing.outbox:
        for token in tokens_in(" ".join((item.comment_text, *item.tags))):
            yield from ((token, number, item.id) for number in item.to)
    for fax in listing.sent:
        yield from ((token, fax.to, fax.id) for token in tokens_in(fax.comment))
