"""Does the code still do what it did? Compare a results table with the blessed rows and their bands.

Nothing passes by absence: a row, unit, setting or run that is not what the golden knows is a finding of its own. What
is suspicious is to be run again; the formulas are in `repro.rule`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from repro import rule, table, whole
from repro.bands import BANDS_SCHEMA, Band, Cell, Row, as_bands, as_rows, digest, metadata
from repro.errors import IntegrityError, NothingSelectedError
from repro.evidence import Evidence, alike, gather, repeats_golden, sound
from repro.findings import (
    AGREES,
    CANNOT,
    CHANGED,
    CORRUPT,
    DEVIATES,
    SUSPICIOUS,
    UNDER,
    CheckResult,
    Finding,
    Run,
    ordered,
)


@dataclass(frozen=True)
class Tests:
    """The levels of this check's tests.

    `level` is that of a row among all rows with a band in the golden. `rate` is the share of diverged runs among the
    golden's rows that do not always diverge.
    """

    level: float
    rate: float
    diverged_level: float
    finished_level: float

    def suspect(self, band: Band, n1: int) -> float:
        """Return how far the mean of n1 new runs may be without being suspicious, in s."""
        return band.suspect if n1 == 1 and band.suspect else rule.suspect_limit(float(band.df or 0), band.finite, n1)

    def confirming(self, band: Band, n1: int, m: int) -> float:
        """Return how far all of m further runs must be to confirm it, in s."""
        if n1 == 1 and m == rule.CONFIRMING and band.confirm is not None:
            return band.confirm
        return rule.confirm_limit(self.level, float(band.df or 0), band.finite, n1, m)


@dataclass(frozen=True)
class Verdict:
    """The judgement of a row: a word, why, and how far from the golden in units of what is not suspicious.

    `open` says that more runs would tell more, whatever the word: what has changed may have got worse as well.
    """

    word: str
    text: str
    score: float = 0.0
    open: bool = False


@dataclass
class Case:
    """What speaks for and against a row, collected test by test."""

    faults: list[str]
    deviations: list[str]
    notes: list[str]
    suspicions: list[str]
    score: float = 0.0


def judge(evidence: Evidence, tests: Tests) -> Verdict:
    """Turn a row's evidence into a verdict; a deviation outweighs a fault, and the text names both."""
    case = Case(list(evidence.faults), list(evidence.altered), [], [])
    if evidence.failed:
        case.faults.append(f"{evidence.failed} runs failed; see their detail")
    case.score = math.inf if case.deviations else 0.0
    if not evidence.faults:
        judge_kind(evidence, tests, case)
    if evidence.replayed:
        case.notes.append(f"{evidence.replayed} replayed bit for bit")
    changed = [f"the same seed gives something else: {evidence.changed[0]}"] if evidence.changed else []
    weak = power_of(evidence.band)
    words = (
        (DEVIATES, case.deviations), (CHANGED, changed), (CANNOT, case.faults), (SUSPICIOUS, case.suspicions),
        (UNDER, weak),
    )  # fmt: skip
    word = next((word for word, texts in words if texts), AGREES)
    texts = [*case.faults, *case.deviations, *changed, *case.suspicions, *case.notes, *(weak if word == UNDER else [])]
    return Verdict(word, "; ".join(texts), case.score, bool(case.suspicions))


def power_of(band: Band) -> list[str]:
    """Say that a row cannot see a change that matters, [] where it can or nothing is declared to matter."""
    if band.kind != "band" or band.useful is None or band.detectable is None or band.detectable <= band.useful:
        return []
    return [f"a change of {band.useful:g} {band.unit} can go unseen"]


def judge_kind(evidence: Evidence, tests: Tests, case: Case) -> None:
    """Apply the rule for this kind of row."""
    match evidence.band.kind:
        case "band":
            judge_band(evidence, tests, case)
        case "exact":
            judge_exact(evidence, case)
        case "diverges":
            judge_diverges(evidence, case)
        case "recorded":
            pass
        case "provisional":
            case.faults.append(f"provisional: blessed on {evidence.band.n0} seeds, too few for a band")
        case unknown:
            case.faults.append(f"unknown kind of band '{unknown}'")


def judge_band(evidence: Evidence, tests: Tests, case: Case) -> None:
    """Hold the mean of the new values and the number of diverged runs against the golden's, in two stages."""
    judge_divergence(evidence, tests, case)
    band, values = evidence.band, evidence.values
    if not values:
        return
    margin = whole.allowed(evidence)
    away = band.away(math.fsum(values) / len(values))
    limit = tests.suspect(band, len(values)) + margin
    case.score = max(case.score, abs(away) / limit)
    if abs(away) <= limit:
        return
    text = f"{'too high' if away > 0 else 'too low'} by {abs(away):.1f} sd (up to {limit:.1f} is usual)"
    again = [math.copysign(1.0, away) * band.away(value) for value in evidence.again[: rule.CONFIRMING]]
    if len(evidence.again) + evidence.again_diverged < rule.CONFIRMING:
        case.suspicions.append(f"{text}; {rule.CONFIRMING} more runs would tell")
    elif again and min(again) > tests.confirming(band, len(values), len(again)) + margin:
        case.deviations.append(f"{text}, and so are {len(again)} more runs (by {min(again):.1f} sd or more)")
    else:
        case.notes.append(f"{text}, and not all of {len(again)} more runs are")


def judge_divergence(evidence: Evidence, tests: Tests, case: Case) -> None:
    """Compare how many runs diverged with the golden's count (beta-binomial, both directions).

    A lone diverged run is suspicious where the golden's hardly ever did, and never a deviation by itself.
    """
    band, confirmed = evidence.band, evidence.again_diverged + len(evidence.again) >= rule.CONFIRMING
    diverged, total = evidence.diverged, evidence.diverged + len(evidence.values)
    if not total:
        return
    unusual = rule.nonfinite_tails(diverged, total, band.k0, band.n0, tests.rate)[1] < rule.SUSPECT
    if diverged and confirmed:
        diverged, total = diverged + evidence.again_diverged, total + evidence.again_diverged + len(evidence.again)
    text = f"{diverged} of {total} runs diverged (golden: {band.k0} of {band.n0})"
    few, many = rule.nonfinite_tails(diverged, total, band.k0, band.n0, tests.rate)
    if few < tests.finished_level or (many < tests.diverged_level and diverged > 1):
        case.deviations.append(text)
        case.score = math.inf
    elif diverged and unusual and not confirmed:
        case.suspicions.append(f"{text}; {rule.CONFIRMING} more runs would tell")
    elif diverged == total and not band.k0 and not evidence.replayed:
        case.faults.append(f"{text}: no value to compare; run more replicates")
    elif diverged:
        case.notes.append(text)


def judge_exact(evidence: Evidence, case: Case) -> None:
    """Hold the values of a deterministic experiment to the golden's, bit for bit."""
    assert evidence.band.mean is not None  # an exact band has the value that all its runs agree on
    wanted = evidence.band.mean
    found = [f"{value!r} is not {wanted!r}" for value in evidence.values if value.hex() != wanted.hex()]
    if evidence.diverged:
        found.append(f"{evidence.diverged} runs diverged where the golden has a value")
    case.deviations += found
    case.score = math.inf if case.deviations else 0.0


def judge_diverges(evidence: Evidence, case: Case) -> None:
    """Expect divergence where every golden run diverged; a value has nothing to be compared with."""
    if evidence.values:
        case.faults.append(f"{len(evidence.values)} runs finished where every golden run diverged")
    if evidence.diverged:
        case.notes.append(f"{evidence.diverged} runs diverged as the golden's did")


def check(
    results: pa.Table,
    golden: pa.Table,
    bands: pa.Table,
    *,
    reruns: pa.Table | None = None,
    experiments: Collection[str] | None = None,
    cases: Collection[tuple[str, str]] | None = None,
    confirm: bool = True,
    here: str = "",
) -> CheckResult:
    """Compare results with a golden and its bands, row by row, all together, and in both directions.

    `reruns` are further runs by the same code: fresh seeds that confirm, golden seeds that replay, runs of the results
    made a second time. What the check lacks of them is `wanted` in its answer; without `confirm` nothing is, and no
    row fails on one run. `here` is this machine's environment: of its own runs, suspicious ones are wanted again.
    `experiments` restricts both sides to these experiments, `cases` to these (experiment, case) pairs; the level of the
    tests stays that of the whole golden. Raise NothingSelectedError where nothing is left.
    """
    findings = malformed(results, golden, bands)
    if findings:
        return CheckResult(tuple(findings))
    findings = tampered(golden, bands)
    results, strangers = own(results, golden)
    lines = as_bands(bands)
    planned = len(whole.groups(lines))
    tests = plan(lines)
    results, golden, lines = restrict(results, golden, lines, experiments)
    if cases is not None:
        results, lines = narrow(results, lines, cases)
    rows, broken = sound(as_rows(results))
    findings += strangers + [Finding(CORRUPT, text, *row.cell) for row, text in broken]
    known = {band.cell: band for band in lines}
    again = same_code(rows, [] if reruns is None else sound(as_rows(own(reruns, golden)[0]))[0])
    strata = table.strata(golden, results, *([] if reruns is None else [reruns]))
    evidence = gather(rows, again, golden, known, strata)
    judged = [(one, judge(one, tests)) for one in evidence.values()]
    together, cases_wanted = whole.judge(evidence.values(), planned, confirm=confirm)
    findings += [found(*pair) for pair in judged] + [one for one in together if one.word != AGREES or one.text]
    seen = {row.cell for row in rows} | {row.cell for row, _ in broken}
    findings += unmatched(known, seen) + ignored(rows, golden, known)
    wanted = runs_wanted(judged, cases_wanted, rows, again, golden, here) if confirm else ()
    return CheckResult(ordered(findings), notes(results, golden, strata), wanted)


def same_code(rows: Sequence[Row], reruns: Sequence[Row]) -> list[Row]:
    """Return the further runs that the code, data and settings of the results made."""
    made = {(row.experiment, row.case, row.code, row.settings, row.data) for row in rows}
    return [row for row in reruns if (row.experiment, row.case, row.code, row.settings, row.data) in made]


def runs_wanted(
    judged: Sequence[tuple[Evidence, Verdict]],
    cases: Collection[tuple[str, str]],
    rows: Sequence[Row],
    again: Sequence[Row],
    golden: pa.Table,
    here: str,
) -> tuple[Run, ...]:
    """Return the runs that would settle what is suspicious and are not there yet.

    Fresh seeds follow all others that the golden and the results hold, so that the same check asks for the same runs.
    """
    first = max([*golden["replicate"].to_pylist(), *(row.replicate for row in rows)]) + 1
    wanted = {(*case, first) for case in cases}
    local = {(row.experiment, row.case, row.replicate) for row in rows if row.environment == here}
    for one, verdict in judged:
        if verdict.open:
            case = one.band.cell[:2]
            wanted |= {(*case, first + number) for number in range(rule.CONFIRMING)}
            wanted |= {(*case, one.outlying)} & local
    there = {(row.experiment, row.case, row.replicate) for row in again}
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


def plan(lines: Sequence[Band]) -> Tests:
    """Return the levels at which a golden's rows are tested."""
    banded = [band for band in lines if band.kind == "band"]
    rate = (sum(band.k0 for band in banded) + 0.5) / (sum(band.n0 for band in banded) + 1.0)
    alphas = (rule.ALPHA_ROWS, rule.ALPHA_DIVERGED, rule.ALPHA_FINISHED)
    row, diverged, finished = (rule.sidak(alpha, max(len(banded), 1)) for alpha in alphas)
    return Tests(row, rate, diverged, finished)


def found(evidence: Evidence, verdict: Verdict) -> Finding:
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
            ("all replicates are equal to the bit", alike(rows)),
            ("new seeds repeat golden runs to the bit", copied),
        )
        for name in sorted(names)
    ]


def notes(results: pa.Table, golden: pa.Table, strata: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a reader should know before trusting the verdicts."""
    old, new = (sorted(pc.unique(some["environment"]).to_pylist()) for some in (golden, results))
    kinds = {strata[name] for name in old}
    other = [name for name in new if strata[name] not in kinds]
    if not other:
        return ()
    text = f"environment {', '.join(other)} is another kind of machine than the golden's ({', '.join(old)})"
    return (f"{text}: each row may differ by {rule.MARGIN:g} sd more, and nothing can be replayed",)
