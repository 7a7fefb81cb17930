#!/usr/bin/env bash
# One would expect: `get_run` gives the most recently logged value at the largest step, as its documentation says.
# What is so: of values with one step and one millisecond it gives the largest. The SQL store moreover compares a NaN as
# the 0.0 that it keeps in its place: a NaN logged last hides behind a loss of 0.3, and hides a log-likelihood of -0.3.
# Why it matters: without `step` every value has step 0, so quick logging ties. A loss shows its worst value, an
# accuracy its best, and a run that ended in NaN shows a number. Two stores disagree about one and the same sequence.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "mlflow-skinny==3.17.2" "sqlalchemy==2.1.9" "alembic==1.20.1"
cd "$work"

MLFLOW_ALLOW_FILE_STORE=true MLFLOW_DISABLE_TELEMETRY=true "$work/venv/bin/python" - 2>"$work/migrations.log" <<'PYTHON'
import math
import sys

import mlflow

logged = {"loss": (0.9, 0.2), "diverged": (0.3, math.nan), "likelihood": (-0.3, math.nan)}


def kept(store):
    """Log each pair at one step and one time, and return what a run says of it."""
    client = mlflow.MlflowClient(store)
    run = client.create_run(client.create_experiment("ties")).info.run_id
    for name, values in logged.items():
        for value in values:
            client.log_metric(run, name, value, timestamp=1_700_000_000_000, step=1)
    return {name: client.get_run(run).data.metrics[name] for name in logged}


sql, files = kept("sqlite:///runs.db"), kept("file:runs")
print("mlflow", mlflow.__version__)
for name, values in logged.items():
    print(f"{name}: logged {values}, sqlite gives {sql[name]}, files give {files[name]}")

if repr((sql, files)) != repr(
    (
        {"loss": 0.9, "diverged": 0.3, "likelihood": math.nan},
        {"loss": 0.9, "diverged": 0.3, "likelihood": -0.3},
    )
):
    print("changed: ties of step and time are settled in another way")
    sys.exit(1)
PYTHON
