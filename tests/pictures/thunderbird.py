"""Thunderbird itself writes mails with pictures; they are kept, for it is too heavy for each run.

``python -m tests.pictures.thunderbird`` makes them anew: it starts Thunderbird without a screen,
opens its composer for each mail, puts the pictures where a person would, and presses Send. What
arrives at a real listener is written to ``tests/pictures/captured``, beside the pictures.
"""

import asyncio
import base64
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.integration.smtp_bench import Desk
from tests.pictures.images import picture
from tests.thunderbird import IS_HERE, Account, thunderbird
from tests.unit.mails import real_pdf

CAPTURED = Path(__file__).with_name("captured")
PICTURES = {
    "logo": "firma.png", "emblem": "emblem.png", "scan": "Seite 1.png", "photo": "IMG_0042.jpg",
}  # fmt: skip
"""Pictures of a few kilobytes by their names in the table, and what they are called on the disk."""
DOCUMENT = "Brief.pdf"

MAILS: dict[str, tuple[str, ...]] = {
    "signature-pdf": ("signature:logo", "pdf"),
    "signature-scan-inserted": ("signature:logo", "inserted:scan"),
    "signature-scan-pasted": ("signature:logo", "pasted:scan"),
    "signature-photo-inserted": ("signature:logo", "inserted:photo"),
    "signature-scan-attached": ("signature:logo", "attached:scan"),
    "signature-emblem-pdf": ("signature:emblem", "pdf"),
    "inserted-logo-pdf": ("inserted:logo", "pdf"),
    "inserted-scan": ("inserted:scan",),
    "inserted-photo": ("inserted:photo",),
    "inserted-emblem": ("inserted:emblem",),
    "pasted-logo-pdf": ("pasted:logo", "pdf"),
    "pasted-scan": ("pasted:scan",),
    "pasted-photo": ("pasted:photo",),
    "attached-logo": ("attached:logo",),
    "attached-photo-scan": ("attached:photo", "attached:scan"),
}
"""What each mail is made of, in the order in which it is put in."""

_TO = "0225550123@fax.example.com"


def _job(name: str) -> dict[str, Any]:
    """What the composer is told about a mail."""
    signature, body = "", ""
    attached = []
    for piece in MAILS[name]:
        how, _, what = piece.rpartition(":")
        file = CAPTURED / PICTURES.get(what, DOCUMENT)
        if how == "signature":
            signature = f'Ann<br><img src="{_source(file, named=True)}" alt="">'
        elif how in ("inserted", "pasted"):
            body += f'<p><img src="{_source(file, named=how == "inserted")}" alt=""></p>'
        else:
            attached.append({"url": file.as_uri(), "name": file.name})
    html = f"<p>Please see the pages.</p>{body}"
    return {"html": html, "signature": signature, "attached": attached}


def _source(file: Path, *, named: bool) -> str:
    """A picture as the composer holds it: with its name unless it was pasted."""
    kind = "jpeg" if file.suffix == ".jpg" else "png"
    name = f";filename={quote(file.name)}" if named else ""
    return f"data:image/{kind}{name};base64,{base64.b64encode(file.read_bytes()).decode()}"


async def _capture(home: Path) -> None:
    """Send every mail and keep what arrives."""
    async with (
        Desk(home / "state") as desk,
        thunderbird(home, Account(desk.port)) as program,
    ):
        seen: set[Path] = set()
        for name in MAILS:
            await program.send(_TO, name, **_job(name))
            await desk.when(lambda mails: len(mails) > len(seen))
            (file,) = set(desk.files()) - seen
            seen.add(file)
            (CAPTURED / f"{name}.eml").write_bytes(file.read_bytes())
            print(f"{name}: {file.stat().st_size} bytes", flush=True)


def main() -> int:
    """Make the pictures and the mails anew."""
    if not IS_HERE:
        print("thunderbird is not installed: apt-get install thunderbird", file=sys.stderr)
        return 1
    for name, file in PICTURES.items():
        (CAPTURED / file).write_bytes(picture(f"{name}-light"))
    (CAPTURED / DOCUMENT).write_bytes(real_pdf())
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(_capture(Path(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
