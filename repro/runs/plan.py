"""Which runs a request means: cases x replicates of a profile, narrowed by experiment and by case fields."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from repro.data import BY_FILES, DataSet, code_behind
from repro.errors import IntegrityError, NothingSelectedError, UsageError, did_you_mean
from repro.registry import profile
from repro.runs.coded import arrow, numbers_of
from repro.runs.fingerprint import Code, codes
from repro.runs.planned import PlannedRun
from repro.runs.table import keyed
from repro.runs.wanted import as_text, case_filter, field_filter, quoted
from repro.seeds import derive_seed
from repro.study import Experiment, Profile, Study, case_json, settings_json

if TYPE_CHECKING:
    import pyarrow as pa

VALUES = 12  # of a field, as many as a line that refuses one names
SEEDED = ("study", "experiment", "case", "replicate", "seed")  # a seed, and what it follows from
AT_ONCE = 4_096  # runs whose names are written out together
MOST_REPLICATES = 1_000_000  # of one request: each case's are planned, and held in memory, before the first is made


@dataclass(frozen=True)
class Identity:
    """What else a run's result depends on: the profile's settings, its data's content and its experiment's code.

    `data` maps the profile's (experiment, case) pairs to the content of their data set, "" for none; `units` has the
    unit of each metric by experiment, which no hash is of: rows are held to them. `sources` says of each experiment
    where its code lies and what is not in its hash.
    """

    settings: str
    data: Mapping[tuple[str, str], str]
    code: Mapping[str, str]
    units: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, Code] = field(default_factory=dict)

    def of(self, experiment: str, case: str) -> tuple[str, str, str]:
        """Return (settings, data, code) of a declared case as the results table stores them."""
        return (self.settings, self.data[experiment, case], self.code[experiment])

    def made(self, experiment: str, case: str, by: tuple[str, str, str]) -> bool:
        """Say whether this made a finished run: nothing here makes one of a case that is not declared."""
        return (experiment, case) in self.data and by == self.of(experiment, case)

    def measured(self, experiment: str, metric: str, unit: str) -> bool:
        """Say whether a row is in its metric's unit; what is not declared has none, and is for a check to say."""
        return self.units.get(experiment, {}).get(metric, unit) == unit

    @property
    def owners(self) -> dict[Path, str]:
        """Return the files that the code lies in, an experiment's own first, and the package each is of."""
        every = self.sources.values()
        first = {one.files[0]: one.owners[0] for one in every}
        return first | {file: owner for one in every for file, owner in zip(one.files, one.owners, strict=True)}

    @property
    def contents(self) -> dict[str, str]:
        """Return the digest of each source that the code lies in, by its path without links."""
        return {path: made for one in self.sources.values() for path, made in one.contents.items()}

    @property
    def unfollowed(self) -> tuple[str, ...]:
        """Return what no reading of the code could follow, in words."""
        return tuple(sorted({text for one in self.sources.values() for text in one.unfollowed}))

    @property
    def distributions(self) -> tuple[str, ...]:
        """Return the installed packages that the code asks for by itself."""
        return tuple(sorted({name for one in self.sources.values() for name in one.distributions}))


def strangers(rows: pa.Table, wanted: Identity) -> set[tuple[str, str, int]]:
    """Return the runs of a table that other code, settings or data made, or that are of no declared case.

    So are those with a row in another unit than its metric is declared in.
    """
    names = ("experiment", "case", "replicate", "settings", "data", "code", "metric", "unit")
    made = zip(*(rows[name].to_pylist() for name in names), strict=True)
    return {
        run[:3] for run in made if not (wanted.made(run[0], run[1], run[3:6]) and wanted.measured(run[0], *run[6:]))
    }


def refuse_foreign_seeds(rows: pa.Table, where: Path) -> None:
    """Raise IntegrityError where a row's seed is not the one that its study, experiment, case and replicate give."""
    seeds, run = numbers_of(rows["seed"]), keyed(rows, SEEDED[:-1])
    first = np.zeros(int(run.max(initial=-1)) + 1, np.int64)
    first[run] = np.arange(len(run))
    others = np.flatnonzero(seeds != seeds[first][run])  # rows of one run that differ
    for start in range(0, len(first), AT_ONCE):
        some = rows.select(SEEDED).take(arrow(np.concatenate([first[start : start + AT_ONCE], others])))
        for study, experiment, case, replicate, seed in zip(*(column.to_pylist() for column in some), strict=True):
            if derive_seed(study, experiment, case, replicate) != seed:
                raise IntegrityError(
                    f"{where}: {experiment} {case} replicate {replicate} has the seed {seed}, which is not the one "
                    "that these give; restore the table, or run the study again"
                )


def identity(study: Study, profile_name: str) -> Identity:
    """Return what the results of a profile depend on beside case and seed."""
    chosen = profile(study, profile_name)
    selected = [(experiment.name, case) for experiment, case in study.select(profile_name)]
    sources = codes(study, sorted({name for name, _ in selected}))
    hashes = {name: one.fingerprint for name, one in sources.items()}
    contents = {(name, case_json(case)): content_of(chosen, case) for name, case in selected}
    units = {name: {one.name: one.unit for one in study.experiments[name].metrics} for name in hashes}
    return Identity(settings_json(chosen.settings), contents, hashes, units, sources)


def content_of(chosen: Profile, case: Any) -> str:
    """Return what a case's data set is as the results table stores it, "" for none."""
    data = chosen.data_of(case)
    return stored_content(data) if data else ""


@functools.lru_cache(maxsize=64)
def stored_content(data: DataSet) -> str:
    """Return what rows are of: the content, and for a set that is pinned by its files what makes arrays of them."""
    by_files = data.content.startswith(BY_FILES)
    return f"{data.content} peak {data.peak} read by {code_behind(data.read)}" if by_files else data.content


def planned_runs(
    study: Study,
    profile_name: str,
    *,
    replicates: Sequence[int],
    experiments: Sequence[str] = (),
    where: Sequence[str] = (),
) -> list[PlannedRun]:
    """Return the runs of a request, by replicate and then by the declared cost, cheapest first.

    Raises NothingSelectedError (exit 5) when the request matches no case.
    """
    profile(study, profile_name)
    for name in experiments:
        if name not in study.experiments:
            known = list(study.experiments)
            raise UsageError(
                f"study '{study.name}' has no experiment '{name}'{did_you_mean(name, known)} "
                f"(experiments: {', '.join(known)})"
            )
    keep = case_filter(where)
    chosen = [
        (experiment, case)
        for experiment, case in study.select(profile_name)
        if (not experiments or experiment.name in experiments) and keep(case)
    ]
    if not chosen:
        refuse_no_case(study, profile_name, experiments, where)
    named = [_of_case(study, *one) for one in sorted(chosen, key=lambda one: _cost(*one))]
    return [make(replicate) for replicate in sorted(replicates) for make in named]


def refuse_no_case(study: Study, profile_name: str, experiments: Collection[str], where: Sequence[str]) -> NoReturn:
    """Raise NothingSelectedError for a request that no case answers: for a field or a value that none has, or for all.

    The nearest field or value is named.
    """
    of = f"of profile '{profile_name}' of study '{study.name}'"
    chosen = [(one, case) for one, case in study.select(profile_name) if not experiments or one.name in experiments]
    cases = [dataclasses.asdict(case) for _, case in chosen]
    fields = sorted({name for case in cases for name in case})
    for text in where:
        name, _, wanted = text.partition("=")
        if name not in fields:
            raise NothingSelectedError(
                f"--where {text}: no case {of} has a field '{name}'{did_you_mean(name, fields)} "
                f"(fields: {', '.join(fields)})"
            )
        values = list(dict.fromkeys(quoted(as_text(case[name])) for case in cases if name in case))
        if not any(map(field_filter([text]), cases)):
            shown = f"{', '.join(values[:VALUES])}{', ...' if len(values) > VALUES else ''}"
            raise NothingSelectedError(
                f"--where {text}: the field '{name}' has no such value in any case {of}{did_you_mean(wanted, values)} "
                f"({name}: {shown})"
            )
    request = " ".join([*(f"--experiment {name}" for name in experiments), *(f"--where {text}" for text in where)])
    raise NothingSelectedError(
        f"profile '{profile_name}' of study '{study.name}' has no case for {request or 'this request'}; "
        f"`repro show {study.name}` lists its experiments and case fields"
    )


def named_runs(study: Study, profile_name: str, names: Collection[tuple[str, str, int]]) -> list[PlannedRun]:
    """Return the runs of (experiment, case, replicate) names, cheapest first; the cases are a profile's own."""
    cases = {(experiment.name, case_json(case)): (experiment, case) for experiment, case in study.select(profile_name)}
    made = {case: _of_case(study, *cases[case]) for case in {name[:2] for name in names}}
    runs = [made[name[:2]](name[2]) for name in names]
    return sorted(runs, key=lambda run: (run.replicate, run.cost))


def selected_cases(study: Study, profile_name: str, where: Sequence[str]) -> set[tuple[str, str]]:
    """Return the (experiment, case) pairs of a profile that pass a case filter."""
    keep = case_filter(where)
    return {(experiment.name, case_json(case)) for experiment, case in study.select(profile_name) if keep(case)}


def named_cases(rows: pa.Table, where: Sequence[str]) -> set[tuple[str, str]]:
    """Return the (experiment, case) pairs that a table holds and that pass a case filter, declared or not."""
    keep = field_filter(where)
    pairs = set(zip(rows["experiment"].to_pylist(), rows["case"].to_pylist(), strict=True))
    return {pair for pair in pairs if keep(json.loads(pair[1]))}


def _of_case(study: Study, experiment: Experiment, case: Any) -> Callable[[int], PlannedRun]:
    """Return what makes a case's run of its replicate; the runs share the case's text."""
    text = case_json(case)
    cost = _cost(experiment, case)
    # By identity: Python calls 1, 1.0 and True equal, and each is a case of its own.
    index = next(place for place, one in enumerate(experiment.cases) if one is case)
    return lambda replicate: PlannedRun(
        experiment.name, text, index, replicate, derive_seed(study.name, experiment.name, text, replicate), cost
    )


def _cost(experiment: Experiment, case: Any) -> float:
    """Return what a run of a case costs as the experiment declares it."""
    return experiment.cost(case) if experiment.cost else 0.0


def replicate_range(text: str) -> range:
    """Read 'N' as replicates 0 to N-1 and 'A-B' as replicates A to B."""
    first, dash, last = text.partition("-")
    if not all(re.fullmatch("[0-9]{1,9}", part) for part in ((first, last) if dash else (first,))):
        raise UsageError(f"--replicates {text}: wanted a number of replicates, as 5, or a range of them, as 10-12")
    chosen = range(int(first), int(last) + 1) if dash else range(int(first))
    if len(chosen) > MOST_REPLICATES:
        raise UsageError(f"--replicates {text}: wanted at most {MOST_REPLICATES} of them at once; ask for fewer")
    if not chosen:
        fault = "ends before it begins; turn it round" if dash else "makes no run; wanted 1 or more"
        raise UsageError(f"--replicates {text}: {fault}")
    return chosen


def estimate(runs: Sequence[PlannedRun], seconds: Mapping[tuple[str, str], float]) -> float | None:
    """Return the expected wall seconds of the runs one after the other, from earlier runs, or None without any.

    A case that never ran is taken to cost the median of its experiment's cases, or else of all.
    """
    if not seconds:
        return None
    overall = median(seconds.values())
    by_experiment: dict[str, list[float]] = {}
    for (experiment, _), value in seconds.items():
        by_experiment.setdefault(experiment, []).append(value)
    middle = {experiment: median(values) for experiment, values in by_experiment.items()}
    return sum(seconds.get((run.experiment, run.case), middle.get(run.experiment, overall)) for run in runs)
