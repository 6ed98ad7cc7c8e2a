"""The border with Jinja: templates in a sandbox, ours and an admin's, with limits (W4).

A template of an admin's sees the variables of docs/replies.md and nothing else: no attribute of
Python's, no global function, no ``range``, so that its loops are as long as a letter's lists. One
that is too slow or too long is stopped between two of its outputs.
"""

import re
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mail2fax.errors import Mail2FaxError

BUILT_IN = "built-in"
_LONGEST = 2_000_000
_SLOWEST = 2.0
_ENDINGS = (".html", ".txt")
_WHOLE = re.compile(
    r"\+\d[\d ]{5,}\d|\bM2F-[0-9A-Z]+(?:/\d+)?|--[a-z-]+|\be-mails?\b", re.ASCII | re.IGNORECASE
)
"""Numbers, references, options of commands, and a word that is one."""


class TemplateFailed(Mail2FaxError):
    """A template did not make a letter; the text says where and why."""


def rendered(name: str, own: Path | None, variables: Mapping[str, Any]) -> str:
    """What a template makes of a letter.

    Args:
        name: such as ``outcome.html``; where there is none, ``letter.html`` is meant.
        own: an admin's directory, whose templates stand before ours.
        variables: docs/replies.md.

    Raises:
        TemplateFailed: with its place.
    """
    import jinja2  # noqa: PLC0415 - imported when the first letter is written

    ending = Path(name).suffix
    names = (name, f"letter{ending}") if own else (f"letter{ending}",)
    place = name
    try:
        template = _environment(own).select_template(names)
        place = str(template.filename)
        return _limited(template.generate(**variables))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateFailed(f"{error.filename}:{error.lineno}: {error.message}") from error
    except Exception as error:  # a template can raise whatever its expressions do
        raise TemplateFailed(f"{_place(error) or place}: {error}") from error


def _limited(pieces: Iterable[str]) -> str:
    """A template's output, as long as it is neither too long nor too slow."""
    found, length, until = list[str](), 0, time.monotonic() + _SLOWEST
    for piece in pieces:
        found.append(piece)
        length += len(piece)
        if length > _LONGEST or time.monotonic() > until:
            raise TemplateFailed("it is too long, or too slow")
    return "".join(found)


def undeclared(path: Path) -> set[str]:
    """The names a template wants from outside.

    Raises:
        TemplateFailed: it cannot be read, with its place.
    """
    import jinja2  # noqa: PLC0415 - see above
    import jinja2.meta  # noqa: PLC0415

    environment = _environment(path.parent)
    try:
        tree = environment.parse(path.read_text(encoding="utf-8"), path.name, str(path))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateFailed(f"{path}:{error.lineno}: {error.message}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateFailed(f"{path}: it cannot be read ({type(error).__name__})") from error
    return set(jinja2.meta.find_undeclared_variables(tree))


@cache
def _environment(own: Path | None) -> Any:
    """Templates with a directory before ours; ours are also there as ``built-in/…``."""
    import jinja2  # noqa: PLC0415 - see above
    import jinja2.sandbox  # noqa: PLC0415

    ours = jinja2.PackageLoader("mail2fax.answering", "templates")
    before = [jinja2.FileSystemLoader(own)] if own else []
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*before, ours, jinja2.PrefixLoader({BUILT_IN: ours})]),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is None or name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.clear()
    environment.filters["whole"] = _whole
    return environment


def _whole(text: str) -> Any:
    """A text in HTML, where no line ends within a number, a reference or an option."""
    import markupsafe  # noqa: PLC0415 - Jinja's own

    escaped = str(markupsafe.escape(text))
    return markupsafe.Markup(_WHOLE.sub(r'<span class="whole">\g<0></span>', escaped))  # noqa: S704


def _place(error: Exception) -> str:
    """File and line of the template that failed, which Jinja writes into the traceback."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith(_ENDINGS):
            place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
