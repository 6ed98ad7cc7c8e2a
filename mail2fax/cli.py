"""The command line. Each verb imports what it needs when it runs, so that help is quick.

Exit codes: 0 done; 1 it could not be done, or was refused; 2 the command line or the
configuration is wrong.
"""

import argparse
import contextlib
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mail2fax import __version__
from mail2fax.authorize_verb import add_authorize_verb
from mail2fax.backup_verb import add_backup_verbs
from mail2fax.check_verb import add_check_verb
from mail2fax.doctor_verb import add_doctor_verb
from mail2fax.errors import ConfigError, Mail2FaxError
from mail2fax.explain_verb import add_explain_verb
from mail2fax.number_verb import add_number_verb
from mail2fax.people_verbs import add_freeze_verbs, add_user_verb
from mail2fax.queue_verb import add_queue_verb
from mail2fax.report_verb import add_report_verbs
from mail2fax.subject_verb import add_subject_verbs

if TYPE_CHECKING:
    from mail2fax.config import Config
    from mail2fax.daemon import Daemon

_DONE, _FAILED, _WRONG = 0, 1, 2
_DESCRIPTION = """\
Fax by sending e-mail: a mail to <number>@your-fax-domain is faxed through Fax.Plus,
and answered with the fax ID and later with the outcome.

  mail2fax demo                      see it work, no account needed
  mail2fax serve --config FILE       run the daemon
  mail2fax explain MAIL              what would become of a mail
  mail2fax number 0225550123         how a number is read
"""
_EXAMPLES = {
    "authorize": "authorize --config /etc/mail2fax/mail2fax.yaml",
    "check": "check --config /etc/mail2fax/mail2fax.yaml",
    "demo": "demo --once",
    "serve": "serve --config /etc/mail2fax/mail2fax.yaml",
    "explain": "explain --to 0225550123@fax.example.com letter.eml",
    "number": 'number "+41 22 555 01 23"',
    "queue": "queue list --all",
    "user": "user add copier-2",
    "freeze": "freeze copier-2",
    "unfreeze": "unfreeze copier-2",
    "report": "report --from 2026-11-01 --csv",
    "audit": "audit verify",
    "export": "export --subject ann@example.org ann.tar",
    "erase": "erase --subject +41225550123 --yes",
    "backup": "backup /var/backups/mail2fax-2026-11-25.tar",
    "restore": "restore /var/backups/mail2fax-2026-11-25.tar",
    "doctor": "doctor --config /etc/mail2fax/mail2fax.yaml --follow",
    "simulator": "simulator --mailbox 2526",
}
_DEFAULT_CONFIG = "/etc/mail2fax/mail2fax.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; its exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.verb(parsed)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return _WRONG
    except (Mail2FaxError, OSError) as error:
        print(f"mail2fax: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _DONE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mail2fax",
        description=_DESCRIPTION,
        epilog="Exit codes: 0 done, 1 failed or refused, 2 wrong command line or configuration.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mail2fax {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_demo(verbs)
    _add_serve(verbs)
    add_explain_verb(verbs, lambda parser: _add_config(parser, None), _add_region)
    add_number_verb(verbs, lambda parser: _add_config(parser, None))
    for add_verb in (
        add_queue_verb,
        add_user_verb,
        add_freeze_verbs,
        add_report_verbs,
        add_backup_verbs,
        add_check_verb,
        add_authorize_verb,
        add_subject_verbs,
    ):
        add_verb(verbs, lambda action: _add_config(action, _DEFAULT_CONFIG))
    add_doctor_verb(verbs)
    _add_simulator(verbs)
    _show_examples(verbs.choices)
    return parser


def _show_examples(parsers: dict[str, argparse.ArgumentParser]) -> None:
    """An example below each verb's help; the parser is any verb's, so none is forgotten."""
    for verb, parser in parsers.items():
        example = f"Example:\n  mail2fax {_EXAMPLES[verb]}"
        parser.epilog = f"{example}\n\n{parser.epilog}" if parser.epilog else example
        parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _add_demo(verbs: Any) -> None:
    demo = verbs.add_parser("demo", help="see a mail become a fax on this machine, no account")
    demo.add_argument("--once", action="store_true", help="end after the outcomes")
    demo.add_argument(
        "--port", type=int, default=0, help="where to take mail (default: a free one)"
    )
    demo.set_defaults(verb=_demo)


def _add_serve(verbs: Any) -> None:
    serve = verbs.add_parser("serve", help="run the daemon")
    _add_config(serve, _DEFAULT_CONFIG)
    serve.add_argument("--verbose", action="store_true", help="log connections too")
    serve.set_defaults(verb=_serve)


def _add_simulator(verbs: Any) -> None:
    simulator = verbs.add_parser("simulator", help="a local Fax.Plus to try things with")
    simulator.add_argument("--port", type=int, default=8025, help="default: 8025")
    simulator.add_argument("--mailbox", type=int, metavar="PORT",
                           help="also take every mail at this port, as a relay")  # fmt: skip
    simulator.set_defaults(verb=_simulator)


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    shown = f"default: {default}" if default else "default: none, every domain is ours"
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=Path(default) if default else None,
        help=shown,
    )


def _add_region(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--region", default="CH", metavar="ISO", help="country of national numbers (default: CH)"
    )


# The verbs


def _demo(arguments: argparse.Namespace) -> int:
    from mail2fax.demo import demo  # noqa: PLC0415

    _run(demo(arguments.port, once=arguments.once))
    return _DONE


def _serve(arguments: argparse.Namespace) -> int:
    from mail2fax import log  # noqa: PLC0415
    from mail2fax.serving import serve  # noqa: PLC0415

    log.write_to(sys.stderr, verbose=arguments.verbose)
    _run(serve(_config(arguments), _say_ready))
    return _DONE


def _say_ready(daemon: "Daemon") -> None:
    for host, port in daemon.addresses:
        print(f"mail2fax takes mail at {host}{f':{port}' if port else ''}", flush=True)


def _simulator(arguments: argparse.Namespace) -> int:
    with contextlib.suppress(KeyboardInterrupt):
        _run(_simulate(arguments))
    return _DONE


async def _simulate(arguments: argparse.Namespace) -> None:
    import asyncio  # noqa: PLC0415

    from mail2fax.simulator.mailbox import Mailbox  # noqa: PLC0415
    from mail2fax.simulator.server import Simulator  # noqa: PLC0415

    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(port=arguments.port))
        print(f"faxplus.base_url: {simulator.base_url}", flush=True)
        if arguments.mailbox is not None:
            mailbox = await stack.enter_async_context(Mailbox(port=arguments.mailbox))
            print(f"relay: {{host: 127.0.0.1, port: {mailbox.port}}}", flush=True)
        print(f"the fax machines: {simulator.page_url}  (Ctrl-C ends it)", flush=True)
        await asyncio.Event().wait()


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a loop; asyncio is half of what any command would have to import."""
    import asyncio  # noqa: PLC0415

    return asyncio.run(coroutine)


def _config(arguments: argparse.Namespace) -> "Config":
    from mail2fax.config import load_config  # noqa: PLC0415

    return load_config(arguments.config)
