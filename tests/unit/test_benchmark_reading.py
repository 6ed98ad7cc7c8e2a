"""F5: what the benchmark of reading compares is the same work, and its mails are faxed."""

from pathlib import Path

from benchmarks import reading


def test_both_readers_find_the_same_document(tmp_path: Path) -> None:
    """F5: the ratio is of two that find the same bytes."""
    path = tmp_path / "mail.eml"
    path.write_bytes(reading.a_scan(20_000))

    assert abs(path.stat().st_size - 20_000) < 200
    assert reading.ours(path) == reading.peers(path) != []
    assert len(reading.gate(path)[0]) == 64
