"""Networks that belong to mail providers and are shared by all their customers.

A rule that admits such a network admits every customer of the provider, and whoever opens an
account there tomorrow (L6). The ranges are those the providers publish for sending (SPF records
and support pages), joined to the blocks they lie in; an address that is missing here is still
shared, so this list catches the common mistake and is no proof.
"""

from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network

_PUBLISHED = {
    "Microsoft 365": """
        40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 13.107.6.152/31 13.107.18.10/31
        2a01:111:f400::/48 2a01:111:f403::/48""",
    "Google": """
        35.190.247.0/24 35.191.0.0/16 64.233.160.0/19 66.102.0.0/20 66.249.80.0/20
        72.14.192.0/18 74.125.0.0/16 108.177.0.0/17 130.211.0.0/22 142.250.0.0/15
        172.217.0.0/16 172.253.0.0/16 173.194.0.0/16 209.85.128.0/17 216.58.192.0/19
        216.239.32.0/19 2001:4860::/32 2404:6800::/32 2607:f8b0::/32 2800:3f0::/32
        2a00:1450::/32 2c0f:fb50::/32""",
    "Amazon SES": """
        23.249.208.0/20 23.251.224.0/19 54.240.0.0/18 69.169.224.0/20 76.223.128.0/18
        199.127.232.0/22 199.255.192.0/22 206.55.144.0/20 216.221.160.0/19""",
    "SendGrid": """
        50.31.32.0/19 149.72.0.0/16 159.183.0.0/16 167.89.0.0/17 168.245.0.0/17
        192.254.112.0/20 198.21.0.0/21 198.37.144.0/20 208.117.48.0/20""",
    "Mailgun": """
        69.72.32.0/20 104.130.96.0/28 104.130.122.0/23 143.55.224.0/19 146.20.112.0/24
        146.20.191.0/24 159.135.128.0/17 161.38.192.0/20 166.78.68.0/22 192.237.158.0/23
        198.61.254.0/23 209.61.151.0/24""",
    "Mailchimp": "148.105.0.0/16 198.2.128.0/18 205.201.128.0/20",
    "Mailjet": "87.253.232.0/21 185.189.236.0/22 185.211.120.0/22 185.250.236.0/22",
    "Brevo": "1.179.112.0/20 77.32.128.0/18 185.41.28.0/22",
    "Apple iCloud": "17.41.0.0/16 17.56.0.0/15 17.58.0.0/16 17.142.0.0/15",
    "Yahoo": "66.163.184.0/21 77.238.176.0/22 98.136.0.0/14 106.10.240.0/22 188.125.64.0/19",
    "IONOS, GMX and WEB.DE": "82.165.159.0/24 212.227.15.0/24 212.227.17.0/24 212.227.126.0/24",
    "Proton": "185.70.40.0/22 51.89.119.103/32",
    "Zoho": "136.143.160.0/19 165.173.128.0/18",
}


@cache
def _networks() -> tuple[tuple[IPv4Network | IPv6Network, str], ...]:
    return tuple(
        (ip_network(text), provider)
        for provider, texts in _PUBLISHED.items()
        for text in texts.split()
    )


def provider_of(network: IPv4Network | IPv6Network) -> str | None:
    """The mail provider whose shared ranges a network touches, None when no known one's."""
    for shared, provider in _networks():
        if network.version == shared.version and network.overlaps(shared):
            return provider
    return None
