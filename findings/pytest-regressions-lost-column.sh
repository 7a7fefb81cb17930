#!/usr/bin/env bash
# One would expect: a test against a stored table fails when a column of that table is no longer produced.
# What is so: only the columns that are produced are compared. A new column fails, a vanished one passes.
# Why it matters: a stored metric that the code stopped computing, or renamed away, stays green and proves nothing.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "pytest-regressions==2.11.0" "pytest==9.2.0" "numpy==2.4.6" "pandas==3.1.1"
mkdir -p "$work/project/test_scores"
cd "$work/project"

cat >test_scores/scores.csv <<'CSV'
,accuracy,f1
0,0.9,0.8
1,0.91,0.81
CSV
cat >test_scores.py <<'PYTHON'
import pytest

ACCURACY, F1, RECALL = [0.9, 0.91], [0.8, 0.81], [0.7, 0.71]


@pytest.mark.parametrize(
    "table",
    [{"accuracy": ACCURACY, "f1": F1}, {"accuracy": ACCURACY}, {"accuracy": ACCURACY, "f1": F1, "recall": RECALL}],
    ids=["same", "without_f1", "with_recall"],
)
def test_scores(num_regression, table):
    num_regression.check(table, basename="scores")
PYTHON

"$work/venv/bin/python" -m pip list --format=freeze --disable-pip-version-check | grep '^pytest'
"$work/venv/bin/python" -m pytest -p no:cacheprovider -v test_scores.py >"$work/output" || true
seen=$(grep -oE '(same|without_f1|with_recall)\] (PASSED|FAILED)' "$work/output")
echo "$seen"

if [ "$seen" != $'same] PASSED\nwithout_f1] PASSED\nwith_recall] FAILED' ]; then
    echo "changed: a vanished column is no longer passed, or a new one no longer failed" >&2
    exit 1
fi
