#!/usr/bin/env bash
# One would expect: the greatest value so far of a loss that was infinite is infinite, and so is a mean over it; windows
# pass over missing values, which are NaN by the documentation of `count` and of `min_periods`.
# What is so: `rolling`, `expanding` and `ewm` make infinity a missing value first. Sums, means and maxima are of the
# finite rest, though `count` of the same window counts it; `cummax`, `max` and `mean` of the whole column keep it.
# Why it matters: a curve that is smoothed before it is drawn or judged, as curves of training are, shows nothing of a
# loss that overflowed; a limit on the worst value so far holds for a run that diverged.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "pandas==3.1.1" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import sys
from math import inf

import pandas as pd

loss = pd.Series([1.0, inf, 2.0, 3.0])
seen = {
    "max": loss.max(),
    "mean": loss.mean(),
    "count": loss.count(),
    "cummax": loss.cummax().tolist(),
    "expanding().max": loss.expanding().max().tolist(),
    "expanding().count": loss.expanding().count().tolist(),
    "rolling(3, min_periods=1).mean": loss.rolling(3, min_periods=1).mean().tolist(),
    "rolling(3, min_periods=1).max": loss.rolling(3, min_periods=1).max().tolist(),
    "ewm(alpha=0.5).mean": loss.ewm(alpha=0.5).mean().round(2).tolist(),
}
print("pandas", pd.__version__)
print("loss:", loss.tolist())
for name, value in seen.items():
    print(f"{name}: {value}")

kept = [inf, inf, 4, [1, inf, inf, inf]]
left_out = [[1, 1, 2, 3], [1, 2, 3, 4], [1, 1, 1.5, 2.5], [1, 1, 2, 3], [1, 1, 1.8, 2.54]]
if [*seen.values()] != kept + left_out:
    sys.exit("changed: windows treat infinity in another way")
PYTHON
