"""The notebook's registry: what it covers, its headlines, and evidence that follows the code it is computed from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from repro import registry
from repro.audit.evidence import published
from repro.audit.judges import accused
from repro.errors import UsageError
from repro.golden.stored import path_of
from studies.filters2d import model, profiles
from studies.filters2d.claims import evidence, inverse, linear, recurrent, text
from studies.filters2d.claims import shapes as claimed
from studies.filters2d.data import shapes, signals
from studies.filters2d.measured import filters, listings, transforms
from studies.filters2d.training import search
from tests.repro.support.evidence import answer
from tests.studies.registries import Registry

REGISTRY = Registry("filters2d")
CLAIMS, finding = REGISTRY.claims, REGISTRY.judgement


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("xyz-of-light", "reproduced"), ("fft-rotation", "reproduced")],
)
def test_laws_are_read_from_exact_rows(name: str, verdict: str) -> None:
    if not path_of(registry.root(), "filters2d", "smoke").exists():
        pytest.skip("no golden holds the laws yet")
    assert finding(name).verdict == verdict


@pytest.mark.parametrize(
    "name", ["cannot-capture", "square-chance", "square-error", "bayer-deeper", "channel-nonlinear", "median-good"]
)
def test_what_takes_training_waits_for_faithful_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch)
    assert finding(name).verdict == "inconclusive"
    assert asked == ["paper"]


@pytest.mark.parametrize(
    ("name", "errors", "verdict"),
    [
        ("cannot-capture", [0.0, 0.1, 0.0, 0.3, 0.1], "not reproduced"),
        ("cannot-capture", [47.0, 46.8, 47.2, 48.0, 46.9], "reproduced"),
        ("bayer-deeper", [0.24, 0.22, 0.25, 0.23, 0.21], "not reproduced"),
        ("bayer-deeper", [-0.2, -0.19, -0.22, -0.18, -0.2], "reproduced"),
        ("square-error", [46.0, 46.5, 47.1, 46.9, 46.6], "reproduced"),
        ("square-error", [20.0, 22.0, 21.0, 19.0, 20.0], "not reproduced"),
    ],
)
def test_runs_decide_either_way(name: str, errors: list[float], verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, *errors)
    assert finding(name).verdict == verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("modules", "transcription"),
        ("functions", "transcription"),
        ("bayer-code", "transcription"),
        ("aliasing-code", "transcription"),
        ("square-labels", "transcription"),
        ("executable", "protocol mismatch"),
        ("squares", "erratum"),
    ],
)
def test_damage_and_age_are_not_held_against_the_author(name: str, verdict: str) -> None:
    ((_, said),) = accused([(CLAIMS[name], finding(name))])
    assert said.verdict == verdict


# Planted mistakes


def curves(name: str, planted: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    """Return the curves of section 13.2, one of them approximated by something planted."""
    return filters.CURVES | {name: (planted, filters.CURVES[name][1])}


@pytest.mark.parametrize(
    ("name", "place", "attribute", "planted", "verdict"),
    [
        ("dots-density", signals, "DENSITY", 0.03, "erratum"),
        ("linearity", signals, "gaussian", lambda images, _: images.square(), "erratum"),
        ("kernel-footprint", signals, "SIGMAS", (6.0, 1.0), "erratum"),
        ("xyz-linear", signals, "xyz", lambda rgb: rgb + 1, "reproduced"),
        ("xyz-per-pixel", signals, "xyz", lambda rgb: rgb + rgb.mean(), "erratum"),
        ("xyz-reference", linear, "SRGB", linear.CIE_RGB, "reproduced"),
        ("xyz-comparison", filters, "MATRICES", filters.MATRICES | {"printed": signals.LEARNED_XYZ}, "reproduced"),
        ("bayer-pattern", signals, "mosaic", lambda images: images, "erratum"),
        ("bayer-code", listings, "LISTINGS", {"bayer_index": (int, IndexError)}, "reproduced"),
        ("channel-parameters", signals, "NOISE", 0.03, "erratum"),
        ("channel-parameters", signals, "CHANNEL_SIGMAS", (0.5, 2.0), "erratum"),
        ("channel-model", signals, "degraded", lambda images, _: images.square(), "erratum"),
        ("linear-inverse", inverse, "formula_of_the_inverse", lambda c, w, _: torch.linalg.inv(w), "erratum"),
        ("square-share", claimed, "TESTED", 30, "erratum"),
        ("waves", signals, "wave_1d", lambda x, **_: x, "erratum"),
        ("planar-waves", signals, "wave_2d", lambda x, *_, **__: x, "erratum"),
        ("fft-faster", inverse, "transformed", lambda x: (np.fft.fft(x), len(x) ** 2 // 10), "erratum"),
        ("fft-faster", inverse, "transformed", lambda x: (np.fft.ifft(x), 1), "erratum"),
        ("fft-faster", inverse, "layer_of_frequencies", lambda x: (x, 2 * len(x) ** 2), "erratum"),
        ("sigmoid-identity", filters, "CURVES", curves("identity", lambda x: 0.4 * x), "erratum"),
        ("sigmoid-softplus", filters, "CURVES", curves("softplus", lambda x: np.maximum(x - 0.1, 0)), "erratum"),
        ("layer-impulse", transforms, "kernel_of", lambda _: torch.ones(15, 15), "erratum"),
        ("squares", shapes, "HALVES", (8, 9), "reproduced"),
        ("rectangles", shapes, "LEAST_DIFFERENCE", 1, "erratum"),
        ("outline-images", shapes, "NOISE", 0.06, "erratum"),
        ("blob-percentile", shapes, "FILLED", 60, "erratum"),
        ("boundary", shapes, "boundary", lambda blobs: blobs, "erratum"),
        ("reverse-view", shapes, "FILLED", 5, "erratum"),
        ("with-pooling", shapes, "FILLED", 5, "erratum"),
        ("with-pooling", claimed, "BLOCKS", 4, "erratum"),
        ("square-hardly", claimed, "TESTED", 5000, "erratum"),
        ("blob-numbers", shapes, "BLOB_BLUR", 10.0, "erratum"),
        ("bayer-network", inverse, "KERNELS", {"mosaic": 7}, "erratum"),
        ("channel-network", inverse, "KERNELS", {"channel": 5}, "erratum"),
        ("median-network", model, "median_network", lambda: nn.Sequential(*[nn.Conv2d(1, 1, 3)] * 4), "erratum"),
        ("topology-network", model, "topology_network", lambda: nn.Sequential(nn.Conv2d(1, 8, 7)), "erratum"),
        ("classifier-features", model, "CLASSES", 2, "erratum"),
        ("median-of-dots", signals, "median", lambda images: images, "erratum"),
        ("recursion-factors", signals, "DECAY", 0.6, "erratum"),
        ("recursion-network", signals, "recursive", lambda values: values, "erratum"),
        ("recursion-approximates", recurrent, "recursive_off", lambda order: 0.1 / order, "erratum"),
        ("pulses", signals, "GAIN", 3.0, "erratum"),
        ("lstm2-output", listings, "LISTINGS", {"conv2d_name": (int, AttributeError)}, "reproduced"),
        ("trainer-rates", profiles, "WIDE", (1e-6, 1e2), "erratum"),
        ("descent", search, "MOMENTUM", 0.8, "erratum"),
        ("modules", text, "IMPORTED_MODULES", ("imgclass", "imgimg", "imging", "layers"), "reproduced"),
        ("functions", text, "DEFINED_FUNCTIONS", tuple(text.CALLED_FUNCTIONS), "reproduced"),
    ],
)  # fmt: skip
def test_evidence_follows_what_it_is_computed_from(
    name: str, place: Any, attribute: str, planted: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding(name).verdict != verdict
    monkeypatch.setattr(place, attribute, planted)
    assert finding(name).verdict == verdict


def test_a_layer_that_is_not_linear_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bent(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).relu()

    monkeypatch.setattr(model, "filter_layer", lambda *_: Bent(1, 1, 15, padding=7))
    assert finding("layer-is-fir").verdict == "erratum"
    assert finding("layer-impulse").verdict == "erratum"


# Stored plots


def stored(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(evidence, "published", lambda study, one: (value,) if one == name else published(study, one))


def test_lower_stored_losses_bear_the_conclusions_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stored(monkeypatch, "bayer-nonlinear-loss", "1.33e-3")
    assert finding("bayer-own-plots").verdict == "reproduced"
    stored(monkeypatch, "boundary-loss", "1.0e-2")
    assert finding("boundary-own-plot").verdict == "erratum"
    stored(monkeypatch, "reverse-loss-lowest", "0.06")
    assert finding("reverse-own-plot").verdict == "erratum"


def test_few_printed_errors_are_better_than_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "468 errors of 1,000" in finding("square-hardly").evidence
    stored(monkeypatch, "square-hardly", "0.440")
    assert finding("square-hardly").verdict == "erratum"


@pytest.mark.parametrize("loss", ["1.42e-3", "1.47e-3", "1.52e-3"])
def test_readings_that_do_not_tell_give_no_verdict(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(monkeypatch, "bayer-nonlinear-loss", loss)
    with pytest.raises(UsageError, match="overlap"):
        finding("bayer-own-plots")


def test_another_budget_of_the_mosaic_is_another_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    ours = profiles.PAPER.settings
    swapped = replace(ours, mosaic_linear=ours.mosaic)
    monkeypatch.setattr(profiles, "PAPER", replace(profiles.PAPER, settings=swapped))
    assert finding("mosaic-samples").evidence == "one layer: 100,000 samples there, 1,000,000 here"
    assert finding("batches").evidence == "In [28]: 20 there, 200 here"


def test_products_of_the_layer_are_those_that_torch_counts() -> None:
    x = np.linspace(-1, 1, 64)
    with FlopCounterMode(display=False) as counter:
        _, products = inverse.layer_of_frequencies(x)
    assert 2 * products == counter.get_total_flops()  # torch counts sums too


def test_descent_has_the_momentum_that_the_claim_reads() -> None:
    (group,) = search.optimiser_of("sgd", nn.Linear(1, 1), 0.1).param_groups
    assert group["momentum"] == search.MOMENTUM == float(published("filters2d", "descent")[0])
