"""Judge the rows of a metric together: a small shift of all of them, or a larger scatter, that no single row shows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from repro.golden import rule
from repro.golden.bands import Band
from repro.golden.findings import AGREES, DEVIATES, SUSPICIOUS, Finding
from repro.golden.weigh import Weighed

Group = tuple[str, str]  # experiment, metric


@dataclass(frozen=True)
class Scores:
    """W1 and W2 of a group's rows."""

    shift: float
    dispersion: float


def groups(lines: Iterable[Band]) -> set[Group]:
    """Return the experiments and metrics of a golden that have enough rows with a band for a test of all of them."""
    sizes: dict[Group, int] = defaultdict(int)
    for line in lines:
        sizes[line.experiment, line.metric] += line.kind == "band"
    return {group for group, size in sizes.items() if size >= rule.TABLE_ROWS}


def judge(evidence: Collection[Weighed], planned: int, *, confirm: bool) -> tuple[list[Finding], set[tuple[str, str]]]:
    """Return a finding for each group of rows, and the cases of which one more run would settle one.

    `planned` is the number of groups in the whole golden. Without `confirm` one run a row decides, at a level to match.
    """
    found: list[Finding] = []
    wanted: set[tuple[str, str]] = set()
    members: dict[Group, list[Weighed]] = defaultdict(list)
    for one in evidence:
        if one.band.kind == "band" and one.values and not one.faults:
            members[one.band.experiment, one.band.metric].append(one)
    for group, rows in sorted(members.items()):
        if len(rows) >= rule.TABLE_ROWS:
            finding, missing = judge_group(group, rows, planned, confirm=confirm)
            found.append(finding)
            wanted |= missing
    return found, wanted


def judge_group(
    group: Group, rows: Sequence[Weighed], planned: int, *, confirm: bool
) -> tuple[Finding, set[tuple[str, str]]]:
    """Return the finding of one group, and its cases where one more run of each is needed."""
    stages = 2 if confirm else 1
    first = scores(rows, [row.values for row in rows])
    repeated = [row for row in rows if row.again]
    settled = len(repeated) + sum(not row.again and row.again_diverged > 0 for row in rows) == len(rows)
    second = scores(repeated, [row.again[:1] for row in repeated], again=True) if settled and repeated else None
    n = len(rows) / sum(1.0 / row.band.finite for row in rows)
    texts, word, worst = [], AGREES, 0.0
    for name, alpha, sides in (("shift", rule.ALPHA_SHIFT, 2), ("dispersion", rule.ALPHA_DISPERSION, 1)):
        limit, limit_again = rule.table_limits(alpha, max(planned, 1), n, len(rows), sides=sides, stages=stages)
        score = getattr(first, name)
        sign = math.copysign(1.0, score) if sides == 2 else 1.0
        worst = max(worst, score * sign / limit)
        if score * sign <= limit:
            continue
        what = WORDS[name, sign]
        if stages == 1:
            word, text = DEVIATES, f"{what} ({score:+.1f} standard errors, {limit:.1f} allowed)"
        elif second is None:
            word, text = SUSPICIOUS, f"{what} ({score:+.1f} standard errors); one more run of each would tell"
        elif getattr(second, name) * sign > limit_again:
            again = getattr(second, name)
            word, text = DEVIATES, f"{what} ({score:+.1f} and again {again:+.1f} standard errors)"
        else:
            text = f"{what} once, and not again"
        texts.append(text)
    missing = {row.band.cell[:2] for row in rows if not row.again} if word == SUSPICIOUS else set()
    n0, n1 = min(row.band.finite for row in rows), min(len(row.values) for row in rows)
    text = "; ".join(texts)
    return Finding(word, text, group[0], f"all {len(rows)} rows", group[1], n0=n0, n1=n1, score=worst), missing


WORDS: Mapping[tuple[str, float], str] = {
    ("shift", 1.0): "all moved up together", ("shift", -1.0): "all moved down together",
    ("dispersion", 1.0): "all scatter more",
}  # fmt: skip


def scores(rows: Sequence[Weighed], values: Sequence[Sequence[float]], *, again: bool = False) -> Scores:
    """Return the scores of the means of each row's values, which with `again` are of the runs that confirm."""
    counts = np.array([len(some) for some in values], dtype=np.float64)
    n = np.array([row.band.finite for row in rows], dtype=np.float64)
    error = np.sqrt(1.0 / n + 1.0 / counts)
    means = [math.fsum(some) / len(some) for some in values]
    t = np.array([row.band.away(mean) for row, mean in zip(rows, means, strict=True)]) / error
    bias, spread, squares = (
        np.array([getattr(row.band, name) for row in rows]) for name in ("bias", "spread", "squares")
    )
    margin = float(np.mean([allowed(row, again=again) for row in rows] / error))
    return Scores(
        float(rule.shift_score(t, bias / np.sqrt(counts), spread, margin)),
        float(rule.dispersion_score(t, bias / np.sqrt(counts), spread, squares, n, margin)),
    )


def allowed(evidence: Weighed, *, again: bool = False) -> float:
    """Return by how many s another kind of machine may move a row; 0 on the golden's own.

    It is the machine of the new runs, with `again` that of the runs that confirm.
    """
    if not (evidence.foreign_again if again else evidence.foreign):
        return 0.0
    points = rule.MARGIN_POINTS / float(evidence.band.s or math.nan) if evidence.band.counted else 0.0
    return max(rule.MARGIN, points)
