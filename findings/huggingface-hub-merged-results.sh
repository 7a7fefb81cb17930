#!/usr/bin/env bash
# One would expect: results of one data set with different `dataset_args`, say one seed each, come back as
# they were written.
# What is so: a card groups results without looking at those arguments, and writes the first one's for all of the group.
# Why it matters: three seeds of one model read as one seed measured three times; which value was whose is lost.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "huggingface_hub==2.4.0"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import sys

import huggingface_hub
from huggingface_hub import EvalResult, ModelCard, ModelCardData


def result(seed, accuracy):
    return EvalResult(
        task_type="image-classification",
        dataset_type="mnist",
        dataset_name="MNIST",
        dataset_args={"seed": seed},
        metric_type="accuracy",
        metric_value=accuracy,
    )


written = [result(1, 0.981), result(2, 0.975), result(3, 0.979)]
card = ModelCard(f"---\n{ModelCardData(model_name='small', eval_results=written).to_yaml()}\n---\n")
card.save("README.md")
read = ModelCard.load("README.md").data.eval_results

print("huggingface_hub", huggingface_hub.__version__)
for before, after in zip(written, read, strict=True):
    print("written", before.dataset_args, before.metric_value, "  read", after.dataset_args, after.metric_value)

if [(one.dataset_args["seed"], one.metric_value) for one in read] != [(1, 0.981), (1, 0.975), (1, 0.979)]:
    sys.exit("changed: dataset_args are no longer those of the first result for all")
PYTHON
