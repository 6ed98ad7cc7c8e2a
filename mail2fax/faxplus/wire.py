"""What goes over the wire to Fax.Plus and comes back: exact in writing, tolerant in reading.

Reading never fails on a record: unknown statuses are kept as they are (and are not final),
both key spellings of a sender are read, missing and null fields become empty, records without
an id are skipped, keys we do not know are ignored. (API facts: the official client crashes on
such records, and one odd record must not make a whole listing unreadable.)
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any

FROM_FAX_ID, FROM_FAX_USER = "id", "user_id"
"""Keys inside ``from_fax``; the API's pages do not show them, so they stand here alone (S8)."""

_NOT_DIGITS = re.compile(r"[^0-9]+", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class CoverPage:
    """``cover_page``: the first three are required inside it."""

    name_to: str
    name_from: str
    subject: str
    message: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One POST to the outbox. Fields left at their default are not sent.

    Attributes:
        from_: own numbers; several become one comma list, of which Fax.Plus picks at random.
        to: destinations in E.164.
        files: paths exactly as the upload answered them, in page order.
        retry: (count 0..3, delay 0..30) of provider-side retries.
        send_time: aware; sent in UTC.
    """

    from_: tuple[str, ...]
    to: tuple[str, ...]
    files: tuple[str, ...] = ()
    from_fax: str | None = None
    from_fax_user: str | None = None
    comment_text: str | None = None
    comment_tags: tuple[str, ...] = ()
    enhancement: bool | None = None
    retry: tuple[int, int] | None = None
    send_time: datetime | None = None
    resolution: str | None = None
    cover_page: CoverPage | None = None

    def body(self) -> dict[str, Any]:
        """The JSON object of the request; ``return_ids`` is always true (else no handle)."""
        body: dict[str, Any] = {"from": ",".join(self.from_), "to": list(self.to)}
        body["files"] = list(self.files)
        body["return_ids"] = True
        body |= _said("from_fax", self._from_fax())
        body |= _said("comment", self._comment())
        body |= _said("options", self._options())
        body |= _said("send_time", self.send_time and wire_time(self.send_time))
        body |= _said("resolution", self.resolution)
        body |= _said("cover_page", self._cover_page())
        return body

    def _from_fax(self) -> dict[str, str]:
        if self.from_fax is None:
            return {}
        return {FROM_FAX_ID: self.from_fax} | _said(FROM_FAX_USER, self.from_fax_user)

    def _comment(self) -> dict[str, Any]:
        if self.comment_text is None and not self.comment_tags:
            return {}
        return {"tags": list(self.comment_tags), "text": self.comment_text or ""}

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.enhancement is not None:
            options["enhancement"] = self.enhancement
        if self.retry is not None:
            options["retry"] = {"count": self.retry[0], "delay": self.retry[1]}
        return options

    def _cover_page(self) -> dict[str, Any]:
        cover = self.cover_page
        if cover is None:
            return {}
        required = {
            "name_to": cover.name_to,
            "name_from": cover.name_from,
            "subject": cover.subject,
        }
        return required | _said("message", cover.message) | _said("flags", list(cover.flags))


def _said(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}


@dataclass(frozen=True, slots=True)
class OutboxFax:
    """An item of the outbox: Fax.Plus has it and may not have sent it yet."""

    id: str
    status: str
    comment_text: str
    tags: tuple[str, ...]
    to: tuple[str, ...]
    files: tuple[str, ...]
    src: str
    submit_time: datetime | None
    send_time: datetime | None
    page_count: int | None


@dataclass(frozen=True, slots=True)
class Fax:
    """A record of the archive: a fax that was sent, or could not be."""

    id: str
    status: str
    comment: str
    to: str
    from_: str
    pages: int | None
    duration: int | None
    start_time: datetime | None
    submit_time: datetime | None
    last_update: datetime | None
    description: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the outbox and the sent list showed at one look.

    Attributes:
        complete: whether a miss means anything; never when a page came back full.
    """

    outbox: tuple[OutboxFax, ...]
    sent: tuple[Fax, ...]
    complete: bool


def outbox_fax(record: Mapping[str, Any]) -> OutboxFax | None:
    """An Outbox object as a value; None without an id."""
    if not (fax_id := _text(record.get("id"))):
        return None
    comment = record.get("comment")
    known = comment if isinstance(comment, Mapping) else {"text": comment}
    return OutboxFax(
        id=fax_id,
        status=_text(record.get("status")),
        comment_text=_text(known.get("text")),
        tags=_texts(known.get("tags")),
        to=tuple(number(to) for to in _texts(record.get("to"))),
        files=_texts(record.get("files")),
        src=number(_text(record.get("src"))),
        submit_time=read_time(record.get("submit_time")),
        send_time=read_time(record.get("send_time")),
        page_count=_whole(record.get("page_count")),
    )


def fax(record: Mapping[str, Any]) -> Fax | None:
    """A Fax object as a value; None without an id. The comment is a string here."""
    if not (fax_id := _text(record.get("id"))):
        return None
    comment = record.get("comment")
    text = comment.get("text") if isinstance(comment, Mapping) else comment
    return Fax(
        id=fax_id,
        status=_text(record.get("status")),
        comment=_text(text),
        to=number(_text(record.get("to") or record.get("to_number"))),
        from_=number(_text(record.get("from") or record.get("from_number"))),
        pages=_whole(record.get("pages")),
        duration=_whole(record.get("duration")),
        start_time=read_time(record.get("start_time")),
        submit_time=read_time(record.get("submit_time")),
        last_update=read_time(record.get("last_update")),
        description=_text(record.get("description")),
    )


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave; never shown.

    Attributes:
        access: the access token.
        refresh: a new refresh token, None while the old one stays good.
        seconds: life of the access token, None if not told.
    """

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    seconds: float | None = None


def tokens(answer: object) -> Tokens | None:
    """An answer of the token endpoint; None without an access token."""
    if not isinstance(answer, Mapping) or not (access := _text(answer.get("access_token"))):
        return None
    seconds = _whole(answer.get("expires_in"))
    refresh = _text(answer.get("refresh_token")) or None
    return Tokens(access, refresh, None if seconds is None else float(seconds))


@dataclass(frozen=True, slots=True)
class Hook:
    """A registration: Fax.Plus POSTs to ``target`` when ``event`` happens."""

    id: str
    event: str
    target: str = field(repr=False)


def hook(record: Mapping[str, Any]) -> Hook | None:
    """A Webhook object as a value; None without an id."""
    if not (hook_id := _text(record.get("id"))):
        return None
    return Hook(hook_id, _text(record.get("event")), _text(record.get("target")))


def order_ids(answer: object) -> dict[str, str]:
    """The fax IDs of an outbox answer by destination in E.164; empty if there are none.

    The type of the values is documented as any object, so an object with an ``id`` is read too.
    """
    ids = answer.get("ids") if isinstance(answer, Mapping) else None
    if not isinstance(ids, Mapping):
        return {}
    read = {number(str(to)): _id_of(value) for to, value in ids.items()}
    return {to: fax_id for to, fax_id in read.items() if to and fax_id}


def _id_of(value: object) -> str:
    return _text(value.get("id") if isinstance(value, Mapping) else value)


def number(text: str) -> str:
    """A number of the wire as ``+`` and digits, whatever stands between; others unchanged."""
    digits = _NOT_DIGITS.sub("", text)
    return f"+{digits}" if digits and not any(letter.isalpha() for letter in text) else text


def wire_time(moment: datetime) -> str:
    """An aware time as ``send_time`` wants it, always in UTC (the official client's pattern)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


def filter_time(moment: datetime) -> str:
    """An aware time as ``after`` and ``before`` want it: UTC, without an offset."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def read_time(value: object) -> datetime | None:
    """A time of the wire, with or without an offset (then UTC); None if it is none."""
    if not isinstance(value, str) or not (found := _TIME.match(value.strip())):
        return None
    offset = (found[3] or "+0000").replace("Z", "+0000").replace(":", "")
    try:
        return datetime.strptime(f"{found[1]} {found[2]} {offset}", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def records_in(answer: object, *path: str) -> tuple[Mapping[str, Any], ...] | None:
    """The list of records at ``path`` in an answer, None when it is not there."""
    for key in path:
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(answer, list):
        return None
    return tuple(record for record in answer if isinstance(record, Mapping))


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(_text(item) for item in value) if isinstance(value, Iterable) else ()


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return int(value)
