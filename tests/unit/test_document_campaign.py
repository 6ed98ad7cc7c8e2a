"""F9: the campaign of documents notices what it is there for."""

from tests.campaigns.documents import Sample, Tally

SAMPLE = Sample("a.pdf", b"%PDF-", 3)


def test_a_wrong_count_and_a_slow_document_fail_the_campaign() -> None:
    """F9, M9: planted: one page too few, and a document that took six seconds."""
    good, short, slow = Tally(), Tally(), Tally()
    good.count(SAMPLE, "whole", 3, 0.1)
    good.count(SAMPLE, "refused", None, 5.2)
    short.count(SAMPLE, "whole", 2, 0.1)
    slow.count(SAMPLE, "child lost", None, 6.0)

    assert (good.failed, short.failed, slow.failed) == (False, True, True)
    assert "wrong page counts: 1" in str(short)
    assert "children lost: 1 ['a.pdf']" in str(slow)
