"""Does the time of a refusal tell whether a login exists? Welch's t over known and unknown ones.

``python benchmarks/logins.py [TRIES]`` (10,000 by default, half of each kind, in random order)
tries wrong passwords against the real check, over a real ledger on disk, and prints both means
and t. Below 4 in absolute value nothing can be told apart (promise 5, rule L6).
"""

import asyncio
import logging
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from mail2fax.accepting import passwords
from mail2fax.accepting.logins import Logins
from mail2fax.clock import Clock
from mail2fax.spool import logins
from mail2fax.spool.spool import Spool

_KNOWN = 100
_WARM_UP = 50


async def _measure(tries: int) -> dict[bool, list[float]]:
    with tempfile.TemporaryDirectory() as directory:
        spool = await Spool.open(Path(directory), Clock())
        kept = passwords.hashed("the right one")
        for number in range(_KNOWN):
            await spool.do(logins.add, f"known{number:05}", kept, "", "", 1.0)
        verifier = Logins(spool, Clock())
        kinds = [True, False] * (tries // 2)
        random.shuffle(kinds)
        taken: dict[bool, list[float]] = {True: [], False: []}
        for turn, is_known in enumerate([True, False] * (_WARM_UP // 2) + kinds):
            number = random.randrange(_KNOWN)
            name = f"{'known' if is_known else 'never'}{number:05}"
            began = time.perf_counter()
            # A network of its own each time: lock-outs would answer without a check.
            assert await verifier(name, "a wrong one", f"2001:db8:{turn:x}::1") is None
            if turn >= _WARM_UP:
                taken[is_known].append(time.perf_counter() - began)
        verifier.close()
        await spool.close()
    return taken


def _welch(one: list[float], other: list[float]) -> float:
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return float((statistics.fmean(one) - statistics.fmean(other)) / spread**0.5)


def main() -> None:
    """Measure and print."""
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    taken = asyncio.run(_measure(tries))
    for is_known, times in taken.items():
        name = "known" if is_known else "unknown"
        mean, middle = statistics.fmean(times) * 1000, statistics.median(times) * 1000
        print(f"{name:<8} {len(times):>6} tries, mean {mean:.3f} ms, median {middle:.3f} ms")
    print(f"Welch t: {_welch(taken[True], taken[False]):.2f} (told apart from 4 on)")


if __name__ == "__main__":
    main()
