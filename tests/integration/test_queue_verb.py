"""K8, D1: ``mail2fax queue`` as an administrator types it, where no daemon runs."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mail2fax.cli import main
from mail2fax.clock import Clock
from mail2fax.sending.settling import Doubt
from mail2fax.spool import finding, jobs
from mail2fax.spool.lifecycle import JobEvent
from mail2fax.spool.spool import Spool
from tests.integration.test_again import settle_replies
from tests.integration.test_spool import Desk

Act = Callable[[Desk, str], Coroutine[Any, Any, None]]


class Machine:
    """A state directory with one prepared mail, and somebody who types."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = directory / "mail2fax.yaml"
        self.state = directory / "state"
        self._capsys = capsys
        self.config.write_text(
            f"domains: [fax.example.com]\nregion: CH\nstate_dir: {self.state}\n"
            "listen: [{address: 127.0.0.1, port: 2525}]\n"
            "faxplus: {token: t, from: '+41225550100'}\n"
            "senders: [{networks: [127.0.0.0/8]}]\n",
            encoding="utf-8",
        )
        self.reference = asyncio.run(self._with_desk(None))

    async def _with_desk(self, act: Act | None) -> str:
        spool = await Spool.open(self.state, Clock())
        desk = Desk(spool, Clock())
        try:
            if act is None:
                self.mail_id = await desk.prepared()
            else:
                await act(desk, self.mail_id)
            return (await desk.story(self.mail_id)).reference
        finally:
            await spool.close()

    def meanwhile(self, act: Act) -> None:
        """Something happens to the mail."""
        asyncio.run(self._with_desk(act))

    def types(self, action: str, *more: str) -> tuple[int, str]:
        """The exit code, and what is printed, the reference as REF."""
        code = main(["queue", action, *more, "--config", str(self.config)])
        said = self._capsys.readouterr()
        return code, (said.out + said.err).replace(self.reference, "REF").strip()


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    """A machine."""
    return Machine(tmp_path, capsys)


async def loses_its_answer(desk: Desk, _mail_id: str) -> None:
    """The order of the mail is in doubt, and nobody but a person can decide."""
    now, do = desk.clock.now(), desk.spool.do
    (job,) = await do(finding.due, now + 1, 1)
    await do(jobs.happened, job.id, JobEvent.UPLOADED, now)
    await do(jobs.intended, job.id, now)
    await do(jobs.answer_lost, job.id, Doubt.UNKNOWN, now, now, "cut")
    await do(jobs.held, job.id, now, "no trace")


async def is_told(desk: Desk, _mail_id: str) -> None:
    """Every reply went out."""
    await desk.spool.do(settle_replies)


def test_a_fax_is_held_listed_released_and_cancelled(machine: Machine) -> None:
    """K8: each says what it did, with 0; the second time with 1 and what to do."""
    ref = machine.reference
    assert machine.types("hold", ref) == (0, "on hold: REF/1. Release or cancel it")
    assert " held " in machine.types("list")[1]
    assert machine.types("release", f"{ref.lower()}/1") == (0, "REF/1 goes on and is faxed")
    assert machine.types("release", ref) == (1, "mail2fax: REF is not on hold: it is prepared")
    code, told = machine.types("cancel", ref)
    assert (code, told) == (0, "REF/1: cancelled, nothing was handed over")
    assert machine.types("cancel", ref)[0] == 1


def test_a_cancelled_fax_is_sent_again_and_to_another_number(machine: Machine) -> None:
    """K8: a number as the office writes it; one that is none is refused before anything is done."""
    ref = machine.reference
    machine.types("cancel", ref)

    assert machine.types("resend", ref) == (0, "faxed again as REF/2")
    code, told = machine.types("resend", ref, "--to", "12")
    assert (code, "12: not a fax number" in told) == (1, True)
    assert machine.types("resend", ref, "--to", "022 555 01 24") == (0, "faxed again as REF/3")
    shown = machine.types("show", ref)[1]
    assert "/2 +41225550123: pending (again, after /1)" in shown
    assert "/3 +41225550124: pending" in shown


def test_what_may_be_there_wants_a_word(machine: Machine) -> None:
    """K8, promise 2: to cancel it promises nothing; to release it takes --not-arrived."""
    ref = machine.reference
    machine.meanwhile(loses_its_answer)

    code, told = machine.types("cancel", ref)
    assert (code, told.startswith("REF/1: may be at Fax.Plus already")) == (0, True)
    assert machine.types("release", ref)[0] == 1
    assert machine.types("drop", ref) == (0, "REF is not faxed; its sender is told")


def test_what_is_over_is_purged(machine: Machine) -> None:
    """K7, K8: not before."""
    ref = machine.reference
    assert machine.types("purge", ref)[0] == 1
    machine.types("cancel", ref)
    machine.meanwhile(is_told)

    assert machine.types("purge", ref) == (0, "the content of REF is destroyed")
    assert list((machine.state / "mails").iterdir()) == []


@pytest.mark.parametrize("action", ["hold", "release", "drop", "cancel", "resend", "purge"])
def test_json_and_errors(machine: Machine, action: str) -> None:
    """K8: one JSON object; an unknown reference is 1, no reference 2."""
    if action in ("release", "drop"):
        machine.types("hold", machine.reference)
    if action in ("resend", "purge"):
        machine.types("cancel", machine.reference)
        machine.meanwhile(is_told)

    code, told = machine.types(action, machine.reference, "--json")

    assert (code, isinstance(json.loads(told), dict)) == (0, True)
    unknown = machine.types(action, "M2F-00000")
    assert (unknown[0], "there is no mail M2F-00000" in unknown[1]) == (1, True)
    with pytest.raises(SystemExit, match="2"):
        machine.types(action)
