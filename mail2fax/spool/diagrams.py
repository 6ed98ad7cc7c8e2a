"""Draws docs/states.md from the four tables: ``python -m mail2fax.spool.diagrams``.

A test fails when the committed page is not what this prints.
"""

import sys

from mail2fax.spool.moves import FAX, JOB, MAIL, REPLY, Subject

_HEAD = """# States

Drawn from the tables in `mail2fax/spool/lifecycle.py`; do not edit, but run
`python -m mail2fax.spool.diagrams > docs/states.md`.
A pair of state and event that is not here cannot happen: the code raises and changes nothing.
"""


def page() -> str:
    """The whole page, in Markdown with Mermaid diagrams."""
    return "\n".join([_HEAD, *(_section(subject) for subject in (MAIL, JOB, FAX, REPLY))])


def _section(subject: Subject) -> str:
    lines = [f"## {subject.name}", "", "```mermaid", "stateDiagram-v2"]
    for state in subject.states:
        following = subject.transitions[state]
        lines += [f'    state "{state}" as {state.name.lower()}']
        lines += [
            f"    {state.name.lower()} --> {after.name.lower()}: {event}"
            for event, after in following.items()
        ]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    sys.stdout.write(page())
