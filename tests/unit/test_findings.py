"""L13: what a dialogue means, and what of it is never kept. Dialogues as text, one case each."""

import pytest
import yaml

from mail2fax.accepting.doctor.dialogue import (
    Dialogue,
    Kind,
    Offer,
    Record,
    Step,
    command_shown,
    masked,
)
from mail2fax.accepting.doctor.findings import findings
from mail2fax.config import Config

PEER = "192.168.2.40"
OLD = Offer(legacy=True)
LOGIN = Offer(logins=frozenset({"ann"}))
TLS = Offer(serves_tls=True)
REHEARSAL = Offer(legacy=True, serves_tls=True, logins=frozenset(), rehearses=True)
_KINDS = {kind.value: kind for kind in Kind}
_TO_DATA = "S: 220\nC: EHLO c\nS: 250\nC: MAIL FROM:<a@b.ch>\nS: 250\nC: RCPT TO:<1>\nS: 250\n"


def dialogue(text: str, offer: Offer = TLS, *, ended: bool = True) -> Dialogue:
    """A dialogue from its lines; each a second after the other."""
    lines = [line.partition(": ") for line in text.splitlines()]
    steps = (Step(float(at), _KINDS[kind], text) for at, (kind, _, text) in enumerate(lines))
    return Dialogue(PEER, offer, tuple(steps), ended=ended)


CASES = [
    ("S: 220\nnot SMTP: TLS", TLS, "spoke TLS on the plain port"),
    ("S: 220\nnot SMTP: HTTP", TLS, "spoke HTTP, not SMTP"),
    ("S: 220\nnot SMTP: lines without an end", TLS, "spoke lines without an end, not SMTP"),
    ("TLS failed: wrong version number", TLS, "spoke no TLS on the TLS port"),
    ("TLS failed: no shared cipher", TLS, "speaks only TLS older than 1.2, or only old ciphers"),
    ("TLS failed: tlsv1 alert unknown ca", TLS, "does not believe our certificate"),
    ("TLS failed: decode error", TLS, "made no TLS: decode error"),
    ("TLS failed: ", TLS, "left in the TLS handshake"),
    ("S: 220\nTLS: TLSv1.3\nleft: ", TLS, "left right after the TLS handshake"),
    ("C: STARTTLS\nS: 502 5.5.1 no", TLS, "asked for STARTTLS after lines that end with LF alone"),
    ("C: STARTTLS\nS: 502 5.5.1 no", LOGIN, "asked for STARTTLS, which has no certificate here"),
    ("C: STARTTLS\nS: 501 5.5.1 no", TLS,
     "sent commands between STARTTLS and the handshake"),
    ("S: 421 4.3.2 Too many connections. Try again later", TLS,
     "was sent away: too many connections from there"),
    ("TLS: TLSv1.1\nC: QUIT\nS: 221", REHEARSAL, "speaks TLSv1.1"),
    ("lines end with LF: \nC: EHLO c\nS: 250", TLS, "ended its lines with LF alone"),
    ("lines end with LF: \nC: EHLO c\nS: 250", REHEARSAL, "ended its lines with LF alone"),
    ("lines end with LF: \nC: EHLO c\nS: 250\nleft: ", OLD, "gave up at EHLO"),
    ("C: DATA\nS: 354\ndata with bare LF: 90\nleft: ", TLS,
     "ended the lines of its mail with LF alone"),
    ("C: DATA\nS: 554 5.6.0 The mail has bare CR", TLS,
     "sent what no mail may hold: The mail has bare CR"),
    ("C: AUTH LOGIN\nS: 334 VXNl\nleft: ", LOGIN, "offered AUTH LOGIN and gave up after 334"),
    ("C: AUTH LOGIN\nS: 334 VXNl\nC: QUIT\nS: 334", LOGIN,
     "offered AUTH LOGIN and gave up after 334"),
    ("C: AUTH PLAIN (secret of ann)\nS: 535 no", LOGIN, "logged in as ann: password wrong once"),
    ("C: AUTH PLAIN (secret)\nS: 535 no\nC: AUTH PLAIN (secret)\nS: 535 no", LOGIN,
     "logged in 2 times as somebody whom no rule names, or with a wrong password"),
    ("C: AUTH LOGIN\nS: 538 5.7.11 no", TLS, "wanted to log in without TLS"),
    ("C: AUTH NTLM\nS: 504 no", LOGIN, "wanted to log in by AUTH NTLM, which is not served"),
    ("C: AUTH LOGIN\nS: 502 no", TLS, "wanted to log in where no rule asks for a login"),
    ("C: AUTH PLAIN (secret)\nS: 454 4.7.0 later", LOGIN,
     "was shut out after wrong passwords, or too many logins wait"),
    ("C: AUTH PLAIN *\nS: 501 no", LOGIN, "broke off its login, or wrote it in no form we know"),
    ("C: HELO c\nS: 250\nC: AUTH LOGIN\nS: 503 no", LOGIN, "said HELO and then AUTH"),
    ("C: HELO c\nS: 250\nC: AUTH PLAIN (secret)\nS: 235 Welcome", REHEARSAL,
     "said HELO and then AUTH"),
    ("C: HELO c\nS: 250\nC: AUTH PLAIN (secret)\nS: 235 Welcome", OLD,
     "gave up after AUTH, which was answered well"),
    ("C: RCPT TO:<1>\nS: 530 5.7.0 Log in first", LOGIN,
     "did not log in, and no rule names 192.168.2.40 alone"),
    (f"C: RCPT TO:<1>\nS: 550 5.7.1 {PEER} may not send faxes here. Ask", TLS,
     "no rule names 192.168.2.40"),
    ("C: RCPT TO:<1>\nS: 550 5.7.1 bob may not send faxes here. Ask", TLS,
     "logged in as bob, whom no rule of this listener names"),
    (f"C: RCPT TO:<1>\nS: 550 5.7.1 {PEER} is no mail server of ours. Ask", TLS,
     "no rule names the mail server 192.168.2.40"),
    ("C: RCPT TO:<1>\nS: 550 5.7.1 This sender is stopped. Ask", TLS, "is frozen"),
    ("C: RCPT TO:<1>\nS: 550 5.1.3 Write the number with @x behind it", TLS,
     "dialled a number without a domain"),
    ("C: RCPT TO:<1@y>\nS: 550 5.7.1 y is not served here", TLS,
     "wrote to another domain: y is not served here"),
    ("C: RCPT TO:<1>\nS: 503 5.5.1 Say MAIL first", TLS,
     "named a recipient before a sender was taken"),
    ("C: RCPT TO:<1>\nS: 550 5.1.3 1: too short", TLS, "refused: 1: too short"),
    ("C: MAIL FROM:<a>\nS: 552 5.3.4 too large", TLS, "its mail is too large: too large"),
    ("C: MAIL (more)\nS: 501 5.5.4 no path", TLS, "its MAIL was refused: no path"),
    ("C: BDAT (more)\nS: 502 5.5.1 no", TLS, "used BDAT, which was not offered"),
    ("C: (no command, 9 characters)\nS: 500 no", TLS, "sent 1 line(s) that are no commands"),
    (f"{_TO_DATA}C: DATA\nS: 250 2.0.0 M2F-1 accepted", TLS,
     "its mail was taken: M2F-1 accepted"),
    (f"{_TO_DATA}C: DATA\nS: 451 4.3.0 rehearsal", REHEARSAL,
     "said all it should, and its whole mail came"),
    (f"{_TO_DATA}C: DATA\nS: 451 4.3.0 broken", TLS, "its mail was not taken now: broken"),
    (f"{_TO_DATA}C: DATA\nS: 552 5.3.4 large", TLS, "its mail is too large: large"),
    (f"{_TO_DATA}C: DATA\nS: 550 5.6.1 locked", TLS, "its mail was refused: locked"),
    (f"{_TO_DATA}C: DATA\nS: 354\ndata: 90\nleft: ", TLS,
     "went away during the data after 2 s, 90 bytes"),
    (f"{_TO_DATA}C: DATA\nS: 354\nleft: ", TLS, "went away during the data after 1 s, 0 bytes"),
    (f"{_TO_DATA}C: DATA\nS: 354\ndata: 90", TLS, "is sending its mail: 90 bytes so far"),
    (f"{_TO_DATA}C: DATA\nS: 354\ndata: 90\nS: 421 4.4.2 No data", TLS,
     "sent 90 bytes of a mail and never its end: No data"),
    (f"{_TO_DATA}C: DATA\nleft: ", TLS, "did nothing that explains itself"),
    ("S: 220\nleft: ", TLS, "connected and said nothing"),
    ("S: 220\nC: EHLO c\nS: 250-c\nS: 250-STARTTLS\nS: 250 AUTH PLAIN\nC: QUIT\nS: 221", TLS,
     "gave up at EHLO"),
    ("C: RSET\nS: 250\nC: QUIT\nS: 221", TLS, "gave up after RSET, which was answered well"),
    ("C: NOOP\nS: 421 4.7.0 Good bye", TLS, "did nothing that explains itself"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "offer", "what"), CASES, ids=[case[2][:50] for case in CASES])
def test_what_a_dialogue_means(text: str, offer: Offer, what: str) -> None:
    """L13: what was done, and, but for a mail that was taken, what to do."""
    first = findings(dialogue(text, offer))[0]

    assert first.what == what
    assert first.do or first.is_well or what.startswith("is sending")
    assert str(first).startswith(what)


def test_a_session_that_goes_on_is_not_judged() -> None:
    """Nothing is wrong yet."""
    (one,) = findings(dialogue("S: 220\nC: EHLO c\nS: 250", ended=False))

    assert one.what == "is still talking"


def test_a_mail_that_came_weighs_more_than_a_slip() -> None:
    """The first finding decides whether a device is in trouble."""
    slip = "S: 220\nC: (no command, 9 characters)\nS: 500 no\n"
    text = f"{slip}{_TO_DATA[7:]}C: DATA\nS: 250 2.0.0 M2F-1 ok"
    first, second = findings(dialogue(text))

    assert first.is_well
    assert second.what.startswith("sent 1 line(s)")


def test_what_a_listener_needs_after_a_rehearsal() -> None:
    """The snippet names a login where the device has one, and the clear where it has no TLS."""
    plain, login = "C: DATA\nS: 451 4.3.0 r", "C: AUTH PLAIN (secret)\nS: 235 Welcome\n"
    (by_address,) = findings(dialogue(_TO_DATA + plain, REHEARSAL))
    (in_clear,) = findings(dialogue(_TO_DATA + login + plain, REHEARSAL))
    (under_tls,) = findings(dialogue("TLS: TLSv1.3\n" + _TO_DATA + login + plain, REHEARSAL))

    assert "networks: [192.168.2.40]" in by_address.yaml
    assert "auth_without_tls: [192.168.2.40]" in in_clear.yaml
    assert under_tls.yaml == "senders:\n  - login: [c]  # mail2fax user add c"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("ehlo Copier", "EHLO Copier"),
        ("auth plain AGFubgBjb3JyZWN0IGhvcnNl", "AUTH plain (secret of ann)"),
        ("AUTH PLAIN AGJvYgBjb3JyZWN0IGhvcnNl", "AUTH PLAIN (secret)"),
        ("AUTH LOGIN YW5u", "AUTH LOGIN (secret of ann)"),
        ("AUTH LOGIN Y29ycmVjdCBob3JzZQ==", "AUTH LOGIN (secret)"),
        ("AUTH PLAIN not base64", "AUTH PLAIN (secret)"),
        ("AUTH LOGIN", "AUTH LOGIN"),
        ("Mail From: <a@b.ch> SIZE=9", "MAIL FROM:<a@b.ch> SIZE=9"),
        ("RCPT TO:0225550123@x", "RCPT TO:<0225550123@x>"),
        ("MAIL correct horse", "MAIL (more)"),
        ("quit", "QUIT"),
        ("Y29ycmVjdCBob3JzZQ==", "(no command, 20 characters)"),
        ("Dear Ann, the result", "(no command, 20 characters)"),
    ],
)
def test_what_is_kept_of_a_line(line: str, kept: str) -> None:
    """L13, promise 6: no secret and no content."""
    assert command_shown(line, frozenset({"ann"})) == kept


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (Kind.HEARD, "RCPT TO:<+41225550123@x>", "RCPT TO:<+412…23@x>"),
        (Kind.HEARD, "RCPT TO:<022/555.01 23@x>", "RCPT TO:<022/…23@x>"),
        (Kind.HEARD, "RCPT TO:<55123@x>", "RCPT TO:<5…23@x>"),
        (Kind.HEARD, "EHLO [192.168.2.40]", "EHLO [192.168.2.40]"),
        (Kind.SAID, "250 2.1.5 To +41225550123 (CH)", "250 2.1.5 To +412…23 (CH)"),
        (Kind.SAID, "550 5.1.3 0225550123 or +33142681234?", "550 5.1.3 0225…23 or +331…34?"),
        (Kind.SAID, "550 5.7.1 192.168.2.40 may not", "550 5.7.1 192.168.2.40 may not"),
        (Kind.SAID, "550 5.7.1 192.168.7.7 may not", "550 5.7.1 192.168.7.7 may not"),
        (Kind.SAID, "250-SIZE 142000000", "250-SIZE 142000000"),
        (Kind.SAID, "garbage", "garbage"),
        (Kind.DATA, "142000000", "142000000"),
    ],
)  # fmt: skip
def test_fax_numbers_are_masked(kind: Kind, text: str, shown: str) -> None:
    """Promise 6: the numbers, and nothing else."""
    assert masked(Step(0.0, kind, text), PEER) == shown


def test_answers_to_challenges_are_never_kept() -> None:
    """L13: login and password of AUTH LOGIN; a login that a rule names is told."""
    record = Record(LOGIN)
    for challenge, answer in [("VXNlcm5hbWU6", b"QW5u"), ("UGFzc3dvcmQ6", b"YW5u")]:
        record.said(f"334 {challenge}\r\n".encode())
        record.heard(answer, ends_lf=False)
    for challenge, answer in [("", b"AGJvYgBw"), ("*", b"*"), ("x", b""), ("x", b"\xff\xfe")]:
        record.said(f"334 {challenge}\r\n".encode())
        record.heard(answer, ends_lf=False)

    texts = [step.text for step in record.dialogue.steps if step.kind is Kind.HEARD]
    assert texts == [
        "(secret of Ann)", "(secret)", "(secret)", "*", "(nothing)", "(secret)",
    ]  # fmt: skip


def test_data_are_only_counted() -> None:
    """L13: bytes, and whether their lines end with LF alone."""
    record = Record()
    for piece in (b"Subject: x\r\n", b"\r\nhello\n"):
        record.data(piece)
    record.said(b"250 2.0.0 ok\r\n")
    record.data(b"Subject: x\n")

    kept = [(step.kind, step.text) for step in record.dialogue.steps]
    assert kept == [(Kind.DATA, "20"), (Kind.SAID, "250 2.0.0 ok"), (Kind.DATA_LF, "11")]


def test_a_record_is_bounded() -> None:
    """A client that talks for ever costs no more than one that stops; its beginning stays."""
    record = Record()
    for number in range(1000):
        record.heard(b"EHLO %d" % number + b"x" * 5000, ends_lf=True)
    record.end()
    record.end()

    dialogue = record.dialogue
    assert len(dialogue.steps) == 60
    assert dialogue.steps[0].kind is Kind.LF
    assert dialogue.steps[1].text.startswith("EHLO 0x")
    assert dialogue.helo.startswith("999x")
    assert max(len(step.text) for step in dialogue.steps) == 200
    assert dialogue.ended


@pytest.mark.parametrize(("text", "offer", "what"), CASES, ids=[case[2][:50] for case in CASES])
def test_snippets_can_be_pasted(text: str, offer: Offer, what: str) -> None:
    """L13: they are YAML, and the configuration takes them."""
    snippet = yaml.safe_load(findings(dialogue(text, offer))[0].yaml) or {}
    listen = {"address": "127.0.0.1", "port": 25}
    listen |= {key: snippet.pop(key) for key in ("auth_without_tls", "allow_no_domain")
               if key in snippet}  # fmt: skip
    relay = {**listen, "port": 24, "clients": "relay"}
    base = {
        "domains": ["fax.example.com"], "region": "CH", "state_dir": "/tmp/x",
        "senders": [{"networks": ["127.0.0.0/8"]}], "faxplus": {"token": "t", "from": "no_number"},
        "listen": [listen, relay] if "mail server" in what else [listen],
    }  # fmt: skip

    assert Config.model_validate(base | snippet).listen
