"""Unchanged code, run again: replicates whose seeds nobody has used, each checked as a user would.

What is measured is the rule of the check, so that an outcome counts as long as the rule has its name, whatever became
of the study's code and golden since: they were of one another when the check was made. Runs and checks are kept below
results/error-rates/clean/.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bench.error_rates.measuring import JOBS, KEPT, STUDIES, Json, Kept
from repro.api import check
from repro.errors import InfrastructureError
from repro.golden.findings import AGREES, UNDER
from repro.golden.stored import METHOD
from repro.registry import load
from repro.runs import table
from repro.runs.plan import identity as made_by
from repro.runs.plan import named_runs
from repro.runs.runner import Request, make_runs, outdated
from repro.runs.store import Store, reruns_path
from repro.runs.told import Listener
from repro.study import case_json

PROFILE = "smoke"
FIRST, APART = 1000, 10  # the first replicate, above all goldens', and how far the next is: each confirms by its own
BLOCK = 4  # replicates of a study that are made at once


def clean(
    count: int, before: Mapping[str, Json], at: str, seconds: float = float("inf"), studies: Sequence[str] = STUDIES
) -> dict[str, Json]:
    """Make and check so many replicates over all studies in turn, and return what came of each; no alarm is right.

    What is known from `before` by this rule is not made again, and what is known by others stays; `at` is the commit
    that is measured. It ends early after so many seconds, between two blocks, and goes on from there when called again.
    """
    started = time.monotonic()
    names = [f"{METHOD} {studies[number % len(studies)]} {number // len(studies)}" for number in range(count)]

    def run(missing: list[str]) -> Iterable[tuple[str, Json]]:
        wanted = [(study, int(number)) for _, study, number in map(str.split, missing)]
        for block in sorted({number // BLOCK for _, number in wanted}):
            for study in studies:
                numbers = [number for name, number in wanted if name == study and number // BLOCK == block]
                if time.monotonic() - started > seconds:
                    return
                if numbers:
                    made = made_again(study, numbers)
                    for number in numbers:
                        yield f"{METHOD} {study} {number}", {**checked(study, number, made), "at": at}

    kept = Kept("clean", lambda _: METHOD)
    return {**before, **kept.make([name for name in names if name not in before], run)}


def made_again(study_name: str, numbers: Sequence[int]) -> pa.Table:
    """Return the results of these replicates of a study's experiments with random numbers, made where missing."""
    study = load(study_name)
    cases = [(one.name, case_json(case)) for one, case in study.select(PROFILE) if not one.deterministic]
    runs = named_runs(study, PROFILE, [(*case, FIRST + APART * number) for number in numbers for case in cases])
    with Store.exclusive(KEPT / "clean" / f"{study_name}.parquet") as store:
        store.set_aside(outdated(store, made_by(study, PROFILE)))
        summary = make_runs(store, Request(study, PROFILE, runs, "cpu", JOBS), Listener())
        if summary.failed:
            raise InfrastructureError(f"{study_name}: a run of unchanged code failed: {summary.failed[0]}")
        return store.table


def checked(study: str, number: int, made: pa.Table) -> Json:
    """Check one replicate as `repro check` does, further runs included; return the outcome."""
    replicate = FIRST + APART * number
    path = KEPT / "clean" / "checked" / f"{study}-{replicate}.parquet"
    table.write(path, made.filter(pc.equal(made["replicate"], replicate)))
    experiments = pc.unique(made["experiment"]).to_pylist()
    start = time.perf_counter()
    result = check(study, profile=PROFILE, results=path, experiments=experiments, jobs=JOBS)
    seconds = time.perf_counter() - start
    odd = [one for one in result.findings if one.word not in (AGREES, UNDER)]
    named = [[one.experiment, one.case, one.metric, one.text] for one in odd[:5]]
    made_for_it = runs_in(reruns_path(path))
    about = {"exit": result.exit_code, "seconds": seconds, "rows": len(result.findings)}
    return {**about, "reruns": made_for_it, "odd": named}


def runs_in(path: Path) -> int:
    """Return how many runs a table holds, 0 where there is none."""
    if not path.exists():
        return 0
    columns = table.read(path, ["experiment", "case", "replicate"])
    return len(set(zip(*(columns[name].to_pylist() for name in columns.column_names), strict=True)))
