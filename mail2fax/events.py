"""Everything the daemon ever reports, one function each: the log is an interface.

A line is ``event key=value …``, greppable by reference. No content, subject, file name or full
number ever stands in one (promise 6): numbers are masked, texts that come from outside are
quoted. What failed inside mail2fax goes to the log with its traceback, never to a peer.
"""

import json
import logging
from typing import Any

from mail2fax.errors import Mail2FaxError
from mail2fax.values import FaxNumber

_log = logging.getLogger("mail2fax")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_+-…@[]")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if text and _PLAIN.issuperset(text) else json.dumps(text)


def _ours(why: str) -> str:
    """Of why a neighbour failed us, our own words: its may name what nobody may read here."""
    return why.partition(": ")[0]


def _report(level: int, event: str, **facts: Any) -> None:
    if not _log.isEnabledFor(level):
        return
    told = " ".join(f"{name}={_value(value)}" for name, value in facts.items() if value is not None)
    _log.log(level, "%s %s", event, told)


# The daemon


def started(listeners: list[str], state_dir: str) -> None:
    """The daemon takes mail."""
    _report(logging.INFO, "started", listening=",".join(listeners), state_dir=state_dir)


def stopping(why: str) -> None:
    """The daemon finishes what is in hand."""
    _report(logging.INFO, "stopping", why=why)


def warned(what: str) -> None:
    """Something the admin should look at, found at start."""
    _report(logging.WARNING, "warning", what=what)


def rule_moved(before: str, after: str) -> None:
    """A rule that is known by its place is another one's neighbour now; a name would keep it."""
    _report(logging.WARNING, "rule-moved", before=before, after=after)


def contacts_read(people: int, groups: int) -> None:
    """The contacts file has changed and was read again (A7)."""
    _report(logging.INFO, "contacts-read", contacts=people, groups=groups)


def contacts_kept(file: str, places: list[str]) -> None:
    """The contacts file has changed and has mistakes: the names from before stay (A7).

    The sentences hold numbers and stand in no log; ``mail2fax number`` with the configuration
    prints them.
    """
    _report(logging.ERROR, "contacts-kept", file=file, mistakes_at=", ".join(places))


def spool_broken(what: str) -> None:
    """The disk failed for good; the daemon exits (K6)."""
    _report(logging.CRITICAL, "spool-broken", what=what)


def spool_trouble(where: str, what: str) -> None:
    """A step could not be recorded; it is taken up again later."""
    _report(logging.ERROR, "spool-trouble", where=where, what=what)


def forgotten(mails: int) -> None:
    """The content of so many mails is destroyed (K7)."""
    _report(logging.INFO, "forgotten", mails=mails)


def ledger_suspect(why: str) -> None:
    """Open jobs are looked up before anything is posted (S4, K10)."""
    _report(logging.WARNING, "ledger-suspect", why=why)


def trouble(kind: str, facts: str) -> None:
    """Something needs the admin; a mail to them is due (S6)."""
    _report(logging.ERROR, "trouble", kind=kind, facts=_ours(facts))


def trouble_over(kind: str) -> None:
    """It is over."""
    _report(logging.WARNING, "trouble-over", kind=kind)


def bug(where: str, error: BaseException) -> None:
    """Something mail2fax did not foresee; the traceback follows."""
    _log.error("bug where=%s error=%s", where, type(error).__name__, exc_info=error)


# Accepting


def connected(session: str, peer: str, listener: str) -> None:
    """A client opened a connection."""
    _report(logging.DEBUG, "connected", session=session, peer=peer, listener=listener)


def refused_on_the_line(session: str, peer: str, at: str, response: str) -> None:
    """A command was refused; the response may name what the client wrote, so only its codes."""
    codes = " ".join(response.split()[:2])
    _report(logging.INFO, "refused", session=session, peer=peer, at=at, response=codes)


def accepted(reference: str, session: str, peer: str, size: int, faxes: int, who: str) -> None:
    """A mail is ours: it is on disk and its 250 is on the way."""
    _report(
        logging.INFO, "accepted",
        reference=reference, session=session, peer=peer, size=size, faxes=faxes, who=who,
    )  # fmt: skip


def client_left(session: str, peer: str, at: str) -> None:
    """A client went away in the middle of something."""
    _report(logging.INFO, "client-left", session=session, peer=peer, at=at)


def not_smtp(session: str, peer: str, what: str) -> None:
    """Something that is not SMTP knocked, such as a TLS hello on a plain port (L11)."""
    _report(logging.WARNING, "not-smtp", session=session, peer=peer, what=what)


def login_refused(peer: str, locked: float | None) -> None:
    """A login or password was wrong; the name may be a password typed in the wrong place."""
    _report(logging.WARNING, "login-refused", peer=peer, locked_out_s=locked)


def login_locked(peer: str, seconds: float) -> None:
    """A login that is shut out from a network was tried again."""
    _report(logging.WARNING, "login-locked", peer=peer, for_s=seconds)


def logins_crowded(peer: str) -> None:
    """Too many password checks wait; this client is asked to come again."""
    _report(logging.WARNING, "logins-crowded", peer=peer)


def old_client(session: str, peer: str) -> None:
    """A client said HELO: it knows neither TLS nor logins (L11)."""
    _report(logging.INFO, "old-client", session=session, peer=peer)


def crowded(session: str, peer: str, listener: str) -> None:
    """A client was sent away because too many are there (L10)."""
    _report(logging.WARNING, "crowded", session=session, peer=peer, listener=listener)


def bad_proxy_header(session: str, peer: str, why: str) -> None:
    """A connection from a balancer does not say who its client is (L5)."""
    _report(logging.WARNING, "bad-proxy-header", session=session, peer=peer, why=why)


def tls_failed(session: str, peer: str, why: str) -> None:
    """A handshake did not come about."""
    _report(logging.WARNING, "tls-failed", session=session, peer=peer, why=why)


def certificate_read(listener: str, problem: str | None) -> None:
    """A listener's certificate was read again; with a problem, the old one stays in use."""
    level = logging.INFO if problem is None else logging.ERROR
    _report(level, "certificate-read", listener=listener, problem=problem)


def logged_in(session: str, peer: str) -> None:
    """A login was right; as whom shows with the mail."""
    _report(logging.INFO, "logged-in", session=session, peer=peer)


def signature_odd(what: str) -> None:
    """A DKIM signature could not be read; it proved nothing."""
    _report(logging.INFO, "signature-odd", error=what)


def signature_unknowable(why: str) -> None:
    """A domain's DKIM key could not be asked for; the mail server is to come again."""
    _report(logging.WARNING, "signature-unknowable", why=why)


def accept_failed(reference: str, session: str, error: BaseException) -> None:
    """A mail could not be taken; the client got a 4xx without the detail told here (L3)."""
    told = str(error) if isinstance(error, Mail2FaxError) else type(error).__name__
    _log.error(
        "accept-failed reference=%s session=%s error=%s",
        reference, session, _value(told), exc_info=error,
    )  # fmt: skip


# Preparing


def prepared(reference: str, documents: int, pages: int | None, seconds: float) -> None:
    """A mail's documents are ready."""
    _report(
        logging.INFO, "prepared",
        reference=reference, documents=documents, pages=pages, seconds=seconds,
    )  # fmt: skip


def refused_by_mail(reference: str, status: str) -> None:
    """The second gate refused a mail."""
    _report(logging.INFO, "refused-by-mail", reference=reference, status=status)


def held(reference: str, why: str) -> None:
    """A mail waits for a person's decision."""
    _report(logging.WARNING, "held", reference=reference, why=why)


def answer_read(reference: str, verb: str, done: str) -> None:
    """An answer to one of our replies was read, and what became of it (W6)."""
    _report(logging.INFO, "answer-read", reference=reference, verb=verb, done=done)


def stop_asked(reference: str, said: str) -> None:
    """Fax.Plus was asked to stop a fax that a person cancelled (W6)."""
    _report(logging.INFO, "stop-asked", reference=reference, said=_ours(said))


def gathering(reference: str) -> None:
    """A mail is one of several; it was looked whether all are there."""
    _report(logging.INFO, "gathering", reference=reference)


def quarantined(reference: str, why: str) -> None:
    """A mail's bytes cannot be believed (K5)."""
    _report(logging.ERROR, "quarantined", reference=reference, why=why)


def child_failed(reference: str, why: str, attempt: int) -> None:
    """The preparing child died or was ended on this mail."""
    _report(logging.WARNING, "child-failed", reference=reference, why=why, attempt=attempt)


def no_child(reference: str, why: str) -> None:
    """No child can be had to prepare mails in; they wait until the admin has mended that."""
    _report(logging.ERROR, "no-child", reference=reference, why=why)


# Sending


def uploaded(reference: str, documents: int) -> None:
    """Fax.Plus holds a mail's documents."""
    _report(logging.INFO, "uploaded", reference=reference, documents=documents)


def ordered(reference: str, number: FaxNumber, fax_id: str) -> None:
    """Fax.Plus took the order."""
    _report(logging.INFO, "ordered", reference=reference, to=number.masked, fax_id=fax_id)


def will_retry(reference: str, step: str, why: str, seconds: float) -> None:
    """A step will be tried again."""
    _report(
        logging.WARNING, "will-retry", reference=reference, step=step, why=_ours(why), in_s=seconds
    )


def in_doubt(reference: str, token: str, why: str) -> None:
    """An order has no believable answer."""
    _report(logging.WARNING, "in-doubt", reference=reference, token=token, why=_ours(why))


def settled(reference: str, token: str, how: str) -> None:
    """The doubt about an order is over."""
    _report(logging.WARNING, "settled", reference=reference, token=token, how=how)


def doubled(reference: str, token: str) -> None:
    """A fax that was ordered again came to light after all: somebody may get it twice."""
    _report(logging.CRITICAL, "doubled", reference=reference, token=token)


def not_sent(reference: str, why: str) -> None:
    """A job ended without having been taken by Fax.Plus."""
    _report(logging.ERROR, "not-sent", reference=reference, why=_ours(why))


def account_barred(why: str, seconds: float) -> None:
    """Fax.Plus lets us do nothing until a person mends the account (S6)."""
    _report(logging.ERROR, "account-barred", why=_ours(why), next_try_s=seconds)


def hook_rang() -> None:
    """Something that knows the path says that Fax.Plus has news; the lists are looked at."""
    _report(logging.DEBUG, "hook")


def hook_registered() -> None:
    """Fax.Plus tells us by a hook when a fax has ended."""
    _report(logging.INFO, "hook-registered")


def hook_not_registered(why: str, seconds: float) -> None:
    """Fax.Plus did not take our hook; polling finds the same, only later."""
    _report(logging.WARNING, "hook-not-registered", why=_ours(why), next_try_s=seconds)


def refresh_token_not_kept() -> None:
    """A new refresh token is not on disk; it is written again with the next one (S1)."""
    _report(logging.ERROR, "refresh-token-not-kept")


def outcome(reference: str, number: FaxNumber, fax_id: str | None, status: str) -> None:
    """A fax has its outcome."""
    _report(
        logging.INFO, "outcome", reference=reference, to=number.masked, fax_id=fax_id, status=status
    )


def listing_failed(why: str, seconds: float) -> None:
    """Fax.Plus's lists could not be read; nothing is concluded."""
    _report(logging.WARNING, "listing-failed", why=_ours(why), next_try_s=seconds)


def member_not_listed(member: str, why: str) -> None:
    """The lists of one member of the account could not be read; nothing is concluded of it."""
    _report(logging.WARNING, "member-not-listed", member=member, why=_ours(why))


def member_barred(member: str, why: str, seconds: float) -> None:
    """Fax.Plus does not let us fax as this member; a person must mend it (S6)."""
    _report(logging.ERROR, "member-barred", member=member, why=_ours(why), next_try_s=seconds)


def adopted(token: str) -> None:
    """Fax.Plus has an order of ours that the ledger, which was put back, does not know (S4)."""
    _report(logging.WARNING, "adopted", token=token)


def comment_cut(token: str) -> None:
    """A comment at Fax.Plus holds nothing but our token any more (K7)."""
    _report(logging.INFO, "comment-cut", token=token)


def comment_stays(token: str, why: str, again_in: float | None) -> None:
    """A comment at Fax.Plus could not be cut; without ``again_in`` it stays as it is (K7)."""
    _report(logging.WARNING, "comment-stays", token=token, why=_ours(why), again_in=again_in)


def report_fetched(reference: str) -> None:
    """Fax.Plus's own report of a fax is here (W3)."""
    _report(logging.INFO, "report-fetched", reference=reference)


def report_missing(reference: str, why: str, again_in: float | None) -> None:
    """Fax.Plus's own report could not be fetched; without ``again_in`` there is none (W3)."""
    _report(
        logging.WARNING, "report-missing", reference=reference, why=_ours(why), again_in=again_in
    )


# Answering


def told(reference: str, kind: str, seconds: float) -> None:
    """The relay took a reply, so many seconds after it was due."""
    _report(logging.INFO, "told", reference=reference, kind=kind, after_s=seconds)


def template_failed(reference: str, kind: str, problem: str) -> None:
    """An admin's template made no letter; the built-in one was used."""
    _report(logging.ERROR, "template-failed", reference=reference, kind=kind, why=_ours(problem))


def reply_delayed(reference: str, kind: str, why: str, seconds: float) -> None:
    """The relay did not take a reply now."""
    _report(
        logging.WARNING,
        "reply-delayed",
        reference=reference,
        kind=kind,
        why=_ours(why),
        in_s=seconds,
    )


def came_back(name: str, status: str, *, known: bool) -> None:
    """A server returned a mail of ours, or says so."""
    _report(logging.WARNING, "came-back", mail=name, status=status, known=known)


def not_told(reference: str, kind: str, why: str) -> None:
    """Nobody could be told."""
    _report(logging.ERROR, "not-told", reference=reference, kind=kind, why=_ours(why))


# Commands


def commanded(who: str, what: str, result: str) -> None:
    """An admin's command was carried out (K8)."""
    _report(logging.INFO, "command", who=who, what=what, result=result)
