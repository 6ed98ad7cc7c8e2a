"""Our registration for hooks at Fax.Plus, kept as the configuration says it."""

import asyncio

from mail2fax import events
from mail2fax.errors import Failure
from mail2fax.faxplus.client import FaxPlus

_EVENT = "fax_sent"
_LOOK_AGAIN = 6 * 3600.0
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0


async def keep_registered(client: FaxPlus, url: str, secret: str) -> None:
    """See to it, now and every few hours, that Fax.Plus tells us when a fax has ended.

    Polling finds the same, so a failure is told and tried again, and stops nothing.
    """
    wait = _FIRST_WAIT
    while True:
        try:
            await register(client, url, secret)
            wait = _FIRST_WAIT
            await asyncio.sleep(_LOOK_AGAIN)
        except Failure as failure:
            events.hook_not_registered(str(failure), wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


async def register(client: FaxPlus, url: str, secret: str) -> None:
    """Be registered once, under this path; what was registered below the same URL before goes.

    Raises:
        Failure: it could not be done, or not wholly.
    """
    target = f"{url}/{secret}"
    known = await client.hooks(_EVENT)
    kept = next((hook.id for hook in known if hook.target == target), None)
    if kept is None:
        kept = await client.create_hook(_EVENT, target)
        events.hook_registered()
    for hook in known:
        if hook.id != kept and hook.target.startswith(f"{url}/"):
            await client.delete_hook(hook.id)
