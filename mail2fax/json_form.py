"""Values as plain JSON and back: the form the ledger and the pipes to children hold."""

from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from mail2fax.values import FaxNumber

V = TypeVar("V")


def as_json(value: Any) -> Any:
    """A value of this module as plain JSON types: the form the ledger and the pipes hold."""
    if isinstance(value, FaxNumber):
        return value.e164
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def from_json(kind: type[V], data: Any) -> V:
    """The value that `as_json` made this of; a field that is missing gets its default.

    Args:
        kind: a dataclass of the house.
        data: its JSON form, as the ledger or a pipe gave it back.

    Raises:
        TypeError: it is not the form of that kind.
    """
    value: V = _revived(kind, data)
    return value


def _revived(kind: Any, data: Any) -> Any:
    """Data of one annotated type."""
    if get_origin(kind) is UnionType:
        known = [one for one in get_args(kind) if one is not NoneType]
        return None if data is None else _revived(known[0], data)
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
            return tuple(_revived(kinds[0], one) for one in data)
        return tuple(_revived(one, datum) for one, datum in zip(kinds, data, strict=True))
    if isinstance(kind, type) and issubclass(kind, (FaxNumber, StrEnum)):
        return kind(data)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _revived(hints.get(name), datum) for name, datum in data.items()})
    return data


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
