"""``mail2fax check``: whether everything around the daemon works, a line for each thing."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

_DONE, _TROUBLE = 0, 1
_HELP = "whether account, relay and the way of answers work, and what to do"
_MORE = """\
One line for each thing: ok, look (it works, and you should look at it) or failed, with what to
do. A mail goes out by the relay to an answer address of the fax domain and is waited for at the
running daemon; nothing is faxed, and nothing of it is kept."""
_CODES = """\
Exit codes: 0 nothing failed; 1 something did; 2 the command line or the configuration is wrong."""

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_check_verb(verbs: Any, add_config: AddConfig) -> None:
    """Add ``check`` to the command line."""
    check = verbs.add_parser("check", help=_HELP, description=_MORE, epilog=_CODES)
    check.formatter_class = argparse.RawDescriptionHelpFormatter
    check.add_argument("--wait", type=float, default=30.0, metavar="SECONDS",
                       help="how long the mail may be on its way (default: 30)")  # fmt: skip
    check.add_argument("--json", action="store_true", help="one JSON object a line")
    add_config(check)
    check.set_defaults(verb=_check)


def _check(arguments: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    return asyncio.run(_report(arguments))


async def _report(arguments: argparse.Namespace) -> int:
    from mail2fax.checks import State, findings  # noqa: PLC0415
    from mail2fax.config import load_config  # noqa: PLC0415

    code = _DONE
    async for one in findings(load_config(arguments.config), arguments.wait):
        line = f"{one.state:<7} {one.what}: {one.text}"
        print(json.dumps(asdict(one)) if arguments.json else line, flush=True)
        if one.state is State.FAILED:
            code = _TROUBLE
    return code
