"""A name that is none of those known is refused with those that are, and is not taken for one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from repro.errors import UsageError
from repro.study import Run
from studies.common.datasets import DIGITS
from studies.dagnets.measured import (
    confidence,
    conversion,
    dag,
    devices,
    filters,
    laws,
    library,
    moments,
    optimisers,
    speed,
    updates,
)


def digits() -> Run:
    return Run("dagnets", "a test", "smoke", "{}", 0, 0, None, DIGITS)


UNKNOWN: dict[str, tuple[Callable[[Any], object], str]] = {
    "Adam": (
        moments.adam_figures,
        "Adam: unknown form 'none'; choose one of slide",
    ),
    "rule": (
        lambda name: moments.valley_figures(name, 30.0),
        "valley: unknown rule 'none'; choose one of sgd",
    ),
    "DAG": (
        dag.backward_figures,
        "DAG by hand: unknown form 'none'; choose one of transposed",
    ),
    "loss": (
        confidence.confidence_figures,
        "answers: unknown loss 'none'; choose one of mean_square",
    ),
    "listing": (
        lambda name: updates.trained(name, torch.zeros(1, 4), torch.zeros(1).long()),
        "training by a listing: unknown listing 'none'; choose one of manual, optim",
    ),
    "comparison": (
        lambda name: speed.speed_figures(name, 1, 1, "cpu"),
        "speed-up: unknown comparison 'none'; choose one of batch, batch_on_device, dense",
    ),
    "kernel": (lambda name: filters.kernel_figures(name, digits()), "kernel made by hand: unknown name 'none'; "),
    "law": (laws.law_figures, "law: unknown name 'none'; choose one of grad_of_several"),
    "law of optimisers": (
        optimisers.law_figures,
        "law of optimisers: unknown name 'none'; choose one of descent_by_hand",
    ),
    "descent": (
        optimisers.descent_figures,
        "training on drawn vectors: unknown listing 'none'; choose one of manual, optim",
    ),
    "branch": (devices.branch_figures, "timing listing: unknown branch 'none'; choose one of batch, loop"),
    "old name": (library.name_figures, "torchvision: unknown name 'none'; choose one of train_data"),
    "classifier": (library.classifier_figures, "torchvision: unknown classifier 'none'; choose one of alexnet"),
    "layers": (library.list_figures, "torchvision: unknown list of layers 'none'; choose one of alexnet"),
    "network": (
        conversion.conversion_figures,
        "conversion: unknown network 'none'; choose one of alexnet, lenet5",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_unknown_name_is_refused(what: str) -> None:
    function, said = UNKNOWN[what]
    with pytest.raises(UsageError) as caught:
        function("none")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
