"""Mail to postmaster and abuse at our domains is the admin's, whoever writes it (A2).

RFC 5321 4.5.1 wants it accepted. It is never faxed, may be small only, and a network that no
rule names may write so many an hour.
"""

from collections.abc import Collection

from mail2fax.reading.addresses import same_domain
from mail2fax.reading.forms import unquoted
from mail2fax.values import Response

MOST_BYTES = 1_000_000
ROLES = ("postmaster", "abuse")
TAKEN = Response(250, "2.1.5", "Will pass it to the administrator")
LARGE = Response(552, "5.3.4", "A mail to the administrator may have 1 MB. Send less")
TOO_MANY = Response(
    450, "4.7.1", "Too many mails to the administrator from your network. Try again in an hour"
)


def is_role(path: str, domains: Collection[str]) -> bool:
    """Whether a recipient is postmaster or abuse at one of the domains, in any spelling.

    ``postmaster`` stands without a domain too (RFC 5321 4.5.1).
    """
    local, at, domain = path.strip(" ").rpartition("@")
    name = unquoted(local if at else domain).lower()
    if not at:
        return name == ROLES[0]
    try:
        return name in ROLES and same_domain(domain) in domains
    except UnicodeError:
        return False
