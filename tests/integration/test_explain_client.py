"""M13: which client a mail would come from, and so which rule holds."""

from pathlib import Path

import pytest

from mail2fax.config import load_config
from mail2fax.explain import Client, explainer_for
from tests.unit.mails import SCAN

CONFIG = """\
domains: [fax.example.com]
region: CH
listen:
  - {address: 127.0.0.1, port: 2525}
faxplus: {token: abc, from: "+41225550100"}
relay: {host: 127.0.0.1, port: 25}
senders:
  - {networks: [127.0.0.0/8]}
  - {networks: [192.168.1.0/24], device: true, reply_to: office@example.org, countries: [DE]}
state_dir: STATE
"""


@pytest.mark.parametrize(
    ("client", "countries", "reply"),
    [
        (Client(), {"CH"}, "to the envelope's sender, --mail-from (rule senders[0])"),
        (Client("127.0.0.9", mail_from="a@x.example"), {"CH"}, "to a@x.example, the envelope's"),
        (Client("192.168.1.5"), {"DE"}, "to office@example.org, as senders[1] says: the outcome"),
    ],
)
def test_the_first_rule_that_admits_the_client_holds(
    client: Client, countries: set[str], reply: str, tmp_path: Path
) -> None:
    """M13, L6: its countries, options and reply address, not those of the first of all."""
    file = tmp_path / "mail2fax.yaml"
    file.write_text(CONFIG.replace("STATE", str(tmp_path)), "utf-8")
    explainer = explainer_for(load_config(file), "CH", client)

    assert explainer.refusal is None
    assert explainer.addresses.numbers.countries == countries
    assert explainer.reply.startswith(reply)


@pytest.mark.parametrize("client", [Client("10.0.0.1"), Client(login="ann"), Client("nonsense")])
async def test_a_stranger_is_refused_on_the_line(client: Client, tmp_path: Path) -> None:
    """M13, L6: in the words the listener says."""
    file, mail = tmp_path / "mail2fax.yaml", tmp_path / "m.eml"
    file.write_text(CONFIG.replace("STATE", str(tmp_path)), "utf-8")
    mail.write_bytes(b"Subject: x\n\nhi\n")
    explainer = explainer_for(load_config(file), "CH", client)
    try:
        told = await explainer.explain(mail, ["0225550123@fax.example.com"])
    finally:
        await explainer.children.close()

    assert told["when"] == "line"
    assert told["refused"].startswith(f"550 5.7.1 {client} may not send faxes here")
    assert explainer.reply == ""


@pytest.mark.parametrize(
    ("second", "dialled", "why"),
    [("+41225550123", 1, ""), ("+41225550123/tag=x", 1, "stands in two addresses")],
)
async def test_a_number_in_two_addresses_is_one_fax(
    second: str, dialled: int, why: str, tmp_path: Path
) -> None:
    """M13, A5, O2: as the listener takes it; with other options the second is refused."""
    mail = tmp_path / "m.eml"
    mail.write_bytes(SCAN)
    explainer = explainer_for(None, "CH")
    try:
        told = await explainer.explain(mail, ["0225550123@x.example", f"{second}@x.example"])
    finally:
        await explainer.children.close()

    assert sum(one["number"] is not None for one in told["destinations"]) == dialled
    assert why in told["destinations"][-1]["why"]
