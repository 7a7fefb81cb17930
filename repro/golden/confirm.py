"""Make the runs that a check asks for: fresh seeds that confirm, the golden's seeds again, a run a second time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from repro.errors import CannotCompareError, InfrastructureError
from repro.golden.findings import CheckResult, RunKey
from repro.golden.stored import Golden
from repro.runs import pieces, provenance, table
from repro.runs.plan import Identity, named_runs
from repro.runs.runner import Request, environment_of, make_runs, outdated
from repro.runs.store import Store, reruns_path
from repro.runs.told import Listener
from repro.study import Study, case_json

Check = Callable[[pa.Table | None, Collection[str]], CheckResult]  # of the runs made again; this machine's environments
SHOWN = 3  # packages in a note
ROUNDS = 3  # a suspicious row, then a suspicious table, then a row of the runs made for that: no more can follow


def settle(
    study: Study,
    profile: str,
    results: Path,
    golden: Golden,
    check: Check,
    *,
    wanted: Identity,
    replay: bool,
    jobs: int,
    told: Listener,
    threads: int = 1,
) -> CheckResult:
    """Check, make what the check wants, and check again until it wants no more; with `replay`, golden seeds first.

    All results are of the identity `wanted`. Raise InfrastructureError where runs fail.
    """
    path = reruns_path(results)
    result = check(pieces.read(path) if pieces.there(path) else None, ())
    if not result.wanted and not replay:
        return result
    rows = pieces.read(results, ["experiment", "case", "replicate", "code", "settings", "data", "device"])
    device = rows["device"][0].as_py() if rows.num_rows else "cpu"
    notes: list[str] = []

    def make(names: Sequence[RunKey]) -> None:
        """Make the named runs that the store lacks."""
        runs = named_runs(study, profile, names)
        request = Request(
            study=study, profile=profile, runs=runs, device=device, jobs=jobs, wanted=wanted, threads=threads
        )
        failed = make_runs(store, request, told).failed
        if failed:
            raise InfrastructureError(f"a run made to confirm failed ({failed[0]}); mend it, or use --no-confirm")

    with Store.exclusive(path) as store:
        # Runs of other code would stand in for the ones that are asked for below: they go before anything is made.
        store.set_aside(outdated(store, wanted))
        environment, record = environment_of(study, profile, device, wanted, threads)
        here = {environment, *provenance.same_but_torch(table.environments(rows), record)}
        if replay:
            names = replays(study, profile, golden, rows, record)
            if not names:
                notes.append("nothing replayed: the golden is of another kind of machine, or all exact or not portable")
            else:
                told.say(f"replay: {len(names)} golden runs, to the bit; those that are not there yet are made")
            make(names)
        result = check(store.table, here)
        for _ in range(ROUNDS):
            if not result.wanted:
                break
            cases = len({run[:2] for run in result.wanted})
            told.say(f"suspicious cases: {cases}; {len(result.wanted)} more runs will tell (--no-confirm: none)")
            make(result.wanted)
            result = check(store.table, here)
    return replace(result, notes=(*result.notes, *notes))


def replays(study: Study, profile: str, golden: Golden, rows: pa.Table, here: Mapping[str, Any]) -> list[RunKey]:
    """Return the first golden run of each case in the results that this kind of machine can replay."""
    # Both kinds by one call: what the golden does not say of itself is taken to be as this machine says it.
    strata = table.strata(golden.rows, here=here)
    there = set(zip(rows["experiment"].to_pylist(), rows["case"].to_pylist(), strict=True))
    declared = {
        (experiment.name, case_json(case))
        for experiment, case in study.select(profile)
        if experiment.portable and not experiment.deterministic
    }
    first: dict[tuple[str, str], int] = {}
    columns = (golden.rows[name].to_pylist() for name in ("experiment", "case", "replicate", "environment"))
    for experiment, case, replicate, environment in zip(*columns, strict=True):
        name = (experiment, case)
        if name in there and name in declared and strata[environment] == strata[""]:
            first[name] = min(replicate, first.get(name, replicate))
    return [(*name, replicate) for name, replicate in first.items()]


def elsewhere(rows: pa.Table, golden: Golden) -> tuple[str, ...]:
    """Say that no fresh run was made with the packages that are here, where that is so."""
    fresh = rows.filter(pc.invert(pc.is_in(rows["seed"], golden.rows["seed"].combine_chunks())))
    records = table.environments(rows)
    made = [records[name] for name in pc.unique(fresh["environment"]).to_pylist() if name in records]
    others = provenance.other_packages(made)
    if not others:
        return ()
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return (
        f"no fresh run was made with the packages that are here ({'; '.join(others[:SHOWN])}{more}): they say nothing "
        "of these; --replay runs golden seeds with them",
    )


def refuse_old_runs(old: Collection[RunKey], path: Path, study: str, profile: str) -> NoReturn:
    """Raise CannotCompareError for runs that other code, settings or data made than are here, or other cases."""
    experiment, case, replicate = min(old)
    raise CannotCompareError(
        f"{path}: {len(old)} runs are of other code, settings or data than are here (first {experiment} {case} "
        f"replicate {replicate}), so that they say nothing of it; `repro run {study} --profile {profile} --results "
        f"{path}` sets them aside and makes what it is asked for, or check them where their code is"
    )


def renewed(
    study: Study,
    profile: str,
    path: Path,
    old: Collection[RunKey],
    failed: Collection[RunKey],
    wanted: Identity,
    *,
    jobs: int,
    told: Listener,
) -> pa.Table:
    """Set aside the runs `old` that nothing here would make so, make what is declared of them again; return the table.

    So are the runs `failed` made again. What a check that is cut off has not made is found as it was by the next. Raise
    InfrastructureError where a run fails.
    """
    declared = {(experiment.name, case_json(case)) for experiment, case in study.select(profile)}
    again = {run for run in old if run[:2] in declared}
    with Store.exclusive(path) as store:
        device = store.table["device"][0].as_py()
        if old:
            aside = store.set_aside(store.runs.mask(old), staying=store.runs.mask(again))
            what = f"{len(old)} runs are of other code, settings or data than are here"
            told.say(f"{what}: set aside in {aside}, {len(again)} made again")
        if failed:
            told.say(f"{len(failed)} runs failed: made again")
        runs = named_runs(study, profile, sorted(again | set(failed)))
        request = Request(study=study, profile=profile, runs=runs, device=device, jobs=jobs, wanted=wanted)
        faults = make_runs(store, request, told).failed
        if faults:
            raise InfrastructureError(f"a run made again failed ({faults[0]}); mend it, then check")
        return store.table
