"""The verbs ``backup`` and ``restore``: everything below ``state_dir``, elsewhere and back (K9)."""

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mail2fax import __version__

if TYPE_CHECKING:
    from mail2fax.archive import Manifest
    from mail2fax.spool.restoring import Restored

_DONE = 0

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_backup_verbs(verbs: Any, add_config: AddConfig) -> None:
    """Add ``backup`` and ``restore`` to the command line."""
    backup = verbs.add_parser("backup", help="copy ledger and mails while the daemon works")
    backup.add_argument("target", type=Path, metavar="DIR|FILE.tar", help="a new name")
    backup.add_argument("--verify", action="store_true", help="check one that was made before")
    backup.set_defaults(verb=_backup)
    restore = verbs.add_parser("restore", help="put a backup back; nothing is faxed twice")
    restore.add_argument("source", type=Path, nargs="?", metavar="DIR|FILE.tar")
    restore.add_argument("--force", action="store_true", help="put aside what is there")
    restore.add_argument("--in-place", action="store_true",
                         help="the state directory was put back by other means")  # fmt: skip
    restore.set_defaults(verb=_restore)
    for verb in (backup, restore):
        add_config(verb)


def _backup(arguments: argparse.Namespace) -> int:
    from mail2fax import archive  # noqa: PLC0415

    if arguments.verify:
        manifest = archive.unpack(arguments.target, None)
        print(f"{arguments.target} is as it was made: {_contents(manifest)}")
        return _DONE
    with archive.writer(arguments.target) as writer:
        picture = _ask(arguments, {"command": "backup"})
        try:
            manifest = archive.Manifest(f"mail2fax {__version__}", picture["at"])
            writer.add_all(Path(picture["path"]), manifest)
        finally:
            _ask(arguments, {"command": "backup done", "name": picture["name"]})
    print(f"{arguments.target}: {_contents(manifest)}")
    return _DONE


def _contents(manifest: "Manifest") -> str:
    mails = sum(name.startswith("mails/") for name in manifest.files)
    size = manifest.size / 1e6
    return f"{mails} mails, {size:.1f} MB, as of {_time(manifest.at)}"


def _restore(arguments: argparse.Namespace) -> int:
    from mail2fax.clock import Clock  # noqa: PLC0415
    from mail2fax.spool import restoring  # noqa: PLC0415

    state_dir, now = _state_dir(arguments), Clock().now()
    if arguments.in_place == (arguments.source is not None):
        raise restoring.CannotRestore("give either a backup, or --in-place")
    if arguments.in_place:
        restored = restoring.in_place(state_dir, now)
    else:
        fill = _filler(arguments.source)
        restored = restoring.put_back(state_dir, fill, now, force=arguments.force)
    _ask(arguments, {"command": "restored", "since": restored.since})
    _tell(restored, state_dir)
    return _DONE


def _filler(source: Path) -> Callable[[Path], float]:
    from mail2fax import archive  # noqa: PLC0415

    return lambda target: archive.unpack(source, target).at


def _tell(restored: "Restored", state_dir: Path) -> None:
    since, until = _time(restored.since), _time(restored.until)
    if restored.aside is not None:
        print(f"what was there is in {restored.aside}; remove it when it is not needed")
    print(
        f"{state_dir} is as it was at {since}.\n"
        f"Mails that came between {since} and {until} are not in it: ask whoever sent a fax in\n"
        f"that time and has no outcome to look before sending it again.\n"
        f"At the next start nothing is ordered before Fax.Plus's lists were read back to {since}:\n"
        f"what is there already is not ordered again, and faxes that this ledger does not know\n"
        f"are taken in; the admin is told of each."
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state_dir(arguments: argparse.Namespace) -> Path:
    from mail2fax.config import load_config  # noqa: PLC0415

    return load_config(Path(arguments.config)).state_dir


def _ask(arguments: argparse.Namespace, request: dict[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415

    from mail2fax.spool.commands import ask  # noqa: PLC0415

    return asyncio.run(ask(_state_dir(arguments), request))
