"""The house's measures: short functions, modules that can be read at one sitting."""

import ast
import statistics
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mail2fax"
LONGEST_MODULE, LONGEST_FUNCTION, USUAL_FUNCTION = 500, 60, 10
FILES = sorted(PACKAGE.rglob("*.py"))


def lengths(source: str) -> list[tuple[str, int]]:
    """Name and lines of each function of a module, its docstring not counted."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_told = isinstance(first, ast.Expr) and ast.get_docstring(node) is not None
            told = (first.end_lineno or 0) - first.lineno + 1 if is_told else 0
            found.append((node.name, (node.end_lineno or 0) - node.lineno + 1 - told))
    return found


def test_no_module_is_too_long() -> None:
    """F7: what grows past a sitting is parted by sense."""
    long = {str(file): len(file.read_text("utf-8").splitlines()) for file in FILES}

    assert {file: lines for file, lines in long.items() if lines > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    """F7: none is over sixty lines, half of them have ten at most."""
    found = [pair for file in FILES for pair in lengths(file.read_text("utf-8"))]

    assert [(name, lines) for name, lines in found if lines > LONGEST_FUNCTION] == []
    assert statistics.median(lines for _, lines in found) <= USUAL_FUNCTION


def test_a_long_function_is_seen() -> None:
    """The measure counts a planted one, and not its docstring."""
    assert lengths('def f():\n    """Told\n\n    at length.\n    """\n' + "    g()\n" * 61) == [
        ("f", 62)
    ]
