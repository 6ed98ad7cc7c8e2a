"""The verb ``queue``: mails and their faxes, looked at and decided about; the daemon does it."""

import argparse
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mail2fax.errors import Mail2FaxError

_DONE = 0
_CODES = """\
Exit codes: 0 done; 1 it could not be done, with the reason and what to do; 2 wrong command
line or configuration. Each change is kept with who made it and when."""
_REFERENCE = "such as M2F-7K3QX, or M2F-7K3QX/2 for one of its faxes"

AddConfig = Callable[[argparse.ArgumentParser], None]


class WrongNumber(Mail2FaxError):
    """What was typed is no number that can be faxed to."""


def add_queue_verb(verbs: Any, add_config: AddConfig) -> None:
    """Add ``queue`` to the command line."""
    queue = verbs.add_parser("queue", help="the faxes and where they stand", epilog=_CODES)
    actions = queue.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _action(actions, "list", _list, "the faxes without an outcome")
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also those with one")
    which.add_argument("--untold", action="store_true",
                       help="instead: what nobody could be told, and why")  # fmt: skip
    show = _action(actions, "show", _show, "everything about one mail")
    hold = _action(actions, "hold", _hold, "keep a fax from going out until you decide")
    release = _action(actions, "release", _release, "let what is on hold go on")
    release.add_argument("--without-pictures", action="store_true",
                         help="leave out the pictures in question")  # fmt: skip
    release.add_argument("--not-arrived", action="store_true",
                         help="the recipient says it did not arrive: order it again")  # fmt: skip
    drop = _action(actions, "drop", _drop, "end what is on hold; it is not faxed")
    cancel = _action(actions, "cancel", _cancel, "stop a fax, at Fax.Plus too if it has it")
    resend = _action(actions, "resend", _resend, "fax again what did not succeed, or all")
    resend.add_argument("--to", default="", metavar="NUMBER", help="to another number")
    purge = _action(actions, "purge", _purge, "destroy the content of a mail that is over, now")
    for action in (show, hold, release, drop, cancel, resend, purge):
        action.add_argument("reference", metavar="REFERENCE", help=_REFERENCE)
    for action in (listing, show, hold, release, drop, cancel, resend, purge):
        action.add_argument("--json", action="store_true", help="as JSON")
        add_config(action)


def _action(
    actions: Any, name: str, verb: Callable[[argparse.Namespace], int], told: str
) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=told, epilog=_CODES)
    action.formatter_class = argparse.RawDescriptionHelpFormatter
    action.set_defaults(verb=verb)
    return action


# Looking


def _list(arguments: argparse.Namespace) -> int:
    request = {"command": "list", "all": arguments.all, "untold": arguments.untold}
    result = _ask(arguments, request)
    if arguments.json:
        print(json.dumps(result))
        return _DONE
    if arguments.untold:
        return _list_untold(result["untold"])
    for fax in result["faxes"]:
        print(
            f"{fax['reference']}/{fax['ordinal']:<3} {_time(fax['received_at'])}  "
            f"{fax['number']:<16} {fax['where']:<12} {fax['fax_plus_id'] or '-':<24} {fax['who']}"
        )
    if not result["faxes"]:
        print("nothing waits" if not arguments.all else "nothing was ever received")
    return _DONE


def _list_untold(untold: list[dict[str, Any]]) -> int:
    for one in untold:
        print(f"{one['reference']}  {_time(one['due_at'])}  {one['kind']}: {one['why']}")
    if not untold:
        print("everybody was told")
    return _DONE


def _show(arguments: argparse.Namespace) -> int:
    story = _ask(arguments, {"command": "show", "reference": arguments.reference})
    if arguments.json:
        print(json.dumps(story))
        return _DONE
    _show_mail(story)
    for fax in story["faxes"]:
        _show_fax(fax, {one["id"]: one["ordinal"] for one in story["faxes"]})
    for reply in story["told"]:
        print(f"  told {reply['kind']}: {reply['state']} {reply['told_to'] or reply['why']}")
    for line in story["history"]:
        print(f"  {_time(line['at'])} {line['subject']} {line['event']} -> {line['state']}"
              f"{': ' + line['detail'] if line['detail'] else ''}")  # fmt: skip
    return _DONE


def _show_mail(story: dict[str, Any]) -> None:
    from mail2fax.explain_words import pages_of  # noqa: PLC0415

    print(f"{story['reference']}  {story['state']}  received {_time(story['received_at'])}")
    print(f"  from {story['mail_from'] or '<>'} at {story['peer']} ({story['identity']['rule']})")
    if story["why"]:
        print(f"  {story['why']}")
    for document in story["documents"]:
        print(f"  document {document['filename']}: {pages_of(document)}")
    for part in story["not_faxed"]:
        print(f"  not faxed {part['filename'] or part['content_type']}: {part['why']}")


def _show_fax(fax: dict[str, Any], ordinals: dict[str, int]) -> None:
    again = f" (again, after /{ordinals[fax['again_of']]})" if fax["again_of"] else ""
    known_as = f" {fax['fax_plus_id']}" if fax["fax_plus_id"] else ""
    print(f"  /{fax['ordinal']} {fax['number']}: {fax['state']}{known_as}{again}")
    if fax["stop"] is not None:
        print(f"     it is to be stopped; Fax.Plus said: {fax['stop'] or 'nothing yet'}")
    why = fax["outcome"]["why"] if fax["outcome"] else fax["job_why"]
    if why:
        print(f"     {why}")


# Deciding


def _hold(arguments: argparse.Namespace) -> int:
    done = _decide(arguments, "hold")
    return _say(arguments, done, f"on hold: {', '.join(done['held'])}. Release or cancel it")


def _release(arguments: argparse.Namespace) -> int:
    pictures = "without" if arguments.without_pictures else "send"
    done = _decide(arguments, "release", pictures=pictures, not_arrived=arguments.not_arrived)
    return _say(arguments, done, f"{done['released']} goes on and is faxed")


def _drop(arguments: argparse.Namespace) -> int:
    done = _decide(arguments, "drop")
    return _say(arguments, done, f"{done['dropped']} is not faxed; its sender is told")


def _cancel(arguments: argparse.Namespace) -> int:
    done = _decide(arguments, "cancel")
    told = {
        "stopped": "cancelled, nothing was handed over",
        "asked": "at Fax.Plus, which is asked to stop it; what became of it is told by mail",
        "doubtful": "may be at Fax.Plus already; it is stopped as soon as that is known",
        "over": "had its outcome before",
    }
    lines = [f"{fax}: {told[key]}" for key, faxes in done.items() for fax in faxes]
    return _say(arguments, done, "\n".join(lines))


def _resend(arguments: argparse.Namespace) -> int:
    done = _decide(arguments, "resend", **_destination(arguments))
    return _say(arguments, done, f"faxed again as {', '.join(done['resent'])}")


def _purge(arguments: argparse.Namespace) -> int:
    done = _decide(arguments, "purge")
    return _say(arguments, done, f"the content of {done['purged']} is destroyed")


def _destination(arguments: argparse.Namespace) -> dict[str, str]:
    """Another number, read as the office's own rules read it; any country may be named.

    Raises:
        WrongNumber: it is none.
    """
    if not arguments.to:
        return {}
    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.daemon import number_rules  # noqa: PLC0415
    from mail2fax.reading.numbers import EVERYWHERE, read_number  # noqa: PLC0415

    rules = number_rules(load_config(arguments.config), EVERYWHERE)
    found = read_number(arguments.to, rules)
    if found.destination.number is None:
        raise WrongNumber(found.destination.why)
    return {"to": str(found.destination.number), "country": found.destination.country}


def _decide(arguments: argparse.Namespace, command: str, **more: Any) -> Any:
    return _ask(arguments, {"command": command, "reference": arguments.reference, **more})


def _say(arguments: argparse.Namespace, done: Any, words: str) -> int:
    print(json.dumps(done) if arguments.json else words)
    return _DONE


def _ask(arguments: argparse.Namespace, request: dict[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415

    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.spool.commands import ask  # noqa: PLC0415

    return asyncio.run(ask(load_config(arguments.config).state_dir, request))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
