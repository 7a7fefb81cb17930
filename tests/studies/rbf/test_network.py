"""The deep RBF network: its sizes, its start, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import scipy.stats
import torch
from torch import nn

from repro.errors import UsageError
from studies.rbf.model.network import DeepRBF, initialise


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class TestSizes:
    """FC 2, RBF 100, FC 10 (Task 1); the rest is ours."""

    def test_parameters(self) -> None:
        network = DeepRBF(8)
        assert count(network) == 28_160
        assert count(network.rbf) == 300
        assert count(network.output) == 1_010
        by_hand = (25 + 1) * 32 + 2 * 32 + (25 * 32 + 1) * 32 + 2 * 32 + (32 * 2 * 2 + 1) * 2 + 300 + 1_010
        assert count(network) == by_hand

    def test_parameters_of_the_layer_are_the_networks(self) -> None:
        """A tensor wrapped in Parameter and kept on the layer is found among the network's."""
        named = {name: tuple(value.shape) for name, value in DeepRBF(8).named_parameters()}
        assert named["rbf.w_KD"] == (100, 2)
        assert named["rbf.sigma_K"] == (100,)

    @pytest.mark.parametrize("side", [8, 28, 30])
    @pytest.mark.parametrize("kernel", [3, 5])
    def test_two_features_and_ten_logits(self, side: int, kernel: int) -> None:
        network = DeepRBF(side, (3, 4), kernel=kernel)
        x_BCHW = torch.rand(6, 1, side, side)
        assert network.features(x_BCHW).shape == (6, 2)
        assert network(x_BCHW).shape == (6, 10)

    def test_the_features_are_what_the_rbf_layer_sees(self) -> None:
        network = DeepRBF(8, (3, 4)).eval()
        x_BCHW = torch.rand(6, 1, 8, 8)
        assert torch.equal(network.output(network.rbf(network.features(x_BCHW))), network(x_BCHW))

    def test_the_activation_is_used(self) -> None:
        networks = [DeepRBF(8, (3, 4), activation=name).eval() for name in ("relu", "sigmoid")]
        for network in networks:
            initialise(network, 0)
        x_BCHW = torch.rand(6, 1, 8, 8)
        assert not torch.allclose(*(network.features(x_BCHW) for network in networks))


class TestStart:
    def test_seed_decides_every_parameter_but_the_fixed_ones(self) -> None:
        networks = [DeepRBF(8, (3, 4)) for _ in range(3)]
        for network, seed in zip(networks, (1, 1, 2), strict=True):
            initialise(network, seed)
        one, again, other = (dict(network.named_parameters()) for network in networks)
        assert all(torch.equal(one[name], again[name]) for name in one)
        alike = {name for name in one if torch.equal(one[name], other[name])}
        assert alike == {"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "rbf.sigma_K"}

    def test_it_does_not_depend_on_torchs_own_generator(self) -> None:
        before = torch.random.get_rng_state()
        network = DeepRBF(8, (3, 4))
        torch.random.set_rng_state(before)
        initialise(network, 1)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_convolutions_start_as_torch_starts_them(self) -> None:
        network, theirs = DeepRBF(8, (32, 64)), nn.Conv2d(32, 64, 5)
        initialise(network, 3)
        found, expected = (each.weight.detach().flatten()[:4000].numpy() for each in (network.conv2, theirs))
        assert scipy.stats.ks_2samp(found, expected).pvalue > 0.001
        assert abs(found).max() <= 1 / (32 * 25) ** 0.5


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"side": 3}, "wanted images of 4 pixels a side or more, got 3"),
            ({"side": 8, "kernel": 4}, "wanted an odd kernel, so that padding keeps the size, got 4"),
            ({"side": 8, "activation": "tanh"}, "unknown activation 'tanh'; choose one of relu, sigmoid"),
            ({"side": 8, "channels": (0, 4)}, r"wanted 2 numbers of channels from 1, got \(0, 4\)"),
            ({"side": 8, "channels": (4,)}, r"wanted 2 numbers of channels from 1, got \(4,\)"),
        ],
    )
    def test_what_cannot_be_built(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            DeepRBF(**arguments)

    @pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 1, 28, 28), (2, 8, 8)])
    def test_images_of_another_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError) as found:
            DeepRBF(8, (3, 4))(torch.zeros(shape))
        assert f"wanted images (B, 1, 8, 8), got {shape}; " in str(found.value)
