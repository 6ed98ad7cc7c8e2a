"""Which orders of a look are ours and unknown, after the ledger was put back (S4). Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable

from mail2fax.sending.shown import Shown
from mail2fax.spool.adoption import Stranger
from mail2fax.spool.naming import made_at

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def strangers(
    shown: Shown, window: tuple[float, float], unknown: Iterable[str]
) -> tuple[Stranger, ...]:
    """The orders of a time that bear a mark of ours and that nobody here knows.

    A fax may stand in the outbox and in the sent list: the record that stays counts.

    Args:
        window: of when the ledger is, and when it was put back, in seconds since the epoch.
        unknown: the tokens that the ledger does not know.
    """
    wanted = {token for token in unknown if window[0] <= made_at(token) <= window[1]}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    users: dict[str, str | None] = {}
    for seen in shown.marked():
        for token in seen.tokens & wanted:
            users[token] = seen.user_id
            found[token] |= {number: seen.id for number in seen.to if _E164.fullmatch(number)}
    return tuple(Stranger(token, ids, users[token]) for token, ids in sorted(found.items()) if ids)
