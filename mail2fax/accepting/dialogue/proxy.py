"""The PROXY header, versions 1 and 2: who a load balancer says its client is (L5).

Only where the configuration believes the balancer is it looked for, and there every connection
must begin with it: a client that could choose whether to send one could choose who it is.
"""

import re
from ipaddress import IPv4Address, IPv6Address

UNKNOWN = "unknown"
"""The address of a client whom the balancer does not name (its own health check): no rule's."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LONGEST_V1 = 107
_LONGEST_V2 = 1024  # addresses and a few notes; the format allows 64 KB
_V1 = re.compile(rb"PROXY (TCP4|TCP6) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5})\r\n")
_FIXED = 16
_LOCAL, _PROXY = 0x20, 0x21
_WIDTHS = {0x11: (4, 12), 0x21: (16, 36)}  # TCP over IPv4, IPv6: an address, the whole block
_NAMELESS = (0x00, 0x31)  # unspecified, UNIX stream


class BadProxyHeader(Exception):
    """The connection does not begin with a PROXY header; the text says why."""


def announced(data: bytes) -> tuple[str, int] | None:
    """The client's address and the header's length; None while the header is not whole.

    Raises:
        BadProxyHeader: no continuation can make it one.
    """
    if data.startswith(_SIGNATURE[: len(data)]):
        return _binary(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _text(data)
    raise BadProxyHeader("it begins with something else")


def _text(data: bytes) -> tuple[str, int] | None:
    end = data.find(b"\r\n", 0, _LONGEST_V1)
    if end < 0:
        if len(data) >= _LONGEST_V1:
            raise BadProxyHeader("the line does not end")
        return None
    length = end + 2
    if data.startswith(b"PROXY UNKNOWN"):
        return UNKNOWN, length
    found = _V1.fullmatch(data[:length])
    if not found:
        raise BadProxyHeader("the line cannot be read")
    kind = IPv4Address if found[1] == b"TCP4" else IPv6Address
    try:
        return str(kind(found[2].decode("ascii"))), length
    except ValueError:
        raise BadProxyHeader("its address cannot be read") from None


def _binary(data: bytes) -> tuple[str, int] | None:
    if len(data) < _FIXED:
        return None
    command, family, size = data[12], data[13], int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY) or size > _LONGEST_V2:
        raise BadProxyHeader("its version or length is not known")
    if len(data) < _FIXED + size:
        return None
    if command == _LOCAL or family in _NAMELESS:
        return UNKNOWN, _FIXED + size
    if family not in _WIDTHS or size < _WIDTHS[family][1]:
        raise BadProxyHeader("it is not about a TCP connection")
    raw = data[_FIXED : _FIXED + _WIDTHS[family][0]]
    return str(IPv4Address(raw) if family == min(_WIDTHS) else IPv6Address(raw)), _FIXED + size
