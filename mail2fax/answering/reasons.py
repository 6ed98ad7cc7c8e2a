"""Reasons in another language than the one they were written down in. Pure.

Why a mail, a part or a fax was not sent is written down in English, where it is found: the same
sentence stands in the SMTP response, in the ledger, in ``queue show`` and in English letters.
Other letters look it up here, sentence by sentence, by its English form:

    "{file:file} is damaged: {damage:reason}" = "{file} ist beschädigt: {damage}"

``{name}`` stands for any text, ``{name:n}`` for a number, ``{name:country}`` for the name of a
country, ``{name:file}`` for what a sentence calls a file (its name in quotes), ``{name:reason}``
for a reason inside another. What is not known stays in English: it is never lost.
"""

import re
import string
from collections.abc import Iterable, Mapping

_ENDS = re.compile(r"(?<=[.?!]) +")
_TEXT = r"(.{1,400}?)"
_KINDS = {
    "": _TEXT,
    "reason": _TEXT,
    "country": _TEXT,
    "n": r"([0-9][0-9.,]*)",
    "file": "(\u201c.{1,400}?\u201d|[A-Z][A-Za-z' ]{2,30})",
}
_INNER = frozenset({"reason", "file"})
_LONGEST = 2000


class Reasons:
    """The reasons one language knows."""

    def __init__(self, entries: Mapping[str, str], countries: Mapping[str, str]) -> None:
        """Take the reasons.

        Args:
            entries: English forms and what is said instead, without the period at the end.
            countries: English names and those of this language.
        """
        self._countries = countries
        self._whole = {key: told for key, told in entries.items() if "{" not in key}
        forms = sorted((key for key in entries if "{" in key), key=_literals, reverse=True)
        self._forms = [(_Form(key), entries[key]) for key in forms]

    def told(self, sentence: str) -> str:
        """A reason in this language, as far as it is known."""
        return " ".join(told for told, _ in self._pieces(sentence))

    def unknown_in(self, sentence: str) -> list[str]:
        """The pieces of a reason that are not known."""
        return [piece for _, unknown in self._pieces(sentence) for piece in unknown]

    def _pieces(self, text: str) -> Iterable[tuple[str, list[str]]]:
        """What is said for each sentence, and what of it is not known."""
        text = text.strip()
        sentences = _ENDS.split(text) if 0 < len(text) <= _LONGEST else [text]
        while sentences:
            count, told = self._longest_known(sentences)
            yield told
            sentences = sentences[count:]

    def _longest_known(self, sentences: list[str]) -> tuple[int, tuple[str, list[str]]]:
        """How many of the first sentences are one reason, best known whole, and what it says."""
        found = None
        for count in range(len(sentences), 0, -1):
            known = self._known(" ".join(sentences[:count]))
            if known is not None and not known[1]:
                return count, known
            if known is not None and found is None:
                found = count, known
        return found or (1, (sentences[0], [sentences[0]] if sentences[0] else []))

    def _known(self, piece: str) -> tuple[str, list[str]] | None:
        """What is said for a piece, and what of it is not known; None when nothing of it is."""
        bare = piece.removesuffix(".")
        end = piece[len(bare) :]
        if bare in self._whole:
            return self._whole[bare] + end, []
        for form, told in self._forms:
            facts = form.facts(bare)
            if facts is not None:
                shown, unknown = dict[str, str](), list[str]()
                for name, fact in facts.items():
                    shown[name], left = self._shown(fact, form.kinds[name])
                    unknown += left
                return told.format(**shown) + end, unknown
        return None

    def _shown(self, fact: str, kind: str) -> tuple[str, list[str]]:
        """A fact as it is told, and what of it is not known."""
        if kind == "country":
            known = self._countries.get(fact)
            return (fact, [fact]) if known is None else (known, [])
        if kind in _INNER:
            return self.told(fact), self.unknown_in(fact)
        return fact, []


class _Form:
    """The English form of a reason that holds facts.

    Attributes:
        kinds: what each fact is, one of `_KINDS`.
    """

    def __init__(self, key: str) -> None:
        pattern, self.kinds = "", dict[str, str]()
        for literal, name, kind, _ in string.Formatter().parse(key):
            pattern += re.escape(literal)
            if name is not None:
                self.kinds[name] = kind or ""
                pattern += _KINDS[kind or ""]
        self._pattern = re.compile(pattern)

    def facts(self, text: str) -> dict[str, str] | None:
        """The facts of a text of this form, None if it has another."""
        found = self._pattern.fullmatch(text)
        return dict(zip(self.kinds, found.groups(), strict=True)) if found else None


def _literals(key: str) -> int:
    """How much of a form is fixed: the more, the earlier it is tried."""
    return sum(len(literal) for literal, _, _, _ in string.Formatter().parse(key))
