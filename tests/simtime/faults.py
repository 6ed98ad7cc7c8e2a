"""What may go wrong between a client and Fax.Plus, as one call can suffer it.

A fault names its kind and, where bytes count, the byte. Nothing here draws or does anything:
`tests.simtime.wire` carries it out, campaigns choose.
"""

from dataclasses import dataclass, field
from enum import StrEnum

EARLIER = b"EARLIER"
"""In a lie's body: the fax ID of the first order there ever was."""
ORDERED = b"ORDERED"
"""In a lie's body: the number that this order is for."""


class Kind(StrEnum):
    """What goes wrong with one call."""

    CUT_REQUEST = "request cut"  # reset when `at` bytes have come; Fax.Plus never acts
    STALL_REQUEST = "request stalls"  # from byte `at` on nothing comes through
    CUT_ANSWER = "answer cut"  # Fax.Plus acts; reset after `at` bytes of its answer
    END_ANSWER = "answer ends"  # the same, ended in order
    STALL_ANSWER = "answer stalls"  # the same, and the connection stays open
    INSTEAD = "answered instead"  # `status` and `body`, Fax.Plus never sees the call
    AFTER = "answered otherwise"  # Fax.Plus acts, the client is told `status` and `body`
    LISTING = "listing"  # Fax.Plus's list, changed as `listing` says


class Listing(StrEnum):
    """How a list can be wrong."""

    EMPTY = "empty"  # nothing stands in it
    STALE = "stale"  # as it was `seconds` ago
    PARTIAL = "partial"  # every other row is missing
    FULL = "full"  # its limit is reached, whatever page was asked for
    ODD = "odd"  # rows with nulls, unknown words and unknown keys
    NO_ROWS = "no rows"  # 200 without the key of the rows


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one call.

    Attributes:
        endpoint: ``send``, ``upload``, ``outbox``, ``sent`` …, see `endpoint_of`; ``any``.
        at: the byte that counts; more than there are means after the last.
        late: seconds after which Fax.Plus acts, for those kinds where it does.
        body, headers: of an answer that is not Fax.Plus's.
        seconds: how stale a listing is.
        times: how many calls in a row suffer it.
    """

    kind: Kind
    endpoint: str
    at: int = 0
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    late: float = 0.0
    listing: Listing | None = None
    seconds: float = 0.0
    times: int = 1

    @property
    def side(self) -> str:
        """Whose byte `at` counts: the request's, the answer's, or nobody's."""
        if self.kind in (Kind.CUT_REQUEST, Kind.STALL_REQUEST):
            return "request"
        cuts = self.kind in (Kind.CUT_ANSWER, Kind.END_ANSWER, Kind.STALL_ANSWER)
        return "answer" if cuts else ""

    @property
    def acts(self) -> bool:
        """Whether Fax.Plus does what it was asked for."""
        return self.kind not in (Kind.CUT_REQUEST, Kind.STALL_REQUEST, Kind.INSTEAD)


def endpoint_of(method: str, path: str) -> str:
    """A call by its name."""
    parts = [part for part in path.split("?", 1)[0].split("/") if part][1:]
    name = "/".join(parts[2:3]) or parts[0]
    if name == "outbox":
        return {"POST": "send", "PUT": "comment", "DELETE": "cancel"}.get(
            method, "item" if len(parts) > 3 else "outbox"
        )
    if name == "faxes":
        return "fax" if len(parts) > 3 else "sent"
    return "upload" if name == "files" and method == "POST" else name
