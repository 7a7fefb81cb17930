"""Make a results table the golden one: the only code that writes below golden/."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro.errors import CannotCompareError, IntegrityError, UsageError
from repro.golden import log
from repro.golden.bands import as_bands
from repro.golden.check import check
from repro.golden.derive import derive_bands, hold
from repro.golden.findings import DEVIATES, CheckResult
from repro.golden.refusals import mixed, next_step, refusals, selected, too_few
from repro.golden.rule import ALPHA, CONFIRMING_FEW, ENOUGH
from repro.golden.stored import (
    METHOD,
    Golden,
    bands_path,
    load,
    metadata,
    missing_half,
    number,
    read_record,
    twin,
    twin_path,
)
from repro.runs import pieces, table
from repro.runs.rows import digest
from repro.study import Study

WHOLE = ("experiment", "metric", "value")
AT_FIVE = 1.3  # percent of false alarms, the most of any family of real seeds (decision 0017)
HELD_OUT = 1 + CONFIRMING_FEW  # replicates of a shake-down: one is checked, the others confirm it
SHAKE_DOWN_SEEDS = 3 + HELD_OUT  # so many leave three for a golden


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
    uncommitted: Collection[str] = (),
) -> Blessing:
    """Check a results table, derive its bands and write rows, bands and twin to `path` and beside it.

    With `root`, the project's folder, the blessing is entered in its log. Raise UsageError for a request that makes no
    sense, CannotCompareError for rows that can hold no later run to account, and IntegrityError where the golden of
    before is gone, or half of it; nothing is written then. `provisional` accepts too few seeds and missing cases,
    and every check says so; `uncommitted` says what code is in no commit.
    """
    if not reason.strip():
        raise UsageError("bless: the reason is empty; say why this table is right, it is kept with the golden")
    if profile not in study.profiles:
        raise UsageError(f"study '{study.name}' has no profile '{profile}' (profiles: {', '.join(study.profiles)})")
    rows = selected(pieces.read(results), study, profile, experiments)
    minimum = study.profiles[profile].golden_seeds
    faults = refusals(rows, study, profile, experiments, provisional=provisional)
    seeds = {} if provisional else too_few(rows, study, minimum)
    faults += uncommitted
    faults += [f"{name}: {n} seeds, wanted {minimum} (or bless as provisional)" for name, n in seeds.items()]
    if faults:
        call = f"repro run {study.name} --profile {profile} --results {results}"
        step = next_step(rows, call, minimum if seeds else 0, uncommitted)
        text = f"{results}: cannot be blessed: {'; '.join(faults)}; nothing was written"
        raise CannotCompareError(f"{text}; {step}" if step else text)
    if root:
        log.refuse_gone(root, study.name, profile)
    golden = assemble(rows, study, minimum_seeds=minimum, reason=reason.strip(), now=now or datetime.now(UTC))
    shaken = shake_down(golden, study)
    if shaken and shaken.counts[DEVIATES] and not provisional:
        raise CannotCompareError(f"{results}: cannot be blessed: {unsteady(shaken)}; nothing was written")
    changes = (
        *said_of(shaken),
        *few_seeds(golden),
        *without_step(golden),
        *mixed(rows),
        *describe_changes(path, golden, log.line_of(root, study.name, profile) if root else None),
    )
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
            place = places[name][replicate] - (len(kept[name]) - HELD_OUT)
            parts[0 if place < 0 else 1 if place == 0 else 2].append(row)
    old, new, again = (golden.rows.take(parts[part]) for part in (0, 1, 2))
    held = assemble(old, study, minimum_seeds=2, reason="shake-down", now=datetime.now(UTC))
    return check(new, held.rows, held.bands, reruns=again)


def unsteady(shaken: CheckResult) -> str:
    """Say which rows of a golden do not agree with the rest of it."""
    rows = [finding for finding in shaken.findings if finding.word == DEVIATES]
    first = " ".join(part for part in (rows[0].experiment, rows[0].case, rows[0].metric) if part)
    return (
        f"shake-down: {len(rows)} rows of the last {HELD_OUT} replicates deviate from the others, first {first} "
        f"({rows[0].text}); find what changed between them, or run more replicates"
    )


def said_of(shaken: CheckResult | None) -> list[str]:
    """Return a line about the shake-down."""
    if shaken is None:
        return [f"no shake-down: it takes {SHAKE_DOWN_SEEDS} replicates of an experiment with random numbers"]
    agree = sum(count for word, count in shaken.counts.items() if word in ("agrees", "underpowered"))
    odd = f", {shaken.counts[DEVIATES]} deviate" if shaken.counts[DEVIATES] else ""
    return [f"shake-down: the last {HELD_OUT} replicates against the others, {agree} rows agree{odd}"]


def few_seeds(golden: Golden) -> list[str]:
    """Return a line where bands rest on fewer seeds than the promise is made for."""
    few = [band.n0 for band in as_bands(golden.bands) if band.kind == "band" and band.n0 < ENOUGH]
    if not few:
        return []
    text = f"few seeds: {len(few)} bands rest on fewer than {ENOUGH} (least: {min(few)}); about one false alarm in a"
    return [f"{text} hundred checks is promised for {ENOUGH} and more, at five up to {AT_FIVE} % were measured"]


def without_step(golden: Golden) -> list[str]:
    """Return a line that names the metrics all of whose values are whole numbers and that declare no step."""
    kept: dict[tuple[str, str], set[float]] = defaultdict(set)
    for experiment, metric, value in zip(*(golden.rows[name].to_pylist() for name in WHOLE), strict=True):
        kept[experiment, metric].add(math.nan if value is None else value)
    drawn = {
        (band.experiment, band.metric) for band in as_bands(golden.bands) if band.kind == "band" and not band.quantum
    }
    found = [name for name in sorted(drawn) if all(math.isnan(value) or value.is_integer() for value in kept[name])]
    named = ", ".join(" ".join(name) for name in found)
    return (
        [f"no step: {named} has whole numbers alone; if they lie on a grid, declare Metric(step=...)"] if found else []
    )


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
        "who": log.who(root),
        "reason": record["reason"],
        "what": f"{first['study']}/{first['profile']}",
        "commits": record["commit"].split(", "),
        "images": log.images_of(table.environments(golden.rows)),
        "rows": golden.rows.num_rows,
    }
    with log.adding(root) as entries:
        before = log.state_of(path) if path.exists() and bands_path(path).exists() else None
        write(path, golden)
        log.add(root, entries, about, before=before, after=log.state_of(path))


def write(path: Path, golden: Golden) -> None:
    """Write a golden's rows, bands and twin, each whole or not at all."""
    table.write(path, golden.rows)
    table.write_file(bands_path(path), golden.bands)
    twin_path(path).write_text(twin(golden), encoding="utf-8")


def rederive(path: Path, study: Study) -> None:
    """Derive the bands anew from a golden's rows and raise IntegrityError where what is stored differs."""
    golden = load(path)
    if metadata(golden.bands)["rows_digest"] != digest(golden.rows):
        raise IntegrityError(f"{path}: not the rows that were blessed; restore it from version control")
    hold(golden, study, bands_path(path))
    if not twin_path(path).exists() or twin_path(path).read_text(encoding="utf-8") != twin(golden):
        raise IntegrityError(f"{twin_path(path)}: missing, or not what the golden's tables say; restore it")


def describe_changes(path: Path, golden: Golden, line: int | None = None) -> Iterable[str]:
    """Yield what blessing would change: rows that come and go, other kinds, and how far means move.

    `line` is that of the log about the golden of before.
    """
    if not path.exists() or missing_half(path):
        out = f"the golden of line {line} of the log was taken out, so that this one is compared with nothing"
        yield out if line else "first golden of this profile"
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
