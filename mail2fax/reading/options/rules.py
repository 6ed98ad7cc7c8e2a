"""What a rule lets a mail ask for, and the error of a wish that cannot be met (O3, O5)."""

from dataclasses import dataclass

from mail2fax.errors import Mail2FaxError
from mail2fax.values import Response

LANGUAGES = ("en",)
MALFORMED, FORBIDDEN = "5.6.0", "5.7.1"


@dataclass(frozen=True, slots=True)
class OptionRules:
    """What holds for the options of one rule's mails; by default nothing beyond the harmless.

    Attributes:
        timezone: IANA name of the zone of times without one.
        source_numbers: own numbers in E.164 that ``from`` may name.
        most_retries: the most retries of the provider a mail may ask for; 0 for none.
        may_resend: ``own`` faxes of the same identity, any of the ``account``, or ``never``.
        bill_required: whether a fax without a billing code is refused.
        bill_codes: the codes there are; empty when any may be written.
        users: Fax.Plus members that ``user`` may name.
        languages: languages that replies exist in.
        dialects: spellings of other products that are read too (O6).
        page_always: whether the mail's text goes as a page unless somebody says otherwise.
        page_alone: whether a text that nothing is attached to is faxed as a page (R8).
        nested: whether documents of mails inside the mail are faxed (M5).
    """

    timezone: str = "UTC"
    source_numbers: tuple[str, ...] = ()
    most_retries: int = 0
    may_resend: str = "own"
    bill_required: bool = False
    bill_codes: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    languages: tuple[str, ...] = LANGUAGES
    dialects: tuple[str, ...] = ()
    page_always: bool = False
    page_alone: bool = False
    nested: bool = False


class WishRefused(Mail2FaxError):
    """A wish that stops the fax; the text is the sentence the person reads, in ASCII.

    Attributes:
        status: enhanced status code: malformed, or forbidden by the rule.
    """

    def __init__(self, sentence: str, status: str = MALFORMED) -> None:
        super().__init__(sentence)
        self.status = status

    def response(self, code: int) -> Response:
        """What a client on the line is told."""
        return Response(code, self.status, str(self))
