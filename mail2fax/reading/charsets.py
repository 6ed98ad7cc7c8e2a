"""Bytes in a named charset as text; never raises, whatever the name is (M3, M11).

A mail names its charset as its program knows it. Each name is read as the widest charset that
programs mean by it, as browsers do (WHATWG Encoding 4.2): what Outlook calls ISO-8859-1 is
windows-1252. UTF-7 is read too: its dangers are those of markup that hides in it, and what is
read here is shown as plain text only.
"""

import codecs
import re

_WIDER = {
    "ascii": "",  # often said, also of what is neither: guessed
    "utf-8": "",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "shift-jis": "cp932",
    "iso2022-jp": "iso2022_jp_ext",
}
_OTHER_NAMES = {
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "x-sjis": "cp932",
    "utf8mb4": "utf-8",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc-jp",
    "x-mac-roman": "mac-roman",
}
_CODE_PAGE = re.compile(r"(?:x-)?(?:windows|win|cp|ibm)[-_ ]?([0-9]{3,5})", re.ASCII)
_NOT_CHARSETS = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
_LONGEST_NAME = 60
_HALF = re.compile("[\ud800-\udfff]")


def in_charset(raw: bytes, charset: str) -> str:
    """Bytes of a named charset as text.

    Args:
        raw: the bytes.
        charset: as the mail names it; unknown, impossible or empty, it is guessed.

    Returns:
        The text. What the charset cannot be is U+FFFD, and so is half a surrogate pair, which
        UTF-7 can write and nothing can store.
    """
    codec = _codec(charset)
    if not codec:
        return eight_bit(raw)
    try:
        return _HALF.sub("\ufffd", raw.decode(codec, "replace"))
    except (LookupError, ValueError):
        return eight_bit(raw)  # a name that Python uses for something else than text


def _codec(charset: str) -> str:
    """Python's name of a charset; empty when it is to be guessed."""
    name = charset.strip("'\" ").lower()[:_LONGEST_NAME]
    if code_page := _CODE_PAGE.fullmatch(name):
        name = f"cp{code_page[1]}"
    try:
        known = codecs.lookup(_OTHER_NAMES.get(name, name)).name.replace("_", "-")
    except (LookupError, ValueError):
        return ""
    return "" if known in _NOT_CHARSETS else _WIDER.get(known, known)


def eight_bit(raw: bytes) -> str:
    """Raw bytes as text: ISO-2022-JP or UTF-8 if they are, else Windows-1252, at last Latin-1."""
    for charset in (*(("iso2022_jp_ext",) if b"\x1b$" in raw else ()), "utf-8", "cp1252"):
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
