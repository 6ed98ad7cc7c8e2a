"""The command line as people run it: real processes, their output and exit codes."""

import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.tls_bench import Authority
from tests.pictures.table import Row
from tests.unit.mails import PDF, SCAN, TEXT, TOP, attached, mail, real_pdf, real_tiff

SCENARIOS = Path(__file__).parents[1] / "scenarios" / "bad_config"
GOOD = mail(TEXT, attached(real_pdf(2)), attached(real_tiff(3), "scan.tif", "image/tiff"))


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``mail2fax`` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", "mail2fax", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
    )  # fmt: skip


def explained(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    """``explain --json``: its exit code, and an object a mail."""
    done = run("explain", "--json", *arguments)
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A good mail's file."""
    path = tmp_path / "good.eml"
    path.write_bytes(GOOD)
    return path


def test_help_is_a_joy() -> None:
    """What it is, examples, verbs, exit codes."""
    done = run("--help")

    assert done.returncode == 0
    for word in ("Fax by sending e-mail", "mail2fax demo", "serve", "explain", "number", "queue",
                 "simulator", "Exit codes"):  # fmt: skip
        assert word in done.stdout
    assert run("--version").stdout.startswith("mail2fax ")
    assert run("nonsense").returncode == 2
    assert run("queue").returncode == 2


def test_explain_tells_the_whole_fate(stored: Path) -> None:
    """M13: the fixed form, one object a line; part, type, size and SHA-256 as in the mail."""
    to = ("--to", "+41225550123@any.example", "--to", "0044 20 7946 0958@x.example")
    code, (told,) = explained(*to, stored)

    assert code == 0
    assert list(told) == ["mail", "when", "destinations", "documents", "not_faxed", "comment",
                          "options", "refused"]  # fmt: skip
    assert (told["mail"], told["when"], told["refused"]) == (str(stored), None, None)
    assert [one["number"] for one in told["destinations"]] == ["+41225550123", "+442079460958"]
    assert [(one["part"], one["filename"], one["pages"]) for one in told["documents"]] == [
        ("2", "a.pdf", 2), ("3", "scan.tif", 3),
    ]  # fmt: skip
    assert told["documents"][0]["size"] == len(real_pdf(2))
    (text,) = told["not_faxed"]
    assert (text["part"], text["size"], len(text["sha256"])) == ("1", 13, 64)
    assert told["comment"] == "Grüße,\nAnn"


@pytest.mark.parametrize(
    ("data", "to", "when", "refused"),
    [
        (mail(TEXT), [], "line", "554 5.6.0 No attachment"),
        (mail(attached(b"\0", "a.bin")), [], "mail", "“a.bin” is of a kind"),
        (GOOD, ["117@x.example"], "line", "550 5.7.1 117"),
        (GOOD, ["117@x.example", "+41225550123@x.example"], None, None),
        (b"", [], "line", "554"),
        (mail(attached(), top=TOP + "Auto-Submitted: auto-replied\n"), [], "line", "550 5.7.1"),
    ],
)
def test_explain_says_which_gate_refuses(
    tmp_path: Path, data: bytes, to: list[str], when: str | None, refused: str | None
) -> None:
    """Design: ``when`` says which gate; exit code 1 for a mail that is refused."""
    path = tmp_path / "mail.eml"
    path.write_bytes(data)
    arguments = [word for one in to for word in ("--to", one)]
    code, (told,) = explained(*arguments, path)

    assert told["when"] == when
    assert (refused or "") in (told["refused"] or "")
    assert code == (1 if refused else 0)


def test_explain_shows_what_would_be_asked(tmp_path: Path) -> None:
    """M6, M13: a mail with a picture in doubt would be held, and why; the rest is shown."""
    path = tmp_path / "doubt.eml"
    path.write_bytes(Row("outlook", True, ("logo", "square"), ("body", "ask")).mail)

    code, (told,) = explained("--to", "0225550123@fax.example.com", path)

    assert (code, told["when"]) == (1, "mail")
    assert told["refused"].startswith("It would be held until a person decides")
    assert "“image002.png” (512 x 512 pixels, 4 kB)" in told["refused"]
    assert [one["filename"] for one in told["documents"]] == ["a.pdf"]
    assert {one["filename"] for one in told["not_faxed"]} >= {"image001.png", "image002.png"}


def test_explain_takes_several_mails_and_speaks_to_people(tmp_path: Path, stored: Path) -> None:
    """M13: in words; mails with LF line ends, as files often have."""
    unix = tmp_path / "unix.eml"
    unix.write_bytes(SCAN.replace(PDF, PDF).replace(b"\r\n", b"\n"))
    done = run("explain", "--to", "0225550123@x.example", stored, unix)

    assert "a.pdf: 2 pages, application/pdf," in done.stdout
    assert "0225550123 dials +41225550123 (national number" in done.stdout
    assert f"{unix}\n  " in done.stdout
    assert run("explain", tmp_path / "missing.eml").returncode == 1


def test_number_shows_how_it_reads() -> None:
    """A3, A4: step by step; refused with both readings and exit code 1."""
    good, bad = run("number", "022 555 01 23"), run("number", "00435550123")

    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "would dial +41225550123 (CH)")
    assert "  tried +41225550123 (national number): a number of Switzerland" in good.stdout
    assert bad.returncode == 1
    assert bad.stdout.splitlines()[-1].startswith("refused: 00435550123: +43 5550 123 (Austria) or")
    assert "tried +410435550123 (national number): dropped, it is too long" in bad.stdout
    assert run("number", "--region", "DE", "030 123456").returncode == 0
    assert run("number", "--region", "XX", "1").returncode == 2
    assert run("number", "--outside-line", "0", "00225550123").returncode == 0


def test_number_reads_whole_addresses(tmp_path: Path) -> None:
    """A5, A6, O2: what is split off is said; as JSON too; names of the contacts are known."""
    told = run("number", "--json", "/FAX=+41-22-555-01-23,0435550123/@fax.example.com")
    found = json.loads(told.stdout)

    assert told.returncode == 0
    assert [one["number"] for one in found["destinations"]] == ["+41225550123", "+41435550123"]
    assert found["destinations"][0]["country_name"] == "Switzerland"
    assert found["steps"][:2] == ["left out: the domain fax.example.com", "left out: FAX="]
    assert found["refused"] is None

    tag = run("number", "--json", "0225550123+lab@fax.example.com")
    assert json.loads(tag.stdout)["refused"] == "550 5.1.3 +lab is no number. Leave it out"
    option = run("number", "0225550123/resolution=fine@x.example")
    assert option.returncode == 0
    assert "split off: the option resolution = fine" in option.stdout
    unknown = run("number", "0225550123/resolutoin=fine@x.example")
    assert unknown.returncode == 1
    assert "refused: " in unknown.stdout

    (tmp_path / "contacts.yaml").write_text("contacts: {lab: +41435550123}\n", "utf-8")
    config = tmp_path / "mail2fax.yaml"
    sample = (Path(__file__).parents[2] / "config" / "mail2fax.yaml").read_text("utf-8")
    config.write_text(f"contacts: contacts.yaml\n{sample}", "utf-8")
    named = run("number", "--config", config, "LAB", FAXPLUS_TOKEN="t")
    assert named.stdout.splitlines()[-1] == "would dial +41435550123 (CH, lab)"
    abroad = run("number", "--config", config, "+431 58858", FAXPLUS_TOKEN="t")
    assert "faxes to Austria are not allowed here" in abroad.stdout
    (tmp_path / "contacts.yaml").write_text("contacts: {lab: 117}\n", "utf-8")
    broken = run("number", "--config", config, "lab", FAXPLUS_TOKEN="t")
    assert (broken.returncode, broken.stderr.splitlines()) == (
        2, ["contacts.yaml:1:12: contacts.lab: 117: an emergency or short number is never faxed"],
    )  # fmt: skip


@pytest.mark.parametrize("scenario", ["many-mistakes", "no-rule", "unset-variable"])
def test_a_bad_configuration_ends_with_its_mistakes(scenario: str) -> None:
    """Design: every mistake on the screen, exit code 2, nothing started."""
    done = run("serve", "--config", SCENARIOS / scenario / "config.yaml", TOKEN="secret-token")

    assert done.returncode == 2
    assert done.stderr == (SCENARIOS / scenario / "expected").read_text("utf-8")
    assert done.stdout == ""


def test_the_demo_ends_well() -> None:
    """Issue: no account, no configuration, no network; exit code 0 after the outcomes."""
    done = run("demo", "--once")

    assert (done.returncode, done.stderr) == (0, "")
    assert "Both faxes were ordered once and confirmed." in done.stdout
    assert done.stdout.count("Fax CONFIRMED") == 2


def test_serve_and_queue(tmp_path: Path, stored: Path) -> None:
    """A daemon as systemd runs it: ready line, queue over its socket, SIGTERM, exit code 0."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {tmp_path}/state\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [127.0.0.0/8]}]\n"
        "faxplus: {token: t, from: +41225550100, base_url: 'http://127.0.0.1:9/v3'}\n"
    )
    daemon = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "serve", "--config", config],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert daemon.stdout is not None
        port = int(daemon.stdout.readline().rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("ann@example.org", ["0225550123@fax.example.com"], stored.read_bytes())
        time.sleep(0.5)
        listed = run("queue", "list", "--config", config)
        reference = listed.stdout.split("/")[0]
        shown = run("queue", "show", reference, "--config", config)
        as_json = json.loads(run("queue", "list", "--json", "--config", config).stdout)
        story = json.loads(run("queue", "show", reference, "--json", "--config", config).stdout)
        unknown = run("queue", "show", "M2F-00000", "--config", config)
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, log = daemon.communicate(timeout=30)

    assert daemon.returncode == 0
    assert "+41225550123" in listed.stdout
    assert "document a.pdf: 2 pages" in shown.stdout
    assert "not faxed text/plain: The mail's text is no document" in shown.stdout
    assert as_json["faxes"][0]["reference"] == story["reference"] == reference
    assert (unknown.returncode, unknown.stderr) == (
        1, "mail2fax: there is no mail M2F-00000. See: mail2fax queue list --all\n",
    )  # fmt: skip
    assert "started listening=127.0.0.1" in log
    assert "stopping why=SIGTERM" in log
    assert "admin is not set" in log
    assert "41225550123" not in log
    assert run("queue", "list", "--config", config).stdout == listed.stdout


def test_a_state_directory_in_use_is_said(tmp_path: Path) -> None:
    """Bad input: what cannot be had is a sentence, not a traceback."""
    config = tmp_path / "mail2fax.yaml"
    config.write_text(
        "domains: [fax.example.com]\nregion: CH\nstate_dir: /dev/null/x\n"
        "listen: [{address: 127.0.0.1, port: 0}]\nsenders: [{networks: [127.0.0.0/8]}]\n"
        "faxplus: {token: t, from: +41225550100}\n"
    )
    done = run("serve", "--config", config)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("mail2fax: ")
    assert "Traceback" not in done.stderr


def config_with_tls(directory: Path) -> Path:
    """A configuration with a certificate that does not exist yet, and a UNIX socket."""
    config = directory / "mail2fax.yaml"
    config.write_text(
        f"domains: [fax.example.com]\nregion: CH\nstate_dir: {directory}/state\n"
        f"listen: [{{socket: {directory}/smtp.sock}}]\nsenders: [{{networks: [127.0.0.0/8]}}]\n"
        f"tls: {{certificate: {directory}/tls/cert.pem, key: {directory}/tls/key.pem}}\n"
        "faxplus: {token: t, from: +41225550100, base_url: 'http://127.0.0.1:9/v3'}\n"
    )
    return config


def test_a_certificate_that_is_no_good_is_said(tmp_path: Path) -> None:
    """L5: the start ends with a sentence that names the file."""
    done = run("serve", "--config", config_with_tls(tmp_path))

    assert done.returncode == 1
    assert "tls/cert.pem" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_hang_up_signal_reads_the_certificates(tmp_path: Path) -> None:
    """L5, L12: the daemon goes on with what it finds, and removes its socket at the end."""
    Authority(tmp_path / "tls").files()
    daemon = subprocess.Popen(
        [sys.executable, "-m", "mail2fax", "serve", "--config", config_with_tls(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == f"mail2fax takes mail at {tmp_path}/smtp.sock\n"
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.5)
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, log = daemon.communicate(timeout=30)

    assert daemon.returncode == 0
    assert "certificate-read listener=listen[0]" in log
    assert not (tmp_path / "smtp.sock").exists()


def test_every_verb_shows_an_example() -> None:
    """F6, M13: help is quick, because nothing that a verb needs is imported for it."""
    overview = run("--help").stdout
    verbs = re.findall(r"^    ([a-z]+)", overview.partition("verbs:")[2], re.MULTILINE)

    assert len(verbs) >= 7
    for verb in verbs:
        assert f"Example:\n  mail2fax {verb} " in run(verb, "--help").stdout
    code = "import sys, mail2fax.cli; print([one for one in sys.modules if one in HEAVY])"
    heavy = "HEAVY = {'asyncio', 'pydantic', 'sqlalchemy', 'phonenumbers', 'httpx', 'yaml'}; "
    loaded = subprocess.check_output([sys.executable, "-c", heavy + code], text=True)
    assert loaded.strip() == "[]"
