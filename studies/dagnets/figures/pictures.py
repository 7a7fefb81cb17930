"""Figures that need no result rows; a canvas is matplotlib's own Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch

from repro.study import Figure
from studies.common.datasets import DIGITS
from studies.common.images import enlarged
from studies.common.plotting import INK, PALE, TITLE, show
from studies.dagnets.measured import confidence, filters, moments
from studies.dagnets.measured.confidence import SCORES, loss_of

Rows = Sequence[Mapping[str, Any]]

SHOWN = moments.STEEP[-1]
LEVELS = (0.01, 0.05, 0.2, 0.5, 1, 2, 4)


def valley(_rows: Rows) -> Figure:
    """Return the paths of three rules in a narrow valley, beside how they oscillate."""
    rows = []
    for steep, (rule, label) in product(moments.STEEP, moments.RULES.items()):
        figures = moments.valley_figures(rule, steep)
        rows.append([steep, label, figures["turns"], figures["way_across"], figures["log10_loss"]])
    headers = ["steep curvature", "rule", "turns in 60 steps", "way across", "log10 of the loss at the end"]
    notes = (
        "Quadratics of ours, whose other curvature is 1: the slides do not give the one they show. The picture is of "
        f"{SHOWN:g}. Across, an update multiplies by 1 - 0.05 of the curvature, and with momentum, in the long run, by "
        "the root of 0.5: momentum damps where the first is the larger, above a curvature of 34."
    )
    return Figure(headers, rows, notes=notes, draw=draw_valley)


def draw_valley(canvas: Any) -> None:
    """Draw the paths over the contours of the loss, one panel a rule."""
    canvas.set_size_inches(7, 6)
    across, along = np.linspace(-0.62, 0.62, 101), np.linspace(-1.1, 0.4, 151)
    loss = (moments.FLAT * along[None] ** 2 + SHOWN * across[:, None] ** 2) / 2
    panels = canvas.subplots(3, 1, sharex=True)
    for axes, (rule, label) in zip(panels, moments.RULES.items(), strict=True):
        path = np.array(moments.valley_path(rule, SHOWN))
        axes.contour(along, across, loss, levels=LEVELS, colors=PALE, linewidths=0.6)
        axes.plot(path[:, 0], path[:, 1], color=INK, marker="o", markersize=2.5, linewidth=0.8)
        axes.set_title(label, fontsize=TITLE)
        axes.set_ylabel("steep parameter")
    panels[-1].set_xlabel("flat parameter")


def loss_surface(_rows: Rows) -> Figure:
    """Return what two losses say of the scores of a right and a wrong class."""
    rows = []
    for loss, label in LOSSES.items():
        figures = confidence.confidence_figures(loss)
        rows.append([label, figures["lowest_at"], figures["loss_at_1"], figures["loss_at_10"]])
    headers = ["loss", "lowest at a score of", "loss at a score of 1", "loss at a score of 10"]
    notes = f"The other class's score is 0 in the table; scores from 0 to {SCORES[-1]:g} were tried."
    return Figure(headers, rows, notes=notes, draw=draw_losses)


LOSSES: dict[confidence.Loss, str] = {"mean_square": "squared error", "cross_entropy": "cross-entropy, nats"}


def draw_losses(canvas: Any) -> None:
    """Draw the two losses as grey levels with contours over the scores of the right and of the other class."""
    canvas.set_size_inches(7, 3.4)
    scores = np.linspace(-5, 5, 101)
    for axes, (loss, label) in zip(canvas.subplots(1, 2, sharey=True), LOSSES.items(), strict=True):
        values = loss_of(loss, scores[None], scores[:, None])
        shades = axes.contourf(scores, scores, values, levels=12, cmap="Greys")
        axes.contour(scores, scores, values, levels=12, colors=INK, linewidths=0.4)
        canvas.colorbar(shades, ax=axes)
        axes.set_title(label, fontsize=TITLE)
        axes.set_xlabel("score of the right class")
    canvas.axes[0].set_ylabel("score of the other class")


def kernel_maps(_rows: Rows) -> Figure:
    """Return what the five kernels make of a digit."""
    images = torch.tensor(DIGITS.load()["train_images"])
    image = enlarged(images[filters.SHOWN : filters.SHOWN + 1], DIGITS.peak, filters.SIDE)[0]
    maps = {"image": image.double(), **filters.answers(image)}
    rows = [[name, *(float(value) for value in (one.min(), one.max(), one.sum()))] for name, one in maps.items()]
    notes = "Grey levels; black is the lowest of a map, white the highest. The slides take an image of MNIST."
    return Figure(["map", "lowest", "highest", "sum"], rows, notes=notes, draw=lambda canvas: draw_maps(canvas, maps))


def draw_maps(canvas: Any, maps: dict[str, torch.Tensor]) -> None:
    """Draw the maps side by side, in grey."""
    canvas.set_size_inches(7, 4.6)
    for axes, (name, one) in zip(canvas.subplots(2, 3).flat, maps.items(), strict=True):
        show(axes, one, name)
