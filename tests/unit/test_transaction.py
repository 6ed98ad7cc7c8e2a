"""A2, A5, A7, A9: what a transaction keeps of its recipients, and what it tells about them."""

from ipaddress import ip_network

from mail2fax.accepting.admission import Rule
from mail2fax.accepting.proof import Proof
from mail2fax.accepting.transaction import Client, RecipientLimits, Transaction
from mail2fax.reading.addresses import AddressRules
from mail2fax.reading.contacts import Contact, Contacts
from mail2fax.reading.gate import Gate
from mail2fax.reading.numbers import NumberRules
from mail2fax.values import Destination, FaxNumber, Wish

D = "@fax.example.com"
LAB = Contact(FaxNumber("+41435550123"), "Labor")
MEIER = Contact(FaxNumber("+41225550199"), "Dr. Meier")
BOOK = Contacts({"lab": LAB}, {"all-labs": (LAB, MEIER)})
ADDRESSES = AddressRules(("fax.example.com",), NumberRules("CH", frozenset({"CH"})))
RULE = Rule("senders[0]", (ip_network("192.0.2.0/24"),), ADDRESSES)
FEW = RecipientLimits(200, 3)


def told(transaction: Transaction, path: str) -> str:
    """The response to one more recipient."""
    return str(transaction.add(path, ADDRESSES, FEW, 0.0))


def destinations(paths: list[str], to: str) -> tuple[Destination, ...]:
    """What is recorded for these recipients when the mail's To is this."""
    transaction = Transaction("dr@example.org", contacts=BOOK)
    for path in paths:
        assert told(transaction, path).startswith("250")
    transaction.rule = RULE
    gate = Gate()
    gate.feed(b"From: dr@example.org\r\nTo: " + to.encode() + b"\r\n\r\nx\r\n")
    client = Client("s", Proof("192.0.2.7"), "pc", "listen[0]")
    return transaction.new_mail("id", "M2F-7K3QX", 0.0, client, gate.finish()).destinations


def names(paths: list[str], to: str) -> list[str | None]:
    """The recipients' names."""
    return [one.name for one in destinations(paths, to)]


def test_a_name_belongs_to_its_address_whatever_its_spelling() -> None:
    """A9: case and quotes of the To may be others than those of RCPT."""
    to = f'Praxis <"0225550123"@FAX.example.com>, Labor Nord <Lab{D}>'

    assert names([f"0225550123{D}", f'"lab"{D}'], to) == ["Praxis", "Labor Nord"]


def test_contacts_have_their_own_names() -> None:
    """A7, A9: a contact's name where To gives none; a group's name is no member's."""
    assert names([f"lab{D}"], f"lab{D}") == ["Labor"]
    assert names([f"all-labs{D}"], f"Alle Labore <all-labs{D}>") == ["Labor", "Dr. Meier"]
    assert names([f"0225550123{D}"], "somebody else <x@example.org>") == [None]
    both = f'"0225550123,0225550124"{D}'
    assert names([both], f"Zwei <{both}>") == ["Zwei", "Zwei"]


def test_the_response_tells_the_numbers_or_the_size_of_a_group() -> None:
    """A7: whoever writes to a group learns at once how many faxes that are."""
    transaction = Transaction("dr@example.org", contacts=BOOK)

    assert told(transaction, f"all-labs{D}") == (
        "250 2.1.5 Will fax to all-labs (2 numbers), 2 fax numbers in all"
    )
    assert told(transaction, f"0225550123{D}") == "250 2.1.5 Will fax to +41225550123 (CH)"
    assert told(transaction, f"0225550124{D}").startswith("452 4.5.3 Only 3 fax numbers a mail")
    assert len(transaction.destinations) == 3


def test_a_group_over_the_limit_is_refused_whole() -> None:
    """A7: none of its members is faxed, and the recipient is not among the accepted."""
    transaction = Transaction("dr@example.org", contacts=BOOK)
    told(transaction, f'"0225550123,0225550124"{D}')

    assert told(transaction, f"all-labs{D}").startswith("452 4.5.3")
    assert len(transaction.destinations) == 2
    assert list(transaction.paths) == [f'"0225550123,0225550124"{D}']


def test_a_long_list_is_told_in_short() -> None:
    """RFC 5321 4.5.3.1.5: a response line has its length."""
    transaction = Transaction("dr@example.org", contacts=BOOK)
    path = ",".join(f"02255501{n}" for n in range(20, 26)) + D

    response = str(transaction.add(path, ADDRESSES, RecipientLimits(), 0.0))

    assert response.endswith("+41225550123 (CH), 2 more")


def test_options_of_an_address_are_judged_by_the_rule() -> None:
    """O2, O3, O5: at RCPT where the rule is known, else after the dot."""
    people, relayed = Transaction("dr@example.org"), Transaction("dr@example.org")
    people.rule = RULE
    gate = Gate()
    gate.feed(b"Subject: x\r\n\r\n")

    assert told(people, f"0225550123/fien{D}").startswith('550 5.6.0 "fien" in the address')
    assert told(people, f"0225550123/retry=1/1{D}").startswith("550 5.7.1 retry")
    assert told(relayed, f"0225550123/fien{D}").startswith("250")
    relayed.rule = RULE
    assert str(relayed.weigh(gate.finish(), 0.0)).startswith("554 5.6.0 ")


def test_one_number_has_one_set_of_options() -> None:
    """A5, O2: the same twice is one fax; otherwise nobody knows which was meant."""
    transaction = Transaction("dr@example.org")

    assert told(transaction, f"0225550123/fine{D}").startswith("250")
    assert told(transaction, f"+41225550123/fine{D}").startswith("250")
    assert "different options" in told(transaction, f"0225550123{D}")
    assert [one.wishes for one in transaction.destinations] == [(Wish("fine", "", "address"),)]
