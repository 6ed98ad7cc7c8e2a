"""From configuration to settings of the answering station: words, relay, signature."""

from collections.abc import Iterable

from mail2fax.accepting.admission import ENVELOPE, Rule
from mail2fax.answering.case import LetterSettings
from mail2fax.answering.mailer import Login, Relay, RelayTls
from mail2fax.answering.message import Sender
from mail2fax.answering.relay_token import RelayTokens, TokenSource
from mail2fax.answering.reporter import AnsweringSettings
from mail2fax.answering.signing import Sign, signer, unsigned
from mail2fax.clock import Clock
from mail2fax.config import Config
from mail2fax.config_relay import RelayAddress, RelayToken


def answering_settings(config: Config, clock: Clock) -> AnsweringSettings:
    """The answering station.

    Raises:
        ConfigError: templates have mistakes, or the key that signs is no good.
    """
    return AnsweringSettings(
        relay_of(config, clock),
        Sender(config.reply_address, config.domains[0]),
        config.admin or "",
        letter_settings(config),
        sign_of(config),
    )


def letter_settings(config: Config) -> LetterSettings:
    """What the words of replies need; the admin's own are tried first.

    Raises:
        ConfigError: with every mistake in them.
    """
    if config.templates is not None:
        from mail2fax.answering import overrides  # noqa: PLC0415 - few have their own

        overrides.check(config.templates)
    rules = zip(config.rule_names(), config.senders, strict=True)
    return LetterSettings(
        config.timezone,
        config.sending.give_up,
        config.sending.hold_for,
        config.language,
        {name: config.timezone_of(rule) for name, rule in rules},
        config.templates,
    )


def reports_go_back(config: Config, rules: Iterable[Rule]) -> bool:
    """Whether a listener can promise its senders reports (DSN, W5).

    Some rule there must answer the sender, not a fixed address; and the relay must take mail
    of the null sender, without which a report may loop.
    """
    answered = any(rule.reply_to == ENVELOPE for rule in rules)
    return answered and config.relay.envelope_from is None


def bounces_to(config: Config) -> str:
    """Where our mails come back, when that is here (W1)."""
    address = config.relay.envelope_from or ""
    return address if address.rpartition("@")[2].lower() in config.domains else ""


def relay_of(config: Config, clock: Clock) -> Relay:
    """Where replies go."""
    relay = config.relay
    return Relay(
        host=relay.host,
        port=relay.reached_at,
        hostname=config.hostname or config.domains[0],
        envelope_from=relay.envelope_from,
        tls=RelayTls.FIRST if relay.protocol == "smtps" else RelayTls(relay.floor),
        verify=relay.verify,
        ca=relay.ca,
        login=_login_of(relay, clock),
    )


def sign_of(config: Config) -> Sign:
    """What signs our mails.

    Raises:
        ConfigError: the key is no good.
    """
    key = config.replies.dkim
    return unsigned if key is None else signer(key.domain, key.selector, key.key)


def _login_of(relay: RelayAddress, clock: Clock) -> Login | None:
    if not relay.login:
        return None
    if relay.oauth is not None:
        return Login(relay.login, tokens=RelayTokens(_source_of(relay.oauth), clock))
    assert relay.password is not None, "the configuration asks for one of them"
    return Login(relay.login, relay.password.get_secret_value())


def _source_of(oauth: RelayToken) -> TokenSource:
    secret, refresh = oauth.client_secret, oauth.refresh_token
    return TokenSource(
        oauth.token_url,
        oauth.client_id,
        secret.get_secret_value() if secret else "",
        refresh.get_secret_value() if refresh else "",
        oauth.scope,
    )
