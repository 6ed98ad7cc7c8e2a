"""L5, L6: real programs log in under STARTTLS and hand a PDF over."""

import asyncio
import os
import shutil
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.integration.smtp_bench import Desk
from tests.integration.tls_bench import WITH_LOGIN, Authority, logins
from tests.unit.mails import real_pdf

TO = "0225550123@fax.example.com"
USER, PASSWORD = "ann", "correct horse"
NODEMAILER = Path("/usr/share/nodejs/nodemailer")
PHPMAILER = Path("/usr/share/php/libphp-phpmailer/autoload.php")
Command = Callable[[int, Path, Path], list[str]]


def curl(port: int, pdf: Path, ca: Path) -> list[str]:
    """curl, which takes the first mechanism it is offered."""
    return [
        "curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(ca),
        "--user", f"{USER}:{PASSWORD}", "--url", f"smtp://127.0.0.1:{port}",
        "--mail-from", "ann@example.org", "--mail-rcpt", TO, "-H", "Subject: Scan",
        "-F", "=Please fax;type=text/plain",
        "-F", f"file=@{pdf};type=application/pdf;encoder=base64",
    ]  # fmt: skip


def swaks(port: int, pdf: Path, ca: Path) -> list[str]:
    """Swaks with LOGIN."""
    return [
        "swaks", "--server", f"127.0.0.1:{port}", "--from", "ann@example.org", "--to", TO,
        "--tls", "--tls-verify", "--tls-ca-path", str(ca), "--auth", "LOGIN",
        "--auth-user", USER, "--auth-password", PASSWORD,
        "--header", "Subject: Scan", "--body", "Please fax", "--attach", f"@{pdf}",
    ]  # fmt: skip


def s_nail(port: int, pdf: Path, ca: Path) -> list[str]:
    """s-nail with PLAIN."""
    return [
        "s-nail", "-:/", "-Sv15-compat", "-Ssendwait", f"-Stls-ca-file={ca}",
        f"-Smta=smtp://{USER}:correct%20horse@localhost:{port}", "-Ssmtp-use-starttls",
        "-Stls-verify=strict", "-Ssmtp-auth=plain", "-r", "ann@example.org", "-s", "Scan",
        "-a", str(pdf), TO,
    ]  # fmt: skip


def mutt(port: int, pdf: Path, ca: Path) -> list[str]:
    """mutt, which picks the mechanism by SASL."""
    url = f"smtp://{USER}@127.0.0.1:{port}"
    settings = [
        f"set smtp_url={url}", f'set smtp_pass="{PASSWORD}"', "set from=ann@example.org",
        "set ssl_force_tls", f"set certificate_file={ca}", "unset ssl_usesystemcerts",
        f"set ssl_ca_certificates_file={ca}", 'set smtp_authenticators="plain"',
        "unset record", "set use_envelope_from=yes",
    ]  # fmt: skip
    told = [word for one in settings for word in ("-e", one)]
    return ["mutt", "-n", "-F", "/dev/null", *told, "-s", "Scan", "-a", str(pdf), "--", TO]


def msmtp(port: int, pdf: Path, ca: Path) -> list[str]:
    """Mutt's mail through msmtp, as a server's sendmail."""
    agent = ca.parent / "msmtp.sh"
    agent.write_text(
        "#!/bin/sh\nexec msmtp --file=/dev/null --host=localhost "
        f"--port={port} --auth=plain --user={USER} --passwordeval='echo {PASSWORD}' --tls=on "
        f'--tls-trust-file={ca} --from=ann@example.org "$@"\n'
    )
    agent.chmod(0o755)
    return [
        "mutt", "-n", "-F", "/dev/null", "-e", f"set sendmail={agent}", "-e", "unset record",
        "-e", "set sendmail_wait=60", "-e", "set from=ann@example.org",
        "-s", "Scan", "-a", str(pdf), "--", TO,
    ]  # fmt: skip


def node(port: int, pdf: Path, ca: Path) -> list[str]:
    """Nodemailer."""
    script = ca.parent / "send.js"
    script.write_text(f"""
const nodemailer = require("{NODEMAILER}"), fs = require("fs");
nodemailer.createTransport({{host: "localhost", port: {port}, requireTLS: true,
  tls: {{ca: fs.readFileSync("{ca}")}}, auth: {{user: "{USER}", pass: "{PASSWORD}"}}}})
.sendMail({{from: "ann@example.org", to: "{TO}", subject: "Scan", text: "Please fax",
  attachments: [{{path: "{pdf}"}}]}})
.catch(error => {{ console.error(error); process.exit(1); }});
""")
    return ["node", str(script)]


def php(port: int, pdf: Path, ca: Path) -> list[str]:
    """PHPMailer."""
    script = ca.parent / "send.php"
    script.write_text(f"""<?php
require "{PHPMAILER}";
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->isSMTP(); $mail->Host = "localhost"; $mail->Port = {port};
$mail->SMTPSecure = "tls"; $mail->SMTPOptions = ["ssl" => ["cafile" => "{ca}"]];
$mail->SMTPAuth = true; $mail->Username = "{USER}"; $mail->Password = "{PASSWORD}";
$mail->setFrom("ann@example.org"); $mail->addAddress("{TO}");
$mail->Subject = "Scan"; $mail->Body = "Please fax"; $mail->addAttachment("{pdf}");
$mail->send();
""")
    return ["php", str(script)]


CLIENTS: dict[Command, tuple[str | Path, ...]] = {
    curl: ("curl",), swaks: ("swaks",), s_nail: ("s-nail",), mutt: ("mutt",),
    msmtp: ("mutt", "msmtp"), node: ("node", NODEMAILER), php: ("php", PHPMAILER),
}  # fmt: skip


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_real_program_logs_in_under_starttls(tmp_path: Path, client: Command) -> None:
    """L5, L6: nothing but the login admits it; the certificate is verified."""
    for needed in CLIENTS[client]:
        if isinstance(needed, Path) and not needed.exists():
            pytest.skip(f"{needed.name} is not installed")
        if isinstance(needed, str) and shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    authority = Authority(tmp_path / "tls")
    pdf = tmp_path / "scan.pdf"
    pdf.write_bytes(real_pdf(3).replace(b"%PDF-1.4\n", b"%PDF-1.4\n%\xe2\xe3\n"))
    settings: dict[str, Any] = {"tls": authority.files(), "logins": logins}
    async with Desk(tmp_path / "state", rules=(WITH_LOGIN,), **settings) as desk:
        process = await asyncio.create_subprocess_exec(
            *client(desk.port, pdf, authority.ca_file),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(b"Please fax\n"), 30)
        assert process.returncode == 0, said.decode()

        (story,) = await desk.when(bool)
        assert (story.identity.kind, story.identity.name) == ("login", "ann")


@pytest.mark.parametrize("protocol", ["smtp", "smtps"])
async def test_python_logs_in(tmp_path: Path, protocol: str) -> None:
    """smtplib, by STARTTLS and by implicit TLS."""
    authority = Authority(tmp_path / "tls")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", TO, "Scan"
    message.add_attachment(real_pdf(), maintype="application", subtype="pdf", filename="a.pdf")

    def send(port: int) -> None:
        if protocol == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", port, context=authority.context())
        else:
            client = smtplib.SMTP("localhost", port)
            client.starttls(context=authority.context())
        with client:
            client.login(USER, PASSWORD)
            client.send_message(message)

    settings: dict[str, Any] = {"tls": authority.files(), "logins": logins, "protocol": protocol}
    async with Desk(tmp_path / "state", rules=(WITH_LOGIN,), **settings) as desk:
        await asyncio.to_thread(send, desk.port)
        assert (await desk.when(bool))[0].identity.name == "ann"


async def test_openssl_speaks_under_starttls(tmp_path: Path) -> None:
    """L4, trap 7: tools that read EHLO in one read see STARTTLS."""
    authority = Authority(tmp_path / "tls")
    async with Desk(tmp_path / "state", tls=authority.files()) as desk:
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-starttls", "smtp", "-CAfile", authority.ca_file,
            "-verify_return_error", "-connect", f"127.0.0.1:{desk.port}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        assert b"Verify return code: 0 (ok)" in said
