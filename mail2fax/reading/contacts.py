"""Names that stand for fax numbers, alone and in groups (A7). Case does not matter."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from mail2fax.values import FaxNumber


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody with a fax number.

    Attributes:
        number: where to.
        name: the recipient's name, unless the mail gives one (A9).
    """

    number: FaxNumber
    name: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """Who can be written to by name.

    Attributes:
        people: each by its name in lower case.
        groups: the members of each group, by its name in lower case; every number once.
    """

    people: Mapping[str, Contact] = field(default_factory=dict)
    groups: Mapping[str, tuple[Contact, ...]] = field(default_factory=dict)

    def members(self, name: str) -> tuple[Contact, ...]:
        """Whom a name stands for; nobody when it is not known."""
        key = name.lower()
        person = self.people.get(key)
        return (person,) if person else self.groups.get(key, ())

    def nearest(self, name: str) -> str:
        """The known name most like an unknown one, or nothing."""
        known = (*self.people, *self.groups)
        near = difflib.get_close_matches(name.lower(), known, n=1)
        return near[0] if near else ""


NOBODY = Contacts()
"""The contacts of an office without a file of them."""
