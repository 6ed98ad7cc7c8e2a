"""A life: one run of the daemon, from its start to its stop or to SIGKILL."""

import contextvars
from collections.abc import Callable
from contextvars import Context
from typing import Any


class Life:
    """One run of the daemon; what is started in its `context` ends with it.

    Attributes:
        missed: what would have run after its end, so that it can be cleared away at the very end.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.missed: list[tuple[Callable[..., object], tuple[Any, ...], Context]] = []

    def context(self) -> Context:
        """A context for what belongs to this life."""
        context = contextvars.copy_context()
        context.run(LIFE.set, self)
        return context


LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("LIFE", default=None)
"""Whose code runs; None for the world around the daemon."""
