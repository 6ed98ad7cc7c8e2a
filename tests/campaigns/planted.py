"""Bugs that are planted to see that they are caught: ``python -m tests.campaigns.planted``.

Each is put into the running code in one place, an office in simulated time suffers what makes
it matter, and the judgement must name it. Without the bug the same office must be clean, else
it would prove nothing. What only a real power cut or SIGKILL shows is planted in ``tests/crash``.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from sqlalchemy import delete

from mail2fax.errors import Fate, TemporaryFailure
from mail2fax.faxplus import border, client, wire
from mail2fax.sending import dispatcher, lookout, ordering, outcomes, settling, steps
from mail2fax.spool import finding, jobs, naming, schema, tracking
from mail2fax.spool.spool import Spool
from tests.campaigns.api_faults import Office, Placement
from tests.simtime.faults import Fault, Kind, Listing
from tests.simtime.oracle import Verdict, judge
from tests.simtime.world import Crash, World

_JSON = {"content-type": "application/json"}
_LOST = Fault(Kind.CUT_ANSWER, "send", at=0)
_WRONG_ID = Fault(Kind.INSTEAD, "send", status=201, headers=_JSON,
                  body=b'{"ids": {"+41999999999": "EARLIER"}}')  # fmt: skip
_FULL = Fault(Kind.LISTING, "sent", listing=Listing.FULL, times=40)
_LATE = Fault(Kind.STALL_ANSWER, "send", late=450.0)
Plant = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug.

    Attributes:
        rule: what it breaks.
        plant: puts it in, while the block lasts.
        office: what it has to suffer; the judgement of a whole life with it.
        seen: how the judgement's sentence begins.
    """

    name: str
    rule: str
    plant: Plant
    office: Callable[[], Verdict]
    seen: str


# The offices


def _suffering(*placements: Placement, lag: float = 0.0) -> Callable[[], Verdict]:
    def office() -> Verdict:
        result = Office("planted", "reconcile", placements, lag).run()
        return Verdict(result.counts, result.problems)

    return office


def _restored() -> Verdict:
    """A copy of the state directory from before an order is put back after it."""
    with World("planted") as world:
        world.forget_an_order(lambda: world.send("+41442000010"))
        world.let_pass(6 * 3600.0)
        world.stop()
        return judge(world)


def _killed_at_250() -> Verdict:
    """SIGKILL at the commit that a 250 stands for."""
    with World("planted") as world:
        world.start()
        world.let_pass(60.0)
        wanted = world.want("+41442000010")
        world.crash_at = Crash("before", command="_record_mails")
        world.loop.create_task(world.deliver(wanted))
        world.let_pass(100.0)
        world.start()
        world.let_pass(6 * 3600.0)
        world.stop()
        return judge(world)


# The bugs


def _blind_retry() -> Any:
    def never_left(error: Exception) -> Any:
        return TemporaryFailure(type(error).__name__, fate=Fate.NEVER_LEFT)

    return mock.patch.object(border, "from_exception", never_left)


def _token_made_late() -> Any:
    real = ordering.order_for

    def order_for(job: Any, settings: Any, now: float, earlier_user: Any) -> Any:
        order = real(job, settings, now, earlier_user)
        late = naming.token_of(naming.new_id(now))
        text = (order.comment_text or "").replace(job.token, late)
        return wire.Order(**{**_fields(order), "comment_text": text, "comment_tags": (late,)})

    return mock.patch.object(steps, "order_for", order_for)


def _fields(order: Any) -> dict[str, Any]:
    return {name: getattr(order, name) for name in type(order).__dataclass_fields__}


def _one_listing() -> Any:
    return mock.patch.object(settling, "_is_settled", return_value=True)


@contextlib.contextmanager
def _incomplete_believed() -> Iterator[None]:
    real = client.FaxPlus.sent_since

    async def sent_since(self: Any, after: Any) -> Any:
        found, _ = await real(self, after)
        return found, True

    with mock.patch.object(client.FaxPlus, "sent_since", sent_since):
        yield


@contextlib.contextmanager
def _no_look_at_start() -> Iterator[None]:
    real = lookout.Lookout.__init__

    def clear(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self._cleared.add(None)
        self._to_clear.clear()

    async def trusting(_self: Any) -> None:
        """Nothing is in doubt."""

    with (
        mock.patch.object(lookout.Lookout, "__init__", clear),
        mock.patch.object(dispatcher.Dispatcher, "_vouch", trusting),
        mock.patch.object(dispatcher.Dispatcher, "_is_doubtful", return_value=False),
    ):
        yield


def _outcome_alone() -> Any:
    return mock.patch.object(tracking, "owe")


@contextlib.contextmanager
def _told_before_commit() -> Iterator[None]:
    """The outcome's reply is a commit of its own, made before the outcome is on disk."""
    real = lookout.Lookout._record

    async def record(self: Any, fax: Any, conclusion: Any) -> None:
        if isinstance(conclusion, outcomes.Ended):
            now = self._clock.now()
            await self._spool.do(_owe_outcome, fax.mail_id, fax.id, now)
        await real(self, fax, conclusion)

    with (
        mock.patch.object(lookout.Lookout, "_record", record),
        mock.patch.object(tracking, "owe"),
    ):
        yield


def _owe_outcome(connection: Any, mail_id: str, fax_id: str, now: float) -> None:
    from mail2fax.spool import replies  # noqa: PLC0415 - what tracking would have called

    replies.owe(connection, mail_id, replies.OUTCOME, now, fax_id=fax_id)


def _removed_before_reply() -> Any:
    """What is owed goes with the rest of a fax that has ended."""
    real = tracking.ended

    def ended(connection: Any, fax_id: str, *what: Any) -> None:
        real(connection, fax_id, *what)
        connection.execute(delete(schema.reply).where(schema.reply.c.fax_id == fax_id))

    return mock.patch.object(tracking, "ended", ended)


@contextlib.contextmanager
def _250_before_commit() -> Iterator[None]:
    real = Spool.accept

    async def late(self: Any, mail: Any, file: Any) -> None:
        await asyncio.sleep(5.0)
        await real(self, mail, file)

    async def early(self: Any, mail: Any, file: Any) -> str:
        self.kept = asyncio.ensure_future(late(self, mail, file))
        file._settled = True
        return str(mail.reference)

    with mock.patch.object(Spool, "accept", early):
        yield


@contextlib.contextmanager
def _any_id() -> Iterator[None]:
    """An answer that names another destination, and another fax's ID, is taken for ours."""
    real = client.FaxPlus.send

    async def send(self: Any, order: Any) -> dict[str, str]:
        ids = await real(self, order)
        return {number: next(iter(ids.values())) for number in order.to} if ids else ids

    with (
        mock.patch.object(client.FaxPlus, "send", send),
        mock.patch.object(finding, "is_known_elsewhere", lambda *_: False),  # noqa: PT008
        mock.patch("mail2fax.sending.lookout.may_be", return_value=True),
    ):
        yield


def _blind_after_restart() -> Any:
    """What a SIGKILL left as an intent is posted again."""

    async def trusting(self: Any) -> None:
        for job in await self._spool.do(finding.in_state, "intent"):
            await self._spool.do(jobs.never_left, job.id, 0, 0.0, self._clock.now(), "planted")

    return mock.patch.object(dispatcher.Dispatcher, "_vouch", trusting)


def _throttled_at_once() -> Any:
    """A 429 is believed after a list that was read at once."""

    def look_at(job: Any, settings: Any) -> float:
        return real(job, settings) if job.doubt == "unknown" else job.doubt_since or 0.0

    real = settling.look_at
    return mock.patch.object(settling, "look_at", look_at)


_AFTER_429 = Fault(Kind.AFTER, "send", status=429, headers={**_JSON, "retry-after": "1"},
                   body=b'{"error": "too many"}')  # fmt: skip
_IN_THE_ORDER = Placement("SIGKILL", [Fault(Kind.STALL_ANSWER, "send")], Crash("order"), 1.0)
_AT_OUTCOME = Placement("SIGKILL", crash=Crash("before", command="ended"), down=1.0)

BUGS: Sequence[Bug] = (
    Bug("blind retry after a lost answer", "S2, R2", _blind_retry,
        _suffering(Placement("cut", [_LOST])), "TWICE"),
    Bug("an intent is posted again after a restart", "S3", _blind_after_restart,
        _suffering(_IN_THE_ORDER, lag=200.0), "TWICE"),
    Bug("removal before the reply", "K4", _removed_before_reply,
        _suffering(Placement("none")), "UNTOLD"),
    Bug("reply before the commit", "K4", _told_before_commit,
        _suffering(_AT_OUTCOME), "UNTOLD"),
    Bug("250 before the commit", "K1", _250_before_commit, _killed_at_250, "LOST"),
    Bug("token made after the 250", "R3", _token_made_late,
        _suffering(Placement("cut", [_LOST])), "+41"),
    Bug("settled after one listing", "S3", _one_listing,
        _suffering(Placement("late", [_LATE])), "TWICE"),
    Bug("no look at the lists at start", "S4", _no_look_at_start, _restored, "TWICE"),
    Bug("an incomplete listing is believed", "S3", _incomplete_believed,
        _suffering(Placement("full", [_FULL, _LOST]), lag=200.0), "TWICE"),
    Bug("an outcome without its reply", "K4", _outcome_alone,
        _suffering(Placement("none")), "UNTOLD"),
    Bug("an ID for another destination is taken", "S3", _any_id,
        _suffering(Placement("lie", [_WRONG_ID])), "LOST"),
    Bug("a 429 is believed after a list read at once", "R2", _throttled_at_once,
        _suffering(Placement("429", [_AFTER_429]), lag=200.0), "TWICE"),
)  # fmt: skip


def caught(bug: Bug) -> tuple[list[str], list[str]]:
    """What is judged of its office with the bug, and without it."""
    with bug.plant():
        with_bug = bug.office().problems
    return [one for one in with_bug if one.startswith(bug.seen)], bug.office().problems


def main() -> int:
    """Plant each; 1 when one is not caught, or an office without it is not clean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.parse_args()
    missed = 0
    print("| planted | rule | caught as |\n|---|---|---|")
    for bug in BUGS:
        seen, without = caught(bug)
        missed += not seen or bool(without)
        told = seen[0].split(":")[0] if seen else "NOT CAUGHT"
        print(f"| {bug.name} | {bug.rule} | {told}{' (NOT CLEAN WITHOUT)' if without else ''} |")
        for one in without:
            print(f"    without: {one}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
