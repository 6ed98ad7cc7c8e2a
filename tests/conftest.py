"""What holds for every test."""

import os
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

# The same examples at every run, so that a change fails for what it changed; other ones with
# HYPOTHESIS_PROFILE=default and --hypothesis-seed.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Workers that fill one directory for the first time at once get in each other's way.
set_hypothesis_home_dir(f".hypothesis/{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Where every program was installed, a test that skips for want of one has failed (F8)."""
    report = yield
    wanted = os.environ.get("MAIL2FAX_TEST_PROGRAMS") == "all"
    if wanted and report.skipped and call.excinfo and "not installed" in str(call.excinfo.value):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {call.excinfo.value}"
    return report
