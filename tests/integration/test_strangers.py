"""L6: a stranger's mail through a real Postfix in front orders nothing, whatever it claims."""

from dataclasses import replace
from pathlib import Path

import pytest

from mail2fax.accepting.admission import AuthorRule, Way
from mail2fax.accepting.judging import AuthorJudge
from mail2fax.accepting.settings import RelaySettings
from mail2fax.accepting.signatures import Signatures
from tests.fronts import NO_POSTFIX, home, postfix, relaying
from tests.integration.smtp_bench import RULE, TO, Desk
from tests.unit.mails import TEXT, attached, mail, real_pdf

pytestmark = pytest.mark.skipif(NO_POSTFIX, reason="postfix is not installed, or needs root")
__all__ = ["home"]

ANN, OURS = "ann@example.org", "mx.example.org"
OURS_IS_OURS = """\
/^Authentication-Results:\\s*mx\\.example\\.org\\b/ IGNORE
/^X-Verified-Here: (.*)$/ REPLACE Authentication-Results: mx.example.org; $1
"""
"""What security.md tells an admin to write, and a stand-in for the server's own verifier."""
PASS = "dmarc=pass header.from=example.org"
RULES = (
    replace(
        RULE, name="results",
        author=AuthorRule(Way.RESULTS, domains=frozenset({"example.org"}), source=OURS),
    ),
    replace(RULE, name="dkim", author=AuthorRule(Way.DKIM, domains=frozenset({"example.org"}))),
)  # fmt: skip
TOP = f"From: Ann <{ANN}>\nTo: <{TO}>\nSubject: Hello\nMessage-ID: <1@example.org>\n"
FORGED = {
    "from": TOP,
    "one": f"Authentication-Results: {OURS}; {PASS}\n" + TOP,
    "two": f"Authentication-Results: {OURS}; {PASS}\n" * 2 + TOP,
    "two servers": f"Authentication-Results: {OURS}; {PASS}\n"
    f"Authentication-Results: evil.example; {PASS}\n" + TOP,
    "folded": f"Authentication-Results:\n {OURS};\n {PASS}\n" + TOP,
    "comment": f"Authentication-Results: evil.example ({OURS}; {PASS}); {PASS}\n" + TOP,
    "upper case": f"AUTHENTICATION-RESULTS: {OURS.upper()}; {PASS}\n" + TOP,
    "two From": f"From: eve@evil.example\nAuthentication-Results: {OURS}; {PASS}\n" + TOP,
    "no dkim key": "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=none;\n"
    " h=from:to:subject:message-id; bh=eA==; b=eA==\n" + TOP,
}


def no_zone(_name: str) -> bytes | None:
    """Nobody has a key."""
    return None


async def test_a_stranger_orders_nothing(tmp_path: Path, home: Path) -> None:
    """L6, promise 5: forged From, MAIL FROM, one and two Authentication-Results; then a control."""
    async with Desk(tmp_path / "s", rules=RULES) as desk:
        judge = AuthorJudge(RULES, desk.spool, Signatures(no_zone))
        relay = RelaySettings(RULE.addresses, judge)
        desk.listener.settings = replace(desk.settings, relay=relay)
        checks = home / "header_checks"
        checks.write_text(OURS_IS_OURS)
        checked = {"header_checks": f"regexp:{checks}"}
        told = relaying(f"smtp:[127.0.0.1]:{desk.port}", **checked)
        async with postfix(home, told) as front:
            for top in FORGED.values():
                await front.send(forged(top), TO, mail_from=ANN)
            await front.says("status=bounced", len(FORGED))
            assert (await desk.mails(), desk.files()) == ([], [])

            # The same server's own word does admit: the refusals above are not for another reason.
            await front.send(forged(f"X-Verified-Here: {PASS}\n" + TOP), TO, mail_from=ANN)
            (story,) = await desk.when(bool)
    assert (story.identity.kind, story.identity.name) == ("results", ANN)


def forged(top: str) -> bytes:
    """A stranger's mail with these fields; its MAIL FROM is forged too."""
    return mail(TEXT, attached(real_pdf()), top=top)
