"""The house: imports point down, stations never meet, each neighbour has one door."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mail2fax"

GROUND = {"errors", "events", "values", "json_form", "clock", "cores"}
PLAIN = {"reading", "spool", "faxplus"}
STATIONS = {"accepting", "preparing", "sending", "answering", "web"}
MAY_IMPORT = {
    "errors": set(),
    "values": set(),
    "json_form": {"values"},
    "clock": set(),
    "cores": set(),
    "service_manager": set(),
    "events": {"errors", "values"},
    "reading": GROUND,
    "spool": GROUND,
    "faxplus": GROUND,
    "yaml_file": GROUND,
    "shared_networks": set(),
    "config_fields": GROUND | {"shared_networks"},
    "config_listen": GROUND | {"config_fields"},
    "config_senders": GROUND | {"config_fields"},
    "config_faxplus": GROUND | {"config_fields"},
    "config_relay": GROUND | {"config_fields"},
    "config_options": GROUND | {"config_fields"},
    "config": GROUND
    | {
        "yaml_file",
        "config_fields",
        "config_listen",
        "config_relay",
        "config_senders",
        "config_faxplus",
    }
    | {"config_options"},
    "contacts_file": GROUND | {"yaml_file", "reading"},
    **dict.fromkeys(STATIONS, PLAIN | GROUND),
    "daemon": STATIONS
    | PLAIN
    | GROUND
    | {
        "config",
        "config_listen",
        "config_options",
        "contacts_file",
        "daemon_account",
        "daemon_answering",
    },
    "daemon_account": PLAIN | GROUND | {"config", "web"},
    "daemon_answering": STATIONS | PLAIN | GROUND | {"config", "config_relay"},
    "log": set(),
    "serving": {"accepting", "config", "cores", "daemon", "errors", "events", "service_manager"},
    "explain": STATIONS | PLAIN | GROUND | {"config", "config_fields", "daemon"},
    "demo": STATIONS | PLAIN | GROUND | {"config", "daemon", "simulator", "cli"},
    "doctor_verb": {"spool", "errors", "config", "rehearsal"},
    "rehearsal": {"accepting", "spool", "clock", "config", "explain"},
    "explain_words": set(),
    "explain_verb": {"errors", "config", "explain", "explain_words"},
    "number_verb": {
        "reading",
        "errors",
        "values",
        "json_form",
        "config",
        "config_fields",
        "daemon",
        "explain",
    },
    "archive": {"errors"},
    "authorize_verb": {"config", "errors", "faxplus", "spool"},
    "backup_verb": {"archive", "spool", "clock", "config"},
    "subject_verb": {"archive", "spool", "config"},
    "report_verb": {"spool", "json_form", "config"},
    "check_verb": {"checks", "config"},
    "checks": {
        "answering",
        "clock",
        "config",
        "daemon_answering",
        "errors",
        "faxplus",
        "reading",
        "spool",
    },
    "queue_verb": {"errors", "config", "daemon", "explain_words", "reading", "spool"},
    "people_verbs": {"errors", "config", "config_fields", "accepting", "spool"},
    "cli": STATIONS
    | PLAIN
    | GROUND
    | {
        "config",
        "daemon",
        "log",
        "serving",
        "simulator",
        "demo",
        "doctor_verb",
        "explain_verb",
        "explain_words",
        "number_verb",
        "people_verbs",
        "report_verb",
        "queue_verb",
        "authorize_verb",
        "backup_verb",
        "check_verb",
        "subject_verb",
    },
    "simulator": set(),
    "__main__": {"cli"},
    "__init__": set(),
}
ONE_DOOR = {
    "aiosmtpd": {"accepting/listener.py", "simulator"},
    "argon2": {"accepting/passwords.py"},
    "dkim": {"accepting/signatures.py", "answering/signing.py"},
    "dns": {"accepting/signatures.py"},
    "httpx": {"faxplus", "answering/relay_token.py", "simulator"},
    "sqlalchemy": {"spool"},
    "alembic": {"spool"},
    "pybase64": {"reading/decoding.py"},
    "pypdfium2": {"preparing", "simulator"},
    "PIL": {"preparing", "simulator"},
    "bidi": {"preparing"},
    "uharfbuzz": {"preparing"},
    "pi_heif": {"preparing"},
    "aiosmtplib": {"answering"},
    "jinja2": {"answering/templating.py", "simulator"},
    "starlette": {"simulator", "web"},
    "uvicorn": {"simulator", "web"},
}
NOT_PURE = {"os", "pathlib", "socket", "asyncio", "time", "subprocess", "logging", "threading"}
PURE = {
    "reading",
    "accepting/doctor/dialogue.py",
    "accepting/doctor/findings.py",
    "accepting/doctor/snippets.py",
    "accepting/doctor/story.py",
    "spool/chain.py",
    "spool/lifecycle.py",
    "sending/adopting.py",
    "sending/outcomes.py",
    "sending/ordering.py",
    "sending/pacing.py",
    "sending/settling.py",
}


def imports_of(file: Path) -> set[str]:
    """Every absolute name imported anywhere in a file, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            found.add(module)
            if module == "mail2fax":
                modules = (alias.name for alias in node.names if alias.name != "__version__")
                found |= {f"mail2fax.{name}" for name in modules}
    return found


def violations(package: Path) -> list[str]:
    """Every import below ``package`` that the law forbids, as sentences."""
    broken: list[str] = []
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        room = inside.parts[0].removesuffix(".py")
        for name in imports_of(file):
            top, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if top == "mail2fax" and target and target != room and target not in MAY_IMPORT[room]:
                broken.append(f"{inside} imports {target}")
            doors = ONE_DOOR.get(top)
            if doors and not {room, str(inside)} & doors:
                broken.append(f"{inside} imports {top}")
            if {room, str(inside)} & PURE and top in NOT_PURE:
                broken.append(f"{inside} is pure and imports {top}")
    return broken


def test_imports_point_down() -> None:
    """No file of the house breaks the import law."""
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("sending/steps.py", "from mail2fax.answering import texts"),
        ("spool/jobs.py", "def f():\n    import mail2fax.sending.steps"),
        ("sending/pacing.py", "import time"),
        ("sending/steps.py", "import httpx"),
        ("simulator/app.py", "from mail2fax import values"),
        ("reading/mail.py", "import os"),
    ],
)
def test_the_law_catches_a_planted_import(tmp_path: Path, file: str, planted: str) -> None:
    """A sibling, upward, impure or back-door import is named."""
    target = tmp_path / file
    target.parent.mkdir()
    target.write_text(planted, encoding="utf-8")

    assert len(violations(tmp_path)) == 1


def test_initialisers_hold_only_a_docstring() -> None:
    """Packages re-export nothing, so that no cycle can hide in them."""
    for file in PACKAGE.rglob("__init__.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        rest = [node for node in body[1:] if not isinstance(node, ast.Assign)]

        assert rest == [], file
