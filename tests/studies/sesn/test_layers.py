"""The scale-convolutions: plain form against sums written out, fast form against plain, both against the original."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from repro.errors import UsageError
from studies.sesn.model import fast as fast_form
from studies.sesn.model.bases import Basis
from studies.sesn.model.batchnorm import BatchNorm
from studies.sesn.model.layers import GroupConv1x1, GroupConv2d, LiftConv2d, project
from tests.studies.sesn.copies import copies

SCALAR = Basis("B", 15, 7, (1.7, 2.45, 3.54, 5.1), 1.5)  # scalar_28
VECTOR = Basis("B", 13, 7, (1.5, 2.6, 4.5), 1.5)  # vector_28
SMALL = Basis("A", 7, 3, (0.9, 1.269, 1.78929))  # the larger networks' basis
BASES = {"scalar": SCALAR, "vector": VECTOR, "small": SMALL}
TOLERANCE = 1e-10  # relative, in float64
REDUCTIONS = (
    {},
    {"project": True},
    {"pool": 2},
    {"project": True, "pool": 2},
    {"project": True, "pool": 4, "pool_padding": 2},
    {"pool": 3, "pool_padding": 1},
)


RULE = fast_form.spectra_pay


@pytest.fixture(scope="module", autouse=True)
def spectra():
    """Multiply spectra however few the images of a test are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_form, "spectra_pay", lambda *_: True)
        yield


def drawn(module, seed=0):
    """Fill every parameter with normal numbers, in float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.double().parameters():
            parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return module


def images(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def difference(found, expected):
    return float((found - expected).detach().abs().max() / expected.detach().abs().max())


def with_gradients(function, x, parameters):
    """Return what the function gives, and the gradients of a random weighing of it."""
    inputs = [x, *parameters] if x.requires_grad else list(parameters)
    out = function(x)
    return [out.detach(), *torch.autograd.grad(out, inputs, images(*out.shape, seed=2))]


def form(layer, fast, **reduction):
    """Return a layer as a function, in one of its forms."""

    def evaluate(x):
        layer.fast = fast
        return layer(x, **reduction)

    return evaluate


def forms_differ_by(layer, x, **reduction):
    found, expected = (
        with_gradients(form(layer, fast, **reduction), x, list(layer.parameters())) for fast in (True, False)
    )
    assert [each.shape for each in found] == [each.shape for each in expected]
    return max(difference(a, b) for a, b in zip(found, expected, strict=True))


def correlated(x_HW, kernel_KK, padding, stride=1):
    """Sum sample by sample, zero outside the image."""
    size = len(kernel_KK)
    padded = np.pad(x_HW, padding)
    starts = [range(0, side - size + 1, stride) for side in padded.shape]
    return np.array([[(padded[i : i + size, j : j + size] * kernel_KK).sum() for j in starts[1]] for i in starts[0]])


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
class TestAgainstTheEquations:
    def test_lifting_correlates_the_image_with_every_kernel(self, fast, stride):
        layer = drawn(LiftConv2d(2, 3, SMALL, stride=stride, padding=3, bias=True))
        x = images(1, 2, 9, 7)
        kernels = np.einsum("ocn,nsyx->ocsyx", layer.weight.detach().numpy(), SMALL.functions().numpy())
        found = form(layer, fast)(x)[0].detach().numpy()
        for o, s in np.ndindex(3, 3):
            maps = [correlated(x[0, c].numpy(), kernels[o, c, s], 3, stride) for c in range(2)]
            np.testing.assert_allclose(found[o, s], sum(maps) + layer.bias[o].item(), rtol=0, atol=1e-11)

    @pytest.mark.parametrize("scale_size", [1, 2, 3])
    def test_group_convolution_is_eq_4(self, fast, stride, scale_size):
        """Offset i hears input scale s + i through kernels drawn at output scale s."""
        layer = drawn(GroupConv2d(2, 3, SMALL, scale_size=scale_size, stride=stride, padding=2, bias=True))
        x = images(1, 2, 3, 8, 7)
        kernels = np.einsum("ocin,nsyx->ocisyx", layer.weight.detach().numpy(), SMALL.functions().numpy())
        found = form(layer, fast)(x)[0].detach().numpy()
        for o, s in np.ndindex(3, 3):
            total = layer.bias[o].item()
            for c, i in np.ndindex(2, scale_size):
                if s + i < 3:
                    total = total + correlated(x[0, c, s + i].numpy(), kernels[o, c, i, s], 2, stride)
            np.testing.assert_allclose(found[o, s], total, rtol=0, atol=1e-11)


def test_mixing_channels_leaves_pixels_and_scales_alone():
    layer = drawn(GroupConv1x1(3, 4, stride=2))
    x = images(2, 3, 3, 9, 8)
    expected = torch.einsum("oc,bcshw->boshw", layer.weight[:, :, 0, 0], x[..., ::2, ::2])
    assert difference(layer(x), expected) < 1e-14


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
@pytest.mark.parametrize("name", list(BASES))
class TestFormsAgree:
    """What the fast form gives, and its gradients to data, weights and bias, are those of the plain form."""

    @pytest.mark.parametrize(("height", "width"), [(14, 14), (7, 7), (9, 16)])
    @pytest.mark.parametrize("channels", [1, 6])
    def test_lifting(self, name, reduction, channels, height, width):
        basis = BASES[name]
        layer = drawn(LiftConv2d(channels, 3, basis, padding=basis.size // 2, bias=True))
        x = images(3, channels, height, width)
        assert forms_differ_by(layer, x, **reduction) < TOLERANCE  # data, which take no gradient
        assert forms_differ_by(layer, x.requires_grad_(), **reduction) < TOLERANCE

    @pytest.mark.parametrize("scale_size", [1, 2, 3])
    def test_group(self, name, reduction, scale_size):
        basis = BASES[name]
        layer = drawn(GroupConv2d(5, 3, basis, scale_size=scale_size, padding=basis.size // 2, bias=True))
        x = images(3, 5, len(basis.scales), 9, 8).requires_grad_()
        assert forms_differ_by(layer, x, **reduction) < TOLERANCE

    @pytest.mark.parametrize("stride", [2, 3])
    def test_strides(self, name, reduction, stride):
        basis = BASES[name]
        lifting = drawn(LiftConv2d(2, 3, basis, stride=stride, padding=basis.size // 2, bias=True))
        assert forms_differ_by(lifting, images(2, 2, 14, 15).requires_grad_(), **reduction) < TOLERANCE
        group = drawn(GroupConv2d(2, 3, basis, scale_size=2, stride=stride, padding=basis.size // 2))
        x = images(2, 2, len(basis.scales), 14, 15).requires_grad_()
        assert forms_differ_by(group, x, **reduction) < TOLERANCE


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
@pytest.mark.parametrize("name", list(BASES))
def test_cut_kernels_agree_where_spectra_do_not_pay(monkeypatch, name, reduction):
    monkeypatch.setattr(fast_form, "spectra_pay", lambda *_: False)
    basis = BASES[name]
    lifting = drawn(LiftConv2d(6, 3, basis, padding=basis.size // 2 - 2, bias=True))
    assert forms_differ_by(lifting, images(2, 6, 9, 11).requires_grad_(), **reduction) < TOLERANCE
    group = drawn(GroupConv2d(5, 3, basis, scale_size=2, padding=basis.size // 2, bias=True))
    assert forms_differ_by(group, images(2, 5, len(basis.scales), 9, 8).requires_grad_(), **reduction) < TOLERANCE


@pytest.mark.parametrize(
    ("images_side_channels", "pays"),
    [((128, 14, 32), True), ((128, 7, 63), True), ((4, 14, 32), True), ((1, 14, 32), False), ((1, 7, 63), False)],
)
def test_spectra_pay_for_batches_but_not_for_one_image(images_side_channels, pays):
    number, side, channels = images_side_channels
    assert RULE(torch.empty(number, channels, side, side), torch.empty(63, channels, 1, 49), SCALAR) == pays


def test_spectra_do_not_pay_for_few_channels_on_large_images():
    assert not RULE(torch.empty(16, 16, 3, 96, 96), torch.empty(16, 16, 1, 9), SMALL)


MISTAKES = {
    "mirrored": lambda kernels: kernels.flip(-1),
    "transposed": lambda kernels: kernels.transpose(-1, -2),
    "one pixel off": lambda kernels: kernels.roll(1, dims=-1),
    "scales in reverse": lambda kernels: kernels.flip(-3),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
@pytest.mark.parametrize("layer", [LiftConv2d(2, 3, VECTOR, padding=6), GroupConv2d(2, 3, VECTOR, padding=6)])
def test_a_mistake_planted_in_the_plain_form_sets_the_forms_apart(monkeypatch, layer, mistake):
    layer = drawn(copy.deepcopy(layer))
    right = layer.kernels
    monkeypatch.setattr(layer, "kernels", lambda: MISTAKES[mistake](right()))
    x = images(2, 2, *([3] if isinstance(layer, GroupConv2d) else []), 9, 9).requires_grad_()
    assert forms_differ_by(layer, x) > 1e-3


@settings(max_examples=25)
@given(
    st.sampled_from(list(BASES)), st.integers(0, 10), st.integers(0, 6), st.integers(0, 6), st.sampled_from(REDUCTIONS)
)
def test_forms_agree_for_every_size_and_padding(name, padding, more_down, more_across, reduction):
    basis = BASES[name]
    least = max(basis.size - 2 * padding, 1)
    sides = [least + more + 2 for more in (more_down, more_across)]
    lifting = drawn(LiftConv2d(2, 2, basis, padding=padding))
    for x in (images(2, 2, *sides), images(2, 2, *sides).requires_grad_()):
        assert forms_differ_by(lifting, x, **reduction) < TOLERANCE
    group = drawn(GroupConv2d(1, 2, basis, padding=padding))
    assert forms_differ_by(group, images(2, 1, len(basis.scales), *sides).requires_grad_(), **reduction) < TOLERANCE


@pytest.mark.parametrize("strip", [1, 5000, 1 << 30])
def test_result_does_not_depend_on_the_working_arrays(monkeypatch, strip):
    monkeypatch.setattr("studies.sesn.model.fast.STRIP", strip)
    lifting = drawn(LiftConv2d(1, 5, VECTOR, padding=6, bias=True))
    assert forms_differ_by(lifting, images(5, 1, 8, 8), project=True, pool=2) < TOLERANCE
    group = drawn(GroupConv2d(3, 5, VECTOR, scale_size=2, padding=6))
    assert forms_differ_by(group, images(5, 3, 3, 7, 8).requires_grad_(), pool=4, pool_padding=2) < TOLERANCE


def test_ties_give_the_gradient_to_the_first_position_and_scale():
    """On a black image every scale and pixel is as large as the others: the bias alone, exactly."""
    layer = drawn(LiftConv2d(5, 2, VECTOR, padding=6, bias=True))
    x = torch.zeros(1, 5, 8, 8, dtype=torch.float64, requires_grad=True)
    assert forms_differ_by(layer, x, project=True, pool=2) < TOLERANCE


@pytest.mark.parametrize("name", ["lift", "group"])
class TestOracle:
    def layers(self, oracle, name):
        folder = {"lift": "z2h/", "group": "h_h/"}[name]
        for entry in oracle:
            if entry.startswith(folder) and entry.endswith("/config"):
                config, case = json.loads(str(oracle[entry])), entry.removesuffix("config")
                basis = Basis(config["bt"], config["k"], config["eff"], tuple(config["scales"]), **config["kw"])
                options = {"stride": config["stride"], "padding": config["pad"], "bias": case + "bias" in oracle}
                if name == "group":
                    layer = GroupConv2d(config["cin"], config["cout"], basis, scale_size=config["ks"], **options)
                else:
                    layer = LiftConv2d(config["cin"], config["cout"], basis, **options)
                with torch.no_grad():
                    for parameter, _ in layer.named_parameters():
                        getattr(layer, parameter).copy_(torch.from_numpy(oracle[case + parameter]))
                yield layer, {key.removeprefix(case): oracle[key] for key in oracle if key.startswith(case)}

    @pytest.mark.parametrize("fast", [True, False])
    def test_outputs_and_gradients_are_the_originals(self, oracle, name, fast):
        cases = list(self.layers(oracle, name))
        assert len(cases) == {"lift": 4, "group": 2}[name]
        for layer, expected in cases:
            x = torch.from_numpy(expected["x"]).requires_grad_()
            y = form(layer, fast)(x)
            (y * torch.from_numpy(expected["r"])).sum().backward()
            found = {"y": y.detach(), "ymax": form(layer, fast, project=True)(x).detach(), "grad_x": x.grad}
            found |= {f"grad_{key}": parameter.grad for key, parameter in layer.named_parameters()}
            for key, value in found.items():
                np.testing.assert_allclose(value.numpy(), expected[key], rtol=1e-4, atol=1e-4, err_msg=key)


def test_channel_mixing_is_the_originals(oracle):
    layer = GroupConv1x1(3, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(oracle["h_h_1x1/o1/weight"]))
    found = layer(torch.from_numpy(oracle["h_h_1x1/o1/x"])).detach().numpy()
    np.testing.assert_allclose(found, oracle["h_h_1x1/o1/y"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fast", [True, False])
class TestLaws:
    @given(st.floats(-3, 3), st.floats(-3, 3))
    @settings(max_examples=10)
    def test_linearity(self, fast, a, b):
        layer = form(drawn(LiftConv2d(2, 3, VECTOR, padding=6)), fast)
        x, y = images(2, 2, 8, 9), images(2, 2, 8, 9, seed=3)
        expected = a * layer(x) + b * layer(y)
        assert float((layer(a * x + b * y) - expected).detach().abs().max()) < 1e-11

    @given(st.integers(-3, 3), st.integers(-3, 3))
    @settings(max_examples=10)
    def test_translation_moves_the_maps(self, fast, down, across):
        """Inside, where no kernel meets the border."""
        layer = form(drawn(GroupConv2d(2, 2, SMALL, scale_size=2, padding=3)), fast)
        x = images(1, 2, 3, 18, 18)
        moved = layer(x.roll((down, across), dims=(-2, -1)))
        expected = layer(x).roll((down, across), dims=(-2, -1))
        assert difference(moved[..., 6:-6, 6:-6], expected[..., 6:-6, 6:-6]) < 1e-12

    def test_same_input_gives_the_same_bits(self, fast):
        layer = drawn(LiftConv2d(6, 3, VECTOR, padding=6, bias=True))
        x = images(3, 6, 9, 9).requires_grad_()
        first, second = (
            with_gradients(form(layer, fast, project=True, pool=2), x, list(layer.parameters())) for _ in range(2)
        )
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))

    def test_mean_over_scales_is_another_layer(self, fast):
        layer = drawn(LiftConv2d(2, 3, VECTOR, padding=6))
        x = images(2, 2, 8, 8)
        assert difference(form(layer, fast)(x).mean(dim=2), form(layer, fast, project=True)(x)) > 0.1


def test_projection_is_the_maximum_over_scales():
    x = images(2, 3, 4, 5, 6)
    assert torch.equal(project(x), x.amax(dim=2))


@pytest.mark.parametrize(("channels", "wrong"), [(3, True), (1, False)])
def test_reshaping_without_a_permute_is_another_layer(channels, wrong):
    """The blog's convTH views (O, C, S, K, K) as (O S, C, K, K): right for one channel alone, 111 % off for three."""
    layer = drawn(LiftConv2d(channels, 4, SMALL, padding=3))
    x = images(2, channels, 12, 12)
    kernels = layer.kernels().reshape(4 * 3, channels, 7, 7)
    blog = F.conv2d(x, kernels, padding=3).unflatten(1, (4, 3))
    error = float((blog - layer.plain(x)).detach().norm() / layer.plain(x).detach().norm())
    assert (error > 0.5) == wrong
    assert wrong or error < 1e-15


def test_batch_norm_is_that_of_torch_in_any_order_in_memory():
    ours, theirs = drawn(BatchNorm(3)), nn.BatchNorm3d(3).double()
    theirs.load_state_dict(ours.state_dict())
    last = images(2, 5, 6, 3, 4).permute(4, 3, 0, 1, 2).requires_grad_()
    first = last.detach().contiguous().requires_grad_()
    expected = with_gradients(theirs, first, list(theirs.parameters()))
    for x in (last, first):
        tested = copy.deepcopy(ours)
        found = with_gradients(tested, x, list(tested.parameters()))
        assert max(difference(a, b) for a, b in zip(found, expected, strict=True)) < 1e-12
        assert found[0].stride() == x.stride()
        for name, buffer in theirs.named_buffers():
            torch.testing.assert_close(tested.get_buffer(name), buffer)


@pytest.mark.parametrize("layer", [LiftConv2d(6, 3, VECTOR, padding=6), GroupConv2d(6, 3, VECTOR, padding=6)])
def test_single_precision_stays_close(layer):
    layer = drawn(copy.deepcopy(layer))
    x = images(2, 6, *([3] if isinstance(layer, GroupConv2d) else []), 14, 14)
    expected = layer.plain(x)
    assert difference(layer.float()(x.float()).double(), expected) < 2e-5


@pytest.mark.parametrize("channels", [1, 6])
def test_no_step_of_the_fast_form_needs_a_cpu(channels):
    layer = LiftConv2d(channels, 3, VECTOR, padding=6, bias=True).to("meta")
    x = torch.empty(2, channels, 8, 8, device="meta", requires_grad=channels > 1)
    layer(x, project=True, pool=2).sum().backward()
    group = GroupConv2d(2, 3, VECTOR, scale_size=2, padding=6).to("meta")
    group(torch.empty(2, 2, 3, 8, 8, device="meta", requires_grad=True), pool=4, pool_padding=2).sum().backward()
    assert layer.weight.grad.device.type == group.weight.grad.device.type == "meta"


@pytest.mark.parametrize("spectra_pay", [True, False])
@pytest.mark.parametrize("channels", [1, 6])
def test_constants_go_to_the_device_once(monkeypatch, channels, spectra_pay):
    monkeypatch.setattr(fast_form, "spectra_pay", lambda *_: spectra_pay)
    basis = Basis("B", 13, 7, (1.5, 2.6, 4.5 + channels / 8 + spectra_pay / 4))  # of this test alone
    layer = LiftConv2d(channels, 3, basis, padding=6).to("meta")
    x = torch.empty(2, channels, 8, 8, device="meta", requires_grad=channels > 1)
    first, second = (copies(lambda: layer(x, project=True, pool=2).sum().backward()) for _ in range(2))
    assert first > 0
    assert second == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GroupConv2d(1, 1, VECTOR, scale_size=4), "scale_size must be 1 to the number of scales, 3, got 4"),
        (lambda: GroupConv2d(1, 1, VECTOR, scale_size=0), "scale_size must be 1 to the number of scales, 3, got 0"),
        (lambda: LiftConv2d(0, 1, VECTOR), "channels 0 and 1 and stride 1 must be above 0"),
        (lambda: LiftConv2d(1, 1, VECTOR, padding=-1), "padding -1 0 or more"),
        (lambda: LiftConv2d(1, 1, VECTOR)(images(1, 2, 20, 20)), r"wanted images \(B, 1, H, W\), got \(1, 2, 20, 20\)"),
        (
            lambda: GroupConv2d(1, 1, VECTOR)(images(1, 1, 2, 20, 20)),
            r"wanted \(B, 1 channels, 3 scales, H, W\), got \(1, 1, 2, 20, 20\)",
        ),
        (
            lambda: LiftConv2d(1, 1, VECTOR)(images(1, 1, 12, 20)),
            r"an image of \(12, 20\) pixels, padded by 0",
        ),
        (
            lambda: LiftConv2d(1, 1, VECTOR)(images(1, 1, 15, 15), pool=4),
            "a window of 4 does not fit a map of 3 pixels",
        ),
        (lambda: LiftConv2d(1, 1, VECTOR)(images(1, 1, 15, 15), pool=2, pool_padding=2), "window of 2 and padding 2"),
        (lambda: BatchNorm(3)(images(2, 4)), r"batch-norm: wanted \(B, 3, ..., H, W\), got \(2, 4\)"),
    ],
)
def test_bad_input_is_one_clear_line(make, message):
    with pytest.raises(UsageError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
