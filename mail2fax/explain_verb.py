"""The command line of ``mail2fax explain`` (M13)."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mail2fax.errors import Mail2FaxError

if TYPE_CHECKING:
    from mail2fax.explain import Explainer

_DONE, _REFUSED = 0, 1
_LARGEST = 300_000_000
_HEAD = 4096
_HELP = "what would become of a mail; sends nothing"
_MORE = """\
Shows what would be dialled, what would be faxed and what not and why, by the same gate, limits
and rules as the daemon. With --config, --from-network, --login and --mail-from choose which
client it would come from: the first rule of senders that admits it holds; without them, the
first rule.

  mail2fax explain --to 0225550123@fax.example.com letter.eml
  mail2fax explain --config FILE --from-network 192.168.1.5 scan.eml
  mail2fax explain --json *.eml | jq .refused
"""
_CODES = "Exit codes: 0 all would be faxed; 1 one is refused, on hold or cannot be read; 2 the \
command line or the configuration is wrong."
_SAVE = "Save the mail itself (in most programs: Save as, type .eml) and name that file"
_NOT_MAILS = (
    (b"%PDF-", "is a PDF, not a mail"),
    (b"\xd0\xcf\x11\xe0", "is a file of Outlook (.msg) or of old Office, not a mail as it is sent"),
    (b"PK\x03\x04", "is a ZIP or Office file, not a mail"),
    (b"II*\0", "is a picture, not a mail"),
    (b"MM\0*", "is a picture, not a mail"),
    (b"\xff\xd8\xff", "is a picture, not a mail"),
    (b"\x89PNG", "is a picture, not a mail"),
)

AddTo = Callable[[argparse.ArgumentParser], None]


class NotAMail(Mail2FaxError):
    """A file that cannot be explained, and what to name instead."""


def add_explain_verb(verbs: Any, add_config: AddTo, add_region: AddTo) -> None:
    """Add ``explain`` to the command line."""
    explain = verbs.add_parser(
        "explain", help=_HELP, description=_MORE, epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    explain.add_argument("mails", nargs="+", type=Path, metavar="MAIL", help="a mail's file (.eml)")
    recipient = "a recipient as a client would write it; may stand several times"
    explain.add_argument("--to", action="append", default=[], metavar="ADDRESS", help=recipient)
    explain.add_argument("--from-network", metavar="IP", help="the client's address")
    explain.add_argument("--login", metavar="NAME", help="who would be logged in")
    explain.add_argument("--mail-from", metavar="ADDRESS", help="the envelope's sender")
    explain.add_argument("--json", action="store_true", help="one JSON object a line, one a mail")
    add_config(explain)
    add_region(explain)
    explain.set_defaults(verb=_explain)


def check_is_mail(path: Path) -> None:
    """Whether a file may be one mail.

    Raises:
        NotAMail: it is something else, and what to do.
    """
    if path.is_dir():
        raise NotAMail(f"{path} is a directory. Name the mails in it: {path}/*.eml")
    if not path.exists():
        raise NotAMail(f"{path}: there is no such file")
    if path.stat().st_size > _LARGEST:
        size = path.stat().st_size / 1e6
        raise NotAMail(f"{path} has {size:.0f} MB. No mail of that size is taken")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for beginning, what in _NOT_MAILS:
        if head.startswith(beginning):
            raise NotAMail(f"{path} {what}. {_SAVE}")
    if head.startswith(b"From ") and _has_more_mails(path):
        raise NotAMail(f"{path} is a mailbox of several mails. Name one mail: {_SAVE.lower()}")


def _has_more_mails(path: Path) -> bool:
    """Whether another mail begins in a file, as mailboxes part them (RFC 4155)."""
    empty = False
    with path.open("rb") as file:
        next(file)
        for line in file:
            if empty and line.startswith(b"From ") and b"@" in line:
                return True
            empty = line in (b"\n", b"\r\n")
    return False


def _explain(arguments: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    return asyncio.run(_explain_all(arguments))


async def _explain_all(arguments: argparse.Namespace) -> int:
    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.explain import Client, explainer_for  # noqa: PLC0415

    config = load_config(arguments.config) if arguments.config else None
    client = Client(arguments.from_network, arguments.login, arguments.mail_from)
    explainer = explainer_for(config, arguments.region, client)
    codes = set()
    try:
        for mail in arguments.mails:
            codes.add(await _explain_one(explainer, mail, arguments))
    finally:
        await explainer.children.close()
    return max(codes)


async def _explain_one(explainer: "Explainer", mail: Path, arguments: argparse.Namespace) -> int:
    """One mail, told; a file that is none is named, and the others go on."""
    from mail2fax.explain_words import in_words  # noqa: PLC0415

    try:
        check_is_mail(mail)
        told = await explainer.explain(mail, arguments.to)
    except (NotAMail, OSError) as error:
        print(f"mail2fax: {error}", file=sys.stderr)
        return _REFUSED
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        is_one_of_many = len(arguments.mails) > 1
        words = in_words(told, reply=explainer.reply, colour=_shows_colour())
        print(f"{words}\n" if is_one_of_many else words)
    return _REFUSED if told["refused"] is not None else _DONE


def _shows_colour() -> bool:
    """Whether a person looks on who did not switch colours off (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain
