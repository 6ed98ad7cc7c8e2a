"""Whom a mail may be for: every recipient that a client names is received here, or is not.

Who the client is opens the numbers of its rule, or on a relay listener those of any rule; the
answers to our replies and the admin may be written to by others too.
"""

from typing import Protocol

from mail2fax.accepting.admission import STOPPED, admit, candidates
from mail2fax.accepting.answer_address import answer_address
from mail2fax.accepting.dialogue.arguments import RecipientArgument
from mail2fax.accepting.doorbell import Doorbell
from mail2fax.accepting.postmaster import is_role
from mail2fax.accepting.probes import Probes
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.settings import ListenerSettings, RelaySettings
from mail2fax.accepting.transaction import Transaction
from mail2fax.clock import Clock
from mail2fax.reading.addresses import AddressRules
from mail2fax.spool.spool import Spool
from mail2fax.values import Response

_BUSY = Response(451, "4.3.2", "Too many faxes wait to be sent. Try again later")


class Host(Protocol):
    """What receiving a recipient needs of the listener."""

    settings: ListenerSettings
    spool: Spool
    clock: Clock
    doorbell: Doorbell
    guesses: Doorbell
    probes: Probes


class Reception:
    """Receives the recipients of one listener's mails."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._settings = host.settings
        self._spool = host.spool

    def may_admit(self, proof: Proof) -> bool:
        """Whether some rule may admit what was proved."""
        if self._settings.relay is not None:
            return bool(candidates(self._settings.rules, proof))
        return admit(self._settings.rules, proof) is not None

    def may_err(self, transaction: Transaction, proof: Proof) -> bool:
        """Whether a refused recipient is no error of the session.

        A list of two hundred numbers may hold many that are refused, each to be told; a stranger
        who tries one after the other is another matter.
        """
        is_long = len(transaction.refused) > self._settings.limits.recipients
        return not is_long and self.may_admit(proof)

    async def received(
        self,
        recipient: RecipientArgument,
        transaction: Transaction,
        proof: Proof,
        *,
        may_log_in: bool,
    ) -> Response:
        """Take one recipient, or say why not.

        Args:
            recipient: as written.
            transaction: gets the recipient, or the refusal.
            proof: what the client proved.
            may_log_in: whether it could log in as the session stands now.
        """
        path = recipient.path
        transaction.asked[path] = recipient
        is_known = self.may_admit(proof)
        said = await answer_address(path, transaction, proof, self._host, is_known=is_known)
        if said is not None:
            return said
        reach = self._reach(transaction, proof, may_log_in=may_log_in)
        if is_role(path, self._settings.admin_at):
            is_known = not isinstance(reach, Response)
            return self._to_admin(path, transaction, proof, is_known=is_known)
        if isinstance(reach, Response):
            return transaction.refuse(path, reach)
        if self._spool.waiting >= self._settings.most_waiting:
            return _BUSY
        return transaction.add(path, reach, self._settings.limits, self._host.clock.now())

    def _to_admin(
        self, path: str, transaction: Transaction, proof: Proof, *, is_known: bool
    ) -> Response:
        """The admin as a recipient, from whoever may talk to us (A2)."""
        refusal = None
        if not is_known and not transaction.for_admin:
            refusal = self._host.doorbell.ring(proof.peer, self._host.clock.now())
        return refusal or transaction.add_admin(path)

    def _reach(
        self, transaction: Transaction, proof: Proof, *, may_log_in: bool
    ) -> AddressRules | Response:
        """How this client's recipients are read, or why it may have none."""
        relay = self._settings.relay
        if relay is not None:
            return self._reach_of_server(relay, transaction, proof)
        transaction.rule = admit(self._settings.rules, proof)
        if transaction.rule is None:
            return self._stranger(proof, may_log_in=may_log_in)
        if transaction.rule.is_frozen(proof, self._spool.frozen):
            return STOPPED
        return transaction.rule.addresses

    def _stranger(self, proof: Proof, *, may_log_in: bool) -> Response:
        if self._settings.logins is not None and proof.login is None:
            how = "Log in first" if may_log_in else "Say STARTTLS and log in first"
            return Response(530, "5.7.0", how)
        who = proof.login.name if proof.login else proof.peer
        text = f"{who} may not send faxes here. An administrator can add it to senders"
        return Response(550, "5.7.1", text)

    def _reach_of_server(
        self, relay: RelaySettings, transaction: Transaction, proof: Proof
    ) -> AddressRules | Response:
        """A mail server only opens the conversation; whose mail it is shows after the dot."""
        if not self.may_admit(proof):
            text = f"{proof.peer} is no mail server of ours. An administrator can name it"
            return Response(550, "5.7.1", text)
        if not transaction.mail_from:
            return Response(550, "5.7.1", "A mail without a sender is not faxed")
        return relay.reach
