"""S5: hooks are hints. They bring an outcome sooner, and nothing they say is believed."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.faxplus.client import FaxPlus
from mail2fax.simulator.hooks import EVENTS
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Trouble
from mail2fax.spool import tracking
from mail2fax.spool.spool import Bells, Station
from mail2fax.web import registration
from mail2fax.web.hooks import door
from mail2fax.web.registration import keep_registered, register
from mail2fax.web.server import WebServer
from tests.integration.sending_bench import SETTINGS, Bench

SECRET = "a-path-nobody-can-guess-1"
FAR = 3600.0


@dataclass
class Office:
    """A sending station with a door for hooks, and a Fax.Plus whose lists are counted."""

    bench: Bench
    door: str
    looks: list[float]

    async def call(self, path: str = f"hooks/{SECRET}", **content: object) -> int:
        """A delivery; its answer's status."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{self.door}/{path}", **content)  # type: ignore[arg-type]
            return answer.status_code

    async def ordered_and_put_off(self) -> str:
        """A mail whose fax Fax.Plus has, the next poll for it an hour away."""
        mail_id = await self.bench.mail()
        await self.bench.when(mail_id, lambda story: story.faxes[0].state == "ordered")
        now = self.bench.clock.now()
        for fax in await self.bench.spool.do(tracking.due, now + FAR):
            await self.bench.spool.do(tracking.look_again, [(fax, now + FAR)])
        return mail_id


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """Everything, the dispatcher not yet running."""
    looks: list[float] = []
    listing = FaxPlus.outbox

    async def counted(client: FaxPlus) -> object:
        looks.append(asyncio.get_running_loop().time())
        return await listing(client)

    monkeypatch.setattr(FaxPlus, "outbox", counted)
    async with Bench(tmp_path, replace(SETTINGS, first_poll=0.3)) as bench:
        bench.provider.switches.sending = 1.0
        web = WebServer(door(SECRET, bench.spool.bells), "127.0.0.1", 0)
        serving = asyncio.create_task(web.run())
        yield Office(bench, "http://{}:{}".format(*web.address), looks)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _registered(office: Office) -> None:
    await register(office.bench.client, f"{office.door}/hooks", SECRET)


async def test_a_hook_brings_the_outcome_at_once(office: Office) -> None:
    """S5: the next poll is an hour away; the hook makes the lookout look."""
    await _registered(office)
    office.bench.start()
    mail_id = await office.ordered_and_put_off()

    story = await office.bench.until_over(mail_id)

    assert story.faxes[0].state == "success"
    assert [status for _, _, status in office.bench.provider.hooks.delivered] == [204]


async def test_without_a_hook_the_poll_finds_it(office: Office) -> None:
    """S5: every hook lost; nothing is, and the control for the test above."""
    office.bench.provider.switches.hook_copies = 0
    await _registered(office)
    office.bench.start()
    mail_id = await office.ordered_and_put_off()
    await asyncio.sleep(2.5)
    assert (await office.bench.story_of(mail_id)).faxes[0].state == "ordered"
    now = office.bench.clock.now()
    for fax in await office.bench.spool.do(tracking.due, now + 2 * FAR):
        await office.bench.spool.do(tracking.look_again, [(fax, now)])
    office.bench.spool.bells.ring(Station.LOOKING)

    story = await office.bench.until_over(mail_id)

    assert story.faxes[0].state == "success"


@pytest.mark.parametrize("switches", [{"hook_copies": 3}, {"hook_late": 1.0}], ids=str)
async def test_doubled_and_late_hooks_tell_nothing_twice(
    office: Office, switches: dict[str, float]
) -> None:
    """S5, K4: one outcome, one reply."""
    for name, value in switches.items():
        setattr(office.bench.provider.switches, name, value)
    await _registered(office)
    office.bench.start()
    mail_id = await office.bench.mail()
    await office.bench.until_over(mail_id)
    async with asyncio.timeout(10):
        while not office.bench.provider.hooks.delivered:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)

    story = await office.bench.story_of(mail_id)

    assert [reply.kind for reply in story.told] == ["accepted", "outcome"]


async def test_a_forged_hook_is_not_believed(office: Office) -> None:
    """S5: its body says that the fax failed, or arrived, while it is still being sent."""
    office.bench.provider.switches.sending = 3.0
    office.bench.start()
    mail_id = await office.ordered_and_put_off()
    item = office.bench.provider.items[0]
    for status in ("success", "failed"):
        body = {"hook": {"id": item.id, "event": "fax_sent"}, "data": {"status": status}}
        assert await office.call(json=body) == 204
    await asyncio.sleep(1)

    assert (await office.bench.story_of(mail_id)).faxes[0].state == "ordered"


async def test_a_flood_costs_no_more_than_a_look_now_and_then(office: Office) -> None:
    """S5: hundreds of rings in two seconds; looks keep their distance of `first_poll`."""
    office.bench.provider.switches.sending = 60.0
    office.bench.start()
    await office.ordered_and_put_off()
    await asyncio.sleep(0.5)
    office.looks.clear()
    loop = asyncio.get_running_loop()
    until, rings = loop.time() + 2.0, 0
    async with httpx.AsyncClient(trust_env=False) as client:
        while loop.time() < until:
            rings += (await client.post(f"{office.door}/{SECRET}", content=b"x")).is_success

    assert rings > 50
    distances = [b - a for a, b in zip(office.looks, office.looks[1:], strict=False)]
    assert office.looks
    assert min(distances, default=1.0) >= 0.29


async def test_nothing_is_asked_when_nothing_waits(office: Office) -> None:
    """S5: a ring without any fax on its way is no reason to call Fax.Plus."""
    office.bench.start()
    await office.bench.until_over(await office.bench.mail())
    await asyncio.sleep(0.5)
    office.looks.clear()
    for _ in range(5):
        await office.call(content=b"{}")
        await asyncio.sleep(0.2)

    assert office.looks == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (SECRET, 204),
        (f"hooks/{SECRET}", 204),
        ("", 404),
        ("hooks/", 404),
        (f"hooks/{SECRET}x", 404),
        (f"hooks/{SECRET[:-1]}", 404),
        (f"{SECRET}/hooks", 404),
        ("hooks/%C3%A4", 404),
    ],
)
async def test_only_the_path_opens_the_door(path: str, status: int) -> None:
    """S5: the last part must be the secret, to the letter; else nothing rings."""
    bells = Bells()
    async with opened(bells) as url, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{url}/{path}", json={})
        others = [await client.request(method, f"{url}/{SECRET}") for method in ("GET", "PUT")]
        rang = await bells.wait(Station.LOOKOUT, 0.05)

    assert (answer.status_code, rang) == (status, status == 204)
    assert [other.status_code for other in others] == [404, 404]


async def test_a_body_without_end_or_measure_rings_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too large is 413; one that does not come is given up."""
    monkeypatch.setattr("mail2fax.web.hooks._SLOWEST", 0.3)
    bells = Bells()
    async with opened(bells) as url, httpx.AsyncClient(trust_env=False) as client:
        large = await client.post(f"{url}/{SECRET}", content=b"x" * 70_000)
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
        head = f"POST /{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx"
        writer.write(head.encode())
        slow = await reader.readline()
        writer.close()
        rang = await bells.wait(Station.LOOKOUT, 0.05)

    assert large.status_code == 413
    assert b" 413 " in slow
    assert not rang


class opened:  # noqa: N801 - used as the function it stands for
    """A door at a free port; its URL."""

    def __init__(self, bells: Bells) -> None:
        self._web = WebServer(door(SECRET, bells), "127.0.0.1", 0)

    async def __aenter__(self) -> str:
        self._task = asyncio.create_task(self._web.run())
        return "http://{}:{}".format(*self._web.address)

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_we_are_registered_once_and_old_paths_go() -> None:
    """S5: a new secret replaces the old one; hooks of others stay."""
    async with Simulator() as simulator:
        client = FaxPlus(simulator.base_url, "token")
        targets = simulator.provider.hooks.targets
        for target in ("https://fax.example.com/hooks/old", "https://other.example.com/x"):
            simulator.provider.hooks.register("fax_sent", target)
        for _ in range(2):
            await register(client, "https://fax.example.com/hooks", SECRET)
        await client.aclose()

        assert sorted(target for _, target in targets.values()) == [
            f"https://fax.example.com/hooks/{SECRET}",
            "https://other.example.com/x",
        ]
        assert {event for event, _ in targets.values()} == {EVENTS[0]}


async def test_a_registration_that_fails_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S5: no scope for hooks, say; the admin learns it, nothing stops, no secret is shown."""
    monkeypatch.setattr(registration, "_FIRST_WAIT", 0.1)
    caplog.set_level(logging.DEBUG)
    async with Simulator() as simulator:
        simulator.provider.switches.trouble["hooks"] = [Trouble.FORBIDDEN, Trouble.GATEWAY]
        client = FaxPlus(simulator.base_url, "token")
        keeping = asyncio.create_task(
            keep_registered(client, "https://fax.example.com/hooks", SECRET)
        )
        await until(lambda: bool(simulator.provider.hooks.targets))
        keeping.cancel()
        await client.aclose()

    assert caplog.text.count("hook-not-registered") == 2
    assert "hook-registered" in caplog.text
    assert SECRET not in caplog.text


async def until(met: Callable[[], bool]) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(15):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_daemon_has_its_door_and_is_registered(tmp_path: Path) -> None:
    """S5: from the configuration to a delivery that is answered; stopped, the port is free."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Simulator() as simulator:
        config = Config.model_validate(
            {
                "domains": ["fax.example.com"],
                "region": "CH",
                "state_dir": tmp_path / "state",
                "listen": [{"address": "127.0.0.1", "port": 0}],
                "faxplus": {
                    "token": "t", "from": "+41225550100", "base_url": simulator.base_url,
                },
                "hooks": {
                    "listen": f"127.0.0.1:{port}",
                    "url": f"http://127.0.0.1:{port}/hooks/",
                    "secret": SECRET,
                },
                "senders": [{"networks": ["127.0.0.0/8"]}],
            }
        )  # fmt: skip
        assert any("hooks.url" in warning for warning in config.warnings())
        async with Daemon(config):
            await until(lambda: bool(simulator.provider.hooks.targets))
            ((_, target),) = simulator.provider.hooks.targets.values()
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.post(target, json={})).status_code == 204
    with socket.create_server(("127.0.0.1", port)):
        pass
