"""The exercise's registry: what it covers, its headlines, and evidence that follows the code it is computed from."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import torch
from torch import Tensor

from studies.rbf import cases, claims
from studies.rbf.measured import fixed
from studies.rbf.model import layer, network
from tests.repro.support.evidence import answer
from tests.studies.registries import Registry

REGISTRY = Registry("rbf")
CLAIMS, finding = REGISTRY.claims, REGISTRY.judgement
GAUSSIANS = layer.gaussians


@pytest.mark.parametrize("name", ["advised-rate-learns", "low-rate-needed", "epochs", "good", "start-default"])
def test_what_takes_training_waits_for_faithful_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch)
    assert finding(name).verdict == "inconclusive"
    assert asked == ["paper"]


@pytest.mark.parametrize(
    ("name", "errors", "verdict"),
    [
        ("advised-rate-learns", [53.0, 60.0, 58.0, 49.0, 55.0], "not reproduced"),
        ("advised-rate-learns", [6.0, 7.0, 6.5, 6.2, 5.9], "reproduced"),
        ("low-rate-needed", [2.0, 2.1, 1.9, 2.2, 2.0], "not reproduced"),
        ("low-rate-needed", [89.0, 90.0, 88.0, 90.0, 90.0], "reproduced"),
        ("epochs", [101.0, 101.0, 101.0, 101.0, 101.0, 101.0], "reproduced"),
        ("epochs", [4.0, 6.0, 5.0, 5.0, 7.0], "not reproduced"),
    ],
)
def test_runs_decide_either_way(name: str, errors: list[float], verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, *errors)
    assert finding(name).verdict == verdict


# Planted mistakes


def city_blocks(x_BD: Tensor, w_KD: Tensor) -> Tensor:
    return (w_KD[None] - x_BD[:, None]).abs().sum(dim=2)


def physical(x_BD: Tensor, w_KD: Tensor) -> tuple[Tensor, Tensor]:
    x_BKD, w_BKD = layer.logical_copies(x_BD, w_KD)
    return x_BKD.contiguous(), w_BKD.contiguous()


def densities(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, _form: str = "norm") -> Tensor:
    """Return a normal density, whose sign follows that of sigma."""
    return torch.exp(-(city_blocks(x_BD, w_KD) ** 2) / (2 * sigma_K**2)) / (sigma_K * 2.5066282746310002)


def cut_off(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: str = "norm") -> Tensor:
    """Return the layer's answers, with half the gradient by the widths."""
    return GAUSSIANS(x_BD, w_KD, sigma_K.detach() + (sigma_K - sigma_K.detach()) / 2, form)


@pytest.mark.parametrize(
    ("name", "place", "attribute", "planted", "verdict"),
    [
        ("date", claims, "DAY", datetime.date(2021, 5, 29), "erratum"),
        ("distance", layer, "squared_by_norm", city_blocks, "erratum"),
        ("activation", layer, "SQUARED", layer.SQUARED | {"copies": city_blocks}, "erratum"),
        ("density", layer, "gaussians", densities, "erratum"),
        ("sigma-squared", layer, "gaussians", densities, "erratum"),
        ("batch-activation", layer, "SQUARED", layer.SQUARED | {"copies": city_blocks}, "erratum"),
        ("sums-of-squares", layer, "squared_by_copies", city_blocks, "erratum"),
        ("logical-copies", fixed, "logical_copies", physical, "erratum"),
        ("batch-shapes", layer, "logical_copies", lambda x, w: (x, w), "erratum"),
        ("start", layer, "draw_normal", lambda one, *_: one.data.fill_(0.5), "erratum"),
        ("sizes", network, "CENTRES", 50, "erratum"),
        ("shapes-problem", claims, "SIZES_TRIED", ((3, 1, 2), (1, 5, 2)), "erratum"),
        ("advice", claims, "ADVISED", cases.Recipe("sgd", 1e-3), "erratum"),
        ("range", layer, "gaussians", densities, "erratum"),
        ("differentiable", layer, "gaussians", cut_off, "erratum"),
        ("best-model", fixed, "refuses", lambda *_: False, "erratum"),
    ],
)  # fmt: skip
def test_evidence_follows_what_it_is_computed_from(
    name: str, place: Any, attribute: str, planted: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding(name).verdict != verdict
    monkeypatch.setattr(place, attribute, planted)
    assert finding(name).verdict == verdict


@pytest.mark.parametrize("seed", range(13, 18))
def test_the_start_is_found_right_whatever_the_seed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "SEED", seed)
    assert finding("start").verdict == "reproduced"
    assert finding("initialisers").verdict == "reproduced"


def test_a_layer_without_a_base_constructor_is_refused() -> None:
    assert finding("base-constructor").evidence.startswith("AttributeError")
