"""W6: each verb in each state of a mail, by its sender and by a stranger with the token."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from mail2fax.sending.settling import Doubt
from mail2fax.spool import answers, holds, jobs, naming, preparation, schema, tokens
from mail2fax.spool.answers import Answer
from mail2fax.spool.lifecycle import IllegalEvent, JobEvent
from mail2fax.spool.records import MailStory, NewMail
from mail2fax.values import Envelope, Headline, Identity
from tests.integration.sending_bench import Bench
from tests.integration.test_again import TERMS
from tests.integration.test_cancelling import commands, kinds

SENDER, STRANGER = "n", "elsewhere"
STATES = ("accepted", "held", "ready", "in doubt", "held in doubt", "over", "refused")
VERBS = (
    "cancel", "again", "send", "send without pictures", "drop", "status", "report", None,
)  # fmt: skip
_CHANGES = {
    ("cancel", "accepted"): "cancel",
    ("cancel", "held"): "cancel",
    ("cancel", "ready"): "cancel",
    ("cancel", "in doubt"): "cancel",
    ("cancel", "held in doubt"): "cancel",
    ("send", "held"): "",
    ("send without pictures", "held"): "",
    ("drop", "held"): "refused",
    ("send", "held in doubt"): "status",
    ("send without pictures", "held in doubt"): "status",
    ("drop", "held in doubt"): "outcome",
    ("again", "over"): "again",
}
"""What changes something, and the reply that leads to."""
_TOKEN_IS_ENOUGH = {"cancel", "status", "report"}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything but the station."""
    async with Bench(tmp_path) as bench:
        yield bench


async def mail_in(bench: Bench, state: str) -> str:
    """A mail in a state; its id."""
    do, now = bench.spool.do, bench.clock.now()
    prepared = state not in ("accepted", "held", "refused")
    mail_id = await bench.mail(prepare=prepared)
    if state == "held":
        await do(holds.hold, mail_id, "why", [], now + 3600, now)
    if state == "refused":
        await do(preparation.refused, mail_id, "why", [], now)
    if prepared:
        fax = (await bench.story_of(mail_id)).faxes[0]
        assert fax.job_state == "ready"
    if state in ("in doubt", "held in doubt", "over"):
        await job_in(bench, mail_id, state)
    await do(tokens.give, mail_id, now)
    return mail_id


async def job_in(bench: Bench, mail_id: str, state: str) -> None:
    """Take the mail's job on."""
    do, now = bench.spool.do, bench.clock.now()
    (job,) = await do(jobs_of, mail_id)
    if state == "over":
        await do(jobs.ended, job, JobEvent.NOT_TAKEN, "415", now, "not taken")
        return
    await do(jobs.happened, job, JobEvent.UPLOADED, now)
    assert await do(jobs.intended, job, now)
    await do(jobs.answer_lost, job, Doubt.UNKNOWN, now, now, "cut")
    if state == "held in doubt":
        await do(jobs.held, job, now, "no trace")


def jobs_of(connection: Connection, mail_id: str) -> list[str]:
    """The ids of a mail's jobs."""
    job = schema.job.c
    return list(connection.scalars(select(job.id).where(job.mail_id == mail_id)))


async def answer(
    bench: Bench, asked: str, verb: str | None, who: str = SENDER, digest: str = ""
) -> str:
    """Store an answer and read it; what became of it."""
    now = bench.clock.now()
    mail_id = naming.new_id(now)
    file = bench.spool.content.new_mail(mail_id)
    file.write(b"x")
    mail = NewMail(
        mail_id, naming.new_reference(), now, 1, "h", "b", digest or mail_id,
        Envelope("ann@example.org", ("re+x",)), Identity("r", "network", who), "s",
        Headline(), (), answers=asked,
    )  # fmt: skip
    await bench.spool.accept(mail, file)
    return await bench.spool.do(answers.obey, Answer(mail_id, verb), TERMS, bench.clock.now())


def fates(story: MailStory) -> tuple[object, ...]:
    """What an answer may change of a mail."""
    faxes = [(fax.state, fax.job_state, fax.outcome, fax.stop) for fax in story.faxes]
    return (story.state, faxes)


@pytest.mark.parametrize("who", [SENDER, STRANGER])
@pytest.mark.parametrize("state", STATES)
async def test_each_verb_in_each_state(bench: Bench, state: str, who: str) -> None:
    """W6: it changes what it may, or nothing; exactly one reply says which."""
    for verb in VERBS:
        mail_id = await mail_in(bench, state)
        before = await bench.story_of(mail_id)
        may = who == SENDER or verb in _TOKEN_IS_ENOUGH

        done = await answer(bench, mail_id, verb, who)

        story = await bench.story_of(mail_id)
        told = kinds(story)[len(before.told) :]
        change = _CHANGES.get((verb or "", state)) if may else None
        if change is not None:
            assert (told, done) == ([change] if change else [], "done"), verb
            assert fates(story) != fates(before), verb
        else:
            assert fates(story) == fates(before), verb
            assert told == [_reply_without_change(verb, may=may)], verb


def _reply_without_change(verb: str | None, *, may: bool) -> str:
    if verb is None:
        return "unclear"
    if not may:
        return "denied"
    return verb if verb in ("again", "report") else "status"


@pytest.mark.parametrize("who", [SENDER, STRANGER])
async def test_who_asked_for_a_change_is_a_row(bench: Bench, who: str) -> None:
    """K8: verbs that change something, carried out or not; questions are none."""
    mail_id = await mail_in(bench, "ready")
    for verb in VERBS:
        await answer(bench, mail_id, verb, who)

    rows = await commands(bench)

    denied = "denied" if who == STRANGER else None
    assert rows == [
        (f"network:{who}", "cancel", "done"),
        (f"network:{who}", "again", denied or "done"),
        (f"network:{who}", "send", denied or "too late"),
        (f"network:{who}", "send without pictures", denied or "too late"),
        (f"network:{who}", "drop", denied or "too late"),
    ]


async def test_an_answer_that_comes_twice_is_obeyed_once(bench: Bench) -> None:
    """W6, L9: a client that did not read its 250 sends again; nothing doubles."""
    mail_id = await mail_in(bench, "over")

    first = await answer(bench, mail_id, "again", digest="same")
    await job_over(bench, mail_id)
    before = await bench.story_of(mail_id)
    second = await answer(bench, mail_id, "again", digest="same")

    assert (first, second) == ("done", "repeated")
    assert await bench.story_of(mail_id) == before


async def job_over(bench: Bench, mail_id: str) -> None:
    """The newest fax of a mail fails."""
    job = (await bench.spool.do(jobs_of, mail_id))[-1]
    now = bench.clock.now()
    await bench.spool.do(jobs.ended, job, JobEvent.NOT_TAKEN, "415", now, "not taken")


async def test_a_responder_without_a_mark_does_not_loop(bench: Bench) -> None:
    """W8: the list of verbs is told a few times, however often something answers."""
    mail_id = await mail_in(bench, "ready")

    for _ in range(8):
        await answer(bench, mail_id, None)

    assert kinds(await bench.story_of(mail_id)).count("unclear") == 3


async def test_an_answer_is_obeyed_in_one_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K4: a crash between the effect and the end of the answer leaves neither; it is read again."""
    mail_id = await mail_in(bench, "ready")
    before = await bench.story_of(mail_id)

    def broken(*_arguments: object) -> None:
        raise IllegalEvent("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(answers, "note", broken)
        with pytest.raises(IllegalEvent):
            await answer(bench, mail_id, "cancel")

    assert await bench.story_of(mail_id) == before
    (again,) = await bench.spool.do(preparation.claim, bench.clock.now(), 5, 1.0)
    done = await bench.spool.do(answers.obey, Answer(again.id, "cancel"), TERMS, 0.0)
    assert done == "done"


async def test_a_token_ends_with_the_content(bench: Bench) -> None:
    """W6, K7: what answers a forgotten mail is of no mail."""
    mail_id = await mail_in(bench, "ready")
    token = (await bench.story_of(mail_id)).answer_token
    assert await bench.spool.do(tokens.mail_of, token) == mail_id

    await bench.spool.do(forget, mail_id)

    assert await bench.spool.do(tokens.mail_of, token) is None


def forget(connection: Connection, mail_id: str) -> None:
    """As forgetting leaves it at its begin, whether the row of the token is gone or not."""
    mail = schema.mail
    connection.execute(mail.update().where(mail.c.id == mail_id).values(state="purging"))
