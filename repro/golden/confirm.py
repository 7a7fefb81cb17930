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
from repro.runs.plan import Identity, named_runs, strangers
from repro.runs.runner import Request, environment_of, make_runs, outdated
from repro.runs.store import Store, reruns_path
from repro.runs.told import Listener
from repro.study import Study, case_json

Check = Callable[[pa.Table | None, Collection[str]], CheckResult]  # of the runs made again; this machine's environments
OLD = "of other code, settings, data or units than are here"
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
    """Raise CannotCompareError for runs that other code, settings or data made, or are of other cases or units."""
    experiment, case, replicate = min(old)
    raise CannotCompareError(
        f"{path}: {len(old)} runs are {OLD} (first {experiment} {case} replicate {replicate}), so that they say "
        f"nothing of it; `repro run {study} --profile {profile} --results {path}` sets them aside and makes what it is "
        "asked for, or check them where their code is"
    )


def renewed(
    study: Study,
    profile: str,
    path: Path,
    old: Collection[RunKey],
    wanted: Identity,
    *,
    jobs: int,
    told: Listener,
) -> pa.Table:
    """Set aside runs that nothing here would make so, make the declared ones again, and return the table.

    What a check that is cut off has not made again is found as it was by the next. A run that fails is a row that
    cannot be compared. Raise InfrastructureError where one is lost with its process.
    """
    declared = {(experiment.name, case_json(case)) for experiment, case in study.select(profile)}
    again = {run for run in old if run[:2] in declared}
    with Store.exclusive(path) as store:
        device = store.table["device"][0].as_py()
        aside = store.set_aside(store.runs.mask(old), staying=store.runs.mask(again))
        told.say(f"{len(old)} runs are {OLD}: set aside in {aside}, {len(again)} made again")
        runs = named_runs(study, profile, sorted(again))
        request = Request(study=study, profile=profile, runs=runs, device=device, jobs=jobs, wanted=wanted)
        failed = make_runs(store, request, told).failed
        rows = store.table
        lost = again & strangers(rows, wanted)
        if lost:
            raise InfrastructureError(f"{len(lost)} runs were lost as they were made again ({failed[0]}); check again")
        if failed:
            told.say(f"{len(failed)} runs made again failed, first {failed[0]}; mend it, then check")
        return rows
