"""The mistakes that are easily made in sesn's code, and the runs of the smoke profile that show each."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studies.sesn.data import affine, transforms
from studies.sesn.data.augmentation import augment, factors
from studies.sesn.model import bases, fast, layers
from studies.sesn.training import mnist
from tests.studies.goldens import Mistake

CACHED = (
    bases._functions,
    bases._functions_for,
    *(thing for thing in vars(fast).values() if hasattr(thing, "cache_clear")),
)


def physicists_hermite(patch: pytest.MonkeyPatch) -> None:
    probabilists = bases.hermite
    patch.setattr(bases, "hermite", lambda x, order: 2 ** (order / 2) * probabilists(2**0.5 * x, order))


def centre_of_the_image(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(affine, "CENTRE_SHIFT", 0.0)  # 14.0 of 28 where the recipe has 14.5


def plainly(layer: layers.LiftConv2d, x: Tensor, *, project: bool, pool: int, pool_padding: int = 0) -> Tensor:
    """Evaluate a layer as its equations read, from its `kernels`."""
    assert project
    return torch.nn.functional.max_pool2d(layer.plain(x).amax(2), pool, padding=pool_padding)


def reshape_without_permutation(patch: pytest.MonkeyPatch) -> None:
    compose = layers.LiftConv2d.kernels

    def kernels(self: layers.LiftConv2d) -> Tensor:
        kernels_OCSKK = compose(self)
        outputs, channels, scales = kernels_OCSKK.shape[:3]
        return kernels_OCSKK.reshape(outputs, scales, channels, *kernels_OCSKK.shape[3:]).transpose(1, 2)

    patch.setattr(layers.LiftConv2d, "kernels", kernels)
    patch.setattr(layers.LiftConv2d, "forward", plainly)


def mean_over_scales(patch: pytest.MonkeyPatch) -> None:
    def forward(layer: layers.LiftConv2d, x: Tensor, *, project: bool, pool: int, pool_padding: int = 0) -> Tensor:
        assert project
        return torch.nn.functional.max_pool2d(layer.plain(x).mean(2), pool, padding=pool_padding)

    patch.setattr(layers.LiftConv2d, "forward", forward)


def smaller_hole(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(transforms.PROTOCOL.__dict__, "hole", 16)


def narrower_padding(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(transforms.PROTOCOL.__dict__, "padding", 4)


def augmented_test_images(patch: pytest.MonkeyPatch) -> None:
    evaluate, generator = mnist.evaluate, torch.Generator().manual_seed(0)

    def shown(images: Tensor) -> Tensor:
        return mnist.normalised(augment(images, factors(len(images), 0.5, generator)))

    patch.setattr(mnist, "evaluate", lambda network, data, _: evaluate(network, data, shown))


def forget() -> None:
    """Empty what the layers remember of their bases."""
    for function in CACHED:
        function.cache_clear()


MISTAKES: tuple[Mistake, ...] = (
    Mistake(physicists_hermite, "kernels", forget=forget),
    Mistake(centre_of_the_image, "scaling", forget=forget),
    Mistake(reshape_without_permutation, "forward", ("model=scalar_small",), forget=forget),
    Mistake(mean_over_scales, "forward", ("model=scalar_small",), forget=forget),
    Mistake(smaller_hole, "transforms", forget=forget),
    Mistake(narrower_padding, "transforms", forget=forget),
    Mistake(augmented_test_images, "shown_images", forget=forget),
)
