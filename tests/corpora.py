"""The corpora of real mails and documents, when they lie beside the project."""

from pathlib import Path

import pytest

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
needs_corpora = pytest.mark.skipif(
    not CORPORA.exists(),
    reason="the corpora of real mails are not beside the project",
)
