"""The four tables: complete, closed, and never back to a second POST without evidence."""

from pathlib import Path

import pytest

from mail2fax.spool import diagrams, lifecycle
from mail2fax.spool.lifecycle import IllegalEvent, JobEvent, JobState
from mail2fax.spool.moves import FAX, JOB, MAIL, REPLY, Subject

SUBJECTS = [MAIL, JOB, FAX, REPLY]
EVENTS = {
    "mail": lifecycle.MailEvent,
    "job": lifecycle.JobEvent,
    "fax": lifecycle.FaxEvent,
    "reply": lifecycle.ReplyEvent,
}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_state_has_a_row_and_every_event_is_used(subject: Subject) -> None:
    """Each state has its row, and no event exists that can never happen."""
    used = {event for row in subject.transitions.values() for event in row}

    assert set(subject.states) == set(subject.transitions)
    assert set(EVENTS[subject.name]) == used


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_unlisted_pair_raises(subject: Subject) -> None:
    """A pair that is not in the table raises; a listed one gives a state of the same kind."""
    for state in subject.states:
        for event in EVENTS[subject.name]:
            if event in subject.transitions[state]:
                assert lifecycle.after(subject.transitions, state, event) in subject.states
            else:
                with pytest.raises(IllegalEvent):
                    lifecycle.after(subject.transitions, state, event)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_state_can_reach_an_end(subject: Subject) -> None:
    """From each state some state without further events can be reached: nothing waits for ever."""
    for start in subject.states:
        reached, frontier = {start}, [start]
        while frontier:
            for following in subject.transitions[frontier.pop()].values():
                if following not in reached:
                    reached.add(following)
                    frontier.append(following)

        assert any(not subject.transitions[state] for state in reached), start


def test_an_intent_ends_only_by_evidence() -> None:
    """S2, R2: from intent, another POST is only possible when the first never left."""
    back = {
        event
        for event, state in lifecycle.JOB[JobState.INTENT].items()
        if state in (JobState.READY, JobState.UPLOADED)
    }

    assert {JobEvent.NEVER_LEFT} == back


def test_the_diagrams_are_drawn_from_the_tables() -> None:
    """docs/states.md is what the tables say today."""
    committed = Path(__file__).parents[2] / "docs" / "states.md"

    assert committed.read_text(encoding="utf-8") == diagrams.page()
