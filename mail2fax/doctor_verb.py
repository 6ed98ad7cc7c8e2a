"""``mail2fax doctor``: what devices said, and which setting lets them in (L13)."""

import argparse
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mail2fax.errors import ConfigError

_DONE, _TROUBLE = 0, 1
_EVERY = 0.5
_HELP = "what copiers and programs said, and which setting lets them in"
_MORE = """\
Shows the last dialogue of each device with the daemon, what it means, and what to set: at the
device or in the configuration. Passwords and content are never kept; fax numbers are shown with
--numbers only. To watch while you stand at a copier, add --follow.

Where no daemon runs, --listen listens itself: it lets everybody in, takes no mail for good (the
last answer is 451), and tells what a listener needs for this device. --config then only says
how numbers are read, and may be left out.

  mail2fax doctor --listen 0.0.0.0:2525
"""
_CODES = "Exit codes: 0 no device is in trouble; 1 one is, or no daemon runs; 2 the command line \
or the configuration is wrong."

Ask = Callable[[dict[str, Any]], Awaitable[Any]]


def add_doctor_verb(verbs: Any) -> None:
    """Add ``doctor`` to the command line."""
    doctor = verbs.add_parser(
        "doctor", help=_HELP, description=_MORE, epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    doctor.add_argument("--peer", default="", metavar="IP", help="only this device")
    doctor.add_argument("--follow", action="store_true", help="then each dialogue as it ends")
    doctor.add_argument("--numbers", action="store_true", help="show fax numbers too")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line, one a device")
    doctor.add_argument("--listen", type=_place, metavar="ADDRESS:PORT",
                        help="listen here instead of asking the daemon")  # fmt: skip
    doctor.add_argument("--config", type=Path, metavar="FILE", help="of the daemon")
    doctor.set_defaults(verb=_doctor)


def _place(text: str) -> tuple[str, int]:
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - 16 bits
        raise argparse.ArgumentTypeError(f"{text!r}: write ADDRESS:PORT, such as 0.0.0.0:2525")
    return address.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - what the admin asked for


def _doctor(arguments: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    if arguments.listen:
        return asyncio.run(_listen(arguments))
    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.spool.commands import ask  # noqa: PLC0415

    if arguments.config is None:
        raise ConfigError(["doctor asks the daemon of --config FILE, or listens: --listen"])
    state_dir = load_config(arguments.config).state_dir
    return asyncio.run(_show(arguments, lambda request: ask(state_dir, request)))


async def _show(arguments: argparse.Namespace, ask: Ask, *, waits: bool = False) -> int:
    """Print what there is and, if told to, what comes; the exit code."""
    import asyncio  # noqa: PLC0415

    request = {"command": "doctor", "peer": arguments.peer, "numbers": arguments.numbers}
    follows, next_one, trouble = arguments.follow or waits, 0, False
    while True:
        answer = await ask({**request, "after": next_one})
        for told in answer["dialogues"]:
            trouble |= told["in_trouble"]
            print(json.dumps(told) if arguments.json else in_words(told), flush=True)
        if not follows:
            break
        if arguments.follow and not next_one and not arguments.json:
            print("Each dialogue comes here when it ends. Ctrl-C ends this.\n", flush=True)
        next_one = answer["next"]
        await asyncio.sleep(_EVERY)
    if not answer["dialogues"] and not arguments.json:
        print("no device has connected since the daemon started"
              + (f" from {arguments.peer}" if arguments.peer else ""))  # fmt: skip
    return _TROUBLE if trouble else _DONE


def in_words(told: dict[str, Any]) -> str:
    """A dialogue as a person reads it: findings first."""
    name = f" ({told['helo']})" if told["helo"] else ""
    when = datetime.fromtimestamp(told["began_at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    open_ = "" if told["ended"] else ", still connected"
    lines = [f"{told['peer'] or 'a local program'}{name} at {told['listener']}, {when}{open_}"]
    for finding in told["findings"]:
        lines.append(f"  {finding['what']}" + (f" -> {finding['do']}" if finding["do"] else ""))
        lines += [f"      {line}" for line in finding["yaml"].splitlines()]
    lines += [f"  {one['at']:7.1f} s  {one['kind']}: {one['text']}" for one in told["steps"]]
    return "\n".join(lines) + "\n"


async def _listen(arguments: argparse.Namespace) -> int:
    """Listen until interrupted, and explain every dialogue."""
    import logging  # noqa: PLC0415

    from mail2fax.rehearsal import rehearsal  # noqa: PLC0415

    logging.getLogger("mail2fax").setLevel(logging.CRITICAL)  # findings tell it in words
    address, port = arguments.listen
    async with rehearsal(address, port, arguments.config) as stage:
        tls = "with STARTTLS" if stage.has_tls else "without TLS (openssl is not installed)"
        print(f"mail2fax doctor listens at {stage.address}:{stage.port} {tls}; nothing is faxed. "
              "Ctrl-C ends it.", flush=True)  # fmt: skip
        return await _show(arguments, stage.ask, waits=True)
