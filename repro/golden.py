"""Does the code still do what it did? Compare a results table with the blessed rows and their bands.

Nothing passes by absence: a row, unit, setting or run that is not what the golden knows is a finding of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro import stats, table
from repro.bands import BANDS_SCHEMA, Band, Cell, Row, as_bands, as_rows, digest, metadata
from repro.errors import CANNOT_COMPARE, DEVIATION, INTEGRITY, PASS, IntegrityError, NothingSelectedError
from repro.evidence import Evidence, alike, gather, repeats_golden, sound
from repro.text import case_words, columns

ALPHA_BANDS = 0.0075  # a value outside its band, on either side
ALPHA_DIVERGED = 0.002  # more diverged runs than the golden's
ALPHA_FINISHED = 0.0005  # fewer
ALPHA = ALPHA_BANDS + ALPHA_DIVERGED + ALPHA_FINISHED  # chance that a check of unchanged code raises any alarm
SEVERITY = (PASS, CANNOT_COMPARE, DEVIATION, INTEGRITY)  # what was shown outranks what could not be compared
WORDS = {PASS: "agrees", DEVIATION: "deviates", CANNOT_COMPARE: "cannot compare", INTEGRITY: "corrupt"}


@dataclass(frozen=True)
class Tests:
    """How the family's false-alarm budget is spent on this check's rows.

    With one new run a row there is one test a row, at the level stored in the bands. With n1 > 1 the mean and every
    single value of a row are tested (one altered replicate must not hide in a mean), and the level is that of all
    these tests. `rate` is the share of diverged runs among the golden's rows that do not always diverge.
    """

    planned: int
    made: int
    rate: float
    diverged_level: float
    finished_level: float

    def critical(self, band: Band) -> float:
        """Return the critical value of each test of this row."""
        if self.made <= self.planned and band.critical is not None:
            return band.critical
        return stats.t_critical(stats.sidak(ALPHA_BANDS, max(self.made, self.planned)), float(band.df or 0.0))


@dataclass(frozen=True)
class Verdict:
    """The judgement of a row: an exit code, why, and how far from the golden in units of what is allowed."""

    code: int
    text: str
    score: float = 0.0


@dataclass(frozen=True)
class Finding:
    """One judged row, or (with empty names) something about the whole table."""

    code: int
    text: str
    experiment: str = ""
    case: str = ""
    metric: str = ""
    n0: int = 0
    n1: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    score: float = 0.0

    @property
    def word(self) -> str:
        """Return the verdict as a word."""
        return WORDS[self.code]


@dataclass(frozen=True)
class CheckResult:
    """All findings of a check, worst first, agreeing rows included; `notes` are worth reading and decide nothing."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how many findings of each word there are."""
        return {word: sum(finding.word == word for finding in self.findings) for word in WORDS.values()}

    @property
    def exit_code(self) -> int:
        """Return the gravest code found: integrity (6), deviation (1), cannot compare (3), pass (0)."""
        return max((finding.code for finding in self.findings), key=SEVERITY.index, default=CANNOT_COMPARE)


def judge(evidence: Evidence, tests: Tests) -> Verdict:
    """Turn a row's evidence into a verdict; a fault outweighs a deviation, and the text names both."""
    faults, deviations = list(evidence.faults), list(evidence.altered)
    notes: list[str] = []
    if evidence.failed:
        faults.append(f"{evidence.failed} runs failed; see their detail")
    score = math.inf if deviations else 0.0
    if not evidence.faults:
        more_faults, more_deviations, notes, margin = judge_kind(evidence, tests)
        faults, deviations, score = faults + more_faults, deviations + more_deviations, max(score, margin)
    if evidence.replayed:
        notes.append(f"{evidence.replayed} replayed bit for bit")
    code = CANNOT_COMPARE if faults else DEVIATION if deviations else PASS
    return Verdict(code, "; ".join(faults + deviations + notes), score)


Judged = tuple[list[str], list[str], list[str], float]  # faults, deviations, notes, score


def judge_kind(evidence: Evidence, tests: Tests) -> Judged:
    """Apply the rule for this kind of row."""
    match evidence.band.kind:
        case "band":
            return judge_band(evidence, tests)
        case "exact":
            return judge_exact(evidence)
        case "diverges":
            return judge_diverges(evidence)
        case "recorded":
            return [], [], [], 0.0
        case "provisional":
            return [f"provisional: blessed on {evidence.band.n0} seeds, too few for a band"], [], [], 0.0
        case unknown:
            return [f"unknown kind of band '{unknown}'"], [], [], 0.0


def judge_band(evidence: Evidence, tests: Tests) -> Judged:
    """Hold the mean of the new values, each of them, and the number of diverged runs against the golden's."""
    band, values = evidence.band, evidence.values
    faults, deviations, notes = judge_divergence(evidence, tests)
    if not values:
        return faults, deviations, notes, math.inf if deviations else 0.0
    critical, n1 = tests.critical(band), len(values)
    shift = band.distance(math.fsum(values) / n1, critical, n1)
    single = max((band.distance(value, critical, 1) for value in values), key=abs)
    if abs(shift) > 1.0:
        deviations.append(f"{'too high' if shift > 0 else 'too low'} by {abs(shift):.2f} of the allowed distance")
    elif abs(single) > 1.0:
        deviations.append(f"one of {n1} values {'too high' if single > 0 else 'too low'} ({abs(single):.2f})")
    return faults, deviations, notes, max(abs(shift), abs(single))


def judge_divergence(evidence: Evidence, tests: Tests) -> tuple[list[str], list[str], list[str]]:
    """Compare how many runs diverged with the golden's count (beta-binomial, both directions).

    A lone diverged run is never a deviation by itself. Where the golden always finished and no new run did, there is
    no value left to compare, which is no pass either.
    """
    band, diverged = evidence.band, evidence.diverged
    total = diverged + len(evidence.values)
    if not total:
        return [], [], []
    text = f"{diverged} of {total} runs diverged (golden: {band.k0} of {band.n0})"
    few, many = stats.nonfinite_tails(diverged, total, band.k0, band.n0, tests.rate)
    if few < tests.finished_level or (many < tests.diverged_level and diverged > 1):
        return [], [text], []
    if diverged == total and not band.k0 and not evidence.replayed:
        return [f"{text}: no value to compare; run more replicates"], [], []
    return [], [], [text] if diverged else []


def judge_exact(evidence: Evidence) -> Judged:
    """Hold the values of a deterministic experiment to the golden's, bit for bit."""
    assert evidence.band.mean is not None  # an exact band has the value that all its runs agree on
    wanted = evidence.band.mean
    deviations = [f"{value!r} is not {wanted!r}" for value in evidence.values if value.hex() != wanted.hex()]
    if evidence.diverged:
        deviations.append(f"{evidence.diverged} runs diverged where the golden has a value")
    return [], deviations, [], math.inf if deviations else 0.0


def judge_diverges(evidence: Evidence) -> Judged:
    """Expect divergence where every golden run diverged; a value has nothing to be compared with."""
    faults = [f"{len(evidence.values)} runs finished where every golden run diverged"] if evidence.values else []
    return faults, [], [f"{evidence.diverged} runs diverged as the golden's did"] if evidence.diverged else [], 0.0


def check(
    results: pa.Table,
    golden: pa.Table,
    bands: pa.Table,
    *,
    experiments: Collection[str] | None = None,
    cases: Collection[tuple[str, str]] | None = None,
    judge: Callable[[Evidence, Tests], Verdict] = judge,
) -> CheckResult:
    """Compare results with a golden and its bands, row by row and in both directions.

    `experiments` restricts both sides to these experiments, `cases` to these (experiment, case) pairs; the level of the
    tests stays that of the whole golden. Raise NothingSelectedError where nothing is left.
    """
    findings = malformed(results, golden, bands)
    if findings:
        return CheckResult(tuple(findings))
    findings = tampered(golden, bands)
    results, strangers = own(results, golden)
    lines = as_bands(bands)
    planned = sum(band.kind == "band" for band in lines)
    results, golden, lines = restrict(results, golden, lines, experiments)
    if cases is not None:
        results, lines = narrow(results, lines, cases)
    rows, broken = sound(as_rows(results))
    findings += strangers + [Finding(INTEGRITY, text, *row.cell) for row, text in broken]
    known = {band.cell: band for band in lines}
    evidence = gather(rows, golden, known)
    tests = plan(evidence.values(), lines, planned)
    findings += [found(one, judge(one, tests)) for one in evidence.values()]
    seen = {row.cell for row in rows} | {row.cell for row, _ in broken}
    findings += unmatched(known, seen) + ignored(rows, golden, known)
    findings.sort(key=lambda finding: (-SEVERITY.index(finding.code), -finding.score))
    return CheckResult(tuple(findings), notes(results, golden))


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
            findings.append(Finding(INTEGRITY, str(error)))
    if not findings and not golden.num_rows:
        findings.append(Finding(INTEGRITY, "golden: holds no rows; restore it from version control"))
    return findings


def tampered(golden: pa.Table, bands: pa.Table) -> list[Finding]:
    """Return where golden and bands are not what was blessed together."""
    record, findings = metadata(bands), []
    if record.get("rows_digest") != digest(golden):
        findings.append(Finding(INTEGRITY, "golden: these are not the rows the bands were derived from; restore both"))
    if record.get("bands_digest") != digest(bands):
        findings.append(Finding(INTEGRITY, "bands: changed after they were blessed; restore them"))
    return findings


def own(results: pa.Table, golden: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """Keep the rows of the golden's study and profile; any others are findings."""
    study, profile = golden["study"][0].as_py(), golden["profile"][0].as_py()
    owner = golden.slice(0, 1)
    mine = pc.and_(*(pc.is_in(results[name], owner[name].combine_chunks()) for name in ("study", "profile")))
    others = results.num_rows - int(pc.sum(mine).as_py() or 0)
    text = f"{others} rows are not of study '{study}', profile '{profile}', which the golden is of"
    return results.filter(mine) if others else results, [Finding(CANNOT_COMPARE, text)] if others else []


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


def plan(evidence: Iterable[Evidence], lines: Sequence[Band], planned: int) -> Tests:
    """Return the levels at which this check tests; `planned` is the number of rows the stored bands allow for."""
    runs = [len(one.values) for one in evidence if one.band.kind == "band"]
    finishing = [band for band in lines if band.kind == "band"]
    rate = (sum(band.k0 for band in finishing) + 0.5) / (sum(band.n0 for band in finishing) + 1.0)
    diverged, finished = (stats.sidak(alpha, max(planned, 1)) for alpha in (ALPHA_DIVERGED, ALPHA_FINISHED))
    return Tests(planned, sum(n1 + 1 if n1 > 1 else 1 for n1 in runs), rate, diverged, finished)


def found(evidence: Evidence, verdict: Verdict) -> Finding:
    """Return a row's verdict beside the numbers a reader wants to see with it."""
    band, values = evidence.band, evidence.values
    n1 = len(values) + evidence.diverged + evidence.replayed + len(evidence.altered) + evidence.failed
    value = math.fsum(values) / len(values) if values else None
    low, high = band.low, band.high
    if len(values) > 1 and band.kind == "band" and band.critical is not None:
        low, high = band.limits(band.critical, len(values))
    return Finding(verdict.code, verdict.text, *band.cell, band.n0, n1, band.mean, low, high, value, verdict.score)


def unmatched(known: Mapping[Cell, Band], seen: Collection[Cell]) -> list[Finding]:
    """Return the rows that only one side has."""
    gone = [
        Finding(CANNOT_COMPARE, "missing: the golden has this row, the results do not", *cell, n0=band.n0)
        for cell, band in known.items()
        if cell not in seen
    ]
    new = sorted(set(seen) - set(known))
    return gone + [Finding(CANNOT_COMPARE, "unknown: the golden has no such row", *cell) for cell in new]


def ignored(rows: Sequence[Row], golden: pa.Table, known: Mapping[Cell, Band]) -> list[Finding]:
    """Return the experiments whose seeds changed nothing: their runs are one run, counted often."""
    stochastic = {cell: band for cell, band in known.items() if band.judged and band.kind != "exact"}
    rows = [row for row in rows if row.cell in stochastic]
    copied = repeats_golden(rows, golden, stochastic)
    return [
        Finding(CANNOT_COMPARE, f"SEED_IGNORED: {text}; draw every random number from run.seed", experiment=name)
        for text, names in (
            ("all replicates are equal to the bit", alike(rows)),
            ("new seeds repeat golden runs to the bit", copied),
        )
        for name in sorted(names)
    ]


def notes(results: pa.Table, golden: pa.Table) -> tuple[str, ...]:
    """Return what a reader should know before trusting the verdicts."""
    old, new = (set(pc.unique(some["environment"]).to_pylist()) for some in (golden, results))
    other = sorted(new - old)
    return (f"environment {', '.join(other)} is not the golden's ({', '.join(sorted(old))})",) if other else ()


def render(result: CheckResult, *, limit: int = 20) -> str:
    """Return the worst findings as a table, the notes, and one line that sums up."""
    shown = result.findings[:limit]
    heads = ("experiment", "case", "metric", "n0", "n1", "golden", "band", "value", "verdict", "why")
    parts = [columns(heads, [cells(finding) for finding in shown])] if shown else []
    hidden = len(result.findings) - len(shown)
    parts += [f"... and {hidden} more"] if hidden else []
    parts += [f"note: {note}" for note in result.notes]
    counts = ", ".join(f"{number} {word}" for word, number in result.counts.items() if number)
    return "\n".join([*parts, f"{'PASS' if result.exit_code == PASS else 'FAIL'}: {counts or 'nothing compared'}"])


def cells(finding: Finding) -> tuple[str, ...]:
    """Return a finding's line of the printed table."""
    band = "" if finding.low is None or finding.high is None else f"{finding.low:.6g} .. {finding.high:.6g}"
    mean, value = ("" if number is None else f"{number:.6g}" for number in (finding.mean, finding.value))
    case = case_words(finding.case) if finding.case.startswith("{") else finding.case
    sizes = (str(finding.n0 or ""), str(finding.n1 or ""))
    return finding.experiment, case, finding.metric, *sizes, mean, band, value, finding.word, finding.text


def as_json(result: CheckResult) -> dict[str, Any]:
    """Return the result for machines: exit code, counts, notes, and every finding."""
    lines = [{**asdict(finding), "verdict": finding.word} for finding in result.findings]
    for line in lines:
        del line["score"]
    return {"exit_code": result.exit_code, "counts": result.counts, "notes": list(result.notes), "findings": lines}
