"""A dialogue as questions are asked of it: commands with their answers; pure (L13)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mail2fax.accepting.doctor.dialogue import Dialogue, Kind, Step

_REFUSED = re.compile(r"[45]\d\d ")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command and the answer to it."""

    command: str
    answer: str

    @property
    def verb(self) -> str:
        """What the command is, without what stands behind it."""
        return self.command.split(" ", 1)[0].split(":", 1)[0]

    @property
    def is_refused(self) -> bool:
        """Whether the answer is 4xx or 5xx."""
        return bool(_REFUSED.match(self.answer))

    @property
    def sentence(self) -> str:
        """The answer without its codes."""
        return re.sub(r"^\d{3} (\d\.\d+\.\d+ )?", "", self.answer)


class Story:
    """A dialogue as questions are asked of it."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.offer = dialogue.offer
        self.peer = dialogue.peer
        self.exchanges = tuple(_exchanges(dialogue.steps))

    def first(self, *kinds: Kind) -> Step | None:
        """The first step of a kind."""
        return next((step for step in self.dialogue.steps if step.kind in kinds), None)

    def of(self, verb: str) -> list[Exchange]:
        """The exchanges that a command began."""
        return [one for one in self.exchanges if one.verb == verb]

    def answer(self, verb: str, code: str) -> Exchange | None:
        """The last exchange of a command that was answered with a code."""
        found = [one for one in self.of(verb) if one.answer.startswith(code)]
        return found[-1] if found else None

    @property
    def device(self) -> str:
        """A name for it in a configuration."""
        name = re.sub(r"[^A-Za-z0-9-]", "-", self.dialogue.helo).strip("-").lower()
        return name or "copier"


def _exchanges(steps: tuple[Step, ...]) -> Iterator[Exchange]:
    """Commands with their answers; answers to AUTH's challenges belong to AUTH."""
    command, answer = "", ""
    for step in steps:
        if step.kind is Kind.SAID:
            answer = step.text
        elif step.kind is Kind.HEARD and (not answer.startswith("334") or step.text == "QUIT"):
            if command:
                yield Exchange(command, answer)
            command, answer = step.text, ""
    if command:
        yield Exchange(command, answer)
