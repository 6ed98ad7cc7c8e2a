"""``mail2fax number``: how a number or a whole address is read, step by step; dials nothing."""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mail2fax.explain import Explainer
    from mail2fax.reading.addresses import AddressReading

_DONE, _REFUSED = 0, 1
_HOME = "CH"
_HELP = "how a fax number or a whole address is read"
_MORE = """\
Shows what is split off, every reading that is tried and why it is dropped, and what would be
dialled. With --config as the first rule of senders and the first listener read it, contacts
included; without, every domain and every country is allowed.
"""
_CODES = "Exit codes: 0 it would be dialled; 1 it is refused; 2 the command line or the \
configuration is wrong."

AddConfig = Callable[[argparse.ArgumentParser], None]


def add_number_verb(verbs: Any, add_config: AddConfig) -> None:
    """Add ``number`` to the command line."""
    number = verbs.add_parser(
        "number", help=_HELP, description=_MORE, epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    number.add_argument("text", metavar="TEXT", help="a number or address as somebody writes it")
    number.add_argument("--region", metavar="ISO", help="country of national numbers"
                        f" (default: the configuration's, else {_HOME})")  # fmt: skip
    number.add_argument("--outside-line", metavar="DIGIT", choices="0123456789",
                        help="a digit that is dialled before every number")  # fmt: skip
    number.add_argument("--json", action="store_true", help="as one JSON object")
    add_config(number)
    number.set_defaults(verb=_number)


def _number(arguments: argparse.Namespace) -> int:
    from mail2fax.reading.addresses import read_address  # noqa: PLC0415

    explainer = _explainer(arguments)
    reading = read_address(arguments.text, explainer.addresses, explainer.contacts)
    if refusal := explainer.refused_wishes(reading):
        reading = replace(reading, destinations=(), refusal=refusal)
    print(_as_json(arguments.text, reading) if arguments.json else _in_words(reading))
    return _REFUSED if reading.refusal else _DONE


def _explainer(arguments: argparse.Namespace) -> "Explainer":
    """How it is read: by the configuration, changed by what the command line says."""
    from mail2fax.config import load_config  # noqa: PLC0415
    from mail2fax.config_fields import country  # noqa: PLC0415
    from mail2fax.errors import ConfigError  # noqa: PLC0415
    from mail2fax.explain import explainer_for  # noqa: PLC0415

    config = load_config(arguments.config) if arguments.config else None
    explainer = explainer_for(config, _HOME)
    numbers = explainer.addresses.numbers
    if arguments.region:
        try:
            numbers = replace(numbers, region=country(arguments.region))
        except ValueError as error:
            raise ConfigError([f"--region: {error}"]) from None
    if arguments.outside_line:
        numbers = replace(numbers, outside_line=arguments.outside_line)
    addresses = replace(explainer.addresses, numbers=numbers, allow_no_domain=True)
    return replace(explainer, addresses=addresses)


def _in_words(reading: "AddressReading") -> str:
    lines = [f"  {step}" for step in reading.steps]
    if reading.refusal is not None:
        lines.append(f"refused: {reading.refusal.text}")
    for one in reading.destinations:
        name = f", {one.name}" if one.name else ""
        lines.append(f"would dial {one.number} ({one.country}{name})")
    return "\n".join(lines)


def _as_json(text: str, reading: "AddressReading") -> str:
    """``text``, ``steps``, ``destinations``, ``options``, ``refused`` (the SMTP answer)."""
    from mail2fax.json_form import as_json  # noqa: PLC0415
    from mail2fax.reading.countries import country_name  # noqa: PLC0415

    wishes = reading.destinations[0].wishes if reading.destinations else ()
    told = {
        "text": text,
        "steps": reading.steps,
        "destinations": [
            {"written": one.written, "number": as_json(one.number), "why": one.why,
             "country": one.country, "country_name": country_name(one.country),
             "name": one.name}
            for one in reading.destinations
        ],
        "options": {one.key: one.value for one in wishes},
        "refused": str(reading.refusal) if reading.refusal else None,
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)
