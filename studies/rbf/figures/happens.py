"""What happens beside what the exercise says, worded from rows: the functions that claims.toml names as `happens`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.common import beside as table
from studies.common.found import Found
from studies.rbf.figures.rates import ADVISED, DEFAULTS, GOOD, recipe_name

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
    """Say how the forms of the layer go together."""
    return f"three forms agree to 1e-12 for {found.hold('layer_algebra', 'forms_agree')} layers"


def answers(found: Found) -> str:
    """Say where the layer's answers lie."""
    low, high = min(found.values("layer_algebra", "smallest")), max(found.values("layer_algebra", "largest"))
    at_centres = found.one("layer_algebra", "at_centres")
    return f"h lies between {low:.1g} and {high:.6f}, and is {at_centres:g} at the centres"


def slopes(found: Found) -> str:
    """Say of how many layers the gradients are right."""
    return f"gradients are those of finite differences for {found.hold('layer_algebra', 'gradcheck')} layers"


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


def start_normal(found: Found) -> str:
    """Say how the network learns from the start that the document gives."""
    return passed(found, "open_choices", **{**DEFAULTS, "start": "normal"})


def start_linear(found: Found) -> str:
    """Say how it learns from the default that we take, the start of a linear layer."""
    return f"as torch starts a linear layer: {passed(found, 'open_choices', **{**DEFAULTS, 'start': 'linear'})}"


def start_features(found: Found) -> str:
    """Say how it learns from the other start that we tried."""
    return f"with centres on features of images: {passed(found, 'open_choices', **{**DEFAULTS, 'start': 'features'})}"


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
    return (
        f"every sixth training image: {train:,.0f} images to train on, {chosen:,.0f} to choose the checkpoint by, "
        f"{test:,.0f} to test on"
    )


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


def places(found: Found) -> str:
    """Say where the centres lie."""
    inside = of_working(found, "centres_inside")
    return (
        f"where {GOOD} % is passed, {min(inside):.0f} to {max(inside):.0f} % of the centres lie inside the outline of "
        "the features"
    )


def widths(found: Found) -> str:
    """Say how wide the Gaussians become."""
    low, high = (of_working(found, name) for name in ("smallest_width", "largest_width"))
    least = min(found.values("learning_rates", "smallest_width", **ADVISED))
    most = max(found.values("learning_rates", "largest_width", **ADVISED))
    return (
        f"where {GOOD} % is passed, sigma lies between {min(low):.2f} and {max(high):.2f}; at the advised rate sigma, "
        f"which starts at 1, stays between {least:.3f} and {most:.3f}"
    )


def beside(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return what the exercise says beside what the rows come to."""
    return table.beside("rbf", rows, notes=NOTES)
