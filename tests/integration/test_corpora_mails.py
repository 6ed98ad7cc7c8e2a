"""M2, M3: real mails with right answers, when the corpora lie beside the project."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from mail2fax.reading.damage import Damaged
from mail2fax.reading.decoding import decode
from mail2fax.reading.gate import Gate
from mail2fax.reading.mail import read_mail
from tests.corpora import CORPORA, needs_corpora

pytestmark = needs_corpora
MEANT_AS_PICTURES = {"photo.jpg"}  # shown in the text by cid, and small (M6)


def rows() -> list[dict[str, Any]]:
    """The corpus, a row a mail."""
    lines = (CORPORA / "mails.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def stored(row: dict[str, Any]) -> bytes:
    """A mail's bytes."""
    path: Path = CORPORA / "mails" / row["corpus"] / row["file"]
    return path.read_bytes()


def documents(data: bytes) -> dict[str, list[str]]:
    """SHA-256 of each decodable candidate → its names."""
    found: dict[str, list[str]] = {}
    for one in read_mail(data, len(data)).candidates:
        try:
            pieces = decode(data, one.start, one.end, one.encoding, closed=one.closed)
            content = b"".join(pieces)
        except Damaged:
            continue
        found.setdefault(hashlib.sha256(content).hexdigest(), []).append(one.filename)
    return found


def test_every_file_given_to_a_client_comes_out() -> None:
    """M3, M4: byte for byte, under its name, from every captured mail program."""
    wrong: list[tuple[str, str]] = []
    for row in rows():
        if row["corpus"] != "clients":
            continue
        found = documents(stored(row))
        for wanted in row["expected"].get("attachments", []):
            name = wanted["filename"]
            if name not in found.get(wanted["sha256"], []) and name not in MEANT_AS_PICTURES:
                wrong.append((row["file"], name))

    assert wrong == []


def test_no_mail_crashes_or_stalls() -> None:
    """M2: each of them passes gate and reader; none takes a second in the gate."""
    slow: list[tuple[str, float]] = []
    count = 0
    for row in rows():
        data = stored(row)
        started = time.process_time()
        gate = Gate()
        for at in range(0, len(data), 32768):
            gate.feed(data[at : at + 32768])
        gate.finish()
        spent = time.process_time() - started
        read_mail(data, len(data))
        count += 1
        if spent > 1:
            slow.append((row["file"], spent))

    assert count > 0
    assert slow == []
