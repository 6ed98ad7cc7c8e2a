"""YAML read string-first: every scalar is the text that stands there, with its place.

Plain YAML turns ``+43123`` and ``0123`` into other numbers and ``no`` into false. Here a value
becomes a number only where the configuration says that it is one. Places are kept, so that
every mistake can be pointed at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mail2fax.errors import ConfigError

_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_SHORTEST_SECRET = 6
_NULL = frozenset({"", "~", "null"})
Place = tuple[str | int, ...]


@dataclass(slots=True)
class YamlFile:
    """A file's content, where each of its values stands, and what is wrong with its form.

    Attributes:
        data: mappings, lists, strings and None.
        problems: ``file:line:column: sentence`` each.
        used: the variables that stand in it, with what they stand for.
    """

    name: str
    data: Any = None
    problems: list[str] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    _marks: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """Where a value stands, as ``file:line:column``; that of what is around it if absent."""
        while place and place not in self._marks:
            place = place[:-1]
        line, column = self._marks.get(place, (1, 1))
        return f"{self.name}:{line}:{column}"

    def without_secrets(self, sentence: str) -> str:
        """A sentence that names the variables instead of saying what they stand for."""
        for name, value in self.used.items():
            if len(value) >= _SHORTEST_SECRET:
                sentence = sentence.replace(value, f"${{{name}}}")
        return sentence

    def note(self, place: Place, node: yaml.Node) -> None:
        """Remember where a value stands."""
        self._marks[place] = (node.start_mark.line + 1, node.start_mark.column + 1)


def read_yaml(path: Path, variables: Mapping[str, str]) -> YamlFile:
    """Read a file.

    Args:
        path: the file.
        variables: what ``${NAME}`` stands for; ``$$`` is a dollar sign.

    Raises:
        ConfigError: it cannot be read, or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError([f"{path}: cannot be read: {why}"]) from error
    file = YamlFile(path.name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        raise ConfigError([f"{where}: not YAML: {error.problem}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path.name}: not YAML: {error}"]) from error
    if node is not None:
        file.data = _value(node, (), file, variables)
    return file


def _value(node: yaml.Node, place: Place, file: YamlFile, variables: Mapping[str, str]) -> Any:
    file.note(place, node)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, file, variables)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*place, number), file, variables)
            for number, item in enumerate(node.value)
        ]
    assert isinstance(node, yaml.ScalarNode), "YAML knows no other kind"
    if node.style is None and node.value in _NULL:
        return None
    return _substituted(str(node.value), place, file, variables)


def _mapping(
    node: yaml.MappingNode, place: Place, file: YamlFile, variables: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        file.note((*place, key), key_node)
        if key in found:
            file.problems.append(f"{file.at((*place, key))}: {key} stands here twice")
        else:
            found[key] = _value(value_node, (*place, key), file, variables)
        file.note((*place, key), key_node)
    return found


def _substituted(text: str, place: Place, file: YamlFile, variables: Mapping[str, str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        if name not in variables:
            sentence = f"${{{name}}} is not set. Put {name}=... into .env or the environment"
            file.problems.append(f"{file.at(place)}: {sentence}")
        else:
            file.used[name] = variables[name]
        return variables.get(name, f"${{{name}}}")

    return _VARIABLE.sub(replaced, text)
