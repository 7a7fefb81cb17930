"""Make a results table the golden one: the only code that writes below golden/."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repro import audit_golden, history, provenance, stats, table
from repro.bands import (
    BANDS_SCHEMA,
    METHOD,
    Band,
    Cell,
    Golden,
    as_bands,
    bands_path,
    digest,
    load,
    metadata,
    number,
    twin,
    twin_path,
)
from repro.errors import CannotCompareError, IntegrityError, NothingSelectedError, UsageError
from repro.evidence import seed_ignored
from repro.golden import ALPHA, ALPHA_BANDS
from repro.plan import content_of
from repro.study import Experiment, Metric, Study, case_json

Line = dict[str, Any]  # one row of a results table, or one line of a bands table under construction


@dataclass(frozen=True)
class Blessing:
    """A golden about to be written, or written: where, what it holds, and what changes."""

    path: Path
    golden: Golden
    changes: tuple[str, ...]
    written: bool

    @property
    def text(self) -> str:
        """Return what changes, one line each."""
        head = f"{'wrote' if self.written else 'would write'} {self.path}: {self.golden.bands.num_rows} bands"
        return "\n".join([f"{head} from {self.golden.rows.num_rows} rows", *self.changes])


def bless(
    results: Path,
    path: Path,
    study: Study,
    profile: str,
    *,
    reason: str,
    experiments: Collection[str] | None = None,
    provisional: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
    root: Path | None = None,
) -> Blessing:
    """Check a results table, derive its bands and write rows, bands and twin to `path` and beside it.

    With `root`, the project's folder, the blessing is entered in its log. Raise UsageError for a request that makes no
    sense and CannotCompareError for rows that can hold no later run to account; nothing is written then. `provisional`
    accepts too few seeds and missing cases, and every check says so.
    """
    if not reason.strip():
        raise UsageError("bless: the reason is empty; say why this table is right, it is kept with the golden")
    if profile not in study.profiles:
        raise UsageError(f"study '{study.name}' has no profile '{profile}' (profiles: {', '.join(study.profiles)})")
    rows = selected(table.read(results), study, profile, experiments)
    minimum = study.profiles[profile].golden_seeds
    faults = refusals(rows, study, profile, experiments, provisional=provisional)
    seeds = {} if provisional else too_few(rows, study, minimum)
    faults += [f"{name}: {n} seeds, wanted {minimum} (or bless as provisional)" for name, n in seeds.items()]
    if faults:
        raise CannotCompareError(f"{results}: cannot be blessed: {'; '.join(faults)}; nothing was written")
    golden = assemble(rows, study, minimum_seeds=minimum, reason=reason.strip(), now=now or datetime.now(UTC))
    changes = (*mixed(rows), *describe_changes(path, golden))
    if not dry_run:
        write_logged(root, path, golden) if root else write(path, golden)
    return Blessing(path, golden, changes, not dry_run)


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
    faults += ["some rows name no commit"] if "" in commits else []
    faults += [f"commit {name} has uncommitted changes" for name in commits if name.endswith("+dirty")]
    missing, unknown = undeclared(rows, study, profile, experiments)
    faults += unknown if provisional else missing + unknown
    lines = rows.to_pylist()
    by_experiment: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_experiment[line["experiment"]].append(line)
    contents = declared_contents(study, profile)
    for name, mine in by_experiment.items():
        faults += [f"{name}: {fault}" for fault in uneven(mine, contents)]
    deterministic = [name for name, one in study.experiments.items() if one.deterministic]
    unjudged = [cell_of(line) for line in lines if not metric_of(study, line).judged]
    ignored = seed_ignored(rows, deterministic=deterministic, unjudged=unjudged)
    return faults + [f"SEED_IGNORED: {name} finds the same for every seed" for name in ignored]


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


def cell_of(line: Line) -> Cell:
    """Return what a band is kept for."""
    return line["experiment"], line["case"], line["metric"]


def metric_of(study: Study, line: Line) -> Metric:
    """Return the declaration of a row's metric; an undeclared one counts as judged."""
    experiment: Experiment | None = study.experiments.get(line["experiment"])
    declared = {metric.name: metric for metric in experiment.metrics} if experiment else {}
    return declared.get(line["metric"], Metric(line["metric"]))


def derive_bands(rows: pa.Table, study: Study, *, minimum_seeds: int) -> pa.Table:
    """Return the bands of golden rows: a pure function of the rows and what the study declares about their metrics.

    The variances of a metric are shrunken over all its rows, and the length of its tails is measured over all of them;
    the level is that of all rows with a band together.
    """
    groups: dict[Cell, list[Line]] = defaultdict(list)
    for line in rows.to_pylist():
        groups[cell_of(line)].append(line)
    lines = [summarise(lines, study, minimum_seeds) for _, lines in sorted(groups.items())]
    banded = [line for line in lines if line["kind"] == "band"]
    for metric in sorted({line["metric"] for line in banded}):
        mine = [line for line in banded if line["metric"] == metric]
        fit(mine, [finite(groups[cell_of(line)]) for line in mine])
    for line in banded:
        bound(line, stats.sidak(ALPHA_BANDS, len(banded)))
    return pa.Table.from_pylist(lines, schema=BANDS_SCHEMA)


def summarise(lines: Sequence[Line], study: Study, minimum_seeds: int) -> Line:
    """Return the line of one metric of one case, without a band yet."""
    first, metric = lines[0], metric_of(study, lines[0])
    values = finite(lines)
    n_test = next((line["n_test"] for line in lines if line["n_test"] is not None), None)
    if metric.counted and len(values) and not n_test:
        raise UsageError(f"{' '.join(cell_of(first))}: a counted metric needs n_test; let the experiment report it")
    line = {name: first[name] for name in ("experiment", "case", "metric", "unit", "settings", "data")}
    line |= {"judged": metric.judged, "n0": len(lines), "k0": len(lines) - len(values), "n_test": n_test}
    line |= {"quantum": 100.0 / n_test if metric.counted and n_test else 0.0}
    line |= {"mean": mean(values), "sd": float(values.std(ddof=1)) if len(values) > 1 else None}
    line |= dict.fromkeys(("s", "df", "critical", "low", "high")) | {"tail_low": 1.0, "tail_high": 1.0}
    line["kind"] = kind_of(line, study.experiments[first["experiment"]].deterministic, minimum_seeds, values)
    return line


def finite(lines: Sequence[Line]) -> stats.Floats:
    """Return the values of the runs that finished."""
    return np.array([line["value"] for line in lines if line["status"] == "ok"], dtype=np.float64)


def mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """Return the mean, exactly the value where all are equal, None where there are none."""
    if not len(values):
        return None
    return float(values[0]) if (values == values[0]).all() else math.fsum(values) / len(values)


def kind_of(line: Line, deterministic: bool, minimum: int, values: Collection[float]) -> str:
    """Return how later runs of this row are to be judged."""
    if not line["judged"]:
        return "recorded"
    if deterministic and line["k0"] == 0:
        if len(set(values)) > 1:
            raise CannotCompareError(f"{' '.join(cell_of(line))}: declared deterministic, and its replicates differ")
        return "exact"
    if not deterministic and line["n0"] < minimum:
        return "provisional"
    if line["k0"] == line["n0"]:
        return "diverges"
    return "provisional" if line["n0"] < 2 else "band"


def fit(lines: Sequence[Line], values: Sequence[stats.Floats]) -> None:
    """Enter shrunken standard deviations, their degrees of freedom and the tails into the lines of one metric."""
    df = np.array([line["n0"] - line["k0"] - 1 for line in lines], dtype=np.float64)
    raw = np.array([0.0 if line["sd"] is None else line["sd"] ** 2 for line in lines])
    quantum = np.array([line["quantum"] for line in lines])
    shrunken = stats.shrink_variances(stats.quantum_floor(raw, quantum), df)
    for line, variance, total in zip(lines, shrunken.variance.tolist(), shrunken.df.tolist(), strict=True):
        if math.isnan(variance):
            line["kind"] = "provisional"
        elif variance == 0.0:
            raise CannotCompareError(
                f"{' '.join(cell_of(line))}: no seed moves this continuous metric, so that no band can be drawn; "
                "declare it recorded (judged=False), counted, or the experiment deterministic"
            )
        else:
            line |= {"s": math.sqrt(variance), "df": total}
    tail_low, tail_high = stats.tails(values, stats.quantum_floor(np.zeros_like(quantum), quantum), shrunken)
    for line in lines:
        line |= {"tail_low": tail_low, "tail_high": tail_high}


def bound(line: Line, level: float) -> None:
    """Enter the band of one new run at this level."""
    if line["kind"] != "band":
        return
    line["critical"] = stats.t_critical(level, line["df"])
    line["low"], line["high"] = Band(**line).limits(line["critical"], 1)


def assemble(rows: pa.Table, study: Study, *, minimum_seeds: int, reason: str, now: datetime) -> Golden:
    """Return rows and bands with the record of their blessing."""
    bands = derive_bands(rows, study, minimum_seeds=minimum_seeds)
    common = {"method": METHOD, "alpha": ALPHA, "minimum_seeds": minimum_seeds}
    commits = ", ".join(sorted(pc.unique(rows["commit"]).to_pylist()))
    record = {"reason": reason, "blessed": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": commits, **common}
    digests = {"rows_digest": digest(rows), "bands_digest": digest(bands)}
    return Golden(with_record(rows, record), with_record(bands, {**digests, **common}))


def with_record(some: pa.Table, record: Mapping[str, Any]) -> pa.Table:
    """Return the table with a golden's record of itself."""
    kept = some.schema.metadata or {}
    return some.replace_schema_metadata({**kept, b"repro.golden": json.dumps(record, sort_keys=True).encode()})


def write_logged(root: Path, path: Path, golden: Golden) -> None:
    """Write a golden and enter it in the log; cut short in between, every check says so until it is blessed again."""
    record, first = metadata(golden.rows), golden.rows.slice(0, 1).to_pylist()[0]
    about = {
        "when": record["blessed"],
        "who": history.who(root),
        "reason": record["reason"],
        "what": f"{first['study']}/{first['profile']}",
        "commits": record["commit"].split(", "),
        "images": history.images_of(table.environments(golden.rows)),
        "rows": golden.rows.num_rows,
    }
    with history.adding(root) as entries:
        before = history.state_of(path) if path.exists() and bands_path(path).exists() else None
        write(path, golden)
        history.add(root, entries, about, before=before, after=history.state_of(path))


def write(path: Path, golden: Golden) -> None:
    """Write a golden's rows, bands and twin, each whole or not at all."""
    table.write(path, golden.rows)
    table.write_file(bands_path(path), golden.bands)
    twin_path(path).write_text(twin(golden), encoding="utf-8")


def verify(path: Path, study: Study) -> None:
    """Derive the bands anew from a golden's rows and raise IntegrityError where what is stored differs."""
    golden = load(path)
    if metadata(golden.bands)["rows_digest"] != digest(golden.rows):
        raise IntegrityError(f"{path}: not the rows that were blessed; restore it from version control")
    fresh = derive_bands(golden.rows, study, minimum_seeds=metadata(golden.bands)["minimum_seeds"])
    if digest(fresh) != digest(golden.bands):
        raise IntegrityError(f"{bands_path(path)}: not what its rows give; restore it or bless anew")
    if not twin_path(path).exists() or twin_path(path).read_text(encoding="utf-8") != twin(golden):
        raise IntegrityError(f"{twin_path(path)}: missing, or not what the golden's tables say; restore it")


def describe_changes(path: Path, golden: Golden) -> Iterable[str]:
    """Yield what blessing would change: rows that come and go, other kinds, and how far means move."""
    if not path.exists():
        yield "first golden of this profile"
        return
    old, new = ({band.cell: band for band in as_bands(one.bands)} for one in (load(path), golden))
    yield from (f"removed  {' '.join(cell)}" for cell in sorted(set(old) - set(new)))
    yield from (f"added    {' '.join(cell)}" for cell in sorted(set(new) - set(old)))
    for cell in sorted(set(old) & set(new)):
        was, now = old[cell], new[cell]
        if was.kind != now.kind:
            yield f"kind     {' '.join(cell)}: {was.kind} -> {now.kind}"
        if was.mean != now.mean or was.n0 != now.n0:
            shift = ""
            if was.s and was.mean is not None and now.mean is not None:
                shift = f" ({(now.mean - was.mean) / was.s:+.2f} sd)"
            yield f"mean     {' '.join(cell)}: {number(was.mean)} -> {number(now.mean)}{shift}, n {was.n0} -> {now.n0}"


def bless_audit(root: Path, records: audit_golden.Records, *, reason: str, studies: Sequence[str]) -> str:
    """Make the verdicts of these studies the blessed ones, write table, twin and log, and return what was done."""
    if not reason.strip():
        raise UsageError("bless: the reason is empty; say why these verdicts are right, it is kept with them")
    path = audit_golden.path_of(root)
    about = {"reason": reason.strip(), "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    entry = {**about, "who": history.who(root), "what": "audit", "images": [], "commits": [provenance.commit(root)]}
    with history.adding(root) as entries:
        before = history.verdicts_state(path, audit_golden.table_of(path)) if path.exists() else None
        verdicts = audit_golden.assemble(path, records, studies=studies, about=about)
        table.write_file(path, verdicts)
        twin_path(path).write_text(audit_golden.twin(verdicts), "utf-8")
        entry |= {"rows": verdicts.num_rows}
        history.add(root, entries, entry, before=before, after=history.verdicts_state(path, verdicts))
    return f"wrote {path}: {verdicts.num_rows} verdicts"
