# PYTHON_ARGCOMPLETE_OK
"""The command line: arguments in, one verb, its exit code out."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from repro import __distribution__, __version__
from repro.cli import arguments as options
from repro.cli import ends, forms
from repro.cli.arguments import EXIT_CODES, VERBS
from repro.errors import USAGE, did_you_mean
from repro.machine import root, terminal


class Misread(SystemExit):
    """Arguments cannot be read; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(USAGE)
        self.text = text


class _Parser(argparse.ArgumentParser):
    """A parser that answers a mistake in one line; an unknown verb by the nearest."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and raise Misread, which ends with exit code 2."""
        wrong = re.fullmatch(r"argument VERB: invalid choice: '(.*)' \(choose from .*\)", message, re.DOTALL)
        if wrong:
            name = terminal.escape(wrong[1])
            message = f"no verb '{name}'{did_you_mean(wrong[1], [*VERBS])} (verbs: {', '.join(VERBS)})"
        if message.endswith("expected one argument") and message.startswith("argument --"):
            message += f"; what begins with - wants an equals sign: {message.split()[1].rstrip(':')}=-5"
        text = terminal.escape(message)
        text += f"{' ' if text.endswith('?') else '; '}`{self.prog} --help` says more"
        terminal.say(f"{self.prog}: {text}")
        raise Misread(text)


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all verbs; with `verb` the options of its family alone are known, of others the names."""
    top = _Parser(
        prog="repro",
        description="Run published machine-learning results again, over seeds, and judge what comes out.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"repro {__version__} (distribution {__distribution__})")
    options.root(top)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    wanted = VERBS if verb is None else {verb: VERBS[verb]} if verb in VERBS else {}
    families = {family for family, _ in wanted.values()}
    for name, (family, summary) in VERBS.items():
        if family not in families:
            verbs.add_parser(name, help=summary)
        elif name not in verbs.choices:
            importlib.import_module(f"repro.cli.{family}").arguments(verbs)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code; whatever stops it is one line on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A process that waits for runs gives back what joining tables took; Arrow's other pools keep it.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next; nothing else needs the library
        import argcomplete

        argcomplete.autocomplete(parser())
    try:
        chosen = _read(given)
    except Misread as refused:
        if "--json" in given:  # a machine reads what is answered
            terminal.print_json({"error": refused.text, "exit_code": USAGE})
        raise
    finally:  # help and usage are printed there
        terminal.flush()

    def act() -> int:
        forms.clear(chosen)
        with root.named(chosen.root):
            return int(chosen.act(chosen))

    def unanswered(code: int, text: str) -> None:
        forms.unanswered(chosen, code, text)

    json = getattr(chosen, "json", False)
    return ends.end(chosen.verb, act, debug=chosen.debug, json=json, unanswered=unanswered)


def run() -> NoReturn:
    """Run one verb and end the process with its exit code."""
    ends.leave(main())


def _read(given: Sequence[str]) -> argparse.Namespace:
    """Return the arguments as read. Raise Misread, or SystemExit where help or the version was asked for."""
    top = parser(_verb_of(given))
    if given and given[0].startswith("-") and given[0].partition("=")[0] not in top._option_string_actions:
        verb = next((word for word in given if word in VERBS), "VERB")
        top.error(f"{given[0]}: options stand behind the verb, as in `repro {verb} {given[0]}`")
    chosen, strange = top.parse_known_args(given)
    if strange:  # which the verb's own parser leaves to the one of all verbs
        known = next(action.choices[chosen.verb] for action in top._actions if isinstance(action.choices, dict))
        top.prog = f"{top.prog} {chosen.verb}"
        near = _option_meant(strange[0].partition("=")[0], [*known._option_string_actions])
        top.error(f"unrecognized arguments: {' '.join(strange)}{near}")
    return chosen


def _option_meant(name: str, known: Sequence[str]) -> str:
    """Return a hint at the option that a text is near to, whose dashes, which all have, make none near."""
    spelled = {one.lstrip("-"): one for one in known if one.startswith("--")}
    near = did_you_mean(name.lstrip("-"), [*spelled])
    return re.sub(r"'(.*)'", lambda found: f"'{spelled[found[1]]}'", near)


def _verb_of(given: Sequence[str]) -> str:
    """Return the verb of a command line, which the root may stand before; an empty text where there is none."""
    place = 0
    while place < len(given) and given[place].partition("=")[0] == root.OPTION:
        place += 1 if "=" in given[place] else 2
    return given[place] if place < len(given) else ""
