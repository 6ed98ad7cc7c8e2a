"""Options of a weaker and a stronger place become one (O2).

The nearest word wins, field by field; tags and flags add up. Laying over is associative, so
that places can be laid in any grouping as long as their order is kept.
"""

from dataclasses import fields, replace
from functools import reduce
from typing import Any, TypeVar

from mail2fax.values import Cover, Options

V = TypeVar("V", Options, Cover)
_ADD_UP = ("tags", "flags")
_NOTHING = (None, (), "")


def lay_over(*weakest_to_strongest: Options) -> Options:
    """All of them as one, the last the strongest."""
    return reduce(_over, weakest_to_strongest, Options())


def _over(under: V, over: V) -> V:
    pairs = [(one.name, getattr(under, one.name), getattr(over, one.name)) for one in fields(over)]
    return replace(over, **{name: _nearest(name, *pair) for name, *pair in pairs})


def _nearest(name: str, under: Any, over: Any) -> Any:
    if name in _ADD_UP:
        return tuple(dict.fromkeys((*under, *over)))
    if isinstance(under, Cover) and isinstance(over, Cover):
        return _over(under, over)
    return under if over in _NOTHING else over
