"""Figures of training, from result rows; a canvas is matplotlib's own Figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.plotting import INK, PALE, TITLE, style

Rows = Sequence[Mapping[str, Any]]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Followed:
    """The runs of a case: the mean over them of each metric's last value and of its value after each epoch."""

    runs: int
    last: dict[str, float]
    curves: dict[str, Array]


def followed(rows: Rows, experiment: str, field: str, command: str) -> dict[Any, Followed]:
    """Return the runs of an experiment by the value of a case's field. Raise NothingSelectedError without any."""
    found: dict[Any, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        if row["experiment"] == experiment and row["status"] == "ok":
            key = json.loads(row["case"])[field]
            found.setdefault(key, {}).setdefault(row["metric"], []).append(row)
    if not found:
        raise NothingSelectedError(f"no finished run of {experiment}; `{command}` makes some")
    return {key: _mean(metrics) for key, metrics in sorted(found.items())}


def _mean(metrics: Mapping[str, Sequence[Mapping[str, Any]]]) -> Followed:
    last = {name: float(np.mean([row["value"] for row in rows])) for name, rows in metrics.items()}
    curves = {
        name: np.mean([row["curve"] for row in rows], axis=0)
        for name, rows in metrics.items()
        if all(row["curve"] for row in rows)
    }
    return Followed(len(metrics["error"]), last, curves)


def batch_size_curves(rows: Rows) -> Figure:
    """Return the training loss for several batch sizes."""
    cases = followed(rows, "batch_sizes", "batch", "repro run dagnets --experiment batch_sizes")
    table = [
        [batch, case.runs, len(case.curves["train_loss"]), *(case.last[name] for name in ("train_loss", "error"))]
        for batch, case in cases.items()
    ]
    headers = ["batch", "runs", "epochs", "training loss, nats", "test error, %"]
    return Figure(
        headers, table, notes="Same rate for all; means over runs.", draw=lambda canvas: draw_batches(canvas, cases)
    )


def draw_batches(canvas: Any, cases: Mapping[int, Followed]) -> None:
    """Draw the training loss over epochs, one line a batch size."""
    axes = canvas.subplots()
    for number, (batch, case) in enumerate(cases.items()):
        loss = case.curves["train_loss"]
        axes.semilogy(_epochs(loss), loss, label=f"{batch} images", **style(number, color=INK))
    axes.set_xlabel("epochs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("training loss, nats")
    axes.legend(title="an update sees", frameon=False)


def cifar_plots(rows: Rows) -> Figure:
    """Return the curves on CIFAR-10, or on what stands for it."""
    command = "repro run dagnets --profile lite --experiment cifar_curves"
    cases = followed(rows, "cifar_curves", "rate", command)
    names = ("train_loss", "loss", "train_error", "error", "best_loss_epoch", "best_error_epoch")
    table = [[rate, case.runs, *(case.last[name] for name in names)] for rate, case in cases.items()]
    headers = [
        "rate", "runs", "training loss, nats", "test loss, nats", "training error, %", "test error, %",
        "epoch of the lowest test loss", "epoch of the lowest test error",
    ]  # fmt: skip
    notes = "Means over runs, after the last epoch. The profile's data are in its listing: lite's are a lossy variant."
    return Figure(headers, table, notes=notes, draw=lambda canvas: draw_cifar(canvas, cases))


def draw_cifar(canvas: Any, cases: Mapping[str, Followed]) -> None:
    """Draw losses and errors over epochs, and the samples' losses: the median and the highest tenth's lower end."""
    canvas.set_size_inches(7, 7.5)
    panels = canvas.subplots(3, len(cases), sharex=True, sharey="row", squeeze=False)
    lines = (
        (("train_loss", "training"), ("loss", "test")),
        (("train_error", "training"), ("error", "test")),
        (("train_log10_median", "training, median"), ("train_log10_p90", "training, 90 %"),
         ("test_log10_median", "test, median"), ("test_log10_p90", "test, 90 %")),
    )  # fmt: skip
    for column, (rate, case) in enumerate(cases.items()):
        for row, (names, unit) in enumerate(
            zip(lines, ("loss, nats", "error, %", "a sample's loss, log10 nats"), strict=True)
        ):
            axes = panels[row][column]
            for name, label in names:
                curve = case.curves[name]
                dashed, pale = "--" if label.startswith("test") else "-", "90" in label
                axes.plot(_epochs(curve), curve, dashed, color=PALE if pale else INK, label=label)
            if column == 0:
                axes.set_ylabel(unit)
                axes.legend(frameon=False, fontsize=7)
        panels[0][column].set_title(f"{rate} rate", fontsize=TITLE)
        panels[-1][column].set_xlabel("epochs")


def _epochs(curve: Array) -> Array:
    return np.arange(1, len(curve) + 1, dtype=np.float64)
