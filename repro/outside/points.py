"""The one value of a run's curve that is meant: of which epoch, and which of two at one step."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repro.errors import UsageError
from repro.outside.logged import Curve, LoggedRun

BEST = re.compile(r"best:(?:(?P<side>min|max):)?(?P<metric>.+)")
ANEW = 1e9  # more than an epoch has steps
CHOICES = "--epoch last, --epoch best:METRIC or --epoch N"


def hold_epoch(epoch: str) -> None:
    """Raise UsageError for a choice of an epoch that is none."""
    if epoch in ("", "last") or BEST.fullmatch(epoch):
        return
    try:
        finite = math.isfinite(float(epoch))
    except ValueError:
        finite = False
    if not finite:
        raise UsageError(f"--epoch {epoch}: wanted last, best:METRIC (best:min:METRIC for the smallest) or a number")


def metrics_of(epoch: str) -> tuple[str, ...]:
    """Return the metric that a choice of an epoch looks at, if it does."""
    best = BEST.fullmatch(epoch)
    return (best["metric"],) if best else ()


def one(path: Path, run: LoggedRun, metric: str, epoch: str, duplicate: str) -> tuple[float, str]:
    """Return a run's value of a metric, or NaN and why there is none.

    Raise UsageError where there are several and nothing says which.
    """
    curve = run.curves.get(metric)
    if curve is None or not len(curve.values):
        return math.nan, f"no value of {metric}"
    if curve.after or (len(curve.values) == 1 and not _numbered(epoch)):
        return float(curve.values[-1]), ""
    places = _places(curve)
    if not np.isfinite(places).all() and not _numbered(epoch):
        raise UsageError(
            f"{path}: {metric} of {run.name} has {len(places)} values, and not each says at which epoch or step it "
            "stands; say which by --epoch N, or complete the column"
        )
    if not epoch and len(np.unique(places)) > 1:
        count = "epochs" if curve.epochs is not None else "steps" if curve.steps is not None else "places"
        said = curve.epochs if curve.epochs is not None else places
        raise UsageError(
            f"{path}: {metric} has {len(curve.values)} values in {run.name} ({count} {said.min():g} to "
            f"{said.max():g}); say which by {CHOICES}"
        )
    at = _at(run, curve, places, epoch)
    if at is None:
        return math.nan, f"no value of {metric} for --epoch {epoch}"
    return _single(path, run, metric, curve.values[places == at], at, duplicate), ""


def end(curve: Curve) -> float | None:
    """Return at which epoch, step or place a curve ends, as a reader counts; None where nothing counts it."""
    if curve.after or not len(curve.values):
        return None
    last = float((curve.epochs if curve.epochs is not None else _places(curve)).max())
    return last if math.isfinite(last) else None


def caveats(runs: Sequence[LoggedRun], metric: str, epoch: str) -> list[str]:
    """Return what a reader has to know of values that were chosen so: that runs differ in length, or who chose."""
    curves = [run.curves[metric] for run in runs if run.state == "finished" and metric in run.curves]
    if epoch in ("", "last"):
        ends = sorted({one for one in map(end, curves) if one is not None})
        if len(ends) > 1:
            return [f"the values of {metric} that count are of different epochs or steps, {ends[0]:g} to {ends[-1]:g}"]
    several = any(len(curve.values) > 1 for curve in curves)
    if several and metrics_of(epoch) == (metric,):
        return [
            f"of each run its best {metric} counts, chosen by {metric} itself: that is fair if the published one was so"
        ]
    return []


def _numbered(epoch: str) -> bool:
    return epoch not in ("", "last") and not BEST.fullmatch(epoch)


def _places(curve: Curve) -> Any:
    """Return what counts a curve's values: steps, which are finer, else epochs, else their order.

    Steps that every epoch counts anew stand behind those of the epochs before.
    """
    if curve.steps is None:
        return curve.epochs if curve.epochs is not None else np.arange(len(curve.values), dtype=float)
    steps = curve.steps.astype(float)
    if curve.epochs is None or not np.isfinite(curve.epochs).all():
        return steps
    order = np.lexsort((steps, curve.epochs))
    anew = (np.diff(steps[order]) <= 0) & (np.diff(curve.epochs[order]) > 0)
    return curve.epochs * ANEW + steps if anew.any() else steps


def _at(run: LoggedRun, curve: Curve, places: Any, epoch: str) -> float | None:
    """Return the place of the value that is meant, None where there is none."""
    if epoch in ("", "last"):
        return float(places.max())
    best = BEST.fullmatch(epoch)
    if best is None:
        counted = curve.epochs if curve.epochs is not None else places
        found = np.flatnonzero(counted == float(epoch))
        return float(places[found].max()) if len(found) else None
    looked_at = run.curves.get(best["metric"])
    if looked_at is None or not np.isfinite(looked_at.values).any():
        return None
    sign = -1.0 if best["side"] == "min" else 1.0
    scores = np.where(np.isfinite(looked_at.values), sign * looked_at.values, -math.inf)
    theirs = _places(looked_at)
    first = np.flatnonzero(scores == scores.max())[0]
    here = places == theirs[first]
    if curve.epochs is not None and looked_at.epochs is not None:
        here &= ~(np.abs(curve.epochs - looked_at.epochs[first]) > 0)  # of two epochs, unless one is not said
    shared = np.flatnonzero(here)
    if len(shared):
        return float(places[shared[0]])
    if curve.epochs is None or looked_at.epochs is None:
        return None
    same = np.flatnonzero(curve.epochs == looked_at.epochs[first])
    return float(places[same].max()) if len(same) else None


def _single(path: Path, run: LoggedRun, metric: str, values: Any, place: float, duplicate: str) -> float:
    """Return the value at a place. Raise UsageError where there are different ones and nothing says which."""
    if len(np.unique(values)) > 1 and not duplicate:
        shown = ", ".join(f"{value:g}" for value in values[:3])
        raise UsageError(
            f"{path}: {metric} has {len(values)} values at one place, {place % ANEW:g}, in {run.name} ({shown}); say "
            "which by --duplicate first or --duplicate last"
        )
    return float(values[0] if duplicate == "first" else values[-1])
