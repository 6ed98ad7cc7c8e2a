"""Start-up beside an empty interpreter (F6): ``python -m benchmarks.startup``.

Wall time of whole processes in turn (A B C A B C): an empty interpreter, ``mail2fax --help``,
and the imports of ``serve``; medians, quartiles and multiples. Then what the imports of each
cost, by ``-X importtime``: the modules that take most, with all that they import.
"""

import argparse
import re
import subprocess
import sys
import time

from benchmarks.figures import spread

_COMMANDS = {
    "an empty interpreter": ["-c", "pass"],
    "mail2fax --help": ["-m", "mail2fax", "--help"],
    "imports of serve": ["-c", "import mail2fax.cli, mail2fax.daemon"],
}
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")
_DEEPEST = 3  # levels of the profile that are shown


def seconds(command: list[str]) -> float:
    """How long a process takes."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def profile(command: list[str], most: int) -> list[str]:
    """The imports that take most of a process's start, with what they import, in ms."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command], check=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    found = [
        (int(one[2]), one[4])
        for one in _IMPORT.finditer(done.stderr)
        if len(one[3]) // 2 < _DEEPEST
    ]
    return [f"{took / 1000:8.1f} ms  {name}" for took, name in sorted(found, reverse=True)[:most]]


def main() -> None:
    """Time each command in turn, then show what it imports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    parser.add_argument("--most", type=int, default=10, help="imports to show (default: 10)")
    arguments = parser.parse_args()
    took: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for _ in range(arguments.rounds):
        for name, command in _COMMANDS.items():
            took[name].append(seconds(command))
    empty = spread(took["an empty interpreter"]).median
    for name, times in took.items():
        found = spread(times)
        quartiles = f"quartiles {found.low * 1000:.0f} to {found.high * 1000:.0f}"
        print(f"{name:22} {found.median * 1000:7.0f} ms ({quartiles})"
              f"  {found.median / empty:5.1f} times an empty one")  # fmt: skip
    for name, command in _COMMANDS.items():
        print(f"\n{name}:")
        print("\n".join(profile(command, arguments.most)))


if __name__ == "__main__":
    main()
