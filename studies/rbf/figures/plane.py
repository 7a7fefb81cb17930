"""The plane of the two features: features and centres of a network trained for these pictures.

Shape legend: N images of a set, D features, K centres.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repro.errors import InfrastructureError
from repro.study import Figure, Run
from studies.common.datasets import DIGITS
from studies.common.plotting import COLOURS, INK
from studies.common.training import reproducible
from studies.rbf.cases import QUICK, Choice, Training
from studies.rbf.model.network import CLASSES
from studies.rbf.training.fitting import build, features_of, fit, parts_of, restored

Rows = Sequence[Mapping[str, Any]]

SEED = 12
EPOCHS = 20  # the best of twice as many is the 19th
SETTINGS = Training(epochs=EPOCHS, choice_epochs=EPOCHS, batch=32, channels=(32, 32))
ARM = 9  # points; of the centre of median size


@dataclass(frozen=True)
class Example:
    """What a trained network makes of the test images: features, what they are, what they are taken for; centres."""

    features_ND: Tensor
    labels_N: Tensor
    answers_N: Tensor
    w_KD: Tensor
    widths_K: Tensor


@functools.cache
def example() -> Example:
    """Train on the digits with a fixed seed, a few seconds, and return what the best checkpoint makes of them."""
    run = Run("rbf", "pictures", "smoke", "{}", 0, SEED, SETTINGS, DIGITS)
    with reproducible(), torch.random.fork_rng(devices=[]):
        parts = parts_of(run)
        network = build(run, Choice(), parts)
        fitted = fit(network, parts, QUICK, epochs=EPOCHS, batch=SETTINGS.batch, seed=SEED)
        if isinstance(fitted, str):
            raise InfrastructureError(f"the network for the pictures did not train ({fitted}); run the study's tests")
        restored(network, fitted, parts)
        features_ND = features_of(network, parts.test, parts.inputs)
        with torch.no_grad():
            answers_N = network.output(network.rbf(features_ND)).argmax(dim=1)
    widths_K = network.rbf.sigma_K.detach().abs()
    return Example(features_ND, parts.test.labels_N, answers_N, network.rbf.w_KD.detach(), widths_K)


def features(_rows: Rows) -> Figure:
    """Return the test images' features by class, and the centres among them."""
    found = example()
    rows = []
    for label in range(CLASSES):
        chosen = found.labels_N == label
        cloud_ND = found.features_ND[chosen]
        wrong = int((found.answers_N[chosen] != label).sum())
        middle, spread = cloud_ND.mean(dim=0).tolist(), float(cloud_ND.std(dim=0).mean())
        rows.append([label, len(cloud_ND), wrong, *(f"{value:.2f}" for value in (*middle, spread))])
    return Figure(
        headers=["class", "test images", "wrong", "mean of feature 1", "mean of feature 2", "standard deviation"],
        rows=rows,
        notes=_notes("Each digit is a test image of that class; + are centres, their arms in proportion to sigma."),
        draw=lambda canvas: draw_features(canvas, found),
    )


def centres(_rows: Rows) -> Figure:
    """Return the 100 centres, sized by standard deviation and by variance."""
    found = example()
    order = found.widths_K.argsort(descending=True, stable=True).tolist()
    rows = [
        [number, *(f"{value:.3f}" for value in (*found.w_KD[number].tolist(), width, width**2))]
        for number in order
        for width in [float(found.widths_K[number])]
    ]
    return Figure(
        headers=["centre", "feature 1", "feature 2", "sigma", "sigma^2"],
        rows=rows,
        notes=_notes(
            "The document changes the size with the variance and does not say how. Left, arms are in proportion to "
            "sigma, as they are where the variance is given as the area of a mark; right, to sigma^2."
        ),
        draw=lambda canvas: draw_centres(canvas, found),
    )


def _notes(what: str) -> str:
    return (
        f"{what} {len(example().labels_N)} digits of 8x8 pixels; {EPOCHS} epochs of gradient descent at "
        f"{QUICK.rate:g} with momentum 0.9, seed {SEED}, best checkpoint by validation error."
    )


def draw_features(canvas: Any, found: Example) -> None:
    """Draw features and centres in the plane on an empty matplotlib figure."""
    canvas.set_size_inches(7, 6)
    axes = canvas.subplots()
    for label in range(CLASSES):
        cloud_ND = found.features_ND[found.labels_N == label]
        axes.scatter(*cloud_ND.T.numpy(), marker=f"${label}$", s=28, color=COLOURS[label], linewidths=0.3)
    _draw_crosses(axes, found, found.widths_K)
    _label(axes)


def draw_centres(canvas: Any, found: Example) -> None:
    """Draw the centres twice on an empty matplotlib figure: arms in proportion to sigma, and to sigma^2."""
    canvas.set_size_inches(9, 4.5)
    for axes, lengths_K, title in zip(
        canvas.subplots(1, 2, sharex=True, sharey=True),
        (found.widths_K, found.widths_K**2),
        ("arms as sigma", "arms as sigma^2"),
        strict=True,
    ):
        _draw_crosses(axes, found, lengths_K)
        for number in (int(found.widths_K.argmin()), int(found.widths_K.argmax())):
            size = float(ARM * lengths_K[number] / lengths_K.median()) ** 2
            name = f"sigma {float(found.widths_K[number]):.2f}"
            axes.scatter([], [], marker="+", s=size, color=INK, linewidths=0.8, label=name)
        axes.legend(frameon=False, loc="lower right")
        axes.set_title(title)
        _label(axes)


def _draw_crosses(axes: Any, found: Example, lengths_K: Tensor) -> None:
    # matplotlib takes the square of a mark's size.
    sizes_K = (ARM * lengths_K / lengths_K.median()).square()
    axes.scatter(*found.w_KD.T.numpy(), marker="+", s=sizes_K.numpy(), color=INK, linewidths=0.8)


def _label(axes: Any) -> None:
    axes.set_xlabel("feature 1 (no unit)")
    axes.set_ylabel("feature 2 (no unit)")
