"""What the exercise says, slide by slide, and which rows answer it; numbers R1 to R9 are those of the study's plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.common.found import Found, Statement
from studies.common.found import beside as compared
from studies.rbf.rates import ADVISED, DEFAULTS, GOOD, recipe_name

NOTES = (
    "Of several values mean, lowest and highest, or the lowest and the highest. What `layer_algebra`, `architecture`, "
    "`round_trip` and `shown_images` find is the same in every run. 8x8 digits stand in for MNIST."
)


def working(found: Found) -> list[dict[str, Any]]:
    """Return the recipes of which every run passed 90 %."""
    cases = found.cases("learning_rates", "reached_90")
    return [json.loads(case) for case, reached in cases.items() if set(reached) == {1.0}]


def of_working(found: Found, metric: str) -> list[float]:
    """Return a metric of all runs of the recipes that work."""
    return [one for case in working(found) for one in found.values("learning_rates", metric, **case)]


def passed(found: Found, experiment: str, **case: Any) -> str:
    """Say in how many runs 90 % was passed, and the test error."""
    rows = found.rows(experiment, "reached_90", **case)
    error = found.spread(experiment, "error", ".1f", **case)
    count = sum(row["value"] for row in rows)
    return f"{count:g} of {len(rows)} runs pass {GOOD} % within {rows[0]['epochs']} epochs; test error {error} %"


def formula(found: Found) -> str:
    """Say what the layer computes."""
    forms, slopes = (found.hold("layer_algebra", name) for name in ("forms_agree", "gradcheck"))
    low, high = min(found.values("layer_algebra", "smallest")), max(found.values("layer_algebra", "largest"))
    return (
        f"three forms agree to 1e-12 for {forms} layers, gradients are those of finite differences for {slopes}; h "
        f"lies between {low:.1g} and {high:.6f}, and is {found.one('layer_algebra', 'at_centres'):g} at the centres"
    )


def sums(found: Found) -> str:
    """Say how the two slides go together."""
    return (
        "the same numbers, if A holds squared distances; with the first slide's a^2 put in for A, that is A^2, h is "
        f"off by up to {max(found.values('layer_algebra', 'squared_twice')):.2f}"
    )


def copies(found: Found) -> str:
    """Say what logical copies take."""
    stride = found.one("layer_algebra", "copy_stride")
    sizes = [found.one("layer_algebra", "copy_bytes", features=count) for count in (1, 2, 5)]
    return (
        f"strides of {stride:g}; behind 7 inputs of 1, 2 and 5 numbers of 8 bytes lie "
        f"{', '.join(f'{size:g}' for size in sizes)} bytes, for 3 centres and for 100"
    )


def start(choice: str) -> Callable[[Found], str]:
    """Return what says how a start of the RBF layer learns."""
    return lambda found: passed(found, "open_choices", **{**DEFAULTS, "start": choice})


def network(found: Found) -> str:
    """Say how many parameters the network has."""
    size = {"side": 8, "first": 32, "second": 32, "activation": "relu"}
    names = ("rbf_parameters", "output_parameters", "parameters")
    rbf, output, whole = (found.one("architecture", name, **size) for name in names)
    return (
        f"{rbf:,.0f} parameters in the RBF layer, {output:,.0f} in the output; {whole:,.0f} in all with 32 and 32 "
        "channels on 8x8 pixels"
    )


def given(found: Found) -> str:
    """Say what is trained on, chosen by and tested on."""
    train, chosen, test = (found.one("shown_images", "images", part=part) for part in ("train", "validation", "test"))
    return f"{train:,.0f} images to train on, {chosen:,.0f} to choose the checkpoint by, {test:,.0f} to test on"


def good(found: Found) -> str:
    """Say which recipes are good in every run."""
    cases, names = found.cases("learning_rates", "reached_90"), [recipe_name(case) for case in working(found)]
    return f"passed in every run by {len(names)} of {len(cases)} settings: {'; '.join(sorted(names))}"


def advised(found: Found) -> str:
    """Say what the advised rate comes to."""
    means = {case: sum(values) / len(values) for case, values in found.cases("learning_rates", "error").items()}
    mine = next(mean for case, mean in means.items() if json.loads(case) == ADVISED)
    rank = sum(mean < mine for mean in means.values())
    return f"{passed(found, 'learning_rates', **ADVISED)}; {rank} of {len(means) - 1} other settings err less"


def patience(found: Found) -> str:
    """Say how many epochs 90 % takes at the rates that pass it."""
    epochs = of_working(found, "epochs_to_90")
    return f"{min(epochs):g} to {max(epochs):g} epochs are enough for {GOOD} % where every run passes it"


def best(found: Found) -> str:
    """Say what checkpoints give back, and when the best one was."""
    epochs = of_working(found, "best_epoch")
    return (
        f"restored, {found.hold('round_trip', 'restored')} networks give the same logits to the bit, and "
        f"{found.hold('round_trip', 'refused')} refuse another's checkpoint; where {GOOD} % is passed, the best is "
        f"that of epoch {min(epochs):g} to {max(epochs):g}"
    )


def neighbours(found: Found) -> str:
    """Say what the plane of the features is worth."""
    own, theirs = of_working(found, "error"), of_working(found, "neighbour_error")
    share = min((100 - other) / (100 - one) for one, other in zip(own, theirs, strict=True))
    return (
        f"where {GOOD} % is passed, five nearest neighbours in the plane err in {min(theirs):.1f} to {max(theirs):.1f} "
        f"%, the network in {min(own):.1f} to {max(own):.1f} %; their accuracy is at least {share:.3f} of the network's"
    )


def sizes(found: Found) -> str:
    """Say how wide the Gaussians become, and where the centres lie."""
    low, high, inside = (of_working(found, name) for name in ("smallest_width", "largest_width", "centres_inside"))
    least = min(found.values("learning_rates", "smallest_width", **ADVISED))
    most = max(found.values("learning_rates", "largest_width", **ADVISED))
    return (
        f"where {GOOD} % is passed, sigma lies between {min(low):.2f} and {max(high):.2f}, and {min(inside):.0f} to "
        f"{max(inside):.0f} % of the centres inside the outline of the features; at the advised rate sigma, which "
        f"starts at 1, stays between {least:.3f} and {most:.3f}"
    )


STATEMENTS = (
    Statement("R1", "RBF layer", "a = |w - x|, h = exp(-a^2 / (2 sigma^2))", ("layer_algebra",), formula),
    Statement("R1", "batches", "A = sum of (w - x)^2, H = exp(-A / (2 sigma^2))", ("layer_algebra",), sums),
    Statement("R1", "batches", "`expand` makes logical copies, no physical ones", ("layer_algebra",), copies),
    Statement("R3", "start", "W from N(0, 1), sigma all 1", ("open_choices",), start("normal")),
    Statement("R3", "start", "the default is inappropriate (ours: as torch starts a linear layer)", ("open_choices",),
              start("linear")),
    Statement("R3", "start", "a better start is possible (ours: centres on features of images)", ("open_choices",),
              start("features")),
    Statement("R2", "Task 1", "convolutions, FC to 2, RBF layer of 100, FC to 10", ("architecture",), network),
    Statement("R3", "Task 2", "choose by validation data (ours: every sixth training image)", ("shown_images",), given),
    Statement("R3", "Task 2", "above 90 % is good", ("learning_rates",), good),
    Statement("R4", "Task 2", "a low learning rate, about 1e-4, despite batch norm", ("learning_rates",), advised),
    Statement("R4", "Task 2", "100 epochs or more", ("learning_rates",), patience),
    Statement("R9", "Task 2", "save the best model on validation data", ("round_trip", "learning_rates"), best),
    Statement("R7", "Task 3", "show the features before the RBF layer, by class", ("learning_rates",), neighbours),
    Statement("R8", "Task 4", "show the 100 centres, their size by variance", ("learning_rates",), sizes),
)  # fmt: skip


def beside(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the statements beside what the rows come to."""
    return compared(STATEMENTS, rows, notes=NOTES)
