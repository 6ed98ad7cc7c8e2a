"""The pool of preparing children: started when needed, replaced after any failure, ended idle."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mail2fax.errors import Mail2FaxError, SpoolFull
from mail2fax.json_form import from_json
from mail2fax.preparing.child import ChildLimits
from mail2fax.preparing.documents import Asked, DocumentLimits, Prepared
from mail2fax.preparing.obtaining import Line, NoChild, Obtain, spawned

_MAILS_PER_CHILD = 200
_IDLE_SECONDS = 60.0
_BEGIN_SECONDS = 60.0


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

    def __init__(self, line: Line) -> None:
        self.line = line
        self._opening = ""
        self.mails = 0
        self.retire: asyncio.TimerHandle | None = None

    async def begin(self, settings: dict[str, Any], deadline: float) -> bool:
        """Give it its limits; whether it could give up its network itself.

        Raises:
            NoChild: nobody answers at the other end.
        """
        try:
            async with asyncio.timeout(deadline):
                await self._say(settings)
                return bool(json.loads(await self.line.reader.readline())["isolated"])
        except (TimeoutError, OSError, ValueError) as error:
            raise NoChild(f"the child does not begin ({type(error).__name__})") from error

    async def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """One mail.

        Raises:
            ChildFailed: and the child is not to be used again.
        """
        self.mails += 1
        self._opening = ""
        try:
            async with asyncio.timeout(deadline) as patience:
                await self._say(request)
                return await self._answer(patience, deadline)
        except TimeoutError:
            raise ChildFailed("it took too long", self._opening) from None
        except (OSError, ValueError) as error:
            raise ChildFailed(f"it cannot be spoken to ({type(error).__name__})") from error

    async def _say(self, line: dict[str, Any]) -> None:
        self.line.writer.write(json.dumps(line).encode() + b"\n")
        await self.line.writer.drain()

    async def _answer(self, patience: asyncio.Timeout, deadline: float) -> dict[str, Any]:
        """The line that answers; those before it tell how far the child is."""
        while True:
            line = await self.line.reader.readline()
            if not line.endswith(b"\n"):
                raise ChildFailed(f"it ended ({await self.line.ending()})", self._opening)
            said: dict[str, Any] = json.loads(line)
            if "prepared" in said or "failed" in said:
                return said
            self._opening = said.get("opening", self._opening)
            patience.reschedule(asyncio.get_running_loop().time() + deadline)

    async def end(self) -> None:
        """End it."""
        if self.retire is not None:
            self.retire.cancel()
        await self.line.end()


class Children:
    """Prepares mails in child processes.

    Args:
        documents: what a fax may be made of.
        child: what one child may use.
        count: how many mails at once.
        deadline: seconds a child may be silent.
        obtain: where a child comes from.
    """

    def __init__(
        self,
        documents: DocumentLimits | None = None,
        child: ChildLimits | None = None,
        *,
        count: int = 2,
        deadline: float = 60.0,
        obtain: Obtain = spawned,
    ) -> None:
        self._settings = {
            "documents": asdict(documents or DocumentLimits()),
            "child": asdict(child or ChildLimits()),
        }
        self._obtain = obtain
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
            NoChild: there is none now, whatever the mail.
            SpoolFull: the documents find no room on disk.
        """
        async with self._slots:
            child = await self._take()
            try:
                request = {"mail": str(mail), "directory": str(directory),
                           "asked": asdict(asked or Asked())}  # fmt: skip
                answer = await child.ask(request, self._deadline)
                prepared = _believable(answer)
            except BaseException:
                await asyncio.shield(self._drop(child))
                raise
            await self._put_back(child)
        if prepared is None:
            if answer.get("full"):
                raise SpoolFull("documents find no room")
            raise ChildFailed(f"it met {answer['failed']}")
        return prepared

    async def close(self) -> None:
        """End every child."""
        for child in tuple(self._all):
            await self._drop(child)

    async def _take(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            if child.retire is not None:
                child.retire.cancel()
            if not child.line.reader.at_eof():  # nobody blames a mail for what ended before it
                return child
            await self._drop(child)
        child = _Child(await self._obtain())
        self._all.add(child)
        try:
            self.isolated = await child.begin(self._settings, _BEGIN_SECONDS)
        except BaseException:
            await asyncio.shield(self._drop(child))
            raise
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


def _believable(answer: dict[str, Any]) -> Prepared | None:
    """What a child made of a mail; None when it says that it failed.

    Raises:
        ChildFailed: it names a file that is not in the directory of its documents, and so is
            not what was started.
    """
    if "prepared" not in answer:
        return None
    prepared = from_json(Prepared, answer["prepared"])
    if any(Path(one.file).name != one.file for one in prepared.reading.documents):
        raise ChildFailed("it named a file that is not its own")
    return prepared
