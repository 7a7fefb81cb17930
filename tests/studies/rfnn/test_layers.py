"""The Gaussian layer: its equations against sums written out, and its fast form against its equations."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from repro.errors import UsageError
from studies.common.gaussian import derivative_orders, sampled_derivatives
from studies.rfnn.model.basis import pairs
from studies.rfnn.model.layers import GaussianConv2d, batch_statistics, first_block

SCALES = tuple(0.5 * 4 ** (step / 4) for step in range(5))
LAYOUTS = ("as_listed", "as_described")
TOLERANCE = 1e-12  # relative, in float64: thousands of times the rounding of these sums, far below any mistake


def layer(*arguments, seed=0, **switches):
    return GaussianConv2d(*arguments, **switches, generator=torch.Generator().manual_seed(seed)).double()


def images(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def difference(found, expected):
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max())


def with_gradients(function, x, parameters):
    """Return what the function gives, and the gradients of a random weighing of it."""
    inputs = [x, *parameters] if x.requires_grad else list(parameters)
    out = function(x)
    return [out.detach(), *torch.autograd.grad(out, inputs, images(*out.shape, seed=2))]


def gives_the_same(fast, plain, x, parameters):
    found, expected = (with_gradients(function, x, parameters) for function in (fast, plain))
    assert max(difference(a, b) for a, b in zip(found, expected, strict=True)) <= TOLERANCE


def written_out(x_CHW, kernels, weight_OR, bias_O, rows):
    """Sum eq. 2.15 sample by sample, zero outside the image; the kernel's x runs along the width."""
    channels, height, width = x_CHW.shape
    half = kernels.shape[1] // 2
    padded = np.zeros((channels, height + 2 * half, width + 2 * half))
    padded[:, half : half + height, half : half + width] = x_CHW
    out = np.zeros((len(weight_OR), height, width))
    for row, (channel, (n_dx, n_dy)) in enumerate(rows):
        for i, j in np.ndindex(height, width):
            window = padded[channel, i : i + 2 * half + 1, j : j + 2 * half + 1]
            out[:, i, j] += weight_OR[:, row] * (kernels[n_dy] @ window @ kernels[n_dx])
    return out + bias_O[:, None, None]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["plain", "fast"])
def test_layer_is_the_sum_of_eq_2_15(layout, form):
    tested = layer(3, 2, 1.0, layout=layout, order=2)
    x = images(1, 3, 5, 6)
    orders = derivative_orders(2)
    rows = [(channel, orders[derivative]) for channel, derivative in pairs(3, 2, layout)]
    weight, bias = tested.weight.detach().numpy()[:, :, 0, 0], tested.bias.detach().numpy()
    expected = written_out(x[0].numpy(), sampled_derivatives(1.0, 2), weight, bias, rows)
    found = (tested.plain if form == "plain" else tested)(x)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    swapped = [(channel, (n_dy, n_dx)) for channel, (n_dx, n_dy) in rows]
    wrong = written_out(x[0].numpy(), sampled_derivatives(1.0, 2), weight, bias, swapped)
    assert np.abs(found - wrong).max() > 1e-3  # so that dx and dy cannot change places unseen


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [28, 14, 8, 4])
@pytest.mark.parametrize("scale", SCALES)
def test_fast_form_is_the_plain_form(layout, size, scale):
    tested = layer(64 if size == 14 else 20, 6, scale, layout=layout)
    x = images(2, tested.in_channels, size, size).requires_grad_()
    gives_the_same(tested, tested.plain, x, list(tested.parameters()))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "switches",
    [
        {"truncation": "text"},
        {"norm": "sigma^n"},
        {"recurrence": "verkes"},
        {"bias": False},
        {"order": 2},
        {"order": 0},
    ],
    ids=str,
)
def test_fast_form_is_the_plain_form_under_every_switch(layout, switches):
    tested = layer(5, 3, SCALES[3], layout=layout, **switches)
    gives_the_same(tested, tested.plain, images(3, 5, 7, 10).requires_grad_(), list(tested.parameters()))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("size", "pool"), [(8, 2), (8, 4), (9, 3), (7, 2), (8, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_pooling_in_the_layer_is_max_pool2d_after_it(layout, size, pool, first):
    tested = layer(1 if first else 5, 3, 0.5, layout=layout)
    x = images(3, tested.in_channels, size, size).requires_grad_()
    gives_the_same(
        lambda x: tested(x, pool=pool), lambda x: F.max_pool2d(tested.plain(x), pool), x, list(tested.parameters())
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("strip", [1, 1 << 30])
def test_result_does_not_depend_on_the_working_arrays(monkeypatch, layout, strip):
    monkeypatch.setattr("studies.rfnn.model.fast.STRIP", strip)
    tested = layer(5, 3, 0.5, layout=layout)
    x = images(3, 5, 8, 8).requires_grad_()
    gives_the_same(
        lambda x: tested(x, pool=2), lambda x: F.max_pool2d(tested.plain(x), 2), x, list(tested.parameters())
    )


class TestFirstBlock:
    """Batch-norm and the first layer, with no gradient to the data: R(gain x + offset) = gain R(x) + offset R(1)."""

    def batchnorm(self):
        batchnorm = nn.BatchNorm2d(1).double()
        with torch.no_grad():
            batchnorm.weight.fill_(0.3)
            batchnorm.bias.fill_(-0.7)
        return batchnorm

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("size", [28, 8, 4])
    @pytest.mark.parametrize("scale", SCALES)
    def test_gives_the_gradients_of_batch_norm_and_plain_layer(self, layout, size, scale):
        tested, block = layer(1, 6, scale, layout=layout), self.batchnorm()
        standard = copy.deepcopy(block)
        x = 2 * images(3, 1, size, size) + 1
        found = with_gradients(
            lambda x: first_block(block, tested, x, pool=2), x, [*block.parameters(), *tested.parameters()]
        )
        expected = with_gradients(
            lambda x: F.max_pool2d(tested.plain(standard(x)), 2), x, [*standard.parameters(), *tested.parameters()]
        )
        assert max(difference(a, b) for a, b in zip(found, expected, strict=True)) <= TOLERANCE
        for name, buffer in standard.named_buffers():
            torch.testing.assert_close(block.get_buffer(name), buffer)

    def test_gain_of_zero_has_a_gradient(self):
        tested, block = layer(1, 6, 1.0), self.batchnorm()
        nn.init.zeros_(block.weight)
        standard = copy.deepcopy(block)
        x = images(3, 1, 8, 8)
        found = with_gradients(lambda x: first_block(block, tested, x), x, list(block.parameters()))
        expected = with_gradients(lambda x: tested.plain(standard(x)), x, list(standard.parameters()))
        assert max(difference(a, b) for a, b in zip(found, expected, strict=True)) <= TOLERANCE

    def test_evaluation_uses_running_statistics_and_keeps_them(self):
        tested, block = layer(1, 6, 1.0), self.batchnorm()
        batch_statistics(block, 3 * images(5, 1, 8, 8, seed=9) + 1)
        block.eval()
        before = {name: buffer.clone() for name, buffer in block.named_buffers()}
        x = images(3, 1, 8, 8)
        assert difference(first_block(block, tested, x), tested.plain(block(x))) <= TOLERANCE
        assert all(torch.equal(block.get_buffer(name), buffer) for name, buffer in before.items())

    def test_parts_of_a_batch_add_up_to_the_batch(self):
        tested, block = layer(1, 6, 1.0), self.batchnorm()
        parameters = [*block.parameters(), *tested.parameters()]
        x, weighing = images(6, 1, 8, 8), images(6, 6, 8, 8, seed=2)
        statistics = batch_statistics(block, x)
        before = block.running_mean.clone()
        parts = [
            torch.autograd.grad(first_block(block, tested, part, statistics=statistics), parameters, weigh)
            for part, weigh in zip(x.split(2), weighing.split(2), strict=True)
        ]
        assert torch.equal(block.running_mean, before)
        whole = torch.autograd.grad(tested.plain(block(x)), parameters, weighing)
        for found, expected in zip(zip(*parts, strict=True), whole, strict=True):
            assert difference(sum(found), expected) <= TOLERANCE

    def test_own_statistics_of_each_part_do_not_add_up(self):
        tested, block = layer(1, 6, 1.0), self.batchnorm()
        x = images(6, 1, 8, 8)
        parts = torch.cat([first_block(block, tested, part) for part in x.split(2)])
        assert difference(parts, tested.plain(block(x))) > 1e-3

    def test_data_that_want_a_gradient_are_refused(self):
        with pytest.raises(UsageError, match="takes no gradient; call layer"):
            first_block(self.batchnorm(), layer(1, 6, 1.0), images(3, 1, 8, 8).requires_grad_())

    def test_slow_form_is_the_plain_form(self):
        tested, block = layer(1, 6, 1.0), self.batchnorm()
        tested.fast = False
        x = images(3, 1, 8, 8)
        assert difference(first_block(block, tested, x), tested.plain(block(x))) <= TOLERANCE


class TestListedLayout:
    """numpy's repeat puts copies of a kernel side by side; groups give each channel 15 neighbours of that row (A.1)."""

    def test_second_layer_has_78_distinct_pairs_of_960(self):
        listed = pairs(64, 4, "as_listed")
        assert (len(listed), len(set(listed))) == (960, 78)
        derivatives = [len({d for channel, d in listed if channel == c}) for c in range(64)]
        assert (derivatives.count(1), derivatives.count(2)) == (50, 14)

    def test_rows_are_those_of_repeat_and_groups(self):
        kernels = np.arange(15).repeat(3, axis=0)
        assert pairs(3, 4, "as_listed") == tuple((row // 15, int(kernels[row])) for row in range(45))

    def test_described_layout_gives_every_channel_every_derivative(self):
        assert pairs(3, 4, "as_described") == tuple((c, d) for c in range(3) for d in range(15))

    def test_layouts_agree_on_one_channel_and_differ_on_more(self):
        assert pairs(1, 4, "as_listed") == pairs(1, 4, "as_described")
        listed, described = (layer(3, 2, 1.0, layout=layout) for layout in LAYOUTS)
        x = images(2, 3, 8, 8)
        assert torch.equal(listed.weight, described.weight)
        assert difference(listed(x), described(x)) > 1e-2


def test_shapes_of_the_example_in_section_3_3_2():
    tested = layer(3, 10, 1.0, truncation="text")
    assert tested.basis.kernels().shape == (5, 7)
    assert tested.weight.shape == (10, 45, 1, 1)
    assert tested(images(1, 3, 32, 32)).shape == (1, 10, 32, 32)


def mirrored(kernels):
    return kernels.flip(1)


def delayed(kernels):
    return kernels.roll(1, dims=1)


def unsigned(kernels):
    return kernels.abs()


def written_by_torch(tested, x, kernels):
    """Convolve with one 2-D kernel for each row."""
    half, orders = kernels.shape[1] // 2, derivative_orders(tested.basis.order)
    rows = pairs(tested.in_channels, tested.basis.order, tested.layout)
    responses = [
        F.conv2d(x[:, [c]], torch.outer(kernels[orders[d][1]], kernels[orders[d][0]])[None, None], padding=half)
        for c, d in rows
    ]
    return F.conv2d(torch.cat(responses, dim=1), tested.weight, tested.bias)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["plain", "forward"])
class TestAgainstWholeKernels:
    """Separated kernels do what the 2-D kernel does (eq. 2.17); and kernels with a mistake in them do not."""

    def test_forms_do_what_whole_kernels_do(self, layout, form):
        tested = layer(5, 3, SCALES[4], layout=layout)
        x = images(2, 5, 9, 9).requires_grad_()
        kernels = tested.basis.kernels()
        gives_the_same(
            getattr(tested, form), lambda x: written_by_torch(tested, x, kernels), x, list(tested.parameters())
        )

    @pytest.mark.parametrize("mistake", [mirrored, delayed, unsigned])
    def test_a_planted_mistake_is_rejected(self, layout, form, mistake):
        tested = layer(5, 3, SCALES[4], layout=layout)
        x = images(2, 5, 9, 9).requires_grad_()
        kernels = mistake(tested.basis.kernels())
        with pytest.raises(AssertionError):
            gives_the_same(
                getattr(tested, form), lambda x: written_by_torch(tested, x, kernels), x, list(tested.parameters())
            )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_verkes_recurrence_gives_another_layer(layout):
    right, wrong = (layer(5, 3, 1.0, layout=layout, recurrence=recurrence) for recurrence in ("correct", "verkes"))
    assert torch.equal(right.weight, wrong.weight)
    x = images(2, 5, 9, 9)
    assert difference(wrong(x), right(x)) > 1e-2


class TestParameters:
    """The weights are those of a 1x1 convolution, drawn within 1 / sqrt(fan in), and the same for both forms."""

    def test_state_has_weight_and_bias_only(self):
        assert {name: tuple(value.shape) for name, value in layer(64, 128, 1.0).state_dict().items()} == {
            "weight": (128, 960, 1, 1),
            "bias": (128,),
        }
        assert list(layer(64, 128, 1.0, bias=False).state_dict()) == ["weight"]

    def test_draws_fill_the_interval(self):
        tested, bound = layer(64, 128, 1.0), 960**-0.5
        assert bound * 0.999 < tested.weight.abs().max() <= bound
        assert abs(tested.weight.mean()) < bound * 0.01
        assert tested.bias.abs().max() <= bound

    def test_same_seed_gives_the_same_weights_and_another_seed_others(self):
        assert torch.equal(layer(2, 3, 1.0).weight, layer(2, 3, 1.0).weight)
        assert not torch.equal(layer(2, 3, 1.0).weight, layer(2, 3, 1.0, seed=1).weight)

    @pytest.mark.parametrize(
        ("switch", "message"),
        [
            ({"layout": "tiled"}, "unknown layout 'tiled'; choose 'as_listed' or 'as_described'"),
            ({"recurrence": "both"}, "unknown recurrence 'both'; choose 'correct' or 'verkes'"),
        ],
    )
    def test_unknown_switch_is_refused(self, switch, message):
        with pytest.raises(UsageError, match=message):
            layer(2, 3, 1.0, **switch)(images(1, 2, 4, 4))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_single_precision_stays_close(layout):
    tested = layer(16, 8, 2.0, layout=layout)
    x = images(2, 16, 14, 14)
    assert difference(copy.deepcopy(tested).float()(x.float()).double(), tested.plain(x)) < 2e-5
