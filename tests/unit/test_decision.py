"""O2, O4, O5: what each fax of a mail is ordered with."""

from dataclasses import replace

import pytest

from mail2fax.reading.dialects.spoken import with_plain_separators
from mail2fax.reading.gate import Gate
from mail2fax.reading.options.decision import (
    Decided,
    FaxAsked,
    MailAsked,
    asks_for_earlier_fax,
    decide,
    mail_asked,
    refusal_of,
    refusal_on_the_line,
    wanted_again,
)
from mail2fax.reading.options.rules import OptionRules
from mail2fax.values import Cover, Destination, Document, Headline, Options, Reading, Wish

NOW = 1_800_000_000.0
FAX = FaxAsked("f1", "+41225550123")
OTHER = FaxAsked("f2", "+41445550199")
RULES = OptionRules(source_numbers=("+41225550100",), most_retries=3)
MAIL = MailAsked(NOW, subject="Lab result", words="Please call.", sender="Ann <ann@example.org>")


def subject(key: str, value: str = "") -> Wish:
    """A wish of the Subject."""
    return Wish(key, value, "subject")


def decided(
    *wishes: Wish,
    fax: FaxAsked = FAX,
    mail: MailAsked = MAIL,
    base: Options | None = None,
    rules: OptionRules = RULES,
) -> Decided:
    """What is decided for one fax of a mail; one earlier fax is known."""
    known = {"M2F-7K3QX": "fax-1"}
    return decide(replace(mail, wishes=wishes), [fax], base or Options(), rules, known.get)


def options(*wishes: Wish, **more: object) -> Options:
    """The options of the fax."""
    return decided(*wishes, **more).options["f1"]  # type: ignore[arg-type]


def refused(*wishes: Wish, **more: object) -> str:
    """Why the mail is refused."""
    found = decided(*wishes, **more)  # type: ignore[arg-type]
    assert found.options == {}
    return str(found.refusal)


def test_a_mail_without_wishes_has_the_rules_options() -> None:
    """O2: site and sender defaults lie lowest."""
    base = Options(resolution="fine", tags=("site",))

    assert options(base=base) == replace(base, with_cover=False)


def test_an_address_speaks_for_its_number_alone() -> None:
    """O2: and the mail's wishes for all."""
    fax = replace(FAX, wishes=(Wish("superfine", "", "address"), Wish("tag", "a", "address")))
    mail = replace(MAIL, wishes=(subject("fine"), subject("tag", "b")))

    found = decide(mail, [fax, OTHER], Options(), RULES, lambda _wanted: None).options

    assert (found["f1"].resolution, found["f1"].tags) == ("superfine", ("b", "a"))
    assert (found["f2"].resolution, found["f2"].tags) == ("fine", ("b",))


def test_one_fax_that_cannot_be_as_wished_stops_them_all() -> None:
    """O3: who wrote two addresses wants both."""
    fax = replace(OTHER, wishes=(Wish("fien", "", "address"),))

    found = decide(MAIL, [FAX, fax], Options(), RULES, lambda _wanted: None)

    assert found.options == {}
    assert '"fien" in the address is no option' in str(found.refusal)


@pytest.mark.parametrize(
    ("wishes", "cover"),
    [
        ((subject("cover"),), Cover("+41225550123", "Ann <ann@example.org>", "Lab result")),
        ((subject("to", "Dr Meier"), subject("company", "Spital")),
         Cover("Dr Meier, Spital", "Ann <ann@example.org>", "Lab result", company="Spital")),
        ((subject("sender", "Lab"), subject("urgent")),
         Cover("+41225550123", "Lab", "Lab result", flags=("urgent",))),
        ((subject("body", "cover"),),
         Cover("+41225550123", "Ann <ann@example.org>", "Lab result", "Please call.")),
        ((subject("body", "comment+cover"),),
         Cover("+41225550123", "Ann <ann@example.org>", "Lab result", "Please call.")),
        ((subject("to", "x"), subject("cover", "off")), None),
        ((subject("body", "off"),), None),
    ],
)  # fmt: skip
def test_cover_pages(wishes: tuple[Wish, ...], cover: Cover | None) -> None:
    """O4: what can only stand on a cover page asks for one; a plain no has the last word."""
    found = options(*wishes)

    assert found.cover == cover
    assert found.with_cover is (cover is not None)


def test_the_name_beside_the_address_is_the_recipients() -> None:
    """A9, O4: unless the mail names another."""
    fax = replace(FAX, name="Dr Meier")

    assert options(subject("cover"), fax=fax).cover == Cover(
        "Dr Meier", "Ann <ann@example.org>", "Lab result"
    )
    assert options(subject("to", "Nurse"), fax=fax).cover == Cover(
        "Nurse", "Ann <ann@example.org>", "Lab result"
    )


def test_the_offices_cover_page() -> None:
    """O2: the rule's cover page, with what the mail says of it laid over."""
    base = Options(with_cover=True, cover=Cover("", "Lab", "Result", "Dear colleague", ("urgent",)))

    assert options(subject("body", "cover"), subject("confidential"), base=base).cover == Cover(
        "+41225550123", "Lab", "Result", "Dear colleague\n\nPlease call.",
        ("urgent", "confidential"),
    )  # fmt: skip
    assert options(subject("no_cover"), base=base).cover is None


def test_what_the_api_demands_is_never_empty() -> None:
    """O4: a mail without subject and sender."""
    found = options(subject("cover"), mail=MailAsked(NOW))

    assert found.cover == Cover("+41225550123", "Fax", "Fax")


def test_a_cover_page_that_is_refused_leaves_the_text_as_comment() -> None:
    """O4: the text is not lost where it cannot stand."""
    assert options(subject("body", "cover"), subject("cover", "off")).body == "comment"


def test_a_text_too_long_for_a_cover_page_is_never_cut() -> None:
    """O4: the recipient would read half a letter."""
    mail = replace(MAIL, words="x" * 2001)

    assert "2001 characters, a cover page holds 2000" in refused(
        subject("body", "cover"), mail=mail
    )
    assert options(mail=mail).cover is None


def test_an_earlier_fax_is_sent_again_without_enhancement() -> None:
    """O4: alone or after uploaded files."""
    found = options(subject("enhance", "on"), subject("resend", "m2f-7k3qx"))
    alone = options(subject("forward", "M2F-7K3QX"), mail=replace(MAIL, has_documents=False))

    assert (found.from_fax, found.enhance) == ("fax-1", False)
    assert alone.from_fax == "fax-1"


def test_unknown_and_forbidden_earlier_faxes_have_one_answer() -> None:
    """O5: nobody learns which references there are."""
    assert refused(subject("resend", "M2F-AAAAA")) == (
        "554 5.7.1 resend: you have no fax M2F-AAAAA"
    )


def test_nothing_to_fax_is_told() -> None:
    """R8: one address asks for an earlier fax, the other for nothing."""
    again = replace(FAX, wishes=(Wish("resend", "M2F-7K3QX", "address"),))
    mail = replace(MAIL, has_documents=False)
    found = decide(mail, [again, OTHER], Options(), RULES, {"M2F-7K3QX": "fax-1"}.get)

    assert "Nothing is attached for +41445550199" in str(found.refusal)


def test_a_bill_can_be_mandatory() -> None:
    """O5: from any place, the rule's own too."""
    rules = replace(RULES, bill_required=True)

    assert refused(rules=rules) == (
        "554 5.6.0 A billing code is needed. Write [fax: bill CODE] in the Subject"
    )
    listed = replace(rules, bill_codes=("1", "2"))
    assert refused(rules=listed).endswith("in the Subject, such as 1, 2")
    assert options(subject("bill", "77"), rules=rules).bill == "77"
    assert options(base=Options(bill="77"), rules=rules).bill == "77"


def test_what_the_ledger_is_asked_for() -> None:
    """O5: every reference and fax ID of the mail, in the form the ledger knows."""
    fax = replace(FAX, wishes=(Wish("forward", "5e7de3ad", "address"),))

    asked = wanted_again(replace(MAIL, wishes=(subject("resend", "m2f-7k3qx/2"),)), [fax])

    assert asked == {"M2F-7K3QX/2", "5e7de3ad"}
    assert asks_for_earlier_fax(fax.wishes)
    assert not asks_for_earlier_fax([subject("fine")])


def test_wishes_are_judged_on_the_line() -> None:
    """O3: with the code of the command."""
    assert refusal_of([subject("fine")], RULES, NOW, 554) is None
    assert str(refusal_of([subject("fien")], RULES, NOW, 554)).startswith("554 5.6.0 ")
    assert str(refusal_of([Wish("user", "x", "address")], RULES, NOW, 550)).startswith("550 5.7.1 ")


def test_a_dialect_is_read_when_the_rule_names_it() -> None:
    """O6: in addresses."""
    fax = replace(FAX, wishes=(Wish("fr", "Jane", "address"),))

    assert options(fax=fax, rules=replace(RULES, dialects=("efax",))).cover == Cover(
        "+41225550123", "Jane", "Lab result"
    )
    assert '"fr" in the address is no option' in refused(fax=fax)


def test_a_text_becomes_a_page_only_where_there_is_one() -> None:
    """O1, M12: never lost in silence."""
    page = MailAsked(NOW, has_documents=False, has_page=True)

    assert "the text cannot be made a page" in refused(subject("body", "page"))
    assert options(subject("body", "page"), mail=page).body == "page"


def test_an_earlier_fax_needs_no_text_for_a_page() -> None:
    """O5, M12: where every text goes as a page, an empty one keeps no fax from going again."""
    nothing = MailAsked(NOW, has_documents=False, words=" \n")
    again = subject("resend", "M2F-7K3QX")

    assert options(again, mail=nothing, base=Options(body="page")).body == "off"
    assert "the text cannot be made a page" in refused(
        again, mail=replace(nothing, words="Hi"), base=Options(body="page")
    )


@pytest.mark.parametrize("word", ["off", "comment"])
def test_a_text_goes_to_no_number_whose_address_says_otherwise(word: str) -> None:
    """R8, O2: under body_only too; what the office has set is no word about this mail."""
    page = MailAsked(NOW, has_documents=False, has_page=True, words="Hi")
    rules = replace(RULES, page_alone=True)
    other = replace(FAX, wishes=(Wish("body", word, "address"),))

    assert "Nothing is attached for +41225550123" in refused(mail=page, rules=rules, fax=other)
    assert options(mail=page, rules=rules, base=Options(body=word)).body == "page"
    assert options(subject("body", "cover"), mail=page, rules=rules).body == "page"


def test_foreign_faxes_need_the_rules_word() -> None:
    """O5: a fax ID the ledger does not know, such as a received fax's; never a reference."""
    account = replace(RULES, may_resend="account")

    assert options(subject("resend", "5e7de3ad54cf"), rules=account).from_fax == "5e7de3ad54cf"
    assert "you have no fax" in refused(subject("resend", "5e7de3ad54cf"))
    assert "you have no fax" in refused(subject("resend", "M2F-AAAAA"), rules=account)


def test_a_mail_that_was_read_is_what_is_decided_from() -> None:
    """O4: its Subject without marks, its whole words, its sender's name, what is attached."""
    page, paper = (
        Document("1", "a", "application/pdf", 1, "s", role=role) for role in ("page", "")
    )
    reading = Reading(
        (page,), subject="Lab", words="Hi", headline=Headline(from_address="ann@example.org")
    )

    assert mail_asked(reading, NOW) == MailAsked(
        NOW, (), "Lab", "Hi", "ann@example.org", has_documents=False, has_page=True
    )
    named = replace(reading, documents=(paper,), headline=Headline(from_name="Ann"))
    assert mail_asked(named, NOW) == MailAsked(NOW, (), "Lab", "Hi", "Ann")


@pytest.mark.parametrize(
    ("subject_text", "own", "refusal"),
    [
        ("x", (), "554 5.6.0 No attachment"),
        ("[fax: resend M2F-7K3QX]", (), "None"),
        ("x", (Wish("resend", "M2F-7K3QX", "address"),), "None"),
        ("[fax: fien]", (), '554 5.6.0 "fien"'),
    ],
)
def test_a_mail_without_a_document_wants_an_earlier_fax(
    subject_text: str, own: tuple[Wish, ...], refusal: str
) -> None:
    """R8, O5: on the line, in the Subject or for each address."""
    gate = Gate()
    gate.feed(f"Subject: {subject_text}\r\n\r\nHi\r\n".encode())
    to = Destination("0225550123", None, "", wishes=own)

    assert str(refusal_on_the_line(gate.finish(), [to], RULES, NOW)).startswith(refusal)


def test_faxbacks_flags_are_split_off_where_it_is_spoken() -> None:
    """O6: elsewhere the sign is none of ours."""
    local = "5035550123^NOCOVER^RETRIES=2"

    assert with_plain_separators(local, ["efax", "faxback"]) == "5035550123/NOCOVER/RETRIES=2"
    assert with_plain_separators(local, ["efax"]) == local
