"""The smoke golden passes with the committed code and fails with each of the mistakes that are easily made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from repro.errors import IntegrityError
from repro.golden import findings
from studies.sesn import affine, bases, fast, layers, scaled, stl10_transforms, train_mnist
from studies.sesn.augmentation import augment, factors
from tests.studies.goldens import check_with, fresh_runs

Plant = Callable[[pytest.MonkeyPatch], None]
CACHED = (bases._functions, *(thing for thing in vars(fast).values() if hasattr(thing, "cache_clear")))


def check(experiment: str, *where: str) -> findings.CheckResult:
    return check_with("sesn", fresh_runs("sesn", experiments=[experiment], where=where))


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
    patch.setitem(stl10_transforms.PROTOCOL.__dict__, "hole", 16)


def narrower_padding(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(stl10_transforms.PROTOCOL.__dict__, "padding", 4)


def augmented_test_images(patch: pytest.MonkeyPatch) -> None:
    evaluate, generator = train_mnist.evaluate, torch.Generator().manual_seed(0)

    def shown(images: Tensor) -> Tensor:
        return train_mnist.normalised(augment(images, factors(len(images), 0.5, generator)))

    patch.setattr(train_mnist, "evaluate", lambda network, data, _: evaluate(network, data, shown))


def forget() -> None:
    """Empty what the layers remember of their bases."""
    for function in CACHED:
        function.cache_clear()


MISTAKES = {
    physicists_hermite: ("kernels",),
    centre_of_the_image: ("scaling",),
    reshape_without_permutation: ("forward", "model=scalar_small"),
    mean_over_scales: ("forward", "model=scalar_small"),
    smaller_hole: ("transforms",),
    narrower_padding: ("transforms",),
    augmented_test_images: ("shown_images",),
}


@pytest.mark.parametrize("where", dict.fromkeys(MISTAKES.values()), ids=" ".join)
def test_what_is_made_anew_passes(where: tuple[str, ...]) -> None:
    result = check(*where)
    assert result.exit_code == 0, findings.render(result)


@pytest.mark.parametrize("plant", MISTAKES, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_a_deviation(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    forget()
    try:
        result = check(*MISTAKES[plant])
    finally:
        monkeypatch.undo()
        forget()
    assert result.exit_code == 1, findings.render(result)


def test_layers_evaluated_plainly_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what the planted layers are caught by is the mistake, not the way they are evaluated."""
    monkeypatch.setattr(layers.LiftConv2d, "forward", plainly)
    result = check("forward", "model=scalar_small")
    assert result.exit_code == 0, findings.render(result)


def test_images_scaled_about_another_centre_are_not_the_pinned_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from repro import data as data_
    from repro.data import read_verified

    centre_of_the_image(monkeypatch)
    monkeypatch.setattr(data_, "kept_at", lambda _: None)  # made anew, not read from the cache
    with pytest.raises(IntegrityError, match="digits-scale-0"):
        read_verified(scaled.SCALED_DIGITS)
