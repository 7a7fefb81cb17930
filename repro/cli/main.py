# PYTHON_ARGCOMPLETE_OK
"""The command line: arguments in, one verb, its exit code out."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from repro import __version__
from repro.cli import ends
from repro.cli.arguments import EXIT_CODES, VERBS
from repro.machine import terminal


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all verbs; with `verb` the options of its family alone are known, of others the names."""
    top = argparse.ArgumentParser(
        prog="repro",
        description="Run published machine-learning results again, over seeds, and judge what comes out.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"repro {__version__}")
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
        chosen = parser(given[0] if given else "").parse_args(given)
    finally:  # help and usage are printed there
        terminal.flush()
    return ends.end(chosen.verb, lambda: chosen.act(chosen), debug=chosen.debug)
