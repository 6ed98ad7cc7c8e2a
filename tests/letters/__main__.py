"""``python -m tests.letters --out DIR``: every letter in every language as a picture (W4).

Each language has a sheet of all letters as a phone shows them, in light and dark, as a wide
window does, and as plain text; every letter is a picture of its own too. A headless Chromium
draws what is in the messages; nothing is fetched.
"""

import argparse
import html
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mail2fax.answering.wording import LANGUAGES
from tests.letters.making import Made, letters_in

_CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--disable-background-networking", "--disable-sync", "--disable-component-update",
    "--no-first-run", "--force-device-scale-factor=1",
)  # fmt: skip
_PLAIN = '<pre style="font: 14px/1.4 DejaVu Sans Mono, monospace; padding: 8px">{}</pre>'

_AS_TEXT = '<body style="font: 16px/1.5 sans-serif; white-space: pre-wrap; background: white">{}'
"""As a program shows a letter that has no HTML."""


@dataclass(frozen=True, slots=True)
class Form:
    """How letters are looked at: the size of one, how many stand in a row, in the dark or not."""

    name: str
    width: int
    height: int
    across: int
    dark: bool = False


FORMS = (
    Form("phone", 390, 1500, 7),
    Form("phone-dark", 390, 1500, 7, dark=True),
    Form("desk", 1200, 1100, 3),
    Form("plain", 720, 1000, 4),
)


def main() -> int:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="directory for the pictures")
    parser.add_argument("--language", choices=LANGUAGES, action="append")
    parser.add_argument("--form", choices=[form.name for form in FORMS], action="append")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for language in arguments.language or LANGUAGES:
        letters = letters_in(language)
        for form in FORMS:
            if form.name in (arguments.form or form.name):
                _draw(letters, form, arguments.out / f"{language}-{form.name}.png")
                print(f"{language} {form.name}: {len(letters)} letters")
    return 0


def _draw(letters: Sequence[Made], form: Form, sheet: Path) -> None:
    """One sheet, and each letter on it by itself."""
    rows = -(-len(letters) // form.across)
    size = (form.across * (form.width + 10), rows * (form.height + 10))
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "sheet.html"
        page.write_text(_page(letters, form), encoding="utf-8")
        dark = ["--blink-settings=preferredColorScheme=0"] if form.dark else []
        subprocess.run(
            [*_CHROMIUM, *dark, f"--window-size={size[0]},{size[1]}", f"--screenshot={sheet}",
             f"--user-data-dir={directory}/profile", page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    with Image.open(sheet) as picture:
        for letter, (left, top) in zip(letters, _places(form, len(letters)), strict=True):
            one = picture.crop((left, top, left + form.width, top + form.height))
            one.save(sheet.with_name(f"{sheet.stem}-{letter.name}.png"))


def _places(form: Form, count: int) -> list[tuple[int, int]]:
    return [
        (n % form.across * (form.width + 10), n // form.across * (form.height + 10))
        for n in range(count)
    ]


def _page(letters: Sequence[Made], form: Form) -> str:
    """The sheet: a frame for each letter, as wide as it is looked at."""
    frames = [
        f'<iframe style="position: absolute; border: 0; left: {left}px; top: {top}px" '
        f'width="{form.width}" height="{form.height}" '
        f'srcdoc="{html.escape(_shown(letter, form))}"></iframe>'
        for letter, (left, top) in zip(letters, _places(form, len(letters)), strict=True)
    ]
    style = "<style>:root { color-scheme: light dark } body { background: #888 }</style>"
    return f"<!DOCTYPE html><meta charset=utf-8>{style}{''.join(frames)}"


def _shown(letter: Made, form: Form) -> str:
    if form.name == "plain":
        head = f"From: {letter.from_name}\nSubject: {letter.subject}\n\n"
        return "<body style='background: white'>" + _PLAIN.format(html.escape(head + letter.text))
    return letter.html or _AS_TEXT.format(html.escape(letter.text))


if __name__ == "__main__":
    sys.exit(main())
