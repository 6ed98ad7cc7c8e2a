"""What ``mail2fax check`` looks at: the configuration, the account, the relay and the way back.

Each check ends in one `Finding`: ok, or a sentence that says what to do.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum

from mail2fax.answering import mailer
from mail2fax.answering.reporter import AnsweringSettings
from mail2fax.clock import Clock, utc
from mail2fax.config import Config, SenderRule
from mail2fax.daemon_answering import answering_settings
from mail2fax.errors import AccountFailure, Failure, PermanentFailure
from mail2fax.faxplus.client import FaxPlus
from mail2fax.reading.verbs import address_of
from mail2fax.spool.commands import CommandFailed, ask

_EVERY = 0.2
_FAX_PLUS_SECONDS = 20.0


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    LOOK = "look"  # it works, and an admin should look at it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and what to do."""

    what: str
    state: State
    text: str


async def findings(config: Config, seconds: float) -> AsyncIterator[Finding]:
    """Everything that is found, one after the other.

    Args:
        config: the daemon's.
        seconds: how long a mail may be on its way back to us.
    """
    for finding in of_configuration(config):
        yield finding
    yield await of_account(config)
    async for finding in of_way_back(config, seconds):
        yield finding


# The configuration


def of_configuration(config: Config) -> Iterator[Finding]:
    """What a configuration without a mistake still lacks. Pure."""
    yield Finding("configuration", State.OK, "every key is understood")
    if config.admin is None:
        text = "is not set: write who is told when nobody else can be: admin: you@example.com"
        yield Finding("admin", State.FAILED, text)
    for warning in config.warnings():
        if not warning.startswith("admin "):
            yield Finding("configuration", State.LOOK, warning)
    for name, rule in zip(config.rule_names(), config.senders, strict=True):
        yield from _of_rule(name, rule)
    yield from _of_relay(config)


def _of_rule(name: str, rule: SenderRule) -> Iterator[Finding]:
    if not rule.name:
        text = "has no name: what is frozen or counted for it follows its place in the list"
        yield Finding(name, State.LOOK, f"{text}. Write name: office")
    if not rule.quota.quotas():
        text = "has no quota: a stolen password could fax without end"
        yield Finding(name, State.LOOK, f"{text}. Write quota: {{faxes: 200/day}}")


def _of_relay(config: Config) -> Iterator[Finding]:
    relay = config.relay
    if relay.protocol == "smtps" or relay.is_here:
        return
    if relay.floor != "required":
        text = f"{relay.floor}: replies may cross the network in the clear. Write tls: required"
        yield Finding("relay.tls", State.LOOK, text)
    if not relay.verify:
        text = "false: anybody on the way could read the replies. Write ca: FILE instead"
        yield Finding("relay.verify", State.LOOK, text)


# The account


async def of_account(config: Config) -> Finding:
    """Whether Fax.Plus knows us, and the numbers we send from are ours."""
    account = config.faxplus
    if account.token is None:
        return Finding("fax.plus", State.LOOK, "OAuth2 is tried by the daemon alone: see its log")
    client = FaxPlus(
        account.base_url, account.token.get_secret_value(),
        user_id=account.user_id, deadline=_FAX_PLUS_SECONDS,
    )  # fmt: skip
    try:
        numbers = await client.numbers()
        barred = [one for one in sorted(config.members) if await _is_barred(client, one)]
    except Failure as failure:
        return Finding("fax.plus", State.FAILED, str(failure))
    finally:
        await client.aclose()
    if barred:
        text = f"{', '.join(barred)} is no user that this token may send as"
        return Finding("user", State.FAILED, f"{text}: it wants an administrator's token")
    foreign = [one for one in account.source_numbers if one.partition("*")[0] not in numbers]
    if foreign:
        text = f"{', '.join(foreign)} is no number of the account. It has {', '.join(numbers)}"
        return Finding("faxplus.from", State.FAILED, text)
    return Finding("fax.plus", State.OK, f"takes the token; the numbers are {', '.join(numbers)}")


async def _is_barred(client: FaxPlus, member: str) -> bool:
    """Whether a member that some mail may be sent as is none we may ask for.

    Raises:
        Failure: nothing can be said of anybody.
    """
    try:
        await client.as_user(member).account()
    except (AccountFailure, PermanentFailure):
        return True
    return False


# The way back


async def of_way_back(config: Config, seconds: float) -> AsyncIterator[Finding]:
    """Whether a mail to an answer address goes out by the relay and comes in at the daemon (W6)."""
    clock = Clock()
    try:
        probe = await ask(config.state_dir, {"command": "probe"})
    except CommandFailed as failed:
        text = f"the way back of answers cannot be tried: {failed}"
        yield Finding("daemon", State.FAILED, text)
        return
    token, settings = probe["token"], answering_settings(config, clock)
    to = address_of(token, config.domains[0])
    sent = await _sent(to, settings, clock)
    yield sent
    if sent.state is State.OK:
        yield await _arrival(config, token, seconds)


async def _sent(to: str, settings: AnsweringSettings, clock: Clock) -> Finding:
    """Hand the probe to the relay."""
    message = settings.sign(_probe(to, settings.sender.address, clock))
    relay, where = settings.relay, f"{settings.relay.host}:{settings.relay.port}"
    try:
        await mailer.hand_over(message, [to], relay)
    except PermanentFailure as failure:
        domain = to.rpartition("@")[2]
        text = f"{failure}. Let {where} send mail for re+*@{domain} on to mail2fax"
        return Finding("relay", State.FAILED, text)
    except Failure as failure:
        return Finding("relay", State.FAILED, f"{where}: {failure}")
    return Finding("relay", State.OK, f"{where} takes our mail")


def _probe(to: str, sender: str, clock: Clock) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, to
    message["Subject"] = "mail2fax check"
    message["Date"] = format_datetime(utc(clock.now()))
    message["Message-ID"] = f"<check.{to}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content("mail2fax check: does an answer to a reply find its way back?\n")
    return message.as_bytes()


async def _arrival(config: Config, token: str, seconds: float) -> Finding:
    """Wait for the probe."""
    domain, waited = config.domains[0], 0.0
    while waited < seconds:
        seen = await ask(config.state_dir, {"command": "probe", "token": token})
        if seen["arrived"]:
            text = f"mail to {domain} finds its way back, by {seen['arrived']}"
            return Finding("answers", State.OK, text)
        await asyncio.sleep(_EVERY)
        waited += _EVERY
    text = (
        f"nothing came back in {seconds:.0f} seconds. Mail to re+*@{domain} must reach a listener "
        f"of mail2fax: an MX record of {domain}, or a route in your mail server. See its log for "
        f"{address_of(token, domain)}"
    )
    return Finding("answers", State.FAILED, text)
