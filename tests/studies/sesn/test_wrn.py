"""The wide residual networks for STL-10: their sizes, the released code's logits, what tells the variants apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from repro.errors import UsageError
from studies.common.randomness import Dropout
from studies.sesn.model import wrn
from studies.sesn.model.batchnorm import BatchNorm
from studies.sesn.model.layers import GroupConv1x1, GroupConv2d, LiftConv2d, project

PARAMETERS = {"wrn": 10_961_370, "a": 10_961_370, "b": 10_961_370, "c": 10_979_802}
SES = ("a", "b", "c")
# The released networks list their parameters in this order; so do ours, under other names.
BLOCK_ORDER = ("norm1.weight", "norm1.bias", "conv1.weight", "norm2.weight", "norm2.bias", "conv2.weight")
RELEASED_ORDER = (
    "conv.weight",
    *(
        f"blocks.{block}.{name}"
        for block in range(6)
        for name in (*BLOCK_ORDER, *(["shortcut.weight"] if block % 2 == 0 else []))
    ),
    *("norm.weight", "norm.bias", "output.weight", "output.bias"),
)


def small(variant, *, seed=0, **options):
    network = wrn.build(variant, widen=1, **options)
    wrn.initialise(network, seed)
    return network


def images(count=2, side=12, seed=1, dtype=torch.float32):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def blocks_of(network):
    return [module for module in network.modules() if isinstance(module, wrn.Block)]


def scramble(network, seed=2):
    """Give the norms parameters and statistics that a mistake in their order would show."""
    generator = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, BatchNorm):
            for values, low, high in (
                (norm.weight.data, 0.5, 1.5),
                (norm.bias.data, -0.5, 0.5),
                (norm.running_mean, -0.5, 0.5),
                (norm.running_var, 0.5, 2.0),
            ):
                values.uniform_(low, high, generator=generator)
    return network


@pytest.mark.parametrize("variant", wrn.VARIANTS)
def test_parameters_are_as_many_as_published(variant):
    with torch.device("meta"):
        network = wrn.build(variant)
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[variant]
    assert tuple(name for name, _ in network.named_parameters()) == RELEASED_ORDER


# Against the released code


def fill(network):
    """Set the parameters, in the released order, to the oracle's waves."""
    parameters = dict(network.named_parameters())
    for number, name in enumerate(RELEASED_ORDER):
        parameter = parameters[name]
        wave = np.sin(0.7 * np.arange(parameter.numel()) + 1.3 * number).reshape(parameter.shape)
        if parameter.dim() >= 2:
            wave *= 0.4 / math.sqrt(parameter.numel() / parameter.shape[0])
        else:
            wave = 1 + 0.2 * wave if name.endswith("weight") else 0.1 * wave
        parameter.data.copy_(torch.from_numpy(wave))


def off_by(network, oracle):
    with torch.no_grad():
        logits = network(torch.from_numpy(oracle["stl/x"])).numpy()
    return np.abs(logits - oracle["stl/ses_a/logits"]).max()


@pytest.fixture(scope="module")
def filled():
    network = wrn.build("a").eval()
    fill(network)
    return network


def test_variant_a_gives_the_released_logits(filled, oracle):
    assert off_by(filled, oracle) < 1e-5


def shortcut_of_the_raw_input(self, x):
    active = F.relu(self.norm1(x))
    out = F.relu(self.norm2(self.conv1(active)))
    return (x if self.shortcut is None else self.shortcut(x)) + self.conv2(out)


def shortcut_always_active(self, x):
    active = F.relu(self.norm1(x))
    out = F.relu(self.norm2(self.conv1(active)))
    return (active if self.shortcut is None else self.shortcut(active)) + self.conv2(out)


def no_second_norm(self, x):
    active = F.relu(self.norm1(x))
    return (x if self.shortcut is None else self.shortcut(active)) + self.conv2(F.relu(self.conv1(active)))


@pytest.mark.parametrize("mistake", [shortcut_of_the_raw_input, shortcut_always_active, no_second_norm])
def test_released_logits_show_another_block(filled, oracle, monkeypatch, mistake):
    monkeypatch.setattr(wrn.Block, "forward", mistake)
    assert off_by(filled, oracle) > 1e-3


def test_released_logits_show_a_mean_over_scales(filled, oracle, monkeypatch):
    monkeypatch.setattr(wrn, "project", lambda x: x.mean(2))
    assert off_by(filled, oracle) > 1e-3


# What tells the variants apart


def written_out(block, x):
    """Evaluate a block step by step, in evaluation mode."""

    def norm(layer, x):
        return F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias)

    active = F.relu(norm(block.norm1, x))
    conv1 = block.conv1(active.amax(2) if block.pooled else active)
    out = block.conv2(F.relu(norm(block.norm2, conv1)))
    return out + (x if block.shortcut is None else block.shortcut(active))


@pytest.mark.parametrize("variant", wrn.VARIANTS)
def test_network_is_its_steps(variant):
    network = scramble(small(variant)).double().eval()
    x = images(dtype=torch.float64)
    out = network.conv(x)
    for block in blocks_of(network):
        out = written_out(block, out)
    out = out if variant == "wrn" else out.amax(2)
    norm = network.norm
    out = F.relu(F.batch_norm(out, norm.running_mean, norm.running_var, norm.weight, norm.bias))
    torch.testing.assert_close(network(x), network.output(out.mean((2, 3))), rtol=1e-12, atol=1e-12)


def test_strides_halve_the_maps_of_the_second_and_third_group():
    network = small("wrn").eval()
    x, sides = network.conv(images(side=12)), []
    for block in blocks_of(network):
        x = block(x)
        sides.append(x.shape[-1])
    assert sides == [12, 12, 6, 6, 3, 3]


def test_widths_are_the_paper_s():
    with torch.device("meta"):
        widths = [block.conv2.weight.shape[0] for block in blocks_of(wrn.build("a"))]
    assert widths == [128, 128, 256, 256, 512, 512]


@pytest.mark.parametrize(
    ("variant", "pooled", "scale_sizes"),
    [("a", [], [1] * 6), ("b", [2, 4], [1, 1, 1, 1]), ("c", [], [2, 1, 1, 1, 1, 1])],
)
def test_only_b_pools_scales_and_only_c_mixes_them(variant, pooled, scale_sizes):
    blocks = blocks_of(small(variant))
    assert [number for number, block in enumerate(blocks) if block.pooled] == pooled
    assert [number for number, block in enumerate(blocks) if isinstance(block.conv1, LiftConv2d)] == pooled
    sizes = [block.conv1.scale_size for block in blocks if isinstance(block.conv1, GroupConv2d)]
    assert sizes == scale_sizes
    assert all(block.conv2.scale_size == 1 for block in blocks)


@pytest.mark.parametrize(("variant", "smallest"), [("a", 0.9), ("b", 0.9), ("c", 1.1)])
def test_scales_are_the_published(variant, smallest):
    basis = wrn.basis(variant)
    assert basis.scales == pytest.approx([smallest, smallest * 1.41, smallest * 1.9881])
    assert (basis.kind, basis.size, basis.count) == ("A", 7, 9)
    layers = [layer for layer in small(variant).modules() if isinstance(layer, LiftConv2d | GroupConv2d)]
    assert {layer.basis for layer in layers} == {basis}
    assert {layer.padding for layer in layers} == {3}


def test_c_without_its_second_scale_is_a_at_its_scales(monkeypatch):
    mixing = scramble(small("c")).double().eval()
    first = mixing.blocks[0].conv1
    first.weight.data[:, :, 1] = 0
    monkeypatch.setitem(wrn.SMALLEST_SCALE, "a", wrn.SMALLEST_SCALE["c"])
    separate = wrn.build("a", widen=1).double().eval()
    state = mixing.state_dict()
    state["blocks.0.conv1.weight"] = first.weight.data[:, :, :1]
    separate.load_state_dict(state)
    x = images(dtype=torch.float64)
    torch.testing.assert_close(mixing(x), separate(x), rtol=1e-12, atol=1e-12)
    first.weight.data[:, :, 1] = 0.1
    assert (mixing(x) - separate(x)).abs().max() > 1e-3


@pytest.mark.parametrize("variant", SES)
def test_fast_form_is_the_published_order(variant):
    network, x = scramble(small(variant)).double().eval(), images(dtype=torch.float64)
    found = network(x)
    for layer in network.modules():
        if isinstance(layer, LiftConv2d | GroupConv2d):
            layer.fast = False
    torch.testing.assert_close(found, network(x), rtol=1e-10, atol=1e-10)


def test_project_is_a_maximum():
    x = torch.arange(24.0).reshape(1, 2, 3, 2, 2)
    assert torch.equal(project(x), x[:, :, 2])


# Initial parameters


@pytest.mark.parametrize("variant", wrn.VARIANTS)
def test_initial_weights_have_the_released_spread(variant):
    network = wrn.build(variant, widen=2)
    wrn.initialise(network, 0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | LiftConv2d | GroupConv2d | GroupConv1x1):
            weight = layer.weight.detach()
            wanted = math.sqrt(2 * weight.shape[1] / weight.numel())
            deviations = (weight.std(correction=0) / wanted - 1) * math.sqrt(2 * weight.numel())
            assert abs(deviations) < 4.5
            assert abs(weight.mean()) / wanted * math.sqrt(weight.numel()) < 4.5
    bound = 1 / math.sqrt(network.output.in_features)
    assert 0.9 * bound < network.output.weight.abs().max() <= bound
    assert not network.output.bias.any()


def test_same_seed_same_parameters_other_seed_others():
    one, same, other = (small("a", seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(values, same[name]) for name, values in one.items())
    assert not any(torch.equal(values, other[name]) for name, values in one.items() if "conv" in name)


def test_initialise_forgets_what_was_learnt():
    network = scramble(small("a"))
    wrn.initialise(network, 0)
    fresh = small("a").state_dict()
    assert all(torch.equal(values, fresh[name]) for name, values in network.state_dict().items())


# Training


def gradients(network, seed):
    generator = torch.Generator().manual_seed(seed)
    dropouts = [module for module in network.modules() if isinstance(module, Dropout)]
    assert [module.p for module in dropouts] == [0.3] * 6
    for module in dropouts:
        module.generator = generator
    loss = F.cross_entropy(network.train()(images(4)), torch.tensor([3, 1, 4, 1]))
    return torch.autograd.grad(loss, list(network.parameters()))


@pytest.mark.parametrize("variant", wrn.VARIANTS)
def test_a_step_repeats_itself_and_reaches_every_parameter(variant):
    one, same, other = (gradients(small(variant), seed) for seed in (0, 0, 1))
    assert all(map(torch.equal, one, same))
    assert not all(map(torch.equal, one, other))
    assert all(gradient.any() for gradient in one)


def test_dropout_stands_before_the_second_convolution():
    block, heard = small("wrn", dropout=0.999999).blocks[1].train(), []
    block.dropout.generator = torch.Generator().manual_seed(0)
    block.conv2.register_forward_pre_hook(lambda layer, inputs: heard.append(inputs[0]))
    block(torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert not heard[0].any()


def test_training_without_a_generator_is_refused():
    with pytest.raises(UsageError, match="dropout"):
        small("a").train()(images())


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("d",), {}, "no variant 'd'; choose one of wrn, a, b, c"),
        (("a",), {"widen": 0}, "wanted widen >= 1 and classes >= 2, got 0 and 10"),
        (("a",), {"classes": 1}, "got 8 and 1"),
        (("a",), {"dropout": 1.0}, "wanted a probability"),
    ],
)
def test_wrong_requests_are_one_line(arguments, options, message):
    with pytest.raises(UsageError, match=message) as caught:
        wrn.build(*arguments, **options)
    assert "\n" not in str(caught.value)
