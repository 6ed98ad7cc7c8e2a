"""L6: Microsoft 365 hands mails over: whole sessions under TLS, and each missing factor."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mail2fax.accepting.admission import MICROSOFT
from tests.integration.smtp_bench import OTHER, TO, Desk
from tests.integration.test_judging import ANN, M365, TENANT, TOP, House, m365, plain, signed
from tests.integration.tls_bench import Authority, start_tls

_TENANT = "X-MS-Exchange-CrossTenant-Id: "
_OTHERS = "99999999-2222-3333-4444-555555555555"


@dataclass(frozen=True, slots=True)
class Session:
    """How a server comes, and what it hands over.

    Attributes:
        data: the mail.
        name: in its certificate; empty for none.
        tls: whether it says STARTTLS at all.
        known: whether its certificate is of an authority we believe.
        answer: what it is told at the end.
    """

    data: bytes
    name: str = MICROSOFT
    tls: bool = True
    known: bool = True
    answer: str = "550 5.7.1 "


NOT_OURS = "554 5.5.1 No valid recipients"
SESSIONS = {
    "everything": Session(m365(), answer="250 2.0.0 M2F-"),
    "no TLS": Session(m365(), tls=False, answer=NOT_OURS),
    "no certificate": Session(m365(), name="", answer=NOT_OURS),
    "another's certificate": Session(m365(), name="mail.example.net", answer=NOT_OURS),
    "a name that only looks like it": Session(
        m365(), name=f"{MICROSOFT}.evil.example", answer=NOT_OURS
    ),
    "a certificate of nobody": Session(m365(), known=False, answer=""),
    "no tenant": Session(m365("")),
    "second tenant, our domain in From": Session(m365(f"{_TENANT}{_OTHERS}\n")),
    "second tenant, ours below": Session(m365(f"{_TENANT}{_OTHERS}\n{_TENANT}{TENANT}\n")),
    "second tenant, ours above": Session(m365(f"{_TENANT}{TENANT}\n{_TENANT}{_OTHERS}\n")),
    "tenant in a comment": Session(m365(f"{_TENANT}{_OTHERS} ({TENANT})\n")),
    "unsigned": Session(f"{_TENANT}{TENANT}\r\n".encode() + plain()),
    "signed by the second tenant's domain": Session(
        f"{_TENANT}{TENANT}\r\n".encode() + signed(domain=b"evil.example")
    ),
    "changed behind the signature": Session(m365().replace(b"Hello", b"Hullo")),
    "another domain": Session(m365(top=TOP.replace(ANN, "eve@evil.example"))),
    "two senders": Session(m365(top=TOP.replace("From: ", "From: eve@evil.example, "))),
    "no Message-ID": Session(m365(top=TOP.replace("Message-ID: <1@example.org>\n", ""))),
}


class Server:
    """A mail server that comes to a listener with this one rule."""

    def __init__(self, desk: Desk, authority: Authority, strangers: Authority) -> None:
        self.desk = desk
        self._authority = authority
        self._strangers = strangers

    async def hand_over(self, session: Session, *to: str) -> str:
        """The last answer of a session; empty when it did not come that far."""
        talk = await self.desk.call()
        try:
            if session.tls:
                context = self._authority.context()
                issuer = self._authority if session.known else self._strangers
                if session.name:
                    issuer.certify(context, session.name)
                await start_tls(talk, context)
            return await talk.send(session.data, *to)
        except ConnectionError:
            return ""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """The listener believes one authority for clients."""
    authority = Authority(tmp_path / "tls")
    files = authority.files(client_ca=authority.ca_file)
    async with Desk(tmp_path / "state", tls=files) as desk:
        House(desk, M365)
        yield Server(desk, authority, Authority(tmp_path / "strangers"))


@pytest.mark.parametrize("name", SESSIONS)
async def test_each_missing_factor_refuses(server: Server, name: str) -> None:
    """L6: certificate, tenant, signature, domain and Message-ID: all of them, or nothing."""
    session = SESSIONS[name]

    answer = await server.hand_over(session)

    assert answer.startswith(session.answer)
    assert bool(answer) == bool(session.answer)
    taken = session is SESSIONS["everything"]
    assert len(await server.desk.mails()) == len(server.desk.files()) == int(taken)


async def test_a_replay_to_other_numbers_is_refused(server: Server) -> None:
    """L6: the same mail may come again for the same numbers, not for others it also names."""
    good = SESSIONS["everything"]

    assert (await server.hand_over(good, TO)).startswith("250 ")
    assert (await server.hand_over(good, TO)).startswith("250 ")
    assert "was for other numbers" in await server.hand_over(good, OTHER)
    assert len(await server.desk.mails()) == 2
