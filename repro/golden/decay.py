"""Make the cheapest blessed evidence again, as it was blessed, and say of each run what became of it.

A golden seed that comes out to the bit is the same evidence. What does not is held to the golden by the check's rule,
as fresh seeds are, and what differs from the golden's records is named.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from repro import data, registry
from repro.errors import (
    CANNOT_COMPARE,
    DEVIATION,
    INFRASTRUCTURE,
    INTEGRITY,
    PASS,
    InfrastructureError,
    NothingSelectedError,
    UsageError,
    did_you_mean,
)
from repro.golden import check as rows_check
from repro.golden import findings, log, outcomes
from repro.golden.bands import as_bands
from repro.golden.confirm import settle
from repro.golden.outcomes import Dated, Repeated
from repro.golden.steps import step, steps
from repro.golden.stored import Golden
from repro.machine.syntax import text_of_module
from repro.runs import pieces, table
from repro.runs.diff import facts_of
from repro.runs.plan import Identity, identity, named_runs
from repro.runs.rows import Row, as_rows
from repro.runs.runner import Request, make_runs
from repro.runs.store import Store
from repro.runs.told import Listener
from repro.study import Study, case_json

RUNS_SHARE = 0.5  # of a time budget: the rest is for starting processes, and for a machine slower than the golden's
DIGITS = 16  # of a digest, as many as a log keeps
DATA_DIGITS = 22  # so many of a data set's content, which can begin with "files:"
GRAVEST = (INTEGRITY, DEVIATION, CANNOT_COMPARE, INFRASTRUCTURE, PASS)
RunKey = findings.RunKey
Say = Callable[[str], None]


@dataclass(frozen=True)
class Evidence:
    """A blessed run that can be made again, by its golden's own record of it; `seconds` are its case's median."""

    study: str
    profile: str
    run: RunKey
    seconds: float
    faithful: bool
    rank: int  # of its case among its experiment's, cheapest first


@dataclass(frozen=True)
class Manner:
    """How evidence is to be made again: `budget_s` wall seconds in all from `started` (time.monotonic) on.

    `fresh` is how many fresh seeds of each case are made beside the golden one. Tables go below `folder`.
    """

    folder: Path
    device: str
    jobs: int
    threads: int
    fresh: int
    budget_s: float
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Remade:
    """What came of a profile's runs: rows, what the code behind them is, the golden's twins, and the judgement."""

    rows: pa.Table
    golden: Golden
    wanted: Identity
    runs: tuple[Repeated, ...]
    blessed: tuple[Repeated, ...]
    left: int
    exit_code: int


# What to run


def offered(
    names: Sequence[str], *, profile: str | None, experiments: Collection[str], device: str, say: Say
) -> list[Evidence]:
    """Return the blessed runs of studies that can be made again on a device, one of each case.

    `profile` and `experiments` narrow them, each where it is given.

    What no environment has to repeat to the bit is none, nor what has no data here. Raise NothingSelectedError where
    no study has any.
    """
    found: list[Evidence] = []
    known = {one for study in map(registry.load, names) for one in study.experiments}
    for unknown in sorted(set(experiments) - known):
        hint = did_you_mean(unknown, sorted(known))
        raise UsageError(f"--experiment {unknown}: none of {', '.join(names)} has it{hint}")
    for name in names:
        study, before = registry.load(name), len(found)
        if profile is not None:
            registry.profile(study, profile)
        for one in study.profiles if profile is None else [profile]:
            if log.there(registry.root(), name, one):
                every = _of_profile(study, one, device, say)
                found += [each for each in every if not experiments or each.run[0] in experiments]
        if len(found) == before:
            say(f"left out: {name}, which has no blessed run that can be made again here")
    if not found:
        of = ", ".join([*names, *([f"profile {profile}"] if profile else []), *experiments]) or "no study"
        raise NothingSelectedError(
            f"{of}: no blessed run can be made again on device '{device}'; `repro bless` makes a golden from results"
        )
    return found


def _of_profile(study: Study, profile: str, device: str, say: Say) -> Iterator[Evidence]:
    """Yield what one golden offers, experiment by experiment, the cheapest case first."""
    held = log.blessed(registry.root(), study.name, profile).rows
    names = ("experiment", "case", "replicate", "device", "wall_seconds")
    runs: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for experiment, case, replicate, made_on, seconds in zip(*(held[name].to_pylist() for name in names), strict=True):
        if made_on == device:
            runs[experiment, case][replicate] = seconds
    declared = {
        (one.name, case_json(case)): study.profiles[profile].data_of(case)
        for one, case in study.select(profile)
        if one.portable
    }
    absent = {one.name for one in filter(None, declared.values()) if data.status(one).state == "absent"}
    if absent:
        say(f"left out of {study.name}, profile {profile}: what needs the data {', '.join(sorted(absent))}, not here")
    by: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for (experiment, case), costs in runs.items():
        wanted = declared.get((experiment, case))
        if (experiment, case) in declared and (wanted is None or wanted.name not in absent):
            by[experiment].append((median(costs.values()), case))
    faithful = study.profiles[profile].faithful
    for experiment, cases in by.items():
        for rank, (seconds, case) in enumerate(sorted(cases)):
            run = (experiment, case, min(runs[experiment, case]))
            yield Evidence(study.name, profile, run, seconds, faithful, rank)


def chosen(found: Sequence[Evidence], *, cases: int, fresh: int, budget_s: float) -> list[Evidence]:
    """Return the `cases` cheapest cases of each experiment that fit into a budget of which each study has one part.

    Faithful profiles come first, then the cheapest. Raise InfrastructureError where the budget holds none.
    """
    each = RUNS_SHARE * budget_s / len({one.study for one in found})
    spent: dict[str, float] = defaultdict(float)
    taken = []
    for one in sorted(found, key=lambda one: (not one.faithful, one.rank, one.seconds, one.profile, one.run)):
        seconds = one.seconds * (1 + fresh)
        if one.rank < cases and spent[one.study] + seconds <= each:
            spent[one.study] += seconds
            taken.append(one)
    if not taken:
        least = min(one.seconds for one in found) * (1 + fresh) * len({one.study for one in found}) / RUNS_SHARE
        raise InfrastructureError(
            f"--time-budget {budget_s:g}: the cheapest run does not fit into it; give {least:.0f} s or more"
        )
    return taken


# Making it


def again(evidence: Sequence[Evidence], manner: Manner, before: Sequence[Dated], told: Listener) -> Dated:
    """Make evidence again and return what came of it; `before` are the outcomes of earlier times.

    The answer's `exit_code` is that of a check of what is not as it was blessed, 1 too for runs that are not as the
    time before although nothing that is recorded differs, and 7 where runs are left or failed without a record.
    """
    groups: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for one in evidence:
        groups[one.study, one.profile].append(one)
    every = [made for of, some in groups.items() if (made := _made(*of, some, manner, told))]
    if not every:
        raise InfrastructureError(
            f"--time-budget {manner.budget_s:g}: it ended before the first run was made; give more"
        )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    outcome = _dated(now, every, len(evidence) * (1 + manner.fresh))
    codes = [made.exit_code for made in every] + [INFRASTRUCTURE if outcome.left else PASS]
    if any(one.unexplained for one in steps([*before, outcome]) if one.number == len(before)):
        codes.append(DEVIATION)
    return Dated(**{**outcome.__dict__, "exit_code": min(codes, key=GRAVEST.index)})


def _made(study_name: str, profile: str, some: Sequence[Evidence], manner: Manner, told: Listener) -> Remade | None:
    """Make the runs of one profile again and judge them; None where the budget left none."""
    study = registry.load(study_name)
    golden, wanted = log.blessed(registry.root(), study_name, profile), identity(study, profile)
    first = int(max(golden.rows["replicate"].to_pylist())) + 1
    names = [one.run for one in some]
    names += [(*one.run[:2], first + number) for one in some for number in range(manner.fresh)]
    path = manner.folder / study_name / f"{profile}.parquet"
    request = Request(
        study=study, profile=profile, runs=named_runs(study, profile, names), device=manner.device, jobs=manner.jobs,
        budget_s=manner.budget_s, wanted=wanted, threads=manner.threads, started=manner.started,
    )  # fmt: skip
    with Store.exclusive(path) as store:
        for text in make_runs(store, request, told).failed:
            told.say(f"failed: {study_name}, {text}")
    if not pieces.there(path):
        return None
    rows = pieces.read(path)
    twins, new = _runs_of(golden, golden.rows, names), _runs_of(golden, rows, names)
    odd = {key for key, run in new.items() if key not in twins or _bits(run) != _bits(twins[key])}
    result = _judged(study, profile, path, golden, odd, manner, wanted, told) if odd else None
    runs = tuple(
        _repeated(study_name, profile, run, _word(key, run, result, key in twins, odd), _seconds(rows, key))
        for key, run in sorted(new.items())
    )
    old = tuple(_repeated(study_name, profile, run, outcomes.SAME, 0.0) for key, run in sorted(twins.items()))
    return Remade(rows, golden, wanted, runs, old, len(names) - len(new), result.exit_code if result else PASS)


def _judged(
    study: Study,
    profile: str,
    path: Path,
    golden: Golden,
    odd: Collection[RunKey],
    manner: Manner,
    wanted: Identity,
    told: Listener,
) -> findings.CheckResult:
    """Hold the runs that are not the golden's to the bit to it, by the check's rule; what is suspicious is confirmed.

    Where a run failed nothing more is run.
    """
    rows = pieces.read(path)
    keys = zip(*(rows[name].to_pylist() for name in ("experiment", "case", "replicate")), strict=True)
    rows = rows.filter(pa.array([key in odd for key in keys], pa.bool_()))
    broken = "failed" in rows["status"].to_pylist()

    def judged(reruns: pa.Table | None, here: Collection[str]) -> findings.CheckResult:
        cases = {key[:2] for key in odd}
        return rows_check.check(
            rows, golden.rows, golden.bands, reruns=reruns, cases=cases, confirm=not broken, here=here, held=True
        )

    if broken:
        return judged(None, ())
    return settle(
        study, profile, path, golden, judged, wanted=wanted, replay=False, jobs=manner.jobs, told=told,
        threads=manner.threads,
    )  # fmt: skip


# What is kept of it


def _runs_of(golden: Golden, rows: pa.Table, names: Collection[RunKey]) -> dict[RunKey, list[Row]]:
    """Return the judged rows of named runs; of a metric that the golden does not know nobody said that it is none."""
    recorded = {band.cell for band in as_bands(golden.bands) if not band.judged}
    wanted, found = set(names), defaultdict(list)
    for row in as_rows(rows):
        key = (row.experiment, row.case, row.replicate)
        if key in wanted and (row.cell not in recorded or row.status == "failed"):
            found[key].append(row)
    return dict(found)


def _bits(run: Sequence[Row]) -> str:
    """Return what stands for the outcome of a run's rows, to the bit."""
    content = sorted((row.metric, *map(repr, row.outcome)) for row in run)
    return hashlib.sha256(repr(content).encode()).hexdigest()[:DIGITS]


def _word(
    key: RunKey, run: Sequence[Row], result: findings.CheckResult | None, blessed: bool, odd: Collection[RunKey]
) -> str:
    """Return the word for a run: the gravest that the check has for its case, or for the table as a whole."""
    if any(row.status == "failed" for row in run):
        return outcomes.FAILED
    if key not in odd or result is None:
        return outcomes.SAME
    said = {one.word for one in result.findings if (one.experiment, one.case) == key[:2]}
    for word, of in (
        (outcomes.CANNOT, {findings.CORRUPT, findings.CANNOT}),
        (outcomes.DEVIATES, {findings.DEVIATES, findings.CHANGED}),
        (outcomes.SUSPICIOUS, {findings.SUSPICIOUS}),
    ):
        if said & of:
            return word
    return outcomes.MOVED if blessed else outcomes.AGREES


def _repeated(study: str, profile: str, run: Sequence[Row], word: str, seconds: float) -> Repeated:
    """Return what is kept of a run's rows."""
    row = run[0]
    settings = hashlib.sha256(row.settings.encode()).hexdigest()
    return Repeated(
        f"{study}/{profile}/{row.experiment}", row.case, row.replicate, row.code[:DIGITS], settings[:DIGITS],
        row.data[:DATA_DIGITS], _bits(run), word, seconds,
    )  # fmt: skip


def _seconds(rows: pa.Table, key: RunKey) -> float:
    """Return what a run took, to the millisecond."""
    names = ("experiment", "case", "replicate", "wall_seconds")
    return next(
        round(float(seconds), 3)
        for *run, seconds in zip(*(rows[name].to_pylist() for name in names), strict=True)
        if (*run,) == key
    )


def _dated(now: str, every: Sequence[Remade], wanted: int) -> Dated:
    """Return the outcome that profiles come to together, and what is not as it was for their goldens."""
    files: dict[str, str] = {}
    reaches: dict[str, tuple[str, ...]] = {}
    for made in every:
        for of in {run.of for run in made.runs}:
            own = _digests(made.wanted, of.rpartition("/")[2])
            files |= own
            reaches[of] = tuple(sorted(own))
    runs = tuple(run for made in every for run in made.runs)
    commits = sorted({text for made in every for text in made.rows["commit"].to_pylist()})
    facts = _facts([made.rows for made in every])
    outcome = Dated(now, " | ".join(commits), facts, files, reaches, runs, left=wanted - len(runs))
    old = {run.key: run for made in every for run in made.blessed}
    both = [(old[run.key], run) for run in runs if run.key in old]
    golden = Dated("golden", "", _facts([_like(made) for made in every]), {}, {}, tuple(old.values()))
    since = step(golden, outcome, both)
    return Dated(**{**outcome.__dict__, "golden": since.causes if since.changed else ()})


def _like(made: Remade) -> pa.Table:
    """Return the golden's rows of the runs that were made again."""
    wanted = {(run.of.rpartition("/")[2], run.case, run.replicate) for run in made.blessed}
    rows = made.golden.rows
    keys = zip(*(rows[name].to_pylist() for name in ("experiment", "case", "replicate")), strict=True)
    return rows.filter(pa.array([key in wanted for key in keys], pa.bool_()))


def _facts(tables: Sequence[pa.Table]) -> dict[str, tuple[str, ...]]:
    """Return each fact of the environments that rows are from, with all its values."""
    records: list[Mapping[str, Any]] = []
    for some in tables:
        own = table.environments(some)
        records += [own[name] for name in sorted(set(some["environment"].to_pylist())) if name in own]
    return {name: tuple(sorted(values)) for name, values in sorted(facts_of(records).items())}


def _digests(wanted: Identity, experiment: str) -> dict[str, str]:
    """Return the first digits of the digest of each file of an experiment's code, by names that no machine is in."""
    code, root = wanted.sources[experiment], registry.root()
    found = {}
    for file, owner in zip(code.files, code.owners, strict=True):
        parts = file.parts
        inside = file.relative_to(root) if file.is_relative_to(root) else Path(*parts[parts.index(owner) :])
        text = text_of_module(file.read_text("utf-8"))
        found[inside.as_posix()] = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
    return found
