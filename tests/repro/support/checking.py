"""Check invented results against an invented golden, with the further runs that a check wants."""

from __future__ import annotations

from collections.abc import Callable

from repro.golden.check import check
from repro.golden.findings import CheckResult
from repro.golden.stored import Golden
from tests.repro.support.synthetic import Row, build, golden_of, invented, rows_of

STUDY = invented()
GOLDEN = golden_of(STUDY)
FRESH = range(20, 21)  # a replicate the golden does not hold


def checked(rows: list[Row], against: Golden = GOLDEN, **options: object) -> CheckResult:
    return check(build(rows), against.rows, against.bands, **options)  # type: ignore[arg-type]


def fresh(edit: Callable[[Row], None] = lambda row: None, replicates: range = FRESH) -> list[Row]:
    rows = rows_of(STUDY, replicates)
    for row in rows:
        row["code"] = "new code"
        edit(row)
    return rows


def settled(
    rows: list[Row], edit: Callable[[Row], None] = lambda row: None, against: Golden = GOLDEN, here: str = "nowhere"
) -> CheckResult:
    """The check's answer when it has what it wants: runs of code in which `edit` happens."""
    again: list[Row] = []
    for _ in range(3):
        result = checked(rows, against, reruns=build(again) if again else None, here=[here])
        if not result.wanted:
            break
        for experiment, case, replicate in result.wanted:
            made = fresh(edit, range(replicate, replicate + 1))
            again += [row for row in made if (row["experiment"], row["case"]) == (experiment, case)]
    return result


def first(row: Row, metric: str = "loss") -> bool:
    return row["experiment"] == "noisy" and row["case"] == '{"x":0}' and row["metric"] == metric


def texts(result: CheckResult, code: int) -> str:
    return " | ".join(finding.text for finding in result.findings if finding.code == code)


def lower(row: Row) -> None:
    if first(row):
        row["value"] -= 8.0
