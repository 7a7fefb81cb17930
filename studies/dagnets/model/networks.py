"""The networks of sections 4.6, 5.3 and 7.2, layer by layer as the slides list them, and their initial values.

Shape legend: B images, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.randomness import Dropout, draw_uniform, stream

Network = TypeVar("Network", bound=nn.Module)

CLASSES = 10
SIDES = (28, 33)  # pixels, of images on which the LeNet-like network's last linear layer fits
VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions of each stage


class Classifier(nn.Sequential):
    """Layers from images of one size (C, H, W) to the scores of the classes; the features end at the Flatten."""

    def __init__(self, name: str, size: tuple[int, int, int], layers: Iterable[nn.Module]) -> None:
        super().__init__(*layers)
        self.name, self.size = name, size

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the scores (B, classes). Raise UsageError for images of another size."""
        if tuple(x_BCHW.shape[1:]) != self.size:
            wanted, got = (", ".join(map(str, size)) for size in (self.size, x_BCHW.shape))
            raise UsageError(f"{self.name}: wanted images (B, {wanted}), got ({got}); give it images of that size")
        scores: Tensor = super().forward(x_BCHW)  # type: ignore[no-untyped-call]
        return scores


def lenet_like(channels: int = 1, side: int = 28) -> Classifier:
    """Return the LeNet-like network of the table of section 4.6; with (3, 32) a small network for CIFAR-10."""
    if channels < 1 or not SIDES[0] <= side <= SIDES[1]:
        raise UsageError(
            f"LeNet-like network: wanted 1 channel or more and {SIDES[0]} to {SIDES[1]} pixels a side, got {channels} "
            f"and {side}; build it for images whose maps end at 2x2"
        )
    return Classifier(
        "LeNet-like network",
        (channels, side, side),
        [
            nn.Conv2d(channels, 32, 5), nn.MaxPool2d(3), nn.ReLU(),
            nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, 200), nn.ReLU(), nn.Linear(200, CLASSES),
        ],
    )  # fmt: skip


def lenet5() -> Classifier:
    """Return LeNet5 as section 7.2 lists it."""
    features = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    scores = [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)]
    return Classifier("LeNet5", (1, 28, 28), [*features, nn.Flatten(), *scores])


def alexnet() -> Classifier:
    """Return AlexNet as section 7.2 lists it."""
    features = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    ]  # fmt: skip
    scores = [Dropout(0.5), nn.Linear(9216, 4096), nn.ReLU(), Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()]
    return Classifier("AlexNet", (3, 224, 224), [*features, nn.Flatten(), *scores, nn.Linear(4096, 1000)])


def vgg19() -> Classifier:
    """Return VGGNet19: 16 convolutions and 3 linear layers."""
    features: list[nn.Module] = []
    before = 3
    for channels, count in VGG19:
        for _ in range(count):
            features += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        features.append(nn.MaxPool2d(2))
    scores = [nn.Linear(25088, 4096), nn.ReLU(), Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(), Dropout(0.5)]
    return Classifier("VGGNet19", (3, 224, 224), [*features, nn.Flatten(), *scores, nn.Linear(4096, 1000)])


CLASSIFIERS: dict[str, Callable[[], Classifier]] = {
    "lenet_like": lenet_like,
    "lenet5": lenet5,
    "alexnet": alexnet,
    "vgg19": vgg19,
}


def parts(network: Classifier) -> tuple[Sequence[nn.Module], Sequence[nn.Module]]:
    """Return the layers before the Flatten and those after it."""
    layers = list(network)
    place = next(number for number, layer in enumerate(layers) if isinstance(layer, nn.Flatten))
    return layers[:place], layers[place + 1 :]


def initialise(network: nn.Module, seed: int) -> None:
    """Draw weights and offsets from U(-1, 1) / sqrt(fan-in), torch's default rule, from the seed's own stream."""
    generator = stream(seed, "initial values")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            for parameter in module.parameters():
                draw_uniform(parameter, -bound, bound, generator)


def on_meta(build: Callable[[], Network]) -> Network:
    """Build a network without memory for its numbers, to count and to shape."""
    with torch.device("meta"):
        return build().eval()
