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

from repro import __version__
from repro.cli import arguments as options
from repro.cli import ends
from repro.cli.arguments import EXIT_CODES, VERBS
from repro.errors import USAGE, did_you_mean
from repro.machine import root, terminal


class _Parser(argparse.ArgumentParser):
    """A parser that answers a mistake in one line; an unknown verb by the nearest."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line."""
        wrong = re.fullmatch(r"argument VERB: invalid choice: '(.*)' \(choose from .*\)", message, re.DOTALL)
        if wrong:
            name = terminal.escape(wrong[1])
            message = f"no verb '{name}'{did_you_mean(wrong[1], [*VERBS])} (verbs: {', '.join(VERBS)})"
        self.exit(USAGE, f"{self.prog}: {terminal.escape(message)}; `{self.prog} --help` says more\n")


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all verbs; with `verb` the options of its family alone are known, of others the names."""
    top = _Parser(
        prog="repro",
        description="Run published machine-learning results again, over seeds, and judge what comes out.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"repro {__version__}")
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
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next; nothing else needs the library
        import argcomplete

        argcomplete.autocomplete(parser())
    try:
        top = parser(_verb_of(given))
        chosen, strange = top.parse_known_args(given)
        if strange:  # which the verb's own parser leaves to the one of all verbs
            top.prog = f"{top.prog} {chosen.verb}"
            top.error(f"unrecognized arguments: {' '.join(strange)}")
    finally:  # help and usage are printed there
        terminal.flush()

    def act() -> int:
        with root.named(chosen.root):
            return int(chosen.act(chosen))

    return ends.end(chosen.verb, act, debug=chosen.debug, json=getattr(chosen, "json", False))


def _verb_of(given: Sequence[str]) -> str:
    """Return the verb of a command line, which the root may stand before; an empty text where there is none."""
    place = 0
    while place < len(given) and given[place].partition("=")[0] == root.OPTION:
        place += 1 if "=" in given[place] else 2
    return given[place] if place < len(given) else ""
