"""M13: which client a mail would come from, and so which rule holds."""

from pathlib import Path

import pytest

from mail2fax.config import load_config
from mail2fax.explain import Client, explainer_for
from tests.unit.mails import TEXT, attached, mail, real_pdf, split

SCAN = mail(TEXT, attached(real_pdf()))
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
    file, letter = tmp_path / "mail2fax.yaml", tmp_path / "m.eml"
    file.write_text(CONFIG.replace("STATE", str(tmp_path)), "utf-8")
    letter.write_bytes(b"Subject: x\n\nhi\n")
    explainer = explainer_for(load_config(file), "CH", client)
    try:
        told = await explainer.explain(letter, ["0225550123@fax.example.com"])
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
    letter = tmp_path / "m.eml"
    letter.write_bytes(SCAN)
    explainer = explainer_for(None, "CH")
    try:
        told = await explainer.explain(letter, ["0225550123@x.example", f"{second}@x.example"])
    finally:
        await explainer.children.close()

    assert sum(one["number"] is not None for one in told["destinations"]) == dialled
    assert why in told["destinations"][-1]["why"]


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (split(SCAN, 2)[0], "It would wait for its other parts: it is part 1 of 2."),
        (split(SCAN, 2, "last")[0], "It would wait for its other parts: it is part 1."),
        (SCAN.replace(b"Hello", b"Scan (2 of 3)"), "It would wait for its other parts: it is part"),
        (SCAN.replace(b"Hello", b"Scan (1 of 1)"), None),
        (SCAN, None),
    ],
)
async def test_a_mail_that_is_one_of_several_would_wait(
    data: bytes, refused: str | None, tmp_path: Path
) -> None:
    """M5, M13: as the daemon gathers them, a split scan by the pattern of its rule."""
    file, letter = tmp_path / "mail2fax.yaml", tmp_path / "m.eml"
    pattern = "split_scans: '{name} ({part} of {total})'"
    rule = f"senders:\n  - {{name: s, networks: [10.0.0.0/8], {pattern}}}\n"
    config = CONFIG.replace("STATE", str(tmp_path)).replace("senders:\n", rule)
    file.write_text(config, "utf-8")
    letter.write_bytes(data)
    explainer = explainer_for(load_config(file), "CH", Client("10.0.0.1"))
    try:
        told = await explainer.explain(letter, ["0225550123@fax.example.com"])
    finally:
        await explainer.children.close()

    assert (told["refused"] or "").startswith(refused or "")
    assert bool(told["refused"]) == bool(refused)
