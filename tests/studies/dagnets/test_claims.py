"""The slides' registry: what it covers, its headlines, and evidence that follows the code it is computed from."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from repro import printed, registry
from repro.audit.evidence import Runs, exact
from repro.errors import UsageError
from repro.golden import stored
from studies.dagnets import profiles
from studies.dagnets.cases.libraries import COLOURS
from studies.dagnets.claims import classifiers, evidence, graph, layers, library, pooling, training
from studies.dagnets.measured import dag, detached, filters, updates
from studies.dagnets.measured.printed import (
    architectures,
    autograd,
    convolution,
    losses,
    modules,
    optimisers,
    resnet,
)
from studies.dagnets.model import networks
from studies.dagnets.published import layers as lists
from studies.dagnets.published.items import PUBLISHED, published_named
from tests.repro.support.evidence import answer
from tests.studies.registries import Registry

REGISTRY = Registry("dagnets")
CLAIMS, finding = REGISTRY.claims, REGISTRY.judgement


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("lenet-total", "reproduced", "105,506"),
        ("lenet-total-products", "reproduced", "1,333,200"),
        ("alexnet-parameters", "reproduced", "61,100,840"),
        ("vgg19-parameters", "reproduced", "143,667,240"),
        ("dag-backward-x2", "erratum", "differ by 1.21"),
        ("resnet-flops-101", "reproduced", "7570194432"),
        ("convolutionize-equal", "reproduced", "1"),
    ],
)
def test_headlines_are_read_from_exact_rows(name: str, verdict: str, words: str) -> None:
    if not stored.path_of(registry.root(), "dagnets", "smoke").exists():
        pytest.skip("no golden holds the figures yet")
    found = finding(name)
    assert found.verdict == verdict
    assert words in found.evidence


@pytest.mark.parametrize("name", ["cifar-facts", "cifar-test-images", "cifar-width"])
def test_what_takes_real_data_waits_for_faithful_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch)
    assert finding(name).verdict == "inconclusive"
    assert asked == ["paper"]


@pytest.mark.parametrize(("count", "verdict"), [(50_000.0, "reproduced"), (49_999.0, "erratum")])
def test_images_that_are_counted_decide_either_way(count: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, count)
    assert finding("cifar-facts").verdict == verdict


SHARED = {claim.id: item for claim in CLAIMS.values() for item in PUBLISHED
          if claim.compute.endswith(f".{item.name}") and claim.judge in ("printed", "count")}  # fmt: skip
IN_WORDS = ("12 times",)  # printed numbers with a unit, which the registry keeps apart
OPEN = tuple(item.name for item in PUBLISHED if any(part.endswith("…") for part in item.parts))


@pytest.mark.parametrize("name", SHARED)
def test_registry_and_study_have_the_same_prints(name: str) -> None:
    item = SHARED[name]
    if item.name in OPEN or item.parts == IN_WORDS:
        assert item.parts[0].removesuffix("…").startswith(CLAIMS[name].published[0])
    else:
        assert [value_of(text) for text in CLAIMS[name].published] == [value_of(text) for text in item.parts]


def value_of(text: str) -> Any:
    try:
        return printed.parse(text).value
    except UsageError:
        return text


# Planted mistakes

ORIGINAL_FORWARD, ORIGINAL_DAG = dag.forward, dag.by_hand
ORIGINAL_LENET, ORIGINAL_GRADIENT = networks.lenet_like, updates.accumulation_figures
ORIGINAL_EXACT, ORIGINAL_CONVOLUTION, ORIGINAL_MAXIMA = exact, layers.F.conv2d, layers.F.max_pool2d


def no_error(_action: Callable[[], object]) -> list[str]:
    return ["no error"]


def rows(**other: float) -> Callable[..., list[float]]:
    """Return what stands for rows, in which some metrics of all cases are others."""

    def found(study: str, experiment: str, *metrics: str, **fields: Any) -> list[float]:
        values = ORIGINAL_EXACT(study, experiment, *metrics, **fields)
        return [other.get(metric, value) for metric, value in zip(metrics, values, strict=True)]

    return found


def of_torchvision(experiment: str, **other: float) -> Callable[..., list[float]]:
    """Return the same for one of torchvision's experiments."""
    fields = {"paths": 1} if experiment == "torchvision_residual" else {}
    return partial(rows(**other), "dagnets", experiment, **fields)


def normalised_as_listed() -> dict[str, float]:
    """Return mean and deviation of pictures that are normalised as the listing's."""
    picture = (library.drawn("picture", 3, library.SIDE, library.SIDE) + 1) / 2
    mean, deviation = float(picture.mean()), float(picture.std())
    return {f"mean_{colour}": mean - deviation for colour in COLOURS} | {
        f"deviation_{colour}": 2 * deviation for colour in COLOURS
    }


def refusal(_action: Callable[[], object]) -> list[str]:
    return ["AssertionError: nn criterions don't compute the gradient w.r.t. targets - please"]


@pytest.mark.parametrize(
    ("name", "place", "attribute", "planted", "verdict"),
    [
        ("adam-bias-correction", training, "exact", rows(w_50=-4.0), "reproduced"),
        ("adam-defaults", optimisers, "adam_defaults", lambda: [0.9, 0.99, 1e-8], "erratum"),
        ("dag-backward-activations", dag, "by_hand", lambda nodes, _: ORIGINAL_DAG(nodes, "transposed"), "reproduced"),
        ("dag-weight-sharing", dag, "by_hand", lambda nodes, _: ORIGINAL_DAG(nodes, "one_term"), "erratum"),
        ("dag-forward", dag, "forward", lambda w1, w2, x: replace(ORIGINAL_FORWARD(w1, w2, x), x3=x), "erratum"),
        ("ag-detach-off", autograd, "PRINTED_RATE", 0.01, "erratum"),
        ("ag-detach-on", detached, "STEPS", 20, "erratum"),
        ("ag-detach-one-step-size", detached, "RATES", (0.01, 0.02, 0.34), "erratum"),
        ("ag-int-error", autograd, "raised", no_error, "erratum"),
        ("ag-int-error-words", autograd, "raised", lambda _: [
            "RuntimeError: only Tensors of floating point dtype can require gradients"], "reproduced"),
        ("ag-inplace-mul-error", autograd, "raised", no_error, "erratum"),
        ("ag-leaf-inplace", autograd, "raised", no_error, "erratum"),
        ("mod-mse-target-grad", modules, "raised", refusal, "reproduced"),
        ("mod-relu", modules, "RELU_INPUT", ((0.9,) * 5,) * 2, "erratum"),
        ("conv-dense-params", convolution, "IMAGE_NUMBERS", 256 * 256, "erratum"),
        ("conv-dense-memory", convolution, "FLOAT_BYTES", 8, "erratum"),
        ("conv-mnist-filters", filters, "KERNELS", filters.KERNELS | {"laplacian": ((0, 1, 0),) * 3}, "erratum"),
        ("pool-example", convolution, "POOLED", (((0,) * 6,) * 2,) * 2, "erratum"),
        ("lenet-pool-shapes", networks, "lenet_like", lambda: ORIGINAL_LENET(1, 30), "erratum"),
        ("ce-value", losses, "TARGETS", (1, 1), "erratum"),
        ("ce-closed-form", losses, "SCORES", ((-1.0, -3.0, 4.1), (-3.0, 3.0, -1.0)), "erratum"),
        ("ce-onehot", losses, "LABELS", (2, 1, 1, 3, 3), "erratum"),
        ("sgd-full", training, "exact", rows(updates=1.0), "erratum"),
        ("sgd-full", training, "exact", rows(loss_after=3.0), "erratum"),
        ("sgd-minibatch-indent", training, "exact", rows(updates=9.0), "reproduced"),
        ("optim-groups", training, "exact", rows(moved=-0.25), "erratum"),
        ("train-settings", training, "PAPER", replace(profiles.PAPER, settings=replace(
            profiles.PAPER.settings, mnist=replace(profiles.PAPER.settings.mnist, epochs=9))), "erratum"),
        ("alexnet-aug-count", architectures, "WINDOW", 225, "erratum"),
        ("alexnet-parameters-by-list", lists, "ALEXNET", lists.ALEXNET[:-1], "erratum"),
        ("sgd-accumulate", updates, "accumulation_figures", lambda *given: dict(
            ORIGINAL_GRADIENT(*given), ratio_sum=3.0), "erratum"),
        ("alexnet-torchvision", library, "exact", rows(of_our_sizes=14.0), "erratum"),
        ("alexnet-ends", library, "classifier", of_torchvision("torchvision_classifiers", side=227.0), "erratum"),
        ("lenet5-ends", lists, "LENET5", lists.LENET5[1:], "erratum"),
        ("convolutionize-equal-lenet5", classifiers, "exact", rows(equal=0.0), "erratum"),
        ("convolutionize-equal-lenet5", classifiers, "exact", rows(cells_gap=0.05), "erratum"),
        ("convolutionize-reuse", classifiers, "exact", rows(products_saved=1.0), "erratum"),
        ("standard-structure", lists, "LENET5", lists.LENET5[::-1], "erratum"),
        ("standard-structure", library, "classifier",
         of_torchvision("torchvision_classifiers", convolutions_behind=1.0), "erratum"),
        ("vgg19-layers", library, "classifier", of_torchvision("torchvision_classifiers", convolutions=13.0),
         "erratum"),
        ("sgd-local-minima", training, "drawn", lambda _, *size: torch.zeros(size), "erratum"),
        ("adam-in-place-of-sgd", training, "exact", rows(loss_after=2.5), "erratum"),
        ("pool-shift", pooling.F, "max_pool2d", lambda x, size: ORIGINAL_MAXIMA(x, (size, 1)), "erratum"),
        ("mod-timing-bug", layers, "exact", rows(beside_input=1.0, on_cpu=0.0), "reproduced"),
        ("lenet-zero-rows", layers, "products", lambda *_: 1, "erratum"),
        ("ce-range-zero", training, "_loss_of", lambda score, *_: 1 / score, "erratum"),
        ("ce-softmax-sum", training.nn, "Softmax", training.nn.Softmin, "erratum"),
        ("functional-defaults", layers.F, "conv2d", lambda x, kernel, **given: ORIGINAL_CONVOLUTION(
            x, kernel, **{"padding": 1, **given})[..., :7, :7], "erratum"),
        ("mod-loss-target", layers.nn, "CrossEntropyLoss", lambda: lambda *_: torch.tensor(math.nan), "erratum"),
        ("mnist-old-names", library, "exact", rows(taken=0.0), "erratum"),
        ("pretrained-kw", library, "exact", rows(taken=0.0), "erratum"),
        ("alexnet-dog-picture", library, "classifier",
         of_torchvision("torchvision_classifiers", **normalised_as_listed()), "reproduced"),
        ("googlenet-ratio", library, "classifier", lambda _, network: [12.0 if network == "alexnet" else 1.0],
         "reproduced"),
        ("resnet-downsampling", library, "residual", of_torchvision("torchvision_residual", halving_2=0.0), "erratum"),
        ("resnet-flops-50", library, "exact", rows(products=4e9), "erratum"),
        ("resnet-bottleneck", resnet, "weights", lambda *_, **__: 1, "erratum"),
        ("resnet-block64", resnet, "weights", lambda *_, **__: 37_600, "erratum"),
        ("resnet-depths", library, "residual", of_torchvision("torchvision_residual", weight_layers=50.0), "erratum"),
        ("resnet-table-blocks", library, "residual", of_torchvision("torchvision_residual", side_4=8.0), "erratum"),
        ("resnet-stem", library, "residual", of_torchvision("torchvision_residual", stem_kernel=3.0), "erratum"),
        ("resnet-head", library, "residual", of_torchvision("torchvision_residual", averaged_width=2.0), "erratum"),
        ("resnet-channels", library, "residual", of_torchvision("torchvision_residual", channels_1_1=128.0), "erratum"),
        ("resnet-blocks-18", library, "residual", of_torchvision("torchvision_residual", blocks_3=3.0), "erratum"),
        ("resnext-params", library, "exact", lambda *_, paths, **__: [80_000.0 if paths == 32 else 69_632.0],
         "erratum"),
    ],
)  # fmt: skip
def test_evidence_follows_what_it_is_computed_from(
    name: str, place: Any, attribute: str, planted: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding(name).verdict != verdict
    monkeypatch.setattr(place, attribute, planted)
    assert finding(name).verdict == verdict


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_one_name_of_a_licence_among_those_of_parts_is_not_that_of_the_whole(
    kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package states six licences, two of them BSD, so that "BSD" stands there whatever PyTorch's own is."""
    monkeypatch.setattr(importlib.metadata, "files", lambda _: [tmp_path / "LICENSE", tmp_path / "part" / "LICENSE"])
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "LICENSE").write_text("\n".join(graph.BSD))
    (tmp_path / "LICENSE").write_text("\n".join(graph.BSD))
    assert finding("framework-pytorch-licence").verdict == "reproduced"
    (tmp_path / "LICENSE").write_text("\n".join(graph.BSD[:kept]))
    assert finding("framework-pytorch-licence").verdict == "erratum"


@pytest.mark.parametrize(
    ("name", "topic", "item", "parts"),
    [
        ("lenet-total-is-sum", "architectures", "table_parameters", ("833", "51,264", "51,400", "2,010", "105,506")),
        ("lenet-total-products-is-sum", "architectures", "table_products", ("460,800", "819,200", "51,200", "2", "0")),
    ],
)
def test_totals_follow_the_printed_columns(
    name: str, topic: str, item: str, parts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(published_named(topic, item), parts=parts)
    monkeypatch.setattr(layers, "published_named", lambda *_: changed)
    assert finding(name).verdict == "erratum"


@pytest.mark.parametrize(
    ("value", "text", "near"),
    [
        (154.6, "150", True),  # rounded to two digits
        (159.9, "150", True),  # cut off
        (160.0, "150", False),
        (144.9, "150", False),
        (73.856, "73", True),
        (74.0, "73", False),
        (72.4, "73", False),
    ],
)
def test_an_approximate_print_is_two_digits_rounded_or_cut_off(value: float, text: str, near: bool) -> None:
    assert evidence.about(value, text) == near


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("cifar-loss-rises-there", {"best_loss_epoch": 20.0, "best_error_epoch": 29.0},
         {"best_loss_epoch": 20.0, "best_error_epoch": 11.0}),
        ("train-listing", {"error": 1.0}, {"error": 60.0}),
    ],
)  # fmt: skip
def test_what_is_trained_waits_for_faithful_runs(
    name: str, better: dict[str, float], worse: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "values", lambda *_: Runs(()))
    assert "repro run dagnets --profile paper" in finding(name).evidence
    for found, verdict in ((better, "reproduced"), (worse, "not reproduced")):
        runs = {metric: tuple(value + step / 100 for step in range(6)) for metric, value in found.items()}
        if "best_error_epoch" in runs:
            runs["best_loss_epoch"] = (20.0,) * 6
        monkeypatch.setattr(training, "values", lambda *asked, runs=runs: Runs(runs[asked[3]]))
        assert finding(name).verdict == verdict


def test_an_initialisation_is_told_apart_from_the_cited_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "from 1,000 to 100 up to 0.032, by the proposal up to 0.074" in finding("train-initialisation").evidence
    monkeypatch.setattr(training.nn.Linear, "reset_parameters", lambda layer: training.nn.init.ones_(layer.weight))
    assert finding("train-initialisation").verdict == "erratum"
