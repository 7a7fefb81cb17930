#!/usr/bin/env bash
# One would expect: a metric in a MetricCollection comes out as it does alone; those that share their state differ, by
# the documentation, in what they compute of it and in nothing else.
# What is so: metrics share their state from the second batch on if their numbers were equal after the first one. The
# accuracy without the background becomes that of all classes where the first batch held no background, and F1 at a
# threshold of 0.9 that at 0.5 where the model was sure of each example in it.
# Why it matters: the surer a model is, the likelier two of its metrics are one, so a comparison of models compares
# different metrics under one name; the same batches in another order give other values, with no word.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "torch==2.13.0" "torchmetrics==1.9.0" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torchmetrics
from torch import tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryF1Score, MulticlassAccuracy

PIXELS = [(tensor([1, 2, 2]), tensor([1, 2, 1])), (tensor([0, 0, 0, 1]), tensor([0, 0, 0, 2]))]
SCORES = [(tensor([0.99, 0.01]), tensor([1, 0])), (tensor([0.6, 0.7, 0.2]), tensor([1, 0, 1]))]


def accuracies():
    every = MulticlassAccuracy(3, average="micro")
    return {"all": every, "without background": MulticlassAccuracy(3, average="micro", ignore_index=0)}


def scores():
    return {"F1 at 50 %": BinaryF1Score(threshold=0.5), "F1 at 90 %": BinaryF1Score(threshold=0.9)}


def values(metrics, batches):
    """Return each metric's value after the batches, in a collection of its own or in one of several."""
    for batch in batches:
        metrics.update(*batch)
    return {name: round(value.item(), 4) for name, value in metrics.compute().items()}


seen = []
print("torchmetrics", torchmetrics.__version__, " torch", torch.__version__)
for make, batches in ((accuracies, PIXELS), (scores, SCORES)):
    alone = {name: values(MetricCollection({name: one}), batches)[name] for name, one in make().items()}
    seen.append([alone, values(MetricCollection(make()), batches), values(MetricCollection(make()), batches[::-1])])
    print("alone: {}; together: {}; the second batch first: {}".format(*seen[-1]))

accuracy, f1 = {"all": 0.7143, "without background": 0.5}, {"F1 at 50 %": 0.6667, "F1 at 90 %": 0.5}
one_accuracy, one_f1 = dict.fromkeys(accuracy, 0.7143), dict.fromkeys(f1, 0.6667)
if seen != [[accuracy, one_accuracy, accuracy], [f1, one_f1, f1]]:
    print("changed: metrics of a collection share their state in another way")
    sys.exit(1)
PYTHON
