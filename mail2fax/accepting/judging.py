"""Whose mail a mail server handed over, by the author that is proved (L6, L6a).

The From field says who it is to be; a rule must name that author, and what the rule asks for
must prove them. The server's own address only opened the conversation, MAIL FROM counts for
nothing, and fields that are not trusted are ignored.
"""

from pathlib import Path

from mail2fax import events
from mail2fax.accepting.admission import STOPPED, AuthorRule, Rule, Way, candidates
from mail2fax.accepting.settings import RelayedMail
from mail2fax.accepting.signatures import Signatures, Unknowable
from mail2fax.reading.headers import Headers
from mail2fax.reading.results import proves_author
from mail2fax.spool import replays
from mail2fax.spool.spool import Spool
from mail2fax.values import Response

_TENANT = "x-ms-exchange-crosstenant-id"
_LONGEST_HEADER = 200_000
_NO_AUTHOR = "From must name one sender, plainly: Name <ann@example.org>"
_LATER = Response(451, "4.7.5", "The sender's signature cannot be checked now. Try again later")


class AuthorJudge:
    """The judge of one listener for mail servers."""

    def __init__(self, rules: tuple[Rule, ...], spool: Spool, signatures: Signatures) -> None:
        self._rules = rules
        self._spool = spool
        self._signatures = signatures

    async def __call__(self, mail: RelayedMail, /) -> Rule | Response:
        """The rule that admits the mail, or why none does."""
        author = mail.found.headline.author
        if not author:
            return Response(550, "5.7.1", _NO_AUTHOR)
        problem, is_open = f"nobody named {author} may send faxes here", False
        for rule in candidates(self._rules, mail.proof):
            if rule.author is None or not rule.author.names(author):
                continue
            try:
                why = await self._problem(rule.author, mail, author)
            except Unknowable as error:
                events.signature_unknowable(str(error))
                is_open = True
                continue
            if why is None:
                frozen = rule.is_frozen(mail.proof, self._spool.frozen, author)
                return STOPPED if frozen else rule
            problem = why
        return _LATER if is_open else Response(550, "5.7.1", _sentence(author, problem))

    async def _problem(self, asked: AuthorRule, mail: RelayedMail, author: str) -> str | None:
        """Why the author is not proved as the rule asks; None when they are."""
        if asked.way is Way.RELAY:
            return None  # only listeners whose admin vouches for the server have such rules
        if asked.way is Way.RESULTS:
            return proves_author(_top_of(mail.file), asked.source, author)
        if asked.way is Way.M365 and (problem := await self._foreign(asked, mail)):
            return problem
        return await self._signatures.problem(mail.file, author, mail.recipients)

    async def _foreign(self, asked: AuthorRule, mail: RelayedMail) -> str | None:
        """Why a mail of Microsoft's servers is not one of our tenant."""
        headers = _top_of(mail.file)
        tenant = headers.raw(_TENANT).decode("ascii", "replace").strip().lower()
        if headers.count(_TENANT) != 1 or tenant != asked.source:
            return "it is not of the tenant that may send faxes here"
        message_id = mail.found.headline.message_id
        if not message_id or headers.count("message-id") != 1:
            return "it has no Message-ID"
        numbers = {str(one.number) for one in mail.destinations if one.number is not None}
        if await self._spool.do(replays.went_elsewhere, message_id, asked.way, numbers):
            return "a mail of this Message-ID was for other numbers"
        return None


def _top_of(file: Path) -> Headers:
    """The top header of a mail on disk."""
    with file.open("rb") as mail:
        block = mail.read(_LONGEST_HEADER)
    return Headers(block[: block.find(b"\r\n\r\n") + 4])


def _sentence(author: str, problem: str) -> str:
    text = f"The mail is not proved to be of {author}: {problem}"
    return text.encode("ascii", "replace").decode("ascii")
