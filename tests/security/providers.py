"""Our list of shared networks, held against SPF records: ``python -m tests.security.providers``.

Reads the SPF records (RFC 7208) of each provider by DNS, so it needs the internet, and prints
every range that `mail2fax.shared_networks` would let a rule name. To be run before a release.
"""

import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

import dns.exception
import dns.resolver

from mail2fax.shared_networks import provider_of

PUBLISHED = {
    "Microsoft 365": ("spf.protection.outlook.com",),
    "Google": ("_spf.google.com",),
    "Amazon SES": ("amazonses.com",),
    "SendGrid": ("sendgrid.net",),
    "Mailgun": ("mailgun.org",),
    "Mailchimp": ("servers.mcsv.net", "spf.mandrillapp.com"),
    "Mailjet": ("spf.mailjet.com",),
    "Brevo": ("spf.brevo.com",),
    "Apple iCloud": ("icloud.com",),
    "Yahoo": ("yahoo.com",),
    "IONOS, GMX and WEB.DE": ("_spf.kundenserver.de", "gmx.net", "web.de"),
    "Proton": ("_spf.protonmail.ch",),
    "Zoho": ("spf.zoho.com", "spf.zoho.eu"),
}
_MOST_RECORDS = 40
_OPENS = {"ip4", "ip6"}
Resolver = Callable[[str], list[bytes]]
"""The TXT records of a name."""


class Unknown(Exception):
    """A provider's record cannot be had."""


def txt(name: str) -> list[bytes]:
    """The TXT records of a name, by this machine's name servers.

    Raises:
        Unknown: there are none, or no server answers.
    """
    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=10, search=False)
    except dns.exception.DNSException as error:
        raise Unknown(f"{name}: {type(error).__name__}") from error
    return [b"".join(record.strings) for record in answer]


def ranges(name: str, resolver: Resolver) -> set[IPv4Network | IPv6Network]:
    """Every range that a domain's SPF record and those it includes name.

    Raises:
        Unknown: a record cannot be had, or they have no end.
    """
    found: set[IPv4Network | IPv6Network] = set()
    seen, waiting = {name}, [name]
    while waiting:
        if len(seen) > _MOST_RECORDS:
            raise Unknown(f"{name}: more than {_MOST_RECORDS} records")
        for kind, value in _terms(waiting.pop(), resolver):
            if kind in _OPENS:
                found.add(ip_network(value, strict=False))
            elif value not in seen:
                seen.add(value)
                waiting.append(value)
    return found


def _terms(name: str, resolver: Resolver) -> Iterator[tuple[str, str]]:
    records = [one.decode("ascii", "replace") for one in resolver(f"{name}.")]
    record = next((one for one in records if one.startswith("v=spf1")), None)
    if record is None:
        raise Unknown(f"{name}: no SPF record")
    for word in record.split()[1:]:
        kind, _, value = word.lstrip("+?~-").replace("redirect=", "include:").partition(":")
        if kind.lower() in _OPENS | {"include"}:
            yield kind.lower(), value


def missing(names: tuple[str, ...], resolver: Resolver) -> list[str]:
    """The published ranges that a rule could name without a word of ours."""
    found = set[IPv4Network | IPv6Network]().union(*(ranges(name, resolver) for name in names))
    return sorted(str(one) for one in found if provider_of(one) is None)


def main() -> int:
    """Ask; 1 when a range is missing, 2 when a provider could not be asked."""
    code = 0
    for provider, names in PUBLISHED.items():
        try:
            found = missing(names, txt)
        except Unknown as error:
            print(f"{provider}: cannot be asked: {error}")
            code = 2
            continue
        print(f"{provider}: {'missing ' + ' '.join(found) if found else 'all of it is known'}")
        code = max(code, 1) if found else code
    return code


if __name__ == "__main__":
    sys.exit(main())
