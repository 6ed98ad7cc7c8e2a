"""Whether an order is valid, as the provider's schema would say. No I/O.

ASSUMPTION: every invalid request is a 400 with the error body, whatever is wrong with it.
"""

import re
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any

_FROM = re.compile(r"(\+[0-9]{8,}(\*{0,10}[0-9]+)?|no_number)", re.ASCII | re.IGNORECASE)
_MOST_FILES = 10
_MOST_DESTINATIONS = 4000
_MOST_RETRIES, _LONGEST_RETRY_DELAY = 3, 30
_FLAGS = {"urgent", "for_review", "please_reply", "confidential"}
_COVER = {"name_to", "name_from", "subject", "message"}
FROM_FAX_ID = "id"  # ASSUMPTION: the pages do not show the keys inside from_fax


class Invalid(Exception):
    """A request the provider refuses with a 400."""


def check(body: Any, uploads: Container[str]) -> None:
    """Refuse an order that is not as the API's pages describe it.

    Raises:
        Invalid: it is not.
    """
    if not isinstance(body, dict):
        raise Invalid("the body is not an object")
    sources = str(body.get("from", "")).split(",")
    if not all(_FROM.fullmatch(source.strip()) for source in sources):
        raise Invalid("from is not a number")
    to = body.get("to")
    if not isinstance(to, list) or not to or not all(isinstance(one, str) for one in to):
        raise Invalid("to has no destination")
    if len(to) > _MOST_DESTINATIONS:
        raise Invalid("more than 4000 destinations")
    _check_files(body, uploads)
    if "comment" in body and not isinstance(body["comment"], dict):
        raise Invalid(f"{body['comment']!r} is not of type 'object'")
    if body.get("resolution", "fine") not in ("fine", "superfine"):
        raise Invalid("resolution is neither fine nor superfine")
    _check_options(body.get("options", {}))
    _check_cover(body.get("cover_page"))


def _check_files(body: dict[str, Any], uploads: Container[str]) -> None:
    files = body.get("files") or []
    if not files and not body.get("from_fax"):
        raise Invalid("neither files nor from_fax")
    if len(files) > _MOST_FILES:
        raise Invalid("more than 10 files")
    if unknown := [path for path in files if path not in uploads]:
        raise Invalid(f"no such file: {unknown[0]}")


def _check_options(options: Any) -> None:
    if not isinstance(options, dict):
        raise Invalid("options is not of type 'object'")
    retry = options.get("retry") or {}
    count, delay = retry.get("count", 0), retry.get("delay", 0)
    if not 0 <= count <= _MOST_RETRIES or not 0 <= delay <= _LONGEST_RETRY_DELAY:
        raise Invalid("retry is not within 0..3 and 0..30")


def _check_cover(cover: Any) -> None:
    if cover is None:
        return
    if not isinstance(cover, dict) or not {"name_to", "name_from", "subject"} <= cover.keys():
        raise Invalid("cover_page lacks name_to, name_from or subject")
    if cover.keys() - _COVER - {"flags"} or set(cover.get("flags") or []) - _FLAGS:
        raise Invalid("cover_page has a key or a flag that is not known")


def send_time(body: dict[str, Any], now: float) -> float:
    """When an order is to be sent; one in the past is sent at once (ASSUMPTION).

    Raises:
        Invalid: it is no time.
    """
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
