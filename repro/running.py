"""The verbs that make runs: plan and run."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.errors import INFRASTRUCTURE, PASS, CannotCompareError, UsageError
from repro.study import Study
from repro.text import case_words, columns, duration, grids, paint, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from repro.plan import PlannedRun
    from repro.runner import Summary
    from repro.store import Store
    from repro.worker import Report


def _planned(arguments: Namespace, study: Study) -> tuple[Any, ...]:
    """Return the runs a request means: the replicates named, fresh ones, or the profile's own number."""
    from repro.plan import planned_runs, replicate_range

    if arguments.fresh is not None:
        if arguments.fresh < 1:
            raise UsageError(f"--fresh {arguments.fresh}: wanted at least one replicate")
        first = _first_fresh(arguments)
        replicates = range(first, first + arguments.fresh)
    elif arguments.replicates:
        replicates = replicate_range(arguments.replicates)
    else:
        replicates = range(registry.profile(study, arguments.profile).replicates)
    return tuple(
        planned_runs(
            study,
            arguments.profile,
            replicates=replicates,
            experiments=arguments.experiment,
            where=arguments.where,
        )
    )


def _first_fresh(arguments: Namespace) -> int:
    import pyarrow.compute as pc

    from repro import bands, table

    path = bands.path_of(registry.root(), arguments.study, arguments.profile)
    if not path.exists():
        return 0
    return int(pc.max(table.read(path, ["replicate"])["replicate"]).as_py()) + 1


def plan(arguments: Namespace) -> int:
    """Say what a run would do: cases, replicates, what is done, and the estimated cost of the rest."""
    from repro.plan import estimate, identity
    from repro.runner import pending
    from repro.store import Store

    study = registry.load(arguments.study)
    runs = _planned(arguments, study)
    store = Store(arguments.results or registry.results_path(arguments.study, arguments.profile))
    todo = pending(store, runs, identity(study, arguments.profile))
    seconds = store.seconds()
    names = dict.fromkeys(run.experiment for run in runs)
    rows = []
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
    print(
        columns(
            ["experiment", "cases", "replicates", "runs", "done", "estimate"],
            [[*[row[key] for key in [*row][:-1]], duration(row["cpu_seconds"])] for row in rows],
        )
    )
    jobs = registry.jobs(_device(arguments, study), arguments.jobs)
    source = (
        "no earlier run here says how long that takes"
        if total is None
        else f"about {duration(total / jobs)} on {jobs} processes, going by earlier runs here"
    )
    print(f"{len(todo)} of {len(runs)} runs to make; {source}")
    return PASS


def _device(arguments: Namespace, study: Study) -> str:
    return str(arguments.device or registry.profile(study, arguments.profile).device)


def run(arguments: Namespace) -> int:
    """Run a study; every finished run is kept, and what is already there is not made again."""
    from repro.plan import identity
    from repro.runner import Request, make_runs, outdated
    from repro.store import Store

    started = time.monotonic()
    study = registry.load(arguments.study)
    if arguments.dry_run:
        return plan(arguments)
    runs = _planned(arguments, study)
    path = arguments.results or registry.results_path(arguments.study, arguments.profile)
    with Store.exclusive(path) as store:
        aside = store.set_aside(outdated(store, identity(study, arguments.profile)))
        if aside:
            say(arguments, f"runs made by other code, settings or data, or before a commit, were set aside in {aside}")
        request = Request(
            study=study,
            profile=arguments.profile,
            runs=runs,
            device=_device(arguments, study),
            jobs=registry.jobs(_device(arguments, study), arguments.jobs),
            budget_s=arguments.time_budget,
            started=started,
        )
        with _Progress(arguments, len(runs)) as progress:
            summary = make_runs(store, request, progress)
        code = _report_run(arguments, study, store, path, summary)
        _refuse_ignored_seeds(study, store)
        return code


def _report_run(arguments: Namespace, study: Study, store: Store, path: Path, summary: Summary) -> int:
    code = INFRASTRUCTURE if summary.failed or summary.left else PASS
    if arguments.json:
        print_json({**summary.__dict__, "results": str(path), "exit_code": code})
        return code
    if not arguments.quiet:
        print(grids(study, store.table))
        print()
    kept = f"{summary.finished} runs made, {summary.already_done} were there already"
    lost = f", {summary.nonfinite} of them left the real numbers" if summary.nonfinite else ""
    print(f"{kept}{lost}; result table: {path}")
    for text in summary.failed:
        print(paint(f"failed: {text}", "red"), file=sys.stderr)
    if summary.left:
        say(arguments, f"{summary.left} runs are left: the time budget ended; the same command goes on from here")
    note = study.profiles[arguments.profile].cannot_answer
    if note:
        print(note)
    return code


def _refuse_ignored_seeds(study: Study, store: Store) -> None:
    """Raise CannotCompareError when the replicates of an experiment that draws random numbers are all one."""
    from repro.evidence import seed_ignored

    deterministic = [name for name, experiment in study.experiments.items() if experiment.deterministic]
    ignored = seed_ignored(store.table, deterministic=deterministic)
    if ignored:
        raise CannotCompareError(
            f"SEED_IGNORED: {', '.join(ignored)} finds the same for every seed; draw random numbers from run.seed, "
            "or declare the experiment deterministic=True"
        )


class _Progress:
    """Show each finished run: a bar on a terminal, otherwise one line a run; nothing when asked to be quiet."""

    def __init__(self, arguments: Namespace, total: int) -> None:
        self.quiet = arguments.quiet
        self.total = total
        self.count = 0
        self.bar: Any = None

    def __enter__(self) -> _Progress:
        if not self.quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=self.total, unit="run", dynamic_ncols=True, leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, run: PlannedRun, report: Report) -> None:
        """Take note of one finished run."""
        self.count += 1
        found = ", ".join(f"{name} {value:.4g}" for name, value in (report.values or {}).items())
        text = (
            f"{run.experiment} {case_words(run.case)} r{run.replicate}: {found or f'{report.status}: {report.detail}'}"
        )
        if self.bar is not None:
            self.bar.update(1)
            self.bar.set_postfix_str(text[:70])
        elif not self.quiet:
            print(f"[{self.count}/{self.total}] {text} ({report.wall_seconds:.1f} s)", file=sys.stderr, flush=True)
