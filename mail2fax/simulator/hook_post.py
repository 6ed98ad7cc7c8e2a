"""Hooks on their way: what is due is POSTed to whoever registered for it."""

import asyncio
from collections.abc import Callable

import httpx

from mail2fax.simulator import shapes
from mail2fax.simulator.hooks import Happened
from mail2fax.simulator.provider import Provider

_LOOK_EVERY = 0.05
_LOOK_RARELY = 0.5
_PATIENCE = 5.0


async def deliver(provider: Provider, clock: Callable[[], float]) -> None:
    """Deliver until cancelled.

    ASSUMPTION: once each and in order, and whatever the target answers is the end of it.
    """
    async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
        while True:
            provider.news(clock())
            for target, what in provider.hooks.due(provider.switches, clock()):
                await _post(client, provider, target, what, clock())
            await asyncio.sleep(_LOOK_EVERY if provider.hooks.targets else _LOOK_RARELY)


async def _post(
    client: httpx.AsyncClient, provider: Provider, target: str, what: Happened, now: float
) -> None:
    body = shapes.callback(provider, target, what, now)
    try:
        status = (await client.post(target, json=body)).status_code
    except httpx.HTTPError:
        status = 0
    provider.hooks.delivered.append((target, what.record, status))
