"""What verbs share: how one is added, and the options that several of them take."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from repro.errors import UsageError
from repro.machine import root as roots
from repro.machine import terminal

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.study import Study

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Verbs = argparse._SubParsersAction  # what add_subparsers returns

Parser = argparse.ArgumentParser
Options = argparse._ActionsContainer  # a parser, or a group of options under a heading of its help
Act = Callable[[argparse.Namespace], int]  # a verb: arguments in, exit code out

# Every verb in the order in which a newcomer meets them: the file that has it, and what it does. The table of contents
# stands apart from the verbs so that help, and any one verb, starts without importing the others.
VERBS = {
    "list": ("listing", "list the studies"),
    "show": ("listing", "show a study's profiles and experiments"),
    "doctor": ("listing", "say what this machine can run, and which folder is the project's root"),
    "judge": ("asking", "hold somebody's results to what is published: a verdict without a study"),
    "new": ("starting", "make a study of your own: a package that runs, checks and audits at once"),
    "plan": ("running", "say what a run would do and about how long it takes"),
    "run": ("running", "run a study; finished runs are kept, so the same command resumes"),
    "import": ("importing", "take what another tool kept of runs as evidence of a study's claims, marked as that"),
    "status": ("listing", "say what the stores hold"),
    "check": ("comparing", "compare a result table with its golden"),
    "diff": ("comparing", "compare two result tables row by row"),
    "decay": ("decaying", "make the cheapest blessed evidence again, and show over time what changed, and by what"),
    "bless": ("comparing", "make a result table the golden one"),
    "merge": ("comparing", "join result tables from several machines"),
    "bundle": ("packing", "pack a run as evidence: one archive that others can verify"),
    "verify": ("packing", "verify a bundle offline and say what it holds"),
    "figures": (
        "showing",
        "list a study's figures, make one or all of them from its results, or write a page's tables anew",
    ),
    "audit": ("judging", "judge a document: a verdict for each of its claims"),
    "claims": ("drafting", "draft the claims of a published table, an entry a cell, for a person to read"),
    "report": ("judging", "write one HTML file with every verdict and what it rests on"),
    "data": ("listing", "find, make, verify and remove the data sets of the studies"),
}
EXIT_CODES = """exit codes:
  0 pass   1 deviation   2 usage   3 cannot compare   4 underpowered   5 nothing selected
  6 integrity (hash, schema, corrupt file)   7 infrastructure (no GPU, no data, out of memory or time)
  70 an error that nobody foresaw, no verdict   130 interrupted   143, 129 ended by SIGTERM, SIGHUP"""


def verb(verbs: Verbs, name: str, act: Act, *examples: str) -> Parser:
    """Add a verb of the table above and return its parser, to which its options are added."""
    summary = VERBS[name][1]
    listed = "\n".join(f"  {line}" for line in examples)
    made: Parser = verbs.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{listed}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(act=act)
    made.add_argument("-q", "--quiet", action="store_true", help="only results and errors")
    made.add_argument("-v", "--verbose", action="store_true", help="more detail")
    made.add_argument("--debug", action="store_true", help="after an error, where it comes from (or set REPRO_DEBUG)")
    root(made, default=argparse.SUPPRESS)  # which leaves one that stands before the verb as it is
    return made


def root(made: Parser, default: str | None = None) -> None:
    """Take the project's folder, before the verb or after it."""
    text = "the project's folder (or set REPRO_ROOT; `repro doctor` says which it is without, and why)"
    made.add_argument(roots.OPTION, metavar="FOLDER", default=default, help=text)


def study(made: Parser, text: str = "the study's name (`repro list`)", **options: Any) -> None:
    """Take the name of a study, which a shell can complete."""
    added: Any = made.add_argument("study", help=text, **options)
    added.completer = names_of_studies


def names_of_studies(parsed_args: argparse.Namespace | None = None, **_: Any) -> list[str]:
    """Return the studies' names for a shell that completes one."""
    from repro import registry

    with roots.named(getattr(parsed_args, "root", None)):
        return registry.names()


def names_of_profiles(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return the profiles of the study that stands before, for a shell that completes one."""
    return [name for study in _named(parsed_args) for name in study.profiles]


def names_of_experiments(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return the experiments of the study that stands before, for a shell that completes one."""
    return [name for study in _named(parsed_args) for name in study.experiments]


def _named(parsed: argparse.Namespace) -> list[Study]:
    """Return the study that arguments name so far, none where there is none of the name."""
    from repro import registry

    with roots.named(getattr(parsed, "root", None)):
        return [registry.load(parsed.study)] if getattr(parsed, "study", None) in registry.names() else []


def profile(made: Parser) -> None:
    """Take a profile and a result table of its own."""
    added: Any = made.add_argument("--profile", default="smoke", help="how much to spend (default: smoke)")
    added.completer = names_of_profiles
    made.add_argument("--results", type=Path, metavar="FILE", help="the result table (default: results/...)")


def experiments(made: Parser) -> None:
    """Take experiments to restrict a verb to."""
    added: Any = made.add_argument(
        "--experiment", action="append", default=[], metavar="NAME", help="only this experiment (repeatable)"
    )
    added.completer = names_of_experiments


def where(made: Options) -> None:
    """Take fields of cases to restrict a verb to."""
    made.add_argument(
        "--where", action="append", default=[], metavar="FIELD=VALUE", help="only cases with this (repeatable)"
    )


def json(made: Parser) -> None:
    """Offer JSON in place of text."""
    made.add_argument("--json", action="store_true", help="print JSON on standard output")


def dry_run(made: Parser) -> None:
    """Offer to change nothing."""
    made.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, change nothing")


def exports(made: Parser, what: str) -> None:
    """Take files for the forms that other tools read."""
    for form in ("junit-xml", "sarif", "markdown"):
        made.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write the {what} as {form}")


def say(arguments: argparse.Namespace, text: str) -> None:
    """Print talk on standard error, unless asked to be quiet."""
    terminal.say(text, quiet=arguments.quiet)


def hold_budget(seconds: float) -> None:
    """Raise UsageError for a time budget that is no number of seconds."""
    if not 0 < seconds < math.inf:
        raise UsageError(f"--time-budget {seconds:g}: wanted a number of seconds above 0")
