"""K1-K4, S2-S4: a sample of the sweep over every call, and what stands before a 250."""

import errno
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.crash import tally, tracer
from tests.crash.sweep import Sweep, order_of_promises, sweep

_PROMISES = ["fsync /mails/ID.eml", "fsync /mails", "fdatasync /ledger.sqlite3-wal"]
_SAMPLE = 4


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True, scope="module")
def _traceable() -> None:
    if why := tracer.why_not():
        pytest.skip(why)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def beginning(_traceable: None) -> AsyncIterator[Sweep]:
    """Lives that begin with a ledger whose marks are known to show up."""
    async with sweep() as lives:
        yield lives


async def test_killed_before_any_call_of_its_way_a_mail_is_faxed_once(beginning: Sweep) -> None:
    """K1, K3, K4, S2-S4: before 250 bytes, name and row are durable; a kill only delays."""
    calls = await beginning.record()
    assert len(calls) > 100
    assert order_of_promises(calls) == _PROMISES
    for number in range(len(calls) // (2 * _SAMPLE), len(calls), len(calls) // _SAMPLE):
        counts = await beginning.disturbed_at(str(number))
        assert (counts["once"], counts["told"]) == (1, 1), calls[number - 1]
        assert [name for name in tally.BROKEN if counts[name]] == [], calls[number - 1]


@pytest.mark.parametrize(
    ("plant", "missing"),
    [("no fsync of the mail", _PROMISES[0]), ("no fsync of the directory", _PROMISES[1])],
)
async def test_a_missing_fsync_is_seen(plant: str, missing: str) -> None:
    """F9: a 250 without one of its three is seen in the calls, whatever the disk forgives."""
    async with sweep(plant) as lives:
        assert missing not in order_of_promises(await lives.record())


@pytest.mark.parametrize(
    ("call", "error", "ends"),
    [
        ("write /mails/ID.eml", errno.EIO, True),
        ("fsync /mails/ID.eml", errno.EIO, True),
        ("fdatasync /ledger.sqlite3-wal", errno.EIO, True),
        ("fsync /mails", errno.ENOSPC, False),
        ("openat /documents/ID/1-a.pdf", errno.EMFILE, False),
    ],
)
async def test_a_call_that_fails_once(
    beginning: Sweep, call: str, error: int, *, ends: bool
) -> None:
    """K6: after EIO the daemon ends, what is short is only waited for; faxed once, and told."""
    counts = await beginning.disturbed_at(call, error)

    assert (counts["reached"], counts["ended by itself"]) == (1, ends)
    assert (counts["once"], counts["told"]) == (1, 1)
    assert [name for name in tally.BROKEN if counts[name]] == []
