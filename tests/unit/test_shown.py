"""S5: a listing found by ID, token, file and number is the listing itself."""

from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st

from mail2fax.faxplus.statuses import final
from mail2fax.faxplus.wire import Fax, Listing, OutboxFax
from mail2fax.sending.shown import Seen, Shown
from mail2fax.spool.naming import token_of, tokens_in

TOKENS = [token_of(f"{number:026d}") for number in range(3)]
NUMBERS = ["+41225550123", "+41225550124"]
IDS = st.sampled_from(["f1", "f2", "f3"])
COMMENTS = st.lists(st.sampled_from([*TOKENS, "words"]), max_size=2).map("\n".join)
OUTBOX = st.builds(
    OutboxFax,
    id=IDS,
    status=st.just("sending"),
    comment_text=COMMENTS,
    tags=st.lists(st.sampled_from(TOKENS), max_size=1).map(tuple),
    to=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=2, unique=True).map(tuple),
    files=st.just(("/storage/x",)),
    src=st.just(""),
    submit_time=st.none(),
    send_time=st.none(),
    page_count=st.none(),
)
SENT = st.builds(
    Fax,
    id=IDS,
    status=st.sampled_from(["success", "in_progress"]),
    comment=COMMENTS,
    to=st.sampled_from(NUMBERS),
    from_=st.just(""),
    pages=st.none(),
    duration=st.none(),
    start_time=st.none(),
    submit_time=st.none(),
    last_update=st.none(),
    description=st.just(""),
)
LISTINGS = st.builds(
    Listing,
    outbox=st.lists(OUTBOX, max_size=4).map(tuple),
    sent=st.lists(SENT, max_size=4).map(tuple),
    complete=st.booleans(),
)


def marks_of(record: Fax | OutboxFax) -> frozenset[str]:
    """The tokens on a record."""
    if isinstance(record, Fax):
        return tokens_in(record.comment)
    return tokens_in(" ".join((record.comment_text, *record.tags)))


def places_of(record: Fax | OutboxFax) -> tuple[str, ...]:
    """Where a record went."""
    return (record.to,) if isinstance(record, Fax) else record.to


@given(LISTINGS, IDS, st.sampled_from(TOKENS), st.sampled_from(NUMBERS))
def test_the_index_finds_what_a_pass_over_the_listing_finds(
    listing: Listing, fax_id: str, token: str, number: str
) -> None:
    """S5: every question has the answer that reading the whole listing gives."""
    shown = Shown(listing)
    records: list[Fax | OutboxFax] = [*listing.outbox, *listing.sent]

    def those(seen: Iterable[Seen]) -> list[int]:
        return sorted(id(one.record) for one in seen)

    def all_with(meets: Callable[[Fax | OutboxFax], bool]) -> list[int]:
        return sorted(id(one) for one in records if meets(one))

    assert shown.tokens == frozenset().union(*map(marks_of, records))
    assert those(shown.of_fax(fax_id, token, number)) == all_with(
        lambda one: (
            number in places_of(one)
            and (token in marks_of(one) or (one.id == fax_id and not marks_of(one)))
        )
    )
    assert those(shown.with_token(token, number)) == all_with(
        lambda one: token in marks_of(one) and number in places_of(one)
    )
    assert those(shown.unmarked_to(number)) == all_with(
        lambda one: not marks_of(one) and number in places_of(one)
    )
    assert shown.unmarked_ids() == {one.id for one in records if not marks_of(one)}
    assert those(shown.ended()) == sorted(id(one) for one in listing.sent if final(one.status))


def test_what_bears_the_id_and_is_plainly_another_fax_is_not_this_one() -> None:
    """S5: an answer may name an ID that is another fax's; its number and mark say whose."""
    row = Fax("f1", "success", "", NUMBERS[1], "", 1, 30, None, None, None, "")
    marked = Fax("f2", "success", TOKENS[1], NUMBERS[0], "", 1, 30, None, None, None, "")
    user = Fax("f3", "success", "", "13d8z73c", "", 1, 30, None, None, None, "")
    shown = Shown(Listing((), (row, marked, user), complete=True))

    assert shown.of_fax("f1", TOKENS[0], NUMBERS[0]) == []
    assert shown.of_fax("f2", TOKENS[0], NUMBERS[0]) == []
    assert [one.record for one in shown.of_fax("f3", TOKENS[0], NUMBERS[0])] == [user]


@given(LISTINGS, LISTINGS, IDS, st.sampled_from(TOKENS), st.sampled_from(NUMBERS))
def test_a_mark_is_found_in_whosever_lists_it_stands_the_rest_only_in_its_users(
    own: Listing, anns: Listing, fax_id: str, token: str, number: str
) -> None:
    """S3, S5: what bears nobody's mark can only be its own user's; so is a miss."""
    both, alone = Shown(own, {"ann": anns}), {None: Shown(own), "ann": Shown(anns)}

    def records(seen: Iterable[Seen]) -> list[int]:
        return sorted(id(one.record) for one in seen)

    for user, shown in alone.items():
        assert both.is_complete(user) == shown.is_complete()
        assert records(both.unmarked_to(number, user)) == records(shown.unmarked_to(number))
    assert not both.is_complete("bob")
    assert both.unmarked_to(number, "bob") == []
    questions: list[Callable[[Shown], Iterable[Seen]]] = [
        lambda shown: shown.with_token(token, number),
        lambda shown: shown.of_fax(fax_id, token, number),
        lambda shown: shown.ended(),
    ]
    for question in questions:
        apart = [one for shown in alone.values() for one in question(shown)]
        assert records(question(both)) == records(apart)
