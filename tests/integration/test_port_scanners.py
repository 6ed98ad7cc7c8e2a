"""L5, L10: what scanners find in our listeners; `tests.security.scans` has the slow ones too."""

import shutil

import pytest

from tests.security.scans import scan


@pytest.mark.parametrize("tool", ["sslscan", "nmap"])
async def test_a_scanner_finds_nothing(tool: str) -> None:
    """No old protocol or cipher, no open relay, no users to guess, no version."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")

    assert await scan([tool]) == 0
