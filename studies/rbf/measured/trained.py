"""Train the network and say how training went, and what its best checkpoint does on the test images (Task 2).

Shape legend: N images of a set, M queries, D features, K centres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from repro.study import Outcome, Run
from studies.common.training import evaluate, nonfinite, reproducible
from studies.rbf.cases import Choice, Recipe
from studies.rbf.measured.neighbours import neighbour_error, share_inside
from studies.rbf.model.network import DeepRBF
from studies.rbf.training.fitting import Fitted, Parts, build, features_of, fit, parts_of, restored

GOOD = 10.0  # %: the document calls an accuracy above 90 % good


def train_network(run: Run, recipe: Recipe, choice: Choice, *, epochs: int) -> Outcome:
    """Train one network and return what its best checkpoint, saved and restored, does on the test images.

    A loss that is not finite ends the run as "nonfinite", with no values.
    """
    with reproducible():
        parts = parts_of(run)
        network = build(run, choice, parts)
        fitted = fit(network, parts, recipe, epochs=epochs, batch=run.settings.batch, seed=run.seed, run=run)
        if isinstance(fitted, str):
            return nonfinite(fitted, len(parts.test), epochs)
        network = restored(build(run, choice, parts), fitted, parts)
        values = tested(network, parts) | trained(fitted, epochs)
    if not math.isfinite(values["loss"]):
        return nonfinite(f"test loss not finite, epoch {fitted.epoch}", len(parts.test), epochs)
    return Outcome(values=values, curves=fitted.curves, n_test=len(parts.test), epochs=epochs)


def tested(network: DeepRBF, parts: Parts) -> dict[str, float]:
    """Return error, loss, the error of nearest neighbours among the features, and the place and width of centres."""
    error, loss = evaluate(network, parts.test, parts.inputs)
    seen_ND = features_of(network, parts.train, parts.inputs)
    queries_MD = features_of(network, parts.test, parts.inputs)
    widths_K = network.rbf.sigma_K.detach().abs()
    return {
        "error": error,
        "loss": loss,
        "log10_loss": math.log10(loss),
        "neighbour_error": neighbour_error(seen_ND, parts.train.labels_N, queries_MD, parts.test.labels_N),
        "centres_inside": share_inside(network.rbf.w_KD, seen_ND),
        "smallest_width": float(widths_K.min()),
        "largest_width": float(widths_K.max()),
    }


def trained(fitted: Fitted, epochs: int) -> dict[str, float]:
    """Return how training went; `epochs_to_90` is one more than the epochs made where 90 % was never passed."""
    first = first_good(fitted.curves["validation_error"])
    return {
        "train_loss": fitted.curves["train_loss"][-1],
        "validation_error": fitted.error,
        "best_epoch": float(fitted.epoch),
        "reached_90": float(first <= epochs),
        "epochs_to_90": float(first),
    }


def first_good(errors: Sequence[float]) -> int:
    """Return the first epoch (from 1) whose error is below 10 %, or one more than there are."""
    return next((epoch for epoch, error in enumerate(errors, 1) if error < GOOD), len(errors) + 1)
