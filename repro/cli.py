"""The command line: arguments in, one verb, its exit code out."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from repro import __version__, errors

EXIT_CODES = """exit codes:
  0 pass   1 deviation   2 usage   3 cannot compare   4 underpowered   5 nothing selected
  6 integrity (hash, schema, corrupt file)   7 infrastructure (no GPU, no data, out of memory or time)
  130 interrupted"""

EXAMPLES = {
    "list": "repro list\nrepro list --json",
    "show": "repro show STUDY",
    "doctor": "repro doctor\nrepro doctor --json",
    "plan": "repro plan STUDY --profile lite\nrepro plan STUDY --profile paper --experiment NAME --where FIELD=0.5",
    "run": "repro run STUDY --profile smoke --fresh 1\n"
    "repro run STUDY --profile lite --replicates 5 --time-budget 540\n"
    "repro run STUDY --profile paper --where FIELD=0.5,1 --device cpu",
    "status": "repro status\nrepro status STUDY --json",
    "check": "repro check STUDY --profile smoke\nrepro check STUDY --profile lite --experiment NAME --json\n"
    "repro check STUDY --replay --require-power --junit-xml check.xml --sarif check.sarif --markdown check.md",
    "diff": "repro diff results/STUDY/smoke.parquet golden/STUDY/smoke.parquet",
    "bless": 'repro bless STUDY --profile smoke --reason "first golden: ten seeds of the published protocol"',
    "bundle": "repro bundle STUDY --profile smoke\nrepro bundle STUDY --out evidence.zip --key id_ed25519",
    "verify": "repro verify evidence.zip\nrepro verify evidence.zip --signers allowed_signers --json",
    "merge": "repro merge from-the-gpu.parquet from-here.parquet --out results/STUDY/paper.parquet",
    "figures": "repro figures STUDY\nrepro figures STUDY --profile paper --out figures\n"
    "repro figures STUDY NAME --results FILE --json\n"
    "repro figures STUDY --page docs/study-STUDY.md",
    "audit": "repro audit\nrepro audit STUDY --verdict erratum\nrepro audit STUDY --claim ID\n"
    "repro audit --junit-xml audit.xml --sarif audit.sarif --markdown audit.md --strict\n"
    "repro audit STUDY --codecheck FOLDER",
    "report": "repro report\nrepro report STUDY --out report.html --without-figures",
    "data": "repro data\nrepro data NAME\nrepro data NAME --remove",
}

VERBS = {
    "list": ("repro.listing", "list_studies"),
    "show": ("repro.listing", "show_study"),
    "doctor": ("repro.listing", "doctor"),
    "plan": ("repro.running", "plan"),
    "run": ("repro.running", "run"),
    "status": ("repro.listing", "status"),
    "check": ("repro.comparing", "check"),
    "diff": ("repro.comparing", "diff"),
    "bless": ("repro.comparing", "bless"),
    "merge": ("repro.comparing", "merge"),
    "bundle": ("repro.bundle", "bundle"),
    "verify": ("repro.verify", "verify"),
    "figures": ("repro.figures", "figures"),
    "audit": ("repro.audit", "audit"),
    "report": ("repro.report", "report"),
    "data": ("repro.listing", "list_data"),
}

SUMMARIES = {
    "list": "list the studies",
    "show": "show a study's profiles and experiments",
    "doctor": "say what this machine can run",
    "plan": "say what a run would do and about how long it takes",
    "run": "run a study; finished runs are kept, so the same command resumes",
    "status": "say what the stores hold",
    "check": "compare a result table with its golden",
    "diff": "compare two result tables row by row",
    "bless": "make a result table the golden one",
    "merge": "join result tables from several machines",
    "bundle": "pack a run as evidence: one archive that others can verify",
    "verify": "verify a bundle offline and say what it holds",
    "figures": "list a study's figures, make one or all of them from its results, or write a page's tables anew",
    "audit": "judge a document: a verdict for each of its claims",
    "report": "write one HTML file with every verdict and what it rests on",
    "data": "find, make, verify and remove the data sets of the studies",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb."""
    top = argparse.ArgumentParser(
        prog="repro",
        description="Run published machine-learning results again, over seeds, and judge what comes out.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"repro {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    made = {name: _verb(verbs, name) for name in SUMMARIES}
    for name in ("show", "plan", "run", "check", "bless", "bundle", "figures"):
        made[name].add_argument("study", help="the study's name (`repro list`)")
    made["status"].add_argument("study", nargs="?", help="one study; all without it")
    for name in ("plan", "run", "check", "bless", "bundle", "figures"):
        made[name].add_argument("--profile", default="smoke", help="how much to spend (default: smoke)")
        made[name].add_argument("--results", type=Path, metavar="FILE", help="the result table (default: results/...)")
    for name in ("plan", "run", "check", "bless"):
        made[name].add_argument(
            "--experiment", action="append", default=[], metavar="NAME", help="only this experiment (repeatable)"
        )
    for name in (
        "list",
        "show",
        "doctor",
        "plan",
        "run",
        "status",
        "check",
        "diff",
        "verify",
        "figures",
        "audit",
        "data",
    ):
        made[name].add_argument("--json", action="store_true", help="print JSON on standard output")
    for name in ("run", "bless", "merge"):
        made[name].add_argument("-n", "--dry-run", action="store_true", help="say what would be done, change nothing")
    for name in ("plan", "run", "check"):
        made[name].add_argument(
            "--where", action="append", default=[], metavar="FIELD=VALUE", help="only cases with this (repeatable)"
        )
    _audit_arguments(made["audit"])
    made["report"].add_argument("study", nargs="*", help="the studies; all that have claims without one")
    made["report"].add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE", help="where it goes")
    made["report"].add_argument("--without-figures", action="store_true", help="claims and verdicts only, in seconds")
    _run_arguments(made["plan"], made["run"])
    _compare_arguments(made)
    return top


def _verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str) -> argparse.ArgumentParser:
    examples = "examples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[name].splitlines())
    made = verbs.add_parser(
        name,
        help=SUMMARIES[name],
        description=SUMMARIES[name].capitalize() + ".",
        epilog=f"{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("-q", "--quiet", action="store_true", help="only results and errors")
    made.add_argument("-v", "--verbose", action="store_true", help="more detail")
    return made


def _run_arguments(plan: argparse.ArgumentParser, run: argparse.ArgumentParser) -> None:
    for made in (plan, run):
        seeds = made.add_mutually_exclusive_group()
        seeds.add_argument("--replicates", metavar="N|A-B", help="replicates 0 to N-1, or A to B")
        seeds.add_argument("--fresh", type=int, metavar="N", help="N replicates with seeds the golden does not hold")
        made.add_argument("--device", choices=["cpu", "cuda"], help="where to run (default: the profile's)")
        made.add_argument(
            "--jobs", type=int, metavar="N", help="processes, one thread each (default: cores, or 1 on a GPU)"
        )
    run.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="stop cleanly before this many seconds are over"
    )


def _audit_arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("study", nargs="?", help="one study; all that have claims without it")
    made.add_argument("--claim", action="append", default=[], metavar="ID", help="this claim, in full (repeatable)")
    made.add_argument("--verdict", action="append", default=[], metavar="VERDICT", help="list only these (repeatable)")
    made.add_argument("--strict", action="store_true", help="exit 1 where a claim is contradicted")
    made.add_argument("--bless", metavar="REASON", help="make these verdicts the ones that later audits are held to")
    made.add_argument("--codecheck", type=Path, metavar="FOLDER", help="write codecheck.yml for the figures made there")
    made.add_argument("--page", type=Path, metavar="FILE", help="write a page's table of blessed verdicts anew")
    _export_arguments(made, "verdicts")


def _export_arguments(made: argparse.ArgumentParser, what: str) -> None:
    for form in ("junit-xml", "sarif", "markdown"):
        made.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write the {what} as {form}")


def _compare_arguments(made: dict[str, argparse.ArgumentParser]) -> None:
    made["check"].add_argument(
        "--no-confirm", action="store_true", help="a quick look: run nothing again, and fail no row"
    )
    made["check"].add_argument(
        "--replay", action="store_true", help="run one golden seed of each case again, to the bit"
    )
    made["check"].add_argument(
        "--require-power", action="store_true", help="exit 4 where a row could miss a change that the study wants seen"
    )
    made["check"].add_argument("--jobs", type=int, metavar="N", help="processes for what is run again (default: cores)")
    _export_arguments(made["check"], "findings")
    made["check"].add_argument("--golden", type=Path, metavar="FILE", help="another golden table (default: golden/...)")
    made["bless"].add_argument("--reason", required=True, help="why this table is right; kept with it")
    made["bless"].add_argument(
        "--provisional", action="store_true", help="bless too few seeds or cases, marked as such"
    )
    made["diff"].add_argument("first", type=Path, metavar="A")
    made["diff"].add_argument("second", type=Path, metavar="B")
    made["diff"].add_argument("--absolute", type=float, default=0.0, metavar="X", help="values may differ by X")
    made["diff"].add_argument("--relative", type=float, default=0.0, metavar="X", help="values may differ by X of B's")
    made["merge"].add_argument("tables", type=Path, nargs="+", metavar="TABLE")
    made["merge"].add_argument("--out", type=Path, required=True, metavar="FILE", help="where the joined table goes")
    made["bundle"].add_argument("--out", type=Path, metavar="FILE", help="the archive (default: beside the results)")
    made["bundle"].add_argument("--key", type=Path, metavar="FILE", help="sign with this key, by `ssh-keygen -Y sign`")
    made["verify"].add_argument("bundle", type=Path, metavar="BUNDLE")
    made["verify"].add_argument(
        "--signers", type=Path, metavar="FILE", help="believe only these: NAME KEYTYPE KEY lines"
    )
    made["figures"].add_argument("name", nargs="?", help="one figure; without it all are listed, or made with --out")
    made["figures"].add_argument(
        "--out", type=Path, metavar="FOLDER", help="write NAME.md, .csv, .tex, .svg and .png there"
    )
    made["figures"].add_argument(
        "--page", type=Path, metavar="FILE", help="write the study's tables on this page anew, from its golden rows"
    )
    made["data"].add_argument("name", nargs="?", help="one set, fetched or made if need be; all as they are without it")
    made["data"].add_argument("--remove", action="store_true", help="remove what the user's cache holds of the set")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code; a user's mistake is one line on standard error."""
    chosen = parser().parse_args(arguments)
    module, function = VERBS[chosen.verb]
    try:
        code: int = getattr(importlib.import_module(module), function)(chosen)
        sys.stdout.flush()
    except errors.ReproError as error:
        print(f"repro {chosen.verb}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"repro {chosen.verb}: interrupted; finished runs are kept", file=sys.stderr)
        return errors.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, which is its right
        return errors.PASS
    return code
