"""The pool of preparing children: started when needed, replaced after any failure, ended idle."""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mail2fax.errors import Mail2FaxError
from mail2fax.preparing.child import ChildLimits
from mail2fax.preparing.documents import Asked, DocumentLimits, Prepared
from mail2fax.values import from_json

_LONGEST_ANSWER = 4 << 20
_MAILS_PER_CHILD = 50
_IDLE_SECONDS = 60.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")


class ChildFailed(Mail2FaxError):
    """A child died, was ended or answered nothing usable; the text says which.

    Attributes:
        opening: the document it was opening, as its sender knows it; empty when it was none.
    """

    def __init__(self, why: str, opening: str = "") -> None:
        super().__init__(why)
        self.opening = opening


class _Child:
    """One running child."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._opening = ""
        self.mails = 0
        self.retire: asyncio.TimerHandle | None = None

    async def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """One mail.

        Raises:
            ChildFailed: and the child is not to be used again.
        """
        assert self._process.stdin is not None
        self.mails += 1
        self._opening = ""
        try:
            async with asyncio.timeout(deadline) as patience:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                await self._process.stdin.drain()
                return await self._answer(patience, deadline)
        except TimeoutError:
            raise ChildFailed("it took too long", self._opening) from None
        except (OSError, ValueError) as error:
            raise ChildFailed(f"it cannot be spoken to ({type(error).__name__})") from error

    async def _answer(self, patience: asyncio.Timeout, deadline: float) -> dict[str, Any]:
        """The line that answers; those before it tell how far the child is."""
        assert self._process.stdout is not None
        while True:
            line = await self._process.stdout.readline()
            if not line.endswith(b"\n"):
                raise ChildFailed(f"it ended ({await self._end()})", self._opening)
            said: dict[str, Any] = json.loads(line)
            if "isolated" in said:
                return said
            self._opening = said.get("opening", self._opening)
            patience.reschedule(asyncio.get_running_loop().time() + deadline)

    async def _end(self) -> str:
        code = await self._process.wait()
        return f"signal {-code}" if code < 0 else f"code {code}"

    async def end(self) -> None:
        """End the process; it holds nothing that must be saved."""
        if self.retire is not None:
            self.retire.cancel()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Children:
    """Prepares mails in child processes.

    Args:
        documents: what a fax may be made of.
        child: what one child may use.
        count: how many mails at once.
        deadline: seconds a child may be silent.
    """

    def __init__(
        self,
        documents: DocumentLimits | None = None,
        child: ChildLimits | None = None,
        *,
        count: int = 2,
        deadline: float = 60.0,
    ) -> None:
        self._settings = json.dumps(
            {
                "documents": asdict(documents or DocumentLimits()),
                "child": asdict(child or ChildLimits()),
            }
        )
        self._deadline = deadline
        self._slots = asyncio.Semaphore(count)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self.isolated: bool | None = None

    async def prepare(self, mail: Path, directory: Path, asked: Asked | None = None) -> Prepared:
        """Have one mail prepared.

        Args:
            mail: its file.
            directory: where its documents are written.
            asked: what is wanted of its documents.

        Raises:
            ChildFailed: the child did not come through; nothing can be said of the mail.
        """
        async with self._slots:
            child = await self._take()
            try:
                request = {"mail": str(mail), "directory": str(directory),
                           "asked": asdict(asked or Asked())}  # fmt: skip
                answer = await child.ask(request, self._deadline)
            except BaseException:
                await asyncio.shield(self._drop(child))
                raise
            await self._put_back(child)
        self.isolated = bool(answer.get("isolated"))
        if "prepared" not in answer:
            raise ChildFailed(f"it met {answer.get('failed')}")
        return from_json(Prepared, answer["prepared"])

    async def close(self) -> None:
        """End every child."""
        for child in tuple(self._all):
            await self._drop(child)

    async def _take(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            if child.retire is not None:
                child.retire.cancel()
            return child
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "mail2fax.preparing.child", self._settings,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=_LONGEST_ANSWER, start_new_session=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )  # fmt: skip
        child = _Child(process)
        self._all.add(child)
        return child

    async def _put_back(self, child: _Child) -> None:
        if child.mails >= _MAILS_PER_CHILD:
            await self._drop(child)
            return
        loop = asyncio.get_running_loop()
        child.retire = loop.call_later(_IDLE_SECONDS, self._retire, child)
        self._idle.append(child)

    def _retire(self, child: _Child) -> None:
        """A child that nobody needs gives its memory back."""
        self._idle.remove(child)
        task = asyncio.ensure_future(self._drop(child))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _drop(self, child: _Child) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        await child.end()
