"""The configuration: what is read, what the defaults are, where variables come from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from mail2fax import config
from mail2fax.clock import Clock
from mail2fax.config import Config, load_config
from mail2fax.daemon_answering import relay_of
from mail2fax.errors import ConfigError
from mail2fax.values import Cover, Options, Retry

ROOT = Path(__file__).parents[2]
SMALL = """
domains: [Fax.Example.com., bücher.example]
region: CH
listen: [{address: 127.0.0.1, port: 2525}]
faxplus: {token: '${TOKEN}', from: +41225550100}
senders: [{networks: 127.0.0.0/8}]
state_dir: /tmp/x
"""


def loaded(tmp_path: Path, text: str = SMALL, **environment: str) -> Config:
    """A configuration from this text."""
    path = tmp_path / "mail2fax.yaml"
    path.write_text(text.replace("networks: 127.0.0.0/8", "networks: [127.0.0.0/8]"))
    return load_config(path, {"TOKEN": "secret", **environment})


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    """Defaults: as documented; numbers stay text, domains are compared as A-labels."""
    found = loaded(tmp_path)

    assert list(found.domains) == ["fax.example.com", "xn--bcher-kva.example"]
    assert list(found.faxplus.source_numbers) == ["+41225550100"]
    assert found.countries_of(found.senders[0]) == {"CH"}
    assert found.reply_address == "fax@fax.example.com"
    assert list(found.sending.retries) == [300, 900, 2400]
    assert found.limits.attachments == 100_000_000
    assert found.options_of(found.senders[0]) == Options()


def test_the_paper_is_the_regions(tmp_path: Path) -> None:
    """M12: Letter in North America and its neighbours, A4 elsewhere."""
    regions = {region: SMALL.replace("CH", region) for region in ("CH", "US", "MX", "GB")}

    assert {region: loaded(tmp_path, text).paper for region, text in regions.items()} == {
        "CH": "a4", "US": "letter", "MX": "letter", "GB": "a4",
    }  # fmt: skip


def test_the_secret_is_shown_nowhere(tmp_path: Path) -> None:
    """Promise 6: neither printed nor in a representation."""
    found = loaded(tmp_path)

    assert "secret" not in f"{found} {found!r}"
    assert found.faxplus.token is not None
    assert found.faxplus.token.get_secret_value() == "secret"


def test_the_example_loads() -> None:
    """The commented file in config/ is a working one."""
    found = load_config(ROOT / "config" / "mail2fax.yaml", {"FAXPLUS_TOKEN": "x"})

    assert [rule.name for rule in found.senders] == ["office", "copier"]
    assert found.options_of(found.senders[1]).body == "off"
    assert found.warnings() == ()


def test_a_rule_stands_over_the_site(tmp_path: Path) -> None:
    """Defaults: site options, then the rule's."""
    text = SMALL.replace(
        "senders: [{networks: 127.0.0.0/8}]",
        """
countries: [CH, LI]
options: {resolution: fine, enhance: false, tag: office, retry: 3/15, user: u1}
senders:
  - networks: [127.0.0.0/8]
    from: "+41225550101"
    countries: DE
    body: comment
    options: {resolution: superfine, tag: [lab], comment: hi, cover: {name_to: Bob, flags: urgent}}
""",
    )
    found = loaded(tmp_path, text)

    assert found.countries_of(found.senders[0]) == {"DE"}
    assert found.options_of(found.senders[0]) == Options(
        source_numbers=("+41225550101",), resolution="superfine", enhance=False,
        retry=Retry(3, 15), tags=("office", "lab"), comment="hi",
        cover=Cover(name_to="Bob", flags=("urgent",)), body="comment", user_id="u1",
    )  # fmt: skip


def test_who_faxes_are_sent_as_is_said_by_each_fax(tmp_path: Path) -> None:
    """S3: so that another ``user_id`` moves nothing that is on its way to other lists."""
    member = SMALL.replace("faxplus: {", "faxplus: {user_id: u1, ")
    plain, named = loaded(tmp_path), loaded(tmp_path, member)

    assert (plain.options_of(plain.senders[0]).user_id, plain.members) == (None, frozenset())
    assert named.options_of(named.senders[0]).user_id == "u1"
    assert named.members == {"u1"}


def test_variables_come_from_three_places(tmp_path: Path) -> None:
    """Secrets: .env, then systemd's credentials over it, then the environment over both."""
    (tmp_path / ".env").write_text("A=env-file\nB=env-file\nC=env-file\n")
    secrets = tmp_path / "credentials"
    (secrets / "directory").mkdir(parents=True)
    (secrets / "B").write_text("credential\n")
    (secrets / "C").write_text("credential")
    text = SMALL + 'prefix: "${A}-${B}-${C}-$$-$x"\n'
    found = loaded(tmp_path, text, C="environment", CREDENTIALS_DIRECTORY=str(secrets))

    assert found.prefix == "env-file-credential-environment-$-$x"


def test_warnings(tmp_path: Path) -> None:
    """Defaults: what works and should be looked at."""
    found = loaded(tmp_path, SMALL + "sending: {paused: true, settle: 500ms}\nadmin:\n")

    assert [warning.split(" ")[0] for warning in found.warnings()] == ["admin", "sending.paused"]
    assert found.sending.settle == 0.5


@pytest.mark.parametrize(
    ("pattern", "warned"),
    [("{name} ({part} of {total})", []), ("Scan {part} of {total}", ["senders[0].split_scans"])],
)
def test_a_pattern_that_cannot_tell_scans_apart_is_warned_of(
    tmp_path: Path, pattern: str, warned: list[str]
) -> None:
    """M5: two scans of one copier to one number look the same."""
    text = SMALL.replace("127.0.0.0/8", f"127.0.0.0/8, split_scans: '{pattern}'")
    found = loaded(tmp_path, text + "admin: a@example.org\n")

    assert [warning.split(" ")[0] for warning in found.warnings()] == warned


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A sentence, not a traceback."""
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path, {})


def keys(section: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every key of the configuration, dotted."""
    for name, field in section.model_fields.items():
        key = f"{before}{field.alias or name}"
        inner = list(config._sections_in(field.annotation))
        if key in ("senders.options", "options.cover", "listen.tls") or not inner:
            yield key
        else:
            yield from keys(inner[0], f"{key}.")


def test_every_key_is_documented() -> None:
    """docs/configuration.md names every key."""
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    missing = [key for key in keys(Config) if f"`{key}`" not in text]

    assert missing == []


@pytest.mark.parametrize(
    ("relay", "reached", "floor"),
    [
        ("{}", ("127.0.0.1", 25), "none"),
        ("{host: localhost}", ("localhost", 25), "none"),
        ("{host: '::1'}", ("::1", 25), "none"),
        ("{host: mail.example.com}", ("mail.example.com", 25), "required"),
        ("{host: 10.0.0.1, port: 587}", ("10.0.0.1", 587), "required"),
        ("{host: mail.example.com, tls: none}", ("mail.example.com", 25), "none"),
        ("{host: mail.example.com, protocol: smtps}", ("mail.example.com", 465), "required"),
    ],
)
def test_the_floor_of_the_relay(
    tmp_path: Path, relay: str, reached: tuple[str, int], floor: str
) -> None:
    """W7: nothing goes over a network without TLS, unless the admin says so."""
    found = loaded(tmp_path, f"{SMALL}\nrelay: {relay}").relay

    assert (found.host, found.reached_at) == reached
    assert found.floor == floor


def test_the_relays_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    """Promise 6: password, client secret and refresh token."""
    oauth = "{token_url: 'https://x.example/t', client_id: a, client_secret: X, refresh_token: X}"
    for way in ("password: X", f"oauth: {oauth}"):
        told = way.replace("X", "'${TOKEN}'")
        found = loaded(tmp_path, f"{SMALL}\nrelay: {{host: m.example, login: fax, {told}}}")
        settings = relay_of(found, Clock())

        assert "secret" not in f"{found!r} {settings!r}".replace("client_secret", "")
