"""S1, C1: the first consent of OAuth2, from the address that is opened to the daemon's calls."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mail2fax import cli
from mail2fax.config import load_config
from mail2fax.daemon import Daemon
from mail2fax.errors import ConfigError
from mail2fax.faxplus.consent import Applicant, NotAuthorized, code_in, redeem
from mail2fax.simulator.provider import Provider
from mail2fax.simulator.server import Simulator
from mail2fax.simulator.switches import Trouble

BACK = "https://fax.example.com/back"


class Office:
    """A simulated Fax.Plus, a configuration file without any token, and who types at the verb."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.simulator = Simulator()
        self.provider: Provider = self.simulator.provider
        self.file = directory / "mail2fax.yaml"
        self._directory = directory
        self._monkeypatch = monkeypatch

    @property
    def root(self) -> str:
        """The auth server."""
        return self.simulator.base_url.removesuffix("/v3")

    def configure(self, oauth: str = "", secret: str = "secret") -> None:
        """Write the configuration; ``oauth`` are more keys of that section."""
        self.file.write_text(
            "domains: [fax.example.com]\nregion: CH\n"
            "listen: [{address: 127.0.0.1, port: 0}]\n"
            "senders: [{networks: [127.0.0.0/8]}]\n"
            f"state_dir: {self._directory}/state\n"
            f"faxplus:\n  from: '+41225550100'\n  base_url: {self.simulator.base_url}\n"
            f"  oauth: {{client_id: APIK-simulator, client_secret: {secret}, {oauth}\n"
            f"    token_url: '{self.root}/token', login_url: '{self.root}/login'}}\n"
        )

    async def agree(self, consent_url: str) -> str:
        """The owner agrees; the address that the browser goes to."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(consent_url)
        return answer.headers["location"]

    async def verb(self, pasted: str) -> int:
        """``mail2fax authorize`` with what somebody pastes; its exit code."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(f"{pasted}\n"))
        return await asyncio.to_thread(cli.main, ["authorize", "--config", str(self.file)])

    async def pasted(self) -> str:
        """What the owner's browser shows after the consent that the verb asks for."""
        applicant = Applicant("APIK-simulator", "secret", BACK, f"{self.root}/login")
        return await self.agree(applicant.consent_url)

    async def calls(self, count: int) -> None:
        """A daemon lives until it has had so many access tokens, and calls with the last."""
        async with asyncio.timeout(15), Daemon(load_config(self.file)) as daemon:
            await daemon._client.account()
        assert self.provider.tokens.issued == count


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """The verb's surroundings."""
    office = Office(tmp_path, monkeypatch)
    async with office.simulator:
        office.configure(f"redirect_uri: '{BACK}',")
        yield office


@pytest.mark.parametrize("whole", [True, False], ids=["the whole address", "the code alone"])
async def test_a_consent_leads_to_a_daemon_that_calls(
    office: Office, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1, C1: nothing is there before but client and secret; the ledger begins with it."""
    with pytest.raises(ConfigError, match=r"has not agreed yet\. Run: mail2fax authorize"):
        await office.calls(1)
    pasted = await office.pasted()
    code = await office.verb(pasted if whole else pasted.partition("code=")[2])
    said = capsys.readouterr().out
    await office.calls(2)

    assert code == 0
    assert f"{office.root}/login?response_type=code&client_id=APIK-simulator&redirect_uri=" in said
    assert f"stands in the ledger of {office.file.parent}/state" in said
    assert not any(token in said for token in office.provider.tokens.refresh_tokens)


async def test_a_new_consent_goes_before_the_written_token_in_a_running_daemon(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1: the written one is worth nothing; the daemon goes on with the new one at once."""
    office.configure(f"redirect_uri: '{BACK}', refresh_token: worthless,")
    async with Daemon(load_config(office.file)) as daemon:
        assert await office.verb(await office.pasted()) == 0
        assert office.provider.tokens.issued == 1  # by the code alone
        await daemon._client.account()
    await office.calls(3)

    assert "goes before the refresh_token in the configuration" in capsys.readouterr().out
    assert await office.verb("") == 1


async def test_the_row_of_the_command_holds_no_token(office: Office) -> None:
    """K8, promise 6: that somebody agreed is noted, the secret is not."""
    await office.verb(await office.pasted())
    (token,) = office.provider.tokens.refresh_tokens
    async with Daemon(load_config(office.file)) as daemon:
        rows = await daemon._spool.do(
            lambda connection: connection.exec_driver_sql(
                "SELECT what, arguments FROM command"
            ).all()
        )

    assert [row.what for row in rows] == ["authorize"]
    assert token not in str(rows)


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("", "no code was given"),
        (f"{BACK}?error=access_denied", "the consent was refused: access_denied"),
        (f"{BACK}?state=1", "holds no code"),
        (f"{BACK}?code=1&code=2", "holds no code"),
        ("spent", "refused the code (invalid_grant)"),
    ],
)
async def test_what_cannot_be_redeemed_is_told(
    office: Office, pasted: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1: each mistake has its sentence, and changes nothing."""
    assert await office.verb(pasted) == 1
    assert said in capsys.readouterr().err
    assert not (office.file.parent / "state" / "ledger.sqlite3").exists()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.GATEWAY, "answered 502. Begin again"),
        (Trouble.EMPTY_500, "answered 500. Begin again"),
        (Trouble.CUT_BEFORE, "could not be asked (RemoteProtocolError)"),
        (Trouble.CUT_AFTER, "could not be asked (RemoteProtocolError)"),
        (Trouble.THROTTLED, "answered 429. Begin again"),
    ],
)
async def test_a_token_endpoint_in_trouble_is_told(
    office: Office, trouble: Trouble, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1: the code may be spent, so it begins again."""
    office.provider.switches.trouble["token"] = [trouble]
    assert await office.verb(await office.pasted()) == 1
    assert said in capsys.readouterr().err


async def test_a_client_that_is_not_known_is_told(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1: the secret is wrong."""
    office.configure(f"redirect_uri: '{BACK}',", secret="other")
    assert await office.verb(await office.pasted()) == 1
    assert "does not know the client (invalid_client)" in capsys.readouterr().err


async def test_a_configuration_without_a_client_or_an_address_is_told(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """S1: what is missing, and what to write."""
    office.configure()
    assert await office.verb("x") == 2
    assert "faxplus.oauth.redirect_uri: is missing. Write" in capsys.readouterr().err
    text = office.file.read_text().partition("  oauth:")[0] + "  token: t\n"
    office.file.write_text(text)
    assert await office.verb("x") == 2
    assert "nothing to agree" in capsys.readouterr().err


async def test_an_answer_without_a_refresh_token_is_none() -> None:
    """S1: only an access token, which ends in an hour."""
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, json={"access_token": "a"}))
    applicant = Applicant("c", "s", BACK)
    with pytest.raises(NotAuthorized, match="gave no refresh token"):
        await redeem(applicant, "code", answer)
    assert "client_secret" not in repr(applicant)


def test_a_code_is_read_from_whatever_is_pasted() -> None:
    """S1: with spaces around it, and encoded as addresses are."""
    assert code_in("  abc123 \n") == "abc123"
    assert code_in(f"{BACK}?code=a%2Fb%3D&state=x") == "a/b="
