"""The figures of what a network is shown follow from images, labels, their pairing, their order and the inputs."""

import math

import pytest
import torch

from studies.common.shown import first, held, shown_figures, weights
from studies.common.training import Labelled


def plain(images: torch.Tensor) -> torch.Tensor:
    return images.unsqueeze(1).to(torch.float32).div_(16)


def images(count: int = 250) -> Labelled:
    draw = torch.Generator().manual_seed(0)
    shown = torch.randint(0, 17, (count, 4, 5), generator=draw, dtype=torch.uint8)
    return Labelled(shown, torch.arange(count) % 10)


def test_they_are_the_sums_they_say() -> None:
    data = images()
    x = data.images.double() / 16
    wave = torch.tensor([1 + math.sin(0.7 * place) / 2 for place in range(20)], dtype=torch.float64)
    sums = (x.flatten(1) * wave).mean(dim=1)
    places = torch.tensor([1 + math.sin(0.3 * place) / 2 for place in range(250)], dtype=torch.float64)
    assert shown_figures(data, plain) == {
        "images": 250.0,
        "mean": held(float(x.mean())),
        "mean_square": held(float(x.square().mean())),
        "by_label": held(float((data.labels_N * sums).mean())),
        "by_place": held(float((places * sums).mean())),
    }


def changed(name: str) -> Labelled:
    data = images()
    if name == "label":
        labels = data.labels_N.clone()
        labels[[3, 4]] = labels[[4, 3]]
        return Labelled(data.images, labels)
    if name == "pixel":
        shown = data.images.clone()
        shown[7, 2, 2] ^= 8
        return Labelled(shown, data.labels_N)
    order = torch.arange(250)
    order[[0, 9]] = order[[9, 0]]
    return Labelled(data.images[order], data.labels_N[order])


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("label", {"by_label"}),
        ("pixel", {"mean", "mean_square", "by_label", "by_place"}),
        ("order", {"by_place"}),
    ],
)
def test_a_change_is_seen_where_it_belongs(name: str, moved: set[str]) -> None:
    before, after = shown_figures(images(), plain), shown_figures(changed(name), plain)
    assert {figure for figure in before if before[figure] != after[figure]} == moved


def test_other_inputs_are_seen() -> None:
    assert shown_figures(images(), plain) != shown_figures(images(), lambda some: some.unsqueeze(1).float())


def test_zero_has_no_sign() -> None:
    assert math.copysign(1, held(-1e-9)) == 1
    assert weights(1, 0.3).tolist() == [1.0]


def test_the_first_are_the_first() -> None:
    some = first(images(), 3)
    assert (len(some), some.images.shape) == (3, (3, 4, 5))
