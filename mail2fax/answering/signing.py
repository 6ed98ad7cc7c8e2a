"""Our mails are signed with the key of their domain (DKIM, RFC 6376; W7)."""

from collections.abc import Callable
from pathlib import Path

from mail2fax.errors import ConfigError

Sign = Callable[[bytes], bytes]


def unsigned(message: bytes) -> bytes:
    """A message as it is, where no key is configured."""
    return message


def signer(domain: str, selector: str, key: Path) -> Sign:
    """What puts a signature on top of a message.

    Args:
        domain: of the From address, or above it.
        selector: under which the public key stands in its DNS.
        key: file with the RSA private key, PEM.

    Raises:
        ConfigError: the file cannot be read, or holds no such key.
    """
    import dkim  # noqa: PLC0415 - only where a key is configured
    from dkim.crypto import parse_pem_private_key  # noqa: PLC0415

    try:
        pem = key.read_bytes()
        parse_pem_private_key(pem)
    except OSError as error:
        raise ConfigError([f"replies.dkim.key: {key}: {error.strerror}"]) from None
    except Exception:  # noqa: BLE001 - the library raises whatever a broken file leads to
        raise ConfigError([f"replies.dkim.key: {key} holds no RSA private key in PEM"]) from None

    def sign(message: bytes) -> bytes:
        signature: bytes = dkim.sign(
            message, selector.encode(), domain.encode(), pem,
            canonicalize=(b"relaxed", b"relaxed"),
        )  # fmt: skip
        return signature + message

    return sign
