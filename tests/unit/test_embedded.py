"""M4, M8: files written as lines of a text: uuencode, yEnc, BinHex."""

import binascii
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail2fax.reading.contents import contents
from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import decoded
from mail2fax.reading.embedded import MOST_FILES, EmbeddedFile, begins_with_file, embedded_files
from mail2fax.reading.embedded_codes import BINHEX, UU, YENC
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import MailReading, read_mail
from tests.unit.mails import PDF, attached, mail, multipart, part

_HQX = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"


def uuencoded(data: bytes, name: str = "a.pdf", *, backtick: bool = True) -> bytes:
    """A file as uuencode writes it."""
    lines = [
        binascii.b2a_uu(data[at : at + 45], backtick=backtick) for at in range(0, len(data), 45)
    ]
    zero = b"`\n" if backtick else b" \n"
    whole = b"begin 644 " + name.encode() + b"\n" + b"".join(lines) + zero + b"end\n"
    return whole.replace(b"\n", b"\r\n")


def yencoded(data: bytes, name: str = "a.pdf", *, part_line: bytes = b"") -> bytes:
    """A file as yEnc writes it."""
    letters = bytearray()
    for byte in data:
        letter = (byte + 42) % 256
        letters += b"=%c" % ((letter + 64) % 256) if letter in b"\0\r\n=" else bytes([letter])
    lines, at = [], 0
    while at < len(letters):
        end = at + 128
        if letters[end - 1 : end] == b"=" and letters[end - 2 : end - 1] != b"=":
            end += 1
        lines.append(bytes(letters[at:end]))
        at = end
    begin = b"=ybegin%s line=128 size=%d name=" % (part_line[:7] and b" part=1", len(data))
    end_line = b"=yend size=%d crc32=%08x" % (len(data), zlib.crc32(data))
    rest = [part_line] if part_line else []
    return b"\r\n".join([begin + name.encode(), *rest, *lines, end_line, b""])


def binhexed(data: bytes, name: str = "a.pdf") -> bytes:
    """A file as BinHex 4.0 writes it: header, data fork and an empty resource fork."""

    def checked(piece: bytes) -> bytes:
        return piece + binascii.crc_hqx(piece, 0).to_bytes(2, "big")

    header = bytes([len(name)]) + name.encode() + b"\0PDF CARO\0\0"
    plain = checked(header + len(data).to_bytes(4, "big") + bytes(4)) + checked(data) + checked(b"")
    runs, at = bytearray(), 0
    while at < len(plain):
        run = 1
        while run < 255 and plain[at : at + run + 1] == plain[at : at + 1] * (run + 1):
            run += 1
        byte = plain[at : at + 1]
        runs += b"\x90\0" if byte == b"\x90" else byte
        runs += (
            bytes([0x90, run]) if run > 3 else (b"\x90\0" if byte == b"\x90" else byte) * (run - 1)
        )
        at += run
    bits = "".join(f"{byte:08b}" for byte in runs)
    bits += "0" * (-len(bits) % 6)
    letters = ":" + "".join(_HQX[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6)) + ":"
    lines = [letters[i : i + 64] for i in range(0, len(letters), 64)]
    return (
        "(This file must be converted with BinHex 4.0)\r\n\r\n" + "\r\n".join(lines)
    ).encode() + b"\r\n"


WRITTEN: dict[str, Callable[[bytes], bytes]] = {UU: uuencoded, YENC: yencoded, BINHEX: binhexed}


def only(text: bytes) -> EmbeddedFile:
    """The one file in a text."""
    (found,) = embedded_files([text])
    return found


def out(text: bytes, size: int = 1000) -> bytes:
    """The one file in a text, decoded from pieces of this size."""
    found = only(text)
    block = text[found.start : found.end]
    pieces = (block[at : at + size] for at in range(0, len(block), size))
    return b"".join(decoded(pieces, found.encoding, closed=found.closed))


def read(data: bytes) -> MailReading:
    """The reading of a mail."""
    return read_mail(data, len(data))


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=700), st.sampled_from(sorted(WRITTEN)), st.integers(1, 300))
def test_every_file_comes_out_of_its_text(data: bytes, encoding: str, size: int) -> None:
    """M4: byte for byte, in pieces of any size, with text around it."""
    text = b"Hello,\r\n\r\n" + WRITTEN[encoding](data) + b"\r\nbye\r\n"

    assert only(text).encoding == encoding
    assert only(text).name == "a.pdf"
    assert out(text, size) == data


@settings(max_examples=60)
@given(st.binary(max_size=200), st.lists(st.integers(1, 400), max_size=4))
def test_runs_are_written_out(data: bytes, counts: list[int]) -> None:
    """M4: BinHex shortens runs, 0x90 among them, and chunks may end inside one."""
    data += b"".join(bytes([0x90 + at]) * count for at, count in enumerate(counts))

    assert out(binhexed(data), 7) == data


@pytest.mark.parametrize("encoding", sorted(WRITTEN))
def test_a_text_cut_anywhere_is_the_whole_file_or_none(encoding: str) -> None:
    """M8: at every byte."""
    data = PDF[:400] + b"\x90\x90" + bytes(range(256))
    text = b"Hello\r\n" + WRITTEN[encoding](data)
    wrong: list[int] = []
    for cut in range(len(text)):
        for found in embedded_files([text[:cut]]):
            block = text[found.start : min(cut, found.end)]
            try:
                got = b"".join(decoded(iter([block]), found.encoding, closed=found.closed))
            except Damaged:
                continue
            if got != data:
                wrong.append(cut)

    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        uuencoded(PDF).replace(b"end\r\n", b""),
        uuencoded(PDF).replace(b"\r\nM", b"\r\nM!!", 1),
        uuencoded(b"``" + PDF).replace(b"M", b"M\x7f", 1).replace(b"M\x7f", b"M"[:1] + b"\x7f", 1),
        uuencoded(PDF)[:100] + uuencoded(PDF)[110:],
        yencoded(PDF).replace(b"crc32=", b"crc32=1"),
        yencoded(PDF).replace(b"=yend size=", b"=yend size=1"),
        yencoded(PDF).replace(b" size=", b" size=9"),
        yencoded(PDF, part_line=b"=ypart begin=1 end=10"),
        yencoded(PDF).replace(b"\r\n=yend", b"=\r\n=yend"),
        yencoded(PDF).partition(b"=yend")[0],
        binhexed(PDF)[:-40] + b":\r\n",
        binhexed(PDF).replace(b":\r\n", b"\r\n"),
        binhexed(PDF).replace(b"\r\n\r\n:", b"\r\n\r\n:~"),
        binhexed(PDF)[:120] + b"!!" + binhexed(PDF)[122:],
        binhexed(PDF)[:300] + b"!!" + binhexed(PDF)[302:],
        binhexed(PDF)[:55] + b":\r\n",
        binhexed(PDF)[:90] + b":\r\n",
        binhexed(b"")[:-6] + b":\r\n",
    ],
)
def test_what_a_file_says_of_itself_must_hold(text: bytes) -> None:
    """M8: ends, lengths and checksums."""
    with pytest.raises(Damaged):
        out(text)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (uuencoded(bytes(100), backtick=False).replace(b" \r\n", b"\r\n"), bytes(100)),
        (uuencoded(PDF[:44]).replace(b"\r\n`", b"x\r\n`"), PDF[:44]),
        (b"begin 644 a\n!80\n`\nend\n", b"a"),
        (yencoded(PDF).replace(b" crc32=", b" x="), PDF),
        (yencoded(PDF, part_line=b"=ypart begin=1 end=%d" % len(PDF)), PDF),
    ],
    ids=["spaces lost", "checksum letter", "short last group", "no checksum", "only part"],
)
def test_what_programs_do_differently(text: bytes, data: bytes) -> None:
    """M4: harmless differences do no harm."""
    assert out(text) == data


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 the work\r\nThen we go on.\r\n",
        b"We begin 644 a.pdf\r\nM\r\n",
        b"begin 999 a.pdf\r\nM\r\n",
        b"=ybegin is how it begins\r\n",
        b"(This file must be converted with BinHex 4.0)\r\n\r\nor not\r\n",
        b"",
    ],
)
def test_prose_is_no_file(text: bytes) -> None:
    """M4: words that look like a beginning alone are words."""
    assert embedded_files([text]) == []


def test_an_endless_line_and_endless_files_end_somewhere() -> None:
    """M2: in memory that does not grow."""
    tiny = b"begin 644 a\n`\nend\n"

    assert embedded_files([b"x" * 300_000, b"y" * 10]) == []
    assert len(embedded_files([tiny * 200])) == MOST_FILES + 1
    assert "100 files" in (read(mail(part("X: y", tiny * 200))).damage or "")


@pytest.mark.parametrize("encoding", sorted(WRITTEN))
def test_a_file_in_the_text_is_a_document(encoding: str) -> None:
    """M4: it has a section of its own behind the text's; the comment is the rest."""
    data = mail(part("Content-Type: text/plain", b"Hi\r\n" + WRITTEN[encoding](PDF) + b"Ann"))
    reading = read(data)

    (one,) = reading.candidates
    assert one.part == {UU: "1.uu1", YENC: "1.yenc1", BINHEX: "1.hqx1"}[encoding]
    assert (one.filename, one.content_type) == ("a.pdf", "application/pdf")
    assert b"".join(contents(data, one)) == PDF
    assert "\n".join(reading.comment.split("\n")[:1]) == "Hi"
    assert reading.comment.endswith("Ann")
    assert len(reading.comment) < 60
    assert [part.part for part in reading.not_faxed] == ["1"]


@pytest.mark.parametrize(
    "label",
    [
        "Content-Type: application/mac-binhex40; name=b.pdf",
        "Content-Type: application/octet-stream; name=b.pdf",
        "Content-Type: application/pdf; name=b.pdf\nContent-Transfer-Encoding: x-uuencode",
    ],
)
def test_a_part_that_is_all_wrapper(label: str) -> None:
    """M4: its own name counts, and it is listed beside its file."""
    body = b"\r\n" + (binhexed(PDF) if "binhex" in label else uuencoded(PDF))
    data = mail(part(label, body), attached())
    reading = read(data)

    assert [(one.part, one.filename) for one in reading.candidates] == [
        ("1.hqx1" if "binhex" in label else "1.uu1", "b.pdf"),
        ("2", "a.pdf"),
    ]
    assert reading.not_faxed[0].why.startswith("The file that is written in it")


def test_a_wrapper_named_like_one_gives_way_to_the_name_inside() -> None:
    """M3: nobody wants a.hqx."""
    data = mail(part("Content-Type: application/mac-binhex40; name=a.hqx", binhexed(PDF, "b.pdf")))

    assert [one.filename for one in read(data).candidates] == ["b.pdf"]


@pytest.mark.parametrize("where", ["preamble", "epilogue"])
@pytest.mark.parametrize("lf", [False, True])
def test_files_before_and_behind_the_parts(where: str, lf: bool) -> None:
    """M5: old gateways put them there."""
    text = part("Content-Type: text/plain", b"Hi")
    inner = multipart("b1", text)
    body = b"x\r\n" + uuencoded(PDF) + inner if where == "preamble" else inner + uuencoded(PDF)
    data = part("Content-Type: multipart/mixed; boundary=b1", body)
    data = data.replace(b"\r\n", b"\n") if lf else data
    gate = Gate()
    gate.feed(data)
    reading = read(data)

    assert gate.finish().verdict.accepted
    assert [one.part for one in reading.candidates] == [f"{where}.uu1"]
    assert b"".join(contents(data, reading.candidates[0])) == PDF
    assert f"{where}" in [one.part for one in reading.not_faxed]
    assert reading.comment == "Hi"


def test_a_file_in_an_encoded_text() -> None:
    """M4: one encoding inside another."""
    text = part(
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64",
        binascii.b2a_base64(b"Hi\n" + uuencoded(PDF)),
    )
    data = mail(text)

    assert [b"".join(contents(data, one)) for one in read(data).candidates] == [PDF]


def test_a_contact_card_in_the_text_is_none() -> None:
    """M7: what is no document is none when it is uuencoded."""
    card = uuencoded(b"BEGIN:VCARD\r\nEND:VCARD\r\n", "ann.vcf")
    reading = read(mail(part("Content-Type: text/plain", card), attached()))

    assert [one.filename for one in reading.candidates] == ["a.pdf"]
    assert "contact card" in next(one.why for one in reading.not_faxed if one.part == "1.uu1")


def test_a_text_in_doubt_is_searched_in_vain() -> None:
    """M8: a base64 text that is damaged has no file, and the mail goes its way."""
    text = part("Content-Type: text/plain\nContent-Transfer-Encoding: base64", b"#######")

    assert len(read(mail(text, attached())).candidates) == 1


def test_the_beginning_of_a_wrapper() -> None:
    """M4: from its first line on, blank ones apart."""
    assert begins_with_file(b"\r\n\r\nbegin 644 a.pdf\r\n")
    assert not begins_with_file(b"x\r\nbegin 644 a.pdf\r\n")
