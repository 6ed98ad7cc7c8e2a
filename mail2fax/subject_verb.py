"""The verbs about a person: ``export`` everything that is held, ``erase`` it (K7)."""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_DONE, _WRONG = 0, 2
_BETWEEN_DIGITS = re.compile(r"[\s().-]")

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_subject_verbs(verbs: Any, add_config: AddConfig) -> None:
    """Add ``export`` and ``erase`` to the command line."""
    export = verbs.add_parser("export", help="everything that is held of a person")
    export.add_argument("target", type=Path, metavar="DIR|FILE.tar", help="a new name")
    export.set_defaults(verb=_export)
    erase = verbs.add_parser("erase", help="erase a person from everything that is over")
    erase.add_argument("--yes", action="store_true", help="there is no way back: do it")
    erase.set_defaults(verb=_erase)
    for verb in (export, erase):
        verb.add_argument("--subject", required=True, type=_subject, metavar="ADDRESS|NUMBER",
                          help="a mail address, a fax number with +, or a login")  # fmt: skip
        add_config(verb)


def _subject(text: str) -> str:
    bare = text.strip()
    return _BETWEEN_DIGITS.sub("", bare) if bare.startswith("+") else bare


def _export(arguments: argparse.Namespace) -> int:
    from mail2fax import archive  # noqa: PLC0415

    state_dir = _state_dir(arguments)
    with archive.writer(arguments.target) as writer:
        held = _ask(state_dir, {"command": "export", "subject": arguments.subject})
        gone = []
        for name in _files(state_dir, held.pop("content")):
            try:
                writer.add(name, state_dir / name)
            except FileNotFoundError:
                gone.append(name)
        held["destroyed_meanwhile"] = gone
        writer.add_text("export.json", json.dumps(held, indent=1, ensure_ascii=False))
    lines = len(held["audit"])
    print(f"{arguments.target}: {len(held['mails'])} mails, {lines} lines for auditors")
    return _DONE


def _files(state_dir: Path, mail_ids: list[str]) -> Iterator[str]:
    """Names of the files of some mails, below the state directory."""
    for mail_id in mail_ids:
        yield f"mails/{mail_id}.eml"
        for path in sorted((state_dir / "documents" / mail_id).glob("*")):
            yield f"documents/{mail_id}/{path.name}"


def _erase(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        print("what is erased cannot be brought back. Export it first if need be, then add --yes")
        return _WRONG
    erased = _ask(_state_dir(arguments), {"command": "erase", "subject": arguments.subject})
    print(
        f"erased from {erased['rows']} mails, content of {len(erased['mails'])} destroyed; "
        f"{erased['lines']} lines for auditors stay, without the person"
    )
    if erased["fax_ids"]:
        print("at Fax.Plus these records stay, with number and pages; delete them there:")
        print("\n".join(f"  {fax_id}" for fax_id in erased["fax_ids"]))
    for login in erased["logins"]:
        print(
            f"the login {login} is named beside it. If it is this person's alone: "
            f"mail2fax user remove {login}; mail2fax erase --subject {login} --yes"
        )
    print("backups that were made before hold it still")
    return _DONE


def _state_dir(arguments: argparse.Namespace) -> Path:
    from mail2fax.config import load_config  # noqa: PLC0415

    return load_config(Path(arguments.config)).state_dir


def _ask(state_dir: Path, request: dict[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415

    from mail2fax.spool.commands import ask  # noqa: PLC0415

    return asyncio.run(ask(state_dir, request))
