"""Real programs make mails with pictures and send them to a real listener.

A program is told an arrangement (`tests.pictures.arrangements`), or uses one of its own.
"""

import asyncio
import base64
import json
import os
import shutil
import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from pathlib import Path
from typing import Any

from tests.integration.smtp_bench import Desk
from tests.pictures.arrangements import ARRANGEMENTS, WORDS, Node
from tests.pictures.thunderbird import CAPTURED

_FROM, _TO = "ann@example.org", "0225550123@fax.example.com"
_NODEMAILER = Path("/usr/share/nodejs/nodemailer")
_PHPMAILER = Path("/usr/share/php/libphp-phpmailer/autoload.php")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Job:
    """One mail to be sent.

    Attributes:
        arrangement: how; the program's own word or one of `ARRANGEMENTS`.
        pictures: their files.
        files: further documents.
        subject: by which the mail is known when it comes.
    """

    arrangement: str
    pictures: tuple[Path, ...]
    files: tuple[Path, ...]
    subject: str

    @property
    def attached(self) -> tuple[Path, ...]:
        """Everything, for a program that only attaches."""
        return self.pictures + self.files

    @property
    def tree(self) -> Node:
        """The whole mail."""
        return ARRANGEMENTS[self.arrangement](self.pictures, self.files)

    @property
    def fields(self) -> dict[str, str]:
        """What stands in its header."""
        return {"from": _FROM, "to": _TO, "subject": self.subject}


class NotInstalled(Exception):
    """A program is missing; the text is its name."""


Send = Callable[[Sequence[Job], int, Path], list[list[str]]]


def nodemailer(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """Nodemailer: its own arrangements, and others by its MIME builder."""
    (home / "jobs.json").write_text(json.dumps([_for_node(job) for job in jobs]), "utf-8")
    script, told = _HERE / "send.js", home / "jobs.json"
    return [["node", str(script), str(_NODEMAILER), str(port), str(told)]]


def _for_node(job: Job) -> dict[str, Any]:
    if job.arrangement in ARRANGEMENTS:
        return {**job.fields, "tree": job.tree.as_json}
    attachments = [{"path": str(file)} for file in job.attached]
    told: dict[str, Any] = {**job.fields, "text": WORDS, "attachments": attachments}
    if job.arrangement == "cid":
        told["html"] = WORDS + "".join(
            f'<img src="cid:{file.stem} (1)@app">' for file in job.pictures
        )
        for file, attachment in zip(job.pictures, attachments, strict=False):
            attachment["cid"] = f"{file.stem} (1)@app"
    if job.arrangement in ("data-url", "in-html"):
        told["html"] = WORDS + "".join(f'<img src="{_data_url(file)}">' for file in job.pictures)
        told["attachments"] = attachments[len(job.pictures) :]
        told["attachDataUrls"] = job.arrangement == "data-url"
    return told


def phpmailer(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """PHPMailer by each of its ways to put a picture in."""
    told = [
        {**job.fields, "how": job.arrangement, "pictures": [*map(str, job.pictures)],
         "files": [*map(str, job.files)]} for job in jobs
    ]  # fmt: skip
    (home / "jobs.json").write_text(json.dumps(told), "utf-8")
    script = _HERE / "send.php"
    return [["php", str(script), str(_PHPMAILER), str(port), str(home / "jobs.json")]]


def curl(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """curl, whose -F builds any arrangement."""
    return [
        ["curl", "--silent", "--show-error", "--url", f"smtp://127.0.0.1:{port}",
         "--mail-from", _FROM, "--mail-rcpt", _TO, "-H", f"From: {_FROM}", "-H", f"To: {_TO}",
         "-H", f"Subject: {job.subject}", *_for_curl(job.tree)] for job in jobs
    ]  # fmt: skip


def _for_curl(node: Node, *, top: bool = True) -> list[str]:
    """A part in curl's words; the mail itself is curl's own multipart/mixed."""
    inner = [word for part in node.parts for word in _for_curl(part, top=False)]
    if top and node.kind == "multipart/mixed":
        return inner
    if node.parts:
        return ["-F", f"=(;type={node.kind}", *inner, "-F", "=)"]
    if node.file is None:
        return ["-F", f"={_quoted(node.text)};type={node.kind};encoder=quoted-printable"]
    words = f"=@{_quoted(str(node.file))};type={node.kind};filename={_quoted(node.name)}"
    fields = [f"Content-ID: <{node.cid}>"] if node.cid else []
    if node.disposition == "inline":
        fields.append(f'Content-Disposition: inline; filename="{node.name}"')
    headers = "".join(f";headers={_quoted(field)}" for field in fields)
    return ["-F", f"{words};encoder=base64{headers}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mutt(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """mutt, which attaches."""
    settings = (
        f"set smtp_url=smtp://127.0.0.1:{port}", f"set from={_FROM}", "unset ssl_force_tls",
        "unset record", "set use_envelope_from=yes",
    )  # fmt: skip
    told = [word for one in settings for word in ("-e", one)]
    return [
        ["mutt", "-n", "-F", "/dev/null", *told, "-s", job.subject, "-a",
         *map(str, job.attached), "--", _TO] for job in jobs
    ]  # fmt: skip


def s_nail(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """s-nail, which attaches."""
    return [
        ["s-nail", "-:/", "-Sv15-compat", "-Ssendwait", f"-Smta=smtp://127.0.0.1:{port}",
         "-Ssmtp-auth=none", "-r", _FROM, "-s", job.subject,
         *(word for file in job.attached for word in ("-a", str(file))), _TO] for job in jobs
    ]  # fmt: skip


def swaks(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """swaks, with a text in HTML that shows nothing."""
    return [
        ["swaks", "--server", f"127.0.0.1:{port}", "--from", _FROM, "--to", _TO,
         "--header", f"Subject: {job.subject}", "--attach-type", "text/html",
         "--attach-body", f"<p>{WORDS}</p>", "--attach-type", "application/octet-stream",
         *(word for file in job.attached
           for word in ("--attach-name", file.name, "--attach", f"@{file}"))] for job in jobs
    ]  # fmt: skip


def python(jobs: Sequence[Job], port: int, home: Path) -> list[list[str]]:
    """Python's email.mime classes and smtplib, as scripts of twenty years use them."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for job in jobs:
            mail = _for_python(job.tree)
            for name, value in job.fields.items():
                mail[name.title()] = value
            smtp.send_message(mail)
    return []


def _for_python(node: Node) -> Message:
    if node.parts:
        whole = MIMEMultipart(node.kind.partition("/")[2], policy=SMTP)
        for part in node.parts:
            whole.attach(_for_python(part))
        return whole
    if node.file is None:
        return MIMEText(node.text, node.kind.partition("/")[2], "utf-8", policy=SMTP)
    data, (kind, _, subtype) = node.file.read_bytes(), node.kind.partition("/")
    made: MIMEBase
    made = MIMEImage(data, subtype) if kind == "image" else MIMEApplication(data, subtype)
    if node.cid:
        made["Content-ID"] = f"<{node.cid}>"
    name = {"filename": node.name} if node.name else {}
    made.add_header("Content-Disposition", node.disposition or "attachment", **name)
    return made


def _data_url(file: Path) -> str:
    return f"data:image/{file.suffix[1:]};base64,{base64.b64encode(file.read_bytes()).decode()}"


PROGRAMS: dict[str, tuple[Send, tuple[str | Path, ...]]] = {
    "nodemailer": (nodemailer, ("node", _NODEMAILER)),
    "phpmailer": (phpmailer, ("php", _PHPMAILER)),
    "curl": (curl, ("curl",)),
    "mutt": (mutt, ("mutt",)),
    "s-nail": (s_nail, ("s-nail",)),
    "swaks": (swaks, ("swaks",)),
    "python": (python, ()),
}
"""Each program and what must be installed for it."""


async def sent(program: str, jobs: Sequence[Job], home: Path) -> list[bytes]:
    """The mails of these jobs as they lie in the spool, in their order.

    Raises:
        NotInstalled: the program is not there.
        RuntimeError: it failed; the text is what it said.
    """
    if program == "thunderbird":
        return [(CAPTURED / f"{job.arrangement}.eml").read_bytes() for job in jobs]
    send, needed = PROGRAMS[program]
    for one in needed:
        if not (one.exists() if isinstance(one, Path) else shutil.which(one)):
            raise NotInstalled(Path(one).name)
    async with Desk(home / "state", size=20_000_000) as desk:
        for command in await asyncio.to_thread(send, jobs, desk.port, home):
            await _run(command, home)
        await desk.when(lambda mails: len(mails) == len(jobs))
        mails = [file.read_bytes() for file in desk.files()]
    return [_with_subject(mails, job.subject) for job in jobs]


async def _run(command: list[str], home: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={**os.environ, "HOME": str(home)},
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(WORDS.encode()), 60)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: {said.decode(errors='replace')}")


def _with_subject(mails: list[bytes], subject: str) -> bytes:
    (found,) = [one for one in mails if f"Subject: {subject}\r\n".encode() in one]
    return found
