"""M6, M13: pictures in mails that real programs made: faxed, left out or asked about, and why."""

from pathlib import Path

import pytest

from mail2fax.reading.mail import read_mail
from tests.pictures.images import picture
from tests.pictures.programs import PROGRAMS, Job, NotInstalled, sent
from tests.pictures.table import read_table
from tests.pictures.thunderbird import CAPTURED, MAILS
from tests.pictures.told import PROGRAMS_TABLE, Told, programs, rows_of, told_of
from tests.unit.mails import real_pdf

_HELD = "It would be held until a person decides: "


@pytest.mark.parametrize("program", programs())
async def test_the_pictures_of_a_real_program(tmp_path: Path, program: str) -> None:
    """M3, M6, M13: each has its fate, documents come out whole, named, in order, all is told."""
    try:
        told = await told_of(program, tmp_path)
    except NotInstalled as missing:
        pytest.skip(f"{missing} is not installed")

    wrong = {f"{one.row.shape} {one.row.pictures}": one.problems for one in told if one.problems}
    assert wrong == {}


def test_the_table_has_forty_mails_and_every_program() -> None:
    """M6: of real programs; each fate is expected of several of them."""
    rows = read_table(PROGRAMS_TABLE)
    fates = {(row.shape.partition("/")[0], fate) for row in rows for fate in row.fates}

    assert len(rows) >= 40
    assert {program for program, _ in fates} == {*PROGRAMS, "thunderbird"}
    for fate in ("body", "document", "ask"):
        assert len([one for one in fates if one[1] == fate]) >= 5


def test_every_captured_mail_is_expected_to_be_something() -> None:
    """M6: what Thunderbird wrote stands in the table, all of it."""
    captured = {file.stem for file in CAPTURED.glob("*.eml")}

    assert captured == set(MAILS)
    assert captured == {row.shape.partition("/")[2] for row in rows_of("thunderbird")}


async def test_a_page_that_a_program_leaves_in_the_html(tmp_path: Path) -> None:
    """M6, M8: nodemailer takes pictures out of the HTML only when it is told to."""
    page, letter = tmp_path / "page.png", tmp_path / "letter.pdf"
    page.write_bytes(picture("scan"))
    letter.write_bytes(real_pdf())
    try:
        (mail,) = await sent("nodemailer", [Job("in-html", (page,), (letter,), "Page")], tmp_path)
    except NotInstalled as missing:
        pytest.skip(f"{missing} is not installed")

    reading = read_mail(mail, len(mail))
    assert reading.damage == (
        "A picture is written into the mail's HTML itself (1654 x 2339 pixels, 5 kB) and cannot be "
        "faxed. Attach it."
    )


async def test_what_is_not_as_expected_is_seen(tmp_path: Path) -> None:
    """A wrong fate, a document that is another, one in the wrong place, a part not told of."""
    told = {one.row.shape: one for one in await told_of("thunderbird", tmp_path)}
    scan, asked = told["thunderbird/attached-photo-scan"], told["thunderbird/inserted-emblem"]
    documents = scan.said["documents"]
    broken = {**documents[0], "sha256": "0" * 64}

    def problems(one: Told, **said: object) -> list[str]:
        return Told(one.row, one.mail, one.files, {**one.said, **said}).problems

    assert problems(scan) == []
    assert problems(asked) == []
    assert "photo is not told" in problems(scan, documents=[broken, documents[1]])[0]
    assert problems(scan, documents=documents[::-1])[0].startswith("documents [")
    assert "parts are told of" in problems(scan, not_faxed=[])[0]
    assert "refused: ''" in problems(asked, refused=None)[0]
    assert "does not name" in problems(asked, refused=f"{_HELD}“x.png”")[0]
