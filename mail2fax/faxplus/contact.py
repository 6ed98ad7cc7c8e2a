"""Whether Fax.Plus is there at all, which no single call can tell (S6). Pure."""

from dataclasses import dataclass

from mail2fax.errors import Failure, Fate, TemporaryFailure


@dataclass(slots=True)
class Contact:
    """Whether Fax.Plus can be reached, as the calls that were made anyway have shown.

    Attributes:
        works: whether the last call was answered; None before the first.
        why: why it was not.
    """

    works: bool | None = None
    why: str = ""
    _since: float = 0.0
    _latest: float = 0.0

    def showed(self, failure: Failure | None, now: float) -> None:
        """A call has ended; a refusal is an answer too."""
        self.works = not isinstance(failure, TemporaryFailure) or failure.fate is Fate.THROTTLED
        if self.works:
            self.why = ""
            return
        self._since = self._since if self.why else now
        self.why, self._latest = str(failure), now

    @property
    def silent_for(self) -> float:
        """Seconds from the first to the latest call in a row that was not answered."""
        return self._latest - self._since if self.why else 0.0
