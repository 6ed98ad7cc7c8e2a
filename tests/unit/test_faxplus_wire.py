"""S1: exact in writing, tolerant in reading."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail2fax.faxplus import wire
from mail2fax.faxplus.wire import CoverPage, Order


def test_an_order_says_only_what_was_asked() -> None:
    """Unset fields are left out; return_ids is always asked for."""
    order = Order(from_=("+41225550100",), to=("+41225550123",), files=("/storage/x",))

    assert order.body() == {
        "from": "+41225550100",
        "to": ["+41225550123"],
        "files": ["/storage/x"],
        "return_ids": True,
    }


def test_every_field_of_the_outbox_page_can_be_sent() -> None:
    """A full order has the field names and forms of the API."""
    order = Order(
        from_=("+41225550100", "+41225550101"),
        to=("+41225550123", "+41225550124"),
        files=("/storage/x",),
        from_fax="5e7d",
        from_fax_user="self",
        comment_text="hello",
        comment_tags=("m2f:X", "bill"),
        enhancement=False,
        retry=(0, 0),
        send_time=datetime(2026, 11, 24, 9, 0, tzinfo=timezone(timedelta(hours=1))),
        resolution="superfine",
        cover_page=CoverPage("Dr Meier", "Lab", "Result", "Please call", ("urgent",)),
    )

    assert order.body() == {
        "from": "+41225550100,+41225550101",
        "to": ["+41225550123", "+41225550124"],
        "files": ["/storage/x"],
        "return_ids": True,
        "from_fax": {"id": "5e7d", "user_id": "self"},
        "comment": {"tags": ["m2f:X", "bill"], "text": "hello"},
        "options": {"enhancement": False, "retry": {"count": 0, "delay": 0}},
        "send_time": "2026-11-24 08:00:00 +0000",
        "resolution": "superfine",
        "cover_page": {
            "name_to": "Dr Meier",
            "name_from": "Lab",
            "subject": "Result",
            "message": "Please call",
            "flags": ["urgent"],
        },
    }


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ({"ids": {"+41225550123": "abc"}}, {"+41225550123": "abc"}),
        ({"ids": {"+41 22 555-01-23": "abc"}}, {"+41225550123": "abc"}),
        ({"ids": {"41225550123": {"id": "abc"}}}, {"+41225550123": "abc"}),
        ({"ids": {"+41225550123": None}}, {}),
        ({"ids": []}, {}),
        ({}, {}),
        (None, {}),
        ("done", {}),
    ],
)
def test_ids_are_read_in_every_spelling(answer: object, ids: dict[str, str]) -> None:
    """An answer without a usable id gives none, and never an error."""
    assert wire.order_ids(answer) == ids


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2017-09-24 06:43:04 +0000", datetime(2017, 9, 24, 6, 43, 4, tzinfo=UTC)),
        ("2017-09-24 06:43:04 -0200", datetime(2017, 9, 24, 8, 43, 4, tzinfo=UTC)),
        ("2017-09-24 06:43:04", datetime(2017, 9, 24, 6, 43, 4, tzinfo=UTC)),
        ("2017-09-24T06:43:04Z", datetime(2017, 9, 24, 6, 43, 4, tzinfo=UTC)),
        ("2017-13-24 06:43:04", None),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_times_are_read_with_and_without_offset(text: object, moment: datetime | None) -> None:
    """A time without an offset is UTC; what is no time is None."""
    assert wire.read_time(text) == moment


def test_an_odd_record_does_not_spoil_a_listing() -> None:
    """Unknown status, nulls and both sender keys are read; a record without id is skipped."""
    read = wire.fax({"id": "1", "status": "in_progress", "comment": None, "from_number": "+1 555"})

    assert read is not None
    assert (read.status, read.comment, read.from_) == ("in_progress", "", "+1555")
    assert wire.fax({"status": "success"}) is None
    endless = wire.fax({"id": "1", "pages": float("inf"), "duration": True})
    assert endless is not None
    assert (endless.pages, endless.duration) == (None, None)
    assert wire.outbox_fax({"id": None}) is None


def test_a_comment_is_read_in_both_shapes() -> None:
    """The outbox has an object, the archive a string; each is read where it stands."""
    item = wire.outbox_fax({"id": "1", "comment": {"text": "m2f:X", "tags": ["t"]}, "to": ["1"]})

    assert item is not None
    assert (item.comment_text, item.tags, item.to) == ("m2f:X", ("t",), ("+1",))
    as_text = wire.outbox_fax({"id": "1", "comment": "m2f:X"})
    assert as_text is not None
    assert as_text.comment_text == "m2f:X"


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = (
    PLAIN
    | st.lists(PLAIN, max_size=2)
    | st.dictionaries(st.sampled_from(["id", "text", "tags", "records"]), PLAIN, max_size=2)
)
KEYS = st.sampled_from(
    ["id", "status", "comment", "to", "from", "pages", "files", "tags", "submit_time", "ids"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_reading_never_raises(record: dict[str, object]) -> None:
    """Whatever a record holds, reading it gives a value or None."""
    wire.fax(record)
    wire.outbox_fax(record)
    wire.order_ids(record)
    wire.records_in(record, "data", "records")
