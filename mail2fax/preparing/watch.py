"""How long opening a document may take. In the preparing child the kernel keeps watch (M9)."""

from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """Nobody watches: outside a child, where a document that hangs would hang the caller."""

    @contextmanager
    def over(self, name: str) -> Iterator[None]:  # noqa: ARG002 - the child's watch tells it
        """While it lasts, a document is being opened.

        Args:
            name: the document's, as its sender knows it.
        """
        yield

    def go_on(self) -> bool:
        """Another page of a long document is done; whether there is time for more."""
        return True
