"""What each fax of a mail is ordered with, or why the mail is not faxed (O2, O4, O5).

The rule's options lie lowest, then the mail's places, then the fax's own address. Whatever
their source, the result is checked against the rule. One fax that cannot be ordered as wished
stops them all: a person who wrote two addresses wants both.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from mail2fax.reading.dialects.spoken import read_subject, translated
from mail2fax.reading.gate import GateReading
from mail2fax.reading.numbers import shown
from mail2fax.reading.options.laying import lay_over
from mail2fax.reading.options.marks import BODY
from mail2fax.reading.options.rules import FORBIDDEN, OptionRules, WishRefused
from mail2fax.reading.options.words import is_reference, understood
from mail2fax.values import PAGE, Cover, Destination, Headline, Options, Reading, Response, Wish

LONGEST_MESSAGE = 2000
_ON_COVER = ("cover", "comment+cover")
_ON_NO_PAGE = ("comment", "off")
_NO_SUBJECT = "Fax"
_BILL_NEEDED = "A billing code is needed. Write [fax: bill CODE] in the Subject"
_SOME_CODES = 5
_ANSWERS = re.compile(r"\s*(re|aw|sv|antw|tr|odp|ynt|rif|vs)\s*(\[\d+\])?\s*:", re.IGNORECASE)
NO_ANSWER = Response(
    554,
    "5.6.0",
    "An answer without an attachment is not faxed, because its text is meant for people. "
    "Attach the document, or write a new mail",
)


@dataclass(frozen=True, slots=True)
class FaxAsked:
    """One destination: its id, its number in E.164, the recipient's name, its own wishes."""

    id: str
    number: str
    name: str = ""
    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class MailAsked:
    """What options of a mail are decided from.

    Attributes:
        received_at: seconds since the epoch.
        wishes: of its headers, first lines and Subject.
        subject: without marks.
        words: the sender's own words, whole.
        sender: who the mail is from, in words.
        has_documents: whether anything to fax is attached, or may be.
        has_page: whether its own text was made a page.
    """

    received_at: float
    wishes: tuple[Wish, ...] = ()
    subject: str = ""
    words: str = ""
    sender: str = ""
    has_documents: bool = True
    has_page: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """Options by fax id, or the refusal of the mail."""

    options: Mapping[str, Options]
    refusal: Response | None = None


def mail_asked(reading: Reading, received_at: float) -> MailAsked:
    """What options are decided from, of a mail that was read."""
    headline = reading.headline
    return MailAsked(
        received_at=received_at,
        wishes=reading.wishes,
        subject=reading.subject,
        words=reading.words,
        sender=headline.from_name or headline.from_address,
        has_documents=bool(reading.question) or any(one.role != PAGE for one in reading.documents),
        has_page=any(one.role == PAGE for one in reading.documents),
    )


def refusal_of(
    wishes: Iterable[Wish], rules: OptionRules, received_at: float, code: int
) -> Response | None:
    """Why wishes cannot be met, as far as they show it by themselves; for a client on the line."""
    asked = tuple(wishes)
    if not asked:  # nearly every mail, while its client waits
        return None
    try:
        understood(translated(asked, rules.dialects), rules, received_at)
    except WishRefused as refused:
        return refused.response(code)
    return None


def refusal_of_twice(
    earlier: Iterable[Destination], later: Iterable[Destination]
) -> Response | None:
    """Why a number that stands in an earlier address cannot stand in another."""
    wishes = {one.number: one.wishes for one in earlier}
    for one in later:
        if wishes.get(one.number, one.wishes) != one.wishes:
            text = f"{one.number} stands in two addresses with different options. Write one"
            return Response(550, "5.1.3", text)
    return None


def refusal_on_the_line(
    found: GateReading,
    destinations: Iterable[Destination],
    rules: OptionRules,
    received_at: float,
) -> Response | None:
    """Why a mail cannot be faxed as wished, as far as the first gate can tell.

    First lines are understood when the mail is prepared: here they may be cut.
    """
    subject = read_subject(found.headline.subject, rules.dialects)
    wishes = (*found.wishes, *subject.wishes)
    known = tuple(wish for wish in wishes if wish.place != BODY)
    asks = asks_for_earlier_fax(wishes)
    for own in dict.fromkeys(one.wishes for one in destinations):
        refusal = refusal_of((*known, *own), rules, received_at, 554)
        if refusal is not None:
            return refusal
        if found.no_document and not asks and not asks_for_earlier_fax(own):
            if is_answer(found.headline):
                return NO_ANSWER
            if not may_be_page(rules) and not asks_for_page((*wishes, *own), rules.dialects):
                return found.no_document
    return None


def may_be_page(rules: OptionRules) -> bool:
    """Whether a rule faxes the text of mails that nothing is attached to (R8)."""
    return rules.page_always or rules.page_alone


def asks_for_page(wishes: Iterable[Wish], dialects: tuple[str, ...]) -> bool:
    """Whether a mail's text is wanted as a page (M12)."""
    return any(
        wish.key == "body" and wish.value.strip().lower() == PAGE
        for wish in translated(wishes, dialects)
    )


def is_answer(headline: Headline) -> bool:
    """Whether a mail answers another: its text is for people, and nobody meant to fax it (R8)."""
    return bool(headline.references or _ANSWERS.match(headline.subject))


def asks_for_earlier_fax(wishes: Iterable[Wish]) -> bool:
    """Whether a fax is wanted again, so that a mail without a document is fine (O5)."""
    return any(wish.key in ("resend", "forward") for wish in wishes)


def wanted_again(mail: MailAsked, faxes: Iterable[FaxAsked]) -> frozenset[str]:
    """Every reference or fax ID that the ledger must be asked for, as far as they can be one."""
    wishes = (*mail.wishes, *(wish for fax in faxes for wish in fax.wishes))
    named = (wish for wish in wishes if asks_for_earlier_fax([wish]))
    return frozenset(wish.value.upper() if is_reference(wish.value.upper()) else wish.value
                     for wish in named)  # fmt: skip


def decide(
    mail: MailAsked,
    faxes: Iterable[FaxAsked],
    base: Options,
    rules: OptionRules,
    earlier: Callable[[str], str | None],
) -> Decided:
    """The options of every fax.

    Args:
        mail: what the mail says.
        faxes: its destinations.
        base: the rule's options.
        rules: what the rule allows.
        earlier: the fax ID that a reference or fax ID stands for, None when there is none
            that this mail may have.
    """
    try:
        return Decided({fax.id: _of_fax(fax, mail, base, rules, earlier) for fax in faxes})
    except WishRefused as refused:
        return Decided({}, refused.response(554))


def _of_fax(
    fax: FaxAsked,
    mail: MailAsked,
    base: Options,
    rules: OptionRules,
    earlier: Callable[[str], str | None],
) -> Options:
    wishes = translated((*mail.wishes, *fax.wishes), rules.dialects)
    said = understood(wishes, rules, mail.received_at)
    laid = lay_over(base, said)
    if rules.bill_required and laid.bill is None:
        raise WishRefused(_BILL_NEEDED + _some_codes(rules))
    laid = replace(laid, body=_body(laid, said.body, mail, rules))
    return _with_cover(_with_earlier_fax(laid, fax, mail, rules, earlier), fax, mail)


def _body(laid: Options, said: str | None, mail: MailAsked, rules: OptionRules) -> str | None:
    """What becomes of the text for one fax.

    Args:
        laid: its options.
        said: what the mail itself says of its text, None when nothing.

    Raises:
        WishRefused: it is to be a page, and there is none.
    """
    is_alone = mail.has_page and not mail.has_documents and laid.resend is None
    if rules.page_alone and is_alone and said not in _ON_NO_PAGE:
        return PAGE
    if laid.body != PAGE or mail.has_page:
        return laid.body
    if not mail.words.strip() and (mail.has_documents or laid.resend is not None):
        return "off"  # there is no text that could be a page
    raise WishRefused("body: the text cannot be made a page. Attach it as a document")


def _some_codes(rules: OptionRules) -> str:
    some = ", ".join(shown(code) for code in rules.bill_codes[:_SOME_CODES])
    return f", such as {some}" if some else ""


def _with_earlier_fax(
    options: Options,
    fax: FaxAsked,
    mail: MailAsked,
    rules: OptionRules,
    earlier: Callable[[str], str | None],
) -> Options:
    if options.resend is None:
        if not mail.has_documents and options.body != PAGE:
            raise WishRefused(f"Nothing is attached for {fax.number}. Attach the document")
        return options
    found = earlier(options.resend)
    if found is None and rules.may_resend == "account" and not is_reference(options.resend):
        found = options.resend  # a fax that is Fax.Plus's to know: received, or of another way
    if found is None:
        raise WishRefused(f"resend: you have no fax {shown(options.resend)}", FORBIDDEN)
    return replace(options, from_fax=found, enhance=False)


def _with_cover(options: Options, fax: FaxAsked, mail: MailAsked) -> Options:
    """The cover page written out, or none; the fields the API demands are never empty."""
    on_cover = options.body in _ON_COVER
    asked = options.with_cover
    if asked is None:
        asked = on_cover or options.cover is not None
    if not asked:
        body = "comment" if on_cover else options.body
        return replace(options, with_cover=False, cover=None, body=body)
    said = options.cover or Cover()
    if on_cover and len(mail.words) > LONGEST_MESSAGE:
        text = f"The text has {len(mail.words)} characters, a cover page holds {LONGEST_MESSAGE}"
        raise WishRefused(f"{text}. Attach it as a document, or shorten it")
    name = said.name_to or fax.name
    cover = Cover(
        name_to=", ".join(part for part in (name, said.company) if part) or fax.number,
        name_from=said.name_from or mail.sender or _NO_SUBJECT,
        subject=said.subject or mail.subject or _NO_SUBJECT,
        message="\n\n".join(part for part in (said.message, mail.words if on_cover else "")
                            if part),
        flags=said.flags,
        company=said.company,
    )  # fmt: skip
    return replace(options, with_cover=True, cover=cover)
