"""S1: OAuth2 against the simulated Fax.Plus: renewed once, by one request, and never forgotten."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mail2fax.clock import Clock
from mail2fax.config import Config
from mail2fax.daemon import Daemon
from mail2fax.errors import (
    AccountFailure,
    Failure,
    Fate,
    SpoolFull,
    TemporaryFailure,
)
from mail2fax.faxplus.access import OAuth, OAuthClient
from mail2fax.faxplus.client import FaxPlus
from mail2fax.faxplus.wire import Order
from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Switches, Trouble
from mail2fax.spool import refresh_tokens
from mail2fax.spool.spool import Spool
from tests.integration.sending_bench import Bench

NUMBER = "+41225550123"
FIRST = "first-refresh-token"


@dataclass
class House:
    """The simulator, our client of it, and what the client gave us to keep."""

    simulator: Simulator
    provider: Provider
    client: FaxPlus
    kept: list[str] = field(default_factory=list)
    now: float = 1_800_000_000.0

    def forget_access(self) -> None:
        """Fax.Plus takes none of its access tokens any more."""
        self.provider.tokens.access_tokens.clear()

    async def order(self, path: Path) -> Order:
        """An order whose document is uploaded."""
        await asyncio.to_thread(path.write_bytes, b"%PDF-1.4 made up")
        upload = await self.client.upload(path, "a.pdf", "application/pdf")
        return Order(from_=("+41225550100",), to=(NUMBER,), files=(upload.path,))


def token_url(simulator: Simulator) -> str:
    """Where the simulator gives tokens."""
    return f"{simulator.base_url.removesuffix('/v3')}/token"


def client_of(house: House, secret: str = "secret") -> FaxPlus:
    """A client whose account's owner has agreed."""
    keys = OAuthClient(house.provider.tokens.client_id, secret, FIRST, token_url(house.simulator))

    async def keep(token: str) -> None:
        house.kept.append(token)

    access = OAuth(keys, keep, now=lambda: house.now)
    return FaxPlus(house.simulator.base_url, access, deadline=5)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A simulator in simulated time, which knows one refresh token, and a client with it."""
    provider = Provider(Switches(converting=10, sending=20))
    provider.tokens.refresh_tokens.add(FIRST)
    house: House
    async with Simulator(provider, token="pat", clock=lambda: house.now) as simulator:
        house = House(simulator, provider, FaxPlus(simulator.base_url, "unused"))
        await house.client.aclose()
        house.client = client_of(house)
        yield house
        await house.client.aclose()


async def test_calls_are_made_with_an_access_token_and_the_client_id(house: House) -> None:
    """S1: one token for many calls; Fax.Plus wants x-fax-clientid beside it."""
    await house.client.account()
    await house.client.numbers()

    assert house.provider.tokens.issued == 1
    (token,) = house.provider.tokens.access_tokens
    async with httpx.AsyncClient(trust_env=False) as stranger:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await stranger.get(f"{house.simulator.base_url}/accounts/self", headers=headers)
    assert answer.status_code == 401


async def test_a_token_is_renewed_before_it_ends(house: House) -> None:
    """S1: no call is made with a token that is about to end; life as told, an hour otherwise."""
    house.provider.switches.told_life = 0
    await house.client.account()
    house.now += 3600 - 61
    await house.client.account()
    assert house.provider.tokens.issued == 1

    house.now += 2
    await house.client.account()

    assert house.provider.tokens.issued == 2


async def test_a_401_is_renewed_once_and_the_call_made_again(house: House, tmp_path: Path) -> None:
    """S1: look-ups, changes, uploads and downloads; nothing the caller would notice."""
    order = await house.order(tmp_path / "a.pdf")
    ids = await house.client.send(order)
    issued = house.provider.tokens.issued

    calls: list[Callable[[], Awaitable[object]]] = [
        house.client.outbox,
        lambda: house.client.change_comment(ids[NUMBER], "new"),
        lambda: house.client.upload(tmp_path / "a.pdf", "a.pdf", "application/pdf"),
        lambda: house.client.file(ids[NUMBER]),
        lambda: house.client.cancel(ids[NUMBER]),
    ]
    for number, call in enumerate(calls, start=1):
        house.forget_access()
        await call()
        assert house.provider.tokens.issued == issued + number

    sizes = {upload.size for upload in house.provider.uploads.values()}
    assert sizes == {16}  # the second upload was read from its beginning again


async def test_many_calls_at_once_make_one_renewal(house: House) -> None:
    """S1: single flight, at the first token and at a 401 of each of twenty calls."""
    house.provider.switches.delay = 0.05
    await asyncio.gather(*(house.client.account() for _ in range(20)))
    assert house.provider.tokens.issued == 1

    house.forget_access()
    await asyncio.gather(*(house.client.account() for _ in range(20)))

    assert house.provider.tokens.issued == 2


async def test_an_account_that_takes_no_token_is_not_asked_for_ever(house: House) -> None:
    """S1: a 401 for a token that was never taken is told, not renewed again."""
    house.provider.switches.always["accounts"] = Trouble.UNAUTHORIZED

    with pytest.raises(AccountFailure, match="401"):
        await house.client.account()

    assert house.provider.tokens.issued == 1


async def test_a_second_401_after_a_renewal_is_told(house: House) -> None:
    """S1: refresh once."""
    await house.client.account()
    house.provider.switches.always["accounts"] = Trouble.UNAUTHORIZED

    with pytest.raises(AccountFailure, match="401"):
        await house.client.account()

    assert house.provider.tokens.issued == 2


async def test_an_order_is_never_posted_twice_for_a_401(house: House, tmp_path: Path) -> None:
    """S2, R2: the token is renewed, the order is not repeated; what follows is settled later."""
    order = await house.order(tmp_path / "a.pdf")
    house.forget_access()

    with pytest.raises(TemporaryFailure) as caught:
        await house.client.send(order)

    assert (caught.value.fate, caught.value.status) == (Fate.RENEWED, 401)
    assert house.provider.tokens.issued == 2
    assert house.provider.items == []
    assert NUMBER in await house.client.send(order)


async def test_a_401_without_words_of_fax_plus_stays_open(house: House, tmp_path: Path) -> None:
    """R2: who answered 401 is not known; the order's fate stays unknown."""
    order = await house.order(tmp_path / "a.pdf")
    house.provider.switches.trouble["send"] = [Trouble.WORDLESS_401]

    with pytest.raises(TemporaryFailure) as caught:
        await house.client.send(order)

    assert caught.value.fate is Fate.UNKNOWN


async def test_an_order_that_got_no_token_never_left(house: House, tmp_path: Path) -> None:
    """R2: the token endpoint failed before the POST, so it may be posted again."""
    order = await house.order(tmp_path / "a.pdf")
    house.now += 3600
    house.provider.switches.trouble["token"] = [Trouble.GATEWAY]

    with pytest.raises(TemporaryFailure) as caught:
        await house.client.send(order)

    assert caught.value.fate is Fate.NEVER_LEFT
    assert NUMBER in await house.client.send(order)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Trouble.THROTTLED, TemporaryFailure),
        (Trouble.INTERNAL, TemporaryFailure),
        (Trouble.GATEWAY, TemporaryFailure),
        (Trouble.CUT_BEFORE, TemporaryFailure),
        (Trouble.CUT_AFTER, TemporaryFailure),
        (Trouble.FORBIDDEN, AccountFailure),
        (Trouble.BAD_REQUEST, AccountFailure),
    ],
)
async def test_each_failure_of_the_token_endpoint_is_ours(
    house: House, trouble: Trouble, kind: type[Failure]
) -> None:
    """S1: what passes is temporary; what it refuses in words needs a person. Nothing left."""
    house.provider.switches.trouble["token"] = [trouble]
    house.provider.switches.retry_after = "7"

    with pytest.raises(kind) as caught:
        await house.client.account()

    assert type(caught.value) is kind
    assert caught.value.fate is Fate.NEVER_LEFT
    assert caught.value.retry_after == (7.0 if trouble is Trouble.THROTTLED else None)
    await house.client.account()


async def test_a_refresh_token_that_is_void_says_what_to_do(house: House) -> None:
    """S1: the sentence names the keys of the configuration; the neighbour's word comes last."""
    house.provider.tokens.refresh_tokens.clear()

    with pytest.raises(AccountFailure) as caught:
        await house.client.account()

    assert str(caught.value) == (
        "Fax.Plus gives no access token any more (400). Check client_id and client_secret of "
        "faxplus.oauth, or let the owner agree again with mail2fax authorize: invalid_grant"
    )


async def test_a_wrong_client_secret_is_told_the_same_way(house: House) -> None:
    """S1: 401 from the token endpoint."""
    stranger = client_of(house, "wrong")
    with pytest.raises(AccountFailure, match=r"client_secret.*invalid_client"):
        await stranger.account()
    await stranger.aclose()


async def test_a_new_refresh_token_is_kept_and_used(house: House) -> None:
    """S1: a rotated refresh token goes to who keeps it, and is what the next renewal uses."""
    house.provider.switches.rotate_refresh = True
    await house.client.account()
    house.forget_access()
    await house.client.account()

    assert len(house.kept) == 2
    assert {house.kept[-1]} == house.provider.tokens.refresh_tokens


async def test_a_caller_that_gives_up_does_not_lose_the_new_refresh_token(house: House) -> None:
    """S1: the renewal goes on to its end, or a rotated token would be lost with the answer."""
    house.provider.switches.rotate_refresh = True
    house.provider.switches.token_delay = 0.3
    impatient = asyncio.create_task(house.client.account())
    await asyncio.sleep(0.1)
    impatient.cancel()

    await house.client.aclose()

    assert set(house.kept) == house.provider.tokens.refresh_tokens


async def test_a_full_disk_only_delays_the_keeping(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """K6: the calls go on with the new token, the admin is told, and it is kept later."""
    house.provider.switches.rotate_refresh = True
    kept: list[str] = []
    is_full = True

    async def keep(token: str) -> None:
        if is_full:
            raise SpoolFull("no room")
        kept.append(token)

    keys = OAuthClient(house.provider.tokens.client_id, "secret", FIRST, token_url(house.simulator))
    client = FaxPlus(house.simulator.base_url, OAuth(keys, keep, now=lambda: house.now))
    await client.account()
    assert "refresh-token-not-kept" in caplog.text
    is_full = False
    house.provider.switches.rotate_refresh = False
    house.forget_access()

    await client.account()
    await client.aclose()

    assert set(kept) == house.provider.tokens.refresh_tokens


async def test_no_secret_is_ever_shown(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Promise 6: neither tokens nor secrets in a log, a failure or the look of an object."""
    caplog.set_level(logging.DEBUG)
    house.provider.switches.rotate_refresh = True
    await house.client.account()
    keys = OAuthClient("id", "client-secret", "refresh-secret")
    house.provider.switches.always["accounts"] = Trouble.UNAUTHORIZED
    with pytest.raises(AccountFailure) as caught:
        await house.client.account()

    tokens = house.provider.tokens
    shown = f"{caplog.text} {caught.value!r} {keys!r}"
    for secret in (*tokens.access_tokens, *tokens.refresh_tokens, FIRST, "client-secret"):
        assert secret not in shown
    assert "refresh-secret" not in shown


async def test_consent_and_code_lead_to_tokens(house: House) -> None:
    """C1: the whole grant, its fields in the query or in the body."""
    root = house.simulator.base_url.removesuffix("/v3")
    query = {
        "response_type": "code", "client_id": "APIK-simulator",
        "redirect_uri": "http://127.0.0.1:1/back", "scope": "all",
    }  # fmt: skip
    basic = base64.b64encode(b"APIK-simulator:secret").decode()
    async with httpx.AsyncClient(base_url=root, trust_env=False) as owner:
        for place in ("params", "data"):
            consent = await owner.get("/login", params=query)
            (code,) = parse_qs(urlsplit(consent.headers["location"]).query)["code"]
            fields = {
                "grant_type": "authorization_code", "client_id": "APIK-simulator",
                "code": code, "redirect_uri": query["redirect_uri"],
            }  # fmt: skip
            headers = {"Authorization": f"Basic {basic}"}
            answers = [
                await owner.post("/token", headers=headers, **{place: fields})  # type: ignore[arg-type]
                for _ in range(2)
            ]

            assert [answer.status_code for answer in answers] == [200, 400]
            assert answers[0].json()["refresh_token"] in house.provider.tokens.refresh_tokens
            assert answers[1].json() == {"error": "invalid_grant"}
        denied = await owner.get("/login", params=query | {"client_id": "APIK-other"})
        anonymous = await owner.post("/token", data={"grant_type": "refresh_token"})
    assert (denied.status_code, anonymous.status_code) == (400, 401)


async def test_the_ledger_keeps_the_newest_for_the_one_it_descends_from(tmp_path: Path) -> None:
    """S1: after a restart the newest is used; another one in the configuration goes before it."""
    spool = await Spool.open(tmp_path, Clock())
    assert await spool.do(refresh_tokens.newest, "written") is None
    await spool.do(refresh_tokens.keep, refresh_tokens.digest("written"), "second")
    await spool.do(refresh_tokens.keep, refresh_tokens.digest("written"), "third")
    await spool.close()

    spool = await Spool.open(tmp_path, Clock())
    assert await spool.do(refresh_tokens.newest, "written") == "third"
    assert await spool.do(refresh_tokens.newest, "another") is None
    await spool.close()


async def test_a_daemon_lives_on_rotated_tokens_through_restarts(
    house: House, tmp_path: Path
) -> None:
    """S1: three lives of a daemon, each with the refresh token that the one before it was given."""
    house.provider.switches.rotate_refresh = True
    config = Config.model_validate(
        {
            "domains": ["fax.example.com"],
            "region": "CH",
            "state_dir": tmp_path / "state",
            "listen": [{"address": "127.0.0.1", "port": 0}],
            "faxplus": {
                "oauth": {
                    "client_id": house.provider.tokens.client_id,
                    "client_secret": "secret",
                    "refresh_token": FIRST,
                    "token_url": token_url(house.simulator),
                },
                "from": "+41225550100",
                "base_url": house.simulator.base_url,
            },
            "senders": [{"networks": ["127.0.0.0/8"]}],
        }
    )
    for life in range(1, 4):
        async with Daemon(config):
            while house.provider.tokens.issued < life:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)
    assert FIRST not in house.provider.tokens.refresh_tokens


async def test_an_order_that_met_an_ended_token_goes_out_once(tmp_path: Path) -> None:
    """S1, R2: the token renewed, the lists looked at, the order posted again, the account open."""
    async with Bench(tmp_path) as bench:
        bench.provider.tokens.refresh_tokens.add(FIRST)
        keys = OAuthClient("APIK-simulator", "secret", FIRST, token_url(bench.simulator))
        await bench.client.aclose()
        bench.client = FaxPlus(bench.simulator.base_url, OAuth(keys), deadline=5)
        bench.provider.switches.trouble["send"] = [Trouble.UNAUTHORIZED]
        bench.start()

        story = await bench.until_over(await bench.mail())

        assert (story.faxes[0].state, bench.faxed()) == ("success", 1)
        assert bench.provider.tokens.issued == 2
        assert not bench.provider.switches.trouble["send"]


async def test_a_personal_token_is_not_renewed(house: House) -> None:
    """S1: a 401 for a personal access token needs a person at once."""
    client = FaxPlus(house.simulator.base_url, "wrong", deadline=5)
    with pytest.raises(AccountFailure, match="401"):
        await client.account()
    await client.aclose()
