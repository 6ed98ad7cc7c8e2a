"""M5, K3, K4, K5, L9: split mails are gathered, joined and faxed once, or told once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from mail2fax.clock import Clock
from mail2fax.preparing.preparer import Preparer, PreparingSettings
from mail2fax.reading.gate import Gate
from mail2fax.reading.series import SplitPattern, gathered
from mail2fax.spool import naming, schema, series, stories
from mail2fax.spool.records import MailStory, NewMail
from mail2fax.spool.spool import Spool
from mail2fax.values import Destination, Envelope, FaxNumber, Identity, Wish
from tests.integration import smtp_bench as listening
from tests.integration.smtp_bench import RULE
from tests.integration.test_preparer import Desk
from tests.unit.mails import TEXT, attached, mail, part, real_pdf, split

NUMBER, OTHER = "+41225550123", "+41225550199"
WHOLE = mail(TEXT, attached(real_pdf(3)))
THREE = split(WHOLE, 3)
FINE = (Wish("resolution", "fine", "address"),)
PATTERN = SplitPattern("{name} ({part} of {total})")


def scan(number: int, total: int = 2, name: str = "Scan", pages: int = 1) -> bytes:
    """One mail of a split scan, by its Subject."""
    top = f"From: copier@example.org\nSubject: {name} ({number} of {total})\n"
    return mail(TEXT, attached(real_pdf(pages), f"{number}.pdf"), top=top)


class SeriesDesk(Desk):
    """A preparing station and the mails that come to it."""

    def start(self, within: float = 3600.0) -> None:
        """Start the station."""
        settings = PreparingSettings(parts_within=within, has_admin=True)
        station = Preparer(self.spool, self.children, settings, self.clock)
        self._task = asyncio.create_task(station.run())

    async def come(
        self,
        data: bytes,
        who: str = "n",
        to: str = NUMBER,
        pattern: SplitPattern | None = None,
        session: str = "s",
        wishes: tuple[Wish, ...] = (),
    ) -> str:
        """A mail as accepting leaves it; its id."""
        now = self.clock.now()
        mail_id = naming.new_id(now)
        gate = Gate()
        gate.feed(data)
        found = gate.finish()
        file = self.spool.content.new_mail(mail_id)
        file.write(data)
        place = found.series or (pattern and pattern.part_of([found.headline.subject]))
        new = NewMail(
            mail_id, naming.new_reference(), now, len(data), found.header_sha256,
            found.body_sha256, found.digest, Envelope("ann@example.org", (to,)),
            Identity("r", "network", who), session, found.headline,
            (Destination(to, FaxNumber(to), "international", "CH", wishes=wishes),),
            ("ann@example.org",),
            series=place or None,
        )  # fmt: skip
        await self.spool.accept(new, file)
        return mail_id

    async def stories(self, ids: list[str], *states: str) -> list[MailStory]:
        """The stories of these mails once each is in its state."""
        return [
            await self.when(mail_id, lambda story, state=state: story.state == state)  # type: ignore[misc]
            for mail_id, state in zip(ids, states, strict=True)
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[SeriesDesk]:
    """Everything but the running station."""
    clock = Clock()
    spool = await Spool.open(tmp_path, clock)
    desk = SeriesDesk(spool, clock)
    yield desk
    await desk.stop()
    await desk.spool.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("total_in", ["all", "last"])
async def test_parts_in_any_order_become_one_fax(
    desk: SeriesDesk, order: tuple[int, ...], total_in: str
) -> None:
    """M5: read as one mail, the first part's fax; the others end as a part of it, untold."""
    parts = split(WHOLE, 3, total_in)
    desk.start()
    ids = {}
    for position in order:
        ids[position] = await desk.come(parts[position])
    first, *others = await desk.stories([ids[0], ids[1], ids[2]], "prepared", "joined", "joined")

    assert [(one.filename, one.pages) for one in first.documents] == [("a.pdf", 3)]
    assert (first.faxes[0].state, first.faxes[0].orders, first.comment) == (
        "pending", 1, "Grüße,\nAnn",
    )  # fmt: skip
    for story in others:
        assert story.why == f"It is a part of {first.reference}."
        assert (story.faxes[0].state, story.faxes[0].orders, story.told) == ("cancelled", 0, ())


async def test_parts_that_come_at_once_are_joined_once(desk: SeriesDesk) -> None:
    """K4: all of them stand there before the station starts, with two at work."""
    ids = [await desk.come(one) for one in THREE]
    desk.start()

    first, *_ = await desk.stories(ids, "prepared", "joined", "joined")

    assert first.faxes[0].orders == 1


async def test_a_missing_part_is_told_once(desk: SeriesDesk) -> None:
    """M5: after the time nothing is faxed; the parts that came are named."""
    desk.start(within=1.0)
    ids = [await desk.come(THREE[2]), await desk.come(THREE[0])]

    third, first = await desk.stories(ids, "refused", "refused")

    assert "only these came: part 1, 3 of 3" in first.why
    assert [reply.kind for reply in (*first.told, *third.told)] == ["refused"]
    assert {first.faxes[0].state, third.faxes[0].state} == {"failed"}


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (split(WHOLE, 3)[0].replace(b"\r\n\r\n", b"\r\n\r\nX", 1), "came twice"),
        (split(WHOLE, 4)[3], "do not agree how many"),
    ],
    ids=["two first parts", "two totals"],
)
async def test_parts_that_contradict_each_other_are_told_at_once(
    desk: SeriesDesk, second: bytes, why: str
) -> None:
    """M5: nothing is guessed, nothing faxed, one reply."""
    desk.start()
    ids = [await desk.come(THREE[0]), await desk.come(second)]

    found = await desk.stories(ids, "refused", "refused")

    assert why in found[0].why
    assert len([reply for story in found for reply in story.told]) == 1


async def test_a_duplicate_does_no_harm(desk: SeriesDesk) -> None:
    """M5: the same part twice while others are awaited."""
    desk.start()
    ids = [await desk.come(THREE[n]) for n in (1, 1, 0, 0, 2)]

    found = await desk.stories(ids, "joined", "joined", "prepared", "joined", "joined")

    assert sum(story.faxes[0].orders for story in found) == 1
    assert sum(len(story.told) for story in found) == 0


@pytest.mark.parametrize(("who", "to"), [("m", NUMBER), ("n", OTHER)])
async def test_parts_of_others_are_never_mixed(desk: SeriesDesk, who: str, to: str) -> None:
    """M5: the same id from another identity, or to another number, is another mail."""
    desk.start()
    ids = [await desk.come(THREE[0]), await desk.come(THREE[1], who, to), await desk.come(THREE[2])]
    await desk.stories(ids, "waiting", "waiting", "waiting")

    rest = await desk.come(THREE[1])
    found = await desk.stories([*ids, rest], "prepared", "waiting", "joined", "joined")

    assert found[0].documents[0].pages == 3


async def test_a_part_after_the_end_begins_anew_and_is_told(desk: SeriesDesk) -> None:
    """M5: late for a series that ended, it waits for others in vain."""
    desk.start(within=0.8)
    first = await desk.come(THREE[0])
    await desk.stories([first], "refused")
    late = await desk.come(THREE[1])

    (story,) = await desk.stories([late], "refused")

    assert "part 2 of 3" in story.why
    assert [reply.kind for reply in story.told] == ["refused"]


@pytest.mark.parametrize(("read", "state"), [(False, "joined"), (True, "waiting")])
async def test_a_part_sent_again_after_the_whole(desk: SeriesDesk, read: bool, state: str) -> None:
    """L9: a client that never read its 250 sends again, and that is no news; else it is."""
    desk.start()
    ids = [await desk.come(one) for one in THREE]
    await desk.stories(ids, "prepared", "joined", "joined")
    if read:
        await desk.spool.answer_read(ids[1])
    again = await desk.come(THREE[1], session="t")

    (story,) = await desk.stories([again], state)

    assert story.told == ()
    await desk.spool.do(series.end_overdue, gathered, 3600.0, desk.clock.now() + 4000)
    story = await desk.spool.do(stories.of_mail, again)
    assert ("had come whole before" in story.why) is read


@pytest.mark.parametrize("harm", ["changed", "gone"])
async def test_a_damaged_part_stops_the_whole(desk: SeriesDesk, harm: str) -> None:
    """K5: the bytes of every part are held against what was accepted; told once."""
    ids = [await desk.come(one) for one in THREE]
    path = desk.spool.content.mail(ids[1])
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"A", b"B"))
    desk.start()

    found = await desk.stories(ids, "quarantined", "joined", "joined")

    assert [reply.kind for story in found for reply in story.told] == ["refused"]


async def test_a_part_that_cannot_be_decoded_is_refused_by_mail(desk: SeriesDesk) -> None:
    """M8: damage inside the joined mail."""
    broken = split(WHOLE.replace(b"JVBERi", b"*VBERi"), 3)
    desk.start()
    ids = [await desk.come(one) for one in broken]

    first, *_ = await desk.stories(ids, "refused", "joined", "joined")

    assert "damaged" in first.why


async def test_a_restart_goes_on_gathering(desk: SeriesDesk, tmp_path: Path) -> None:
    """K3, K4: parts before and after it; no file was changed."""
    desk.start()
    ids = [await desk.come(THREE[0]), await desk.come(THREE[1])]
    await desk.stories(ids, "waiting", "waiting")
    await desk.stop()
    await desk.spool.close()
    desk.spool = await Spool.open(tmp_path, desk.clock)
    ids.append(await desk.come(THREE[2]))
    desk.start()

    first, *_ = await desk.stories(ids, "prepared", "joined", "joined")

    assert first.documents[0].pages == 3
    assert [desk.spool.content.mail(one).read_bytes() for one in ids] == THREE


async def test_a_split_scan_becomes_one_fax_in_part_order(desk: SeriesDesk) -> None:
    """M5, split_scans: by the rule's pattern; documents in the order of the parts."""
    desk.start()
    ids = [await desk.come(scan(2, pages=2), pattern=PATTERN)]
    await desk.stories(ids, "waiting")
    ids.append(await desk.come(scan(1), pattern=PATTERN))

    _, first = await desk.stories(ids, "joined", "prepared")

    assert [(one.filename, one.pages) for one in first.documents] == [("1.pdf", 1), ("2.pdf", 2)]
    assert first.faxes[0].orders == 1


async def test_two_scans_of_other_names_are_two_faxes(desk: SeriesDesk) -> None:
    """M5: what stands for the name tells them apart; without a pattern nothing is gathered."""
    desk.start()
    names = ("A", "B")
    ids = [await desk.come(scan(n, name=one), pattern=PATTERN) for n in (1, 2) for one in names]
    alone = await desk.come(scan(1))

    found = await desk.stories(
        [*ids, alone], "prepared", "prepared", "joined", "joined", "prepared"
    )

    assert [len(story.documents) for story in found] == [2, 2, 0, 0, 1]


async def test_a_split_scan_with_a_bad_part_is_refused_whole(desk: SeriesDesk) -> None:
    """M8: a subset of the documents is a wrong fax."""
    bad = mail(TEXT, attached(b"\0\1", "b.bin"), top="Subject: Scan (2 of 2)\n")
    desk.start()
    ids = [await desk.come(scan(1), pattern=PATTERN), await desk.come(bad, pattern=PATTERN)]

    first, _ = await desk.stories(ids, "refused", "joined")

    assert "“b.bin”" in first.why


@pytest.mark.parametrize(
    ("second", "states"),
    [((), ("refused", "refused")), (FINE, ("prepared", "joined"))],
    ids=["another", "the same"],
)
async def test_parts_whose_addresses_ask_for_different_things_are_told(
    desk: SeriesDesk, second: tuple[Wish, ...], states: tuple[str, str]
) -> None:
    """M5, O2: neither is faxed, and it is told once; the same wish in each is met."""
    desk.start()
    ids = [
        await desk.come(scan(number), pattern=PATTERN, wishes=wishes)
        for number, wishes in enumerate((FINE, second), start=1)
    ]
    first, _ = await desk.stories(ids, *states)

    assert ("ask for different things" in first.why) == (second != FINE)


def test_the_parts_really_need_each_other() -> None:
    """The test's own mails: none of the parts holds the document alone."""
    assert all(part("X: y", real_pdf(3)) not in one for one in THREE)


async def test_the_listener_acknowledges_each_part_by_itself(tmp_path: Path) -> None:
    """M5: 250 for each of them; which they are is in the commit; by name also of a document."""
    rule = replace(RULE, split_scans=PATTERN)
    by_file = mail(TEXT, attached(real_pdf(), "Scan 7 (2 of 3).pdf"))
    async with listening.Desk(tmp_path, rules=(rule,)) as desk:
        talk = await desk.call()
        answers = [await talk.send(one) for one in (THREE[0], scan(1, 3), by_file, WHOLE)]

        def read(connection: Connection) -> list[tuple[str, int, int]]:
            rows = schema.mail.c
            query = select(rows.series, rows.series_number, rows.series_total).order_by(rows.id)
            return [tuple(row) for row in connection.execute(query)]

        found = await desk.spool.do(read)

    assert [answer[:3] for answer in answers] == ["250"] * 4
    assert [(word and word.partition(":")[0], *rest) for word, *rest in found] == [
        ("partial", 1, 3), ("scan", 1, 3), ("scan", 2, 3), (None, None, None),
    ]  # fmt: skip
