"""L6, L6a: whose mail a mail server handed over: real signatures, real sessions, a zone of ours.

Each dialogue below lacks one thing and orders nothing; the same dialogue with it is admitted.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mail2fax.accepting import signatures
from mail2fax.accepting.admission import MICROSOFT, AuthorRule, Rule, Way
from mail2fax.accepting.judging import AuthorJudge
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import RelayedMail, RelaySettings
from mail2fax.accepting.signatures import Signatures, Unknowable
from mail2fax.reading.addresses import read_address
from mail2fax.reading.gate import Gate
from mail2fax.values import Destination, Response
from tests.integration.smtp_bench import OTHER, RULE, TO, Desk
from tests.unit.mails import TEXT, attached, mail, real_pdf

ANN, TENANT = "ann@example.org", "11111111-2222-3333-4444-555555555555"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
)
ZONE: dict[str, bytes] = {
    f"sel._domainkey.{domain}.": b"v=DKIM1; k=rsa; p=" + PUBLIC
    for domain in ("example.org", "evil.example", "sub.example.org")
}
LOOPBACK = (ip_network("127.0.0.0/8"),)
DKIM = replace(
    RULE, name="dkim", networks=LOOPBACK,
    author=AuthorRule(Way.DKIM, frozenset({ANN}), frozenset({"sub.example.org"})),
)  # fmt: skip
M365 = replace(
    RULE, name="m365", networks=(), certificates=(MICROSOFT,),
    author=AuthorRule(Way.M365, domains=frozenset({"example.org"}), source=TENANT),
)  # fmt: skip
RESULTS = replace(
    RULE, name="results", networks=LOOPBACK,
    author=AuthorRule(Way.RESULTS, domains=frozenset({"example.org"}), source="mx.example.org"),
)  # fmt: skip
RELAY = replace(
    RULE, name="relay", networks=LOOPBACK,
    author=AuthorRule(Way.RELAY, domains=frozenset({"example.org"})),
)  # fmt: skip
TOP = f"From: Ann <{ANN}>\nTo: <{TO}>\nCc: <{OTHER}>\nSubject: Hello\nMessage-ID: <1@example.org>\n"
SIGNED = (
    b"from", b"to", b"cc", b"subject", b"message-id", b"content-type", b"mime-version",
)  # fmt: skip


def plain(top: str = TOP) -> bytes:
    """A mail with a document."""
    return mail(TEXT, attached(real_pdf()), top=top)


def signed(
    data: bytes = plain(),
    domain: bytes = b"example.org",
    fields: tuple[bytes, ...] = SIGNED,
    key: bytes = PEM,
    *,
    length: bool = False,
    algorithm: bytes = b"rsa-sha256",
) -> bytes:
    """A mail with a signature on top."""
    signer = dkim.DKIM(data, signature_algorithm=algorithm)
    present = {name.lower() for name, _ in signer.headers}
    covered = [name for name in fields if name in present]
    line: bytes = signer.sign(b"sel", domain, key, include_headers=covered, length=length)
    return line + data


def resolver(name: str) -> bytes | None:
    """Our zone."""
    return ZONE.get(name)


class House:
    """A judge over a spool's listener."""

    def __init__(self, desk: Desk, *rules: Rule) -> None:
        self.desk = desk
        self.signatures = Signatures(resolver)
        self.judge = AuthorJudge(rules, desk.spool, self.signatures)
        relay = RelaySettings(RULE.addresses, self.judge)
        desk.listener.settings = replace(desk.listener.settings, relay=relay, rules=rules)

    async def send(self, data: bytes, *to: str) -> str:
        """Hand a mail over as a server does; the answer to its dot."""
        talk = await self.desk.call()
        answer = await talk.send(data, *to)
        await talk.say("QUIT")
        return answer

    async def verdict(self, data: bytes, proof: Proof, *to: str) -> Rule | Response:
        """What the judge says of a mail, without a session."""
        file = self.desk.spool.content.mails / "judged"
        file.write_bytes(data)
        gate = Gate()
        gate.feed(data)
        reading = [one for path in to or (TO,) for one in numbers(path)]
        mail = RelayedMail(
            file, "eve@evil.example", proof, gate.finish(), to or (TO,), tuple(reading)
        )
        try:
            return await self.judge(mail)
        finally:
            file.unlink()


def numbers(path: str) -> tuple[Destination, ...]:
    """The destinations of an address."""
    return read_address(path, RULE.addresses).destinations


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A listener whose judge the test puts in."""
    async with Desk(tmp_path) as desk:
        yield desk


async def orders_nothing(house: House, data: bytes, *to: str) -> str:
    """The sentence of a refusal, after which nothing is in the ledger or on disk."""
    before = len(await house.desk.mails())
    answer = await house.send(data, *to)
    assert answer.startswith("550 5.7.1 "), answer
    assert len(await house.desk.mails()) == before
    return answer


async def test_a_signed_mail_is_its_authors(desk: Desk) -> None:
    """L6: the ledger keeps who and how; replies go to the author, never to MAIL FROM."""
    house = House(desk, DKIM)
    assert (await house.send(signed())).startswith("250 ")
    assert (await house.send(signed(), TO, OTHER)).startswith("250 ")

    story = (await desk.mails())[0]
    assert (story.identity.rule, story.identity.kind) == ("dkim", "dkim")
    assert (story.identity.name, story.identity.person_proved) == (ANN, True)
    assert story.reply_to == (ANN,)


async def test_a_domain_is_itself_only(desk: Desk) -> None:
    """L6: a domain that the rule names, signed by that domain and no other."""
    house = House(desk, DKIM)
    sub = plain(TOP.replace(ANN, "bob@sub.example.org"))

    assert (await house.send(signed(sub, b"sub.example.org"))).startswith("250 ")
    assert "no signature of sub.example.org" in await orders_nothing(house, signed(sub))


FOREIGN = plain(TOP.replace(ANN, "eve@evil.example"))


@pytest.mark.parametrize(
    ("data", "to", "why"),
    [
        (plain(), TO, "it has no DKIM signature"),
        (signed(FOREIGN, b"evil.example"), TO, "nobody named eve@evil.example may send"),
        (signed(domain=b"evil.example"), TO, "no signature of example.org is on it"),
        (signed().replace(b"Hello", b"Hullo"), TO, "the signature of example.org is wrong"),
        (signed() + b"x\r\n", TO, "is wrong or cannot be read"),
        (signed(fields=SIGNED[:5]), TO, "does not cover content-type"),
        (signed(fields=SIGNED[:1] + SIGNED[3:]), TO, "does not cover"),
        (signed(length=True), TO, "covers only a part"),
        (signed(algorithm=b"rsa-sha1"), TO, "of a kind that can be forged"),
        (signed(), "+41225550125@fax.example.com", "is not named in To or Cc"),
        (b"X-Fax-To: +41225550199\r\n" + signed(), TO, "does not cover x-fax-to"),
        (b"To: <x@y.example>\r\n" + signed(), TO, "stands in it twice"),
        (b"From: eve@evil.example\r\n" + signed(), TO, "From must name one sender"),
        (signed().replace(b"s=sel", b"s=none"), TO, "the signature of example.org is wrong"),
        (signed().replace(b"v=1", b"v=9"), TO, "cannot be read"),
        (b"DKIM-Signature: nonsense\r\n" + plain(), TO, "cannot be read"),
        (b" folded from nowhere\r\n" + signed(), TO, ""),
    ],
    ids=["unsigned", "another author", "another's signature", "changed header", "changed body",
         "type open", "to open", "length", "sha1", "bcc", "option added", "two To", "two From",
         "no key", "version", "nonsense", "fold"],
)  # fmt: skip
async def test_whatever_is_missing_orders_nothing(
    desk: Desk, data: bytes, to: str, why: str
) -> None:
    """L6, promise 5: each lacks one thing; a replay to another number lacks it in To."""
    answer = await orders_nothing(House(desk, DKIM), data, to)

    assert why in answer
    assert answer.isascii()


async def test_a_name_server_that_is_down_means_later(desk: Desk) -> None:
    """L6: not the sender's fault; the mail server keeps the mail."""
    house = House(desk, DKIM)

    def down(_name: str) -> bytes | None:
        raise Unknowable("no answer")

    house.signatures._resolver = down
    assert (await house.send(signed())).startswith("451 4.7.5 ")
    assert await desk.mails() == []


async def test_verifying_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """L6, M2: three signatures, a size, no blanks without end; only domains a rule names."""
    asked: list[str] = []

    def counting(name: str) -> bytes | None:
        asked.append(name)
        return None

    house = House(desk, DKIM)
    house.signatures._resolver = counting
    line = signed().partition(b"\r\nFrom:")[0] + b"\r\n"
    await orders_nothing(house, line * 20 + plain())
    assert asked == ["sel._domainkey.example.org."] * 3

    asked.clear()
    await orders_nothing(house, signed(domain=b"evil.example"))
    assert asked == []
    blanks = mail(TEXT, attached(), top=TOP).replace(b"Ann\r\n", b"Ann" + b" " * 9000 + b"\r\n")
    assert "blanks without end" in await orders_nothing(house, signed(blanks))
    monkeypatch.setattr(signatures, "LARGEST", 100)
    assert "which is not verified" in await orders_nothing(house, signed())


# Microsoft 365


SERVER = Proof("127.0.0.1", (MICROSOFT,))


def m365(tenant: str = f"X-MS-Exchange-CrossTenant-Id: {TENANT}\n", top: str = TOP) -> bytes:
    """A mail as Microsoft's servers hand it over."""
    return tenant.replace("\n", "\r\n").encode() + signed(plain(top))


async def test_a_mail_of_our_tenant_is_its_authors(desk: Desk) -> None:
    """L6: certificate, tenant, signature and domain together; the same again is taken."""
    house = House(desk, M365)

    for _ in range(2):
        found = await house.verdict(m365(), SERVER)
        assert isinstance(found, Rule)
        assert found.name == "m365"


@pytest.mark.parametrize(
    ("data", "proof", "why"),
    [
        (m365(), Proof("127.0.0.1"), "nobody named"),
        (m365(), Proof("127.0.0.1", ("mail.protection.outlook.com.evil.example",)), "nobody"),
        (m365(""), SERVER, "not of the tenant"),
        (m365("X-MS-Exchange-CrossTenant-Id: 99999999-2222-3333-4444-555555555555\n"), SERVER,
         "not of the tenant"),
        (m365(f"X-MS-Exchange-CrossTenant-Id: {TENANT}\n" * 2), SERVER, "not of the tenant"),
        (m365(f"X-MS-Exchange-CrossTenant-Id: 9\nX-MS-Exchange-CrossTenant-Id: {TENANT}\n"),
         SERVER, "not of the tenant"),
        (f"X-MS-Exchange-CrossTenant-Id: {TENANT}\r\n".encode() + plain(), SERVER,
         "no DKIM signature"),
        (m365(top=TOP.replace(ANN, "eve@evil.example")), SERVER, "nobody named"),
        (m365(top=TOP.replace("Message-ID: <1@example.org>\n", "")), SERVER, "no Message-ID"),
    ],
    ids=["no certificate", "like the certificate", "no tenant", "second tenant", "tenant twice",
         "two tenants", "unsigned", "other domain", "no message-id"],
)  # fmt: skip
async def test_each_missing_factor_refuses(desk: Desk, data: bytes, proof: Proof, why: str) -> None:
    """L6: also a second tenant that writes our domain into From."""
    found = await House(desk, M365).verdict(data, proof)

    assert isinstance(found, Response)
    assert (found.code, found.status) == (550, "5.7.1")
    assert why in found.text


async def test_a_message_id_is_for_the_same_numbers_only(desk: Desk) -> None:
    """L6: handed over again for others, it is a replay, though both stand in To and Cc."""
    house = House(desk, replace(M365, certificates=(), networks=LOOPBACK))
    assert (await house.send(m365(), TO)).startswith("250 ")
    assert (await house.send(m365(), TO)).startswith("250 ")

    assert "was for other numbers" in await orders_nothing(house, m365(), OTHER)
    assert "was for other numbers" in await orders_nothing(house, m365(), TO, OTHER)


# A mail server of ours


async def test_our_servers_word_is_believed_where_it_is_asked_for(desk: Desk) -> None:
    """L6: top-most field only; without one, or below another, nothing."""
    house = House(desk, RESULTS)
    good = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\n"
    bad = good.replace("=pass", "=fail")

    assert (await house.send(plain(good + TOP))).startswith("250 ")
    assert (await house.send(plain(good + bad + TOP))).startswith("250 ")
    await orders_nothing(house, plain(TOP))
    await orders_nothing(house, plain(bad + good + TOP))
    await orders_nothing(house, plain(good.replace("mx.", "evil.") + good + TOP))
    await orders_nothing(house, plain(good + TOP.replace(ANN, "eve@evil.example")))


async def test_a_vouching_servers_mail_needs_one_plain_author(desk: Desk) -> None:
    """L6a: the admin's word stands for its users; a From that can be read twice has none."""
    house = House(desk, RELAY)

    assert (await house.send(plain())).startswith("250 ")
    await orders_nothing(house, plain(TOP.replace(ANN, "eve@evil.example")))
    await orders_nothing(house, plain(f"From: {ANN}, eve@evil.example\nTo: <{TO}>\n"))


async def test_the_next_rule_may_admit(desk: Desk) -> None:
    """L6a: the first rule whose proof holds; its identity says which."""
    house = House(desk, RESULTS, DKIM)
    assert (await house.send(signed())).startswith("250 ")

    assert (await desk.mails())[0].identity.rule == "dkim"
