"""L4: sessions of any bytes, the fuzzer's seeds and what it has found."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2fax.accepting.dialogue import arguments
from tests.fuzz.sessions import SEEDS, Fuzzed, fuzzed

FOUND = (
    b"\2LHLO me\r\nMAIL FROM:<a>chb\x14.\r\n",  # a control character came back in the answer
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Fuzzed]:
    """Listeners of every kind over one spool."""
    with fuzzed() as bench:
        yield bench


@pytest.mark.parametrize("data", SEEDS + FOUND)
def test_known_sessions(bench: Fuzzed, data: bytes) -> None:
    """And each cut at every 50th byte: a client may go away anywhere."""
    for cut in range(1, len(data), 50):
        bench.session(data[:cut])
    bench.session(data)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.integers(0, 4),
    pieces=st.lists(
        st.one_of(
            st.sampled_from([piece for seed in SEEDS for piece in seed[1:].splitlines(True)]),
            st.binary(max_size=20),
        ),
        max_size=30,
    ),
)
def test_any_session(bench: Fuzzed, kind: int, pieces: list[bytes]) -> None:
    """Pieces of the seeds and any bytes in any order."""
    bench.session(bytes([kind]) + b"".join(pieces))


def test_a_planted_crash_is_caught(bench: Fuzzed, monkeypatch: pytest.MonkeyPatch) -> None:
    """F9: an exception inside a command is a bug, not a 451."""
    monkeypatch.setattr(arguments, "split_path", lambda _text: 1 / 0)
    with pytest.raises(AssertionError):
        bench.session(SEEDS[0])
