"""Ids, references and tokens."""

import re

from mail2fax.spool.naming import new_id, new_reference, token_of, tokens_in


def test_ids_sort_by_age_and_differ() -> None:
    """A later id is greater than an earlier one, and two of one moment differ."""
    assert new_id(1_800_000_000.0) < new_id(1_800_000_000.001)
    assert new_id(1_800_000_000.0) != new_id(1_800_000_000.0)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", new_id(1_800_000_000.0))


def test_references_can_be_read_aloud() -> None:
    """A reference has the form M2F- and five characters without I, L, O and U."""
    for _ in range(1000):
        assert re.fullmatch("M2F-[0-9A-HJKMNP-TV-Z]{5}", new_reference())


def test_tokens_are_found_in_text_again() -> None:
    """R3: a token survives being put into a comment, and a second order's is another one."""
    fax_id = new_id(1_800_000_000.0)
    first, second = token_of(fax_id), token_of(fax_id, 2)

    assert first != second
    assert frozenset({first}) == tokens_in(f"Lab result\n{first}")
    assert frozenset({second}) == tokens_in(second)
    assert frozenset() == tokens_in("m2f:not-a-token and m2f:")
