"""The networks: parameter counts, shapes, initial weights, switches, and the listing's module built by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from studies.common.randomness import stream
from studies.rfnn.model.layers import GaussianConv2d, batch_statistics
from studies.rfnn.model.network import AS_PUBLISHED, RFNN, ControlCNN, Switches, TwoBlocks, drop, initialise

CNN_PARAMETERS = {  # rows: first kernel, columns: second kernel, in {3, 5, 7, 9}
    3: (878_732, 1_009_804, 1_206_412, 1_468_556),
    5: (879_756, 1_010_828, 1_207_436, 1_469_580),
    7: (881_292, 1_012_364, 1_208_972, 1_471_116),
    9: (883_340, 1_014_412, 1_211_020, 1_473_164),
}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def listed(network: TwoBlocks) -> nn.Sequential:
    """Build appendix A.2's module from standard parts; it shares the network's parameters."""

    class Plain(nn.Module):
        def __init__(self, layer: GaussianConv2d) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer.plain(x)

    blocks = [Plain(layer) if isinstance(layer, GaussianConv2d) else layer for layer in (network.first, network.second)]
    return nn.Sequential(
        network.batchnorm,
        *(blocks[0], nn.MaxPool2d(2), nn.ELU()),
        *(blocks[1], nn.MaxPool2d(network.pool_second), nn.ELU()),
        *(nn.Flatten(), network.hidden, nn.ELU(), nn.Dropout(), network.output, nn.LogSoftmax(dim=1)),
    )


@pytest.mark.parametrize(("bias", "count"), [(True, 928_268), (False, 928_076)])
@pytest.mark.parametrize("layout", ["as_listed", "as_described"])
def test_rfnn_has_the_parameters_of_figure_4_2(bias: bool, count: int, layout: str) -> None:
    for scales in ((0.5, 0.5), (2.0, 1.0)):
        assert parameters(RFNN(*scales, Switches(bias=bias, layout=layout))) == count  # type: ignore[arg-type]


@pytest.mark.parametrize("first", CNN_PARAMETERS)
def test_control_cnn_has_the_parameters_of_figure_4_4(first: int) -> None:
    assert tuple(parameters(ControlCNN(first, second)) for second in (3, 5, 7, 9)) == CNN_PARAMETERS[first]


def test_upscaling_leaves_the_parameters_alone() -> None:
    assert parameters(RFNN(1, 1, Switches(upsample="bilinear"))) == 928_268


@pytest.mark.parametrize(
    ("upsample", "size", "first", "second"),
    [("none", 28, (64, 14, 14), (128, 7, 7)), ("bilinear", 28, (64, 28, 28), (128, 7, 7)),
     ("none", 16, (64, 8, 8), (128, 4, 4))],
)  # fmt: skip
def test_blocks_have_the_shapes_of_the_thesis(
    upsample: str, size: int, first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    network = RFNN(1, 1, Switches(upsample=upsample), image_size=size)  # type: ignore[arg-type]
    seen = size if upsample == "none" else 2 * size
    with torch.no_grad():
        outputs = network.blocks(torch.rand(2, 1, seen, seen))
        assert network(torch.rand(2, 1, seen, seen)).shape == (2, 10)
    assert [tuple(output.shape[1:]) for output in outputs] == [first, second]
    assert network.hidden.in_features == second[0] * second[1] * second[2]


@pytest.mark.parametrize("kernels", [(3, 9), (7, 5)])
def test_control_cnn_keeps_the_size_of_its_images(kernels: tuple[int, int]) -> None:
    with torch.no_grad():
        first, second = ControlCNN(*kernels).blocks(torch.rand(1, 1, 28, 28))
    assert (first.shape[1:], second.shape[1:]) == ((64, 14, 14), (128, 7, 7))


def test_worked_example_of_section_3_3_2() -> None:
    layer = GaussianConv2d(3, 10, 1.0)
    assert layer.weight.shape == (10, 45, 1, 1)
    assert layer(torch.rand(1, 3, 32, 32)).shape == (1, 10, 32, 32)


@pytest.mark.parametrize(
    "network",
    [RFNN(0.5**0.5, 2, Switches(), image_size=8), RFNN(1, 1, Switches(layout="as_described"), image_size=8),
     RFNN(1, 0.5, Switches(upsample="bilinear", bias=False), image_size=8), ControlCNN(5, 3, image_size=8)],
    ids=["listed", "described", "upscaled", "control"],
)  # fmt: skip
class TestAgainstTheListing:
    """Outputs and gradients are those of appendix A.2's module, in training and in evaluation (float64)."""

    def test_in_training(self, network: TwoBlocks) -> None:
        network.double().train()
        initialise(network, 3, "uniform")
        reference = listed(network)
        side = 16 if network.pool_second == 4 else 8
        x = torch.rand(6, 1, side, side, dtype=torch.float64)
        labels = torch.arange(6)
        torch.manual_seed(5)
        expected = torch.autograd.grad(F.nll_loss(reference(x), labels), list(network.parameters()))
        moments = (network.batchnorm.running_mean.clone(), network.batchnorm.running_var.clone())  # type: ignore[union-attr]
        network.batchnorm.reset_running_stats()
        torch.manual_seed(5)
        keep = F.dropout(torch.ones(6, 128, dtype=torch.float64)) > 0
        loss = F.nll_loss(network(x, batch_statistics(network.batchnorm, x), keep), labels)
        for gradient, wanted in zip(torch.autograd.grad(loss, list(network.parameters())), expected, strict=True):
            torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close((network.batchnorm.running_mean, network.batchnorm.running_var), moments)

    def test_in_evaluation(self, network: TwoBlocks) -> None:
        network.double().eval()
        reference = listed(network).eval()
        side = 16 if network.pool_second == 4 else 8
        x = torch.rand(3, 1, side, side, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(network(x), reference(x))


def test_evaluation_repeats_itself_and_dropout_would_not() -> None:
    network = RFNN(1, 1, image_size=8)
    initialise(network, 0, "ones")
    x = torch.rand(4, 1, 8, 8)
    generator = stream(0, "planted")

    def dropout_left_on() -> torch.Tensor:
        return network(x, None, torch.rand(4, 128, generator=generator) < 0.5)

    with torch.no_grad():
        assert torch.equal(network(x), network(x))
        assert not torch.equal(dropout_left_on(), dropout_left_on())


def test_evaluation_of_one_image_does_not_depend_on_the_others() -> None:
    network = ControlCNN(3, 3, image_size=8)
    initialise(network, 0, "ones")
    x = torch.rand(4, 1, 8, 8) * torch.arange(1, 5).view(4, 1, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(network(x[:1]), network(x)[:1])
        planted = [network(part, batch_statistics(network.batchnorm, part)) for part in (x[:1], x)]
    assert not torch.allclose(planted[0], planted[1][:1], atol=1e-3)


class TestInitialise:
    def weights(self, seed: int, switches: Switches = AS_PUBLISHED) -> dict[str, torch.Tensor]:
        network = RFNN(1, 1, switches, image_size=8)
        initialise(network, seed, switches.gain)
        return {name: value.detach().clone() for name, value in network.named_parameters()}

    def test_same_seed_same_bits_whatever_the_global_generator(self) -> None:
        torch.manual_seed(1)
        one = self.weights(7)
        torch.manual_seed(2)
        other = self.weights(7)
        assert all(torch.equal(one[name], other[name]) for name in one)

    def test_other_seed_other_bits(self) -> None:
        one, other = self.weights(7), self.weights(8)
        assert {name for name in one if torch.equal(one[name], other[name])} == {"batchnorm.bias"}

    def test_weights_fill_the_range_of_their_fan_in(self) -> None:
        weights = self.weights(0)
        for name, fan_in in (("first", 15), ("second", 960), ("hidden", 512), ("output", 128)):
            largest = float(weights[f"{name}.weight"].abs().max())
            assert 0.97 * fan_in**-0.5 < largest <= fan_in**-0.5
            assert 0 < float(weights[f"{name}.bias"].abs().max()) <= fan_in**-0.5

    def test_the_law_is_that_of_torch(self) -> None:
        layer = nn.Conv2d(960, 128, 1)
        nn.init.kaiming_uniform_(layer.weight, a=5**0.5)
        assert 0.99 * 960**-0.5 < float(layer.weight.detach().abs().max()) <= 960**-0.5

    def test_gain_is_uniform_or_one(self) -> None:
        gains = torch.stack([self.weights(seed)["batchnorm.weight"] for seed in range(40)])
        assert 0 <= float(gains.min()) < 0.25
        assert 0.75 < float(gains.max()) < 1
        assert float(self.weights(0, Switches(gain="ones"))["batchnorm.weight"]) == 1

    def test_a_switch_moves_no_other_weight(self) -> None:
        one, other = self.weights(7), self.weights(7, Switches(bias=False, gain="ones", layout="as_described"))
        shared = set(other) - {"batchnorm.weight"}
        assert set(one) - set(other) == {"first.bias", "second.bias"}
        assert all(torch.equal(one[name], other[name]) for name in shared)


def test_defaults_are_the_published_reading() -> None:
    assert dataclasses.asdict(Switches()) == {
        "layout": "as_listed",
        "truncation": "listing",
        "norm": "raw",
        "schedule": "listing",
        "optimiser_state": "per_epoch",
        "momentum": "tied",
        "gain": "uniform",
        "head": "elu_dropout",
        "bias": True,
        "upsample": "none",
        "recurrence": "correct",
    }


@pytest.mark.parametrize(
    "changed",
    [{"layout": "as_described"}, {"truncation": "text"}, {"norm": "sigma^n"}, {"recurrence": "verkes"},
     {"head": "dropout_elu"}, {"bias": False}, {"gain": "ones"}],
    ids=str,
)  # fmt: skip
def test_each_switch_of_the_network_changes_its_output(changed: dict[str, object]) -> None:
    def output(switches: Switches) -> torch.Tensor:
        network = RFNN(1, 2, switches, image_size=8)
        initialise(network, 11, switches.gain)
        x = torch.rand(3, 1, 8, 8, generator=stream(1, "images"))
        keep = torch.rand(3, 128, generator=stream(1, "mask")) < 0.5
        with torch.no_grad():
            return network(x, batch_statistics(network.batchnorm, x), keep)

    default = output(Switches())
    assert torch.equal(default, output(Switches()))
    assert not torch.equal(default, output(dataclasses.replace(Switches(), **changed)))  # type: ignore[arg-type]


def test_drop_doubles_what_it_keeps() -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert drop(x, torch.tensor([[True, False, True]])).tolist() == [[2.0, 0.0, 6.0]]
    assert drop(x, None) is x


def test_streams_of_one_seed_differ_by_purpose() -> None:
    draws = {torch.rand((), generator=stream(seed, name)).item() for seed in (1, 2) for name in ("order", "dropout")}
    assert len(draws) == 4
