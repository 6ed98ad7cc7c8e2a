"""Banner and EHLO, each in one write (L5).

aiosmtpd tells its version and writes EHLO line by line; copiers and scanners that read once
see half of it.
"""

from collections.abc import Iterable


def banner(hostname: str, protocol: str = "ESMTP") -> bytes:
    """The first words of a session (RFC 5321 4.2), without a version."""
    return f"220 {hostname} {protocol} mail2fax\r\n".encode("ascii")


def ehlo(hostname: str, capabilities: Iterable[str]) -> bytes:
    """The answer to EHLO or LHLO.

    Args:
        hostname: ours.
        capabilities: what holds, one keyword line each (RFC 5321 4.1.1.1).
    """
    said = (hostname, *capabilities)
    lines = [f"250-{line}\r\n" for line in said[:-1]] + [f"250 {said[-1]}\r\n"]
    return "".join(lines).encode("ascii")
