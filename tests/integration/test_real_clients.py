"""L1, L5, M3: real mail programs hand a PDF over, byte for byte."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mail2fax.reading.decoding import decode
from mail2fax.reading.mail import read_mail
from tests.integration.smtp_bench import Desk
from tests.unit.mails import real_pdf

PDF = real_pdf(3).replace(b"%PDF-1.4\n", b"%PDF-1.4\n%\xe2\xe3\n")  # as real ones, not all text
TO = "0225550123@fax.example.com"
Command = Callable[[int, Path, Path], list[str]]


def curl(port: int, pdf: Path, home: Path) -> list[str]:
    """curl, with a multipart it builds itself."""
    return [
        "curl", "--silent", "--show-error", "--url", f"smtp://127.0.0.1:{port}",
        "--mail-from", "ann@example.org", "--mail-rcpt", TO,
        "-H", "Subject: Scan", "-F", "=Please fax;type=text/plain",
        "-F", f"file=@{pdf};type=application/pdf;encoder=base64",
    ]  # fmt: skip


def swaks(port: int, pdf: Path, home: Path) -> list[str]:
    """swaks, pipelining."""
    return [
        "swaks", "--server", f"127.0.0.1:{port}", "--from", "ann@example.org", "--to", TO,
        "--header", "Subject: Scan", "--body", "Please fax", "--attach", f"@{pdf}", "--pipeline",
    ]  # fmt: skip


def s_nail(port: int, pdf: Path, home: Path) -> list[str]:
    """s-nail, speaking SMTP itself."""
    return [
        "s-nail", "-:/", "-Sv15-compat", "-Ssendwait", f"-Smta=smtp://127.0.0.1:{port}",
        "-Ssmtp-auth=none", "-r", "ann@example.org", "-s", "Scan", "-a", str(pdf), TO,
    ]  # fmt: skip


def mutt(port: int, pdf: Path, home: Path) -> list[str]:
    """mutt, speaking SMTP itself."""
    return [
        "mutt", "-n", "-F", "/dev/null", "-e", f"set smtp_url=smtp://127.0.0.1:{port}",
        "-e", "set from=ann@example.org", "-e", "unset ssl_force_tls", "-e", "unset record",
        "-e", "set use_envelope_from=yes", "-s", "Scan", "-a", str(pdf), "--", TO,
    ]  # fmt: skip


def msmtp(port: int, pdf: Path, home: Path) -> list[str]:
    """Mutt's mail through msmtp, as a server's sendmail."""
    agent = home / "msmtp.sh"
    agent.write_text(
        "#!/bin/sh\nexec msmtp --file=/dev/null --host=127.0.0.1 "
        f'--port={port} --auth=off --tls=off --from=ann@example.org "$@"\n'
    )
    agent.chmod(0o755)
    return [
        "mutt", "-n", "-F", "/dev/null", "-e", f"set sendmail={agent}", "-e", "unset record",
        "-e", "set sendmail_wait=60", "-e", "set from=ann@example.org",
        "-s", "Scan", "-a", str(pdf), "--", TO,
    ]  # fmt: skip


@pytest.mark.parametrize("client", [curl, swaks, s_nail, mutt, msmtp])
async def test_a_real_program_sends_a_pdf(tmp_path: Path, client: Command) -> None:
    """L1: taken, readable, the document as it was."""
    needed = {"s_nail": ["s-nail"], "msmtp": ["mutt", "msmtp"]}
    for program in needed.get(client.__name__, [client.__name__]):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    pdf = tmp_path / "scan.pdf"
    pdf.write_bytes(PDF)
    async with Desk(tmp_path / "state") as desk:
        process = await asyncio.create_subprocess_exec(
            *client(desk.port, pdf, tmp_path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(b"Please fax\n"), 30)
        assert process.returncode == 0, said.decode()

        (story,) = await desk.when(bool)
        assert [fax.number for fax in story.faxes] == ["+41225550123"]
        assert story.reply_to == ("ann@example.org",)
        (file,) = desk.files()
        data = file.read_bytes()
        (candidate,) = read_mail(data, len(data)).candidates
        content = b"".join(decode(data, candidate.start, candidate.end, candidate.encoding))
        assert (candidate.filename, content) == ("scan.pdf", PDF)
