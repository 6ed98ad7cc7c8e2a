"""S2, S3, R4: what is posted for a job."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.faxplus import statuses
from mail2fax.faxplus.statuses import Meaning
from mail2fax.sending.ordering import comment_with, order_for
from mail2fax.sending.pacing import SendingSettings
from mail2fax.spool.naming import new_id, token_of, tokens_in
from mail2fax.spool.records import DocumentAtRest, FaxToOrder, Job
from mail2fax.values import Cover, Document, Options, Retry

TOKEN = token_of(new_id(1_800_000_000.0))
SETTINGS = SendingSettings(("+41225550100",))


def job(options: Options) -> Job:
    """A job with two uploaded documents."""
    documents = tuple(
        DocumentAtRest(
            n, Document(str(n), "a", "application/pdf", 1, "s", 1, f"{n}-a"), f"/storage/{n}", 1.0
        )
        for n in (1, 2)
    )
    return Job(
        id="j", mail_id="m", reference="M2F-AAAAA", state="uploaded", token=TOKEN,
        supersedes=None, created_at=0, received_at=0, tries=0, next_try=0, intent_at=None,
        ordered_at=None, doubt=None, doubt_since=None, misses=0, seen_at=None, why="",
        options=options, comment="own words", documents=documents,
        faxes=(FaxToOrder("f", "+41225550123", "p", 1),),
    )  # fmt: skip


def test_a_plain_job_is_a_plain_order() -> None:
    """S2, R4, M10: each file once, in order; token in comment and tags; no provider's retries."""
    body = order_for(job(Options()), SETTINGS, 0.0).body()

    assert body == {
        "from": "+41225550100",
        "to": ["+41225550123"],
        "files": ["/storage/1", "/storage/2"],
        "return_ids": True,
        "comment": {"tags": [TOKEN], "text": f"own words\n{TOKEN}"},
        "options": {"retry": {"count": 0, "delay": 0}},
    }


def test_every_option_reaches_the_order() -> None:
    """O4: what the mail or the rule asked for is what is posted."""
    options = Options(
        source_numbers=("+41225550101", "+41225550102"),
        at=1_800_000_000.0,
        resolution="superfine",
        enhance=False,
        retry=Retry(2, 15),
        tags=("oncology",),
        comment="other words",
        cover=Cover("Dr Meier", "Lab", "Result", "Call", ("urgent",)),
        from_fax="5e7d",
    )

    body = order_for(job(options), SETTINGS, 0.0).body()

    assert body["from"] == "+41225550101,+41225550102"
    assert body["comment"] == {"tags": [TOKEN, "oncology"], "text": f"other words\n{TOKEN}"}
    assert body["options"] == {"enhancement": False, "retry": {"count": 2, "delay": 15}}
    assert body["send_time"] == "2027-01-15 08:00:00 +0000"
    assert (body["resolution"], body["from_fax"]) == ("superfine", {"id": "5e7d"})
    assert body["cover_page"]["flags"] == ["urgent"]


def test_a_body_that_is_off_leaves_only_the_token() -> None:
    """Defaults: "Scanned from …" is nobody's comment."""
    assert order_for(job(Options(body="off")), SETTINGS, 0.0).comment_text == TOKEN


@given(st.text(max_size=2000))
def test_the_token_is_always_whole_and_last(words: str) -> None:
    """S3: however long the words, the token survives within 500 characters."""
    text = comment_with(TOKEN, words)

    assert len(text) <= 500
    assert text.endswith(TOKEN)
    assert TOKEN in tokens_in(text)


@pytest.mark.parametrize("status", ["in_progress", "sending", "", "invented_tomorrow"])
def test_an_unknown_status_is_not_final(status: str) -> None:
    """S1: what we do not know is waited for."""
    assert statuses.final(status) is None


def test_every_failure_has_a_sentence() -> None:
    """W3: a person reads why, in words."""
    for word, status in statuses.FINAL.items():
        assert bool(status.why) == (status.meaning is not Meaning.DONE), word


def test_a_bill_is_one_more_tag() -> None:
    """O4: behind our token and the tags."""
    order = order_for(job(Options(tags=("a",), bill="4711")), SETTINGS, 0.0)

    assert order.comment_tags == (TOKEN, "a", "4711")


def test_a_time_that_has_come_is_now() -> None:
    """O4: what Fax.Plus does with a time that is over is not documented, so none is sent."""
    options = Options(at=1000.0)

    assert order_for(job(options), SETTINGS, 1001.0).send_time is None
    assert order_for(job(options), SETTINGS, 999.0).send_time is not None


@pytest.mark.parametrize("body", ["cover", "page", "off"])
def test_words_that_go_elsewhere_are_no_comment(body: str) -> None:
    """O1: the comment holds them only when it was asked to."""
    assert order_for(job(Options(body=body)), SETTINGS, 0.0).comment_text == TOKEN
    both = order_for(job(Options(body="comment+cover")), SETTINGS, 0.0)
    assert both.comment_text == f"own words\n{TOKEN}"


def test_a_quoted_token_is_never_the_faxs_own() -> None:
    """S3: words that hold another fax's token would settle the wrong doubt."""
    other = token_of(new_id(1_700_000_000.0))
    order = order_for(job(Options(comment=f"see {other}")), SETTINGS, 0.0)

    assert tokens_in(order.comment_text or "") == {TOKEN}


def test_a_page_goes_only_where_it_was_asked_for() -> None:
    """O1: the mail's text as a page belongs to the numbers with body: page."""
    page = DocumentAtRest(3, Document("3", "t", "application/pdf", 1, "t", role="page", file="t"),
                          "/storage/t", 1.0)  # fmt: skip
    for body, count in (("page", 3), (None, 2)):
        whole = job(Options(body=body))
        assert len(replace(whole, documents=(*whole.documents, page)).uploads) == count


def test_documents_of_an_earlier_fax_go_only_where_it_was_asked_for() -> None:
    """S8, O2: and only where Fax.Plus would not take it by its ID."""
    again = DocumentAtRest(
        3, Document("1", "t", "application/pdf", 1, "t", role="resent M2F-AAAAA", file="t"),
        "/storage/t", 1.0,
    )  # fmt: skip
    asked = Options(resend="M2F-AAAAA")
    for options, count in (
        (asked, 3), (replace(asked, from_fax="abc"), 2), (Options(resend="M2F-BBBBB"), 2),
        (Options(), 2),
    ):  # fmt: skip
        whole = job(options)
        assert len(replace(whole, documents=(*whole.documents, again)).uploads) == count
