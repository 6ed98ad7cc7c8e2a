"""M8: a small run of the campaign of cuts; the whole one is ``python -m tests.campaigns.cuts``."""

from pathlib import Path

import pytest

from tests.campaigns import cuts
from tests.corpora import CORPORA, needs_corpora
from tests.unit.mails import TEXT, attached, mail, part, real_pdf


@needs_corpora
def test_real_mails_cut_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """M8: twenty mails, forty random places each; none gives a part of a document."""
    assert cuts.campaign(CORPORA, "", 40, 7)
    assert capsys.readouterr().out.count("\n") == len(cuts.MAILS) + 1


def test_five_small_mails_cut_at_every_byte(tmp_path: Path) -> None:
    """M8: as a mail of its own, at the end, in the middle, in plain text, in a mail's text."""
    pdf = real_pdf()
    plain = b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    smalls = [
        attached(pdf),
        mail(TEXT, attached(pdf)),
        mail(attached(pdf), TEXT, attached(pdf, "b.pdf")),
        mail(TEXT, plain + b"\r\n" + pdf),
        plain + b"Content-Transfer-Encoding: binary\r\n\r\n" + pdf,
    ]
    for data in smalls:
        tally = cuts.cut(data, range(len(data)), tmp_path)
        assert tally.partial == []
        assert tally.fates["refused on the line"] + tally.fates["refused by mail"] > 300


def test_a_partial_document_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign sees a decoder that believes a cut part."""
    text = part(
        "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment", b"Dear" * 40
    )
    data = mail(TEXT, text)
    monkeypatch.setattr(cuts, "Gate", _Lenient)
    monkeypatch.setattr("mail2fax.preparing.making.content.is_complete", lambda *_: True)

    assert cuts.cut(data, range(len(data) - 200, len(data)), tmp_path).partial


class _Lenient:
    """A gate that takes everything."""

    no_document = None

    class verdict:  # noqa: N801 - stands for a field
        """Accepted."""

        refusal = None

    def feed(self, _data: bytes) -> None:
        """Look at nothing."""

    def finish(self) -> "_Lenient":
        """Say yes."""
        return self
