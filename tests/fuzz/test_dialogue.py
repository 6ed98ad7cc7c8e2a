"""L4, L5: the listener and the model agree, and the machine catches planted bugs."""

from dataclasses import replace

import pytest

from mail2fax.accepting import reception
from mail2fax.accepting.conversation import Conversation
from tests.fuzz.dialogue import run


def test_any_order_of_commands() -> None:
    """A small number of runs; the command does 20,000."""
    run(30, 8, always_the_same=True)


def test_a_login_that_outlives_the_handshake_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 3207 4.2: planted."""
    handshake = Conversation._handshake

    async def keeps_login(self: Conversation, *arguments: object) -> None:
        before = self.proof.login
        await handshake(self, *arguments)  # type: ignore[arg-type]
        self.proof = replace(self.proof, login=before)

    monkeypatch.setattr(Conversation, "_handshake", keeps_login)
    with pytest.raises(AssertionError):
        run(500, 8, always_the_same=True)


def test_a_transaction_that_outlives_the_greeting_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 5321 4.1.4: planted."""
    greeted = Conversation._greeted

    async def keeps_transaction(self: Conversation, argument: str) -> bool:
        before = self._transaction
        found = await greeted(self, argument)
        self._transaction = before
        return found

    monkeypatch.setattr(Conversation, "_greeted", keeps_transaction)
    with pytest.raises(AssertionError):
        run(500, 8, always_the_same=True)


def test_a_mail_without_a_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: planted."""
    monkeypatch.setattr(reception, "admit", lambda rules, _proof: rules[0])
    with pytest.raises(AssertionError):
        run(500, 8, always_the_same=True)
