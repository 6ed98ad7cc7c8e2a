"""A recipient that answers to one of our replies, or returns it, whoever it is (W6, W1)."""

from typing import Protocol

from mail2fax.accepting.admission import admit
from mail2fax.accepting.doorbell import Doorbell
from mail2fax.accepting.probes import Probes
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import ListenerSettings
from mail2fax.accepting.transaction import ALONE, Transaction
from mail2fax.clock import Clock
from mail2fax.reading.addresses import same_address
from mail2fax.reading.verbs import token_in
from mail2fax.spool import tokens
from mail2fax.spool.spool import Spool
from mail2fax.values import Response

TOO_MANY = Response(
    450, "4.7.1", "Too many unknown answer addresses from your network. Try again in an hour"
)
_AUTOMATIC = Response(550, "5.7.1", "A mail without a sender is no answer. Nothing was changed")


class Host(Protocol):
    """What it takes to know an answer's address."""

    settings: ListenerSettings
    spool: Spool
    clock: Clock
    guesses: Doorbell
    probes: Probes


async def answer_address(
    path: str, transaction: Transaction, proof: Proof, host: Host, *, is_known: bool
) -> Response | None:
    """What is said to a recipient of an answer; None when it is no answer's.

    Args:
        path: the forward-path.
        transaction: gets the recipient, when it is taken.
        proof: what the client proved.
        host: knows our domains, the tokens and the rules by which the answer may change something.
        is_known: whether some rule may admit the client; who guesses is a stranger.
    """
    bounces_to = host.settings.bounces_to
    if bounces_to and same_address(path) == same_address(bounces_to):
        return transaction.add_bounce(path)
    token = token_in(path, host.settings.domains)
    if token is None:
        return ALONE if transaction.is_answer else None
    if host.probes.is_known(token):
        return transaction.add_probe(path, token)
    if not transaction.mail_from:
        return transaction.refuse(path, _AUTOMATIC)
    now = host.clock.now()
    refusal = None if is_known else host.guesses.is_loud(proof.peer, now)
    if refusal is not None:
        return refusal
    transaction.rule = admit(host.settings.rules, proof)
    mail_id = await host.spool.do(tokens.mail_of, token)
    if mail_id is None and not is_known:
        host.guesses.ring(proof.peer, now)
    return transaction.add_answer(path, mail_id)
