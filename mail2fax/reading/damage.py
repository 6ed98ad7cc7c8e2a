"""What stops a fax: a content that cannot be decoded without doubt (M8)."""

from mail2fax.errors import Mail2FaxError


class Damaged(Mail2FaxError):
    """A content cannot be decoded without doubt; the text says what is wrong with it."""
