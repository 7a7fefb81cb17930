"""Two of the three questions, from Python: what do we get, did our code change?

The command line asks through the same functions. `import repro` gives them as `repro.run`, `repro.check`, ..., beside
the third, `repro.audit`, which is in `repro.audit.document`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.errors import CANNOT_COMPARE, INFRASTRUCTURE, PASS, NothingSelectedError, UsageError
from repro.golden import check as rows_check
from repro.golden import log, stored
from repro.golden.confirm import elsewhere, refuse_old_runs, renewed, settle
from repro.golden.findings import CheckResult, RunKey
from repro.runs import cluster, pieces, runner, store
from repro.runs.ignored import may_repeat, recorded, seed_ignored
from repro.runs.plan import (
    MOST_REPLICATES,
    SEEDED,
    identity,
    named_cases,
    planned_runs,
    refuse_foreign_seeds,
    refuse_no_case,
    replicate_range,
    selected_cases,
    strangers,
)
from repro.runs.planned import PlannedRun
from repro.runs.runner import Request, Summary, make_runs, outdated
from repro.runs.store import Store
from repro.runs.told import Listener, Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from repro.study import Study

__all__ = ["CheckResult", "Made", "check", "results", "run"]

Where = Sequence[str] | Mapping[str, Any]  # "FIELD=VALUE[,VALUE...]" texts, or a value or several for each field


@dataclass(frozen=True)
class Made:
    """What a request for runs came to: how many ended how, the table that holds them, and what is wrong with it.

    `summary` counts the runs by `planned`, `already_done`, `finished`, `nonfinite` and `left`, and names the `failed`
    ones with why; `results` is the table's path. `aside` is where runs by other code, settings, data or units were
    moved, None where there were none; `seed_ignored` names experiments that found the same for every seed, so that
    their runs are one run, counted often.
    """

    summary: Summary
    results: Path
    aside: Path | None = None
    seed_ignored: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0, 3 where a seed changes nothing, 7 where runs failed or are left."""
        if self.summary.failed or self.summary.left:
            return INFRASTRUCTURE
        return CANNOT_COMPARE if self.seed_ignored else PASS


def planned(
    study: Study,
    profile: str,
    *,
    replicates: int | str | None = None,
    fresh: int | None = None,
    experiments: Sequence[str] = (),
    where: Where = (),
) -> list[PlannedRun]:
    """Return the runs that a request means: the replicates named, fresh ones, or the profile's own number.

    `replicates` is a number N (replicates 0 to N-1) or a text "A-B"; `fresh` is a number of replicates whose seeds the
    golden does not hold. Raise UsageError for a request that means none, NothingSelectedError where no case is left.
    """
    if fresh is not None and replicates is not None:
        raise UsageError("wanted either replicates or a number of fresh ones, got both; leave one out")
    if fresh is not None:
        if not 1 <= fresh <= MOST_REPLICATES:
            raise UsageError(f"--fresh {fresh}: wanted at least one replicate, and at most {MOST_REPLICATES}")
        first = first_fresh(study.name, profile)
        chosen = range(first, first + fresh)
    elif replicates is not None:
        chosen = replicate_range(str(replicates))
    else:
        chosen = range(registry.profile(study, profile).replicates)
    return planned_runs(study, profile, replicates=chosen, experiments=experiments, where=_texts(where))


def first_fresh(study: str, profile: str) -> int:
    """Return the first replicate that a profile's golden does not hold, 0 without one."""
    root = registry.root()
    if not log.there(root, study, profile):
        return 0
    held = log.blessed(root, study, profile).rows["replicate"].to_pylist()
    return int(max(held)) + 1


def run(
    study: str,
    *,
    profile: str = "smoke",
    replicates: int | str | None = None,
    fresh: int | None = None,
    experiments: Sequence[str] = (),
    where: Where = (),
    device: str | None = None,
    jobs: int | None = None,
    time_budget: float | None = None,
    results: Path | str | None = None,
    engine: str | None = None,
    other_workers: str | None = None,
    progress: Progress = lambda _run, _report: None,
    begin: Callable[[int], None] = lambda _count: None,
) -> Made:
    """Make the runs of a study that its result table lacks, each kept as it finishes, and return how they ended.

    `replicates`, `fresh`, `experiments` and `where` choose runs as `planned` does; `device` is "cpu" or "cuda" (the
    profile's without it), `jobs` the number of processes of one thread each, `time_budget` the seconds after which no
    run is begun, `results` another table than the study's own, `engine` "dask" or "dask=ADDRESS" for the workers of a
    cluster (of this machine, or one that is there), `other_workers` "record" to take workers of other packages or
    another kind of machine as such, which are refused otherwise. `begin` is told how many runs are to be made,
    `progress` each finished one. Raise a ReproError, by its `exit_code`, where none can be made: 2 for the request, 5
    where it means no case, 6 for a table that is none, 7 for the machine.
    """
    runs = planned(
        registry.load(study), profile, replicates=replicates, fresh=fresh, experiments=experiments, where=where
    )
    return make(
        study, profile, runs, device=device, jobs=jobs, time_budget=time_budget, results=results, engine=engine,
        other_workers=other_workers, progress=progress, begin=begin,
    )  # fmt: skip


def make(
    study: str,
    profile: str,
    runs: Sequence[PlannedRun],
    *,
    device: str | None = None,
    jobs: int | None = None,
    time_budget: float | None = None,
    results: Path | str | None = None,
    engine: str | None = None,
    other_workers: str | None = None,
    progress: Progress = lambda _run, _report: None,
    begin: Callable[[int], None] = lambda _count: None,
) -> Made:
    """Make those of some planned runs that the result table lacks, as `run` does, and raise what it raises."""
    started = time.monotonic()
    found = registry.load(study)
    path = Path(results or store.results_path(study, profile))
    chosen = device or registry.profile(found, profile).device
    where = cluster.engine(engine, other_workers, jobs)
    wanted = identity(found, profile)
    with Store.exclusive(path) as kept:
        refuse_foreign_seeds(kept.columns(SEEDED), path)
        aside = kept.set_aside(outdated(kept, wanted))
        request = Request(
            study=found,
            profile=profile,
            runs=runs,
            device=chosen,
            jobs=runner.jobs(chosen, jobs),
            budget_s=time_budget,
            started=started,
            wanted=wanted,
            engine=where,
        )
        summary = make_runs(kept, request, Listener(begin=begin, ended=progress))
        return Made(summary, path, aside, _seed_ignored(found, kept))


def _seed_ignored(study: Study, kept: Store) -> tuple[str, ...]:
    """Return the experiments whose seeds are none; only where two runs may be the same is all of them looked at."""
    repeatable, unjudged = [one.name for one in study.experiments.values() if one.deterministic], recorded(study)
    if not may_repeat(kept.slices(), deterministic=repeatable, unjudged=unjudged):
        return ()
    return seed_ignored(kept.table, deterministic=repeatable, unjudged=unjudged)


def results(study: str, *, profile: str = "smoke") -> pa.Table:
    """Return the rows that runs of a study's profile left, one a metric of a run, in the results schema.

    `value` is in the row's `unit`, and null where a run left the real numbers or failed; `curve` holds a value an
    epoch, `wall_seconds` seconds. Raise UsageError for an unknown study or profile, NothingSelectedError before any
    run, IntegrityError for a table that is none.
    """
    registry.profile(registry.load(study), profile)
    return pieces.read(store.results_path(study, profile))


def check(
    study: str,
    *,
    profile: str = "smoke",
    results: Path | str | None = None,
    golden: Path | str | None = None,
    experiments: Sequence[str] = (),
    where: Where = (),
    confirm: bool = True,
    replay: bool = False,
    jobs: int | None = None,
    say: Callable[[str], None] = lambda _text: None,
    begin: Callable[[int], None] = lambda _count: None,
    progress: Progress = lambda _run, _report: None,
) -> CheckResult:
    """Compare a result table with its golden, two-sided and closed-world; what is suspicious is run again.

    Runs of other code, settings, data or units than are here are never judged: those of the study's own table are set
    aside and made again, another table with such is refused. Without `confirm` nothing is run, and no row fails; with
    `replay` one golden seed of each case is run again, to the bit. `golden` is another golden table than the project's
    own, which alone is held to the log; `jobs` is the number of processes for what is run again: `say` is told of that
    in words, `begin` how many runs they are, `progress` each finished one. The answer's `exit_code` is 0, 1 for a
    deviation, 3 where rows cannot be compared, 6 for a corrupt table. Raise UsageError for a wrong request,
    IntegrityError for a golden that is not what was blessed, NothingSelectedError without golden, results or selected
    rows, or where no run has a seed that the golden does not hold, CannotCompareError where other code made rows that
    are not made again, InfrastructureError where a run fails.
    """
    if replay and not confirm:
        raise UsageError("--replay and --no-confirm: the one runs golden seeds, the other runs nothing; leave out one")
    found, told = registry.load(study), Listener(say, begin, progress)
    registry.profile(found, profile)
    held = golden_of(study, profile, Path(golden) if golden else None)
    path = Path(results or store.results_path(study, profile))
    texts, wanted = _texts(where), identity(found, profile)
    count = runner.jobs(found.profiles[profile].device, jobs)
    rows = pieces.read(path)
    refuse_foreign_seeds(rows, path)
    cases = None
    if texts:  # what the golden or the results hold and no study declares any more is looked at too, not lost
        cases = selected_cases(found, profile, texts) | named_cases(held.bands, texts) | named_cases(rows, texts)
        if not cases:
            refuse_no_case(found, profile, experiments, texts)
    old = _asked_for(strangers(rows, wanted), experiments, cases)
    if old and (results or not confirm):
        refuse_old_runs(old, path, found.name, profile)
    if old:
        rows = renewed(found, profile, path, old, wanted, jobs=count, told=told)

    def judged(reruns: pa.Table | None, here: Collection[str]) -> CheckResult:
        return rows_check.check(
            rows, held.rows, held.bands, reruns=reruns, experiments=experiments or None, cases=cases, confirm=confirm,
            here=here, held=golden is None,
        )  # fmt: skip

    if not confirm:
        result = judged(None, ())
    else:
        result = settle(found, profile, path, held, judged, wanted=wanted, replay=replay, jobs=count, told=told)
    noted = () if replay else elsewhere(rows, held)
    return replace(result, notes=(*result.notes, *noted))


def _asked_for(
    runs: Collection[RunKey], experiments: Sequence[str], cases: Collection[tuple[str, str]] | None
) -> set[RunKey]:
    """Return the runs that a selection of experiments and cases leaves."""
    return {run for run in runs if (not experiments or run[0] in experiments) and (cases is None or run[:2] in cases)}


def golden_of(study: str, profile: str, path: Path | None = None) -> stored.Golden:
    """Return a profile's golden as it was blessed, or a table named in its place, which no log speaks of.

    Raise NothingSelectedError where there is none, IntegrityError where it is gone.
    """
    root = registry.root()
    place = path or stored.path_of(root, study, profile)
    if not (path.exists() if path else log.there(root, study, profile)):
        line = None if path else log.line_of(root, study, profile)
        out = f" (that of line {line} of {log.path_of(root)} was taken out)" if line else ""
        raise NothingSelectedError(
            f"{place}: no such table, profile '{profile}' of study '{study}' has no golden{out}; `repro bless` makes "
            "one from results"
        )
    return stored.load(place) if path else log.blessed(root, study, profile)


def _texts(where: Where) -> list[str]:
    """Return a case filter as the texts that the command line takes."""
    if not isinstance(where, Mapping):
        return list(where)
    several = {name: value if isinstance(value, list | tuple | set) else [value] for name, value in where.items()}
    return [f"{name}={','.join(_quoted(_text(one)) for one in values)}" for name, values in several.items()]


def _quoted(text: str) -> str:
    """Return a value as a filter takes it for one, whatever it holds."""
    return '"{}"'.format(text.replace('"', '""')) if {",", '"'} & set(text) else text


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value) if isinstance(value, float) else str(value)
