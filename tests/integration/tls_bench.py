"""Certificates and logins for the tests of the listener, and sessions under TLS."""

import datetime as dt
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import trustme

from mail2fax.accepting.dialogue.tls import TlsFiles
from mail2fax.accepting.proof import Login
from mail2fax.accepting.settings import TryLater
from tests.integration.smtp_bench import RULE, Talk

WITH_LOGIN = replace(RULE, name="staff", networks=(), logins=("ann",))
"""A rule that admits one login."""


class Authority:
    """A certificate authority, and the files of a listener below a directory."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        directory.mkdir(exist_ok=True)
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)
        self._directory = directory

    def files(self, **more: Any) -> TlsFiles:
        """A new certificate in the listener's files."""
        now, month = dt.datetime.now(dt.UTC), dt.timedelta(days=30)
        names = ("localhost", "fax.example.com", "127.0.0.1")
        issued = self._ca.issue_cert(*names, not_before=now - month, not_after=now + 3 * month)
        certificate, key = self._directory / "cert.pem", self._directory / "key.pem"
        chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
        certificate.write_bytes(chain)
        key.write_bytes(issued.private_key_pem.bytes())
        return TlsFiles(certificate, key, **more)

    def context(self, client: str = "") -> ssl.SSLContext:
        """A client's, that believes this authority, with a certificate of its own if named."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if client:
            self.certify(context, client)
        return context

    def certify(self, context: ssl.SSLContext, name: str) -> None:
        """Give a client a certificate of this name."""
        self._ca.issue_cert(name, common_name=name).configure_cert(context)


async def logins(login: str, password: str, peer: str) -> Login | None:
    """A verifier that knows one login, and is busy for one name."""
    if login == "busy":
        raise TryLater
    return Login("ann") if (login, password) == ("ann", "correct horse") else None


async def start_tls(talk: Talk, context: ssl.SSLContext) -> None:
    """Say STARTTLS and make the handshake."""
    assert (await talk.say("EHLO me", "STARTTLS")).startswith("220 ")
    await talk.writer.start_tls(context, server_hostname="localhost")
