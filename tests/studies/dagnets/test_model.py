"""Networks as listed, counted and made fully convolutional, and what they say of images that do not fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from repro.errors import UsageError
from studies.common.torchvision_import import import_torchvision
from studies.dagnets.measured import conversion
from studies.dagnets.measured.conversion import crops, image
from studies.dagnets.measured.counts import layer_figures, resnet_figures
from studies.dagnets.model import convolutional, networks, resnets
from studies.dagnets.model.convolutional import convolutionize
from studies.dagnets.model.counting import count_layers, totals
from studies.dagnets.model.networks import CLASSIFIERS, lenet5, lenet_like, on_meta
from studies.dagnets.model.resnets import resnet

COUNTS = {  # parameters, products
    "lenet_like": (105_506, 1_333_200),
    "lenet5": (44_426, 281_640),
    "alexnet": (61_100_840, 714_188_480),
    "vgg19": (143_667_240, 19_632_062_464),
}
FLOPS = {18: 1.814, 34: 3.664, 50: 3.858, 101: 7.570, 152: 11.282}  # 10^9


@pytest.fixture(scope="module")
def models() -> object:
    import_torchvision()
    return pytest.importorskip("torchvision.models")


class TestCounts:
    @pytest.mark.parametrize("name", COUNTS)
    def test_parameters_and_products(self, name: str) -> None:
        network = on_meta(CLASSIFIERS[name])
        found = totals(count_layers(network, network.size))
        assert (found["parameters"], found["products"]) == COUNTS[name]

    @pytest.mark.parametrize(("name", "theirs"), [("alexnet", "alexnet"), ("vgg19", "vgg19")])
    def test_shapes_are_torchvisions(self, name: str, theirs: str, models: object) -> None:
        pair = [on_meta(build) for build in (CLASSIFIERS[name], getattr(models, theirs))]
        ours, other = ([tuple(one.shape) for one in network.parameters()] for network in pair)
        assert ours == other

    def test_the_table_by_hooks(self) -> None:
        assert layer_figures("conv2") == {"parameters": 51_264, "products": 819_200, "outputs": 1024}
        with pytest.raises(UsageError, match="wanted one of the layers conv1, conv2, fc1, fc2, got 'fc3'"):
            layer_figures("fc3")

    def test_a_stride_that_was_moved_is_counted(self) -> None:
        network = on_meta(lenet_like)
        network[0].stride = (2, 2)
        network[3].padding = (2, 2)  # so that it still fits
        network[7] = nn.Linear(256, 200, device="meta")
        assert totals(count_layers(network, (1, 28, 28)))["products"] != COUNTS["lenet_like"][1]

    @pytest.mark.parametrize("depth", FLOPS)
    def test_residual_networks_as_in_the_paper(self, depth: int) -> None:
        found = resnet_figures(depth, "first")
        assert found["products"] / 1e9 == pytest.approx(FLOPS[depth], abs=5e-4)
        assert [found[f"side_{number}"] for number in range(1, 6)] == [112, 56, 28, 14, 7]

    @pytest.mark.parametrize("depth", [18, 50])
    def test_residual_networks_as_in_torchvision(self, depth: int, models: object) -> None:
        theirs = getattr(models, f"resnet{depth}")
        found = totals(count_layers(on_meta(theirs), (3, 224, 224)))
        assert resnet_figures(depth, "middle")["products"] == found["products"]
        assert resnet_figures(depth, "middle")["parameters"] == sum(one.numel() for one in on_meta(theirs).parameters())

    def test_an_even_kernel_or_an_unknown_stride_is_refused(self) -> None:
        with pytest.raises(UsageError, match="wanted an odd kernel, so that padding keeps the size, got 4"):
            resnets.normed(3, 4, 4)
        with pytest.raises(UsageError, match="unknown place of the stride 'last'; choose one of first, middle"):
            resnet(50, "last")  # type: ignore[arg-type]

    def test_an_unknown_depth_is_refused(self) -> None:
        with pytest.raises(UsageError, match="a depth of 18, 34, 50, 101, 152, got 20"):
            resnet(20)
        assert len(resnets.BLOCKS) == 5


class TestImages:
    @pytest.mark.parametrize("shape", [(2, 3, 28, 28), (2, 1, 27, 28), (1, 28, 28)])
    def test_images_of_another_size_are_named(self, shape: tuple[int, ...]) -> None:
        got = ", ".join(map(str, shape))
        with pytest.raises(UsageError, match=rf"LeNet-like network: wanted images \(B, 1, 28, 28\), got \({got}\)"):
            lenet_like()(torch.zeros(shape))

    @pytest.mark.parametrize(("channels", "side"), [(0, 28), (1, 27), (1, 34)])
    def test_images_that_do_not_fit_the_last_layers_are_refused(self, channels: int, side: int) -> None:
        with pytest.raises(UsageError, match=rf"and 28 to 33 pixels a side, got {channels} and {side};"):
            lenet_like(channels, side)

    @pytest.mark.parametrize("side", networks.SIDES)
    def test_images_of_the_least_and_largest_side_fit(self, side: int) -> None:
        assert lenet_like(1, side)(torch.zeros(1, 1, side, side)).shape == (1, 10)

    def test_a_small_network_for_colour(self) -> None:
        assert lenet_like(3, 32)(torch.zeros(2, 3, 32, 32)).shape == (2, 10)

    def test_initial_values_are_within_torchs_bounds_and_the_seeds_own(self) -> None:
        one, again, other = lenet_like(), lenet_like(), lenet_like()
        for network, seed in ((one, 0), (again, 0), (other, 1)):
            networks.initialise(network, seed)
        assert all(torch.equal(x, y) for x, y in zip(one.parameters(), again.parameters(), strict=True))
        assert not torch.equal(one[0].weight, other[0].weight)
        assert 0.18 < one[0].weight.abs().max() <= 0.2
        assert one[3].bias.abs().max() <= 1 / 800**0.5


class TestConvolutionize:
    @given(st.integers(0, 2**32))
    def test_one_image_is_answered_alike(self, seed: int) -> None:
        network = lenet5().double()
        networks.initialise(network, seed)
        x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        converted = convolutionize(list(network), network.size)
        assert torch.allclose(converted(x).flatten(1), network(x), atol=1e-12)

    def test_cells_of_a_network_without_padding_are_the_answers_to_crops(self) -> None:
        found = conversion.conversion_figures("lenet5")
        assert (found["height"], found["width"], found["equal"], found["cells_gap"]) == (3, 4, 1, 0)
        assert found["modules"] == 11
        assert found["products_saved"] > 3

    def test_weights_in_another_order_are_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: channels and pixels exchanged in the first linear layer."""
        right = convolutional.convolution_of

        def turned(linear: nn.Linear, size: tuple[int, ...]) -> nn.Conv2d:
            made = right(linear, size)
            made.weight.data = made.weight.data.transpose(2, 3).contiguous()
            return made

        monkeypatch.setattr(convolutional, "convolution_of", turned)
        found = conversion.conversion_figures("lenet5")
        assert found["equal"] == 0
        assert found["cells_gap"] > 0

    def test_a_size_that_does_not_fit_is_named(self) -> None:
        with pytest.raises(UsageError, match=r"linear layer 7 takes 256 numbers, got maps \(16, 6, 6\), 576 numbers"):
            convolutionize(list(lenet5()), (1, 36, 36))
        with pytest.raises(UsageError, match=r"layer 0 takes 1 channels, got maps \(3, 28, 28\)"):
            convolutionize(list(lenet5()), (3, 28, 28))

    def test_a_linear_layer_without_offsets_is_converted(self) -> None:
        linear = nn.Linear(8, 3, bias=False)
        (made,) = convolutionize([nn.Flatten(), linear], (2, 2, 2))
        x = torch.rand(4, 2, 2, 2)
        assert made.bias is None
        assert torch.allclose(made(x).flatten(1), linear(x.flatten(1)), atol=1e-6)

    def test_layers_without_parameters_are_kept(self) -> None:
        assert convolutionize([nn.MaxPool2d(2), nn.ReLU()], (1, 4, 4))(torch.ones(1, 1, 6, 8)).shape == (1, 1, 3, 4)
        assert len(convolutionize([nn.Flatten()], (1, 4, 4))) == 0

    def test_running_statistics_and_modes_are_left_alone(self) -> None:
        norm = nn.BatchNorm2d(2)
        norm(torch.rand(5, 2, 3, 3))
        before = {name: value.clone() for name, value in norm.state_dict().items()}
        convolutionize([nn.Sequential(norm, nn.ReLU().eval()), nn.Flatten(), nn.Linear(18, 3)], (2, 3, 3))
        assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
        assert norm.training

    def test_normalisation_of_vectors_is_refused(self) -> None:
        layers = [nn.Flatten(), nn.Linear(4, 3), nn.BatchNorm1d(3)]
        with pytest.raises(UsageError, match="layer 2 is a BatchNorm1d, which takes no maps"):
            convolutionize(layers, (1, 2, 2))

    def test_the_larger_map_of_alexnet(self) -> None:
        network = on_meta(networks.alexnet)
        converted = convolutionize(list(network), network.size)
        assert len(converted) == 20
        assert converted(torch.empty(1, 3, 288, 320, device="meta")).shape == (1, 1000, 3, 4)

    def test_crops_are_the_windows_row_by_row(self) -> None:
        x = image((1, 36, 40))
        windows = crops(x, 28, 4)
        assert windows.shape == (12, 1, 28, 28)
        assert torch.equal(windows[5], x[0, :, 4:32, 4:32])
