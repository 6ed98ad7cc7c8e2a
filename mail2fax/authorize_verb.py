"""``mail2fax authorize``: the account's owner agrees (OAuth2), and the spool keeps the token."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mail2fax.errors import ConfigError

if TYPE_CHECKING:
    from mail2fax.config import Config
    from mail2fax.faxplus.consent import Applicant

_DONE = 0
_HELP = "let the account's owner agree (OAuth2): get the refresh token"
_MORE = """\
Prints an address. Who owns the account at Fax.Plus opens it in any browser and agrees; then the
browser goes to the redirect_uri, with a code. Paste that address here, or the code alone: it is
exchanged for a refresh token, which the ledger in state_dir keeps and the daemon uses, a running
one at once. Needs faxplus.oauth with client_id, client_secret and redirect_uri."""

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_authorize_verb(verbs: Any, add_config: AddConfig) -> None:
    """Add ``authorize`` to the command line."""
    authorize = verbs.add_parser("authorize", help=_HELP, description=_MORE)
    add_config(authorize)
    authorize.set_defaults(verb=_authorize)


def _authorize(arguments: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.faxplus.consent import code_in  # noqa: PLC0415

    path = Path(arguments.config)
    config = load_config(path)
    applicant = _applicant(config, path)
    print(f"Open this address as the owner of the account, and agree:\n\n{applicant.consent_url}\n")
    print("Then paste the address that the browser goes to, or the code in it:", flush=True)
    asyncio.run(_redeem(config, applicant, code_in(sys.stdin.readline())))
    print(f"The refresh token stands in the ledger of {config.state_dir}, and is used from now on.")
    if config.faxplus.oauth and config.faxplus.oauth.written:
        print("It goes before the refresh_token in the configuration, until you write another.")
    return _DONE


def _applicant(config: "Config", path: Path) -> "Applicant":
    """Who asks for the consent.

    Raises:
        ConfigError: the configuration lacks something for it.
    """
    from mail2fax.faxplus.consent import Applicant  # noqa: PLC0415

    oauth = config.faxplus.oauth
    if oauth is None:
        raise ConfigError([f"{path}: faxplus: has a token and no oauth; there is nothing to agree"])
    if oauth.redirect_uri is None:
        text = "is missing. Write the address that is registered for the client at Fax.Plus"
        raise ConfigError([f"{path}: faxplus.oauth.redirect_uri: {text}"])
    return Applicant(
        oauth.client_id,
        oauth.client_secret.get_secret_value(),
        oauth.redirect_uri,
        oauth.login_url,
        oauth.token_url,
    )


async def _redeem(config: "Config", applicant: "Applicant", code: str) -> None:
    from mail2fax.faxplus.consent import redeem  # noqa: PLC0415
    from mail2fax.spool import refresh_tokens  # noqa: PLC0415
    from mail2fax.spool.commands import ask  # noqa: PLC0415

    token = await redeem(applicant, code)
    of = refresh_tokens.digest(config.faxplus.oauth.written if config.faxplus.oauth else "")
    await ask(config.state_dir, {"command": "authorize", "of": of, "refresh_token": token})
