"""K1, K3: a few power cuts on real file systems, and that they catch what is not durable."""

from pathlib import Path

import pytest

from tests.crash import tally
from tests.crash.disks import Disk, FileSystem, NoDisk
from tests.crash.power import run


@pytest.fixture
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    """A kind of file system that can be mounted here."""
    kind: FileSystem = request.param
    try:
        with Disk(kind, tmp_path):
            return kind
    except NoDisk as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("fs", ["ext4", "xfs"], indirect=True)
async def test_what_was_answered_250_survives_power_cuts(fs: FileSystem) -> None:
    """K1, K3, promise 1: every mail whose 250 was read is there after the cuts, and faxed once."""
    counts = await run(fs, cuts=4, seed=3)

    assert counts["kills"] == 4
    assert counts["accepted"] > 5
    assert counts["once"] + counts["held"] >= counts["accepted"] == counts["told"]
    assert [name for name in tally.BROKEN if counts[name]] == []


@pytest.mark.parametrize("fs", ["ext4"], indirect=True)
async def test_the_cuts_catch_what_is_not_durable(fs: FileSystem) -> None:
    """F9: a row that was only promised to the disk is gone, and seen to be."""
    counts = await run(fs, cuts=5, seed=3, plant="synchronous off")

    assert any(counts[name] for name in tally.BROKEN)
