"""Why a result table cannot be blessed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from repro.errors import NothingSelectedError, UsageError
from repro.golden.derive import Line, cell_of, metric_of
from repro.machine import git
from repro.runs import table
from repro.runs.ignored import seed_ignored
from repro.runs.plan import content_of
from repro.study import Study, case_json


def mixed(rows: pa.Table) -> list[str]:
    """Return a line that names the environments when the rows are from several."""
    found = sorted(pc.unique(rows["environment"]).to_pylist())
    return [f"mixed    {len(found)} environments: {', '.join(found)}"] if len(found) > 1 else []


def selected(some: pa.Table, study: Study, profile: str, experiments: Collection[str] | None) -> pa.Table:
    """Return the rows of these experiments in the order of their key; a foreign or empty table is refused."""
    owners = set(zip(some["study"].to_pylist(), some["profile"].to_pylist(), strict=True))
    if owners - {(study.name, profile)}:
        names = ", ".join(f"{one}/{other}" for one, other in sorted(owners))
        raise UsageError(f"the results are of {names}; wanted only {study.name}/{profile}")
    if experiments is not None:
        strange = sorted(set(experiments) - set(study.experiments))
        if strange:
            raise UsageError(f"study '{study.name}' has no experiment '{', '.join(strange)}'")
        some = some.filter(pc.is_in(some["experiment"], pa.array(sorted(experiments), pa.string())))
    if not some.num_rows:
        raise NothingSelectedError(f"no rows of {study.name}/{profile} to bless; run the study first")
    return some.sort_by([(name, "ascending") for name in table.KEY]).combine_chunks()


def refusals(
    rows: pa.Table, study: Study, profile: str, experiments: Collection[str] | None, *, provisional: bool = False
) -> list[str]:
    """Return why these rows cannot become a golden, [] when they can."""
    faults = []
    failed = int(pc.sum(pc.equal(rows["status"], "failed")).as_py())
    if failed:
        faults.append(f"{failed} rows failed")
    commits = pc.unique(rows["commit"]).to_pylist()
    faults += ["some rows name no commit"] if any(map(git.is_unknown, commits)) else []
    faults += [f"commit {name} has uncommitted changes" for name in commits if git.is_dirty(name)]
    missing, unknown = undeclared(rows, study, profile, experiments)
    faults += unknown if provisional else missing + unknown
    # Each experiment on its own: it has code, cases and seeds of its own, and others may be missing altogether.
    lines = rows.to_pylist()
    by_experiment: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_experiment[line["experiment"]].append(line)
    contents = declared_contents(study, profile)
    strata = table.strata(rows)
    for name, mine in by_experiment.items():
        faults += [f"{name}: {fault}" for fault in uneven(mine, contents)]
        kinds = len({strata[line["environment"]] for line in mine})
        faults += [f"{name}: rows of {kinds} kinds of machines; bless those of one"] if kinds > 1 else []
    deterministic = [name for name, one in study.experiments.items() if one.deterministic]
    unjudged = [cell_of(line) for line in lines if not metric_of(study, line).judged]
    ignored = seed_ignored(rows, deterministic=deterministic, unjudged=unjudged)
    return faults + [f"SEED_IGNORED: {name} finds the same run for several seeds" for name in ignored]


def next_step(rows: pa.Table, call: str, minimum: int, uncommitted: Collection[str]) -> str:
    """Return what to do, in words, where rows lack a commit, code is in none, or seeds are few; else an empty text.

    `call` is the command that makes such runs; `minimum` is the number of seeds wanted, 0 where there are enough.
    """
    commits = pc.unique(rows["commit"]).to_pylist()
    stale = any(git.is_unknown(name) or git.is_dirty(name) for name in commits)
    held = sorted(pc.unique(rows["replicate"]).to_pylist())
    wanted = f"--replicates {held[0]}-{max(held[-1], held[0] + minimum - 1)}"
    makes = f"`{call} {wanted}` makes {'the runs again' if stale else 'those that are missing'}"
    if not uncommitted:
        return makes if stale or minimum else ""
    first = "`git init` and commit" if any("in no repository" in text for text in uncommitted) else "commit"
    return f"{first}, then {makes}" if stale or minimum else f"{first} or undo that"


def undeclared(
    rows: pa.Table, study: Study, profile: str, experiments: Collection[str] | None
) -> tuple[list[str], list[str]]:
    """Say which rows the study declares and the table lacks, and which the other way round; [] for none."""
    wanted = {
        (experiment.name, case_json(case), metric.name, metric.unit)
        for experiment, case in study.select(profile)
        if experiments is None or experiment.name in experiments
        for metric in experiment.metrics
    }
    present = set(zip(*(rows[name].to_pylist() for name in ("experiment", "case", "metric", "unit")), strict=True))
    missing, unknown = sorted(wanted - present), sorted(present - wanted)
    return (
        [f"{len(missing)} declared rows are missing, first {' '.join(missing[0])}"] if missing else [],
        [f"{len(unknown)} rows are not declared, first {' '.join(unknown[0])}"] if unknown else [],
    )


def declared_contents(study: Study, profile: str) -> dict[tuple[str, str], str]:
    """Return the content of the data set of each (experiment, case) pair of a profile."""
    chosen = study.profiles[profile]
    return {(one.name, case_json(case)): content_of(chosen, case) for one, case in study.select(profile)}


def uneven(lines: Sequence[Line], contents: Mapping[tuple[str, str], str]) -> list[str]:
    """Return where the rows of one experiment do not belong together; cases of one data set must have used one."""
    faults = []
    for name in ("code", "settings"):
        found = {line[name] for line in lines}
        if len(found) > 1:
            faults.append(f"{len(found)} different values of {name}")
    used: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        used[contents.get((line["experiment"], line["case"]), "")].add(line["data"])
    faults += [f"{len(found)} different values of data" for found in used.values() if len(found) > 1]
    replicates: dict[tuple[str, str], set[int]] = defaultdict(set)
    sizes: dict[tuple[str, str], set[int]] = defaultdict(set)
    for line in lines:
        replicates[line["case"], line["metric"]].add(line["replicate"])
        if line["n_test"] is not None:
            sizes[line["case"], line["metric"]].add(line["n_test"])
    if len({frozenset(found) for found in replicates.values()}) > 1:
        faults.append("some cases or metrics have other replicates than others")
    if any(len(found) > 1 for found in sizes.values()):
        faults.append("n_test differs within a case")
    return faults


def too_few(rows: pa.Table, study: Study, minimum: int) -> dict[str, int]:
    """Return the number of seeds of the stochastic experiments that have fewer than `minimum`."""
    seeds: dict[str, set[int]] = defaultdict(set)
    for name, replicate in zip(rows["experiment"].to_pylist(), rows["replicate"].to_pylist(), strict=True):
        seeds[name].add(replicate)
    return {
        name: len(found)
        for name, found in seeds.items()
        if name in study.experiments and not study.experiments[name].deterministic and len(found) < minimum
    }
