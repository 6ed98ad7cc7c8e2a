"""DKIM signatures, verified here (RFC 6376): is this mail, as it stands, its author's domain's?

Stricter than the RFC: the signing domain is the author's very domain, the whole body is signed
(no ``l=``), and so is every field that decides what is faxed, to whom, and how. Otherwise
somebody who once got a signed mail could add to it, or hand it over for other numbers. Bounded:
the domains are those that rules name, few signatures are looked at, a large mail is not.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mail2fax import events
from mail2fax.reading.addresses import same_address
from mail2fax.reading.headers import Headers, addresses, fields

LARGEST = 45_000_000
"""Bytes of the largest mail that is verified: 30 MB of documents as a mail carries them. It is
held in memory about four times over, one mail at a time."""
_MOST_SIGNATURES = 3
_MOST_SEEN = 20
_DNS_SECONDS = 5.0
_SIGNED_IF_THERE = frozenset({
    "from", "to", "cc", "subject", "message-id", "content-type", "content-transfer-encoding",
})  # fmt: skip
_OPTION_FIELDS = re.compile(r"x-fax-.*")
_BLANKS = re.compile(rb"[\t ]{2000}")

Resolver = Callable[[str], bytes | None]


class Unknowable(Exception):
    """The domain's key could not be asked for now."""


def dns_text(name: str) -> bytes | None:
    """The TXT record of a name, None when there is none.

    Raises:
        Unknowable: no name server answered in time.
    """
    import dns.exception  # noqa: PLC0415 - only where a rule wants signatures verified
    import dns.resolver  # noqa: PLC0415

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_DNS_SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except dns.exception.DNSException as error:
        raise Unknowable(type(error).__name__) from error
    return b"".join(answer[0].strings)


class Signatures:
    """Verifies, one mail at a time, off the loop."""

    def __init__(self, resolver: Resolver = dns_text) -> None:
        self._resolver = resolver
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dkim")

    async def problem(self, file: Path, author: str, recipients: Iterable[str]) -> str | None:
        """Why a mail's signature does not prove it to be its author's; None when one does.

        Args:
            file: the mail.
            author: the one mailbox of From.
            recipients: the envelope's; each must be named in the signed To or Cc.

        Raises:
            Unknowable: the key cannot be asked for now.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._problem, file, author, [*recipients])

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False)

    def _problem(self, file: Path, author: str, recipients: list[str]) -> str | None:
        if file.stat().st_size > LARGEST:
            return f"the mail is larger than {LARGEST // 1_000_000} MB, which is not verified"
        mail = file.read_bytes()
        end = mail.find(b"\r\n\r\n")
        if _BLANKS.search(mail):
            return "the mail has blanks without end, which are not verified"
        headers = Headers(mail[: end + 4])
        names = [field.name for field in fields(mail[: end + 4])]
        if problem := _unnamed(headers, recipients):
            return problem
        return self._verified(mail, author.rpartition("@")[2], names)

    def _verified(self, mail: bytes, domain: str, names: list[str]) -> str | None:
        """None when a signature of the domain covers what it must and is right."""
        import dkim  # noqa: PLC0415 - only where a rule wants signatures verified

        count = names.count("dkim-signature")
        if count == 0:
            return "it has no DKIM signature"
        problem = f"no signature of {domain} is on it"
        looked_at = 0
        try:
            message = dkim.DKIM(mail, minkey=1024, timeout=_DNS_SECONDS)
            for position in range(min(count, _MOST_SEEN)):
                tags, covered, _ = message.verify_headerprep(position)
                if tags[b"d"].decode("ascii").lower() != domain.lower():
                    continue
                looked_at += 1
                problem = _uncovered(tags, covered, names)
                if not problem and message.verify(position, self._lookup):
                    return None
                problem = problem or f"the signature of {domain} is wrong"
                if looked_at == _MOST_SIGNATURES:
                    break
        except Unknowable:
            raise
        except Exception as error:  # noqa: BLE001 - a parser that stumbles has verified nothing
            events.signature_odd(type(error).__name__)
            return "its signature is wrong or cannot be read"
        return problem

    def _lookup(self, name: bytes, timeout: float = _DNS_SECONDS) -> bytes | None:
        del timeout  # the resolver's own
        return self._resolver(name.decode("ascii"))


def _unnamed(headers: Headers, recipients: list[str]) -> str:
    """Why the header does not name every recipient; empty when it does."""
    if any(headers.count(name) > 1 for name in _SIGNED_IF_THERE):
        return "a field that decides what is faxed stands in it twice"
    named = [*addresses(headers.raw("to")), *addresses(headers.raw("cc"))]
    known = {same_address(address) for address, _ in named}
    for recipient in recipients:
        if same_address(recipient) not in known:
            return f"{recipient} is not named in To or Cc"
    return ""


def _uncovered(tags: dict[bytes, bytes], covered: list[bytes], names: list[str]) -> str:
    """What a signature leaves open that decides what is faxed; empty for nothing."""
    if b"l" in tags:
        return "its signature covers only a part of the mail"
    if tags[b"a"] not in (b"rsa-sha256", b"ed25519-sha256"):
        return "its signature is of a kind that can be forged"
    signed = {name.decode("ascii", "replace") for name in covered}
    for name in names:
        if (name in _SIGNED_IF_THERE or _OPTION_FIELDS.fullmatch(name)) and name not in signed:
            return f"its signature does not cover {name}"
    return ""
