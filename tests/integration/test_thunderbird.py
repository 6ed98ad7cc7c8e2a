"""L5, L6: Thunderbird hands a PDF over, in the clear, under STARTTLS and TLS, with a login."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.smtp_bench import TO, Desk
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins
from tests.thunderbird import IS_HERE, NONE, STARTTLS, TLS, Account, thunderbird
from tests.unit.mails import real_pdf

pytestmark = pytest.mark.skipif(
    not IS_HERE, reason="thunderbird is not here, and is too heavy for CI"
)


@pytest.mark.parametrize("security", [NONE, STARTTLS, TLS], ids=["clear", "STARTTLS", "TLS"])
async def test_thunderbird_sends_a_pdf(tmp_path: Path, security: int) -> None:
    """As a person does: the composer, an attachment, Send."""
    pdf = tmp_path / "Übersicht.pdf"
    pdf.write_bytes(real_pdf())
    authority = Authority(tmp_path / "tls")
    settings: dict[str, Any] = {}
    if security:
        protocol = "smtps" if security == TLS else "smtp"
        settings = {"tls": authority.files(), "logins": logins, "rules": (WITH_LOGIN,),
                    "protocol": protocol}  # fmt: skip
    async with Desk(tmp_path / "state", **settings) as desk:
        password = "correct horse" if security else ""
        account = Account(desk.port, security, authority.ca_file, password)
        async with thunderbird(tmp_path, account) as program:
            attached = [{"url": pdf.as_uri(), "name": pdf.name}]
            await program.send(TO, "Scan", "<p>Please fax</p>", attached=attached)
        (story,) = await desk.when(bool)

    assert story.identity.kind == ("login" if security else "network")
    (file,) = desk.files()
    assert re.search(rb"(?m)^User-Agent: Mozilla Thunderbird", file.read_bytes())
