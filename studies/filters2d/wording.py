"""How the sentences beside the notebook's statements are worded from result rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studies.common.found import Found, spread

Part = Callable[[Found], str]


def words(template: str, **parts: Part) -> Part:
    """Return what fills a sentence with its parts, each worded from the rows."""
    return lambda found: template.format(**{name: part(found) for name, part in parts.items()})


def of(experiment: str, metric: str, spec: str = ".2g", **fields: Any) -> Part:
    """Return what words a metric's mean and range."""
    return lambda found: found.spread(experiment, metric, spec, **fields)


def one(experiment: str, metric: str, spec: str = ".0f", **fields: Any) -> Part:
    """Return what words a metric that has one value."""
    return lambda found: f"{found.one(experiment, metric, **fields):{spec}}"


def times(experiment: str, spec: str = ".2f", **fields: Any) -> Part:
    """Return what words an error over that of the best linear filter."""
    return lambda found: spread([10**value for value in found.values(experiment, "log10_ratio", **fields)], spec)


def law(name: str) -> Part:
    """Return what words how far the two sides of a law lie apart."""

    def said(found: Found) -> str:
        distance = found.one("laws_stated", "apart", law=name)
        return (
            "holds, to 1e-12 in float64"
            if distance == 0
            else f"does not hold: the sides differ by {distance:.3g} times"
        )

    return said


def outlines(density: float, metric: str = "batch_error", head: str = "dense") -> Part:
    """Return what words test errors on squares and rectangles, for a number of images for each position."""
    return of("square_or_rectangle", metric, ".1f", side=48, per_position=density, head=head)


def overlap(metric: str = "overlap", **fields: Any) -> Part:
    """Return what words an overlap of blobs or boundaries."""
    return of("blob_boundaries", metric, ".1f", **fields)


def inverse(experiment: str) -> Part:
    """Return what words the errors of non-linear networks of one kind."""
    pairs = (("sigmoid", "sgd"), ("sigmoid", "adam"), ("relu", "sgd"), ("relu", "adam"))
    parts = {f"{hidden}_{by}": times(experiment, hidden=hidden, optimiser=by) for hidden, by in pairs}
    return words(
        "sigmoid, as printed: {sigmoid_sgd} times by descent, {sigmoid_adam} times by Adam; ReLU: {relu_sgd} times by "
        "descent, {relu_adam} times by Adam",
        **parts,
    )
