"""The record of a session: what was said, without what is nobody's business (L13).

Answers to AUTH are never kept, of data only their count, and of a line that is no command we
know only its length, because it may be a password or content in the wrong place. Recipients are
kept as written, in memory only, and masked when they are shown.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address

HIDDEN = "(secret)"
_LONGEST = 200
_FIRST, _MOST = 30, 60
_NUMBER = re.compile(r"\+?\d(?:[ ().\-/]{0,3}\d){4,}")
_ANSWER = re.compile(r"(\d{3}[ -](?:\d\.\d+\.\d+ )?)(.*)", re.DOTALL)
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_PATHS = re.compile(r"(MAIL FROM|RCPT TO): *<?([^<>]*)>?(.*)", re.IGNORECASE)
_BARE = frozenset(
    ["MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "STARTTLS", "VRFY", "EXPN", "HELP", "BDAT"]
)
_HELLO = frozenset({"HELO", "EHLO", "LHLO"})


class Kind(StrEnum):
    """What a step is; the value is how it is shown."""

    HEARD = "C"
    SAID = "S"
    DATA = "data"
    DATA_LF = "data with bare LF"
    LF = "lines end with LF"
    TLS = "TLS"
    TLS_FAILED = "TLS failed"
    NOT_SMTP = "not SMTP"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    Attributes:
        at: seconds since the connection.
        kind: what it is.
        text: a line, a count of bytes, a version of TLS, a reason.
    """

    at: float
    kind: Kind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a listener offers, as far as it explains what a client did.

    Attributes:
        name: of the listener.
        legacy: whether it is for clients of old.
        serves_tls: whether there is a certificate.
        logins: the logins that rules name; None where AUTH is not served.
        rehearses: it only listens, takes nothing, and lets everybody in, so that a finding tells
            what a real listener would need.
    """

    name: str = "listen[0]"
    legacy: bool = False
    serves_tls: bool = False
    logins: frozenset[str] | None = None
    rehearses: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A session as far as it went.

    Attributes:
        peer: the client's address; empty at a UNIX socket.
        offer: of the listener it connected to.
        steps: what happened, in order.
        began_at: Unix time.
        ended: whether it is over.
    """

    peer: str
    offer: Offer
    steps: tuple[Step, ...]
    began_at: float = 0.0
    ended: bool = True

    @property
    def helo(self) -> str:
        """What the client called itself last."""
        said = (step.text for step in reversed(self.steps) if step.kind is Kind.HEARD)
        return next((text[5:] for text in said if text[:4] in _HELLO), "")


@dataclass(slots=True, eq=False)
class Record:
    """Writes a session down while it goes on; of bounded size.

    Attributes:
        on_end: called once, when it is over.
    """

    offer: Offer = field(default_factory=Offer)
    now: Callable[[], float] = lambda: 0.0
    peer: str = ""
    on_end: Callable[["Record"], None] = lambda _record: None
    ended: bool = False
    _steps: list[Step] = field(default_factory=list)
    _began: float = 0.0
    _challenged: str = ""

    def __post_init__(self) -> None:
        self._began = self.now()

    @property
    def dialogue(self) -> Dialogue:
        """What was written down so far."""
        return Dialogue(self.peer, self.offer, tuple(self._steps), self._began, self.ended)

    def note(self, kind: Kind, text: str = "") -> None:
        """Something happened."""
        if len(self._steps) >= _MOST:
            del self._steps[_FIRST]
        shown = text[:_LONGEST]
        if not (shown.isascii() and shown.isprintable()):
            shown = _NOT_PRINTABLE.sub("?", shown)
        self._steps.append(Step(self.now() - self._began, kind, shown))

    def said(self, data: bytes) -> None:
        """We answered."""
        for line in data.decode("ascii", "replace").splitlines():
            self.note(Kind.SAID, line)
            self._challenged = _challenge(line)

    def heard(self, line: bytes, *, ends_lf: bool) -> None:
        """A line came."""
        if ends_lf and not any(step.kind is Kind.LF for step in self._steps):
            self.note(Kind.LF)
        logins = self.offer.logins or frozenset()
        if self._challenged:
            text = _secret(line, self._challenged == "Username:", logins)
        else:
            text = command_shown(line.decode("utf-8", "replace"), logins)
        self._challenged = ""
        self.note(Kind.HEARD, text)

    def data(self, piece: bytes) -> None:
        """Bytes of a mail came; only counted."""
        last = self._steps[-1] if self._steps else None
        if last is not None and last.kind in (Kind.DATA, Kind.DATA_LF):
            count = str(int(last.text) + len(piece))
            self._steps[-1] = replace(last, at=self.now() - self._began, text=count)
            return
        bare = b"\n" in piece and b"\r\n" not in piece
        self.note(Kind.DATA_LF if bare else Kind.DATA, str(len(piece)))

    def end(self) -> None:
        """The session is over."""
        if not self.ended:
            self.ended = True
            self.on_end(self)


def _challenge(answer: str) -> str:
    """What a 334 asks for; empty for another answer, a space for an empty challenge."""
    if not answer.startswith("334"):
        return ""
    try:
        return base64.b64decode(answer[4:]).decode("ascii") or " "
    except (binascii.Error, UnicodeDecodeError):
        return " "


def _secret(answer: bytes, may_be_name: bool, logins: frozenset[str]) -> str:
    """An answer to AUTH: nothing of it but a login that rules name."""
    if answer.strip().upper() in (b"*", b"", b"QUIT"):
        return answer.decode("ascii").strip() or "(nothing)"
    try:
        parts = base64.b64decode(answer, validate=True).decode("utf-8").split("\0")
    except (binascii.Error, UnicodeDecodeError):
        return HIDDEN
    named = parts[1:2] if len(parts) == 3 else parts if may_be_name else []  # noqa: PLR2004 - RFC 4616
    name = named[0] if named else ""
    return f"(secret of {name})" if name.lower() in logins else HIDDEN


def command_shown(line: str, logins: frozenset[str]) -> str:
    """A command as it is kept."""
    verb, _, rest = line.strip().partition(" ")
    name = verb.upper()
    if name in _HELLO:
        return f"{name} {rest}"
    if name == "AUTH":
        mechanism, _, initial = rest.partition(" ")
        may_be_name = mechanism.upper() == "LOGIN"
        shown = _secret(initial.encode(), may_be_name, logins) if initial else ""
        return f"AUTH {mechanism[:20]} {shown}".strip()
    if path := _PATHS.fullmatch(line.strip()):
        return f"{path[1].upper()}:<{path[2]}>{path[3]}"
    if name in _BARE:
        return name if not rest else f"{name} (more)"
    return f"(no command, {len(line)} characters)"


def masked(step: Step, peer: str) -> str:
    """A step's text without fax numbers: of each only the first and the last digits."""
    if step.kind is Kind.HEARD:
        head, colon, path = step.text.partition("TO:<")
        return head + colon + _without_numbers(path, peer) if colon else step.text
    answer = _ANSWER.fullmatch(step.text) if step.kind is Kind.SAID else None
    if answer is None or answer[2].startswith("SIZE "):
        return step.text
    return answer[1] + _without_numbers(answer[2], peer)


def _without_numbers(text: str, peer: str) -> str:
    return _NUMBER.sub(lambda found: _masked_number(found[0], peer), text)


def _masked_number(text: str, peer: str) -> str:
    if text == peer or _is_address(text):
        return text
    digits = re.sub(r"\D", "", text)
    return f"{text[: 4 if len(digits) > 8 else 1]}…{digits[-2:]}"  # noqa: PLR2004 - of a short one less


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
