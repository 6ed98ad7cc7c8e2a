"""Banner and EHLO, each in one write (L5).

aiosmtpd tells its version and writes EHLO line by line; copiers and scanners that read once
see half of it.
"""


def banner(hostname: str) -> bytes:
    """The first words of a session (RFC 5321 4.2), without a version."""
    return f"220 {hostname} ESMTP mail2fax\r\n".encode("ascii")


def ehlo(hostname: str, size: int) -> bytes:
    """The answer to EHLO: only what holds.

    Args:
        hostname: ours.
        size: the most bytes a mail may have (RFC 1870).
    """
    said = (
        hostname, "PIPELINING", f"SIZE {size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
    )  # fmt: skip
    lines = [f"250-{line}\r\n" for line in said[:-1]] + [f"250 {said[-1]}\r\n"]
    return "".join(lines).encode("ascii")
