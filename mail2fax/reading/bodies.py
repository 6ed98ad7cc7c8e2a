"""A text part's bytes as lines, by what its label says of their form (M11)."""

from mail2fax.reading import content
from mail2fax.reading.body_text import Line, flowed_lines, plain_lines
from mail2fax.reading.html_text import html_lines
from mail2fax.reading.parts import text_of
from mail2fax.reading.structure import Part


def body_lines(raw: bytes, part: Part, content_type: str = "") -> list[Line]:
    """The lines of a text part.

    Args:
        raw: its decoded bytes, or the first of them.
        part: its charset and form.
        content_type: what its bytes say it is, when that is known.
    """
    text = text_of(raw, part)
    if content.HTML in (part.content_type, content_type):
        return html_lines(text)
    if part.parameters.get("format", "").lower() == "flowed":
        delete_space = part.parameters.get("delsp", "").lower() == "yes"
        return flowed_lines(text, delete_space=delete_space)
    return plain_lines(text)
