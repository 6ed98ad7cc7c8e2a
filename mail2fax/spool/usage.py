"""Ledger commands of usage: what the quotas of rules count (L8).

Faxes are reserved in the transaction that a 250 stands for, each with the one page it has at
least; its real pages are when the mail is prepared. A fax that ends without a page sent gives
everything back, in the same transaction as its end (`moves`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, insert, select, update

from mail2fax.spool import lifecycle, quotas, schema
from mail2fax.spool.quotas import Used
from mail2fax.spool.records import NewMail
from mail2fax.values import Quota

Reserved = dict[str, list[Used]]


def excess(connection: Connection, mail: NewMail, beside: Reserved) -> str | None:
    """Why a mail does not fit into its rule's quotas; None when it does.

    Args:
        mail: to be reserved.
        beside: by rule, what this transaction has let pass and not written yet; what passes
            now is added to it.
    """
    if not mail.quotas:
        return None
    rule, numbers = mail.identity.rule, _numbers(mail)
    wanted = [Used(number, 1, mail.received_at) for number in numbers]
    longest = max(quota.seconds for quota in mail.quotas)
    used = [*_used(connection, rule, mail.received_at - longest), *beside[rule]]
    problem = quotas.admit(mail.quotas, used, wanted)
    if problem is None:
        beside[rule] += wanted
    return problem


def nothing_beside() -> Reserved:
    """The start of a transaction."""
    return defaultdict(list)


def _numbers(mail: NewMail) -> list[str]:
    return [str(one.number) for one in mail.destinations if one.number is not None]


def _used(connection: Connection, rule: str, since: float) -> list[Used]:
    rows = schema.usage.c
    counts = (rows.rule == rule) & (rows.at > since) & (rows.released == 0)
    query = select(rows.number, rows.pages, rows.at).where(counts)
    return [Used(*row) for row in connection.execute(query)]


def reserve(connection: Connection, mails: Sequence[NewMail]) -> None:
    """Write down what recorded mails use; those of rules without quotas are not counted."""
    counted = {mail.id: mail for mail in mails if mail.quotas}
    if not counted:
        return
    fax = schema.fax.c
    rows = connection.execute(
        select(fax.id, fax.mail_id, fax.number, fax.state).where(fax.mail_id.in_(counted))
    )
    values = [
        {
            "fax_id": row.id, "rule": counted[row.mail_id].identity.rule, "number": row.number,
            "pages": 1, "at": counted[row.mail_id].received_at,
            "released": int(row.state in lifecycle.NOTHING_SENT),
        }
        for row in rows
    ]  # fmt: skip
    connection.execute(insert(schema.usage), values)


def reserve_pages(
    connection: Connection, mail_id: str, pages: int, rules: Mapping[str, tuple[Quota, ...]]
) -> str | None:
    """The pages of a mail are known: count them, or say why they do not fit.

    Args:
        mail_id: the mail's.
        pages: of each of its faxes.
        rules: today's quotas by the name of the rule.
    """
    rows, fax = schema.usage, schema.fax.c
    mine = rows.c.fax_id.in_(select(fax.id).where(fax.mail_id == mail_id))
    own = connection.execute(select(rows).where(mine, rows.c.released == 0)).all()
    if not own:
        return None
    rule, at, ids = own[0].rule, own[0].at, {row.fax_id for row in own}
    limits = [quota for quota in rules.get(rule, ()) if quota.what == "pages"]
    if limits:
        since = at - max(quota.seconds for quota in limits)
        others = (rows.c.rule == rule) & (rows.c.at > since) & (rows.c.released == 0)
        query = select(rows.c.number, rows.c.pages, rows.c.at).where(others, ~mine)
        used = [Used(*row) for row in connection.execute(query)]
        problem = quotas.admit(limits, used, [Used(row.number, pages, at) for row in own])
        if problem is not None:
            return problem
    change = update(rows).where(rows.c.fax_id.in_(ids))
    connection.execute(change.values(pages=max(pages, 1)))
    return None


def excess_of_more(
    connection: Connection,
    rule: str,
    limits: Sequence[Quota],
    numbers: Collection[str],
    pages: int,
    now: float,
) -> str | None:
    """Why faxes that are sent again do not fit into their rule's quotas; None when they do."""
    if not limits:
        return None
    used = _used(connection, rule, now - max(quota.seconds for quota in limits))
    return quotas.admit(limits, used, [Used(number, pages, now) for number in numbers])


def reserve_more(
    connection: Connection, rule: str, numbers: Mapping[str, str], pages: int, now: float
) -> None:
    """Write down what faxes that are sent again use: fax id → number."""
    values = [
        {"fax_id": fax_id, "rule": rule, "number": number, "pages": pages, "at": now, "released": 0}
        for fax_id, number in numbers.items()
    ]
    connection.execute(insert(schema.usage), values)


def told_pages(connection: Connection, fax_id: str, pages: int) -> None:
    """The outcome tells how many pages the far machine has: those were really sent."""
    rows = schema.usage
    connection.execute(update(rows).where(rows.c.fax_id == fax_id).values(pages=pages, released=0))
