"""L5: the PROXY header, versions 1 and 2, in any pieces."""

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2fax.accepting.dialogue.proxy import UNKNOWN, BadProxyHeader, announced

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(command: int, family: int, block: bytes) -> bytes:
    """A version 2 header."""
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2, "big") + block


V4 = ipaddress.ip_address("192.0.2.7").packed + bytes(4) + b"\0\1\0\2"
V6 = ipaddress.ip_address("2001:db8::7").packed + bytes(16) + b"\0\1\0\2"
GOOD = {
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n": "192.0.2.7",
    b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n": "2001:db8::7",
    b"PROXY UNKNOWN\r\n": UNKNOWN,
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": UNKNOWN,
    binary(0x21, 0x11, V4): "192.0.2.7",
    binary(0x21, 0x11, V4 + b"\x04\0\1x"): "192.0.2.7",
    binary(0x21, 0x21, V6): "2001:db8::7",
    binary(0x20, 0x00, b""): UNKNOWN,
    binary(0x20, 0x11, V4): UNKNOWN,
    binary(0x21, 0x31, bytes(216)): UNKNOWN,
}


@pytest.mark.parametrize("header", GOOD)
def test_a_header_is_read_when_it_is_whole(header: bytes) -> None:
    """Every beginning of it asks for more; what follows is left alone."""
    for cut in range(len(header)):
        assert announced(header[:cut]) is None
    assert announced(header) == (GOOD[header], len(header))
    assert announced(header + b"EHLO me\r\n") == (GOOD[header], len(header))


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO me\r\n", b"\x16\x03\x01", b"PROXZ", b"proxy TCP4 192.0.2.7 192.0.2.8 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n", b"PROXY TCP4 192.0.2.777 192.0.2.8 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n", b"PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n", b"PROXY TCP4 " + b"1" * 200,
        binary(0x11, 0x11, V4), binary(0x22, 0x11, V4), binary(0x21, 0x12, V4),
        binary(0x21, 0x11, V4[:8]), binary(0x21, 0x21, V4), binary(0x21, 0x11, bytes(5000)),
    ],
)  # fmt: skip
def test_anything_else_is_refused(header: bytes) -> None:
    """A connection that does not begin with a header has no client."""
    with pytest.raises(BadProxyHeader):
        announced(header)


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(data: bytes) -> None:
    """An address, more, or a refusal; an address is one, or nobody's."""
    try:
        found = announced(data)
    except BadProxyHeader:
        return
    if found is not None and found[0] != UNKNOWN:
        assert ipaddress.ip_address(found[0]).packed


def test_damaged_headers_never_name_another_client_by_text() -> None:
    """One byte changed in the words: refused, unknown, or still an address."""
    source = random.Random(1)
    line = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"
    for _ in range(2000):
        at = source.randrange(len(line))
        damaged = line[:at] + bytes([source.randrange(256)]) + line[at + 1 :]
        test_no_bytes_crash_it.hypothesis.inner_test(damaged)  # type: ignore[attr-defined]
