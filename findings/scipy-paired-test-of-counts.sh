#!/usr/bin/env bash
# One would expect: a paired t-test of counts, say errors a seed, gives one p-value for one set of numbers.
# What is so: `ttest_rel` subtracts in the type that the arrays have. Counts without a sign, as Polars returns each sum
# of true values, wrap around below zero: 41 errors less 45 are 4294967292. No word is said; `wilcoxon` and `ttest_ind`
# of the same arrays are right.
# Why it matters: a method with fewer errors in every seed is found to have more of them, with a p-value of 1e-66 and an
# interval around 4294967291; asked whether it makes fewer, the test says p = 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "scipy==1.17.1" "polars==2.1.0" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import sys

import polars
import scipy
from scipy import stats

OURS, THEIRS = [41, 38, 44, 40, 39, 42, 37, 43], [45, 44, 47, 43, 46, 44, 45, 48]
ITEMS = 100

rows = [
    {"seed": seed, "ours": item < ours, "theirs": item < theirs}
    for seed, (ours, theirs) in enumerate(zip(OURS, THEIRS, strict=True))
    for item in range(ITEMS)
]
wrong = polars.DataFrame(rows).group_by("seed", maintain_order=True).agg(polars.col("ours", "theirs").sum())
tables = wrong, wrong.cast(polars.Int64)
assert (wrong["ours"].to_list(), wrong["theirs"].to_list()) == (OURS, THEIRS)

print("scipy", scipy.__version__, " polars", polars.__version__)
seen = {}
for test in (stats.ttest_rel, stats.wilcoxon, stats.ttest_ind):
    for side in ("two-sided", "less"):
        p, right = (test(one["ours"].to_numpy(), one["theirs"].to_numpy(), alternative=side).pvalue for one in tables)
        seen[test.__name__, side] = p, right
        print(f"{test.__name__}, {side}: p = {p:.3g} of {wrong['ours'].dtype}, {right:.3g} of Int64")

agree = {name: first == second for name, (first, second) in seen.items()}
if agree != {name: name[0] != "ttest_rel" for name in seen}:
    sys.exit("changed: another test minds the sign of its type, or the paired t-test no longer does")
if not (seen["ttest_rel", "two-sided"][0] < 1e-60 and seen["ttest_rel", "less"][0] > 0.999):
    sys.exit("changed: counts without a sign are subtracted in another way")
PYTHON
