"""What a check found, row by row: words, exit codes, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from repro.errors import CANNOT_COMPARE, DEVIATION, INTEGRITY, PASS, UNDERPOWERED
from repro.machine.terminal import columns, counted, escape
from repro.study import words_of

# From the gravest down; what was shown outranks what could not be compared.
WORDS = {
    "corrupt": INTEGRITY, "deviates": DEVIATION, "changed": DEVIATION, "cannot compare": CANNOT_COMPARE,
    "suspicious": PASS, "underpowered": PASS, "agrees": PASS,
}  # fmt: skip
GRAVITY = tuple(WORDS)
CORRUPT, DEVIATES, CHANGED, CANNOT, SUSPICIOUS, UNDER, AGREES = GRAVITY
HEADERS = (
    "experiment", "case", "metric", "golden runs", "new runs", "golden", "band", "value", "sees", "verdict", "why",
)  # fmt: skip
RunKey = tuple[str, str, int]  # experiment, case, replicate


@dataclass(frozen=True)
class Finding:
    """One judged row, or (with empty names) something about the whole table.

    `mean` is the golden's, `low` to `high` what one new run may be without being run again, `value` the mean of the n1
    new ones, `sees` the smallest change that the row finds with 80 % chance; all in the row's unit.
    """

    word: str
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
    sees: float | None = None
    score: float = 0.0

    @property
    def code(self) -> int:
        """Return the exit code that the finding asks for."""
        return WORDS[self.word]


@dataclass(frozen=True)
class CheckResult:
    """All findings of a check, worst first, agreeing rows included; `notes` are worth reading and decide nothing.

    `wanted` are the runs that would settle what is suspicious: run again, or for the first time.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    wanted: tuple[RunKey, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return how many findings of each word there are."""
        return {word: sum(finding.word == word for finding in self.findings) for word in reversed(WORDS)}

    @property
    def exit_code(self) -> int:
        """Return the code of the gravest word found: 6, 1, 3 or 0; 3 where nothing was."""
        return min(self.findings, key=gravity).code if self.findings else CANNOT_COMPARE

    def exit_code_with_power(self) -> int:
        """Return the exit code where a row that cannot see what is useful is no pass: 4 for one."""
        return UNDERPOWERED if self.exit_code == PASS and self.counts["underpowered"] else self.exit_code


def gravity(finding: Finding) -> tuple[int, float]:
    """Return what findings are sorted by: the gravest word first, then the largest distance."""
    return GRAVITY.index(finding.word), -finding.score


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with the worst first."""
    return tuple(sorted(findings, key=gravity))


def render(result: CheckResult, *, limit: int = 20, power: bool = False) -> str:
    """Return the worst findings as a table, the notes, and one line that sums up, as `summary` does."""
    shown = result.findings[:limit]
    names = names_of(result.findings)
    parts = [columns(HEADERS, [cells(finding, names) for finding in shown])] if shown else []
    hidden = len(result.findings) - len(shown)
    parts += [f"... and {hidden} more"] if hidden else []
    parts += [f"note: {escape(note)}" for note in result.notes]
    return "\n".join([*parts, summary(result, power=power)])


def summary(result: CheckResult, *, power: bool = False) -> str:
    """Return the outcome in one line; with `power`, a row that cannot see what is useful is no pass."""
    code = result.exit_code_with_power() if power else result.exit_code
    return f"{'PASS' if code == PASS else 'FAIL'}: {counted(result.counts) or 'nothing compared'}"


def names_of(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the cases of findings in words that tell them apart."""
    return words_of(finding.case for finding in findings)


def cells(finding: Finding, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return a finding's line of the printed table; `names` are the cases in words."""
    band = "" if finding.low is None or finding.high is None else f"{finding.low:.6g} .. {finding.high:.6g}"
    mean, value = ("" if number is None else f"{number:.6g}" for number in (finding.mean, finding.value))
    sees = "" if finding.sees is None else f"{finding.sees:.3g}"
    sizes = (str(finding.n0 or ""), str(finding.n1 or ""))
    return (
        finding.experiment,
        names[finding.case],
        finding.metric,
        *sizes,
        mean,
        band,
        value,
        sees,
        finding.word,
        finding.text,
    )


def as_json(result: CheckResult) -> dict[str, Any]:
    """Return the result for machines: exit code, counts, notes, runs wanted, and every finding."""
    lines = [{**asdict(finding), "verdict": finding.word} for finding in result.findings]
    for line in lines:
        del line["score"], line["word"]
    wanted = [list(run) for run in result.wanted]
    return {
        "exit_code": result.exit_code, "counts": result.counts, "notes": list(result.notes), "wanted": wanted,
        "findings": lines,
    }  # fmt: skip
