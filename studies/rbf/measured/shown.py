"""What the network is shown of each part of the data, and what a fixed network answers when it is evaluated on that.

Shape legend: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from torch import Tensor

from repro.study import Run
from studies.common.rounding import significant
from studies.common.shown import first, shown_figures
from studies.common.training import evaluate, reproducible
from studies.rbf.cases import Shown, Size
from studies.rbf.measured.fixed import filled_network
from studies.rbf.training import fitting

EVALUATED = 200  # images


def part_figures(case: Shown, run: Run) -> dict[str, float]:
    """Return the figures of a part, and error, loss and feature norm of a fixed network in float64 on its first images.

    The network has running statistics of its own and is handed over as training leaves it: what evaluates it has to
    choose the mode.
    """
    with reproducible():
        parts = fitting.parts_of(run)
        data = {"train": parts.train, "validation": parts.val, "test": parts.test}[case.part]
        some = first(data, EVALUATED)
        first_block, second_block = run.settings.channels
        size = Size(some.images.shape[-1], first_block, second_block, "relu")
        network = filled_network(size).to(run.device)

        def inputs(images: Tensor) -> Tensor:
            return parts.inputs(images).double()

        error, loss = evaluate(network.train(), some, inputs)
        features_BD = fitting.features_of(network.train(), some, inputs)
    evaluated = {"network_loss": significant(loss), "network_feature_norm": significant(float(features_BD.norm()))}
    return shown_figures(data, parts.inputs) | {"network_error": error} | evaluated
