"""The plain text of one of our letters, as a mail program joins its lines (RFC 3676)."""

import re
from email.message import EmailMessage, Message

_SOFT = re.compile(r"(?<=\S) \r?\n(?! )")


def plain_text(message: Message) -> str:
    """Its words, paragraphs on one line each."""
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    assert part is not None, "a letter has a plain text"
    text = _SOFT.sub(" ", str(part.get_content()).replace("\r\n", "\n"))
    return re.sub(r"^ (?=[ >F])", "", text, flags=re.MULTILINE)
