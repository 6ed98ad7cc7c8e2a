"""A7: the contacts file, with every mistake told, and read again when it changes."""

import logging
import os
from pathlib import Path

import pytest

from mail2fax.contacts_file import ContactsFile
from mail2fax.errors import ConfigError
from mail2fax.reading.contacts import Contacts
from mail2fax.reading.numbers import EVERYWHERE, NumberRules

RULES = NumberRules("CH", EVERYWHERE)
GOOD = """\
contacts:
  Dr-Meier: +41225550123
  lab: {number: 043 555 01 23, name: Labor Müller AG}
  wien: 0043 1 58858
groups:
  all-labs: [lab, DR-MEIER, +41225550199]
  everybody: [all-labs, wien, lab]
"""


def opened(directory: Path, text: str) -> ContactsFile:
    """A contacts file with this text."""
    path = directory / "contacts.yaml"
    path.write_text(text, encoding="utf-8")
    return ContactsFile(path, RULES, "fax")


def numbers(contacts: Contacts, name: str) -> list[tuple[str, str]]:
    """Whom a name stands for."""
    return [(one.number.e164, one.name) for one in contacts.members(name)]


def test_contacts_and_groups_are_read(tmp_path: Path) -> None:
    """A7: names in any case, national numbers, groups in groups, each number once."""
    contacts = opened(tmp_path, GOOD).current

    meier, lab = ("+41225550123", "Dr-Meier"), ("+41435550123", "Labor Müller AG")
    assert numbers(contacts, "dr-meier") == [meier]
    assert numbers(contacts, "ALL-LABS") == [lab, meier, ("+41225550199", "")]
    assert numbers(contacts, "everybody") == [lab, meier, ("+41225550199", ""),
                                              ("+43158858", "wien")]  # fmt: skip
    assert numbers(contacts, "nobody") == []


def test_an_empty_file_has_no_contacts(tmp_path: Path) -> None:
    """Nobody by name is no mistake."""
    assert opened(tmp_path, "").current == Contacts()
    assert opened(tmp_path, "contacts:\ngroups:\n").current == Contacts()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "1:1: write contacts: and below it name: number"),
        ("people: {}\n", "1:1: people: the key is not known. Write contacts or groups"),
        ("contact: {}\n", "1:1: contact: the key is not known. Write contacts or groups"),
        ("contacts: [a]\n", "1:1: contacts: write name: value below it"),
        ("contacts:\n  0225550123: +41225550123\n",
         ("2:3: contacts.0225550123: it could be a number. Begin with a letter, and write letters,"
         " digits, . - and _ only")),
        ("contacts:\n  dr meier: +41225550123\n",
         ("2:3: contacts.dr meier: it is no name. Begin with a letter, and write letters,"
         " digits, . - and _ only")),
        ("contacts:\n  Postmaster: +41225550123\n",
         ("2:3: contacts.Postmaster: Postmaster means something else in an address."
         " Take another name")),
        ("contacts:\n  fax: +41225550123\n",
         "2:3: contacts.fax: fax means something else in an address. Take another name"),
        ("contacts:\n  a: +41225550123\n  A: +41225550124\n",
         "3:3: contacts.A: the name stands in contacts already; case makes no difference"),
        ("contacts:\n  a: +41225550123\n  a: +41225550124\n", "3:3: a stands here twice"),
        ("contacts:\n  a: +41225550123\ngroups:\n  A: [a]\n",
         "4:3: groups.A: the name stands in contacts already; case makes no difference"),
        ("contacts:\n  a:\n", "2:3: contacts.a: write its fax number, such as +41225550123"),
        ("contacts:\n  a: [x]\n", "2:3: contacts.a: write its fax number, such as +41225550123"),
        ("contacts:\n  a: {name: A}\n",
         "2:3: contacts.a: write its fax number, such as +41225550123"),
        ("contacts:\n  a: {number: 022555, name: A}\n",
         ("2:7: contacts.a.number: 022555: not a fax number, it is too short in Switzerland."
         " Write it with + and country code")),
        ("contacts:\n  a: 0900123456\n",
         "2:3: contacts.a: 0900123456: a premium-rate number is never faxed"),
        ("contacts:\n  a: 00435550123\n",
         ("2:3: contacts.a: 00435550123: +43 5550 123 (Austria) or 043 555 01 23 (Switzerland)?"
         " Write it with +")),
        ("contacts:\n  a: {number: +41225550123, names: A}\n",
         "2:29: contacts.a.names: the key is not known. Write number or name"),
        ("contacts:\n  a: {number: +41225550123, name: [A]}\n",
         "2:29: contacts.a.name: write the recipient's name on one line"),
        ('contacts:\n  a: {number: +41225550123, name: "A\\nB"}\n',
         "2:29: contacts.a.name: write the recipient's name on one line"),
        ("groups:\n  g: +41225550123\n",
         "2:3: groups.g: write its members as a list, such as [dr-meier, +41225550123]"),
        ("groups:\n  g: []\n",
         "2:3: groups.g: write its members as a list, such as [dr-meier, +41225550123]"),
        ("contacts: {lab: +41225550123}\ngroups:\n  g: [lap]\n",
         "3:7: groups.g.0: no contact or group has the name lap. Did you mean lab?"),
        ("groups:\n  g: [zzz, +41225550123]\n",
         "2:7: groups.g.0: no contact or group has the name zzz."),
        ("contacts: {a: +41225550123}\ngroups:\n  g: [a, A]\n",
         "3:10: groups.g.1: a is in the group already. Remove it"),
        ("groups:\n  g: [022555]\n",
         ("2:7: groups.g.0: 022555: not a fax number, it is too short in Switzerland."
         " Write it with + and country code")),
        ("groups:\n  g: [{a: b}]\n", "2:7: groups.g.0: write its fax number, such as +41225550123"),
        ("groups:\n  g: [g]\n", "2:7: groups.g.0: a group cannot hold itself: g in g"),
        ("groups:\n  a: [+41225550123, b]\n  b: [c]\n  c: [A]\n",
         "4:7: groups.c.0: a group cannot hold itself: a in c in b in a"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    """A7: what is wrong, where, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, text)

    assert caught.value.problems == [f"contacts.yaml:{problem}"]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """A7: in the order of the lines; one that follows from another is not told."""
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, "groups:\n  g: [a, b]\ncontacts:\n  a: 117\n  1: +41225550123\n")

    assert [one.split(": ")[0] for one in caught.value.problems] == [
        "contacts.yaml:2:10", "contacts.yaml:4:3", "contacts.yaml:5:3",
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """A7: the configuration names it, so it must be readable at start."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        ContactsFile(tmp_path / "nowhere.yaml", RULES)


def changed(directory: Path, text: str, ago: float) -> None:
    """The file with another text, written so long ago."""
    path = directory / "contacts.yaml"
    path.write_text(text, encoding="utf-8")
    os.utime(path, (1e9 - ago, 1e9 - ago))


def test_a_changed_file_is_read_when_it_rests(tmp_path: Path) -> None:
    """A7: without a restart; not while it is being written."""
    file = opened(tmp_path, "contacts: {a: +41225550123}")
    before = file.current
    file.refresh()
    assert file.current is before

    changed(tmp_path, "contacts: {a: +412255", 20)
    file.refresh()
    changed(tmp_path, "contacts: {a: +41225550124}", 10)
    file.refresh()
    assert file.current is before
    file.refresh()
    assert numbers(file.current, "a") == [("+41225550124", "a")]


def test_a_broken_file_keeps_the_contacts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A7, promise 6: an event names the places, no number; a mended file is read."""
    file = opened(tmp_path, "contacts: {a: +41225550123}")
    before = file.current
    caplog.set_level(logging.INFO, "mail2fax")

    changed(tmp_path, "contacts:\n  a: 0225550\n  b: 02255501234\n", 20)
    for _ in range(3):
        file.refresh()
    assert file.current is before
    assert [one.message for one in caplog.records] == [
        f'contacts-kept file={tmp_path}/contacts.yaml mistakes_at="2:3, 3:3"'
    ]

    (tmp_path / "contacts.yaml").unlink()
    for _ in range(3):
        file.refresh()
    assert file.current is before

    changed(tmp_path, GOOD, 10)
    for _ in range(2):
        file.refresh()
    assert numbers(file.current, "dr-meier") == [("+41225550123", "Dr-Meier")]
    assert caplog.records[-1].message == "contacts-read contacts=3 groups=2"
