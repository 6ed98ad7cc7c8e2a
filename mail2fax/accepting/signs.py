"""The signs that a client has read its 250, without which it may send the same again (L9)."""

from collections.abc import Callable


class Signs:
    """Watches one session for commands that were sent after a 250."""

    def __init__(self, was_read: Callable[[str], None]) -> None:
        self._was_read = was_read
        self._unread: list[str] = []
        self._sent_before = 0  # bytes that had come before the last 250 was written

    @property
    def missing(self) -> bool:
        """Whether the 250 of some mail shows no sign of having been read."""
        return bool(self._unread)

    def commits(self, mail_id: str) -> None:
        """A mail is about to become ours; its client may go away any time from now."""
        self._unread.append(mail_id)

    def failed(self, mail_id: str) -> None:
        """It did not."""
        self._unread.remove(mail_id)

    def answers(self, buffered: int) -> None:
        """The 250 is written now; what had come before proves nothing."""
        self._sent_before = buffered

    def command(self, buffered: int, length: int) -> None:
        """A command was taken.

        Args:
            buffered: bytes that waited before it was looked for.
            length: its own, with its line end.
        """
        if self._sent_before > 0 and buffered:
            self._sent_before -= length
            return
        self._sent_before = 0
        for mail_id in self._unread:
            self._was_read(mail_id)
        self._unread.clear()
