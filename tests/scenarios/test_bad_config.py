"""Bad configurations: a directory each, with the messages it must print, word for word."""

from pathlib import Path

import pytest

from mail2fax.config import load_config
from mail2fax.errors import ConfigError

SCENARIOS = sorted((Path(__file__).parent / "bad_config").iterdir())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_every_mistake_is_told_with_its_place(scenario: Path) -> None:
    """Design, configuration: file, line, column, what is wrong, what to write; no secret."""
    with pytest.raises(ConfigError) as caught:
        load_config(scenario / "config.yaml", {"TOKEN": "secret-token"})

    assert caught.value.problems == (scenario / "expected").read_text("utf-8").splitlines()
    assert "secret-token" not in str(caught.value)
