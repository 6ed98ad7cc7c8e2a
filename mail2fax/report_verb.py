"""The verbs for auditors: ``report`` prints the lines, ``audit verify`` checks their chain."""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mail2fax.spool.chain import AuditLine

_DONE, _BROKEN = 0, 1
_COLUMNS = (
    "seq", "at", "what", "reference", "state", "status", "pages", "duration", "orders",
    "fax_plus_id", "kind", "command", "rule", "number", "who", "from", "to", "arguments",
)  # fmt: skip
_DAY_LENGTH = len("2026-11-24")

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_report_verbs(verbs: Any, add_config: AddConfig) -> None:
    """Add ``report`` and ``audit`` to the command line."""
    report = verbs.add_parser("report", help="what was faxed, by whom, how it ended, who was told")
    report.add_argument("--from", dest="since", type=_since, default=0.0, metavar="DATE",
                        help="such as 2026-11-01, in this machine's time")  # fmt: skip
    report.add_argument("--to", dest="until", type=_until, default=1e15, metavar="DATE",
                        help="the last day, or the moment before which")  # fmt: skip
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one object a line, with the chain")
    form.add_argument("--csv", action="store_true", help="as a table")
    report.set_defaults(verb=_report)
    audit = verbs.add_parser("audit", help="check that no line for auditors was changed")
    actions = audit.add_subparsers(title="actions", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="check the whole chain")
    verify.add_argument("--noted", action="append", type=_anchor, default=[], metavar="N:HASH",
                        help="the last line of an earlier check; may be repeated")  # fmt: skip
    verify.set_defaults(verb=_verify)
    for action in (report, verify):
        add_config(action)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        hint = "write a date such as 2026-11-01"
        raise argparse.ArgumentTypeError(f"{text!r} is no date: {hint}") from None


def _since(text: str) -> float:
    return _moment(text).timestamp()


def _until(text: str) -> float:
    whole_day = timedelta(days=1) if len(text) == _DAY_LENGTH else timedelta()
    return (_moment(text) + whole_day).timestamp()


def _anchor(text: str) -> Any:
    from mail2fax.spool.chain import Anchor  # noqa: PLC0415

    try:
        return Anchor.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _report(arguments: argparse.Namespace) -> int:
    lines = _lines(arguments, since=arguments.since, until=arguments.until)
    if arguments.json:
        for line in lines:
            print(json.dumps(_as_object(line)))
    elif arguments.csv:
        table = csv.DictWriter(sys.stdout, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(_told(line) for line in lines)
    else:
        for line in lines:
            print(_sentence(_told(line)))
    return _DONE


def _as_object(line: "AuditLine") -> dict[str, Any]:
    """A line with everything that is needed to check it."""
    return {
        "line": line.line, "previous": line.previous, "hash": line.hash,
        "personal": line.personal, "salts": line.salts,
    }  # fmt: skip


def _told(line: "AuditLine") -> dict[str, Any]:
    return {**line.facts, **line.personal}


def _sentence(told: dict[str, Any]) -> str:
    """One line for a person."""
    at = datetime.fromisoformat(told["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = told.get("kind") or told.get("command") or told.get("status") or ""
    about = told.get("number") or told.get("to") or told.get("from") or ""
    pages = f"{told['pages']} pages" if told.get("pages") else ""
    parts = (told.get("reference", ""), told["what"], told["state"], what, about, pages,
             told.get("who", ""))  # fmt: skip
    return f"{at}  " + "  ".join(str(part) for part in parts if part)


def _verify(arguments: argparse.Namespace) -> int:
    from mail2fax.spool.chain import Anchor, Checker  # noqa: PLC0415

    known = _ask(arguments, {"command": "audit anchors"})
    noted = [Anchor.read(one) for one in known["noted"]]
    checker = Checker(Anchor.read(known["base"]), [*noted, *arguments.noted])
    problem = next((found for line in _lines(arguments) if (found := checker.look_at(line))), None)
    problem = problem or checker.end()
    if problem:
        print(f"not in order: {problem}")
        return _BROKEN
    print(f"in order: {checker.count} lines, {checker.erased} of them with something erased")
    print(f"note this down where nobody can change it: {checker.head}")
    return _DONE


def _lines(
    arguments: argparse.Namespace, *, since: float = 0.0, until: float = 1e15
) -> Iterator["AuditLine"]:
    """Every line of a period, in order."""
    from mail2fax.json_form import from_json  # noqa: PLC0415
    from mail2fax.spool.chain import AuditLine  # noqa: PLC0415

    after = 0
    while True:
        request = {"command": "report", "after": after, "since": since, "until": until}
        page = [from_json(AuditLine, one) for one in _ask(arguments, request)]
        if not page:
            return
        yield from page
        after = page[-1].seq


def _ask(arguments: argparse.Namespace, request: dict[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415

    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.spool.commands import ask  # noqa: PLC0415

    config = load_config(Path(arguments.config))
    return asyncio.run(ask(config.state_dir, request))
