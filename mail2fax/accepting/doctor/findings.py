"""From a dialogue to what it means, in plain words: pure (L13)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mail2fax.accepting.doctor.dialogue import Dialogue, Kind
from mail2fax.accepting.doctor.snippets import after_rehearsal, by_address, legacy_listener
from mail2fax.accepting.doctor.story import Exchange, Story

_OLD_TLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})
_TOO_OLD = (
    "unsupported protocol",
    "no shared cipher",
    "version too low",
    "protocol version",
    "no suitable",
)
_NOT_BELIEVED = ("unknown ca", "bad certificate", "certificate unknown", "certificate expired")
_NO_TLS = ("wrong version number", "http request", "unknown protocol")
_TAKEN, _REHEARSED = "its mail was taken", "said all it should"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a device did.

    Attributes:
        what: it did, with the device as the subject left out.
        do: what lets it in; empty where nothing must be done.
        yaml: what to write into the configuration for that; empty for nothing.
    """

    what: str
    do: str = ""
    yaml: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the whole mail came; then what else was odd weighs less."""
        return self.what.startswith((_TAKEN, _REHEARSED))

    def __str__(self) -> str:
        return f"{self.what} -> {self.do}" if self.do else self.what


# What may be wrong, each on its own


def _another_protocol(story: Story) -> Finding | None:
    step = story.first(Kind.NOT_SMTP)
    if step is None:
        return None
    if step.text == "TLS":
        yaml = "listen:\n  - {address: 0.0.0.0, port: 465, protocol: smtps}"
        return Finding(
            "spoke TLS on the plain port",
            "set its port to 465, or its SSL to STARTTLS or off",
            yaml,
        )
    return Finding(f"spoke {step.text}, not SMTP", "it is no mail program; leave it")


def _handshake(story: Story) -> Finding | None:
    step = story.first(Kind.TLS_FAILED)
    if step is None:
        return None
    why = step.text.lower().replace("_", " ")
    if any(words in why for words in _NO_TLS):
        return Finding(
            "spoke no TLS on the TLS port",
            "turn SSL on, or set its port to a plain one (25 or 587)",
        )
    if any(words in why for words in _TOO_OLD):
        return Finding(
            "speaks only TLS older than 1.2, or only old ciphers",
            "give it a legacy listener, or turn its TLS off",
            legacy_listener(story),
        )
    if any(words in why for words in _NOT_BELIEVED):
        return Finding(
            "does not believe our certificate",
            "turn its check of certificates off, or import the authority into it; "
            "some have a fixed list and take RSA only",
        )
    return Finding(
        "left in the TLS handshake" if not why else f"made no TLS: {why}",
        "turn its check of certificates off, or its TLS; if it spoke no TLS at all, "
        "this port is for TLS only",
    )


def _after_handshake(story: Story) -> Finding | None:
    """Under TLS 1.3 a client looks at our certificate when the handshake is over for us."""
    kinds = [step.kind for step in story.dialogue.steps if step.kind is not Kind.SAID]
    if kinds[-2:] != [Kind.TLS, Kind.LEFT]:
        return None
    return Finding(
        "left right after the TLS handshake",
        "turn its check of certificates off, or give it one it believes",
    )


def _no_starttls(story: Story) -> Finding | None:
    if found := story.answer("STARTTLS", "502"):
        if story.offer.serves_tls:
            return Finding(
                "asked for STARTTLS after lines that end with LF alone", "turn its TLS off"
            )
        yaml = "tls: {certificate: /etc/mail2fax/tls/cert.pem, key: /etc/mail2fax/tls/key.pem}"
        return Finding(
            "asked for STARTTLS, which has no certificate here",
            "add one, or turn its TLS off",
            yaml,
        )
    found = story.answer("STARTTLS", "501 5.5.1")
    if found:
        return Finding(
            "sent commands between STARTTLS and the handshake",
            "update it; until then turn its TLS off",
        )
    return None


def _old_tls(story: Story) -> Finding | None:
    step = story.first(Kind.TLS)
    if step is None or not story.offer.rehearses or step.text not in _OLD_TLS:
        return None
    return Finding(f"speaks {step.text}", "give it a legacy listener", legacy_listener(story))


def _line_ends(story: Story) -> Finding | None:
    if story.first(Kind.LF) and (not story.offer.legacy or story.offer.rehearses):
        return Finding(
            "ended its lines with LF alone", "give it a legacy listener", legacy_listener(story)
        )
    if story.first(Kind.DATA_LF) and not story.first(Kind.LF):
        return Finding(
            "ended the lines of its mail with LF alone",
            "let it write CRLF (curl: --crlf); no listener helps",
        )
    found = story.answer("DATA", "554 5.6.0")
    if found and "bare CR" in found.sentence:
        return Finding(
            f"sent what no mail may hold: {found.sentence}",
            "let it write CRLF, and documents in base64",
        )
    return None


def _login_gave_up(story: Story) -> Finding | None:
    tried = [one for one in story.of("AUTH") if one.answer.startswith("334")]
    if not tried or (story.first(Kind.LEFT) is None and not story.of("QUIT")):
        return None
    return Finding(
        f"offered {tried[-1].command} and gave up after 334",
        "give it a login and a password, or turn its login off and name its address",
        by_address(story),
    )


def _login_wrong(story: Story) -> Finding | None:
    wrong = [one for one in story.of("AUTH") if one.answer.startswith("535")]
    if not wrong or story.answer("AUTH", "235"):
        return None
    name = _login_name(story)
    count = "once" if len(wrong) == 1 else f"{len(wrong)} times"
    if name:
        return Finding(
            f"logged in as {name}: password wrong {count}", f"mail2fax user passwd {name}"
        )
    return Finding(
        f"logged in {count} as somebody whom no rule names, or with a wrong password",
        "check the login at the device; see: mail2fax user list",
    )


def _login_name(story: Story) -> str:
    secrets = (re.search(r"\(secret of (.+)\)", one.text) for one in story.dialogue.steps)
    return next((found[1] for found in secrets if found), "")


def _login_refused(story: Story) -> Finding | None:
    if story.answer("AUTH", "538"):
        return Finding(
            "wanted to log in without TLS",
            "turn STARTTLS on at the device, or name it in auth_without_tls",
            f"auth_without_tls: [{story.peer}]  # in listen, at {story.offer.name}",
        )
    if story.answer("AUTH", "504"):
        asked = story.of("AUTH")[-1].command
        return Finding(
            f"wanted to log in by {asked}, which is not served",
            "set it to LOGIN or PLAIN, or turn its login off",
        )
    if story.answer("AUTH", "502"):
        return Finding(
            "wanted to log in where no rule asks for a login",
            "turn its login off, or add a login",
            f"senders:\n  - {{login: [{story.device}]}}  # mail2fax user add {story.device}",
        )
    if story.answer("AUTH", "454"):
        return Finding(
            "was shut out after wrong passwords, or too many logins wait",
            "correct its password and wait; see: mail2fax user list",
        )
    if story.answer("AUTH", "501"):
        return Finding(
            "broke off its login, or wrote it in no form we know",
            "set login and password anew, or turn its login off",
        )
    return None


def _login_after_helo(story: Story) -> Finding | None:
    greeted = story.of("HELO") and not story.of("EHLO")
    if not greeted or not story.of("AUTH"):
        return None
    if story.answer("AUTH", "503") or story.offer.rehearses:
        return Finding(
            "said HELO and then AUTH", "give it a legacy listener", legacy_listener(story)
        )
    return None


def _stranger(story: Story) -> Finding | None:
    answers = [one.answer for one in story.of("RCPT")]
    if any(one.startswith("530") for one in answers):
        return Finding(
            f"did not log in, and no rule names {story.peer} alone",
            "set a login at the device, or add its address",
            by_address(story),
        )
    refused = next((one for one in answers if "may not send faxes here" in one), "")
    if refused and story.peer in refused:
        return Finding(f"no rule names {story.peer}", "add it", by_address(story))
    if refused:
        name = refused.removeprefix("550 5.7.1 ").partition(" may not")[0]
        return Finding(
            f"logged in as {name}, whom no rule of this listener names",
            "add the login",
            f"senders:\n  - {{login: [{name}]}}",
        )
    if any("is no mail server of ours" in one for one in answers):
        return Finding(
            f"no rule names the mail server {story.peer}",
            "add its address to one",
            f"senders:\n  - {{networks: [{story.peer}], addresses: ['@your-domain.example']}}",
        )
    if any("This sender is stopped" in one for one in answers):
        return Finding("is frozen", "mail2fax unfreeze NAME; see: mail2fax freeze --help")
    return None


def _recipients(story: Story) -> Finding | None:
    refused = [one for one in story.of("RCPT") if one.is_refused and not _is_about_sender(one)]
    if not refused:
        return None
    sentence = refused[-1].sentence
    if sentence.startswith("Write the number with @"):
        return Finding(
            "dialled a number without a domain",
            "add the domain at the device, or allow it",
            f"allow_no_domain: true  # in listen, at {story.offer.name}",
        )
    if "is not served here" in sentence:
        return Finding(f"wrote to another domain: {sentence}", "correct it, or add it to domains")
    if refused[-1].answer.startswith("503"):
        return Finding("named a recipient before a sender was taken", "see its MAIL command")
    return Finding(f"refused: {sentence}", "mail2fax number NUMBER tells how it is read")


def _is_about_sender(one: Exchange) -> bool:
    words = ("may not send faxes", "no mail server of ours", "sender is stopped")
    return one.answer.startswith("530") or any(word in one.answer for word in words)


def _sender(story: Story) -> Finding | None:
    refused = [one for one in story.of("MAIL") if one.is_refused]
    if not refused:
        return None
    if refused[-1].answer.startswith("552"):
        return _too_large(refused[-1])
    return Finding(f"its MAIL was refused: {refused[-1].sentence}", "correct its sender address")


def _too_large(one: Exchange) -> Finding:
    return Finding(
        f"its mail is too large: {one.sentence}",
        "lower its resolution or colours, or raise limits.attachments",
    )


def _chunks(story: Story) -> Finding | None:
    if not story.of("BDAT"):
        return None
    return Finding("used BDAT, which was not offered", "turn CHUNKING off in it")


def _strange_lines(story: Story) -> Finding | None:
    strange = [
        one
        for one in story.exchanges
        if one.command.startswith("(no command") and one.answer.startswith("500")
    ]
    if not strange:
        return None
    return Finding(
        f"sent {len(strange)} line(s) that are no commands",
        "look at its SSL and login: it may follow another dialogue than ours",
    )


def _crowd(story: Story) -> Finding | None:
    said = [step.text for step in story.dialogue.steps if step.kind is Kind.SAID]
    if not any("Too many connections" in text for text in said):
        return None
    return Finding(
        "was sent away: too many connections from there",
        "name its network in a rule",
        by_address(story),
    )


def _data(story: Story) -> Finding | None:
    ways = story.of("DATA")
    if not ways or ways[-1].answer.startswith(("503", "554 5.5.1")):
        return None  # what came before it was refused, and has its finding
    last = ways[-1]
    if story.offer.rehearses and last.answer.startswith("451 4.3.0"):
        return Finding(
            f"{_REHEARSED}, and its whole mail came",
            "point it at the daemon",
            after_rehearsal(story),
        )
    return _unfinished(story, last) or _answered(last)


def _answered(last: Exchange) -> Finding | None:
    """What was said about a whole mail."""
    if last.answer.startswith("250"):
        return Finding(f"{_TAKEN}: {last.sentence}")
    if last.answer.startswith("552"):
        return _too_large(last)
    if last.answer.startswith("4"):
        return Finding(f"its mail was not taken now: {last.sentence}", "it may try again later")
    told = "mail2fax explain MAIL tells more"
    return Finding(f"its mail was refused: {last.sentence}", told) if last.answer else None


def _unfinished(story: Story, last: Exchange) -> Finding | None:
    if not last.answer.startswith(("354", "421")):
        return None
    began = [step.at for step in story.dialogue.steps if step.text.startswith("354")]
    counted = [step for step in story.dialogue.steps if step.kind in (Kind.DATA, Kind.DATA_LF)]
    size = counted[-1].text if counted else "0"
    if last.answer.startswith("421"):
        return Finding(
            f"sent {size} bytes of a mail and never its end: {last.sentence}",
            "send it again; if it always happens, update it: it does not say the dot "
            "that ends a mail",
        )
    left = story.first(Kind.LEFT)
    if left is None:
        return Finding(f"is sending its mail: {size} bytes so far")
    seconds = left.at - began[-1] if began else 0.0
    return Finding(
        f"went away during the data after {seconds:.0f} s, {size} bytes",
        "raise its timeout, or look at the network between",
    )


def _gave_up(story: Story) -> Finding | None:
    """It left although nothing was refused."""
    if story.exchanges and any(one.is_refused for one in story.exchanges):
        return None
    verbs = [one.verb for one in story.exchanges if one.verb != "QUIT"]
    if not story.dialogue.ended or "DATA" in verbs:
        return None
    if not verbs:
        return Finding(
            "connected and said nothing",
            "it looked whether the port is open; or it waits for TLS: then set its port to 465",
        )
    if verbs[-1] in {"HELO", "EHLO", "LHLO"}:
        lacking = _not_offered(story)
        why = f"it may want {lacking}, not offered here" if lacking else "set its login and TLS"
        return Finding(f"gave up at {verbs[-1]}", f"{why}; or turn TLS and login off at the device")
    return Finding(f"gave up after {verbs[-1]}, which was answered well", "look at its own log")


def _not_offered(story: Story) -> str:
    said = " ".join(step.text for step in story.dialogue.steps if step.kind is Kind.SAID)
    secured = story.first(Kind.TLS)
    missing = ["TLS"] if "STARTTLS" not in said and not secured else []
    missing += ["a login"] if "AUTH " not in said else []
    return " or ".join(missing)


_LOOKED_FOR: tuple[Callable[[Story], Finding | None], ...] = (
    _another_protocol,
    _handshake,
    _after_handshake,
    _no_starttls,
    _crowd,
    _old_tls,
    _line_ends,
    _login_after_helo,
    _login_gave_up,
    _login_wrong,
    _login_refused,
    _stranger,
    _recipients,
    _sender,
    _chunks,
    _strange_lines,
    _data,
)


def findings(dialogue: Dialogue) -> tuple[Finding, ...]:
    """What a dialogue means, what weighs most first; at least one."""
    story = Story(dialogue)
    found = tuple(one for look in _LOOKED_FOR if (one := look(story)) is not None)
    if found:
        return tuple(sorted(found, key=lambda one: not one.is_well))
    if (one := _gave_up(story)) is not None:
        return (one,)
    words = "did nothing that explains itself" if dialogue.ended else "is still talking"
    return (Finding(words, "read the dialogue"),)
