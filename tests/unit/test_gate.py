"""M0, R8, R9, W8, L9, L10: what is refused while the client is on the line."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.reading.gate import Gate, GateReading
from tests.unit.mails import PDF, SCAN, TEXT, TOP, attached, base64_lines, mail, multipart, part

ENVELOPED = part(
    "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
    "Content-Transfer-Encoding: base64",
    base64_lines(b"0\x82"),
)
PGP = part("Content-Type: multipart/encrypted; boundary=b2", multipart("b2", TEXT))


def read(data: bytes, *cuts: int) -> GateReading:
    """What the gate says of a mail that comes in these pieces."""
    gate = Gate()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        gate.feed(data[start:end])
    return gate.finish()


def said(data: bytes) -> str:
    """The refusal as it goes over the line; empty when there is none."""
    found = read(data)
    return str(found.verdict.refusal or found.no_document or "")


@given(st.lists(st.integers(0, 10_000), max_size=6))
def test_a_scan_passes_in_any_pieces(cuts: list[int]) -> None:
    """M0, K5, L9: the same verdict, headline and hashes, each byte hashed once."""
    reading = read(SCAN, *cuts)

    head = SCAN.index(b"\r\n\r\n") + 4
    assert reading.verdict.accepted
    assert reading.header_sha256 == hashlib.sha256(SCAN[:head]).hexdigest()
    assert reading.body_sha256 == hashlib.sha256(SCAN[head:]).hexdigest()
    assert (reading.headline.subject, reading.headline.from_address) == ("Hello", "ann@example.org")
    assert reading.size == len(SCAN)
    assert reading.digest == read(SCAN).digest


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (mail(TEXT), "554 5.6.0 No attachment to fax"),
        (part(TOP + "Subject: Re: x\nIn-Reply-To: <1@x>", b"thanks"), "554 5.6.0 No attachment"),
        (b"", "554 5.6.0 No attachment"),
        (mail(ENVELOPED), "554 5.6.0 The mail is encrypted"),
        (mail(PGP, attached()), "554 5.6.0 The mail is encrypted"),
        (mail(part("X: y", b"-----BEGIN PGP MESSAGE-----")), "554 5.6.0 The mail is encrypted"),
        (mail(*[TEXT] * 120), "554 5.6.0 The mail cannot be read: it has more than 100 parts"),
        (mail(TEXT, attached(PDF[:-8]), last=False), "554 5.6.0 The mail is cut"),
        (mail(attached(), TEXT, last=False), "554 5.6.0 The mail is cut"),
        (mail(attached(), part("Content-Type: multipart/mixed; boundary=c", b""), last=False),
         "554 5.6.0 The mail is cut"),
        (mail(attached(), top=TOP + "Received: by x\n" * 51), "554 5.4.6 "),
        (mail(attached(), top=TOP + "Auto-Submitted: auto-replied\n"), "550 5.7.1 An automatic"),
        (mail(attached(), top=TOP + "X-Mail2Fax-Reference: M2F-AAAAA\n"), "550 5.7.1 An answer"),
        (mail(attached(), top=TOP + "X-MS-Journal-Report:\n"), "550 5.7.1 A journal report"),
        (mail(attached(), kind="report"), "550 5.7.1 A delivery report"),
        (mail(part("Content-Type: text/calendar", b"BEGIN:VCALENDAR")), "554 5.6.0 No attachment"),
    ],
)  # fmt: skip
def test_what_is_refused_on_the_line(data: bytes, refusal: str) -> None:
    """M0, M8, R8, R9, L10: a code and a sentence in ASCII that says what to do."""
    assert said(data).startswith(refusal)
    assert said(data).isascii()


@pytest.mark.parametrize(
    "data",
    [
        mail(TEXT, attached(), last=False),
        mail(attached(), top=TOP + "Auto-Submitted: auto-generated\nList-Id: <x>\n"),
        attached(),
        mail(part("Content-Type: application/octet-stream", PDF)),
        mail(part("Content-Type: text/plain", PDF)),
        mail(part("Content-Disposition: inline; filename=SCAN.PDF", PDF)),
    ],
    ids=["unclosed but whole", "automatic", "no multipart", "octets", "mislabelled", "inline"],
)
def test_what_may_be_a_document_goes_on(data: bytes) -> None:
    """M3, M8, R9: the second gate looks closer."""
    assert said(data) == ""


@pytest.mark.parametrize("encoding", ["7bit", "base64"])
def test_a_mail_inside_the_mail_counts_only_where_the_rule_says_so(encoding: str) -> None:
    """M5: its documents, or the whole of it where it is encoded, for the second gate."""
    inner = base64_lines(SCAN) if encoding == "base64" else SCAN.replace(b"b1", b"c1")
    data = mail(part(f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}", inner))
    gate = Gate(nested=True)
    gate.feed(data)

    assert said(data).startswith("554 5.6.0 Nothing but a mail is attached")
    assert gate.finish().verdict.accepted


def test_the_digest_leaves_out_what_hops_write() -> None:
    """L9: the same mail by another way is the same mail; another text is another."""
    hops = "Received: from x\nDKIM-Signature: v=1\nARC-Seal: i=1\nX-MS-Exchange: 1\n"
    again = mail(TEXT, attached(), top=hops + TOP)
    other = mail(TEXT, attached(), top=TOP.replace("Hello", "Hallo"))

    assert read(again).digest == read(SCAN).digest
    assert read(again).header_sha256 != read(SCAN).header_sha256
    assert read(other).digest != read(SCAN).digest


@pytest.mark.parametrize(
    "text",
    [
        part("Content-Type: text/plain", b"\r\nfax-options: resend M2F-7K3QX\r\nHi"),
        part("Content-Type: text/html", b"<p>fax-options: resend M2F-7K3QX</p>"),
        part("Content-Transfer-Encoding: base64",
             base64_lines(b"fax-options: resend M2F-7K3QX\n" + b"x" * 9000)),
    ],
)  # fmt: skip
def test_the_gate_sees_that_an_earlier_fax_is_wanted(text: bytes) -> None:
    """O5, M0: a mail without a document is fine then; first lines are looked at, not judged."""
    found = read(mail(text))

    assert found.verdict.accepted
    assert str(found.no_document).startswith("554 5.6.0 No attachment")
    assert [(one.key, one.value) for one in found.wishes] == [("resend", "M2F-7K3QX")]


def test_an_attached_text_is_not_the_mails() -> None:
    """O6: whatever stands in it."""
    assert read(mail(attached(b"fax-options: fine", "a.txt", "text/plain"))).wishes == ()
    assert read(b"").wishes == ()
