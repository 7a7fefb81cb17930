"""Make the runs that a check asks for: fresh seeds that confirm, the golden's seeds again, a run a second time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from repro import provenance, table
from repro.bands import Golden
from repro.errors import CannotCompareError, InfrastructureError
from repro.findings import CheckResult, Run
from repro.plan import identity, named_runs
from repro.runner import Request, make_runs, outdated
from repro.store import Store
from repro.study import Study, case_json
from repro.text import say

Check = Callable[[pa.Table | None, str], CheckResult]  # of the runs made again, and this machine's environment
ROUNDS = 3  # a suspicious row, then a suspicious table, then a row of the runs made for that: no more can follow


def reruns_path(results: Path) -> Path:
    """Return where the runs are kept that checks of a results table asked for."""
    return results.parent / "reruns" / results.name


def settle(
    arguments: Namespace, study: Study, results: Path, golden: Golden, check: Check, *, jobs: int
) -> CheckResult:
    """Check, make what the check wants, and check again until it wants no more.

    Raise CannotCompareError where the results are of other code than is here, InfrastructureError where runs fail.
    """
    path = reruns_path(results)
    result = check(table.read(path) if path.exists() else None, "")
    if not result.wanted and not arguments.replay:
        return result
    rows = table.read(results, ["experiment", "case", "replicate", "code", "settings", "data", "device"])
    device = rows["device"][0].as_py() if rows.num_rows else "cpu"
    profile = arguments.profile
    with Store.exclusive(path) as store:
        store.set_aside(outdated(store, identity(study, profile)))
        here, record = provenance.collect(study.data_sets(profile), device=device)
        if arguments.replay:
            names = replays(study, profile, golden, rows, table.stratum(record))
            if not names:
                say(
                    arguments,
                    "nothing to replay: the golden is of another kind of machine, or all exact or not portable",
                )
            make(arguments, study, store, names, device, jobs)
        result = check(store.table, here)
        for _ in range(ROUNDS):
            if not result.wanted:
                break
            cases = len({run[:2] for run in result.wanted})
            say(
                arguments,
                f"suspicious cases: {cases}; {len(result.wanted)} more runs will tell (--no-confirm: none)",
            )
            same_code(study, profile, rows, result.wanted)
            make(arguments, study, store, result.wanted, device, jobs)
            result = check(store.table, here)
    return result


def replays(study: Study, profile: str, golden: Golden, rows: pa.Table, stratum: str) -> list[Run]:
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


def same_code(study: Study, profile: str, rows: pa.Table, wanted: tuple[Run, ...]) -> None:
    """Raise CannotCompareError unless the results were made by the code, settings and data that are here."""
    now = identity(study, profile)
    columns = (rows[name].to_pylist() for name in ("experiment", "case", "settings", "data", "code"))
    made = {row[:2]: row[2:] for row in zip(*columns, strict=True)}
    for name in dict.fromkeys(run[:2] for run in wanted):
        if made.get(name) != now.of(*name):
            raise CannotCompareError(
                f"{name[0]} {name[1]}: suspicious, and made by other code, settings or data than are here, so that "
                "another run would tell nothing; run the study again, or look with --no-confirm"
            )


def make(
    arguments: Namespace, study: Study, store: Store, names: list[Run] | tuple[Run, ...], device: str, jobs: int
) -> None:
    """Make the named runs that the store lacks. Raise InfrastructureError where one fails."""
    runs = named_runs(study, arguments.profile, names)
    request = Request(study=study, profile=arguments.profile, runs=runs, device=device, jobs=jobs)
    summary = make_runs(store, request, lambda *_: None)
    if summary.failed:
        raise InfrastructureError(f"a run made to confirm failed ({summary.failed[0]}); mend it, or use --no-confirm")
