"""The provider's truth: uploads, outbox, sent faxes, and what was really faxed. No I/O.

Time is an argument, so that a test can let hours pass in a moment. Where the API's pages are
silent a comment says ASSUMPTION; the switches turn the other way on.
"""

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mail2fax.simulator.oauth import Tokens
from mail2fax.simulator.switches import Switches

_FROM = re.compile(r"(\+[0-9]{8,}(\*{0,10}[0-9]+)?|no_number)", re.ASCII | re.IGNORECASE)
_MOST_FILES = 10
OWNER = "13d8z73c" * 4


class Invalid(Exception):
    """A request the provider refuses with a 400."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file."""

    path: str
    filename: str
    content_type: str
    size: int
    sha256: str


@dataclass(slots=True)
class Item:
    """One destination of one order, through its whole life."""

    id: str
    outbox_id: str
    fax_id: str
    order: dict[str, Any]
    to: str
    src: str
    created: float
    due: float
    outcome: str
    tags: list[str]
    text: str
    cancelled: bool = False
    comment: str | None = None


@dataclass(slots=True)
class Provider:
    """One account at the simulated provider.

    Attributes:
        switches: what goes wrong.
        uploads: by path.
        items: every fax that was ever ordered, in the order of commits.
        tokens: OAuth2 beside the personal access token.
    """

    switches: Switches = field(default_factory=Switches)
    numbers: tuple[str, ...] = ("+41225550100",)
    uploads: dict[str, Upload] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)

    def upload(self, filename: str, content_type: str, size: int, sha256: str) -> str:
        """Keep an upload; its path."""
        ending = f".{filename.rpartition('.')[2]}" if "." in filename else ""
        name = f"transient-{uuid.uuid4()}"
        path = f"/{name}" if self.switches.short_paths else f"/storage/{name}{ending}"
        self.uploads[path] = Upload(path, filename, content_type, size, sha256)
        return path

    def order(self, body: Any, now: float) -> dict[str, str]:
        """Commit an order; the ids by destination.

        Raises:
            Invalid: it is refused, and nothing happened.
        """
        self._check(body)
        start = max(now + self.switches.late_commit, _send_time(body, now))
        ids = {}
        for to in body["to"]:
            item = self._item(body, to, now, start)
            self.items.append(item)
            ids[to] = item.id
        return ids

    def _check(self, body: Any) -> None:
        # ASSUMPTION: every invalid request is a 400 with the error body.
        if not isinstance(body, dict):
            raise Invalid("the body is not an object")
        sources = str(body.get("from", "")).split(",")
        if not all(_FROM.fullmatch(source.strip()) for source in sources):
            raise Invalid("from is not a number")
        if not isinstance(body.get("to"), list) or not body["to"]:
            raise Invalid("to has no destination")
        files = body.get("files") or []
        if body.get("from_fax") and not self.switches.from_fax:
            raise Invalid("from_fax names no fax")
        if not files and not body.get("from_fax"):
            raise Invalid("neither files nor from_fax")
        if len(files) > _MOST_FILES:
            raise Invalid("more than 10 files")
        if unknown := [path for path in files if path not in self.uploads]:
            raise Invalid(f"no such file: {unknown[0]}")
        if "comment" in body and not isinstance(body["comment"], dict):
            raise Invalid(f"{body['comment']!r} is not of type 'object'")

    def _item(self, body: dict[str, Any], to: str, now: float, start: float) -> Item:
        comment = body.get("comment") or {}
        fax_id = secrets.token_hex(12)
        # ASSUMPTION: the answered id opens the outbox item and later the sent record.
        return Item(
            id=fax_id,
            outbox_id=secrets.token_hex(16) if self.switches.outbox_ids_differ else fax_id,
            fax_id=secrets.token_hex(12) if self.switches.fax_ids_differ else fax_id,
            order=body,
            to=to,
            src=str(body["from"]).split(",", maxsplit=1)[0],
            created=now + self.switches.late_commit,
            due=start,
            outcome=self.switches.outcome_of(to),
            tags=list(comment.get("tags") or []),
            text=str(comment.get("text") or ""),
        )

    # What the account shows

    def outbox(self, now: float) -> list[Item]:
        """Items that are committed and not sent yet."""
        return [item for item in self.items if self._is_real(item, now) and self._waits(item, now)]

    def sent(self, now: float) -> list[Item]:
        """Items whose record stands in the sent list."""
        gap = self.switches.listing_gap
        return [
            item
            for item in self.items
            if not item.cancelled and now >= self._ends(item) + gap and self._is_real(item, now)
        ]

    def status(self, item: Item, now: float) -> str:
        """An item's status: the outbox's words, then its outcome."""
        if now < item.due:
            return "scheduled_for_sending"
        if now < item.due + self.switches.converting:
            return "converting"
        return "sending" if now < self._ends(item) else item.outcome

    def cancel(self, item: Item) -> None:
        """Take an item out of the outbox for good."""
        item.cancelled = True

    def faxed(self, now: float) -> list[Item]:
        """The truth: every fax that was really sent to a machine, once each."""
        return [item for item in self.items if not item.cancelled and now >= self._ends(item)]

    def _is_real(self, item: Item, now: float) -> bool:
        return not item.cancelled and now >= item.created

    def _waits(self, item: Item, now: float) -> bool:
        return now < self._ends(item)

    def _ends(self, item: Item) -> float:
        return item.due + self.switches.converting + self.switches.sending


def _send_time(body: dict[str, Any], now: float) -> float:
    text = body.get("send_time")
    if not text:
        return now
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S %z")
        return max(now, moment.timestamp())
    except ValueError:
        raise Invalid("send_time is not YYYY-MM-DD HH:mm:ss +HHMM") from None


def utc(seconds: float) -> datetime:
    """Seconds since the epoch as UTC."""
    return datetime.fromtimestamp(seconds, UTC)
