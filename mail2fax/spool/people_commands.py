"""The commands about who may send: logins, and who is frozen.

Each is ``(spool, request, who gave it) -> result``, see `mail2fax.spool.commands`. What reaches
the ledger of a password is its hash; not even that stands in the row of the command.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from mail2fax.spool import freezing, logins
from mail2fax.spool.spool import Spool, Station


async def _add(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``user add``: register a login."""
    reply_to, rule = str(request.get("reply_to", "")), str(request.get("rule", ""))
    name, password_hash = str(request["name"]), str(request["hash"])
    await spool.do(logins.add, name, password_hash, reply_to, rule, spool.now())


async def _passwd(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``user passwd``: another password."""
    name, password_hash = str(request["name"]), str(request["hash"])
    await spool.do(logins.change_password, name, password_hash, spool.now())


async def _remove(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``user remove``: forget a login."""
    await spool.do(logins.remove, str(request["name"]))


async def _list(spool: Spool, _request: dict[str, Any], _who: str) -> Any:
    """``user list``: every login, without its hash."""
    return [asdict(line) for line in await spool.do(logins.registered)]


async def _freeze(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``freeze``: nothing more from whoever bears a name; ``rules`` are the names of the rules."""
    name, why = str(request["name"]), str(request.get("why", ""))
    known = [str(rule) for rule in request.get("rules", [])]
    held = await spool.do(freezing.freeze, name, known, who, why, spool.now())
    await spool.learn_frozen()
    spool.bells.ring(Station.ANSWERING)
    return {"held": held}


async def _unfreeze(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``unfreeze``: what was held for a name goes on."""
    released = await spool.do(freezing.unfreeze, str(request["name"]), spool.now())
    await spool.learn_frozen()
    spool.bells.ring(Station.SENDING)
    return {"released": released}


COMMANDS: Mapping[str, Callable[[Spool, dict[str, Any], str], Awaitable[Any]]] = {
    "user add": _add,
    "user passwd": _passwd,
    "user remove": _remove,
    "user list": _list,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}
NOTED = frozenset({"user add", "user passwd", "user remove", "freeze", "unfreeze"})
"""Those that change something (K8)."""
BEGIN_A_LEDGER = frozenset({"user add", "freeze"})
"""Those that make sense before anything was received."""
