"""The commands about mails and their faxes: ``mail2fax queue`` (K8).

Each is ``(spool, request, who gave it) -> result``, see `mail2fax.spool.commands`. One that
changes something does so in one transaction with its row.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, select

from mail2fax.errors import Mail2FaxError
from mail2fax.json_form import as_json
from mail2fax.spool import cancelling, forgetting, holds, pausing, repeating, schema, stories
from mail2fax.spool.lifecycle import MailState
from mail2fax.spool.noted import note
from mail2fax.spool.repeating import Repeated, Terms
from mail2fax.spool.replies import AGAIN, owe
from mail2fax.spool.spool import Spool
from mail2fax.values import Destination, FaxNumber

_MOST_LINES = 1000


class NoSuchMail(Mail2FaxError):
    """There is no such mail or fax; the text says where to look."""


async def _list(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``queue list``: the faxes without an outcome, or with ``all`` every one, newest first.

    With ``untold`` it is what nobody could be told instead.
    """
    if request.get("untold"):
        return {"untold": [asdict(one) for one in await spool.do(stories.untold, _MOST_LINES)]}
    lines = await spool.do(_queue, bool(request.get("all")))
    counts = await spool.do(stories.counts)
    faxes = [{**asdict(line), "where": line.where} for line in lines]
    return {"faxes": faxes, "counts": counts}


def _queue(connection: Connection, everything: bool) -> list[stories.QueueLine]:
    return stories.queue(connection, _MOST_LINES, everything=everything)


async def _show(spool: Spool, request: dict[str, Any], _who: str) -> Any:
    """``queue show``: everything the ledger knows of one mail.

    Raises:
        NoSuchMail: there is none.
    """
    reference = str(request.get("reference", ""))
    story = await spool.do(stories.of_reference, reference)
    if story is None:
        raise _unknown(reference)
    return as_json(story)


def _unknown(reference: str) -> NoSuchMail:
    return NoSuchMail(f"there is no mail {reference}. See: mail2fax queue list --all")


def _found(connection: Connection, reference: str) -> tuple[Row[Any], int | None]:
    """The mail of a reference, and the ordinal of the one fax that is meant, None for all.

    Raises:
        NoSuchMail: there is none.
    """
    wanted, slash, ordinal = reference.upper().partition("/")
    mail = connection.execute(
        select(schema.mail).where(schema.mail.c.reference == wanted)
    ).one_or_none()
    if mail is None or (slash and not (ordinal.isascii() and ordinal.isdigit())):
        raise _unknown(reference)
    if not slash:
        return mail, None
    fax = schema.fax.c
    known = select(fax.id).where(fax.mail_id == mail.id, fax.ordinal == int(ordinal))
    if connection.scalar(known) is None:
        raise NoSuchMail(f"{wanted} has no fax {ordinal}. See: mail2fax queue show {wanted}")
    return mail, int(ordinal)


async def _release(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue release``: let go on what is on hold.

    ``pictures`` is ``send`` or ``without``; ``not_arrived`` says that a fax which Fax.Plus may
    have did not arrive.
    """
    return await _changed(spool, _released, request, who)


def _released(connection: Connection, request: dict[str, Any], who: str, now: float) -> Any:
    mail, ordinal = _found(connection, str(request.get("reference", "")))
    if mail.state == MailState.HELD:
        decided = "without" if request.get("pictures") == "without" else "send"
        holds.release(connection, mail.reference, decided, who, now)
        note(connection, who, "release", _named(mail, None, pictures=decided), now)
    else:
        arrived = not request.get("not_arrived")
        pausing.release(connection, mail, ordinal, now, arrived=arrived)
        note(connection, who, "release", _named(mail, ordinal, not_arrived=not arrived), now)
    return {"released": _name(mail, ordinal)}


async def _drop(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue drop``: end what is on hold without faxing it."""
    return await _changed(spool, _dropped, request, who)


def _dropped(connection: Connection, request: dict[str, Any], who: str, now: float) -> Any:
    mail, ordinal = _found(connection, str(request.get("reference", "")))
    if mail.state == MailState.HELD:
        holds.drop(connection, mail.reference, now)
    else:
        pausing.drop(connection, mail, ordinal, now)
    note(connection, who, "drop", _named(mail, ordinal), now)
    return {"dropped": _name(mail, ordinal)}


async def _hold(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue hold``: keep faxes from going out until they are released or cancelled."""
    return await _changed(spool, _held, request, who)


def _held(connection: Connection, request: dict[str, Any], who: str, now: float) -> Any:
    mail, ordinal = _found(connection, str(request.get("reference", "")))
    faxes = pausing.pause(connection, mail, ordinal, who, now)
    note(connection, who, "hold", _named(mail, ordinal), now)
    return {"held": [_name(mail, one) for one in faxes]}


async def _cancel(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue cancel``: stop faxes as far as they can be."""
    return await _changed(spool, _cancelled, request, who)


def _cancelled(connection: Connection, request: dict[str, Any], who: str, now: float) -> Any:
    mail, ordinal = _found(connection, str(request.get("reference", "")))
    done = cancelling.cancel(connection, mail, ordinal, who, now)
    note(connection, who, "cancel", _named(mail, ordinal), now)
    return {key: [_name(mail, one) for one in faxes] for key, faxes in asdict(done).items()}


async def _resend(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue resend``: fax again what did not succeed; ``to`` is another number in E.164.

    An administrator is above the quotas of rules and their countries; who is frozen is not.
    """
    return await _changed(spool, _resent, request, who)


def _resent(connection: Connection, request: dict[str, Any], who: str, now: float) -> Any:
    mail, ordinal = _found(connection, str(request.get("reference", "")))
    to, country = str(request.get("to", "")), str(request.get("country", ""))
    terms = Terms(lambda _rule, number: _as_it_is(number, country), {})
    done = repeating.again(connection, mail, ordinal, to, terms, now)
    if not done.ordinals:
        raise _NotResent(f"{mail.reference}: {'. '.join(done.why)}")
    _tell_again(connection, mail, done, now)
    note(connection, who, "resend", _named(mail, ordinal, to=to), now)
    return {"resent": [_name(mail, one) for one in done.ordinals]}


async def _purge(spool: Spool, request: dict[str, Any], who: str) -> Any:
    """``queue purge``: destroy a mail's content now, before its time."""
    mail_id = await spool.do(_purging, request, who, spool.now())
    await forgetting.destroy(spool, [mail_id])
    spool.bells.ring()
    return {"purged": str(request.get("reference", "")).upper().split("/")[0]}


def _purging(connection: Connection, request: dict[str, Any], who: str, now: float) -> str:
    reference = str(request.get("reference", ""))
    mail_id = forgetting.expire_now(connection, reference, now)
    note(connection, who, "purge", {"reference": reference.upper().split("/")[0]}, now)
    return mail_id


class _NotResent(Mail2FaxError):
    """Nothing of it can be sent again; the text says why."""


def _as_it_is(number: str, country: str) -> Destination:
    return Destination(number, FaxNumber(number), "named by an administrator", country)


def _tell_again(connection: Connection, mail: Row[Any], done: Repeated, now: float) -> None:
    facts = {"faxes": list(done.ordinals), "why": list(done.why)}
    owe(connection, mail.id, AGAIN, now, facts=facts)


async def _changed(
    spool: Spool,
    change: Callable[[Connection, dict[str, Any], str, float], Any],
    request: dict[str, Any],
    who: str,
) -> Any:
    """Carry out a change, and wake whoever has work of it."""
    result = await spool.do(change, request, who, spool.now())
    spool.bells.ring()
    return result


def _name(mail: Row[Any], ordinal: int | None) -> str:
    return str(mail.reference) if ordinal is None else f"{mail.reference}/{ordinal}"


def _named(mail: Row[Any], ordinal: int | None, **more: str | bool) -> dict[str, str]:
    """The arguments of a command's row."""
    said = {key: str(value) for key, value in more.items() if value}
    return {"reference": _name(mail, ordinal), **said}


COMMANDS: Mapping[str, Callable[[Spool, dict[str, Any], str], Awaitable[Any]]] = {
    "list": _list,
    "show": _show,
    "release": _release,
    "drop": _drop,
    "hold": _hold,
    "cancel": _cancel,
    "resend": _resend,
    "purge": _purge,
}
CHANGING = frozenset({"release", "drop", "hold", "cancel", "resend", "purge"})
"""Those that write their own row, in the transaction of the change (K8)."""
NOTED = frozenset({"show"}) | CHANGING
