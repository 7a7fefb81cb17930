"""Make the runs that a check asks for: fresh seeds that confirm, the golden's seeds again, a run a second time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pyarrow as pa

from repro.errors import CannotCompareError, InfrastructureError
from repro.golden.findings import CheckResult, RunKey
from repro.golden.stored import Golden
from repro.runs import provenance, table
from repro.runs.plan import Identity, identity, named_runs
from repro.runs.runner import Request, environment_of, make_runs, outdated
from repro.runs.store import Store, reruns_path
from repro.study import Study, case_json

Check = Callable[[pa.Table | None, Collection[str]], CheckResult]  # of the runs made again; this machine's environments
ROUNDS = 3  # a suspicious row, then a suspicious table, then a row of the runs made for that: no more can follow


def settle(
    study: Study,
    profile: str,
    results: Path,
    golden: Golden,
    check: Check,
    *,
    replay: bool,
    jobs: int,
    say: Callable[[str], None],
) -> CheckResult:
    """Check, make what the check wants, and check again until it wants no more; with `replay`, golden seeds first.

    Raise CannotCompareError where the results are of other code than is here, InfrastructureError where runs fail.
    """
    path = reruns_path(results)
    result = check(table.read(path) if path.exists() else None, ())
    if not result.wanted and not replay:
        return result
    rows = table.read(results, ["experiment", "case", "replicate", "code", "settings", "data", "device"])
    device = rows["device"][0].as_py() if rows.num_rows else "cpu"
    wanted = identity(study, profile)

    def make(names: Sequence[RunKey]) -> None:
        """Make the named runs that the store lacks."""
        runs = named_runs(study, profile, names)
        request = Request(study=study, profile=profile, runs=runs, device=device, jobs=jobs, wanted=wanted)
        failed = make_runs(store, request, lambda *_: None).failed
        if failed:
            raise InfrastructureError(f"a run made to confirm failed ({failed[0]}); mend it, or use --no-confirm")

    with Store.exclusive(path) as store:
        # Runs of other code would stand in for the ones that are asked for below: they go before anything is made.
        store.set_aside(outdated(store, wanted))
        environment, record = environment_of(study, profile, device, wanted)
        here = {environment, *provenance.same_but_torch(table.environments(rows), record)}
        if replay:
            names = replays(study, profile, golden, rows, table.strata(golden.rows, here=record)[""])
            if not names:
                say("nothing to replay: the golden is of another kind of machine, or all exact or not portable")
            make(names)
        result = check(store.table, here)
        for _ in range(ROUNDS):
            if not result.wanted:
                break
            cases = len({run[:2] for run in result.wanted})
            say(f"suspicious cases: {cases}; {len(result.wanted)} more runs will tell (--no-confirm: none)")
            refuse_other_code(wanted, rows, result.wanted)
            make(result.wanted)
            result = check(store.table, here)
    return result


def replays(study: Study, profile: str, golden: Golden, rows: pa.Table, stratum: str) -> list[RunKey]:
    """Return the first golden run of each case in the results that can be replayed, of this kind of machine."""
    strata = table.strata(golden.rows)
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
        if name in there and name in declared and strata[environment] == stratum:
            first[name] = min(replicate, first.get(name, replicate))
    return [(*name, replicate) for name, replicate in first.items()]


def refuse_other_code(now: Identity, rows: pa.Table, wanted: Sequence[RunKey]) -> None:
    """Raise CannotCompareError unless the results were made by the code, settings and data that are here."""
    columns = (rows[name].to_pylist() for name in ("experiment", "case", "settings", "data", "code"))
    made = {row[:2]: row[2:] for row in zip(*columns, strict=True)}
    for name in dict.fromkeys(run[:2] for run in wanted):
        if made.get(name) != now.of(*name):
            raise CannotCompareError(
                f"{name[0]} {name[1]}: suspicious, and made by other code, settings or data than are here, so that "
                "another run would tell nothing; run the study again, or look with --no-confirm"
            )
