"""The keys of ``faxplus`` and ``hooks``: the account, and where it tells us of faxes that ended."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from mail2fax.config_fields import HostAndPort, Numbers, PathSecret, Section, TokenUrl, Url


class OAuth(Section):
    """An OAuth2 client of the account, instead of a token."""

    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr
    token_url: TokenUrl = "https://accounts.fax.plus/token"  # noqa: S105 - where tokens are had


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
                "write token, a personal access token of the account, or oauth with client_id, "
                "client_secret and refresh_token"
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
