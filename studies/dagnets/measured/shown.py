"""What the training listing shows its network of each part of the data, and what a fixed network answers to that.

Shape legend: B batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repro.study import Run
from studies.common.rounding import significant
from studies.common.shown import first, shown_figures
from studies.common.training import reproducible, resident
from studies.dagnets import training
from studies.dagnets.cases import Shown
from studies.dagnets.model import networks

EVALUATED = 200  # images


def part_figures(case: Shown, run: Run) -> dict[str, float]:
    """Return the figures of a part, and error and loss of a fixed network in float64 on its first images."""
    network = networks.lenet_like()
    networks.initialise(network, 0)
    network.double().to(run.device)
    with reproducible():
        parts = training.parts_of(run, network)
        data = {"train": parts.train, "test": parts.test}[case.part]

        def inputs(images: Tensor) -> Tensor:
            return parts.inputs(images).double()

        error, losses_B = training.sample_losses(network, first(data, EVALUATED), inputs)
    evaluated = {"network_error": error, "network_loss": significant(float(losses_B.mean()))}
    return shown_figures(data, parts.inputs) | evaluated


def size_figures(run: Run) -> dict[str, float]:
    """Return the numbers of images, channels, pixels and classes of the run's data."""
    train, test = resident(run, "train", "test", classes=networks.CLASSES)
    shape = train.images.shape if train.images.dim() == 4 else train.images.unsqueeze(1).shape
    sizes = dict(zip(("channels", "height", "width"), map(float, shape[1:]), strict=True))
    classes = float(len(torch.unique(train.labels_N)))
    return {"train_images": float(len(train)), "test_images": float(len(test)), **sizes, "classes": classes}
