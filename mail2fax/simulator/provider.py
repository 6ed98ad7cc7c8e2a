"""The provider's truth: uploads, outbox, records, and what was really faxed. No I/O.

Time is an argument, so that a test can let hours pass in a moment. Where the API's pages are
silent a comment says ASSUMPTION; the switches turn the other way on.
"""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mail2fax.simulator import orders
from mail2fax.simulator.hooks import Happened, Hooks
from mail2fax.simulator.oauth import Tokens
from mail2fax.simulator.orders import Invalid
from mail2fax.simulator.switches import Switches

OWNER = "13d8z73c" * 4
_MOST_KEPT = 200_000_000
_ATTEMPT_FAILED = "failed_user_busy"
_PARTIAL = "partially_sent"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file."""

    path: str
    filename: str
    content_type: str
    size: int
    sha256: str
    pages: int = 1
    user: str = OWNER


@dataclass(slots=True)
class Item:
    """One destination of one order, through its whole life.

    Attributes:
        id: what the order's answer named; the session's in hooks.
        outbox_id, fax_id: of its item in the outbox and of its last record.
        attempt_ids: of the records of attempts that failed before.
        due: when it is to be sent.
        polls: sent lists in which it might have stood since it ended.
        user: whose it is: lists, reports and everything else of it are under that user alone.
    """

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
    attempt_ids: tuple[str, ...] = ()
    cancelled: bool = False
    comment: str | None = None
    polls: int = 0
    user: str = OWNER


@dataclass(frozen=True, slots=True)
class Received:
    """A fax that came in."""

    id: str
    src: str
    to: str
    files: tuple[str, ...]
    at: float
    category: str = "inbox"
    user: str = OWNER


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the archive: an attempt of an item, or a fax that came in."""

    id: str
    of: Item | Received
    status: str
    start: float
    ended: float


@dataclass(slots=True)
class Mark:
    """What was changed in a record."""

    comment: str | None = None
    is_read: bool = True
    deleted: bool = False


@dataclass(slots=True)
class Provider:
    """One account at the simulated provider.

    Attributes:
        switches: what goes wrong.
        uploads: by path.
        contents: bytes of uploads by SHA-256, of late.
        items: every fax that was ever ordered, in the order of commits.
        received: every fax that came in.
        marks: what was changed in records, by their ids.
        assigned: own numbers and whom they are assigned to.
        hooks: who wants to be told what.
        unheard: items of whose end the hooks have not heard.
        tokens: OAuth2 beside the personal access token.
    """

    switches: Switches = field(default_factory=Switches)
    numbers: tuple[str, ...] = ("+41225550100",)
    uploads: dict[str, Upload] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    assigned: dict[str, str] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=Hooks)
    unheard: list[Item] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)

    def user(self, named: str) -> str | None:
        """The user that stands in a path: the owner, or a member; None for nobody's."""
        if named in ("self", OWNER):
            return OWNER
        members = self.switches.members
        return named if not members or named in members else None

    def upload(
        self, filename: str, content_type: str, size: int, sha256: str, *,
        pages: int = 1, content: bytes = b"", user: str = OWNER,
    ) -> str:  # fmt: skip
        """Keep an upload; its path."""
        ending = f".{filename.rpartition('.')[2]}" if "." in filename else ""
        name = f"transient-{uuid.uuid4()}"
        path = f"/{name}" if self.switches.short_paths else f"/storage/{name}{ending}"
        self.uploads[path] = Upload(path, filename, content_type, size, sha256, pages, user)
        self.contents[sha256] = content
        while sum(map(len, self.contents.values())) > _MOST_KEPT:
            del self.contents[next(iter(self.contents))]
        return path

    def order(
        self, body: Any, now: float, *, cut_in: bool = False, user: str = OWNER
    ) -> dict[str, str]:
        """Commit an order; the ids by destination.

        Args:
            user: whose order it is.
            cut_in: the connection is cut during the commit: the first half of the destinations
                is real at once, the rest, or the only one, a moment later.

        Raises:
            Invalid: it is refused, and nothing happened.
        """
        orders.check(body, self._usable(user) if self.switches.own_uploads else self.uploads)
        if body.get("from_fax") and not self.switches.from_fax:
            raise Invalid("from_fax names no fax")
        ids = {}
        for number, to in enumerate(body["to"]):
            late = self.switches.late_commit
            if cut_in and number >= len(body["to"]) // 2:
                late += self.switches.commit_lasts
            item = self._item(body, to, now + late, user)
            self.items.append(item)
            self.unheard.append(item)
            ids[to] = item.id
        return ids

    def _usable(self, user: str) -> list[str]:
        return [path for path, upload in self.uploads.items() if upload.user == user]

    def _item(self, body: dict[str, Any], to: str, created: float, user: str) -> Item:
        comment = body.get("comment") or {}
        retry = (body.get("options") or {}).get("retry") or {}
        attempts = min(self.switches.failed_attempts, retry.get("count", 0))
        session = secrets.token_hex(12)
        # ASSUMPTION: the answered id opens the outbox item and, of a fax without retries, later
        # the sent record; each further attempt has a record with an id of its own.
        other = secrets.token_hex(12) if self.switches.fax_ids_differ or attempts else session
        return Item(
            id=session,
            outbox_id=secrets.token_hex(16) if self.switches.outbox_ids_differ else session,
            fax_id=other,
            attempt_ids=(session, *(secrets.token_hex(12) for _ in range(attempts - 1)))[:attempts],
            order=body,
            to=to,
            src=str(body["from"]).split(",", maxsplit=1)[0],
            created=created,
            due=max(created, orders.send_time(body, created)),
            outcome=self.switches.outcome_of(to),
            tags=list(comment.get("tags") or []),
            text=str(comment.get("text") or ""),
            user=user,
        )

    def receive(self, src: str, to: str, files: list[str], now: float, category: str) -> str:
        """A fax comes in; its id."""
        fax = Received(secrets.token_hex(12), src, to, tuple(files), now, category)
        self.received.append(fax)
        self.marks[fax.id] = Mark(is_read=False)
        self.hooks.happened(Happened("fax_received", fax.id, fax.id, now))
        return fax.id

    # What the account shows

    def outbox(self, now: float) -> list[Item]:
        """Items that are committed and not sent yet."""
        return [item for item in self.items if self._is_real(item, now) and now < self.ends(item)]

    def records(self, now: float, category: str = "sent") -> list[Record]:
        """The records of a category, or of all when it is empty; none that was deleted."""
        found = list(self._sent(now)) if category in ("", "sent") else []
        if category != "sent":
            found += [
                self.record_of(fax) for fax in self.received if category in ("", fax.category)
            ]
        return [one for one in found if not (mark := self.marks.get(one.id)) or not mark.deleted]

    @staticmethod
    def record_of(fax: Received) -> Record:
        """The record of a fax that came in."""
        return Record(fax.id, fax, "success", fax.at, fax.at)

    def _sent(self, now: float) -> Iterator[Record]:
        gap, polls = self.switches.listing_gap, self.switches.listing_gap_polls
        for item in self.items:
            if self._is_real(item, now):
                for record in self.attempts(item, now):
                    # The last record waits for the gap; those of attempts show at once.
                    if record.id != item.fax_id or (
                        now >= record.ended + gap and item.polls >= polls
                    ):
                        yield record

    def attempts(self, item: Item, now: float) -> list[Record]:
        """The records of an item's attempts that have ended."""
        begins, count = self.begins(item), len(item.attempt_ids) + 1
        each = self.switches.sending / count
        found = []
        for number, fax_id in enumerate((*item.attempt_ids, item.fax_id), start=1):
            ended = begins + each * number if number < count else self.ends(item)
            status = _ATTEMPT_FAILED if number < count else self.status(item, now)
            if now >= ended:
                found.append(Record(fax_id, item, status, ended - each, ended))
        return found

    def polled(self, now: float, user: str) -> None:
        """A user's sent list was asked for."""
        for item in self.items:
            item.polls += item.user == user and now >= self.ends(item)

    def status(self, item: Item, now: float) -> str:
        """An item's status: the outbox's words, then its outcome."""
        switches = self.switches
        if now < item.created + switches.submitted:
            return "submitted"
        if now < item.created + switches.submitted + switches.converting:
            return "converting"
        if now < self.begins(item):
            return "scheduled_for_sending"
        if now < self.ends(item):
            return "sending"
        is_settling = now < self.ends(item) + switches.settling
        return switches.settling_status if is_settling else item.outcome

    def find(self, fax_id: str) -> Item | Received | None:
        """A fax of anybody's by any of its ids, if it was not cancelled."""
        for item in self.items:
            if fax_id in (item.id, item.outbox_id, item.fax_id, *item.attempt_ids):
                return None if item.cancelled else item
        return next((fax for fax in self.received if fax.id == fax_id), None)

    def cancel(self, item: Item) -> None:
        """Take an item out of the outbox for good."""
        item.cancelled = True

    def mark(self, record_id: str) -> Mark:
        """What was changed in a record."""
        return self.marks.setdefault(record_id, Mark())

    # What happened

    def faxed(self, now: float) -> list[Item]:
        """The truth: every fax that was really sent to a machine, once each."""
        return [item for item in self.items if not item.cancelled and now >= self.ends(item)]

    def pages(self, fax: Item | Received) -> int:
        """Pages that a fax has, or had when the call dropped (ASSUMPTION: the first half)."""
        files = fax.files if isinstance(fax, Received) else fax.order.get("files") or []
        count = sum(self.uploads[path].pages for path in files)
        if isinstance(fax, Received):
            return count or 1
        count += bool(fax.order.get("cover_page"))
        earlier = self.find(str((fax.order.get("from_fax") or {}).get(orders.FROM_FAX_ID, "")))
        count += self.pages(earlier) if earlier else 0
        return (max(count, 1) + 1) // 2 if fax.outcome == _PARTIAL else max(count, 1)

    def news(self, now: float) -> None:
        """Let the hooks know which faxes have ended."""
        for item in self.unheard if self.hooks.targets else ():
            if self._is_real(item, now):
                for record in self.attempts(item, now):
                    happened = Happened("fax_sent", item.id, record.id, record.ended)
                    self.hooks.happened(happened)
        self.unheard = [item for item in self.unheard if now < self.ends(item)]

    def _is_real(self, item: Item, now: float) -> bool:
        return not item.cancelled and now >= item.created

    def begins(self, item: Item) -> float:
        """When the call is made."""
        return max(item.due, item.created + self.switches.submitted + self.switches.converting)

    def ends(self, item: Item) -> float:
        """When the call is over."""
        return self.begins(item) + self.switches.sending
