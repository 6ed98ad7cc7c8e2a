"""The first consent of OAuth2: the account's owner agrees in a browser, and a code comes back.

As the API's pages say (facts: 1.3): the consent page redirects to ``redirect_uri?code=…``, and the
token endpoint takes the code once, with the client's id and secret by Basic. The pages place its
fields in the query, the official sample in the form's body; here it is the body, which stands in
no log on the way.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from mail2fax.errors import Mail2FaxError
from mail2fax.faxplus import access, border, wire

LOGIN_URL = "https://accounts.fax.plus/login"
_SCOPE = "all"
_THROTTLED = 429


class NotAuthorized(Mail2FaxError):
    """There is no refresh token; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """A registered OAuth2 client that wants an owner's consent.

    Attributes:
        redirect_uri: where the consent page sends the browser, as registered at Fax.Plus.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    login_url: str = LOGIN_URL
    token_url: str = access.TOKEN_URL

    @property
    def consent_url(self) -> str:
        """The address that the account's owner opens."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": _SCOPE,
        }
        return f"{self.login_url}?{urlencode(query)}"


def code_in(text: str) -> str:
    """The code in what was pasted: the code itself, or the whole address it came with.

    Raises:
        NotAuthorized: there is none.
    """
    pasted = text.strip()
    if not pasted:
        raise NotAuthorized("no code was given; nothing was changed")
    if "=" not in pasted and "/" not in pasted:
        return pasted
    fields = parse_qs(urlsplit(pasted).query)
    if refusal := fields.get("error"):
        raise NotAuthorized(f"the consent was refused: {refusal[0][:200]}")
    codes = fields.get("code", [])
    if len(codes) != 1:
        raise NotAuthorized(
            "the pasted address holds no code. Paste the whole address that the browser shows "
            "after the consent; it ends like ?code=…"
        )
    return codes[0]


async def redeem(
    applicant: Applicant, code: str, transport: httpx.AsyncBaseTransport | None = None
) -> str:
    """The refresh token for a code, which is good once.

    Raises:
        NotAuthorized: there is none.
    """
    body = {
        "grant_type": "authorization_code",
        "client_id": applicant.client_id,
        "code": code,
        "redirect_uri": applicant.redirect_uri,
    }
    login = (applicant.client_id, applicant.client_secret)
    try:
        response = await access.ask_for_tokens(
            applicant.token_url, login, body=body, transport=transport
        )
    except (*border.TRANSPORT, TimeoutError) as error:
        raise NotAuthorized(
            f"{applicant.token_url} could not be asked ({type(error).__name__}). "
            "The code may be spent: begin again once it answers"
        ) from error
    if not response.is_success:
        raise NotAuthorized(_why(response))
    tokens = wire.tokens(border.parsed(response.content))
    if tokens is None or tokens.refresh is None:
        raise NotAuthorized("the token endpoint took the code and gave no refresh token")
    return tokens.refresh


def _why(response: httpx.Response) -> str:
    """What an answer other than 2xx means for who has just agreed."""
    said = border.own_words(response.content)
    if "invalid_client" in said:
        return (
            f"the token endpoint does not know the client ({said}). "
            "Check client_id and client_secret of faxplus.oauth"
        )
    if said and response.is_client_error and response.status_code != _THROTTLED:
        return (
            f"the token endpoint refused the code ({said}). It is good once, for a short time and "
            "for the registered redirect_uri only: open the address again"
        )
    return f"the token endpoint answered {response.status_code}. Begin again later"
