#!/usr/bin/env bash
# One would expect: a trial that was pruned has no value, as its objective never returned one.
# What is so: its last intermediate report stands in the column `value`, finite, beside the values of finished trials.
# Why it matters: the best of that column can be a trial that was stopped after one epoch; `best_value` says otherwise.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "optuna==5.0.0" "pandas==3.1.1"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def error_after_three_epochs(trial):
    trial.suggest_float("rate", 0.001, 0.1)
    for epoch, error in enumerate([[0.9, 0.6, 0.5], [0.2]][trial.number]):
        trial.report(error, step=epoch)
        if trial.number == 1:
            raise optuna.TrialPruned
    return 0.5


study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(error_after_three_epochs, n_trials=2)
table = study.trials_dataframe()
print("optuna", optuna.__version__)
print(table[["number", "value", "state"]].to_string(index=False))
print("least of the column:", table["value"].min(), "  study.best_value:", study.best_value)

seen = [*zip(table["value"], table["state"])], study.best_value
if seen != ([(0.5, "COMPLETE"), (0.2, "PRUNED")], 0.5):
    sys.exit("changed: a pruned trial no longer keeps its last report as its value")
PYTHON
