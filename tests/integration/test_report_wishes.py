"""W5 at the listener: what the envelope asks to be told is in the ledger before the 250."""

from pathlib import Path

import pytest

from mail2fax.accepting.admission import Rule
from mail2fax.config import load_config
from mail2fax.daemon import listener_settings
from mail2fax.values import Recipient
from tests.integration.smtp_bench import GOOD, OTHER, TO, Desk, Talk
from tests.integration.test_lmtp import lmtp
from tests.integration.test_relays import Bench

BOTH = "+41225550123,+41225550124@fax.example.com"
CONFIG = """
domains: [fax.example.com]
region: CH
listen: [{{address: 127.0.0.1, port: 0}}]
faxplus: {{token: x, from: "+41225550100"}}
relay: {relay}
senders: {senders}
state_dir: /tmp/x
"""
PEOPLE = "[{networks: [127.0.0.0/8]}]"
DEVICES = "[{networks: [127.0.0.0/8], device: true, reply_to: office@example.org}]"


async def asked(talk: Talk, hello: str) -> str:
    """A whole transaction that asks for reports; the answer to its dot."""
    said = await talk.say(
        hello,
        "MAIL FROM:<ann@example.org> RET=FULL ENVID=order+2B7",
        f"RCPT TO:<{TO}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ann+2Bfax@example.org",
        f"RCPT TO:<{BOTH}> NOTIFY=NEVER",
        f"RCPT TO:<{OTHER}>",
        "DATA",
    )
    return await talk.data(GOOD) if said.startswith("354") else said


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
async def test_what_is_asked_is_kept_for_each_recipient(tmp_path: Path, protocol: str) -> None:
    """RFC 3461 4: by SMTP and by LMTP."""
    settings = lmtp(Bench()) if protocol == "lmtp" else {}
    async with Desk(tmp_path, **settings) as desk:
        talk = await desk.call()
        assert (await asked(talk, "LHLO me" if settings else "EHLO me")).startswith("250 ")
        (story,) = await desk.mails()

    assert story.envelope_id == "order+7"
    assert story.recipients == (
        Recipient(TO, ("+41225550123",), ("SUCCESS", "DELAY"), "rfc822;ann+fax@example.org"),
        Recipient(BOTH, ("+41225550123", "+41225550124"), ("NEVER",)),
        Recipient(OTHER, ("+41225550124",)),
    )


@pytest.mark.parametrize("reports", [True, False])
async def test_dsn_is_announced_where_it_holds(tmp_path: Path, *, reports: bool) -> None:
    """W5: and read strictly either way."""
    async with Desk(tmp_path, reports=reports) as desk:
        talk = await desk.call()

        assert (await talk.say("EHLO me")).endswith("DSN") is reports
        assert (await talk.say("MAIL FROM:<a@b.ch> RET=ALL")).startswith("501 5.5.4 RET")
        assert (await talk.say("MAIL FROM:<a@b.ch>")).startswith("250 ")
        refused = await talk.say(f"RCPT TO:<{TO}> NOTIFY=NEVER,DELAY")
        assert refused.startswith("501 5.5.4 NOTIFY")


@pytest.mark.parametrize(
    ("senders", "relay", "holds"),
    [
        (PEOPLE, "{host: 127.0.0.1}", True),
        (PEOPLE, "{host: 127.0.0.1, envelope_from: fax@example.org}", False),
        (DEVICES, "{host: 127.0.0.1}", False),
    ],
    ids=["a sender is answered", "the relay wants a mailbox", "a fixed address is answered"],
)
def test_where_dsn_holds(tmp_path: Path, senders: str, relay: str, *, holds: bool) -> None:
    """W5: where some sender is answered, over a relay that takes the null sender."""
    file = tmp_path / "mail2fax.yaml"
    file.write_text(CONFIG.format(senders=senders, relay=relay))
    config = load_config(file, {})

    settings = listener_settings(config, config.listen[0], 0)

    assert [type(rule) for rule in settings.rules] == [Rule]
    assert settings.reports is holds
