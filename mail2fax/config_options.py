"""The parts of the configuration about options: how faxes are sent, and what mails may ask for."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mail2fax.config_fields import Numbers, RetryPolicy, Section, Texts, as_list

Language = Literal["en", "de", "fr", "es"]
Body = Literal["comment", "cover", "comment+cover", "page", "off"]
Dialect = Literal["interfax", "gfi", "rightfax", "relayfax", "efax", "faxback"]


class CoverPage(Section):
    """A cover page made by Fax.Plus."""

    name_to: str = ""
    name_from: str = ""
    subject: str = ""
    message: str = ""
    flags: Annotated[
        tuple[Literal["urgent", "for_review", "please_reply", "confidential"], ...],
        BeforeValidator(as_list),
    ] = ()


class FaxOptions(Section):
    """How faxes are sent unless something nearer says otherwise."""

    resolution: Literal["fine", "superfine"] | None = None
    enhance: bool | None = None
    retry: RetryPolicy | None = None
    tag: Texts = ()
    bill: str | None = None
    comment: str | None = None
    cover: CoverPage | None = None
    body: Body | None = None
    user: str | None = None
    report: bool | None = None
    lang: Language | None = None


class Billing(Section):
    """Billing codes (O5)."""

    required: bool = False
    codes: Texts = ()


class Allowances(Section):
    """What a mail may ask for and how it is read; a rule's own word stands over the site's."""

    bill: Billing | None = None
    may_resend: Literal["never", "own", "account"] | None = None
    may_send_from: Numbers = ()
    may_send_as: Texts = ()
    most_retries: Annotated[int, Field(ge=0, le=3)] | None = None
    nested: Literal["documents", "list"] | None = None
    dialects: Annotated[tuple[Dialect, ...], BeforeValidator(as_list)] | None = None
    options: FaxOptions = FaxOptions()
