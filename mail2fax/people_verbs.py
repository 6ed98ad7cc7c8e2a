"""The verbs about who may send: ``user``, ``freeze``, ``unfreeze``; the daemon carries them out."""

import argparse
import getpass
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mail2fax.errors import Mail2FaxError

_DONE = 0
_NAME = re.compile(r"[!-~]{1,128}", re.ASCII)
_SHORTEST = 8

AddConfig = Callable[[argparse.ArgumentParser], None]


class WrongInput(Mail2FaxError):
    """What was typed cannot be used."""


def add_user_verb(verbs: Any, add_config: AddConfig) -> None:
    """Add ``user`` to the command line."""
    user = verbs.add_parser("user", help="logins for scanners and people that send")
    actions = user.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="register a login; its password is shown once")
    add.add_argument("--reply-to", default="", metavar="ADDRESS", help="who is told of its faxes")
    add.add_argument("--rule", default="", help="the one rule of senders that may admit it")
    add.set_defaults(verb=_add)
    passwd = actions.add_parser("passwd", help="give a login another password")
    passwd.set_defaults(verb=_passwd)
    remove = actions.add_parser("remove", help="forget a login")
    remove.set_defaults(verb=_remove)
    listing = actions.add_parser("list", help="the registered logins")
    listing.set_defaults(verb=_list)
    for action in (add, passwd, remove):
        action.add_argument("name", metavar="NAME", type=_name, help="as the device writes it")
    for action in (add, passwd):
        action.add_argument("--ask", action="store_true", help="ask for the password, make none")
    for action in (add, passwd, remove, listing):
        add_config(action)


def add_freeze_verbs(verbs: Any, add_config: AddConfig) -> None:
    """Add ``freeze`` and ``unfreeze`` to the command line."""
    freeze = verbs.add_parser("freeze", help="stop a sender: no new mail, waiting faxes are held")
    freeze.add_argument("--why", default="", metavar="TEXT", help="kept with the command")
    freeze.set_defaults(verb=_freeze)
    unfreeze = verbs.add_parser("unfreeze", help="let a frozen sender go on")
    unfreeze.set_defaults(verb=_unfreeze)
    for verb in (freeze, unfreeze):
        shown = "a rule, a login, a device's address or a person's address"
        verb.add_argument("name", metavar="NAME", help=shown)
        add_config(verb)


def _freeze(arguments: argparse.Namespace) -> int:
    from mail2fax.config import load_config  # noqa: PLC0415

    config = load_config(arguments.config)
    request = {"name": arguments.name, "why": arguments.why, "rules": config.rule_names()}
    done = _ask(config.state_dir, {"command": "freeze", **request})
    print(f"{arguments.name} is frozen; {_faxes(done['held'])} on hold")
    return _DONE


def _unfreeze(arguments: argparse.Namespace) -> int:
    request = {"command": "unfreeze", "name": arguments.name}
    done = _ask(_state_dir(arguments), request)
    print(f"{arguments.name} may send again; {_faxes(done['released'])} released")
    return _DONE


def _faxes(jobs: int) -> str:
    return f"{jobs} order{'' if jobs == 1 else 's'}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a login is of ASCII letters without spaces")
    return text.lower()


def _add(arguments: argparse.Namespace) -> int:
    from mail2fax.config import load_config  # noqa: PLC0415

    config = load_config(arguments.config)
    names = config.rule_names()
    if arguments.rule and arguments.rule not in names:
        raise WrongInput(f"{arguments.rule} is no rule of senders. They are: {', '.join(names)}")
    if arguments.reply_to:
        _check_mailbox(arguments.reply_to)
    request = {"reply_to": arguments.reply_to, "rule": arguments.rule}
    _set_password(arguments, config.state_dir, {"command": "user add", **request})
    admitting = config.rules_for_login(arguments.name, arguments.rule)
    if not admitting:
        print(f"No rule of senders admits it yet. Add one: - {{login: [{arguments.name}]}}")
    return _DONE


def _check_mailbox(text: str) -> None:
    from mail2fax.config_fields import mailbox  # noqa: PLC0415

    try:
        mailbox(text)
    except ValueError as error:
        raise WrongInput(str(error)) from None


def _passwd(arguments: argparse.Namespace) -> int:
    _set_password(arguments, _state_dir(arguments), {"command": "user passwd"})
    return _DONE


def _set_password(arguments: argparse.Namespace, state_dir: Path, request: dict[str, Any]) -> None:
    """Ask for or make a password, hand its hash over, show a made one once."""
    from mail2fax.accepting import passwords  # noqa: PLC0415

    password = _asked() if arguments.ask else passwords.made_up()
    request |= {"name": arguments.name, "hash": passwords.hashed(password)}
    _ask(state_dir, request)
    print(f"login:    {arguments.name}")
    if not arguments.ask:
        print(f"password: {password}   (shown this once)")


def _asked() -> str:
    """A password typed twice, or the first line of what is piped in."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("password: ")
        if getpass.getpass("once more: ") != password:
            raise WrongInput("the two passwords differ; nothing was changed")
    if len(password) < _SHORTEST:
        raise WrongInput(f"a password has at least {_SHORTEST} characters; nothing was changed")
    return password


def _remove(arguments: argparse.Namespace) -> int:
    _ask(_state_dir(arguments), {"command": "user remove", "name": arguments.name})
    print(f"{arguments.name} is no login any more")
    return _DONE


def _list(arguments: argparse.Namespace) -> int:
    lines = _ask(_state_dir(arguments), {"command": "user list"})
    for line in lines:
        seen = _day(line["last_seen"]) if line["last_seen"] else "not in 30 days"
        told, rule = line["reply_to"] or "-", line["rule"] or "any rule"
        print(f"{line['name']:<24} {rule:<16} {told:<32} seen {seen}")
    if not lines:
        print("there are no logins. Register one: mail2fax user add NAME")
    return _DONE


def _state_dir(arguments: argparse.Namespace) -> Path:
    from mail2fax.config import load_config  # noqa: PLC0415

    return load_config(arguments.config).state_dir


def _ask(state_dir: Path, request: dict[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415

    from mail2fax.spool.commands import ask  # noqa: PLC0415

    return asyncio.run(ask(state_dir, request))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d")
