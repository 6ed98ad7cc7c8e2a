"""Relays for the tests of the mailer: one that says what it is told to, and a token endpoint."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs


class ScriptedRelay:
    """Speaks SMTP as far as a test wants.

    Attributes:
        features: of its EHLO; STARTTLS is offered when it can be.
        answers: command word → what is said instead of the usual.
        token: the one that XOAUTH2 must bring.
        heard: every line of a client, in order, the data not among them.
        mails: the data that were taken.
    """

    def __init__(self, *features: str, context: ssl.SSLContext | None = None) -> None:
        self.features = list(features)
        self.answers: dict[str, str] = {}
        self.token = ""
        self.heard: list[str] = []
        self.mails: list[bytes] = []
        self.port = 0
        self._context = context

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        writer.write(b"220 relay ESMTP\r\n")
        try:
            while line := await reader.readline():
                said = line.decode("utf-8").strip()
                self.heard.append(said)
                word = said.split(" ")[0].split(":")[0].upper()
                if word == "STARTTLS" and self._context is not None:
                    writer.write(b"220 go ahead\r\n")
                    await writer.start_tls(self._context)
                    self.heard.append("(TLS)")
                    continue
                answer = self.answers.get(word) or self._usual(word, said)
                writer.write(f"{answer}\r\n".encode())
                if answer.startswith("354"):
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write((self.answers.get(".") or "250 taken").encode() + b"\r\n")
                if word == "QUIT" or answer.startswith("421"):
                    break
        except (OSError, asyncio.IncompleteReadError):
            self.heard.append("(gone)")
        finally:
            writer.close()

    def _usual(self, word: str, said: str) -> str:
        if word == "EHLO":
            offers = ["STARTTLS"] if self._context and "(TLS)" not in self.heard else []
            lines = ["relay", *self.features, *offers]
            return "\r\n".join([*(f"250-{one}" for one in lines[:-1]), f"250 {lines[-1]}"])
        if word == "AUTH":
            return self._login(said)
        return {"DATA": "354 go", "QUIT": "221 bye"}.get(word, "250 ok")

    def _login(self, said: str) -> str:
        shown = base64.b64decode(said.rpartition(" ")[2]).decode()
        good = shown == f"user=fax@example.com\x01auth=Bearer {self.token}\x01\x01"
        return "235 welcome" if good else "535 5.7.8 too old"


@asynccontextmanager
async def running(
    relay: ScriptedRelay, first: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedRelay]:
    """The relay on loopback, under TLS from the first byte with a context."""
    server = await asyncio.start_server(relay.talk, "127.0.0.1", 0, ssl=first)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()


class TokenEndpoint:
    """Gives tokens over HTTP.

    Attributes:
        answer: called with a form; status and JSON.
        asked: every form it got.
    """

    def __init__(self, answer: Callable[[dict[str, str]], tuple[int, Any]]) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].split("\r\n")[0])
        form = parse_qs((await reader.readexactly(size)).decode())
        self.asked.append({name: values[0] for name, values in form.items()})
        status, told = self.answer(self.asked[-1])
        body = told if isinstance(told, str) else json.dumps(told)
        top = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((top + body).encode())
        writer.close()


@asynccontextmanager
async def token_endpoint(
    answer: Callable[[dict[str, str]], tuple[int, Any]],
) -> AsyncIterator[TokenEndpoint]:
    """The endpoint on loopback."""
    endpoint = TokenEndpoint(answer)
    server = await asyncio.start_server(endpoint.talk, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    try:
        yield endpoint
    finally:
        server.close()
