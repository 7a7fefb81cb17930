"""Which runs are evidence, and which are left out and why: every reader of rows in an audit asks here.

A run counts once, whether the golden holds it, the store, or both; only where the code, settings and data that are
here made it; only under the seed that its name gives; and none of an experiment in which seeds are no seeds.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

from repro import registry
from repro.audit.verdicts import Missing, Runs
from repro.errors import IntegrityError, ReproError
from repro.golden import log, stored
from repro.machine.reads import by_a_door
from repro.runs import pieces, store
from repro.runs.ignored import alike, like_a_share, recorded
from repro.runs.plan import Identity, identity, refuse_foreign_seeds, strangers
from repro.runs.rows import Row, as_rows
from repro.study import Study

Name = tuple[str, str, int]  # experiment, case, replicate
FOREIGN = "of other code, settings, data or units than are here"


@dataclass(frozen=True)
class Admitted:
    """The rows of an experiment in a profile that are evidence, by case and replicate; failed runs are not in them.

    `outdated` and `failed` count the runs of a case that were left out; `ignored` says that seeds change nothing, so
    that all runs are one. `command` runs the experiment again.
    """

    rows: Sequence[Row]
    command: str = ""
    outdated: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    ignored: bool = False

    def runs(self, metric: str, case: str) -> Runs:
        """Return what the runs of a case found of a metric."""
        mine = [row for row in self.rows if (row.metric, row.case) == (metric, case)]
        values = tuple(float(row.value) for row in mine if row.status == "ok" and row.value is not None)
        return Runs(values, len(mine) - len(values), self.left_out([case]))

    def frozen(self, metric: str, case: str) -> bool:
        """Say whether several runs of a case found one and the same value of a metric, which is no share of items."""
        mine = [row for row in self.rows if (row.metric, row.case, row.status) == (metric, case, "ok")]
        return (
            len({row.seed for row in mine}) > 1 and len({row.value for row in mine}) == 1 and not like_a_share(mine[0])
        )

    def by_replicate(self, metric: str, case: str) -> dict[int, float | None]:
        """Return what the runs of a case found of a metric by replicate, None where one diverged."""
        return {
            row.replicate: float(row.value) if row.status == "ok" and row.value is not None else None
            for row in sorted(self.rows, key=lambda row: row.replicate)
            if (row.metric, row.case) == (metric, case)
        }

    def left_out(self, cases: Iterable[str] | None = None) -> str:
        """Say how many runs of some cases, of all without any, are left out and why; nothing where none are."""
        asked = None if cases is None else set(cases)
        counts = {
            FOREIGN: sum(number for case, number in self.outdated.items() if asked is None or case in asked),
            "failed": sum(number for case, number in self.failed.items() if asked is None or case in asked),
        }
        return ", ".join(f"{number} runs left out, {why}" for why, number in counts.items() if number)

    def refused(self, more: int, *, where: str = "", cases: Iterable[str] | None = None) -> Missing | None:
        """Return why none of the runs is evidence, None where nothing was left out; `where` narrows the command."""
        if self.ignored:
            what = "the seed changes nothing: runs of one case are equal to the bit, so all are one run; draw every"
            return Missing(f"{what} random number from run.seed", None)
        left_out = self.left_out(cases)
        return Missing(f"{left_out}; run again: `{f'{self.command} {where}'.strip()}`", more) if left_out else None


def of(study: Study, profile: str, experiment: str) -> Admitted:
    """Return the runs of an experiment that are evidence, of golden and store together.

    Raise IntegrityError where a table is none, where a golden is not what was blessed, or gone, where a seed is not
    that of its run, or where golden and store have two values of one run of one environment.
    """
    root = registry.root()
    golden, results = stored.path_of(root, study.name, profile), store.results_path(study.name, profile)
    names = log.names_of(root, *log.parts(root, study.name, profile), *pieces.paths(results))
    with by_a_door(*names, pieces.listed(results)):
        return _admitted(study, profile, experiment, root, golden, results, _written(root, golden, results))


def declared(name: str) -> Study:
    """Return a study, held to its declaration once for each import of it."""
    module = sys.modules.get(registry.package(name))
    return registry.load(name) if module is None else _declared(module, name)


@functools.lru_cache(maxsize=16)
def _declared(_module: ModuleType, name: str) -> Study:
    return registry.load(name)


def forget() -> None:
    """Forget which code is here: it is asked for once a command, and a long process may see it change."""
    _identity.cache_clear()
    _admitted.cache_clear()


def _written(root: Path, golden: Path, results: Path) -> tuple[object, ...]:
    """Return when the tables, and what a golden is held to, were written last: they are read once while the same."""
    files = (golden, stored.bands_path(golden), stored.twin_path(golden), log.path_of(root))
    return (*(file.stat().st_mtime_ns if file.exists() else 0 for file in files), pieces.state(results))


@functools.cache
def _identity(study: Study, profile: str) -> Identity:
    return identity(study, profile)


@functools.lru_cache(maxsize=16)
def _golden(root: Path, study: Study, profile: str, _written: tuple[object, ...]) -> pa.Table | ReproError | None:
    def read() -> pa.Table | None:
        return log.blessed(root, study.name, profile).rows if log.there(root, study.name, profile) else None

    return _held(stored.path_of(root, study.name, profile), read)


@functools.lru_cache(maxsize=16)
def _results(_root: Path, study: Study, profile: str, _written: tuple[object, ...]) -> pa.Table | ReproError | None:
    path = store.results_path(study.name, profile)
    return _held(path, lambda: pieces.read(path) if pieces.there(path) else None)


def _held(path: Path, read: Callable[[], pa.Table | None]) -> pa.Table | ReproError | None:
    """Return a table whose seeds are those of its runs, or what speaks against it, not to ask again for each claim."""
    try:
        rows = read()
        if rows is not None:
            refuse_foreign_seeds(rows, path)
    except ReproError as error:
        return error
    else:
        return rows


@functools.lru_cache(maxsize=512)
def _admitted(
    study: Study, profile: str, experiment: str, root: Path, golden: Path, results: Path, written: tuple[object, ...]
) -> Admitted:
    found: list[pa.Table] = []
    for read in (_golden, _results):
        rows = read(root, study, profile, written)
        if isinstance(rows, ReproError):
            raise rows
        if rows is not None:
            found.append(_of_experiment(rows, experiment))
    command = f"repro run {study.name} --profile {profile} --experiment {experiment}"
    if not any(rows.num_rows for rows in found):
        return Admitted((), command)
    wanted = _identity(study, profile)
    return admit(study, experiment, found, wanted, command=command, where=f"{golden} and {results}")


def _of_experiment(rows: pa.Table, experiment: str) -> pa.Table:
    """Return an experiment's rows.

    By a buffer of bits: a value or an array that pyarrow makes takes up pandas where that is installed.
    """
    mine = [name == experiment for name in rows["experiment"].to_pylist()]
    bits = pa.py_buffer(np.packbits(mine, bitorder="little"))
    return rows.filter(pa.BooleanArray.from_buffers(pa.bool_(), len(mine), [None, bits]))


def admit(
    study: Study, experiment: str, tables: Sequence[pa.Table], wanted: Identity, *, command: str, where: str
) -> Admitted:
    """Return the runs of an experiment's tables that an identity made; of a run in several, the first finished one.

    `where` names the tables. Raise IntegrityError where two of one environment differ in what is judged.
    """
    declared = study.experiments[experiment]
    judged = {metric.name for metric in declared.metrics if metric.judged}
    kept: dict[Name, list[Row]] = {}
    failed: set[Name] = set()
    outdated: set[Name] = set()
    for rows in tables:
        if rows["curve"].combine_chunks().values.null_count:
            raise IntegrityError(f"{where}: a curve of {experiment} has an epoch without a value; run it again")
        old = strangers(rows, wanted)
        outdated |= old
        for run, mine in _by_run(as_rows(rows)).items():
            if run in old:
                continue
            if any(row.status == "failed" for row in mine):
                failed.add(run)
            elif run not in kept:
                kept[run] = mine
            elif declared.portable:
                _refuse_two(kept[run], mine, judged, where)
    everything = [row for run in sorted(kept) for row in kept[run]]
    unjudged = recorded(study)
    proving = (row for row in everything if row.cell not in unjudged)
    return Admitted(
        everything,
        command,
        outdated=_by_case(outdated - kept.keys()),
        failed=_by_case(failed - kept.keys()),
        ignored=not declared.deterministic and bool(alike(proving)),
    )


def _by_run(rows: Iterable[Row]) -> dict[Name, list[Row]]:
    found: dict[Name, list[Row]] = {}
    for row in rows:
        found.setdefault((row.experiment, row.case, row.replicate), []).append(row)
    return found


def _by_case(runs: Collection[Name]) -> Counter[str]:
    return Counter(case for _, case, _ in runs)


def _refuse_two(one: Sequence[Row], other: Sequence[Row], judged: Collection[str], where: str) -> None:
    """Raise IntegrityError where two records of a run of one environment differ in a metric that is judged."""
    known = {row.metric: row for row in one}
    for row in other:
        before = known.get(row.metric)
        if before and row.metric in judged and row.environment == before.environment and row.outcome != before.outcome:
            raise IntegrityError(
                f"{where}: {row.experiment} {row.case} replicate {row.replicate} has two values of {row.metric}, "
                f"{before.value} and {row.value}, by one code, seed and environment; remove the table that is wrong"
            )
