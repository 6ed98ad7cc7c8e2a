"""The provider's objects as JSON, field by field as the official client reads them."""

from typing import Any

from mail2fax.simulator.provider import OWNER, Item, Provider, utc

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
    status = provider.status(item, now)
    return {
        "id": item.outbox_id,
        "uid": OWNER,
        "status": status,
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


def fax(provider: Provider, item: Item, now: float) -> dict[str, Any]:
    """A Fax object; its comment is a string."""
    # ASSUMPTION: the archive's comment is the text the order carried.
    text = item.text if item.comment is None else item.comment
    sender = "from_number" if provider.switches.from_number_key else "from"
    return {
        "id": item.fax_id,
        "owner_id": OWNER,
        "status": provider.status(item, now),
        "comment": text if provider.switches.archive_comment else "",
        "pages": len(item.order.get("files") or []) or 1,
        "cost_details": {"multiplier": 1, "notification_cost": 0},
        "cost": 1,
        "direction": "outgoing",
        sender: item.src,
        "to": item.to,
        "file": f"{item.fax_id}.tiff",
        "file_name": f"fax-to-{item.to[1:]}",
        "start_time": plain_time(item.due),
        "submit_time": plain_time(item.created),
        "scheduled_time": plain_time(item.due),
        "last_update": plain_time(item.due),
        "max_retry": 0,
        "retry_delay": 0,
        "duration": 31,
        "description": "OK",
        "is_read": True,
        "is_spam": False,
    }


def number(number: str, now: float) -> dict[str, Any]:
    """A Number object."""
    return {
        "id": number[1:],
        "number": number,
        "owner_id": OWNER,
        "status": "active",
        "assigned_to": [OWNER],
        "acquired_date": plain_time(now),
        "expiration_date": None,
        "is_canceled": False,
        "notifications": [],
    }


def account(now: float) -> dict[str, Any]:
    """An Account object."""
    return {
        "uid": OWNER,
        "email": "office@example.com",
        "status": "active",
        "account_type": "corporate_admin",
        "creation_date": plain_time(now),
        "name": "Office",
        "lastname": "Example",
        "phone": "+41225550100",
    }


def error(name: str, description: str) -> dict[str, str]:
    """The error body of every endpoint."""
    return {"error": name, "description": description}
