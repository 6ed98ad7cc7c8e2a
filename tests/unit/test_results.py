"""L6: the top-most Authentication-Results of our own server, and nothing else, proves an author."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.headers import Headers
from mail2fax.reading.results import NotReadable, proves_author, read_results

ANN = "ann@example.org"
OURS = "mx.example.org"


def why_not(*fields: str, authserv_id: str = OURS, author: str = ANN) -> str | None:
    """Why a mail with these fields is not proved."""
    block = "".join(f"Authentication-Results: {one}\r\n" for one in fields)
    return proves_author(Headers(block.encode("utf-8") + b"\r\n"), authserv_id, author)


@pytest.mark.parametrize(
    "value",
    [
        f"{OURS}; dmarc=pass header.from=example.org",
        f"{OURS}; dmarc=pass (p=reject dis=none) header.from=Example.ORG",
        f"{OURS} 1; spf=pass smtp.mailfrom=x@evil.example; dkim=pass header.d=example.org",
        f"{OURS};\r\n\tdkim=fail header.d=example.org;\r\n\tdkim=pass header.i=@example.org",
        f'{OURS}; dkim=pass reason="good; really" header.d=example.org',
        "MX.example.org; dmarc=none header.from=example.org; dkim=pass header.d=example.org",
        f"{OURS}; dkim/1=pass header.d=example.org header.s=sel",
        f"{OURS} (our server (nested \\) )); dkim=pass (x) header.d=example.org (y);",
    ],
)
def test_our_servers_word_proves_the_author(value: str) -> None:
    """L6: dmarc=pass for the domain, or its own signature where DMARC says nothing."""
    assert why_not(value) is None
    assert why_not(value, f"{OURS}; dmarc=fail header.from=example.org") is None


@pytest.mark.parametrize(
    "value",
    [
        "evil.example; dmarc=pass header.from=example.org",
        f"evil.example; x=y ({OURS}; dmarc=pass header.from=example.org)",
        f"{OURS}.evil.example; dmarc=pass header.from=example.org",
        f"{OURS} evil; dmarc=pass header.from=example.org",
        f"{OURS}; dmarc=pass header.from=evil.example",
        f"{OURS}; dmarc=pass",
        f"{OURS}; dmarc=fail header.from=example.org; dkim=pass header.d=example.org",
        f"{OURS}; dmarc=pass header.from=evil.example; dmarc=pass header.from=example.org",
        f"{OURS}; dkim=pass header.d=evil.example",
        f"{OURS}; dkim=pass header.d=sub.example.org",
        f"{OURS}; dkim=fail header.d=example.org",
        f"{OURS}; spf=pass smtp.mailfrom=ann@example.org",
        f'{OURS}; spf=fail smtp.mailfrom="x; dmarc=pass header.from=example.org"',
        f"{OURS}; spf=fail (x; dmarc=pass header.from=example.org) smtp.mailfrom=a@b",
        f"{OURS}; dkim=pass header.d=example.org header.d=evil.example",
        f"{OURS}; dkim=fail reason=\\; dmarc=pass header.from=example.org",
        f"{OURS}; none",
        f"{OURS}; dmarc=pass header.from=example.org (unclosed",
        f'{OURS}; dmarc=pass header.from="example.org',
        f"{OURS}; dmarc=pass header.from=ex\u00e4mple.org",
        f"{OURS}",
        "",
        "; dmarc=pass header.from=example.org",
        "dmarc=pass header.from=example.org",
        f"{OURS}; dmarc=pass ((((((deep)))))) header.from=example.org",
        f"{OURS}; dmarc=pass header.from=example.org{' ' * 9000}x=y",
    ],
)
def test_nothing_else_does(value: str) -> None:
    """L6: another server's word, another domain, words hidden in comments and quotes, bad form."""
    assert why_not(value) is not None


def test_only_the_top_most_field_counts() -> None:
    """L6: what a stranger's mail brought along stands below, and is ignored."""
    good, bad = (
        f"{OURS}; dmarc=pass header.from=example.org",
        f"{OURS}; dmarc=fail header.from=example.org",
    )
    foreign = "evil.example; dmarc=pass header.from=example.org"

    assert why_not(bad, good) is not None
    assert why_not(foreign, good) is not None
    assert why_not(good, bad) is None
    assert why_not() == "the mail server says nothing about the sender"


MICROSOFT = (
    "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; dkim=pass (signature was"
    " verified)\r\n header.d=example.org;dmarc=pass action=none\r\n"
    " header.from=example.org;compauth=pass reason=100"
)


def test_microsofts_form_has_no_name() -> None:
    """L6: ``trusted_results: none``; a field with a name is not of that form, nor the reverse."""
    assert why_not(MICROSOFT, authserv_id="none") is None
    assert why_not(MICROSOFT) is not None
    named = f"{OURS}; dmarc=pass header.from=example.org"
    assert why_not(named, authserv_id="none") is not None
    assert why_not(MICROSOFT.replace("dmarc=pass", "dmarc=fail"), authserv_id="none") is not None


@given(st.text(alphabet=' \t;()"\\=.-adeikmprsx1', max_size=60))
def test_no_text_crashes_or_stalls_it(text: str) -> None:
    """M2: it is read, or it is not of the form."""
    try:
        read_results(text)
    except NotReadable:
        return


@given(st.text(alphabet=' ;()"\\=.apx', max_size=30))
def test_a_sender_cannot_write_a_result_through_an_address(text: str) -> None:
    """L6: a value our server put in quotes, escaped as the RFC wants, adds no result."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    _, results = read_results(f'{OURS}; spf=fail smtp.mailfrom="{quoted}"; dmarc=fail')

    assert [one.method for one in results] == ["spf", "dmarc"]
