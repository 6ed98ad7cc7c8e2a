"""The commands about what is kept: the lines for auditors, pictures for a backup, persons.

Each is ``(spool, request, who gave it) -> result``, see `mail2fax.spool.commands`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from mail2fax.json_form import as_json
from mail2fax.spool import audit, forgetting, refresh_tokens, snapshot, subjects
from mail2fax.spool.spool import Spool
from mail2fax.spool.subjects import Subject

_MOST_LINES = 1000


async def _lines(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``report``: some audit lines behind number ``after``, in order; empty at the end."""
    after = int(request.get("after", 0))
    period = float(request.get("since", 0.0)), float(request.get("until", 1e15))
    return as_json(await spool.do(audit.lines, after, _MOST_LINES, *period))


async def _anchors(spool: Spool, _request: dict[str, Any], _who: str) -> Any:
    """``audit verify``: what the chain follows, and what was noted beside the ledger."""
    base = await spool.do(audit.base)
    noted = spool.sign.noted if spool.sign else ()
    return {"base": str(base), "noted": [str(one) for one in noted]}


async def _take(spool: Spool, _request: dict[str, Any], _who: str) -> Any:
    """``backup``: a picture of everything below ``state_dir``, to be carried elsewhere."""
    return asdict(await snapshot.take(spool))


async def _let_go(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``backup``, when it is done: the picture is not needed any more."""
    await asyncio.to_thread(snapshot.let_go, spool.state_dir, str(request.get("name", "")))


async def _restored(spool: Spool, _request: dict[str, Any], _who: str) -> Any:
    """``restore`` was given; that it could be opened shows that the ledger is sound."""
    return spool.suspect


async def keep_consent(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``authorize``: a new consent's refresh token, and which written one it goes before."""
    await spool.do(refresh_tokens.keep, str(request["of"]), str(request["refresh_token"]))


async def _export(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``export``: everything the ledger holds of a person."""
    subject = Subject.of(str(request.get("subject", "")))
    return await spool.do(subjects.held, subject, who, spool.now())


async def _erase(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``erase``: a person goes from everything that is over."""
    subject = Subject.of(str(request.get("subject", "")))
    erased = await spool.do(subjects.erase, subject, who, spool.now())
    if erased.mails:
        await forgetting.destroy(spool, erased.mails)
    await spool.scrub()
    return asdict(erased)


COMMANDS: Mapping[str, Callable[[Spool, dict[str, Any], str], Awaitable[Any]]] = {
    "report": _lines,
    "audit anchors": _anchors,
    "backup": _take,
    "backup done": _let_go,
    "restored": _restored,
    "authorize": keep_consent,
    "export": _export,
    "erase": _erase,
}
NOTED = frozenset({"authorize", "backup", "restored"})
"""Those that show what a mail was, or change something (K8)."""
BEGIN_A_LEDGER = frozenset({"authorize"})
"""Those that make sense before anything was received."""
