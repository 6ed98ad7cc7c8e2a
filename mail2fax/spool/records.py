"""What goes into the ledger and what comes out of it, as frozen values."""

from dataclasses import dataclass, field
from typing import Any

from mail2fax.values import (
    PAGE,
    Destination,
    Document,
    Envelope,
    Headline,
    Identity,
    NotFaxed,
    Options,
    Outcome,
    Quota,
    Recipient,
    SeriesPart,
    Wish,
)

RESENT = "resent "
"""Begins the role of an earlier fax's document; behind it is what was asked for (S8)."""


def is_meant_for(document: Document, options: Options) -> bool:
    """Whether a document of a mail goes to a fax that is sent so; an attached one always does."""
    if document.role == PAGE:
        return options.body == PAGE
    if document.role.startswith(RESENT):
        return options.from_fax is None and document.role == f"{RESENT}{options.resend}"
    return True


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail whose bytes are on disk and that is to be recorded before its 250.

    Attributes:
        id: ULID, also the name of its file.
        reference: what people will call it; replaced if another mail has it.
        session: id of the SMTP session, to tell later whether the 250 was read (L9).
        reply_to: addresses that may be told, best first (W1a).
        replies: ``both`` or ``outcome``.
        series: which of several mails it is, None when it is one of its own (M5).
        answers: id of the mail it is an answer about; then it is never faxed (W6).
        quotas: of its rule, which it must fit into (L8).
        for_admin: whether it is passed on to the admin too; a mail without destinations is for
            nobody else (A2).
        who: the identity as one comparable word (L9: same identity).
    """

    id: str
    reference: str
    received_at: float
    size: int
    header_sha256: str
    body_sha256: str
    digest: str
    envelope: Envelope
    identity: Identity
    session: str
    headline: Headline
    destinations: tuple[Destination, ...]
    reply_to: tuple[str, ...] = ()
    replies: str = "both"
    options: Options = field(default_factory=Options)
    series: SeriesPart | None = None
    answers: str | None = None
    quotas: tuple[Quota, ...] = ()
    for_admin: bool = False

    @property
    def who(self) -> str:
        """The identity as one word that can be compared."""
        return self.identity.who


@dataclass(frozen=True, slots=True)
class FaxToPrepare:
    """One destination of a mail to prepare, with what its address asks for."""

    id: str
    number: str
    name: str | None
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One of the stored mails that a joined mail is made of."""

    id: str
    header_sha256: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class MailToPrepare:
    """A mail the second gate is to look at.

    Attributes:
        rule: name of the rule that admitted it.
        who: its identity as one word (L9).
        options: the rule's, as they were when the mail came.
        has_reply_address: whether anybody but the admin can be told of it.
        pictures_decided: what a person decided about its pictures, None if nobody did.
        known_pictures: SHA-256 of those its identity sends again and again (M6).
        waits: whether it is one of several that must be gathered first (M5).
        others: what it is to be joined with, in order.
        joined: how: ``partial`` or ``scan``; empty when it is one of its own.
        is_answer: whether it is an answer to one of our replies (W6).
    """

    id: str
    reference: str
    header_sha256: str
    body_sha256: str
    attempts: int
    received_at: float
    rule: str
    who: str
    options: Options
    faxes: tuple[FaxToPrepare, ...]
    has_reply_address: bool = True
    pictures_decided: str | None = None
    known_pictures: frozenset[str] = frozenset()
    waits: bool = False
    others: tuple[StoredPart, ...] = ()
    joined: str = ""
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class DocumentAtRest:
    """A prepared document and, once uploaded, where Fax.Plus has it."""

    ordinal: int
    document: Document
    upload_path: str | None
    uploaded_at: float | None


@dataclass(frozen=True, slots=True)
class FaxToOrder:
    """One destination of a job."""

    id: str
    number: str
    state: str
    orders: int
    fax_plus_id: str | None = None
    options: Options | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One POST to the outbox, with everything that is needed to make it."""

    id: str
    mail_id: str
    reference: str
    state: str
    token: str
    supersedes: str | None
    created_at: float
    received_at: float
    tries: int
    next_try: float
    intent_at: float | None
    ordered_at: float | None
    doubt: str | None
    doubt_since: float | None
    misses: int
    seen_at: float | None
    why: str
    options: Options
    comment: str
    documents: tuple[DocumentAtRest, ...]
    faxes: tuple[FaxToOrder, ...]
    held_at: float | None = None

    @property
    def uploads(self) -> tuple[DocumentAtRest, ...]:
        """One document for each prepared file, in order: what is uploaded and ordered."""
        wanted = [one for one in self.documents if is_meant_for(one.document, self.options)]
        return tuple({one.document.file: one for one in reversed(wanted)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class FaxToTrack:
    """An ordered fax whose outcome is awaited.

    Attributes:
        received_at: when it was wanted: its mail came, or it was asked for again.
        user_id: the member it was ordered as, None for the account's own user.
        stop_asked_at: when Fax.Plus was asked to stop it in a way that may have had its effect.
        stop_taken: whether it answered that it did.
    """

    id: str
    mail_id: str
    reference: str
    number: str
    token: str
    fax_plus_id: str | None
    received_at: float
    ordered_at: float
    next_poll: float
    not_before: float
    orders: int
    own_retries: bool
    user_id: str | None = None
    stop_asked_at: float | None = None
    stop_taken: bool = False


@dataclass(frozen=True, slots=True)
class FaxToStop:
    """An ordered fax that a person wants stopped.

    Attributes:
        number: its destination.
        fax_plus_id: as its order was answered.
        token: its mark at Fax.Plus.
        together: the destinations of its order that are to be stopped, itself among them.
        tries: how often Fax.Plus was asked.
        was_asked: whether it was asked before in a way that may have had its effect.
        user_id: the member it was ordered as, None for the account's own user.
    """

    id: str
    reference: str
    number: str
    fax_plus_id: str
    token: str
    together: frozenset[str]
    tries: int
    was_asked: bool
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyToSend:
    """A due reply and the candidate addresses."""

    id: str
    mail_id: str
    fax_id: str | None
    kind: str
    due_at: float
    address: int
    tries: int
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NumberMark:
    """When Fax.Plus said that a number cannot be faxed, and why (S6)."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class FaxStory:
    """One destination's life so far.

    Attributes:
        again_of: id of the fax that this one was wanted again for.
        stop: what Fax.Plus said when it was asked to stop it, empty when it was not asked yet;
            None when nobody wants it stopped.
    """

    id: str
    ordinal: int
    state: str
    number: str
    written: str
    country: str
    reading: str
    name: str | None
    orders: int
    fax_plus_id: str | None
    ordered_at: float | None
    outcome: Outcome | None
    job_state: str | None
    job_why: str
    next_try: float | None
    options: Options | None = None
    report: str | None = None
    mark: NumberMark | None = None
    again_of: str | None = None
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyStory:
    """Who was told what, when; or that nobody was."""

    id: str
    kind: str
    state: str
    due_at: float
    told_at: float | None
    told_to: str | None
    why: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One dated line of what happened."""

    at: float
    subject: str
    subject_id: str
    event: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class MailStory:
    """Everything the ledger knows of one mail: what replies and ``queue show`` are made of."""

    id: str
    reference: str
    state: str
    received_at: float
    size: int
    mail_from: str
    peer: str
    helo: str
    listener: str
    identity: Identity
    subject: str
    message_id: str
    thread: str
    reply_to: tuple[str, ...]
    replies: str
    options: Options
    refused_recipients: tuple[tuple[str, str], ...]
    comment: str
    not_faxed: tuple[NotFaxed, ...]
    why: str
    documents: tuple[Document, ...]
    faxes: tuple[FaxStory, ...]
    told: tuple[ReplyStory, ...]
    history: tuple[HistoryLine, ...] = ()
    hold_until: float | None = None
    answer_token: str = ""
    recipients: tuple[Recipient, ...] = ()
    envelope_id: str = ""
