#!/usr/bin/env bash
# One would expect: whether an ARFF file can be read does not depend on the order of its rows.
# What is so: how values are quoted is guessed from the first row of data and held for the rest. After a plain first row
# a quoted label is none of the header's, with an error that shows it there.
# Why it matters: predictions in this format are read or refused by which example happens to come first, so a folder of
# them loses some data sets and keeps others of the same shape.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "scipy==1.17.1" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import io
import sys

import scipy
from scipy.io import arff

HEADER = """@relation predictions
@attribute row_id numeric
@attribute prediction {cat,'great ape'}
@attribute confidence numeric
@data
"""
PLAIN, QUOTED = "0,cat,0.5\n", "1,'great ape',0.75\n"


def read(*rows):
    try:
        return arff.loadarff(io.StringIO(HEADER + "".join(rows)))[0].tolist()
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


print("scipy", scipy.__version__)
print("quoted row first:", read(QUOTED, PLAIN))
print("plain row first: ", read(PLAIN, QUOTED))

if read(QUOTED, PLAIN) != [(1.0, b"great ape", 0.75), (0.0, b"cat", 0.5)]:
    sys.exit("changed: the quoted row first is read in another way")
if read(PLAIN, QUOTED) != "ValueError: 'great ape' value not in ('cat', 'great ape')":
    sys.exit("changed: the plain row first is no longer refused so")
PYTHON
