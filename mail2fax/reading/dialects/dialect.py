"""What a dialect is: three ways to find foreign spellings, each translated or refused by name.

None of them may add or change a destination: a form that carries one becomes a refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mail2fax.reading.options.marks import Marked
from mail2fax.values import Wish

_DESTINATION = "The fax number stands only in the address of the mail. Remove it there"


def _untouched(text: str) -> Marked:
    return Marked(text)


def _not_mine(_wish: Wish) -> tuple[Wish, ...] | None:
    return None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One product's spellings.

    Attributes:
        in_subject: a Subject without them, and what they mean.
        in_text: the sender's own words without them, and what they mean.
        in_address: what an option of an address means; None when it is not of this dialect.
        separator: what stands before an option of an address, beside our ``/``.
    """

    in_subject: Callable[[str], Marked] = _untouched
    in_text: Callable[[str], Marked] = _untouched
    in_address: Callable[[Wish], tuple[Wish, ...] | None] = _not_mine
    separator: str = ""


def refused(form: str, why: str, place: str) -> Wish:
    """A spelling that can only stop the fax; ``form`` is a fixed name, never what was written."""
    return Wish("", "", place, f"{form}: {why}")


def names_destination(form: str, place: str) -> Wish:
    """A spelling that would name a destination."""
    return refused(form, _DESTINATION, place)
