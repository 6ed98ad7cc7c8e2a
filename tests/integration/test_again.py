"""W6, O5, S8: the documents of a mail are faxed once more, within what its rule allows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from mail2fax.errors import Mail2FaxError
from mail2fax.reading.numbers import NumberRules, read_number
from mail2fax.spool import forgetting, jobs, preparation, repeating, schema, stories
from mail2fax.spool.repeating import Repeated, Terms
from mail2fax.values import Quota
from tests.integration.sending_bench import NUMBER, OTHER, PDF, Bench
from tests.integration.test_cancelling import cancel, ends, kinds

RULES = NumberRules("CH", frozenset({"CH"}), deny_prefixes=("+4122555019",))
TERMS = Terms(lambda _rule, number: read_number(number, RULES).destination, {})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything, running."""
    async with Bench(tmp_path) as bench:
        bench.start()
        yield bench


async def again(bench: Bench, mail_id: str, to: str = "", terms: Terms = TERMS) -> Repeated:
    """What ``again`` leads to."""

    def do(connection: Connection, now: float) -> Repeated:
        mail = connection.execute(select(schema.mail).where(schema.mail.c.id == mail_id)).one()
        return repeating.again(connection, mail, None, to, terms, now)

    done = await bench.spool.do(do, bench.clock.now())
    bench.spool.bells.ring()
    return done


async def over(bench: Bench, *numbers: str, **outcomes: str) -> str:
    """A mail whose faxes ended, to `NUMBER` as ``first`` says; its id."""
    if "first" in outcomes:
        bench.provider.switches.outcomes[NUMBER] = [outcomes["first"], "success"]
    mail_id = await bench.mail(*numbers)
    await bench.until_over(mail_id)
    return mail_id


async def test_only_what_failed_is_sent_again(bench: Bench) -> None:
    """W6: a row of its own with its own token, which names the old; the old one stays."""
    mail_id = await over(bench, NUMBER, OTHER, first="failed")

    done = await again(bench, mail_id)
    story = await bench.until_over(mail_id)

    assert done == Repeated((3,), ())
    assert [(fax.number, ends(story)[n]) for n, fax in enumerate(story.faxes)] == [
        (NUMBER, "failed"), (OTHER, "success"), (NUMBER, "success"),
    ]  # fmt: skip
    assert story.faxes[2].again_of == story.faxes[0].id
    assert (bench.faxed(NUMBER), bench.faxed(OTHER)) == (2, 1)
    tags = [item.tags[0] for item in bench.provider.items if item.to == NUMBER]
    assert tags[0] != tags[1]
    assert [upload.size for upload in bench.provider.uploads.values()] == [len(PDF)]


async def test_all_is_sent_again_when_all_succeeded(bench: Bench) -> None:
    """W6: who writes again after two confirmed faxes wants both once more."""
    mail_id = await over(bench, NUMBER, OTHER)

    assert await again(bench, mail_id) == Repeated((3, 4), ())
    assert ends(await bench.until_over(mail_id)) == ["success"] * 4


async def test_what_is_under_way_is_not_doubled(bench: Bench) -> None:
    """W6, promise 2: neither the first time nor after an again."""
    bench.provider.switches.converting = 30.0
    mail_id = await bench.mail()
    await bench.when(mail_id, lambda story: story.faxes[0].fax_plus_id is not None)

    done = await again(bench, mail_id)

    assert (done.ordinals, "still under way" in done.why[0]) == ((), True)
    assert bench.faxed() == 1


async def test_twice_again_is_once(bench: Bench) -> None:
    """W6: the second one finds the first under way."""
    mail_id = await over(bench, first="failed")
    bench.provider.switches.converting = 30.0

    first, second = await again(bench, mail_id), await again(bench, mail_id)

    assert (first.ordinals, second.ordinals) == ((2,), ())


async def test_a_cancelled_fax_can_be_sent_again(bench: Bench) -> None:
    """W6: the wish to stop one fax is not a wish to stop the next."""
    await bench.stop()
    mail_id = await bench.mail()
    await cancel(bench, mail_id)
    bench.start()

    await again(bench, mail_id)

    assert ends(await bench.until_over(mail_id)) == ["cancelled", "success"]


async def test_to_another_number(bench: Bench) -> None:
    """W6: the same documents to a number that was not in the mail."""
    mail_id = await over(bench)

    done = await again(bench, mail_id, "022 555 01 24")
    story = await bench.until_over(mail_id)

    assert done.ordinals == (2,)
    assert (story.faxes[1].number, story.faxes[1].written) == (OTHER, "022 555 01 24")
    assert bench.faxed(OTHER) == 1


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+33 1 70 18 95 00", "France"),
        ("0225550199", "barred"),
        ("0900 123 456", "premium"),
        ("117", "emergency"),
        ("12", "not a fax number"),
    ],
)
async def test_a_number_the_rule_does_not_allow(bench: Bench, number: str, why: str) -> None:
    """W6, A8: countries and denials hold for a number of an answer too."""
    mail_id = await over(bench)

    done = await again(bench, mail_id, number)

    assert (done.ordinals, why in done.why[0]) == ((), True)
    assert len((await bench.story_of(mail_id)).faxes) == 1


async def test_what_a_rule_forbids_by_now_is_not_sent_again(bench: Bench) -> None:
    """W6: the countries of today, also for the number of the first fax."""
    mail_id = await over(bench, first="failed")
    rules = NumberRules("CH", frozenset({"DE"}))

    done = await again(
        bench, mail_id, "", Terms(lambda _rule, one: read_number(one, rules).destination, {})
    )

    assert (done.ordinals, "Switzerland" in done.why[0]) == ((), True)


async def test_quotas_count_again(bench: Bench) -> None:
    """W6, L8: whole or not at all; what is left is told."""
    mail_id = await over(bench, NUMBER, OTHER)
    terms = Terms(TERMS.read, {"r": (Quota("faxes", 3, 86400.0),)})

    first = await again(bench, mail_id, "", terms)
    await bench.until_over(mail_id)
    second = await again(bench, mail_id, "", terms)

    assert first.ordinals == (3, 4)
    assert (second.ordinals, "1 left" in second.why[0]) == ((), True)


async def test_a_frozen_sender_sends_nothing_again(bench: Bench) -> None:
    """W6, L8."""
    mail_id = await over(bench, first="failed")

    def freeze(connection: Connection) -> None:
        row = {"name": "r", "at": 0.0, "who": "root", "why": ""}
        connection.execute(schema.frozen.insert().values(row))

    await bench.spool.do(freeze)

    assert "stopped" in (await again(bench, mail_id)).why[0]


async def test_a_late_again_has_all_its_time(bench: Bench) -> None:
    """W6, R4: a day later a busy line is tried again as at the first time."""
    mail_id = await over(bench, first="failed")

    def age(connection: Connection) -> None:
        for rows, columns in ((schema.mail, ["received_at"]), (schema.job, ["created_at"])):
            values = {name: rows.c[name] - 86400 for name in columns}
            connection.execute(update(rows).values(values))

    await bench.spool.do(age)
    bench.provider.switches.outcomes[NUMBER] = ["failed_user_busy", "success"]
    await again(bench, mail_id)

    assert ends(await bench.until_over(mail_id)) == ["failed", "success"]


async def test_a_refused_mail_has_nothing_to_send(bench: Bench) -> None:
    """W6: a sentence, no fax."""
    mail_id = await bench.mail(prepare=False)
    await bench.spool.do(preparation.refused, mail_id, "why", [], bench.clock.now())

    assert "ever ready" in (await again(bench, mail_id)).why[0]


async def test_a_forgotten_mail_is_not_sent_again(bench: Bench) -> None:
    """W6, K7: its documents are gone."""
    mail_id = await over(bench)
    await bench.spool.do(settle_replies)
    reference = (await bench.story_of(mail_id)).reference
    await bench.spool.do(forgetting.expire_now, reference, bench.clock.now())

    assert "ever ready" in (await again(bench, mail_id)).why[0]


def settle_replies(connection: Connection) -> None:
    """Everybody is told."""
    connection.execute(update(schema.reply).values(state="handed over"))


async def test_again_is_whole_or_never_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """K4: a crash before the commit leaves the mail as it was."""
    mail_id = await over(bench, first="failed")
    before = await bench.spool.do(stories.of_mail, mail_id)

    def broken(*_arguments: Any, **_more: Any) -> None:
        raise Mail2FaxError("power cut")

    monkeypatch.setattr(jobs, "create", broken)
    with pytest.raises(Mail2FaxError):
        await again(bench, mail_id)

    assert await bench.spool.do(stories.of_mail, mail_id) == before
    assert kinds(before)[-1] == "outcome"
