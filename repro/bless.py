"""Make a results table the golden one: the only code that writes below golden/."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro import audit_golden, history, provenance, table
from repro.bands import (
    METHOD,
    Golden,
    as_bands,
    bands_path,
    digest,
    load,
    metadata,
    number,
    read_record,
    twin,
    twin_path,
)
from repro.derive import Line, cell_of, derive_bands, metric_of
from repro.errors import CannotCompareError, IntegrityError, NothingSelectedError, UsageError
from repro.evidence import seed_ignored
from repro.findings import DEVIATES, CheckResult
from repro.golden import check
from repro.plan import content_of
from repro.rule import ALPHA, CONFIRMING
from repro.study import Study, case_json

SHAKE_DOWN_SEEDS = 6 + CONFIRMING  # so many leave five for a golden, when one is checked and the others confirm


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
    shaken = shake_down(golden, study)
    if shaken and shaken.counts[DEVIATES] and not provisional:
        raise CannotCompareError(f"{results}: cannot be blessed: {unsteady(shaken)}; nothing was written")
    changes = (*said_of(shaken), *mixed(rows), *describe_changes(path, golden))
    if not dry_run:
        write_logged(root, path, golden) if root else write(path, golden)
    return Blessing(path, golden, changes, not dry_run)


def shake_down(golden: Golden, study: Study) -> CheckResult | None:
    """Return the check of a golden's last replicates against the others, as if they were new runs of today.

    None where no experiment with random numbers has `SHAKE_DOWN_SEEDS` replicates.
    """
    replicates: dict[str, set[int]] = defaultdict(set)
    for name, replicate in zip(*(golden.rows[name].to_pylist() for name in ("experiment", "replicate")), strict=True):
        replicates[name].add(replicate)
    kept = {
        name: sorted(found)
        for name, found in replicates.items()
        if not study.experiments[name].deterministic and len(found) >= SHAKE_DOWN_SEEDS
    }
    if not kept:
        return None
    places = {name: {replicate: place for place, replicate in enumerate(found)} for name, found in kept.items()}
    parts: dict[int, list[int]] = {0: [], 1: [], 2: []}  # golden, checked, confirming
    pairs = zip(*(golden.rows[name].to_pylist() for name in ("experiment", "replicate")), strict=True)
    for row, (name, replicate) in enumerate(pairs):
        if name in kept:
            place = places[name][replicate] - (len(kept[name]) - 1 - CONFIRMING)
            parts[0 if place < 0 else 1 if place == 0 else 2].append(row)
    old, new, again = (golden.rows.take(parts[part]) for part in (0, 1, 2))
    held = assemble(old, study, minimum_seeds=2, reason="shake-down", now=datetime.now(UTC))
    return check(new, held.rows, held.bands, reruns=again)


def unsteady(shaken: CheckResult) -> str:
    """Say which rows of a golden do not agree with the rest of it."""
    rows = [finding for finding in shaken.findings if finding.word == DEVIATES]
    first = " ".join(part for part in (rows[0].experiment, rows[0].case, rows[0].metric) if part)
    return (
        f"shake-down: {len(rows)} rows of the last {CONFIRMING + 1} replicates deviate from the others, first {first} "
        f"({rows[0].text}); find what changed between them, or run more replicates"
    )


def said_of(shaken: CheckResult | None) -> list[str]:
    """Return a line about the shake-down."""
    if shaken is None:
        return [f"no shake-down: it takes {SHAKE_DOWN_SEEDS} replicates of an experiment with random numbers"]
    agree = sum(count for word, count in shaken.counts.items() if word in ("agrees", "underpowered"))
    odd = f", {shaken.counts[DEVIATES]} deviate" if shaken.counts[DEVIATES] else ""
    return [f"shake-down: the last {CONFIRMING + 1} replicates against the others, {agree} rows agree{odd}"]


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
    strata = table.strata(rows)
    for name, mine in by_experiment.items():
        faults += [f"{name}: {fault}" for fault in uneven(mine, contents)]
        kinds = len({strata[line["environment"]] for line in mine})
        faults += [f"{name}: rows of {kinds} kinds of machines; bless those of one"] if kinds > 1 else []
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
    method = read_record(bands_path(path)).get("method")
    if method != METHOD:
        yield f"rule     {method} -> {METHOD}: old bands and new ones cannot be compared line by line"
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
