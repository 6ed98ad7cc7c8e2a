"""The vocabulary: what each option means, and a sentence for what means nothing (O1, O3, O4).

A word that is not known stops the fax, with the nearest that is; so does a value that cannot be
understood or that the rule does not allow. Nothing is taken in part.
"""

import difflib
import re
from collections.abc import Callable, Iterable

from mail2fax.reading.numbers import shown
from mail2fax.reading.options.laying import lay_over
from mail2fax.reading.options.moments import read_moment
from mail2fax.reading.options.rules import FORBIDDEN, OptionRules, WishRefused
from mail2fax.values import Cover, Options, Retry, Wish

FLAGS = ("urgent", "for_review", "please_reply", "confidential")
BODIES = ("comment", "cover", "comment+cover", "page", "off")
SHORTHANDS = {
    "fine": ("resolution", "fine"),
    "superfine": ("resolution", "superfine"),
    "no_cover": ("cover", "off"),
    "nocover": ("cover", "off"),
    **{flag: ("flags", flag) for flag in FLAGS},
}
_PLACES = {"header": "the X-Fax headers", "body": "the first lines", "subject": "the Subject",
           "address": "the address"}  # fmt: skip
_TRUTH = {"on": True, "yes": True, "true": True, "": True,
          "off": False, "no": False, "false": False}  # fmt: skip
_RETRY = re.compile(r"([0-3])\s*/\s*([0-9]|[12][0-9]|30)", re.ASCII)
_LIST = re.compile(r"[,;&\s]+")
_NUMBERS = re.compile(r"[,;&]|\s(?=\+)|(?<=[0-9])(?=\+)")
_NOT_DIGIT = re.compile(r"[^0-9]+", re.ASCII)
_SHORTEST_NATIONAL = 7
_LONGEST = 100
_LONGEST_COMMENT = 400
_NEAREST_CODES = 5
_TOKEN_MARK = "m2f:"  # noqa: S105 - what only our own tokens may begin with
_REFERENCE = re.compile(r"M2F-[0-9A-Z]{5}(?:/[1-9][0-9]{0,2})?", re.ASCII)
_FAX_ID = re.compile(r"[0-9A-Za-z_-]{8,64}", re.ASCII)


def understood(wishes: Iterable[Wish], rules: OptionRules, received_at: float) -> Options:
    """What wishes mean together, weaker places under stronger ones.

    Args:
        wishes: of any places, each place's in the order they stood in.
        rules: what the mail's rule allows.
        received_at: when the mail came, seconds since the epoch.

    Raises:
        WishRefused: one is not understood, not allowed, or contradicts another of its place.
    """
    wanted = tuple(wishes)
    places = [_of_place(place, wanted, rules, received_at) for place in _PLACES]
    return lay_over(*places)


def _of_place(
    place: str, wishes: Iterable[Wish], rules: OptionRules, received_at: float
) -> Options:
    said: dict[str, Options] = {}
    for wish in wishes:
        if wish.place != place:
            continue
        if wish.problem:
            raise WishRefused(wish.problem)
        key, value = _without_shorthand(wish)
        if key not in READERS:
            raise WishRefused(_unknown(wish))
        options = READERS[key](value.strip(), rules, received_at)
        key = _SAME.get(key, key)
        if said.setdefault(key, options) != options and key not in _MANY:
            raise WishRefused(f"{key} stands twice in {_PLACES[place]}. Write it once")
        said[key] = lay_over(said[key], options)
    return lay_over(*said.values())


def _without_shorthand(wish: Wish) -> tuple[str, str]:
    if wish.value:
        return wish.key, wish.value
    return SHORTHANDS.get(wish.key.replace("-", "_"), (wish.key, ""))


def _unknown(wish: Wish) -> str:
    known = [*READERS, *SHORTHANDS]
    near = difflib.get_close_matches(wish.key[:40], known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(READERS)}"
    return f'"{shown(wish.key)}" in {_PLACES[wish.place]} is no option. {hint}'


# Values: each reader gets the text, the rule and the time of receipt.


def _at(value: str, rules: OptionRules, received_at: float) -> Options:
    if not value:
        raise WishRefused("at: no time is written. Write it as 08:00 or 2026-11-02 08:00")
    return Options(at=read_moment(value, received_at, rules.timezone))


def _from(value: str, rules: OptionRules, _received_at: float) -> Options:
    pieces = [piece.strip() for piece in _NUMBERS.split(value) if piece.strip()]
    if not pieces:
        raise WishRefused("from: no number is written. Write one of your own fax numbers")
    numbers = (_own_number(piece, rules) for piece in pieces)
    return Options(source_numbers=tuple(dict.fromkeys(numbers)))


def _own_number(written: str, rules: OptionRules) -> str:
    """One of the rule's own numbers, however it is written."""
    digits = _NOT_DIGIT.sub("", written)
    national = digits.lstrip("0")
    found = [
        number
        for number in rules.source_numbers
        if _NOT_DIGIT.sub("", number) in (digits, national)
        or (len(national) >= _SHORTEST_NATIONAL and "+" not in written
            and number.endswith(national))
    ]  # fmt: skip
    if len(found) == 1 and not any(letter.isalpha() for letter in written):
        return found[0]
    known = ", ".join(rules.source_numbers[:_NEAREST_CODES]) or "none"
    raise WishRefused(f"from: {shown(written)} is no number you may send from ({known})", FORBIDDEN)


def _resolution(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(resolution=_one_of("resolution", value, ("fine", "superfine")))


def _enhance(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(enhance=_truth("enhance", value))


def _retry(value: str, rules: OptionRules, _received_at: float) -> Options:
    found = _RETRY.fullmatch(value)
    if not found:
        text = f"retry: {shown(value)} is not count/delay. Write 3/15 (0 to 3 times, delay 0 to 30)"
        raise WishRefused(text)
    if int(found[1]) > rules.most_retries:
        text = f"retry: {found[1]} is more than the {rules.most_retries} you may ask for"
        raise WishRefused(text, FORBIDDEN)
    return Options(retry=Retry(int(found[1]), int(found[2])))


def _tag(value: str, _rules: OptionRules, _received_at: float) -> Options:
    tags = tuple(tag.strip() for tag in re.split(r"[,;]", value) if tag.strip())
    if not tags:
        raise WishRefused("tag: nothing is written behind it")
    return Options(tags=tuple(_words("tag", tag, _LONGEST) for tag in tags))


def _bill(value: str, rules: OptionRules, _received_at: float) -> Options:
    code = _words("bill", value, _LONGEST)
    if not rules.bill_codes or code in rules.bill_codes:
        return Options(bill=code)
    near = difflib.get_close_matches(code, rules.bill_codes, n=_NEAREST_CODES, cutoff=0.0)
    nearest = ", ".join(shown(one) for one in near)
    raise WishRefused(f"bill: {shown(code)} is no billing code. Nearest are {nearest}", FORBIDDEN)


def _comment(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(comment=_words("comment", value, _LONGEST_COMMENT))


def _cover(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(with_cover=_truth("cover", value))


def _to(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(cover=Cover(name_to=_words("to", value, _LONGEST)))


def _company(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(cover=Cover(company=_words("company", value, _LONGEST)))


def _sender(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(cover=Cover(name_from=_words("sender", value, _LONGEST)))


def _flags(value: str, _rules: OptionRules, _received_at: float) -> Options:
    words = re.sub(r"[ -](review|reply)\b", r"_\1", value.lower())
    flags = [flag for flag in _LIST.split(words) if flag]
    if not flags:
        raise WishRefused(f"flags: write one or more of {', '.join(FLAGS)}")
    return Options(cover=Cover(flags=tuple(_one_of("flags", flag, FLAGS) for flag in flags)))


def _body(value: str, _rules: OptionRules, _received_at: float) -> Options:
    word = value.replace(" ", "").lower()
    return Options(body=_one_of("body", "comment+cover" if word == "cover+comment" else word,
                                BODIES))  # fmt: skip


def _resend(value: str, rules: OptionRules, _received_at: float) -> Options:
    if rules.may_resend == "never":
        raise WishRefused("resend: earlier faxes cannot be sent again here", FORBIDDEN)
    wanted = value.upper() if _REFERENCE.fullmatch(value.upper()) else value
    if not _REFERENCE.fullmatch(wanted) and not _FAX_ID.fullmatch(wanted):
        text = f"resend: {shown(value)} is no reference. Write one such as M2F-7K3QX/1, or a fax ID"
        raise WishRefused(text)
    return Options(resend=wanted)


def is_reference(wanted: str) -> bool:
    """Whether what is to be sent again was named by our reference rather than a fax ID."""
    return _REFERENCE.fullmatch(wanted) is not None


def _user(value: str, rules: OptionRules, _received_at: float) -> Options:
    if value not in rules.users:
        raise WishRefused(f"user: {shown(value)} is no member you may send as", FORBIDDEN)
    return Options(user_id=value)


def _report(value: str, _rules: OptionRules, _received_at: float) -> Options:
    return Options(report=_truth("report", value))


def _lang(value: str, rules: OptionRules, _received_at: float) -> Options:
    return Options(lang=_one_of("lang", _language(value), rules.languages))


def _language(tag: str) -> str:
    """The language of a tag such as ``de-CH`` (RFC 5646)."""
    return re.split(r"[-_;]", tag.strip().lower())[0]


def language_of(
    wishes: Iterable[Wish], languages: str, base: Options, rules: OptionRules
) -> str | None:
    """The language a mail is answered in, whether or not it can be faxed as it wishes.

    Args:
        wishes: of the mail and its addresses.
        languages: its Content-Language.
        base: the rule's options.
        rules: what the rule allows.
    """
    wished = [_language(wish.value) for wish in wishes if wish.key == "lang"]
    said = [_language(tag) for tag in languages.split(",")]
    for language in (*wished, base.lang, *said):
        if language in rules.languages:
            return language
    return None


def _one_of(key: str, value: str, known: tuple[str, ...]) -> str:
    if value.lower() in known:
        return value.lower()
    near = difflib.get_close_matches(value.lower()[:40], known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Write one of {', '.join(known)}"
    raise WishRefused(f'{key}: "{shown(value)}" is not known. {hint}')


def _truth(key: str, value: str) -> bool:
    if value.lower() not in _TRUTH:
        raise WishRefused(f'{key}: "{shown(value)}" is not known. Write on or off')
    return _TRUTH[value.lower()]


def _words(key: str, value: str, longest: int) -> str:
    """Free words, as they may stand on a page or in a comment."""
    if not value:
        raise WishRefused(f"{key}: nothing is written behind it")
    if len(value) > longest:
        raise WishRefused(f"{key}: {len(value)} characters are more than {longest}")
    if _TOKEN_MARK in value:
        raise WishRefused(f"{key}: {_TOKEN_MARK} marks faxes at Fax.Plus and may not be written")
    return value


READERS: dict[str, Callable[[str, OptionRules, float], Options]] = {
    "from": _from, "at": _at, "resolution": _resolution, "enhance": _enhance, "retry": _retry,
    "tag": _tag, "comment": _comment, "cover": _cover, "to": _to, "company": _company,
    "sender": _sender, "flags": _flags, "body": _body, "resend": _resend, "forward": _resend,
    "bill": _bill, "user": _user, "report": _report, "lang": _lang,
}  # fmt: skip
_MANY = frozenset({"tag", "flags"})
_SAME = {"forward": "resend"}
