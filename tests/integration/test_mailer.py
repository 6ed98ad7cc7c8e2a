"""W7 at the border: TLS, logins, tokens, signatures and international addresses of a relay."""

import asyncio
import base64
import shutil
import ssl
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mail2fax.answering import mailer
from mail2fax.answering.mailer import Login, Relay, RelayTls
from mail2fax.answering.message import Sender, message_for, on_the_wire
from mail2fax.answering.relay_token import RelayTokens, TokenSource
from mail2fax.answering.signing import signer, unsigned
from mail2fax.answering.texts import Letter
from mail2fax.clock import Clock
from mail2fax.errors import ConfigError, PermanentFailure, TemporaryFailure
from mail2fax.spool.records import ReplyToSend
from tests.fronts import NO_POSTFIX, home, postfix
from tests.integration.tls_bench import Authority
from tests.relays import ScriptedRelay, running, token_endpoint
from tests.unit.test_texts import STORY

__all__ = ["home"]
MAIL = b"From: fax@example.com\r\nTo: ann@example.org\r\nSubject: x\r\n\r\nhello\r\n"
ANN = ("ann@example.org",)
LETTER = Letter("Re: Befund", "Fax FAILED 0225550123", "Grüße\n")
# Prints how an independent verifier judges the mail it reads, with the key of the argument.
VERIFIER = """
use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey;
my $record = shift @ARGV; my @asked;
{ no warnings 'redefine';
  *Mail::DKIM::PublicKey::fetch_async = sub {
      my ($class, %p) = @_; push @asked, "$p{Selector} $p{Domain}";
      my $key = Mail::DKIM::PublicKey->parse($record);
      return sub { $p{Callbacks}->{Success}->($key) } }; }
binmode STDIN; my $verifier = Mail::DKIM::Verifier->new;
$verifier->PRINT($_) while <STDIN>;
$verifier->CLOSE;
print $verifier->result, "\\n", $asked[0], "\\n";
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs the relay's certificate."""
    return Authority(tmp_path / "tls")


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    """The relay's side of a handshake."""
    files = authority.files()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
async def relay(context: ssl.SSLContext) -> AsyncIterator[ScriptedRelay]:
    """A relay that offers STARTTLS."""
    async with running(ScriptedRelay(context=context)) as one:
        yield one


def at(port: int, tls: RelayTls = RelayTls.NONE, **more: Any) -> Relay:
    """A relay on loopback."""
    return Relay("127.0.0.1", port, "fax.example.com", timeout=3, tls=tls, **more)


async def test_a_mail_goes_over_under_verified_tls(
    relay: ScriptedRelay, authority: Authority
) -> None:
    """W7: nothing but STARTTLS is said before the handshake."""
    await mailer.hand_over(MAIL, ANN, at(relay.port, RelayTls.REQUIRED, ca=authority.ca_file))

    begins = relay.heard.index("(TLS)")
    assert [line.split(" ")[0] for line in relay.heard[:begins]] == ["EHLO", "STARTTLS"]
    assert relay.heard[begins + 2].startswith("MAIL FROM:<>")
    assert len(relay.mails) == 1


async def test_the_floor_is_not_gone_below(authority: Authority) -> None:
    """W7: no STARTTLS, a certificate nobody signed, one for another name: no mail, and later."""
    async with running(ScriptedRelay()) as plain:
        with pytest.raises(TemporaryFailure, match="offers no STARTTLS"):
            await mailer.hand_over(MAIL, ANN, at(plain.port, RelayTls.REQUIRED))
        assert [line.split(" ")[0] for line in plain.heard] in (["EHLO"], ["EHLO", "(gone)"])


@pytest.mark.parametrize("tls", [RelayTls.REQUIRED, RelayTls.FIRST])
async def test_a_strange_certificate_is_named(context: ssl.SSLContext, tls: RelayTls) -> None:
    """W7: over STARTTLS and from the first byte; the sentence says what is wrong."""
    first = context if tls is RelayTls.FIRST else None
    async with running(ScriptedRelay(context=context), first) as relay:
        with pytest.raises(TemporaryFailure, match="certificate is no good"):
            await mailer.hand_over(MAIL, ANN, at(relay.port, tls))
        assert relay.mails == []

        await mailer.hand_over(MAIL, ANN, at(relay.port, tls, verify=False))
        assert len(relay.mails) == 1


@pytest.mark.parametrize("case", ["offered", "not offered", "broken"])
async def test_opportunistic_takes_what_there_is(context: ssl.SSLContext, case: str) -> None:
    """W7: TLS where it is offered and works, else in the clear; never neither."""
    relay = ScriptedRelay(context=context if case == "offered" else None)
    if case == "broken":
        relay.features.append("STARTTLS")
        relay.answers["STARTTLS"] = "454 not now"
    async with running(relay):
        await mailer.hand_over(MAIL, ANN, at(relay.port, RelayTls.OPPORTUNISTIC))

    assert ("(TLS)" in relay.heard) is (case == "offered")
    assert len(relay.mails) == 1


@pytest.mark.skipif(NO_POSTFIX, reason="postfix is not installed, or needs root")
@pytest.mark.skipif(shutil.which("saslpasswd2") is None, reason="sasl2-bin is not installed")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_a_real_postfix_wants_tls_and_a_login(
    home: Path, authority: Authority, mechanism: str
) -> None:
    """W7: STARTTLS and each kind of login, by Postfix and Cyrus SASL; a wrong password is told."""
    settings = await sasl(home, mechanism, authority)
    async with postfix(home, settings) as front:
        there = at(front.port, RelayTls.REQUIRED, ca=authority.ca_file)
        with pytest.raises(PermanentFailure, match="refused the address"):
            await mailer.hand_over(MAIL, ANN, there)
        wrong = at(front.port, RelayTls.REQUIRED, ca=authority.ca_file, login=Login("fax", "x"))
        with pytest.raises(TemporaryFailure, match=r"refused our login \(535\)"):
            await mailer.hand_over(MAIL, ANN, wrong)
        right = at(
            front.port, RelayTls.REQUIRED, ca=authority.ca_file, login=Login("fax", "pass word")
        )
        await mailer.hand_over(MAIL, ANN, right)
        await front.says("status=sent")

    assert f"sasl_method={mechanism}, sasl_username=fax" in front.log


async def sasl(home: Path, mechanism: str, authority: Authority) -> dict[str, str]:
    """Postfix's settings for logins, with the file of them."""
    directory, database = home / "sasl", home / "sasldb2"
    directory.mkdir()
    (directory / "smtpd.conf").write_text(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
        f"sasldb_path: {database}\nmech_list: {mechanism}\n"
    )
    making = await asyncio.create_subprocess_exec(
        "saslpasswd2", "-p", "-c", "-f", database, "-u", "relay.example.com", "fax", stdin=PIPE
    )
    await making.communicate(b"pass word")
    database.chmod(0o644)
    files = authority.files()
    for path in (files.certificate, files.key):
        shutil.copy(path, home)
    return {
        "smtpd_tls_cert_file": f"{home}/cert.pem", "smtpd_tls_key_file": f"{home}/key.pem",
        "smtpd_tls_security_level": "may", "smtpd_tls_auth_only": "yes",
        "smtpd_sasl_auth_enable": "yes", "cyrus_sasl_config_path": str(directory),
        "smtpd_sasl_local_domain": "relay.example.com",
        "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
    }  # fmt: skip


# Tokens


def source(url: str, **more: str) -> TokenSource:
    """A client of the endpoint."""
    return TokenSource(url, "id", **{"client_secret": "s3", "refresh_token": "r1", **more})


async def test_xoauth2_fetches_one_token_and_keeps_it(relay: ScriptedRelay) -> None:
    """W7: four mails at once ask once; a token that the relay finds too old is replaced once."""
    relay.features = ["AUTH XOAUTH2"]
    relay.token = "t1"
    async with token_endpoint(lambda _: (200, {"access_token": relay.token})) as endpoint:
        login = Login("fax@example.com", tokens=RelayTokens(source(endpoint.url), Clock()))
        there = at(relay.port, login=login)
        await asyncio.gather(*(mailer.hand_over(MAIL, ANN, there) for _ in range(4)))
        assert endpoint.asked == [
            {"grant_type": "refresh_token", "client_id": "id", "client_secret": "s3",
             "refresh_token": "r1"}
        ]  # fmt: skip

        relay.token = "t2"
        await mailer.hand_over(MAIL, ANN, there)
        assert (len(endpoint.asked), len(relay.mails)) == (2, 5)

        relay.answers["AUTH"] = "535 5.7.8 never"
        with pytest.raises(TemporaryFailure, match=r"refused our login \(535\)"):
            await mailer.hand_over(MAIL, ANN, there)
        assert len(endpoint.asked) == 3


async def test_a_token_that_ends_is_asked_for_again() -> None:
    """RFC 6749: with the client's own secret; a rotated refresh token is used."""
    now = [1000.0]

    class At(Clock):
        def now(self) -> float:
            return now[0]

    given = {"access_token": "a", "expires_in": 3600, "refresh_token": "r2"}
    async with token_endpoint(lambda _: (200, given)) as endpoint:
        tokens = RelayTokens(source(endpoint.url, scope="mail"), At())
        assert [await tokens.get(), await tokens.get()] == ["a", "a"]
        now[0] += 3541
        assert await tokens.get() == "a"
        own = RelayTokens(source(endpoint.url, refresh_token=""), At())
        await own.get()

    assert [one.get("refresh_token") for one in endpoint.asked] == ["r1", "r2", None]
    assert [one["grant_type"] for one in endpoint.asked][2] == "client_credentials"


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (400, {"error": "invalid_grant"}, r"is refused \(400 invalid_grant\)"),
        (500, "<html>", "cannot be had"),
        (200, {"token": "x"}, "gave no token"),
        (200, ["x"], "gave no token"),
        (200, {"access_token": "ü"}, "gave no token"),
    ],
)
async def test_no_token_means_later(status: int, answer: Any, why: str) -> None:
    """W7: whatever the endpoint does, the mail waits."""
    async with token_endpoint(lambda _: (status, answer)) as endpoint:
        with pytest.raises(TemporaryFailure, match=why):
            await RelayTokens(source(endpoint.url), Clock()).get()
    with pytest.raises(TemporaryFailure, match="cannot be had"):
        await RelayTokens(source(endpoint.url), Clock()).get()


# Addresses


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ann@b\u00fccher.example", "ann@xn--bcher-kva.example"),
        ("j\u00f6rg@example.org", "j\u00f6rg@example.org"),
        ("ann", None),
        ("ann@", None),
        ("a b@example.org", None),
        ("ann@example.org\r\nBcc: x@y", None),
        ("ann@ex..ample\u00fc", None),
    ],
)
def test_an_address_on_the_wire(address: str, wire: str | None) -> None:
    """W5: of ASCII as far as it can be."""
    assert on_the_wire(address) == wire


@pytest.mark.parametrize("features", [("SMTPUTF8", "8BITMIME"), ("8BITMIME",)])
async def test_an_address_beyond_ascii_needs_smtputf8(features: tuple[str, ...]) -> None:
    """W5: a relay without it gets nothing, and the next address is tried."""
    to = "j\u00f6rg@b\u00fccher.example"
    wire = on_the_wire(to)
    assert wire is not None
    reply = ReplyToSend("R1", "m1", None, "refused", 0.0, 0, 0)
    data = message_for(LETTER, reply, STORY, (wire,), Sender("fax@fax.example.com"), 0.0)
    async with running(ScriptedRelay(*features)) as relay:
        if "SMTPUTF8" not in features:
            with pytest.raises(PermanentFailure, match="SMTPUTF8"):
                await mailer.hand_over(data, (wire,), at(relay.port))
            assert not any(line.startswith("MAIL") for line in relay.heard)
            return
        await mailer.hand_over(data, (wire,), at(relay.port))

    mail_from, rcpt = relay.heard[1:3]
    assert "SMTPUTF8" in mail_from
    assert rcpt == f"RCPT TO:<{wire}>"
    assert f"\r\nTo: {wire}\r\n".encode() in relay.mails[0]


# Signatures


async def test_an_independent_verifier_believes_our_signature(tmp_path: Path) -> None:
    """W7: Mail::DKIM, with the key that stands in the DNS; a changed word is seen."""
    if shutil.which("perl") is None:
        pytest.skip("perl is not installed")
    sign, record = a_key(tmp_path)
    reply = ReplyToSend("R1", "m1", None, "refused", 0.0, 0, 0)
    message = message_for(LETTER, reply, STORY, ANN, Sender("fax@fax.example.com"), 0.0)
    signed = sign(message)

    assert await verified(signed, record) == ["pass", "fax2026 example.com"]
    assert (await verified(signed.replace(b"Befund", b"Befand"), record))[0] == "fail"
    assert (await verified(signed.replace(b"=C3=BC", b"=C3=BD"), record))[0] == "fail"
    assert (await verified(b"From: ceo@example.com\r\n" + signed, record))[0] == "fail"


def a_key(directory: Path) -> tuple[Any, str]:
    """A signer of example.com, and the record of its key."""
    key = rsa.generate_private_key(65537, 2048)
    file = directory / "dkim.pem"
    file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ))  # fmt: skip
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    return signer("example.com", "fax2026", file), record


async def verified(message: bytes, record: str) -> list[str]:
    """What Mail::DKIM makes of a message."""
    perl = await asyncio.create_subprocess_exec(
        "perl", "-e", VERIFIER, record, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    told, complaint = await perl.communicate(message)
    if b"Can't locate Mail" in complaint:
        pytest.skip("libmail-dkim-perl is not installed")
    assert complaint == b""
    return told.decode().split("\n")[:2]


def test_a_bad_key_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    """W7: at start, by name; without a key nothing is changed."""
    with pytest.raises(ConfigError, match=r"replies\.dkim\.key: .*No such file"):
        signer("example.com", "s", tmp_path / "none")
    (tmp_path / "bad").write_text("-----BEGIN RSA PRIVATE KEY-----\nx\n")
    with pytest.raises(ConfigError, match="holds no RSA private key"):
        signer("example.com", "s", tmp_path / "bad")
    assert unsigned(MAIL) == MAIL
