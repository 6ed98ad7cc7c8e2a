"""What the simulator can be told to do wrong. Every switch can be set while it runs."""

from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    """What goes wrong with one call."""

    CUT_BEFORE = "cut before commit"
    CUT_DURING = "cut during commit"
    CUT_AFTER = "cut after commit"
    SILENT = "silent after commit"
    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    WORDLESS_401 = "401 without words"
    NO_CREDIT = "402"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    CONFLICT = "409"
    TOO_LARGE = "413"
    UNSUPPORTED = "415"
    THROTTLED = "429"
    INTERNAL = "500"
    EMPTY_500 = "empty 500"
    GATEWAY = "502 page"
    GATEWAY_AFTER = "502 page after commit"


@dataclass(slots=True)
class Switches:
    """The switches, all off by default.

    Attributes:
        outcomes: destination → the FaxStatus each of its faxes gets in turn; the last repeats.
            Any word may stand there, those no page of the API knows too.
        default_outcome: the FaxStatus of every other destination.
        submitted, converting, sending: seconds a fax stays in these states.
        settling, settling_status: seconds a sent record shows this status before its outcome.
        failed_attempts: attempts that fail before the outcome, each with a record of its own,
            where the order asks the provider to retry.
        trouble: endpoint (``send``, ``upload``, ``list`` …) → troubles of its next calls, in turn.
        always: endpoint → trouble of every call.
        retry_after: value of the header on a 429; empty for none.
        cut_at: bytes of the answer that get out before a cut after the commit.
        commit_lasts: seconds between a cut during the commit and the rest of the commit.
        silence: seconds until a silent call is ended.
        late_commit: seconds between the answer of an order and its becoming real.
        listing_gap: seconds between leaving the outbox and standing in the sent list.
        listing_gap_polls: sent lists that are asked for in vain before a record stands there.
        outbox_ids_differ: outbox items have another id than the answered one.
        fax_ids_differ: sent records have another id than the answered one.
        archive_comment: whether a sent record carries the comment's text.
        outbox_tags: whether an outbox item carries the tags.
        from_number_key: sent records name the sender ``from_number``.
        short_paths: upload paths without ``/storage`` and extension.
        ids: whether an order's answer names ids.
        empty_order_answer: an order is answered without any body.
        changes_answer_json: PUT and DELETE answer 200 with ``{}`` and not 204.
        from_fax: whether an order may name an earlier fax.
        default_category: what a list without ``category`` shows; empty for all.
        hook_copies: how often each hook is delivered; 0 loses it.
        hook_late: seconds between what happened and its hook.
        hooks_reversed: hooks that are due together come last first.
        hook_long_keys: hooks name ``from_number`` and ``to_number``.
        delay: seconds before every answer.
        token_life: seconds an access token is good.
        told_life: what ``expires_in`` says; 0 leaves it out.
        token_delay: seconds before an answer of the token endpoint is written.
        rotate_refresh: whether each use of a refresh token replaces it.
        members: user ids besides the owner's that are known; any when empty.
        barred_members: members that the token may not ask for: 403.
        own_uploads: an order may name only what its own user has uploaded.
    """

    outcomes: dict[str, list[str]] = field(default_factory=dict)
    default_outcome: str = "success"
    submitted: float = 0.0
    converting: float = 0.1
    sending: float = 0.2
    settling: float = 0.0
    settling_status: str = "in_progress"
    failed_attempts: int = 0
    trouble: dict[str, list[Trouble]] = field(default_factory=dict)
    always: dict[str, Trouble] = field(default_factory=dict)
    retry_after: str = ""
    cut_at: int = 0
    commit_lasts: float = 0.2
    silence: float = 60.0
    late_commit: float = 0.0
    listing_gap: float = 0.0
    listing_gap_polls: int = 0
    outbox_ids_differ: bool = False
    fax_ids_differ: bool = False
    archive_comment: bool = True
    outbox_tags: bool = True
    from_number_key: bool = False
    short_paths: bool = False
    ids: bool = True
    empty_order_answer: bool = False
    changes_answer_json: bool = False
    from_fax: bool = True
    default_category: str = "sent"
    hook_copies: int = 1
    hook_late: float = 0.0
    hooks_reversed: bool = False
    hook_long_keys: bool = False
    delay: float = 0.0
    token_life: float = 3600.0
    told_life: int = 3600
    token_delay: float = 0.0
    rotate_refresh: bool = False
    members: list[str] = field(default_factory=list)
    barred_members: list[str] = field(default_factory=list)
    own_uploads: bool = False

    def next_trouble(self, endpoint: str) -> Trouble | None:
        """What is to go wrong with this call of an endpoint, if anything."""
        waiting = self.trouble.get(endpoint)
        return Trouble(waiting.pop(0)) if waiting else self.always.get(endpoint)

    def outcome_of(self, destination: str) -> str:
        """The FaxStatus the next fax to this destination ends with."""
        turns = self.outcomes.get(destination)
        if not turns:
            return self.default_outcome
        return turns.pop(0) if len(turns) > 1 else turns[0]
