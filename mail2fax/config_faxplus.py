"""The keys of ``faxplus`` and ``hooks``: the account, and where it tells us of faxes that ended."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from mail2fax.config_fields import HostAndPort, Numbers, PathSecret, Section, TokenUrl, Url


class OAuth(Section):
    """An OAuth2 client of the account, instead of a token.

    Attributes:
        refresh_token: None where ``mail2fax authorize`` gets it.
        redirect_uri: where the consent page sends the browser, as registered for the client.
    """

    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr | None = None
    redirect_uri: str | None = None
    token_url: TokenUrl = "https://accounts.fax.plus/token"  # noqa: S105 - where tokens are had
    login_url: TokenUrl = "https://accounts.fax.plus/login"

    @property
    def written(self) -> str:
        """The refresh token that the configuration names, empty for none."""
        return self.refresh_token.get_secret_value() if self.refresh_token else ""


class FaxPlusAccount(Section):
    """The account at Fax.Plus."""

    token: SecretStr | None = None
    oauth: OAuth | None = None
    source_numbers: Annotated[Numbers, Field(alias="from", min_length=1)]
    base_url: str = "https://restapi.fax.plus/v3"
    user_id: str = "self"

    @property
    def member(self) -> str | None:
        """The member whom faxes are sent as unless a rule says otherwise; None for the owner."""
        return None if self.user_id == "self" else self.user_id

    @model_validator(mode="after")
    def _is_one_access(self) -> Self:
        if self.token is None and self.oauth is None:
            raise ValueError(
                "write token, a personal access token of the account, or oauth with client_id "
                "and client_secret"
            )
        if self.token is not None and self.oauth is not None:
            raise ValueError("token and oauth are two ways in. Leave one of them out")
        return self


class Hooks(Section):
    """Where Fax.Plus tells us that a fax has ended.

    Attributes:
        listen: where we take its deliveries.
        url: the address at which Fax.Plus reaches that place, by way of a reverse proxy.
        secret: the last part of the path; who knows it is believed to be Fax.Plus.
    """

    listen: HostAndPort
    url: Url
    secret: PathSecret
