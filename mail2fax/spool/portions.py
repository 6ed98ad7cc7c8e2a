"""Questions about many ids at once, a portion at a time: a statement has only so many variables."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select

_PORTION = 500


def in_portions(
    connection: Connection, query: Select[Any], some: Iterable[str], **more: Any
) -> list[Row[Any]]:
    """The rows of a query with an expanding parameter ``some``, for however many there are.

    A portion has always the same number of variables, so that its statement is built once.
    """
    wanted = sorted(some)
    found: list[Row[Any]] = []
    for first in range(0, len(wanted), _PORTION):
        portion = wanted[first : first + _PORTION]
        found += connection.execute(query, {"some": portion, **more})
    return found
