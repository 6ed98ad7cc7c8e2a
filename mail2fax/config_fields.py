"""The kinds of values a configuration holds: durations, sizes, numbers, networks, addresses.

Each reads the text that stands in the file and says, when it cannot, what to write instead.
"""

import contextlib
import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from mail2fax.shared_networks import provider_of
from mail2fax.values import Retry

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|y)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "y": 365.25 * 86400.0}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)", re.ASCII)
_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9,
          "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}  # fmt: skip
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_MAILBOX = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_RETRY = re.compile(r"([0-3])\s*/\s*([0-9]|[12][0-9]|30)", re.ASCII)
_RATE = re.compile(r"([0-9]{1,9})\s*/\s*(hour|day|month)", re.ASCII)
_RATE_SECONDS = {"hour": 3600.0, "day": 86400.0, "month": 30 * 86400.0}
_AUTHSERV = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_TENANT = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_PATH_SECRET = re.compile(r"[A-Za-z0-9_-]{24,200}", re.ASCII)
_LAST_PORT = 65535
_TOKEN_URL = re.compile(r"https://\S+|http://127\.0\.0\.1[:/]\S*", re.ASCII)
_WIDEST = {4: 28, 6: 56}


def _duration(text: Any) -> float:
    if isinstance(text, (int, float)):
        return float(text)
    found = _DURATION.fullmatch(str(text).strip())
    if not found:
        raise ValueError(f"{text!r} is no duration. Write a number and a unit, such as 10m")
    return float(found[1]) * _SECONDS[found[2]]


def _size(text: Any) -> int:
    if isinstance(text, int):
        return text
    found = _SIZE.fullmatch(str(text).strip())
    if not found:
        raise ValueError(f"{text!r} is no size. Write a number and a unit, such as 30MB")
    return int(float(found[1]) * _BYTES[found[2]])


def as_list(value: Any) -> Any:
    """One value where several may stand."""
    return [value] if isinstance(value, str) else value


def _domain(text: str) -> str:
    try:
        name = text.strip().removesuffix(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]+", name):
        raise ValueError(f"{text!r} is no domain. Write one such as fax.example.com")
    return name


def _number(text: str) -> str:
    if text != "no_number" and not _E164.fullmatch(text):
        raise ValueError(f"{text!r} is no fax number. Write it with + and country code")
    return text


def mailbox(text: str) -> str:
    """A mail address.

    Raises:
        ValueError: it is none.
    """
    if not _MAILBOX.fullmatch(text):
        raise ValueError(f"{text!r} is no mail address. Write one such as office@example.com")
    return text


def country(text: str) -> str:
    """The ISO code of a country that has telephone numbers.

    Raises:
        ValueError: it is none.
    """
    import phonenumbers  # noqa: PLC0415 - large, and only needed when there is a country

    if not _COUNTRY.fullmatch(text) or text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{text!r} is no country. Write its ISO code, such as CH")
    return text


def _network(text: Any) -> IPv4Network | IPv6Network:
    if isinstance(text, (IPv4Network, IPv6Network)):
        return text
    try:
        network = ip_network(str(text), strict=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network: {error}. Write 192.168.1.0/24") from None
    if network.is_global and network.prefixlen < _WIDEST[network.version]:
        raise ValueError(
            f"{text} is a public range of many owners. Name the addresses of your own "
            f"(at most /{_WIDEST[network.version]})"
        )
    provider = provider_of(network)
    if provider is not None:
        raise ValueError(
            f"{text} belongs to {provider}, which sends for everybody from there. Use a login, "
            f"dkim or m365 instead"
        )
    return network


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address. Write 127.0.0.1, 0.0.0.0 or ::") from None


def absolute(path: Path | None) -> Path | None:
    """A path from the root.

    Raises:
        ValueError: it is none.
    """
    if path is not None and not path.is_absolute():
        raise ValueError(f"{str(path)!r} is no whole path. Write one that begins with /")
    return path


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{text!r} is no time zone. Write one such as Europe/Zurich") from None
    return text


def _retry(text: Any) -> Retry:
    if isinstance(text, Retry):
        return text
    found = _RETRY.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r}: write count/delay, such as 3/15 (0 to 3, 0 to 30)")
    return Retry(int(found[1]), int(found[2]))


def _rates(text: Any) -> tuple[tuple[int, float], ...]:
    found = []
    for one in as_list(text):
        rate = _RATE.fullmatch(str(one).strip())
        if not rate or int(rate[1]) < 1:
            raise ValueError(f"{one!r} is no quota. Write count/hour, /day or /month: 100/day")
        found.append((int(rate[1]), _RATE_SECONDS[rate[2]]))
    return tuple(found)


def _people(text: str) -> str:
    """A mail address, or ``@`` and a domain for everybody there; lower case."""
    local, at, domain = text.rpartition("@")
    if not at or (local and not _MAILBOX.fullmatch(text)):
        raise ValueError(f"{text!r} names nobody. Write ann@example.com, or @example.com for all")
    return f"{local.lower()}@{_domain(domain)}"


def _authserv(text: str) -> str:
    if not _AUTHSERV.fullmatch(text):
        raise ValueError(
            f"{text!r} is no authserv-id. Write the first word your server puts into "
            f"Authentication-Results, or none if it puts none"
        )
    return text.lower()


def _tenant(text: str) -> str:
    if not _TENANT.fullmatch(text.strip().lower()):
        raise ValueError(f"{text!r} is no tenant. Write its id from the Entra admin center")
    return text.strip().lower()


def _host_and_port(text: Any) -> tuple[str, int]:
    if isinstance(text, tuple):
        return text
    host, _, port = str(text).rpartition(":")
    with contextlib.suppress(ValueError):
        if port.isascii() and port.isdigit() and int(port) <= _LAST_PORT:
            return _address(host.removeprefix("[").removesuffix("]")), int(port)
    raise ValueError(f"{text!r} is no address and port. Write 127.0.0.1:8026 or [::1]:8026")


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError(f"{text!r} is no URL. Write one such as https://fax.example.com/hooks")
    return text.rstrip("/")


def _token_url(text: str) -> str:
    if not _TOKEN_URL.fullmatch(text):
        raise ValueError(f"{text!r} is no token endpoint. Write its address with https://")
    return text


def _path_secret(secret: SecretStr) -> SecretStr:
    if not _PATH_SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError(
            "write 24 characters at least, of letters, digits, - and _, such as "
            "`openssl rand -hex 16` prints"
        )
    return secret


def machine_timezone() -> str:
    """The machine's own time zone, UTC when it does not tell."""
    try:
        name = str(Path("/etc/localtime").resolve(strict=True)).partition("/zoneinfo/")[2]
        return _timezone(name)
    except (OSError, ValueError):
        return "UTC"


class Section(BaseModel):
    """Every section: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _split_scans(text: str) -> str:
    places = re.findall(r"\{(name|part|total)\}", text)
    if places.count("part") != 1 or places.count("total") != 1 or places.count("name") > 1:
        raise ValueError(
            f"{text!r} must hold {{part}} and {{total}} once. "
            "Write one such as {name} ({part} of {total})"
        )
    return text


SplitScans = Annotated[str, AfterValidator(_split_scans)]
HostAndPort = Annotated[tuple[str, int], BeforeValidator(_host_and_port)]
Url = Annotated[str, AfterValidator(_url)]
TokenUrl = Annotated[str, AfterValidator(_token_url)]
PathSecret = Annotated[SecretStr, AfterValidator(_path_secret)]
Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Domain = Annotated[str, AfterValidator(_domain)]
Address = Annotated[str, AfterValidator(_address)]
Timezone = Annotated[str, AfterValidator(_timezone)]
RetryPolicy = Annotated[Retry, BeforeValidator(_retry)]
Texts = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Mailbox = Annotated[str, AfterValidator(mailbox)]
Country = Annotated[str, AfterValidator(country)]
Countries = Annotated[tuple[Country, ...], BeforeValidator(as_list)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Numbers = Annotated[tuple[Annotated[str, AfterValidator(_number)], ...], BeforeValidator(as_list)]
People = Annotated[tuple[Annotated[str, AfterValidator(_people)], ...], BeforeValidator(as_list)]
Domains = Annotated[tuple[Domain, ...], BeforeValidator(as_list)]
AuthservId = Annotated[str, AfterValidator(_authserv)]
Tenant = Annotated[str, AfterValidator(_tenant)]
Rates = Annotated[tuple[tuple[int, float], ...], BeforeValidator(_rates)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
