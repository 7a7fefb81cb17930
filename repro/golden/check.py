"""Does the code still do what it did? Compare a results table with the blessed rows and their bands.

Nothing passes by absence: a row, unit, setting or run that is not what the golden knows is a finding of its own. What
is suspicious is to be run again; the formulas are in `repro.rule`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from repro.errors import PASS, IntegrityError, NothingSelectedError
from repro.golden import rule, together
from repro.golden.bands import BANDS_SCHEMA, Band, as_bands
from repro.golden.findings import AGREES, CANNOT, CORRUPT, CheckResult, Finding, RunKey, ordered
from repro.golden.judge import Ruling, judge, levels
from repro.golden.stored import metadata
from repro.golden.weigh import Context, Weighed, context_of, gather, sound
from repro.runs import table
from repro.runs.ignored import alike, repeats_golden
from repro.runs.rows import Cell, Row, as_rows, digest


def check(
    results: pa.Table,
    golden: pa.Table,
    bands: pa.Table,
    *,
    reruns: pa.Table | None = None,
    experiments: Collection[str] | None = None,
    cases: Collection[tuple[str, str]] | None = None,
    confirm: bool = True,
    here: Collection[str] = (),
    held: bool = False,
) -> CheckResult:
    """Compare results with a golden and its bands, row by row, all together, and in both directions.

    `reruns` are further runs by the same code: fresh seeds that confirm, golden seeds that replay, runs of the results
    made a second time. What the check lacks of them is `wanted` in its answer; without `confirm` nothing is, and no
    row fails on one run. `here` are this machine's environments: of its own runs, suspicious ones are wanted again.
    `experiments` restricts both sides to these experiments, `cases` to these (experiment, case) pairs; the level of the
    tests stays that of the whole golden. `held` says that `log.blessed` has looked at the golden already. Raise
    NothingSelectedError where nothing is left.
    """
    findings = malformed(results, golden, bands)
    if findings:
        return CheckResult(tuple(findings))
    findings = [] if held else tampered(golden, bands)
    results, strangers = own(results, golden)
    lines = as_bands(bands)
    # The levels are those of the whole golden: a selection must not make its own rows easier or harder to fail.
    planned, tests = len(together.groups(lines)), levels(lines)
    # So are the kinds of machines: what an older record leaves open is read from another one.
    strata = table.strata(golden, results, *([] if reruns is None else [reruns]))
    results, golden, lines = restrict(results, golden, lines, experiments)
    if cases is not None:
        results, lines = narrow(results, lines, cases)
    # Before rows become evidence: one that stands twice would count twice, and a number that is none as a value.
    rows, broken = sound(as_rows(results))
    findings += strangers + [Finding(CORRUPT, text, *row.cell) for row, text in broken]
    known = {band.cell: band for band in lines}
    again = same_code(rows, [] if reruns is None else sound(as_rows(own(reruns, golden)[0]))[0])
    context = context_of([*rows, *again], golden, strata)
    evidence = gather(rows, again, known, context)
    judged = [(one, judge(one, tests)) for one in evidence.values()]
    # A table can drift where no row does; its own rows have been judged, so the two never answer for one another.
    whole, cases_wanted = together.judge(evidence.values(), planned, confirm=confirm)
    findings += [found(*pair) for pair in judged] + [one for one in whole if one.word != AGREES or one.text]
    # A row that is broken was seen: it is said to be corrupt and not, besides, to be missing.
    seen = {row.cell for row in rows} | {row.cell for row, _ in broken}
    findings += unmatched(known, seen) + ignored(rows, golden, known)
    refuse_replays_alone(judged, findings)
    wanted = runs_wanted(judged, cases_wanted, rows, again, golden, here) if confirm else ()
    return CheckResult(ordered(findings), notes(rows, again, context), wanted)


def refuse_replays_alone(judged: Sequence[tuple[Weighed, Ruling]], findings: Sequence[Finding]) -> None:
    """Raise NothingSelectedError where all is well and no row has a run that the golden does not hold already."""
    drawn = any(one.band.kind in ("band", "diverges") for one, _ in judged)
    fresh = any(one.values or one.diverged for one, _ in judged if one.band.judged)
    if drawn and not fresh and all(finding.code == PASS for finding in findings):
        raise NothingSelectedError(
            "no fresh seed: every run repeats a golden one, which says nothing of other seeds; `repro run --fresh 1` "
            "makes some"
        )


def same_code(rows: Sequence[Row], reruns: Sequence[Row]) -> list[Row]:
    """Return the further runs that the code, data and settings of the results made."""
    made = {(row.experiment, row.case, row.code, row.settings, row.data) for row in rows}
    return [row for row in reruns if (row.experiment, row.case, row.code, row.settings, row.data) in made]


def runs_wanted(
    judged: Sequence[tuple[Weighed, Ruling]],
    cases: Collection[tuple[str, str]],
    rows: Sequence[Row],
    again: Sequence[Row],
    golden: pa.Table,
    here: Collection[str],
) -> tuple[RunKey, ...]:
    """Return the runs that would settle what is suspicious and are not there yet.

    Fresh seeds follow all others that the golden and the results hold, so that the same check asks for the same runs.
    """
    first = max([*golden["replicate"].to_pylist(), *(row.replicate for row in rows)]) + 1
    wanted = {(*case, first) for case in cases}
    local = {(row.experiment, row.case, row.replicate) for row in rows if row.environment in here}
    for one, verdict in judged:
        if verdict.open:
            case = one.band.cell[:2]
            wanted |= {(*case, first + number) for number in range(one.band.confirming)}
            wanted |= {(*case, one.outlying)} & local
    there = {(row.experiment, row.case, row.replicate) for row in again if row.status != "failed"}
    # A failed one is made again whatever asked for it, as it keeps its row from being compared.
    wanted |= {(row.experiment, row.case, row.replicate) for row in again if row.status == "failed"}
    return tuple(sorted(wanted - there))


def malformed(results: pa.Table, golden: pa.Table, bands: pa.Table) -> list[Finding]:
    """Return what keeps the three tables from being read at all."""
    findings = []
    for name, some, schema in (
        ("results", results, table.SCHEMA),
        ("golden", golden, table.SCHEMA),
        ("bands", bands, BANDS_SCHEMA),
    ):
        try:
            table.check_schema(some.schema, name, schema)
        except IntegrityError as error:
            findings.append(Finding(CORRUPT, str(error)))
    if not findings and not golden.num_rows:
        findings.append(Finding(CORRUPT, "golden: holds no rows; restore it from version control"))
    return findings


def tampered(golden: pa.Table, bands: pa.Table) -> list[Finding]:
    """Return where golden and bands are not what was blessed together."""
    record, findings = metadata(bands), []
    if record.get("rows_digest") != digest(golden):
        findings.append(Finding(CORRUPT, "golden: these are not the rows the bands were derived from; restore both"))
    if record.get("bands_digest") != digest(bands):
        findings.append(Finding(CORRUPT, "bands: changed after they were blessed; restore them"))
    return findings


def own(results: pa.Table, golden: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """Keep the rows of the golden's study and profile; any others are findings."""
    study, profile = golden["study"][0].as_py(), golden["profile"][0].as_py()
    owner = golden.slice(0, 1)
    mine = pc.and_(*(pc.is_in(results[name], owner[name].combine_chunks()) for name in ("study", "profile")))
    others = results.num_rows - int(pc.sum(mine).as_py() or 0)
    text = f"{others} rows are not of study '{study}', profile '{profile}', which the golden is of"
    return results.filter(mine) if others else results, [Finding(CANNOT, text)] if others else []


def restrict(
    results: pa.Table, golden: pa.Table, lines: list[Band], experiments: Collection[str] | None
) -> tuple[pa.Table, pa.Table, list[Band]]:
    """Keep the selected experiments on both sides; every name must match something (exit 5)."""
    if experiments is not None:
        known = {band.experiment for band in lines} | set(pc.unique(results["experiment"]).to_pylist())
        strange = sorted(set(experiments) - known)
        if strange or not experiments:
            raise NothingSelectedError(
                f"no experiment '{', '.join(strange)}' in results or golden; there are: {', '.join(sorted(known))}"
            )
        wanted = pa.array(sorted(experiments), pa.string())
        results, golden = (some.filter(pc.is_in(some["experiment"], wanted)) for some in (results, golden))
        lines = [band for band in lines if band.experiment in experiments]
    if not results.num_rows:
        raise NothingSelectedError("results: no rows of the golden's study and profile to check; run the study first")
    return results, golden, lines


def narrow(results: pa.Table, lines: list[Band], cases: Collection[tuple[str, str]]) -> tuple[pa.Table, list[Band]]:
    """Keep the selected cases on both sides; something must be left on each (exit 5)."""
    pairs = zip(results["experiment"].to_pylist(), results["case"].to_pylist(), strict=True)
    results = results.filter(pa.array([pair in cases for pair in pairs], pa.bool_()))
    lines = [band for band in lines if (band.experiment, band.case) in cases]
    if not results.num_rows or not lines:
        side = "results" if lines else "golden"
        raise NothingSelectedError(f"{side}: no row of the selected cases; run them first, or select others")
    return results, lines


def found(evidence: Weighed, verdict: Ruling) -> Finding:
    """Return a row's verdict beside the numbers a reader wants to see with it."""
    band, values = evidence.band, evidence.values
    n1 = len(values) + evidence.diverged + evidence.replayed + len(evidence.altered) + evidence.failed
    value = math.fsum(values) / len(values) if values else None
    low, high = band.low, band.high
    if len(values) > 1 and band.kind == "band":
        low, high = band.limits(rule.suspect_limit(float(band.df or 0), band.finite, len(values)))
    return Finding(
        verdict.word, verdict.text, *band.cell, n0=band.n0, n1=n1, mean=band.mean, low=low, high=high, value=value,
        sees=band.detectable, score=verdict.score,
    )  # fmt: skip


def unmatched(known: Mapping[Cell, Band], seen: Collection[Cell]) -> list[Finding]:
    """Return the rows that only one side has."""
    gone = [
        Finding(CANNOT, "missing: the golden has this row, the results do not", *cell, n0=band.n0)
        for cell, band in known.items()
        if cell not in seen
    ]
    new = sorted(set(seen) - set(known))
    return gone + [Finding(CANNOT, "unknown: the golden has no such row", *cell) for cell in new]


def ignored(rows: Sequence[Row], golden: pa.Table, known: Mapping[Cell, Band]) -> list[Finding]:
    """Return the experiments whose seeds changed nothing: their runs are one run, counted often."""
    stochastic = {cell: band for cell, band in known.items() if band.judged and band.kind != "exact"}
    rows = [row for row in rows if row.cell in stochastic]
    copied = repeats_golden(rows, golden, stochastic)
    return [
        Finding(CANNOT, f"SEED_IGNORED: {text}; draw every random number from run.seed", experiment=name)
        for text, names in (
            ("runs of one case are equal to the bit", alike(rows)),
            ("new seeds repeat golden runs to the bit", copied),
        )
        for name in sorted(names)
    ]


def notes(rows: Sequence[Row], again: Sequence[Row], context: Context) -> tuple[str, ...]:
    """Return what a reader should know before trusting the verdicts: which runs are of another kind of machine.

    Experiments are named where the golden's are not all of one kind.
    """
    made = {(row.experiment, row.environment) for row in rows if context.foreign(row)}
    more = {(row.experiment, row.environment) for row in again if context.foreign(row)} - made
    alike: dict[frozenset[str], set[str]] = defaultdict(set)
    for name, kinds in context.kinds.items():
        alike[frozenset(kinds)].add(name)
    found = []
    for what, pairs, then in (
        ("", made, f"each row may differ by {rule.MARGIN:g} sd more, and nothing can be replayed"),
        (", of runs that confirm,", more, f"these may differ by {rule.MARGIN:g} sd more"),
    ):
        for names in alike.values():
            mine = sorted({name for name, _ in pairs if name in names})
            new = sorted({one for name, one in pairs if name in names})
            old = sorted({one for name in names for one in context.environments[name]})
            text = f"environment {', '.join(new)}{what} is another kind of machine than the golden's ({', '.join(old)})"
            found += [f"{', '.join(mine) + ': ' if len(alike) > 1 else ''}{text}: {then}"] if mine else []
    return tuple(found)
