"""The commands about who may send: logins.

Each is ``(spool, request, who gave it) -> result``, see `mail2fax.spool.commands`. What reaches
the ledger of a password is its hash; not even that stands in the row of the command.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from mail2fax.spool import logins
from mail2fax.spool.spool import Spool


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


COMMANDS: Mapping[str, Callable[[Spool, dict[str, Any], str], Awaitable[Any]]] = {
    "user add": _add,
    "user passwd": _passwd,
    "user remove": _remove,
    "user list": _list,
}
NOTED = frozenset({"user add", "user passwd", "user remove"})
"""Those that change something (K8)."""
BEGIN_A_LEDGER = frozenset({"user add"})
"""Those that make sense before anything was received."""
