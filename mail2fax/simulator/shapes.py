"""The provider's objects as JSON, field by field as the official client reads them."""

from typing import Any

from mail2fax.simulator.hooks import Happened
from mail2fax.simulator.orders import utc
from mail2fax.simulator.provider import OWNER, Item, Mark, Provider, Record

_PLAIN = "%Y-%m-%d %H:%M:%S"


def plain_time(seconds: float) -> str:
    """A time without an offset, in UTC."""
    return utc(seconds).strftime(_PLAIN)


def offset_time(seconds: float) -> str:
    """A time with its offset."""
    return f"{plain_time(seconds)} +0000"


def outbox_fax(provider: Provider, item: Item, now: float) -> dict[str, Any]:
    """An Outbox object; its comment is an object."""
    tags = item.tags if provider.switches.outbox_tags else []
    text = item.text if item.comment is None else item.comment
    return {
        "id": item.outbox_id,
        "uid": item.user,
        "status": provider.status(item, now),
        "comment": {"tags": tags, "text": text},
        "to": [item.to],
        "src": item.src,
        "designated_src": "",
        "files": list(item.order.get("files") or []),
        "send_time": offset_time(item.due),
        "submit_time": offset_time(item.created),
        "last_updated_status_time": plain_time(now),
        "status_changes": [{"at": plain_time(item.created), "status": "submitted"}],
        "page_count": 0,
        "options": item.order.get("options") or {},
        "retry": (item.order.get("options") or {}).get("retry") or {"count": 0, "delay": 0},
        "should_enhance": False,
    }


def fax(provider: Provider, record: Record) -> dict[str, Any]:
    """A Fax object; its comment is a string."""
    of = record.of
    mark = provider.marks.get(record.id) or Mark()
    is_ours = isinstance(of, Item)
    sender = "from_number" if provider.switches.from_number_key else "from"
    return {
        "id": record.id,
        "owner_id": of.user,
        "status": record.status,
        "comment": _comment(provider, record, mark),
        "pages": provider.pages(of),
        "cost_details": {"multiplier": 1, "notification_cost": 0},
        "cost": 1 if is_ours else 0,
        "direction": "outgoing" if is_ours else "incoming",
        sender: of.src,
        "to": of.to,
        "file": f"{record.id}.tiff",
        "file_name": f"fax-to-{of.to[1:]}" if is_ours else f"fax-from-{of.src[1:]}",
        "start_time": plain_time(record.start),
        "submit_time": plain_time(of.created) if isinstance(of, Item) else None,
        "scheduled_time": plain_time(of.due) if isinstance(of, Item) else None,
        "last_update": plain_time(record.ended),
        "max_retry": 0 if is_ours else None,
        "retry_delay": 0 if is_ours else None,
        "duration": 31,
        "description": "OK",
        "is_read": mark.is_read,
        "is_spam": not isinstance(of, Item) and of.category == "spam",
    }


def _comment(provider: Provider, record: Record, mark: Mark) -> str:
    # ASSUMPTION: the archive's comment is the text the order carried.
    of = record.of
    if not provider.switches.archive_comment:
        return ""
    if mark.comment is not None or not isinstance(of, Item):
        return mark.comment or ""
    return of.text if of.comment is None else of.comment


def callback(provider: Provider, target: str, what: Happened, now: float) -> dict[str, Any]:
    """What a hook delivers; ``hook.id`` is a fax's id and not the registration's."""
    of = provider.find(what.session)
    assert of is not None, "what happened, happened to a fax"
    sender, receiver = "from", "to"
    if provider.switches.hook_long_keys:
        sender, receiver = "from_number", "to_number"
    records = provider.attempts(of, now) if isinstance(of, Item) else [provider.record_of(of)]
    status = next(record.status for record in records if record.id == what.record)
    way = "to" if isinstance(of, Item) else "from"
    has_retries = isinstance(of, Item) and bool(of.attempt_ids)
    return {
        "hook": {
            "id": what.record if has_retries else what.session,
            "event": what.event,
            "event_time": plain_time(what.at),
            "target": target,
        },
        "data": {
            "id": what.session,
            "uid": of.user,
            "pages": provider.pages(of),
            sender: of.src,
            receiver: of.to,
            "start_time": plain_time(what.at),
            "file": f"{what.record}.tiff",
            "file_name": f"fax-{way}-{(of.to if way == 'to' else of.src)[1:]}",
            "cost": 1,
            "status": status,
        },
    }


def number(provider: Provider, number: str, now: float) -> dict[str, Any]:
    """A Number object."""
    return {
        "id": number[1:],
        "number": number,
        "owner_id": OWNER,
        "status": "active",
        "assigned_to": [provider.assigned.get(number, OWNER)],
        "acquired_date": plain_time(now),
        "expiration_date": None,
        "is_canceled": False,
        "notifications": [],
    }


def account(now: float, user: str = OWNER) -> dict[str, Any]:
    """An Account object."""
    return {
        "uid": user,
        "email": "office@example.com",
        "status": "active",
        "account_type": "corporate_admin" if user == OWNER else "corporate_member",
        "creation_date": plain_time(now),
        "name": "Office",
        "lastname": "Example",
        "phone": "+41225550100",
    }


def error(name: str, description: str) -> dict[str, str]:
    """The error body of every endpoint."""
    return {"error": name, "description": description}
