"""The verb that makes evidence again as time goes by: decay."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, names_of_studies, say, verb
from repro.cli.progress import Progress
from repro.errors import NothingSelectedError, UsageError
from repro.machine.terminal import answer, columns, duration, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from repro.golden.decay import Evidence
    from repro.golden.outcomes import Dated

LOG = "results/decay.jsonl"
BUDGET_S = 300.0


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(
        verbs,
        "decay",
        decay,
        "repro decay",
        "repro decay STUDY --profile paper --time-budget 600",
        "repro decay --log decay.jsonl --svg decay.svg --badge decay.json",
        "repro decay --no-run",
    )
    added: Any = made.add_argument("studies", nargs="*", metavar="STUDY", help="these studies (default: all)")
    added.completer = names_of_studies
    added = made.add_argument("--profile", help="this profile's golden alone (default: all, faithful ones first)")
    added.completer = options.names_of_profiles
    options.experiments(made)
    text = f"wall seconds for all of it; half of them are planned by the goldens' own times (default: {BUDGET_S:g})"
    made.add_argument("--time-budget", type=float, default=BUDGET_S, metavar="SECONDS", help=text)
    text = "so many cases of each experiment, cheapest first (default: 1)"
    made.add_argument("--cases", type=int, default=1, metavar="N", help=text)
    text = "N fresh seeds of each case beside its golden one, held to the band as a check does (default: 0)"
    made.add_argument("--fresh", type=int, default=0, metavar="N", help=text)
    made.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="what was blessed there (default: cpu)")
    made.add_argument("--jobs", type=int, metavar="N", help="processes (default: one for each core, or thread of one)")
    text = "of each process (default: 1); more are another environment, and are recorded as that"
    made.add_argument("--threads", type=int, default=1, metavar="N", help=text)
    text = f"where outcomes are kept, a line each (default: {LOG}); to be committed by whoever schedules this"
    made.add_argument("--log", type=Path, metavar="FILE", help=text)
    made.add_argument("--svg", type=Path, metavar="FILE", help="draw the outcomes as a picture")
    made.add_argument(
        "--badge", type=Path, metavar="FILE", help="write the last outcome as JSON for a shields.io badge"
    )
    made.add_argument("--no-run", action="store_true", help="run nothing: show, and draw, what the log holds")
    options.dry_run(made)
    options.json(made)


def decay(arguments: Namespace) -> int:
    """Make the cheapest blessed evidence again, keep what came of it with its date, and show what changed when."""
    from repro import registry
    from repro.golden import outcomes

    _refuse(arguments)
    log = arguments.log or registry.root() / LOG
    before = outcomes.read(log)
    if arguments.no_run:
        if not before:
            raise NothingSelectedError(f"{log}: holds no outcome yet; `repro decay` without --no-run adds one")
        return _shown(arguments, before)
    taken = _taken(arguments)
    if arguments.dry_run:
        return _planned(arguments, taken)
    outcomes.hold(log)
    made = _made(arguments, taken, before)
    outcomes.append(log, made)
    say(arguments, f"kept in {log}: {len(made.runs)} runs, {len(made.facts)} facts of the environment")
    return _shown(arguments, outcomes.read(log))


def _refuse(arguments: Namespace) -> None:
    """Raise UsageError for numbers that mean nothing."""
    for name, least in (("cases", 1), ("fresh", 0), ("threads", 1)):
        if getattr(arguments, name) < least:
            raise UsageError(f"--{name} {getattr(arguments, name)}: wanted {least} or more")
    options.hold_budget(arguments.time_budget)


def _taken(arguments: Namespace) -> Sequence[Evidence]:
    """Return the evidence that is to be made again."""
    from repro import registry
    from repro.golden import decay as evidence

    names = list(dict.fromkeys(arguments.studies)) or registry.names()
    found = evidence.offered(
        names, profile=arguments.profile, experiments=arguments.experiment, device=arguments.device,
        say=lambda text: say(arguments, text),
    )  # fmt: skip
    return evidence.chosen(found, cases=arguments.cases, fresh=arguments.fresh, budget_s=arguments.time_budget)


def _planned(arguments: Namespace, taken: Sequence[Evidence]) -> int:
    """Say what would be made again, and how long it took for the goldens."""
    from repro.errors import PASS
    from repro.study import words_of

    if arguments.json:
        return print_json([one.__dict__ for one in taken])
    names = words_of(one.run[1] for one in taken)
    rows = [
        [one.study, one.profile, one.run[0], names[one.run[1]], one.run[2], one.seconds, "faithful" * one.faithful]
        for one in taken
    ]
    heads = ["study", "profile", "experiment", "case", "replicate", "seconds", "protocol"]
    answer(columns(heads, rows, show=lambda cell: f"{cell:.2f}" if isinstance(cell, float) else str(cell)))
    seconds = sum(one.seconds for one in taken) * (1 + arguments.fresh)
    answer(f"{len(taken) * (1 + arguments.fresh)} runs to make again; {duration(seconds)} by the goldens' own times")
    return PASS


def folder_of(root: Path, now: datetime) -> Path:
    """Return where runs that are begun now are made: no two commands share it, though they start within a second."""
    return root / "results" / "decay" / now.strftime("%Y%m%dT%H%M%S.%fZ")


def _made(arguments: Namespace, taken: Sequence[Evidence], before: Sequence[Dated]) -> Dated:
    """Make evidence again, its tables in a folder of their own."""
    from repro import registry
    from repro.golden.decay import Manner, again
    from repro.runs import runner
    from repro.runs.told import Listener

    jobs = runner.jobs(arguments.device, arguments.jobs)
    if arguments.jobs is None:
        jobs = max(1, jobs // arguments.threads)
    manner = Manner(
        folder_of(registry.root(), datetime.now(UTC)),
        arguments.device, jobs, arguments.threads, arguments.fresh, arguments.time_budget,
    )  # fmt: skip
    say(arguments, f"{len(taken) * (1 + arguments.fresh)} runs are to be made again, in {manner.folder}")
    with Progress(quiet=arguments.quiet) as progress:
        told = Listener(lambda text: say(arguments, text), progress.begin, progress)
        return again(taken, manner, before, told)


def _shown(arguments: Namespace, every: Sequence[Dated]) -> int:
    """Show all outcomes, draw what was asked for, and return the last one's exit code."""
    from repro.machine import files
    from repro.show import timeline

    for path, draw in ((arguments.svg, timeline.picture), (arguments.badge, timeline.badge)):
        if path:
            files.write(path, draw(every))
            say(arguments, f"wrote {path}")
    last = every[-1]
    if arguments.json:
        print_json(timeline.as_json(every))
        return last.exit_code
    answer(timeline.rendered(every))
    if last.golden:
        answer(f"not as blessed: {'; '.join(last.golden)}")
    return last.exit_code
