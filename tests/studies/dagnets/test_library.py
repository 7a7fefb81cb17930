"""What torchvision has is read off torchvision: known figures come out, and another library gives others."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from repro.errors import UsageError
from studies.dagnets import study
from studies.dagnets.measured import library
from studies.dagnets.measured.library import classifier_figures, list_figures, name_figures, residual_figures
from studies.dagnets.model import networks
from studies.dagnets.published import layers as lists

ORIGINAL, IMPORTED = library.network, library.import_torchvision
PRODUCTS = {18: 1_814_073_344, 34: 3_663_761_408, 50: 4_089_184_256}  # of torchvision's networks
SMALLER = ((64, 128, 28), (128, 256, 14), (256, 512, 7))  # beside shortcuts: channels before and after, side
BESIDE = {18: SMALLER, 34: SMALLER, 50: ((64, 256, 56), (256, 512, 28), (512, 1024, 14), (1024, 2048, 7))}


def instead(**other: str) -> Callable[..., Any]:
    """Return what gives other networks than those that are asked for."""
    return lambda name, **settings: ORIGINAL(other.get(name, name), **settings)


class TestNames:
    @pytest.mark.parametrize("name", ["train_data", "train_labels", "pretrained"])
    def test_each_is_taken_with_a_warning(self, name: str) -> None:
        assert name_figures(name) == {"taken": 1, "warnings": 1}

    def test_another_content_or_none_is_not_what_was_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: labels by the name of the images, and no labels."""
        kind = SimpleNamespace(train_data=property(lambda held: held.targets))
        other = SimpleNamespace(datasets=SimpleNamespace(MNIST=kind))
        monkeypatch.setattr(library, "import_torchvision", lambda: other)
        assert name_figures("train_data") == name_figures("train_labels") == {"taken": 0, "warnings": 0}

    def test_a_keyword_that_is_gone_is_not_taken_and_another_error_is_raised(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def without(**given: Any) -> None:
            raise TypeError(f"unexpected keyword argument '{min(given)}'")

        monkeypatch.setattr(library, "network", lambda _, **given: without(**given))
        assert name_figures("pretrained") == {"taken": 0, "warnings": 0}
        monkeypatch.setattr(library, "network", lambda _, **given: without(progress=given))
        with pytest.raises(TypeError, match="progress"):
            name_figures("pretrained")

    def test_other_warnings_are_not_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def made(name: str, **_settings: Any) -> Any:
            warnings.warn("of something else", UserWarning, stacklevel=2)
            return ORIGINAL(name)

        monkeypatch.setattr(library, "network", made)
        assert name_figures("pretrained") == {"taken": 1, "warnings": 0}


class TestClassifiers:
    @pytest.mark.parametrize(
        ("name", "parameters", "layers"),
        [("alexnet", 61_100_840, (5, 3)), ("vgg19", 143_667_240, (16, 3)), ("googlenet", 6_998_552, (57, 1))],
    )
    def test_they_are_the_ones_known(self, name: str, parameters: int, layers: tuple[int, int]) -> None:
        found = classifier_figures(name)
        assert found["parameters"] == parameters
        assert (found["convolutions"], found["linear_layers"], found["convolutions_behind"]) == (*layers, 0)
        assert (found["classes"], found["channels"], found["side"]) == (1000, 3, 224)
        assert [found[f"mean_{colour}"] for colour in library.COLOURS] == [0.485, 0.456, 0.406]
        assert [found[f"deviation_{colour}"] for colour in library.COLOURS] == [0.229, 0.224, 0.225]

    def test_what_has_no_other_form_in_torchvision_is_counted_as_it_is(self) -> None:
        made = ORIGINAL("alexnet")
        assert library.parameters_as_published(made) == sum(one.numel() for one in made.parameters())

    def test_larger_kernels_and_offsets_are_what_googlenet_has_more(self) -> None:
        made = ORIGINAL("googlenet", aux_logits=False, init_weights=False)
        ours = sum(one.numel() for one in made.parameters())
        norms = sum(one.weight.numel() for one in made.modules() if isinstance(one, nn.BatchNorm2d))
        wide = [one for name, one in made.named_modules() if name.endswith("branch3.1.conv")]
        assert len(wide) == 9
        more = sum(16 * one.in_channels * one.out_channels for one in wide)
        assert classifier_figures("googlenet")["parameters"] == ours - 2 * norms + norms + more

    @pytest.mark.parametrize(
        ("planted", "moved"),
        [({"vgg19": "vgg16"}, {"parameters", "convolutions"}), ({"vgg19": "alexnet"}, {"parameters", "convolutions"})],
    )
    def test_another_network_has_other_figures(
        self, planted: dict[str, str], moved: set[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = classifier_figures("vgg19")
        monkeypatch.setattr(library, "network", instead(**planted))
        found = classifier_figures("vgg19")
        assert {name for name in right if right[name] != found[name]} == moved

    def test_a_convolution_behind_a_linear_layer_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Linear(4, 4), nn.Conv2d(4, 4, 1))
        monkeypatch.setattr(library, "network", lambda *_, **__: made)
        assert classifier_figures("alexnet")["convolutions_behind"] == 1

    def test_other_weights_are_for_other_pictures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        preset = SimpleNamespace(mean=[0.5] * 3, std=[0.25] * 3, crop_size=[32])
        trained = SimpleNamespace(transforms=lambda: preset, meta={"categories": ["cat", "dog"]})
        models = SimpleNamespace(AlexNet_Weights=SimpleNamespace(IMAGENET1K_V1=trained))
        made = ORIGINAL("alexnet")
        monkeypatch.setattr(library, "network", lambda *_, **__: made)
        monkeypatch.setattr(library, "import_torchvision", lambda: SimpleNamespace(models=models))
        found = classifier_figures("alexnet")
        assert (found["classes"], found["side"], found["mean_red"], found["deviation_blue"]) == (2, 32, 0.5, 0.25)


class TestLists:
    @pytest.mark.parametrize(
        ("name", "lines", "parameters"), [("alexnet", 20, 16), ("vgg19", 35, 38), ("convolutionized", 20, 16)]
    )
    def test_all_printed_layers_are_there(self, name: str, lines: int, parameters: int) -> None:
        assert list_figures(name) == {"agreeing": lines, "parameters": parameters, "of_our_sizes": parameters}

    @pytest.mark.parametrize(
        ("name", "planted", "agreeing"),
        [
            ("alexnet", lists.ALEXNET[:-1], 18),
            ("alexnet", (*lists.ALEXNET, "(7): ReLU (inplace)"), 19),
            ("vgg19", (*lists.VGG19[:-1], "(6): Linear (4096 -> 10)"), 34),
            ("convolutionized", lists.CONVOLUTIONIZED[1:], -1),
        ],
    )
    def test_another_list_agrees_less(
        self, name: str, planted: tuple[str, ...], agreeing: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(library.LISTED, name, planted)
        assert list_figures(name)["agreeing"] == agreeing

    @pytest.mark.parametrize(("name", "base", "other"), [("alexnet", "alexnet", "vgg11"), ("vgg19", "vgg19", "vgg16")])
    def test_another_network_agrees_less(
        self, name: str, base: str, other: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = list_figures(name)
        monkeypatch.setattr(library, "network", instead(**{base: other}))
        found = list_figures(name)
        assert found["agreeing"] < right["agreeing"]
        assert found["of_our_sizes"] < right["of_our_sizes"]

    def test_ours_are_the_sizes_that_theirs_are_held_against(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(networks.CLASSIFIERS, "alexnet", networks.vgg19)
        assert list_figures("alexnet")["of_our_sizes"] < 0


class TestResidualNetworks:
    @pytest.mark.parametrize("depth", PRODUCTS)
    def test_products_with_and_without_what_stands_beside_shortcuts(self, depth: int) -> None:
        found = residual_figures(depth, 1)
        beside = sum(before * after * side**2 for before, after, side in BESIDE[depth])
        assert (found["products"], found["bare_products"]) == (PRODUCTS[depth], PRODUCTS[depth] - beside)

    @pytest.mark.parametrize(
        ("depth", "blocks"),
        [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3)), (50, (3, 4, 6, 3)), (101, (3, 4, 23, 3)), (152, (3, 8, 36, 3))],
    )
    def test_layers_blocks_and_maps(self, depth: int, blocks: tuple[int, ...]) -> None:
        found = residual_figures(depth, 1)
        assert found["weight_layers"] == depth
        assert tuple(found[f"blocks_{stage}"] for stage in library.STAGES) == blocks
        assert [found[f"halving_{stage}"] for stage in library.STAGES] == [0, 1, 1, 1]
        assert [found[f"side_{place}"] for place in range(5)] == [112, 56, 28, 14, 7]
        stem = [found[f"stem_{name}"] for name in ("kernel", "channels", "stride")]
        assert (stem, found["pooling_kernel"], found["pooling_stride"]) == ([7, 64, 2], 3, 2)
        assert (found["averaged_height"], found["averaged_width"], found["scores"]) == (1, 1, 1000)

    @pytest.mark.parametrize(
        ("depth", "paths", "channels", "block"),
        [
            (18, 1, (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0), (73_728, 73_984)),
            (50, 1, (64, 64, 256, 128, 128, 512, 256, 256, 1024, 512, 512, 2048), (69_632, 70_400)),
            (50, 32, (128, 128, 256, 256, 256, 512, 512, 512, 1024, 1024, 1024, 2048), (70_144, 71_168)),
        ],
    )
    def test_channels_and_a_block(
        self, depth: int, paths: int, channels: tuple[int, ...], block: tuple[int, int]
    ) -> None:
        found = residual_figures(depth, paths)
        assert tuple(found[f"channels_{stage}_{place}"] for stage in library.STAGES for place in (1, 2, 3)) == channels
        assert (found["block_weights"], found["block_parameters"]) == block

    def test_a_dilation_in_the_place_of_a_stride_halves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dilation = [True, False, False]
        monkeypatch.setattr(library, "network", lambda name: ORIGINAL(name, replace_stride_with_dilation=dilation))
        found = residual_figures(50, 1)
        assert [found[f"halving_{stage}"] for stage in library.STAGES] == [0, 0, 1, 1]
        assert [found[f"side_{place}"] for place in range(5)] == [112, 56, 56, 28, 14]

    def test_a_larger_picture_has_larger_maps_and_is_averaged_alike(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(library, "SIDE", 256)
        found = residual_figures(18, 1)
        assert (found["side_0"], found["side_4"], found["averaged_height"]) == (128, 8, 1)

    def test_wide_blocks_are_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        right = residual_figures(50, 1)
        monkeypatch.setattr(library, "network", instead(resnet50="wide_resnet50_2"))
        found = residual_figures(50, 1)
        moved = {name for name in right if right[name] != found[name]}
        assert {"channels_1_1", "channels_4_2", "block_weights", "products", "bare_products"} <= moved
        assert moved.isdisjoint({"channels_1_3", "weight_layers", "blocks_3"})

    @pytest.mark.parametrize("changed", ["stride", "channels"])
    def test_blocks_of_a_stage_that_differ_are_refused(self, changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
        made = ORIGINAL("resnet18")
        if changed == "stride":
            made.layer2[1].stride = 2
        else:
            made.layer2[1].conv1.out_channels = 127
        monkeypatch.setattr(library, "network", lambda _: made)
        with pytest.raises(UsageError, match="in stage 2 blocks"):
            residual_figures(18, 1)

    def test_a_network_that_is_not_looked_at_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no residual network of 50 layers and 2 paths is looked at, but resnet18"):
            residual_figures(50, 2)


def test_every_declared_case_is_known() -> None:
    def field(experiment: str, name: str) -> set[object]:
        return {getattr(case, name) for case in study.experiments[experiment].cases}

    assert field("torchvision_classifiers", "network") == set(library.WEIGHTS)
    assert field("torchvision_lists", "layers") == set(library.LISTED)
    residual = study.experiments["torchvision_residual"].cases
    assert {(case.depth, case.paths) for case in residual} == set(library.RESIDUAL)
