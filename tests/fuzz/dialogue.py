"""A machine that talks SMTP in any order against a model: ``python -m tests.fuzz.dialogue``.

Each run is one session with a listener over a real spool: commands in any order, pipelined in
one packet or not, in the clear or under TLS, with and without a login, by a client that a rule
names or not. The model says the code of every answer and how many mails are ours in the end.
"""

import argparse
import asyncio
import base64
import logging
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mail2fax.accepting.crowd import CrowdLimits
from tests.integration.smtp_bench import GOOD, RULE, TO, Desk, Talk, stuffed
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins

T = TypeVar("T")
_RIGHT = base64.b64encode(b"\0ann\0correct horse").decode()
_WRONG = base64.b64encode(b"\0ann\0wrong").decode()
_MOST_ERRORS = 20
_AT_ONCE = 2000  # hypothesis remembers a hundred kilobytes of each run
COMMANDS = {
    "ehlo": "EHLO me", "helo": "HELO me", "nameless": "EHLO", "lhlo": "LHLO me",
    "mail": "MAIL FROM:<ann@example.org>", "bad mail": "MAIL FROM:<ann",
    "large": "MAIL FROM:<ann@example.org> SIZE=99999999", "rcpt": f"RCPT TO:<{TO}>",
    "bad rcpt": "RCPT TO:<117@fax.example.com>", "odd rcpt": "RCPT TO:<",
    "data": "DATA", "rset": "RSET", "noop": "NOOP", "vrfy": "VRFY x", "expn": "EXPN x",
    "help": "HELP", "junk": "XYZZY", "auth": f"AUTH PLAIN {_RIGHT}",
    "wrong": f"AUTH PLAIN {_WRONG}", "no mechanism": "AUTH CRAM-MD5", "quit": "QUIT",
    "bdat": "BDAT 5 LAST",
}  # fmt: skip
BODIES = {"good": GOOD, "no document": b"Subject: x\r\n\r\nhello\r\n", "bare": b"a\nb\r\n"}


class Model:
    """What a listener must say: one session."""

    def __init__(self, *, named: bool, clear_logins: bool) -> None:
        self.named, self.clear_logins = named, clear_logins
        self.over = self.tls = self.login = False
        self.errors = self.taken = 0
        self.forget()

    def forget(self) -> None:
        """As at the start, and after the handshake."""
        self.greeted = self.extended = self.begun = self.refused = False
        self.recipients = 0

    def end_transaction(self) -> None:
        """No mail is begun."""
        self.begun = self.refused = False
        self.recipients = 0

    def codes(self, name: str, body: str) -> list[int]:
        """The answers to a command, a mail's bytes behind a DATA that is taken included."""
        said = self._data(body) if name == "data" else [self._answer(name)]
        self.errors += sum(code >= 400 for code in said if (name, code) != ("bad rcpt", 550))
        if self.errors > _MOST_ERRORS and not self.over:
            self.over = True
            said.append(421)
        return said

    def _answer(self, name: str) -> int:
        fixed = {
            "nameless": 501, "lhlo": 500, "bad mail": 501, "noop": 250, "vrfy": 252, "expn": 502,
            "help": 214, "junk": 500, "quit": 221, "bdat": 502,
        }  # fmt: skip
        if name in ("quit", "bdat"):
            self.over = True
        if name in fixed:
            return fixed[name]
        if name in ("ehlo", "helo"):
            self.end_transaction()
            self.greeted, self.extended = True, name == "ehlo"
            return 250
        if name == "rset":
            self.end_transaction()
            return 250
        if name in ("mail", "large"):
            return self._mail(large=name == "large")
        return self._recipient(name) if "rcpt" in name else self._auth(name)

    def _mail(self, *, large: bool) -> int:
        if not self.greeted or self.begun:
            return 503
        self.begun = not large
        return 552 if large else 250

    def _recipient(self, name: str) -> int:
        if not self.begun:
            return 503
        if name == "odd rcpt":
            return 501
        if not (self.named or self.login):
            self.refused = True
            return 530
        self.refused = self.refused or name == "bad rcpt"
        self.recipients += name == "rcpt"
        return 550 if name == "bad rcpt" else 250

    def _auth(self, name: str) -> int:
        if not (self.tls or self.clear_logins):
            return 538
        if self.login or self.begun or not self.extended:
            return 503
        if name == "no mechanism":
            return 504
        self.login = name == "auth"
        return 235 if self.login else 535

    def _data(self, body: str) -> list[int]:
        if not self.recipients:
            return [554 if self.begun and self.refused else 503]
        self.end_transaction()
        self.taken += body == "good"
        self.over = body == "bare"
        return [354, 250 if body == "good" else 554]


class Bench:
    """One listener for all runs, and the loop it lives in."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")  # the disk is waited for nowhere else
        self._directory = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.runner = asyncio.Runner()
        self.authority = Authority(Path(self._directory.name) / "tls")
        self.context = self.authority.context()
        self.desks: dict[tuple[bool, bool], Desk] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop."""
        return self.runner.run(work)

    def desk(self, *, named: bool, clear_logins: bool) -> Desk:
        """The listener of this kind."""
        if (named, clear_logins) not in self.desks:
            self.desks[named, clear_logins] = self.do(self._opened(named, clear_logins))
        return self.desks[named, clear_logins]

    async def _opened(self, named: bool, clear_logins: bool) -> Desk:
        state = Path(self._directory.name) / f"{named}-{clear_logins}"
        settings: dict[str, Any] = {
            "tls": self.authority.files(), "logins": logins,
            "rules": (WITH_LOGIN, RULE) if named else (WITH_LOGIN,),
            "auth_without_tls": RULE.networks if clear_logins else (),
            "most_waiting": sys.maxsize,  # nothing is prepared here
        }  # fmt: skip
        desk = Desk(state, CrowdLimits(silent=100, strangers=100), **settings)
        return await desk.__aenter__()

    def close(self) -> None:
        """Stop everything."""
        for desk in self.desks.values():
            self.do(desk.__aexit__(None, None, None))
        self.runner.close()
        self._directory.cleanup()


class Dialogue(RuleBasedStateMachine):
    """One session."""

    bench: ClassVar[Bench]

    @initialize(named=st.booleans(), clear_logins=st.booleans())
    def connect(self, named: bool, clear_logins: bool) -> None:
        """A client that a rule names or not; logins in the clear or not."""
        self.model = Model(named=named, clear_logins=clear_logins)
        self.desk = self.bench.desk(named=named, clear_logins=clear_logins)
        self.before = self.bench.do(count(self.desk))
        self.talk: Talk = self.bench.do(self.desk.call())
        self.talk.patience = 20.0

    @rule(
        names=st.lists(st.sampled_from(sorted(COMMANDS)), min_size=1, max_size=6),
        body=st.sampled_from(sorted(BODIES)),
    )
    def say(self, names: list[str], body: str) -> None:
        """Some commands in one packet; every answer is the model's."""
        wire, codes = b"", list[int]()
        for name in names:
            if self.model.over:
                break
            said = self.model.codes(name, body)
            wire += COMMANDS[name].encode() + b"\r\n"
            wire += stuffed(BODIES[body]) + b".\r\n" if 354 in said else b""
            codes += said
        self.bench.do(self._exchange(wire, codes))

    @rule()
    def hand_over(self) -> None:
        """A whole mail, as clients send it, so that runs get that far."""
        self.say(["ehlo", "auth", "mail", "rcpt", "data"], "good")

    @rule(injected=st.booleans())
    def start_tls(self, injected: bool) -> None:
        """The handshake, or commands in the place of it."""
        if self.model.over:
            return
        if self.model.tls:
            self.model.errors += 1
            is_last = self.model.errors > _MOST_ERRORS
            self.model.over = is_last
            self.bench.do(self._exchange(b"STARTTLS\r\n", [503, 421] if is_last else [503]))
        elif injected:
            self.model.over = True
            self.bench.do(self._exchange(b"STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n", [501]))
        else:
            self.bench.do(self._exchange(b"STARTTLS\r\n", [220]))
            self.bench.do(self._handshake())
            self.model.forget()
            self.model.tls, self.model.login = True, False

    async def _handshake(self) -> None:
        await self.talk.writer.start_tls(self.bench.context, server_hostname="localhost")

    async def _exchange(self, wire: bytes, codes: list[int]) -> None:
        self.talk.writer.write(wire)
        said = [await self.talk.answer() for _ in codes]
        assert [int(one[:3] or 0) for one in said] == codes, (wire, said)
        if self.model.over:
            assert await self.talk.is_closed(), wire

    def teardown(self) -> None:
        """Exactly the mails that were answered 250 are ours."""
        if hasattr(self, "talk"):
            self.talk.hang_up()
            assert self.bench.do(count(self.desk)) == self.before + self.model.taken


async def count(desk: Desk) -> int:
    """How many mails are in the ledger."""
    found: int = await desk.spool.do(_count)
    return found


def _count(connection: Any) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM mail").scalar())


def run(runs: int, steps: int, *, always_the_same: bool = False) -> None:
    """Run the machine.

    Args:
        runs: sessions.
        steps: of each, at most.
        always_the_same: the same sessions every time, and no search for the shortest way to a
            difference.

    Raises:
        AssertionError: the listener and the model disagree; the way there is printed.
    """
    Dialogue.bench = Bench()
    try:
        run_state_machine_as_test(
            Dialogue,
            settings=settings(
                max_examples=runs, stateful_step_count=steps, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), print_blob=False,
                phases=[Phase.generate, *([] if always_the_same else [Phase.shrink])],
                derandomize=always_the_same,
            ),
        )  # fmt: skip
    finally:
        Dialogue.bench.close()


def main() -> int:
    """Run as many sessions as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)
    for begun in range(0, arguments.runs, _AT_ONCE):
        run(min(_AT_ONCE, arguments.runs - begun), arguments.steps)
    print(f"{arguments.runs} sessions, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
