"""The words of the house as types: frozen values that travel between the rooms.

They carry no behaviour beyond showing themselves, import nothing of mail2fax, and are what the
stations, the spool and the pure ground exchange. The words are those of docs/design.md.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class FaxNumber:
    """A destination in E.164 form: ``+`` and 7 to 15 digits (ITU-T E.164)."""

    e164: str

    def __post_init__(self) -> None:
        """Refuse anything but E.164, so that no other text can reach the outbox.

        Raises:
            ValueError: the text is not in E.164 form.
        """
        if not _E164.fullmatch(self.e164):
            raise ValueError(f"not an E.164 number: {self.e164!r}")

    def __str__(self) -> str:
        return self.e164

    @property
    def masked(self) -> str:
        """The form a log may hold: the first three and the last two digits (promise 6)."""
        return f"{self.e164[:4]}…{self.e164[-2:]}"


@dataclass(frozen=True, slots=True)
class Response:
    """An SMTP answer (RFC 5321 4.2) with its enhanced status code (RFC 3463).

    Attributes:
        code: the three-digit reply code.
        status: the enhanced status code, such as ``5.1.3``; empty where none belongs.
        text: one sentence in ASCII; what is wrong and what to do.
    """

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        return (
            f"{self.code} {self.status} {self.text}" if self.status else f"{self.code} {self.text}"
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """One option as somebody wrote it, not yet understood (O1, O2).

    Attributes:
        key: the word before ``=`` or ``:``, in lower case.
        value: what stands behind it; empty when the word stands alone, as ``fine`` may.
        place: where it stood: ``header``, ``body``, ``subject`` or ``address``.
        problem: why it can only stop the fax, a sentence; empty when it may be understood.
    """

    key: str
    value: str
    place: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """One number read out of one address (or the reason why none was).

    Attributes:
        written: what stood in the address for it.
        number: what would be dialled; None when it was refused.
        why: how it was read, or why it was refused, in words.
        country: ISO 3166 code of the number, empty when refused.
        name: the recipient's name from To/Cc (A9), if any.
        wishes: options of the address, which apply to this number alone (O2).
    """

    written: str
    number: FaxNumber | None
    why: str
    country: str = ""
    name: str | None = None
    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was admitted, and what the rule says about them.

    Attributes:
        rule: the rule's name in the configuration, such as ``senders[0]``.
        kind: how they were identified: ``network``, ``login``, ``certificate``, or what proved
            the author: ``dkim``, ``m365``, ``results``, ``relay``.
        name: what was proved, in words: a client's address, a login, a mail address.
        device: a copier rather than a person.
        person: who stands behind it, a login or a mail address; empty when nobody is named.
        person_proved: whether the person was proved, and not only named at a device (L7).
    """

    rule: str
    kind: str
    name: str
    device: bool = False
    person: str = ""
    person_proved: bool = False

    @property
    def who(self) -> str:
        """The identity as one word that can be compared (L9: same identity)."""
        return f"{self.kind}:{self.name}"

    @property
    def names(self) -> frozenset[str]:
        """Every name by which it can be frozen: its rule, what was proved, its person."""
        return frozenset({self.rule, self.name, self.person} - {""})


@dataclass(frozen=True, slots=True)
class Quota:
    """The most a rule may send in any stretch of time (L8).

    Attributes:
        what: ``faxes``, ``pages`` or ``numbers`` (distinct ones).
        most: how many.
        seconds: in any stretch of so many seconds.
    """

    what: str
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RefusedRecipient:
    """A RCPT that got a 5xx inside a transaction that was accepted (W2 tells it)."""

    written: str
    response: str


NEVER = "NEVER"
SUCCESS, FAILURE, DELAY = NOTIFY = ("SUCCESS", "FAILURE", "DELAY")
"""What a sender may want a delivery report of (RFC 3461 4.1); `NEVER` stands alone."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted forward-path, and what its sender wants to be told of it (RFC 3461).

    Attributes:
        written: exactly as on the wire.
        numbers: the fax numbers read out of it, in E.164.
        notify: `NEVER`, or some of `NOTIFY`; empty when the sender did not say.
        original: ORCPT as ``type;address``, decoded; empty when the sender did not say.
    """

    written: str
    numbers: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    original: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One SMTP transaction: who handed over what for whom.

    Attributes:
        mail_from: the reverse-path without angle brackets; empty for the null sender.
        rcpt_tos: the accepted forward-paths, exactly as written on the wire.
        refused: the recipients refused at RCPT.
        peer: the client's address as text.
        helo: what the client called itself.
        listener: name of the listener it came in by.
        recipients: the same as ``rcpt_tos``, with what is to be told of each.
        envelope_id: ENVID, decoded; empty when the sender did not say.
        returned: RET: ``FULL`` or ``HDRS``; empty when the sender did not say.
    """

    mail_from: str
    rcpt_tos: tuple[str, ...]
    refused: tuple[RefusedRecipient, ...] = ()
    peer: str = ""
    helo: str = ""
    listener: str = ""
    recipients: tuple[Recipient, ...] = ()
    envelope_id: str = ""
    returned: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Provider-side retries (``options.retry``): count 0..3, delay 0..30."""

    count: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands on a cover page made by Fax.Plus (``cover_page``).

    ``company`` is the recipient's and goes with ``name_to``; the API has no field for it.
    """

    name_to: str = ""
    name_from: str = ""
    subject: str = ""
    message: str = ""
    flags: tuple[str, ...] = ()
    company: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How a fax is to be sent; the vocabulary of O1, each field None or empty when unsaid.

    A rule, each place of a mail and an address say a part of it; what a fax has in the ledger
    is all of them laid over one another, with its cover page written out.

    Attributes:
        source_numbers: ``from``: own numbers in E.164; several are offered to Fax.Plus as a list.
        at: ``send_time``: seconds since the epoch.
        resolution: ``fine`` or ``superfine``.
        enhance: ``options.enhancement``.
        retry: provider-side retries; None means ours (ruling R4).
        tags: ``comment.tags`` beside our token.
        bill: billing code, one more tag.
        comment: ``comment.text`` instead of the mail's own words.
        with_cover: whether there is a cover page at all.
        cover: what stands on it, as far as it was said.
        body: what becomes of the mail's text: ``comment``, ``cover``, ``comment+cover``,
            ``page`` or ``off``.
        resend: reference or fax ID of an earlier fax to send again, as written.
        from_fax: the fax ID it was found to be; its pages follow the documents (``from_fax``).
        user_id: the Fax.Plus member to send as.
        report: whether Fax.Plus's own report is wanted with the outcome.
        lang: language of the replies, such as ``en``.
    """

    source_numbers: tuple[str, ...] = ()
    at: float | None = None
    resolution: str | None = None
    enhance: bool | None = None
    retry: Retry | None = None
    tags: tuple[str, ...] = ()
    bill: str | None = None
    comment: str | None = None
    with_cover: bool | None = None
    cover: Cover | None = None
    body: str | None = None
    resend: str | None = None
    from_fax: str | None = None
    user_id: str | None = None
    report: bool | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """What is uploaded in place of a document that cannot go as it stood.

    Attributes:
        content_type: of the prepared file.
        size: bytes of the prepared file.
        sha256: hex digest of the prepared file.
        why: one sentence: what was done, and why.
    """

    content_type: str
    size: int
    sha256: str
    why: str


PAGE = "page"
"""Role of the document that is the mail's own text, and the ``body`` that asks for it."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file to fax, as it stood in the mail, decoded.

    Attributes:
        part: MIME section number, such as ``1.2`` (RFC 3501 6.4.5 numbering).
        filename: its name, decoded; made up from type and order when it had none.
        content_type: what the content is, not what the label says.
        size: bytes after decoding.
        sha256: hex digest of those bytes.
        pages: pages counted in PDF and TIFF, None for other types.
        file: name of the prepared file below the mail's directory in the spool. Documents that
            follow one another may share one.
        role: ``page`` for the mail's own text as a page, which goes only to the numbers that
            asked for it; empty for what was attached.
        converted: what its file is, when that is not the document as it stood.
    """

    part: str
    filename: str
    content_type: str
    size: int
    sha256: str
    pages: int | None = None
    file: str = ""
    role: str = ""
    converted: Converted | None = None

    @property
    def uploaded_as(self) -> tuple[str, str]:
        """Name and content type of what is uploaded for it."""
        if self.converted is None:
            return self.filename, self.content_type
        return self.file, self.converted.content_type

    @property
    def file_sha256(self) -> str:
        """Digest of its prepared file."""
        return self.converted.sha256 if self.converted else self.sha256

    @property
    def file_size(self) -> int:
        """Bytes of its prepared file."""
        return self.converted.size if self.converted else self.size


@dataclass(frozen=True, slots=True)
class NotFaxed:
    """A part that is not faxed, and why. Fields as in `Document`; None where unknown."""

    part: str
    filename: str | None
    content_type: str
    size: int | None
    sha256: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What the top header of a mail says, as far as mail2fax uses it. Texts are decoded."""

    subject: str = ""
    message_id: str = ""
    references: str = ""
    from_address: str = ""
    from_name: str = ""
    auto_submitted: str = ""
    names: tuple[tuple[str, str], ...] = ()
    """(address, display name) pairs from To and Cc (A9)."""
    author: str = ""
    """The one mailbox of From, empty when it could be read in two ways; a claim, not a proof."""
    answer_to: str = ""
    """The one mailbox of Reply-To, likewise."""
    is_automatic: bool = False
    """Whether a program sent it, or a list (R9)."""
    languages: str = ""
    """Content-Language: the languages of its text, best first (RFC 3282)."""


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """Which of several mails a mail is (M5).

    Attributes:
        kind: ``partial`` (RFC 2046 5.2.2), or ``scan`` by the pattern of its rule.
        name: what they have in common.
        number: which one, from 1.
        total: how many there are, None when this one does not say.
    """

    kind: str
    name: str
    number: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Gathering:
    """What the mails of one series that have come are together.

    Attributes:
        came: the numbers that have, in order.
        total: how many there are, None while none of them said.
        problem: why they can never be one mail, a sentence; empty when they can.
    """

    came: tuple[int, ...]
    total: int | None
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every one is there."""
        return not self.problem and self.came == tuple(range(1, (self.total or 0) + 1)) != ()

    @property
    def words(self) -> str:
        """Which of them came, as a person is told."""
        of = f" of {self.total}" if self.total else ""
        return f"{', '.join(map(str, self.came))}{of}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate decided about a mail.

    Attributes:
        refusal: None to go on; else the response (first gate) or sentence (second gate).
        by: the gate that refused: ``line`` or ``mail``; None when it goes on.
    """

    refusal: Response | None = None
    by: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the mail goes on."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Reading:
    """What would become of a mail: the whole fate, as ``mail2fax explain`` shows it (M13).

    ``words`` are the sender's own, whole, and ``comment`` is what of them fits one; ``wishes``
    are those of headers, first lines and Subject, and ``subject`` is without their marks.

    Attributes:
        question: what a person must be asked about its pictures first (M6); empty when nothing.
        pictures: SHA-256 (hex) of the pictures that belong to its text.
    """

    documents: tuple[Document, ...] = ()
    not_faxed: tuple[NotFaxed, ...] = ()
    comment: str = ""
    wishes: tuple[Wish, ...] = ()
    subject: str = ""
    words: str = ""
    headline: Headline = field(default_factory=Headline)
    verdict: Verdict = field(default_factory=Verdict)
    question: str = ""
    pictures: tuple[str, ...] = ()


class End(StrEnum):
    """How a fax ended, in the words of W3."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_SENT = "not sent"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one fax.

    Attributes:
        end: how it ended.
        status: Fax.Plus's own status word, or ours when nothing was sent.
        why: one sentence a person understands; empty on success.
        pages: pages the far machine has, None if not told.
        duration: seconds on the line, None if not told.
        at: seconds since the epoch.
    """

    end: End
    status: str
    at: float
    why: str = ""
    pages: int | None = None
    duration: int | None = None
