"""The last dialogue of each device, in memory, of bounded size (L13)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from mail2fax import events
from mail2fax.accepting.doctor.dialogue import Record, masked
from mail2fax.accepting.doctor.findings import findings
from mail2fax.spool.spool import Spool

_KNOWN, _STRANGERS = 200, 50


class Shelf:
    """Keeps the newest record of each address; strangers never push a known device out."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Record] = OrderedDict()
        self._strangers: OrderedDict[str, Record] = OrderedDict()
        self._ended: dict[str, int] = {}
        self._last = 0

    def keep(self, record: Record, *, known: bool) -> None:
        """A session has begun.

        Args:
            record: of it; the client's address is told in it.
            known: whether a rule names that address.
        """
        records, most = (self._known, _KNOWN) if known else (self._strangers, _STRANGERS)
        key = record.peer or record.offer.name
        self._ended.pop(key, None)
        for one in (self._known, self._strangers):
            one.pop(key, None)
        records[key] = record
        if len(records) > most:
            dropped, _ = records.popitem(last=False)
            self._ended.pop(dropped, None)
        record.on_end = self._over

    def _over(self, record: Record) -> None:
        key = record.peer or record.offer.name
        if record is (self._known.get(key) or self._strangers.get(key)):
            self._last += 1
            self._ended[key] = self._last

    def shown(self, after: int, peer: str, *, numbers: bool) -> Iterator[dict[str, Any]]:
        """Dialogues as they are told, in the order in which they began.

        Args:
            after: only those that ended after that many others; 0 for all, also unfinished ones.
            peer: only this address; empty for all.
            numbers: whether fax numbers are shown.
        """
        records = [*self._known.items(), *self._strangers.items()]
        for key, record in sorted(records, key=lambda one: one[1].dialogue.began_at):
            if peer in ("", key) and (not after or self._ended.get(key, 0) >= after):
                yield told(record, numbers=numbers)

    async def command(self, spool: Spool, request: dict[str, Any], who: str) -> dict[str, Any]:
        """``doctor``: the dialogues and what they mean; what was shown leaves a row (K8).

        Args:
            spool: where the row is written.
            request: ``after`` (what ``next`` told last time), ``peer``, ``numbers``; see `shown`.
            who: asks.
        """
        after, peer = int(request.get("after") or 0), str(request.get("peer") or "")
        numbers = bool(request.get("numbers"))
        dialogues = list(self.shown(after, peer, numbers=numbers))
        answer = {"next": self._last + 1, "dialogues": dialogues}
        if dialogues:
            seen = ",".join(one["peer"] or one["listener"] for one in dialogues)
            asked = {"peers": seen, "numbers": str(numbers)}
            await spool.note_command(who, "doctor", asked, "done")
            events.commanded(who, "doctor", "done")
        return answer


def told(record: Record, *, numbers: bool) -> dict[str, Any]:
    """A dialogue with what it means, as JSON can hold it."""
    dialogue = record.dialogue
    if not numbers:
        steps = (replace(one, text=masked(one, dialogue.peer)) for one in dialogue.steps)
        dialogue = replace(dialogue, steps=tuple(steps))
    found = findings(dialogue)
    return {
        "peer": dialogue.peer,
        "helo": dialogue.helo,
        "listener": dialogue.offer.name,
        "began_at": dialogue.began_at,
        "ended": dialogue.ended,
        "steps": [{"at": round(one.at, 3), "kind": one.kind.value, "text": one.text}
                  for one in dialogue.steps],
        "findings": [asdict(one) for one in found],
        "in_trouble": dialogue.ended and not found[0].is_well,
    }  # fmt: skip
