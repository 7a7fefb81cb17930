#!/usr/bin/env bash
# One would expect: a value that differs from the stored snapshot fails, however little it differs, as the package's
# page promises.
# What is so: an array, a table or a column is stored as it prints. NumPy prints six of more than 1,000 numbers and
# eight digits of each, pandas ten of more than 60 rows and as many columns as fit; the others may be anything.
# Why it matters: a stored table of 100 results, one a seed, holds ten of them. An accuracy that fell from 0.85 to 0.55
# stays green, and the file that is reviewed shows three dots in its place. A list of plain numbers is held whole.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "syrupy==7.0.2" "pytest==9.2.0" "numpy==2.4.6" "pandas==3.1.1"
mkdir "$work/project"
cd "$work/project"

cat >test_scores.py <<'PYTHON'
import os

import numpy as np
import pandas as pd
import pytest

ACCURACY = np.linspace(0.8, 0.9, 100)
LOSS = np.linspace(1.0, 0.0, 1001)
if os.environ["FALLEN"] == "yes":
    ACCURACY[50] -= 0.3
    LOSS[500] += 30


TABLE = pd.DataFrame({"seed": range(100), "accuracy": ACCURACY})


@pytest.mark.parametrize(
    "value",
    [TABLE, TABLE["accuracy"], LOSS, LOSS[:1000], ACCURACY.tolist()],
    ids=["table", "column", "array_1001", "array_1000", "list"],
)
def test_scores(snapshot, value):
    assert snapshot == value
PYTHON

"$work/venv/bin/python" -m pip list --format=freeze --disable-pip-version-check | grep -E '^(syrupy|numpy|pandas)='
run() { "$work/venv/bin/python" -m pytest -p no:cacheprovider -v test_scores.py "$@" >"$work/output" || true; }
FALLEN=no run --snapshot-update
FALLEN=yes run
seen=$(grep -oE '(table|column|array_[0-9]+|list)\] (PASSED|FAILED)' "$work/output")
echo "$seen"
echo "of the table is stored:"
sed -n '/test_scores\[table\]/,/^# ---/p' __snapshots__/test_scores.ambr

if [ "$seen" != $'table] PASSED\ncolumn] PASSED\narray_1001] PASSED\narray_1000] FAILED\nlist] FAILED' ]; then
    echo "changed: a value that fell is no longer passed, or a short one no longer failed" >&2
    exit 1
fi
