"""The exact rows: what they say, and that a planted mistake in layer, network or checkpoint moves them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from studies.rbf import study
from studies.rbf.cases import Layer, Size
from studies.rbf.measured import fixed
from studies.rbf.measured.fixed import filled, layer_figures, network_figures, round_trip_figures, wave
from studies.rbf.model import layer as layers
from studies.rbf.model.layer import SQUARED, RBFLayer, logical_copies
from studies.rbf.training import checkpoints

LAYER = Layer(features=2, centres=100, form="product")
SMALL = Size(side=8, first=3, second=4, activation="relu")


def rows() -> dict[str, dict[str, float]]:
    """Return the figures of the three exact experiments, for one case each."""
    return {
        "layer": layer_figures(LAYER),
        "network": network_figures(SMALL),
        "round_trip": round_trip_figures(SMALL),
    }


def moved(before: dict[str, dict[str, float]]) -> set[str]:
    """Return the names of the figures that are not what they were."""
    after = rows()
    return {
        f"{kind} {name}" for kind, figures in before.items() for name in figures if figures[name] != after[kind][name]
    }


@pytest.mark.parametrize("features", [1, 2, 5])
def test_the_forms_give_the_same_figures(features: int) -> None:
    found = [layer_figures(Layer(features, 100, form)) for form in SQUARED]  # type: ignore[arg-type]
    assert found[0] == found[1] == found[2]


def test_the_laws_hold() -> None:
    found = layer_figures(LAYER)
    assert (found["forms_agree"], found["gradcheck"], found["at_centres"]) == (1, 1, 1)
    assert (found["copy_stride"], found["copy_bytes"]) == (0, fixed.BATCH * 2 * 8)
    assert 0 < found["smallest"] < found["largest"] <= 1
    assert found["squared_twice"] > 0.1


def test_the_mean_is_that_of_the_formula_in_numpy() -> None:
    layer = filled(RBFLayer(2, 100))
    x = (1.2 * wave((fixed.BATCH, 2), 0.9, 0.5)).numpy()
    w, sigma = layer.w_KD.detach().numpy(), layer.sigma_K.detach().numpy()
    h = np.exp(-((x[:, None] - w[None]) ** 2).sum(axis=2) / (2 * sigma**2))
    assert layer_figures(LAYER)["mean"] == pytest.approx(h.mean(), rel=1e-5)


def test_the_networks_counts() -> None:
    found = network_figures(Size(8, 32, 32, "relu"))
    assert (found["parameters"], found["rbf_parameters"], found["output_parameters"]) == (28_160, 300, 1_010)
    assert network_figures(Size(28, 8, 16, "relu"))["rbf_parameters"] == 300


def test_the_activation_moves_the_network() -> None:
    relu, sigmoid = (network_figures(Size(8, 3, 4, name)) for name in ("relu", "sigmoid"))  # type: ignore[arg-type]
    assert relu["logit_norm"] != sigmoid["logit_norm"]
    assert relu["parameters"] == sigmoid["parameters"]


def sigma_for_its_square(patch: pytest.MonkeyPatch) -> None:
    def wrong(x_BD: Any, w_KD: Any, sigma_K: Any, form: Any = "product") -> Any:
        return torch.exp(-SQUARED[form](x_BD, w_KD) / (2 * sigma_K))

    patch.setattr(layers, "gaussians", wrong)


def squared_twice(patch: pytest.MonkeyPatch) -> None:
    right = SQUARED["product"]
    patch.setitem(SQUARED, "product", lambda x_BD, w_KD: right(x_BD, w_KD).square())


def no_square(patch: pytest.MonkeyPatch) -> None:
    right = SQUARED["product"]
    patch.setitem(SQUARED, "product", lambda x_BD, w_KD: right(x_BD, w_KD).sqrt())


def batch_statistics_in_evaluation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nn.BatchNorm2d, "eval", lambda self: self)
    patch.setattr(nn.Module, "eval", lambda self: self)


def physical_copies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fixed, "logical_copies", lambda x, w: tuple(each.contiguous() for each in logical_copies(x, w)))


def statistics_not_saved(patch: pytest.MonkeyPatch) -> None:
    def save(network: nn.Module, target: Any) -> None:
        torch.save(network.state_dict() | {"norm1.running_mean": torch.zeros(3)}, target)

    patch.setattr(checkpoints, "save", save)


def nothing_refused(patch: pytest.MonkeyPatch) -> None:
    def restore(network: nn.Module, source: io.BytesIO) -> None:
        state = torch.load(source, weights_only=True)
        own = network.state_dict()
        network.load_state_dict(
            {name: value for name, value in state.items() if value.shape == own[name].shape}, strict=False
        )

    patch.setattr(checkpoints, "restore", restore)


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        (sigma_for_its_square, {"layer mean", "layer sigma_gradient", "network logit_norm", "network loss"}),
        (squared_twice, {"layer mean", "layer forms_agree", "network logit_norm"}),
        (no_square, {"layer mean", "layer forms_agree", "network logit_norm"}),
        (batch_statistics_in_evaluation, {"network feature_norm", "network loss"}),
        (physical_copies, {"layer copy_stride", "layer copy_bytes"}),
        (statistics_not_saved, {"round_trip restored"}),
        (nothing_refused, {"round_trip refused"}),
    ],
)
def test_a_planted_mistake_moves_an_exact_row(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], seen: set[str]
) -> None:
    before = rows()
    assert moved(before) == set()
    plant(monkeypatch)
    found = moved(before)
    assert seen <= found


@pytest.mark.parametrize("name", ["layer_algebra", "architecture", "round_trip"])
def test_every_case_gives_the_declared_metrics(name: str) -> None:
    experiment = study.experiments[name]
    assert experiment.deterministic
    for case in experiment.cases:
        found = experiment.function(case, None)  # type: ignore[arg-type]
        assert set(found) == {metric.name for metric in experiment.metrics}
        assert found == experiment.function(case, None)  # type: ignore[arg-type]
