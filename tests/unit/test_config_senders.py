"""L6-L8: a rule of the configuration becomes the rule that decides."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from mail2fax.accepting.admission import AuthorRule, Rule, Way
from mail2fax.config import Config
from mail2fax.daemon import rule_of
from mail2fax.shared_networks import provider_of
from mail2fax.values import Quota

TENANT = "11111111-2222-3333-4444-555555555555"


def rule(**conditions: Any) -> Rule:
    """The rule that these conditions make."""
    config = Config.model_validate(
        {
            "domains": ["fax.example.com"], "region": "CH", "state_dir": Path("/nowhere"),
            "listen": [{"address": "127.0.0.1", "port": 0}],
            "faxplus": {"token": "t", "from": "+41225550100"},
            "senders": [conditions],
        }
    )  # fmt: skip
    return rule_of(config, config.listen[0], config.senders[0], 0)


@pytest.mark.parametrize(
    ("conditions", "author"),
    [
        ({"dkim": {"domains": "Example.ORG", "addresses": ["Bob@partner.example"]}},
         AuthorRule(Way.DKIM, frozenset({"bob@partner.example"}), frozenset({"example.org"}))),
        ({"m365": {"tenant": TENANT.upper(), "domains": ["example.org"]}},
         AuthorRule(Way.M365, domains=frozenset({"example.org"}), source=TENANT)),
        ({"networks": ["10.0.0.5/32"], "trusted_results": "MX.example.org",
          "addresses": ["ann@example.org", "@partner.example"]},
         AuthorRule(Way.RESULTS, frozenset({"ann@example.org"}), frozenset({"partner.example"}),
                    "mx.example.org")),
        ({"addresses": "@example.org"},
         AuthorRule(Way.RELAY, domains=frozenset({"example.org"}))),
        ({"login": "ann"}, None),
    ],
)  # fmt: skip
def test_the_author_a_rule_asks_for(conditions: dict[str, Any], author: AuthorRule | None) -> None:
    """L6, L6a: whose mail, proved by what."""
    assert rule(**conditions).author == author


def test_a_microsoft_rule_needs_microsofts_certificate() -> None:
    """L6: unless another name is written, that of Microsoft's mail protection."""
    m365 = {"tenant": TENANT, "domains": ["example.org"]}

    assert rule(m365=m365).certificates == ("mail.protection.outlook.com",)
    assert rule(m365=m365, certificate="x.example").certificates == ("x.example",)


def test_quotas_are_values() -> None:
    """L8: several limits of a kind may stand together."""
    found = rule(login=["ann"], quota={"faxes": ["100/day", "10/hour"], "numbers": "20 / month"})

    assert found.quotas == (
        Quota("faxes", 100, 86400.0), Quota("faxes", 10, 3600.0), Quota("numbers", 20, 2592000.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "provider"),
    [
        ("209.85.220.41/32", "Google"), ("167.89.1.0/28", "SendGrid"), ("192.168.0.0/16", None),
        ("192.0.2.0/28", None), ("2607:f8b0:4864::/56", "Google"), ("54.240.8.1/32", "Amazon SES"),
    ],
)  # fmt: skip
def test_shared_ranges_are_known(network: str, provider: str | None) -> None:
    """L6: one address of a shared range is as open as all of it."""
    assert provider_of(ip_network(network)) == provider
