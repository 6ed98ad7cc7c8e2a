"""Any bytes at all as a session, guided by coverage: ``python -m tests.fuzz.stream --seconds 300``.

What must hold is said in `sessions`. Needs atheris, which is not among the test tools; what it
finds is written beside the corpus and belongs among the `FOUND` of ``test_stream.py``.
"""

import argparse
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Fuzz for a while; 2 without atheris."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir()) / "m2f-stream")
    arguments = parser.parse_args()
    try:
        import atheris  # noqa: PLC0415 - not among the test tools
    except ImportError:
        print("atheris is not installed: .venv/bin/pip install atheris")
        return 2
    with atheris.instrument_imports(include=["mail2fax"]):
        from tests.fuzz import sessions  # noqa: PLC0415 - its imports are what is watched
    arguments.corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(sessions.SEEDS):
        (arguments.corpus / f"seed-{number}").write_bytes(seed)
    with sessions.fuzzed() as bench:
        told = [
            sys.argv[0], str(arguments.corpus), f"-max_total_time={arguments.seconds}",
            "-max_len=4000", "-timeout=30", f"-artifact_prefix={arguments.corpus}/found-",
        ]  # fmt: skip
        atheris.Setup(told, lambda data: bench.session(data) if data else None)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
