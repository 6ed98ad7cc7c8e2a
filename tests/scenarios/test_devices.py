"""L11, L13: a scenario for each device: its dialogue with the real listener, and the finding.

A scenario is a directory with a `scenario.yaml`:

- ``device``: whose dialogue it is, and where it is told of.
- ``listen``, ``senders``: over the defaults of `_configuration`, as in a configuration file.
- ``tls: true``: the listener has a certificate.
- ``dialogue``: lines ``C:`` (what the device does) and ``S:`` (how the answer begins).
- ``taken``: how many mails are ours at the end.
- ``finding``: what the doctor says first, word for word; ``yaml``: words of its snippet.

What the device does is a line of its own, or: ``{tls}`` a handshake, ``{old tls}`` one with TLS
1.0, ``{strict tls}`` one that believes nobody, ``{hello}`` the first bytes of one, ``{mail}`` a
mail with its dot, ``{half}`` one without, ``{mail NAME}`` one of `test_scanners`, ``{partial N}``
the Nth of two that one mail was split into, ``{lf}`` one whose lines end with LF (``{lf
proper}``: but for its dot), ``{long}`` one with a long line, ``{text}`` one without a document
(``{text NAME}`` one of `TEXTS`), ``{bare WORDS}`` a line that ends with LF, ``{leave}``. ``S:
{closed}`` is the end.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mail2fax.accepting.doctor.shelf import Shelf
from mail2fax.accepting.listener import Listener
from mail2fax.accepting.settings import Place
from mail2fax.clock import Clock
from mail2fax.config import Config
from mail2fax.daemon import listener_settings
from mail2fax.spool import stories
from mail2fax.spool.spool import Spool
from tests.integration.smtp_bench import GOOD, Talk, stuffed
from tests.integration.test_scanners import SHAPES
from tests.integration.tls_bench import Authority, logins
from tests.unit.mails import TEXT, attached, mail, real_pdf, split

DEVICES = sorted((Path(__file__).parent / "devices").iterdir())
HALF = str(len(GOOD) // 2)
TEXTS = {
    "": b"Subject: test\r\n\r\nThis is a test.\r\n",
    "git": b"Subject: [PATCH] x\r\nX-Mailer: git-send-email\r\n\r\n---\r\n a.c | 2 +-\r\n",
    "relay": b"Subject: RELAY REQUEST\r\n\r\nRELAY-ID-: 1234\r\nRELAY: #01#*X#**01\r\n",
}
HELLO = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(range(1, 201))


def _configuration(scenario: dict[str, Any], state_dir: Path) -> Config:
    office = {"networks": ["127.0.0.0/8"], "device": True, "reply_to": "office@example.org"}
    listen = {"address": "127.0.0.1", "port": 2525, **scenario.get("listen", {})}
    return Config.model_validate(
        {
            "domains": ["fax.example.com"],
            "region": "CH",
            "state_dir": state_dir,
            "listen": [listen],
            "faxplus": {"token": "t", "from": "+41225550100"},
            "senders": scenario.get("senders", [office]),
        }
    )


class Device:
    """Does what a scenario's ``C:`` lines say."""

    def __init__(self, talk: Talk, authority: Authority) -> None:
        self._talk = talk
        self._authority = authority

    async def do(self, what: str) -> None:
        """One line of it."""
        if not what.startswith("{"):
            self._talk.writer.write(what.encode("latin-1") + b"\r\n")
            return
        name, _, rest = what.strip("{}").partition(" ")
        await getattr(self, f"_{name}")(rest)

    async def _tls(self, _rest: str) -> None:
        context = self._authority.context()
        await self._talk.writer.start_tls(context, server_hostname="localhost")

    async def _strict(self, _rest: str) -> None:
        context = ssl.create_default_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        layer = context.wrap_bio(came, goes, server_hostname="localhost")
        while not _is_rejected(layer):
            self._talk.writer.write(goes.read())
            came.write(await self._talk.reader.read(1 << 16))
        self._talk.writer.write(goes.read())

    async def _old(self, _rest: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await self._talk.writer.start_tls(context)

    async def _hello(self, _rest: str) -> None:
        self._talk.writer.write(HELLO)

    async def _mail(self, shape: str) -> None:
        self._talk.writer.write(stuffed(_shaped(shape)) + b".\r\n")

    async def _lf(self, shape: str) -> None:
        end = b"\r\n.\r\n" if shape == "proper" else b".\n"
        self._talk.writer.write(stuffed(GOOD).replace(b"\r\n", b"\n") + end)

    async def _long(self, _rest: str) -> None:
        long = b"X-Long: " + b"x" * 5000 + b"\r\n" + mail(TEXT, attached(real_pdf()))
        self._talk.writer.write(stuffed(long) + b".\r\n")

    async def _text(self, which: str) -> None:
        self._talk.writer.write(TEXTS[which] + b".\r\n")

    async def _partial(self, number: str) -> None:
        self._talk.writer.write(stuffed(split(GOOD, 2)[int(number) - 1]) + b".\r\n")

    async def _half(self, _rest: str) -> None:
        self._talk.writer.write(GOOD[: len(GOOD) // 2])

    async def _bare(self, words: str) -> None:
        self._talk.writer.write(words.encode() + b"\n")

    async def _leave(self, _rest: str) -> None:
        self._talk.writer.close()


def _is_rejected(layer: ssl.SSLObject) -> bool:
    """Whether a client has seen that it does not believe us; then its alert is written."""
    try:
        layer.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLCertVerificationError:
        return True
    raise AssertionError("it believed the certificate")


def _shaped(name: str) -> bytes:
    found = [shape.data for key, shape in SHAPES.items() if name and key.startswith(name)]
    assert found or not name, f"test_scanners has no shape {name}"
    return found[0] if found else GOOD


class Stage:
    """The real listener of a scenario."""

    def __init__(self, listener: Listener, spool: Spool, shelf: Shelf) -> None:
        self.listener = listener
        self.spool = spool
        self._shelf = shelf

    async def heard(self) -> dict[str, Any]:
        """What the doctor tells of the one dialogue, once it is over."""
        async with asyncio.timeout(10):
            while True:
                answer = await self._shelf.command(self.spool, {"after": 0}, "root")
                if answer["dialogues"] and answer["dialogues"][0]["ended"]:
                    told: dict[str, Any] = answer["dialogues"][0]
                    return told
                await asyncio.sleep(0.01)

    async def taken(self) -> int:
        """How many mails are ours."""
        return len({line.reference for line in await self.spool.do(_everything)})


def _everything(connection: Any) -> list[stories.QueueLine]:
    return stories.queue(connection, 100, everything=True)


@contextlib.asynccontextmanager
async def on_stage(
    scenario: dict[str, Any], directory: Path, authority: Authority
) -> AsyncIterator[Stage]:
    """The listener of a scenario, while the block lasts."""
    config = _configuration(scenario, directory / "state")
    settings = listener_settings(config, config.listen[0], 0, logins if config.has_logins else None)
    if scenario.get("tls") or settings.tls_first:
        settings = replace(settings, tls=authority.files(legacy=settings.legacy))
    silence = scenario.get("silence", 60)
    patience = replace(settings.patience, silence=silence)
    settings = replace(settings, patience=patience, place=Place())
    spool, shelf = await Spool.open(directory / "state", Clock()), Shelf()
    listener = Listener(settings, spool, Clock(), shelf=shelf)
    await listener.start()
    try:
        yield Stage(listener, spool, shelf)
    finally:
        await listener.stop(grace=2)
        await spool.close()


async def replay(dialogue: str, stage: Stage, authority: Authority) -> None:
    """Let a device say its part, and compare ours."""
    port = stage.listener.addresses[0][1]
    talk = Talk(*await asyncio.open_connection("127.0.0.1", port))
    device = Device(talk, authority)
    try:
        for number, line in enumerate(dialogue.splitlines(), start=1):
            who, _, text = line.partition(": ")
            if who == "C":
                await device.do(text)
            elif text == "{closed}":
                with contextlib.suppress(ConnectionError):
                    assert await talk.is_closed(), f"line {number}: it is open"
            else:
                said = await talk.answer()
                assert said.startswith(text), f"line {number}: {said!r}, not {text!r}"
    finally:
        talk.writer.close()


@pytest.mark.parametrize("directory", DEVICES, ids=lambda path: path.name)
async def test_a_device_is_served_or_explained(directory: Path, tmp_path: Path) -> None:
    """L11, L13: it is taken, or refused with the named reason, and the doctor says which."""
    scenario = yaml.safe_load((directory / "scenario.yaml").read_text("utf-8"))
    authority = Authority(tmp_path / "tls")

    async with on_stage(scenario, tmp_path, authority) as stage:
        await replay(scenario["dialogue"], stage, authority)
        told = await stage.heard()

        assert await stage.taken() == scenario["taken"]
    first = told["findings"][0]
    said = first["what"] + (f" -> {first['do']}" if first["do"] else "")
    assert _without_reference(said) == scenario["finding"].replace("HALF", HALF), told
    assert scenario.get("yaml", "") in first["yaml"]
    assert told["in_trouble"] == (scenario["taken"] == 0)
    assert "correct horse" not in str(told)
    assert "+41225550123" not in str(told)


def _without_reference(text: str) -> str:
    """References are random."""
    before, found, after = text.partition("M2F-")
    return f"{before}M2F-…{after[5:]}" if found else text


def test_a_wrong_scenario_fails() -> None:
    """A shape that nobody knows is no mail."""
    with pytest.raises(AssertionError, match="no shape"):
        _shaped("nobody's")
