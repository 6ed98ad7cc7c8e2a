"""The contacts file: names and groups that stand for fax numbers (A7), read again when it changes.

    contacts:
      dr-meier: +41225550123
      lab: {number: 031 555 01 23, name: Labor Bern AG}
    groups:
      all: [dr-meier, lab, +41435550123]

Read string-first, like the configuration; every mistake is told at once with its place and what
to write instead. A group may name contacts, numbers and other groups.
"""

import difflib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mail2fax import events
from mail2fax.errors import ConfigError
from mail2fax.reading.contacts import Contact, Contacts
from mail2fax.reading.numbers import NumberRules, read_number, shown
from mail2fax.values import FaxNumber
from mail2fax.yaml_file import Place, YamlFile, read_yaml

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
_RESERVED = ("postmaster", "abuse")
_SECTIONS = ("contacts", "groups")
_KEYS = ("number", "name")


class ContactsFile:
    """The names of this moment, and the file they come from.

    Attributes:
        current: the contacts as last read without a mistake.
    """

    def __init__(self, path: Path, rules: NumberRules, prefix: str = "") -> None:
        """Read it.

        Args:
            path: the file.
            rules: how its numbers are read; countries are judged when a mail is sent.
            prefix: word that stands before a number in addresses and can be no name.

        Raises:
            ConfigError: with every mistake.
        """
        self._path = path
        self._rules = rules
        self._reserved = (*_RESERVED, *([prefix.lower()] if prefix else []))
        self._read = self._last_look = self._signature()
        self.current = read_contacts(path, rules, self._reserved)

    def refresh(self) -> None:
        """Look at the file; one that has changed and now rests is read.

        What changed since the last look may be half written, so it is read at the next. A file
        with a mistake keeps the contacts as they are.
        """
        now = self._signature()
        rests, self._last_look = now == self._last_look, now
        if now == self._read or not rests:
            return
        self._read = now
        try:
            self.current = read_contacts(self._path, self._rules, self._reserved)
        except ConfigError as error:
            places = [":".join(one.split(":")[1:3]) for one in error.problems]
            events.contacts_kept(str(self._path), places)
        else:
            events.contacts_read(len(self.current.people), len(self.current.groups))

    def _signature(self) -> tuple[int, ...]:
        """What tells one content of the file from another; nothing when there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino


def read_contacts(path: Path, rules: NumberRules, reserved: Collection[str]) -> Contacts:
    """Read a contacts file.

    Args:
        path: the file.
        rules: how its numbers are read.
        reserved: names that mean something else in an address, in lower case.

    Raises:
        ConfigError: with every mistake as ``file:line:column: key: sentence``.
    """
    file = read_yaml(path, {})
    reader = _Reader(file, rules, reserved)
    contacts = reader.contacts()
    if file.problems:
        raise ConfigError(sorted(file.problems, key=_position))
    return contacts


def _position(problem: str) -> tuple[list[int], str]:
    return [int(part) for part in problem.split(":")[1:3] if part.isdigit()], problem


class _Reader:
    """One pass over a file's data; what is wrong goes to the file's problems."""

    def __init__(self, file: YamlFile, rules: NumberRules, reserved: Collection[str]) -> None:
        self._file = file
        self._rules = rules
        self._reserved = reserved
        self._seen: dict[str, str] = {}
        self._people: dict[str, Contact] = {}
        self._listed: dict[str, tuple[Place, list[Any]]] = {}
        self._groups: dict[str, dict[FaxNumber, Contact]] = {}

    def contacts(self) -> Contacts:
        """What the file says, as far as it can be understood."""
        for name, place, value in self._entries("contacts"):
            self._person(name, place, value)
        for name, place, value in self._entries("groups"):
            if isinstance(value, list) and value:
                self._listed[name] = place, value
            else:
                self._wrong(place, "write its members as a list, such as [dr-meier, +41225550123]")
        for name in self._listed:
            self._members(name, ())
        groups = {name: tuple(members.values()) for name, members in self._groups.items()}
        return Contacts(self._people, groups)

    def _wrong(self, place: Place, sentence: str) -> None:
        key = ".".join(str(part) for part in place)
        self._file.problems.append(f"{self._file.at(place)}: {key}{': ' if key else ''}{sentence}")

    def _entries(self, section: str) -> Iterator[tuple[str, Place, Any]]:
        """Each entry of a section whose name can be one: name in lower case, place, value."""
        data = {} if self._file.data is None else self._file.data
        if not isinstance(data, dict):
            if section == _SECTIONS[0]:
                self._wrong((), "write contacts: and below it name: number")
            return
        for key in data:
            if key not in _SECTIONS and section == _SECTIONS[0]:
                self._wrong((key,), "the key is not known. Write contacts or groups")
        entries = data.get(section) or {}
        if not isinstance(entries, dict):
            self._wrong((section,), "write name: value below it")
            return
        for name, value in entries.items():
            if self._can_be_named((section, name), name):
                yield name.lower(), (section, name), value

    def _can_be_named(self, place: Place, name: str) -> bool:
        before = self._seen.setdefault(name.lower(), str(place[0]))
        if not _NAME.fullmatch(name):
            could_be = "could be a number" if re.fullmatch(r"[0-9+ ().-]+", name) else "is no name"
            self._wrong(place, f"it {could_be}. Begin with a letter, and write letters, digits,"
                               " . - and _ only")  # fmt: skip
        elif name.lower() in self._reserved:
            self._wrong(place, f"{name} means something else in an address. Take another name")
        elif before != place[0] or (name.lower() in (*self._people, *self._listed)):
            self._wrong(place, f"the name stands in {before} already; case makes no difference")
        else:
            return True
        return False

    def _person(self, name: str, place: Place, value: Any) -> None:
        if not isinstance(value, dict):
            number, shown_name = value, str(place[-1])
        else:
            number, shown_name = value.get("number"), value.get("name") or str(place[-1])
            for key in value:
                if key not in _KEYS:
                    self._wrong((*place, key), "the key is not known. Write number or name")
            if not isinstance(shown_name, str) or not shown_name.isprintable():
                self._wrong((*place, "name"), "write the recipient's name on one line")
            place = (*place, "number") if "number" in value else place
        found = self._number(place, number)
        if found:
            self._people[name] = Contact(found, str(shown_name))

    def _number(self, place: Place, written: Any) -> FaxNumber | None:
        if not isinstance(written, str):
            self._wrong(place, "write its fax number, such as +41225550123")
            return None
        reading = read_number(written, self._rules)
        if reading.refusal is not None:
            self._wrong(place, reading.refusal.text)
        return reading.destination.number

    def _members(self, group: str, above: tuple[str, ...]) -> dict[FaxNumber, Contact]:
        """A group's members, each number once, groups inside it resolved."""
        if group in self._groups:
            return self._groups[group]
        place, listed = self._listed[group]
        found: dict[FaxNumber, Contact] = {}
        seen: set[str] = set()
        for position, member in enumerate(listed):
            here = (*place, position)
            key = member.strip(" ").lower() if isinstance(member, str) else ""
            if key in seen:
                self._wrong(here, f"{shown(key)} is in the group already. Remove it")
            elif key in (group, *above):
                way = " in ".join((key, *reversed((*above, group)[(*above, group).index(key) :])))
                self._wrong(here, f"a group cannot hold itself: {way}")
            else:
                for one in self._member(here, key, (*above, group)):
                    found.setdefault(one.number, one)
            seen.add(key)
        self._groups[group] = found
        return found

    def _member(self, place: Place, key: str, above: tuple[str, ...]) -> Collection[Contact]:
        """Whom one member of a group stands for."""
        if key in self._people:
            return (self._people[key],)
        if key in self._listed:
            return self._members(key, above).values()
        if key in self._seen:
            return ()  # what is wrong with it is said where it stands
        if any(letter.isalpha() for letter in key):
            known = _nearest(key, [*self._people, *self._listed])
            self._wrong(place, f"no contact or group has the name {shown(key)}.{known}")
            return ()
        number = self._number(place, key or None)
        return (Contact(number, ""),) if number else ()


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
