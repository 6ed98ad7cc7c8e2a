"""Reading Fax.Plus's lists: the account's own, and those of members whose faxes are looked for.

A member whose lists cannot be read stops nobody else: nothing is concluded about that member's
faxes, and a miss there means nothing (S3).
"""

import asyncio
from collections.abc import Collection
from datetime import datetime

from mail2fax import events
from mail2fax.errors import Failure, Fate
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Listing
from mail2fax.sending.shown import Shown

_AT_ONCE = 4
_UNREADABLE = Listing((), (), complete=False)
_OF_ALL = (401, 402)  # the token's, or the account's credit


async def read(client: FaxPlus, members: Collection[str], since: datetime) -> Shown:
    """Outbox and sent list of the account's own user and of these members.

    Raises:
        Failure: the account's own could not be read, or nobody's can.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def of_member(member: str) -> Listing:
        async with turn:
            return await _of_member(client, member, since)

    own = await client.listing(since)
    names = sorted(members)
    found = await asyncio.gather(*map(of_member, names))
    return Shown(own, dict(zip(names, found, strict=True)))


async def _of_member(client: FaxPlus, member: str, since: datetime) -> Listing:
    try:
        return await client.as_user(member).listing(since)
    except Failure as failure:
        if not concerns(member, failure):
            raise
        events.member_not_listed(member, str(failure))
        return _UNREADABLE


def concerns(user_id: str | None, failure: Failure) -> bool:
    """Whether a failure may be one member's alone, and says nothing about the account."""
    is_of_all = failure.fate in (Fate.NEVER_LEFT, Fate.THROTTLED) or failure.status in _OF_ALL
    return user_id is not None and not is_of_all
