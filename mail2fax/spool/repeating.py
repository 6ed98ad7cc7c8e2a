"""Ledger command of ``again``: the documents of a mail are faxed once more (W6).

A fax that went wrong stays as it is, with its history; the new one is a row of its own, with
its own token, that names the old. What a rule allows is asked again: quotas, who is stopped,
where faxes may go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from mail2fax.json_form import as_json, from_json
from mail2fax.spool import frozen, jobs, lifecycle, schema, usage
from mail2fax.spool.lifecycle import FaxState, MailState
from mail2fax.spool.moves import FAX, line, remember
from mail2fax.spool.naming import new_id
from mail2fax.spool.standing import FROZEN
from mail2fax.values import Destination, Options, Quota

_FAX, _DOCUMENT = schema.fax.c, schema.document.c
_NOTHING = "Nothing of this mail was ever ready to be faxed. Send a new mail"
_UNDER_WAY = "The fax is still under way. Cancel it first, or wait for its outcome"
_NOT_NEWEST = "A later fax of this mail went to the same number. Name that one, or the mail"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked again before a fax goes out once more.

    Attributes:
        read: a rule's name and a number as written → the destination, without a number when
            the rule may not fax there.
        quotas: of each rule, by its name.
    """

    read: Callable[[str, str], Destination]
    quotas: Mapping[str, tuple[Quota, ...]]


@dataclass(frozen=True, slots=True)
class Repeated:
    """What ``again`` led to.

    Attributes:
        ordinals: of the new faxes.
        why: sentences about what is not sent again.
    """

    ordinals: tuple[int, ...] = ()
    why: tuple[str, ...] = ()


def again(
    connection: Connection, mail: Row[Any], ordinal: int | None, to: str, terms: Terms, now: float
) -> Repeated:
    """Fax a mail again: what did not succeed, or all when all did; only what has its outcome.

    Args:
        mail: the mail's row.
        ordinal: of the one fax meant; None for all.
        to: another number, as written; empty for the same ones.
    """
    if mail.state != MailState.PREPARED:
        return Repeated(why=(_NOTHING,))
    if frozen.name_for(connection, frozen.identity_of(connection, mail.id)) is not None:
        return Repeated(why=(FROZEN,))
    newest = _newest(connection, mail.id)
    if ordinal is not None and all(fax.ordinal != ordinal for fax in newest):
        return Repeated(why=(_NOT_NEWEST,))
    wanted, under_way = _wanted(newest, ordinal)
    rule = str(mail.identity["rule"])
    if to:
        return _to_another(connection, mail, newest, terms.read(rule, to), terms, now)
    copies, problems = [], [_UNDER_WAY] * bool(under_way and not wanted)
    for fax in wanted:
        found = terms.read(rule, fax.number)
        if found.number is None:
            problems.append(found.why)
        else:
            copies.append(_copy_of(fax, mail.options))
    return _ordered(connection, mail, copies, problems, terms, now)


def _newest(connection: Connection, mail_id: str) -> list[Row[Any]]:
    """The last fax to each number, in order."""
    query = select(schema.fax).where(_FAX.mail_id == mail_id).order_by(_FAX.ordinal)
    rows = connection.execute(query).all()
    return list({row.number: row for row in rows}.values())


def _wanted(
    newest: Sequence[Row[Any]], ordinal: int | None
) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Which faxes are to be sent again, and which are still under way."""
    meant = [fax for fax in newest if ordinal in (None, fax.ordinal)]
    under_way = [fax for fax in meant if fax.state in lifecycle.OPEN_FAXES]
    over = [fax for fax in meant if fax.state not in lifecycle.OPEN_FAXES]
    failed = [fax for fax in over if fax.state != FaxState.SUCCESS]
    return failed or ([] if under_way else over), under_way


def _copy_of(fax: Row[Any], options_of_mail: Any) -> dict[str, Any]:
    """The row of a fax once more; the time it was wanted at is over."""
    options = from_json(Options, fax.options or options_of_mail)
    return {
        "number": fax.number, "written": fax.written, "country": fax.country,
        "reading": fax.reading, "name": fax.name, "wishes": fax.wishes,
        "options": as_json(replace(options, at=None)), "again_of": fax.id,
    }  # fmt: skip


def _to_another(
    connection: Connection,
    mail: Row[Any],
    newest: Sequence[Row[Any]],
    found: Destination,
    terms: Terms,
    now: float,
) -> Repeated:
    """The same documents to another number."""
    if found.number is None:
        return Repeated(why=(found.why,))
    number = str(found.number)
    same = next((fax for fax in newest if fax.number == number), None)
    if same is not None and same.state in lifecycle.OPEN_FAXES:
        return Repeated(why=(_UNDER_WAY,))
    like = same or (newest[0] if newest else None)
    if like is None:
        return Repeated(why=(_NOTHING,))
    copy = _copy_of(like, mail.options)
    if same is None:
        copy |= {"name": None, "wishes": [], "options": _for(number, copy["options"])}
    copy |= {"number": number, "written": found.written, "country": found.country,
             "reading": found.why}  # fmt: skip
    return _ordered(connection, mail, [copy], [], terms, now)


def _for(number: str, data: Any) -> Any:
    """Options without the name of the first recipient on the cover page."""
    options = from_json(Options, data)
    cover = options.cover and replace(options.cover, name_to=number, company="")
    return as_json(replace(options, cover=cover))


def _ordered(
    connection: Connection,
    mail: Row[Any],
    copies: Sequence[dict[str, Any]],
    problems: Sequence[str],
    terms: Terms,
    now: float,
) -> Repeated:
    """Reserve, write and order the new faxes; all of them or none."""
    if not copies:
        return Repeated(why=tuple(problems) or (_NOTHING,))
    ids = [new_id(now) for _ in copies]
    numbers = {fax_id: str(copy["number"]) for fax_id, copy in zip(ids, copies, strict=True)}
    rule, pages = str(mail.identity["rule"]), _pages(connection, mail.id)
    excess = usage.excess_of_more(connection, rule, terms.quotas.get(rule, ()), numbers.values(),
                                  pages, now)  # fmt: skip
    if excess is not None:
        return Repeated(why=(*problems, excess))
    last = connection.scalar(select(func.max(_FAX.ordinal)).where(_FAX.mail_id == mail.id)) or 0
    ordinals = range(last + 1, last + 1 + len(copies))
    rows = [
        {"id": fax_id, "mail_id": mail.id, "ordinal": ordinal, "state": FaxState.PENDING,
         "orders": 0, "twin_of": None, "twin_until": None, **copy}
        for fax_id, ordinal, copy in zip(ids, ordinals, copies, strict=True)
    ]  # fmt: skip
    connection.execute(insert(schema.fax), rows)
    remember(connection, [line(FAX, mail.id, one, "again", FaxState.PENDING, now) for one in ids])
    if terms.quotas.get(rule):
        usage.reserve_more(connection, rule, numbers, pages, now)
    for fax_id in ids:
        jobs.create(connection, mail.id, [fax_id], now)
    return Repeated(tuple(ordinals), tuple(problems))


def _pages(connection: Connection, mail_id: str) -> int:
    """Of each fax of a mail; a document that could not be counted counts as one."""
    counted = connection.scalars(select(_DOCUMENT.pages).where(_DOCUMENT.mail_id == mail_id))
    return max(1, sum(pages or 1 for pages in counted))
