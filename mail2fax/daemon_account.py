"""What the daemon has to do with the account at Fax.Plus: its client, the door for its hooks."""

from collections.abc import Coroutine, Iterator
from typing import Any

from mail2fax.clock import Clock
from mail2fax.config import Config
from mail2fax.errors import ConfigError
from mail2fax.faxplus.access import OAuth, OAuthClient
from mail2fax.faxplus.client import FaxPlus
from mail2fax.spool import refresh_tokens
from mail2fax.spool.commands import Command
from mail2fax.spool.keeping_commands import keep_consent
from mail2fax.spool.spool import Spool
from mail2fax.web.hooks import door
from mail2fax.web.registration import keep_registered
from mail2fax.web.server import WebServer

_NO_CONSENT = (
    "faxplus.oauth: the account's owner has not agreed yet. Run: mail2fax authorize, "
    "or write a refresh_token"
)


async def fax_plus(config: Config, spool: Spool, clock: Clock) -> FaxPlus:
    """The client of the account; a refresh token that came later goes before the written one.

    It asks for the token's owner; each fax says whom it is sent as (`Config.options_of`), so that
    another ``user_id`` in the configuration changes nothing for those on their way.

    Raises:
        ConfigError: the account's owner has not agreed yet.
    """
    account = config.faxplus
    access: str | OAuth
    if account.oauth is not None:
        written = account.oauth.written
        newest = await spool.do(refresh_tokens.newest, written) or written
        if not newest:
            raise ConfigError([_NO_CONSENT])
        keys = OAuthClient(
            account.oauth.client_id,
            account.oauth.client_secret.get_secret_value(),
            newest,
            account.oauth.token_url,
        )
        of = refresh_tokens.digest(written)

        async def keep(token: str) -> None:
            await spool.do(refresh_tokens.keep, of, token)

        access = OAuth(keys, keep, now=clock.now)
    else:
        assert account.token is not None, "the configuration has one or the other"
        access = account.token.get_secret_value()
    return FaxPlus(account.base_url, access)


def account_commands(client: FaxPlus) -> dict[str, Command]:
    """What only a running daemon does of `mail2fax.spool.commands` for the account."""

    async def authorize(spool: Spool, request: dict[str, Any], who: str) -> None:
        """Keep the refresh token of a new consent, and go on with it at once."""
        await keep_consent(spool, request, who)
        if isinstance(client.access, OAuth):
            await client.access.consented(str(request["refresh_token"]))

    return {"authorize": authorize}


def hook_tasks(
    config: Config, spool: Spool, client: FaxPlus
) -> Iterator[Coroutine[Any, Any, None]]:
    """What is to run where Fax.Plus tells us that a fax has ended; nothing where it does not.

    Raises:
        OSError: the address cannot be listened at.
    """
    if config.hooks is None:
        return
    secret = config.hooks.secret.get_secret_value()
    yield WebServer(door(secret, spool.bells), *config.hooks.listen).run()
    yield keep_registered(client, config.hooks.url, secret)
