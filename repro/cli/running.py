"""The verbs that make runs: plan and run."""

from __future__ import annotations

import time
from argparse import Namespace

from repro.cli import arguments as options
from repro.cli.arguments import Parser, Verbs, say, verb
from repro.cli.progress import Progress
from repro.errors import PASS, UsageError
from repro.machine import terminal
from repro.machine.terminal import answer, columns, duration, paint, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.api import Made
    from repro.audit.undecided import Need


def arguments(verbs: Verbs) -> None:
    """Add the verbs and their options."""
    made = verb(
        verbs,
        "plan",
        plan,
        "repro plan STUDY --profile lite",
        "repro plan STUDY --profile paper --experiment NAME --where FIELD=0.5",
        "repro plan --undecided",
    )
    _which_runs(made)
    _undecided(made)
    made = verb(
        verbs,
        "run",
        run,
        "repro run STUDY --profile smoke --fresh 1",
        "repro run STUDY --profile lite --replicates 5 --time-budget 540",
        "repro run STUDY --profile paper --where FIELD=0.5,1 --device cpu",
        "repro run STUDY --profile paper --engine dask=tcp://HOST:8786",
        "repro run --undecided --device cpu --time-budget 9000",
    )
    _which_runs(made)
    _undecided(made)
    options.dry_run(made)
    text = "where to make runs: processes (default), dask for a cluster of them here, or dask=ADDRESS for one's workers"
    made.add_argument("--engine", metavar="ENGINE", help=text)
    text = "workers of other packages, or another kind of machine: refused (default), or recorded as that"
    made.add_argument("--other-workers", choices=["refuse", "record"], help=text)
    made.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="stop cleanly before this many seconds are over"
    )


def _which_runs(made: Parser) -> None:
    """Take what says which runs are meant, and where they are made."""
    options.study(made, nargs="?")
    options.profile(made)
    options.experiments(made)
    options.json(made)
    options.where(made)
    seeds = made.add_mutually_exclusive_group()
    seeds.add_argument("--replicates", metavar="N|A-B", help="replicates 0 to N-1, or A to B")
    seeds.add_argument("--fresh", type=int, metavar="N", help="N replicates with seeds the golden does not hold")
    made.add_argument("--device", choices=["cpu", "cuda"], help="where to run (default: the profile's)")
    made.add_argument(
        "--jobs", type=int, metavar="N", help="processes, one thread each (default: cores, or 1 on a GPU)"
    )


def _undecided(made: Parser) -> None:
    """Offer the runs that claims wait for, in place of those of a request."""
    text = "the runs that would decide the most claims an hour, of one study or of all, claim by claim"
    made.add_argument("--undecided", action="store_true", help=text)


def _needs(arguments: Namespace) -> list[Need]:
    """Return what undecided claims need. Raise UsageError for options that choose runs otherwise."""
    from repro.audit import document, undecided
    from repro.audit.kept import Kept

    others = {
        "--experiment": arguments.experiment, "--where": arguments.where, "--replicates": arguments.replicates,
        "--fresh": arguments.fresh, "--results": arguments.results,
    }  # fmt: skip
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"--undecided chooses the runs by itself; leave out {', '.join(given)}")
    names = [arguments.study] if arguments.study else []
    return undecided.needs(document.judge_all(*names, kept=Kept()))


def _plan_undecided(arguments: Namespace) -> int:
    """List what would decide which claims, most claims an hour of a core first."""
    needs = _needs(arguments)
    if arguments.json:
        return print_json([need.record for need in needs])
    rows = [
        [
            len(need.claims), len(need.runs), duration(need.seconds),
            "unknown" if need.an_hour is None else f"{need.an_hour:.2g}",
            f"needs {', '.join(need.lacking)}" if need.lacking else "", " and ".join(need.commands),
        ]
        for need in needs
    ]  # fmt: skip
    answer(columns(["claims", "runs", "core time", "claims an hour", "not here", "command"], rows))
    total = sum(len(need.claims) for need in needs)
    answer(f"{total} claims wait for {sum(len(need.runs) for need in needs)} runs; --json names the claims")
    return PASS


def _run_undecided(arguments: Namespace) -> int:
    """Make what undecided claims need in that order, until all is made or the budget ends."""
    from repro import api, registry
    from repro.errors import INFRASTRUCTURE
    from repro.runs.store import Store, results_path
    from repro.study import case_json, words_of

    started, codes = time.monotonic(), [PASS]
    for need in _needs(arguments):
        if need.lacking:
            say(arguments, f"left out, {', '.join(need.lacking)} not here: {', '.join(need.claims)}")
            continue
        left = None if arguments.time_budget is None else arguments.time_budget - (time.monotonic() - started)
        if left is not None and left <= 0:
            say(arguments, f"left, the time budget ended: {', '.join(need.claims)}")
            codes.append(INFRASTRUCTURE)
            continue
        say(arguments, f"for {', '.join(need.claims)}: {' and '.join(need.commands)}")
        declared = registry.load(need.study).experiments.values()
        names = words_of(case_json(case) for experiment in declared for case in experiment.cases)
        kept = Store(results_path(need.study, need.profile)).unfinished
        with Progress(names, quiet=arguments.quiet, unfinished=kept) as progress:
            made = api.make(
                need.study, need.profile, need.runs, device=arguments.device, jobs=arguments.jobs, time_budget=left,
                engine=arguments.engine, other_workers=arguments.other_workers, begin=progress.begin,
                progress=progress,
            )  # fmt: skip
        codes.append(made.exit_code)
        for text in made.summary.failed:
            terminal.say(paint(f"failed: {text}", "red"))
        answer(f"{made.summary.finished} runs made; result table: {made.results}")
    return max(codes)


def _named(arguments: Namespace) -> None:
    """Raise UsageError where no study is named and none is needed."""
    if not arguments.study:
        raise UsageError("which study? `repro list` names them, and --undecided takes all that claims wait for")


def plan(arguments: Namespace) -> int:
    """Say what a run would do: cases, replicates, what is done, and the estimated cost of the rest."""
    if arguments.undecided:
        return _plan_undecided(arguments)
    _named(arguments)
    from repro import api, registry
    from repro.runs import runner
    from repro.runs.plan import estimate, identity
    from repro.runs.store import Store, results_path

    study = registry.load(arguments.study)
    runs = api.planned(
        study,
        arguments.profile,
        replicates=arguments.replicates,
        fresh=arguments.fresh,
        experiments=arguments.experiment,
        where=arguments.where,
    )
    store = Store(arguments.results or results_path(arguments.study, arguments.profile))
    todo = runner.pending(store, runs, identity(study, arguments.profile))
    seconds = store.runs.seconds()
    names = dict.fromkeys(run.experiment for run in runs)
    rows: list[dict[str, Any]] = []
    for name in names:
        mine = [run for run in runs if run.experiment == name]
        left = [run for run in todo if run.experiment == name]
        replicates = sorted({run.replicate for run in mine})
        rows.append(
            {
                "experiment": name,
                "cases": len({run.case for run in mine}),
                "replicates": f"{replicates[0]}-{replicates[-1]}" if len(replicates) > 1 else f"{replicates[0]}",
                "runs": len(mine),
                "done": len(mine) - len(left),
                "cpu_seconds": estimate(left, seconds),
            }
        )
    total = estimate(todo, seconds)
    if arguments.json:
        return print_json(
            {"study": study.name, "profile": arguments.profile, "experiments": rows, "cpu_seconds": total}
        )
    answer(
        columns(
            ["experiment", "cases", "replicates", "runs", "done", "estimate"],
            [[*[row[key] for key in [*row][:-1]], duration(row["cpu_seconds"])] for row in rows],
        )
    )
    jobs = runner.jobs(arguments.device or registry.profile(study, arguments.profile).device, arguments.jobs)
    source = (
        "no earlier run here says how long that takes"
        if total is None
        else f"about {duration(total / jobs)} on {jobs} processes, going by earlier runs here"
    )
    answer(f"{len(todo)} of {len(runs)} runs to make; {source}")
    return PASS


def run(arguments: Namespace) -> int:
    """Run a study; every finished run is kept, and what is already there is not made again."""
    from repro import api, registry
    from repro.runs.store import Store, results_path
    from repro.study import case_json, words_of

    if arguments.time_budget is not None:
        options.hold_budget(arguments.time_budget)
    if arguments.dry_run:
        return plan(arguments)
    if arguments.undecided:
        return _run_undecided(arguments)
    _named(arguments)
    declared = registry.load(arguments.study).experiments.values()
    names = words_of(case_json(case) for experiment in declared for case in experiment.cases)
    kept = Store(arguments.results or results_path(arguments.study, arguments.profile)).unfinished
    with Progress(names, quiet=arguments.quiet, unfinished=kept) as progress:
        made = api.run(
            arguments.study,
            profile=arguments.profile,
            replicates=arguments.replicates,
            fresh=arguments.fresh,
            experiments=arguments.experiment,
            where=arguments.where,
            device=arguments.device,
            jobs=arguments.jobs,
            time_budget=arguments.time_budget,
            results=arguments.results,
            engine=arguments.engine,
            other_workers=arguments.other_workers,
            begin=progress.begin,
            progress=progress,
        )
    return _report_run(arguments, made)


def _report_run(arguments: Namespace, made: Made) -> int:
    """Print what runs came to, and return the exit code."""
    from repro import registry
    from repro.runs import pieces
    from repro.show.grids import COLUMNS, grids

    study, summary = registry.load(arguments.study), made.summary
    if made.aside:
        what = "runs made by other code, settings, data or units, or before a commit"
        say(arguments, f"{what}, were set aside in {made.aside}")
    if arguments.json:
        print_json({**summary.__dict__, "results": str(made.results), "exit_code": made.exit_code})
    else:
        if not arguments.quiet and pieces.there(made.results):  # there is none where no run was begun
            answer(grids(study, pieces.read(made.results, COLUMNS)))
            answer()
        again = f" ({summary.taken_up} of them taken up where they were cut off)" if summary.taken_up else ""
        kept = f"{summary.finished} runs made{again}, {summary.already_done} were there already"
        lost = f", {summary.nonfinite} of them left the real numbers" if summary.nonfinite else ""
        answer(f"{kept}{lost}; result table: {made.results}")
        for text in summary.failed:
            terminal.say(paint(f"failed: {text}", "red"))
        if summary.left:
            say(arguments, f"{summary.left} runs are left: the time budget ended; the same command goes on from here")
        note = study.profiles[arguments.profile].cannot_answer
        if note:
            answer(note)
    if made.seed_ignored:
        terminal.say(
            f"repro run: SEED_IGNORED: {', '.join(made.seed_ignored)} finds the same run for several seeds; draw "
            "random numbers from run.seed, or declare the experiment deterministic=True"
        )
    return made.exit_code
