"""F9: the scans name what should not be there, and nothing else."""

import pytest

from tests.security.scans import weak_in_sslscan, wrong_in_nmap

CLEAN = """
SSLv3     disabled
TLSv1.0   disabled
TLSv1.2   enabled
TLSv1.3   enabled
TLSv1.2 not vulnerable to heartbleed
Preferred TLSv1.3  256 bits  TLS_AES_256_GCM_SHA384        Curve P-256 DHE 256
Accepted  TLSv1.2  256 bits  ECDHE-ECDSA-CHACHA20-POLY1305 Curve P-256 DHE 256
TLSv1.3  128 bits  secp256r1 (NIST P-256)
"""


def test_a_clean_report_has_no_findings() -> None:
    """What our listener's looks like."""
    assert list(weak_in_sslscan(CLEAN)) == []
    assert list(wrong_in_nmap("|_smtp-open-relay: Server isn't an open relay, x")) == []


@pytest.mark.parametrize(
    "line",
    [
        "TLSv1.0   enabled", "SSLv2     enabled", "TLSv1.2 vulnerable to heartbleed",
        "Accepted  TLSv1.2  128 bits  ECDHE-RSA-AES128-SHA  Curve P-256 DHE 256",
        "Accepted  TLSv1.2  112 bits  DES-CBC3-SHA", "TLSv1.3  112 bits  ffdhe2048",
    ],
)  # fmt: skip
def test_a_planted_weakness_is_named(line: str) -> None:
    """Each by its line."""
    assert list(weak_in_sslscan(CLEAN + line)) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "|_smtp-open-relay: Server is an open relay (2/16 tests)", "|   root",
        "| smtp-commands: fax.example.com, SIZE 1, CHUNKING",
        "25/tcp open smtp aiosmtpd 1.4.6",
    ],
)  # fmt: skip
def test_a_planted_hole_is_named(line: str) -> None:
    """Each by its line."""
    assert list(wrong_in_nmap(line)) == [line.strip()]
