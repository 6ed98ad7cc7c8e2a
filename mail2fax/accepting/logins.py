"""Checks logins: off the loop, one at a time for each address, never quicker for a wrong name.

Whatever is asked, the same is read from the ledger, the same work is done in the thread, and a
refusal is written down the same way: neither answer nor time tells whether a login exists.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from ipaddress import ip_network

from mail2fax import events
from mail2fax.accepting import passwords
from mail2fax.accepting.admission import Network, is_within, plain_address
from mail2fax.accepting.proof import Login
from mail2fax.accepting.settings import TryLater
from mail2fax.clock import Clock
from mail2fax.spool import logins
from mail2fax.spool.spool import Spool

_AT_ONCE = 2
_MOST_WAITING = 20
_LONGEST_NAME = 128
_NETWORK_WIDTH = {4: 24, 6: 64}


class Logins:
    """The logins of a spool, as a listener asks for them."""

    def __init__(self, spool: Spool, clock: Clock, own: Iterable[Network] = ()) -> None:
        """Remember where to look.

        Args:
            spool: where logins and lock-outs are rows.
            clock: the daemon's.
            own: the networks that rules name; nobody is shut out of these for long.
        """
        self._spool = spool
        self._clock = clock
        self._own = tuple(own)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._threads.submit(passwords.is_right, "", "")  # the first client must not wait for it
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: defaultdict[str, int] = defaultdict(int)
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def __call__(self, login: str, password: str, peer: str) -> Login | None:
        """Whose login and password these are; None when nobody's.

        Args:
            login: as the client wrote it; case does not matter.
            password: as the client wrote it.
            peer: the client's address.

        Raises:
            TryLater: too many wait, or this login is shut out from this network.
        """
        name = login.strip().lower()[:_LONGEST_NAME]
        async with self._turn(peer):
            return await self._check(name, password, peer)

    @asynccontextmanager
    async def _turn(self, peer: str) -> AsyncIterator[None]:
        """This address's turn: one check at a time for each, `_AT_ONCE` in all."""
        if self._waiting >= _MOST_WAITING:
            events.logins_crowded(peer)
            raise TryLater
        self._waiting += 1
        self._asked[peer] += 1
        is_waiting = True
        try:
            async with self._turns[peer], self._free:
                self._waiting -= 1
                is_waiting = False
                yield
        finally:
            self._waiting -= is_waiting
            self._asked[peer] -= 1
            if not self._asked[peer]:
                del self._asked[peer], self._turns[peer]

    async def _check(self, name: str, password: str, peer: str) -> Login | None:
        network, now = network_of(peer), self._clock.now()
        standing = await self._spool.do(logins.look, name, peer, network, now)
        if standing.locked_until:
            events.login_locked(peer, standing.locked_until - now)
            raise TryLater
        loop = asyncio.get_running_loop()
        is_right, new_hash = await loop.run_in_executor(
            self._threads, _compare, password, standing.hash
        )
        if not is_right:
            await self._refused(name, peer, network)
            return None
        now = self._clock.now()
        await self._spool.do(logins.right, name, peer, network, new_hash, now)
        return Login(name, standing.reply_to, standing.rule)

    async def _refused(self, name: str, peer: str, network: str) -> None:
        is_own = is_within(peer, self._own)
        now = self._clock.now()
        until = await self._spool.do(logins.wrong, name, network, is_own, now)
        events.login_refused(peer, until - now if until else None)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)


def _compare(password: str, kept: str) -> tuple[bool, str]:
    """Whether the password is right, and its new hash where the kept one is outdated."""
    if not passwords.is_right(password, kept):
        return False, ""
    return True, passwords.hashed(password) if passwords.is_outdated(kept) else ""


def network_of(peer: str) -> str:
    """The network a client's failures are counted for: /24, or /64."""
    address = plain_address(peer)
    if address is None:
        return peer
    return str(ip_network((address, _NETWORK_WIDTH[address.version]), strict=False))
