"""A recipient that answers to one of our replies, from whomever it comes (W6)."""

from mail2fax.accepting.admission import admit
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import ListenerSettings
from mail2fax.accepting.transaction import Transaction
from mail2fax.reading.verbs import token_in
from mail2fax.spool import tokens
from mail2fax.spool.spool import Spool
from mail2fax.values import Response


async def answer_address(
    path: str, transaction: Transaction, settings: ListenerSettings, proof: Proof, spool: Spool
) -> Response | None:
    """What is said to a recipient of an answer; None when it is no answer's.

    Args:
        path: the forward-path.
        transaction: gets the recipient, when it is taken.
        settings: our domains, and the rules by which the answer may change something.
        proof: what the client proved.
        spool: knows the tokens.
    """
    token = token_in(path, settings.domains)
    if token is not None:
        transaction.rule = admit(settings.rules, proof)
        return transaction.add_answer(path, await spool.do(tokens.mail_of, token))
    if transaction.about is None:
        return None
    return Response(452, "4.5.3", "An answer goes alone. Send the others in another mail")
