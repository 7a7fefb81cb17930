"""The MNIST networks: sizes, the released code's logits, where the steps stand, how they start."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.randomness import Dropout, stream
from studies.sesn.measured.fixed import fill
from studies.sesn.model import mnist, reduction
from studies.sesn.model.mnist import ARCHITECTURES, MnistNetwork, build, initialise

Oracle = Mapping[str, NDArray[np.float64]]
PUBLISHED = [name for name in ARCHITECTURES if not name.endswith("small")]
ORDER = ("convolutions.{}", "norms.{}")  # of the released definition: each convolution before its norm


def in_released_order(network: MnistNetwork) -> list[tuple[str, Tensor]]:
    """Return the parameters in the order in which the released networks define theirs."""
    places = [place.format(block) for block in range(3) for place in ORDER]
    places += ["hidden", "hidden_norm", "output"]
    return [
        (f"{place}.{name}", parameter)
        for place in places
        for name, parameter in network.get_submodule(place).named_parameters()
    ]


def filled(name: str) -> MnistNetwork:
    network = build(name)
    fill(in_released_order(network), gain=2)
    return network


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_network_has_494549_parameters(name: str) -> None:
    with torch.device("meta"):
        network = build(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == 494_549


def test_the_small_networks_are_of_one_size() -> None:
    sizes = {sum(p.numel() for p in build(name).parameters()) for name in ARCHITECTURES if name.endswith("small")}
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("name", "supports"),
    [
        ("scalar_28", (5, 7, 11, 15)),
        ("scalar_28p", (5, 7, 9, 13)),
        ("scalar_56", (7, 11, 15)),
        ("scalar_56p", (5, 9, 17)),
        ("vector_28", (5, 7, 13)),
        ("vector_28p", (5, 9, 15)),
        ("vector_56", (7, 9, 11, 15)),
        ("vector_56p", (7, 9, 11, 13)),
    ],
)
def test_supports_are_the_released_ones(name: str, supports: tuple[int, ...]) -> None:
    assert ARCHITECTURES[name].basis.supports() == supports


@pytest.mark.parametrize("name", ["scalar_28", "vector_28"])
class TestOracle:
    """The released code's outputs, gradients and order of steps."""

    def test_logits_loss_and_features(self, name: str, oracle: Oracle) -> None:
        network, x = filled(name).eval(), torch.from_numpy(oracle["mnist/x"])
        labels = torch.from_numpy(oracle["mnist/labels"])
        logits = network(x)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        expected = torch.from_numpy(oracle[f"mnist/{name}/logits"])
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
        features = torch.from_numpy(oracle[f"mnist/{name}/features"])
        torch.testing.assert_close(network.features(x), features, rtol=1e-4, atol=1e-4)
        assert loss.item() == pytest.approx(float(oracle[f"mnist/{name}/loss"]), rel=1e-5)
        norms = [parameter.grad.norm().item() for _, parameter in in_released_order(network)]
        np.testing.assert_allclose(norms, oracle[f"mnist/{name}/grad_norms"], rtol=1e-4, atol=1e-6)
        first = torch.from_numpy(oracle[f"mnist/{name}/grad_conv1"])
        torch.testing.assert_close(network.convolutions[0].weight.grad, first, rtol=1e-4, atol=1e-4)

    def test_logits_with_the_batch_statistics(self, name: str, oracle: Oracle) -> None:
        network = filled(name).train()
        network.dropout.p = 0
        expected = torch.from_numpy(oracle[f"mnist/{name}/logits_train_bn_nodropout"])
        torch.testing.assert_close(network(torch.from_numpy(oracle["mnist/x"])), expected, rtol=1e-4, atol=1e-4)

    def test_the_mean_over_scales_is_another_network(
        self, name: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reduction, "project", lambda x_BCSHW: x_BCSHW.mean(dim=2))
        network = filled(name).eval()
        for layer in network.convolutions:
            layer.fast = False
        logits = network(torch.from_numpy(oracle["mnist/x"]))
        assert not torch.allclose(logits, torch.from_numpy(oracle[f"mnist/{name}/logits"]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["scalar_small", "vector_small", "vector_28", "scalar_56p", "cnn_28"])
def test_relu_may_follow_pooling(name: str) -> None:
    """The published order is ReLU, then max-pool; both are monotone."""
    network = build(name).double().eval()
    initialise(network, 0)
    x = torch.rand(2, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    images = F.interpolate(x, scale_factor=2, mode="nearest") if network.architecture.image == 56 else x
    torch.testing.assert_close(network.features(x), published_order(network, images), rtol=1e-10, atol=1e-10)


def published_order(network: MnistNetwork, x: Tensor) -> Tensor:
    """Return the features by the steps as published: convolution, projection, ReLU, pooling, norm."""
    last = 8 if network.architecture.image == 56 else 4
    for block, (layer, norm) in enumerate(zip(network.convolutions, network.norms, strict=True)):
        pool, padding = (last, 2) if block == 2 else (2, 0)
        if isinstance(layer, nn.Conv2d):
            out = F.relu(layer(x))
        elif network.architecture.kind == "scalar" or block == 2:
            out = F.relu(layer.plain(x).amax(2))
        else:
            out = F.max_pool3d(F.relu(layer.plain(x)), (1, 2, 2))
            x = norm(out)
            continue
        x = norm(F.max_pool2d(out, pool, padding=padding))
    return x


class TestInitialise:
    def test_weights_have_the_law_of_the_released_code(self) -> None:
        network = build("vector_28")
        initialise(network, 0)
        weight = network.convolutions[1].weight
        bound = 1 / math.sqrt(32 * 49)
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
        assert network.convolutions[1].bias.abs().max() == 0
        assert network.output.bias.abs().max() > 0

    def test_seed_decides(self) -> None:
        networks = [build("scalar_small") for _ in range(3)]
        for network, seed in zip(networks, (1, 1, 2), strict=True):
            initialise(network, seed)
        one, again, other = (network.state_dict() for network in networks)
        assert all(torch.equal(one[key], again[key]) for key in one)
        assert not torch.equal(one["output.weight"], other["output.weight"])


class TestDropout:
    def test_mask_comes_from_the_generator(self) -> None:
        dropout, x = Dropout(0.7), torch.ones(1000)
        found = []
        for seed in (1, 1, 2):
            dropout.generator = stream(seed, "dropout")
            found.append(dropout(x))
        assert torch.equal(found[0], found[1])
        assert not torch.equal(found[0], found[2])
        assert torch.unique(found[0]).tolist() == pytest.approx([0, 1 / 0.3])
        assert found[0].mean().item() == pytest.approx(1, abs=0.15)

    def test_evaluation_drops_nothing(self) -> None:
        x = torch.rand(5)
        assert Dropout(0.7).eval()(x) is x

    def test_training_without_a_generator_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no generator"):
            Dropout(0.7)(torch.ones(3))

    @pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
    def test_a_wrong_probability_is_refused(self, p: float) -> None:
        with pytest.raises(UsageError, match=r"\[0, 1\)"):
            Dropout(p)


def test_an_unknown_network_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no network 'scaler_28'; did you mean 'scalar_28'\?"):
        mnist.build("scaler_28")
