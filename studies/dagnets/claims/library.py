"""Evidence on networks for classification, read off torchvision's own when it is asked for (sections 4.6 and 7.2)."""

from __future__ import annotations

import copy
import functools
import re
import warnings
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from repro.audit.evidence import Shown
from studies.common.drawn import drawn
from studies.common.torchvision_import import import_torchvision
from studies.dagnets.measured.printed import architectures
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize
from studies.dagnets.model.counting import count_layers, totals
from studies.dagnets.published import layers as lists

SIDE = 224  # pixels of the pictures that the networks were made for


class _Unfilled(TorchFunctionMode):
    """Leave tensors as they are in place of filling them: without memory they hold nothing, and it takes its time."""

    FILLING = frozenset({
        init.constant_, init.kaiming_uniform_, init.normal_, init.uniform_, Tensor.fill_, Tensor.normal_, Tensor.zero_,
    })  # fmt: skip

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what a function returns, and of one that fills a tensor that tensor."""
        given = kwargs or {}
        return (args or (given["tensor"],))[0] if func in self.FILLING else func(*args, **given)


@functools.cache
def network(name: str) -> Any:
    """Return a network of torchvision's, without memory for its numbers; it is built once, and only read."""
    build = getattr(import_torchvision().models, name)
    with _Unfilled():
        return networks.on_meta(build)


# Standard networks


def _listed(layers: Iterable[nn.Module]) -> list[str]:
    """Return layers as an older torch printed them, counted from 0."""
    lines = [f"Dropout (p = {one.p})" if isinstance(one, nn.Dropout) else architectures.old_line(one) for one in layers]
    return [f"({number}): {line}" for number, line in enumerate(lines)]


def _agreeing(listed: Sequence[str], built: Sequence[str]) -> list[float]:
    """Count the printed layers that torchvision builds so, less those that only one side has."""
    equal = sum(one == other for one, other in zip(listed, built, strict=False))
    return [float(equal - abs(len(listed) - len(built)))]


def layers_of_alexnet() -> list[float]:
    """Count the printed layers of AlexNet that torchvision's has, features and classifier apart."""
    made = network("alexnet")
    return _agreeing(lists.ALEXNET, _listed(made.features) + _listed(made.classifier))


def layers_of_vgg19() -> list[float]:
    """Count the printed layers of VGGNet19 that torchvision's has: its first 28 features, and the classifier."""
    made = network("vgg19")
    return _agreeing(lists.VGG19, _listed(made.features)[:28] + _listed(made.classifier))


def layers_of_the_converted_alexnet() -> list[float]:
    """Count the printed layers of the fully convolutional AlexNet that torchvision's is converted to."""
    made = network("alexnet")
    converted = convolutionize([*made.features, *made.classifier], (3, SIDE, SIDE))
    return _agreeing(lists.CONVOLUTIONIZED, _listed(converted))


def alexnet_of_torchvision() -> Shown:
    """Compare the listed AlexNet with torchvision's, parameter by parameter."""
    sizes = [
        [tuple(one.shape) for one in made.parameters()]
        for made in (networks.on_meta(networks.alexnet), network("alexnet"))
    ]
    equal = sizes[0] == sizes[1]
    return equal, f"{len(sizes[0])} and {len(sizes[1])} parameters, the sizes equal: {equal}"


def _ends(name: str, weights: str) -> list[float]:
    """Return classes, channels and sides that a network and its trained weights are for."""
    trained = getattr(import_torchvision().models, weights).IMAGENET1K_V1
    first = next(layer for layer in network(name).modules() if isinstance(layer, nn.Conv2d))
    (side,) = trained.transforms().crop_size
    return [float(len(trained.meta["categories"])), float(first.in_channels), float(side), float(side)]


def ends_of_alexnet() -> list[float]:
    """Return classes and input of AlexNet."""
    return _ends("alexnet", "AlexNet_Weights")


def ends_of_vgg19() -> list[float]:
    """Return classes and input of VGGNet19."""
    return _ends("vgg19", "VGG19_Weights")


def weight_layers_of_vgg19() -> list[float]:
    """Count the convolutions and the fully connected layers of VGGNet19."""
    layers = list(network("vgg19").modules())
    return [float(sum(isinstance(layer, kind) for layer in layers)) for kind in (nn.Conv2d, nn.Linear)]


def convolutions_come_first() -> Shown:
    """Read the order of the layers with weights: LeNet5's as printed, the others' of torchvision."""
    orders = {"lenet5": [kind == "Linear" for line in lists.LENET5 for kind in re.findall(r"Conv2d|Linear", line)]}
    for name in ("alexnet", "vgg19"):
        layers = [layer for layer in network(name).modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        orders[name] = [isinstance(layer, nn.Linear) for layer in layers]
    ok = all(order == sorted(order) and len(set(order)) == 2 for order in orders.values())
    counts = ", ".join(f"{name} {order.count(False)} + {order.count(True)}" for name, order in orders.items())
    return ok, f"convolutions, then fully connected layers: {counts}"


def pretrained_keyword() -> Shown:
    """Ask torchvision for an AlexNet by the keyword of the slides, without weights."""
    with warnings.catch_warnings(record=True) as caught, torch.device("meta"):
        warnings.simplefilter("always")
        made = import_torchvision().models.alexnet(pretrained=False)
    old = any("pretrained" in str(one.message) for one in caught)
    return isinstance(made, nn.Module), "it is taken" + (", with a warning that it is deprecated" if old else "")


def old_names_of_mnist() -> Shown:
    """Read images and labels of MNIST by the names of the slides, off a stand-in that has today's (4.4 to 5.3)."""
    kind, held = import_torchvision().datasets.MNIST, SimpleNamespace(data="images", targets="labels")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [getattr(kind, name).fget(held) for name in ("train_data", "train_labels")]
    words = f"they give {' and '.join(found)}, with {len(caught)} warnings that they are renamed"
    return found == ["images", "labels"], words


def picture_for_alexnet() -> list[str]:
    """Return how the listing's normalised picture differs from those that torchvision's AlexNet was trained on."""
    preset = import_torchvision().models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    picture = (drawn("picture", 3, SIDE, SIDE) + 1) / 2
    listed = 0.5 + 0.5 * (picture - picture.mean()) / picture.std()
    mean, deviation = (torch.tensor(one, dtype=picture.dtype)[:, None, None] for one in (preset.mean, preset.std))
    if torch.allclose(listed, (picture - mean) / deviation):
        return []
    return [
        f"trained on channels less {tuple(preset.mean)}, over {tuple(preset.std)}; the listing's are less the "
        f"picture's own mean and over its deviation, then moved to {listed.mean():.1f} and {listed.std():.1f}"
    ]


# Residual networks


def _stages(depth: int) -> list[Any]:
    """Return the four stages of a residual network, each a sequence of blocks."""
    made = network(f"resnet{depth}")
    return [getattr(made, f"layer{number}") for number in range(1, 5)]


def _stage_lengths(depth: int) -> list[float]:
    return [float(len(stage)) for stage in _stages(depth)]


def blocks_of_18() -> list[float]:
    """Count the blocks of the 18-layer network's stages."""
    return _stage_lengths(18)


def blocks_of_34() -> list[float]:
    """Count the blocks of the 34-layer network's stages."""
    return _stage_lengths(34)


def blocks_of_50() -> list[float]:
    """Count the blocks of the 50-layer network's stages."""
    return _stage_lengths(50)


def blocks_of_101() -> list[float]:
    """Count the blocks of the 101-layer network's stages."""
    return _stage_lengths(101)


def blocks_of_152() -> list[float]:
    """Count the blocks of the 152-layer network's stages."""
    return _stage_lengths(152)


def depths() -> list[float]:
    """Count the layers with weights of the five networks, without the convolutions beside shortcuts."""
    return [
        float(sum(isinstance(layer, nn.Conv2d | nn.Linear) and "downsample" not in name
                  for name, layer in network(f"resnet{depth}").named_modules()))
        for depth in (18, 34, 50, 101, 152)
    ]  # fmt: skip


def products_of_34_with_bare_shortcuts() -> float:
    """Count the products of the 34-layer network, of shortcuts that have no convolutions beside them."""
    count = totals(count_layers(network("resnet34"), (3, SIDE, SIDE)))["products"]
    for number, stage in enumerate(_stages(34)[1:]):
        beside, side = stage[0].downsample, (SIDE // 4) >> number
        count -= totals(count_layers(beside, (beside[0].in_channels, side, side)))["products"]
    return count


def sides_of_the_maps() -> list[float]:
    """Read the sides of the 50-layer network's maps after the first convolution and the four stages."""
    return [float(x.shape[-1]) for x in _maps()]


@functools.cache
def _maps() -> list[Tensor]:
    """Run the 50-layer network on no picture at all; return what its first convolution and its four stages answer."""
    made = copy.deepcopy(network("resnet50")).to_empty(device="cpu")
    maps = [made.conv1(torch.empty(0, 3, SIDE, SIDE))]
    x = made.maxpool(made.relu(made.bn1(maps[0])))
    for number in range(1, 5):
        x = getattr(made, f"layer{number}")(x)
        maps.append(x)
    return maps


def end_of_a_resnet() -> list[float]:
    """Read the sides of the averaged map and the number of scores."""
    made = network("resnet50")
    return [*map(float, made.avgpool(_maps()[-1]).shape[2:]), float(made.fc.out_features)]


def first_layers_of_a_resnet() -> list[float]:
    """Read kernel, channels and stride of the first convolution, kernel and stride of the first pooling."""
    made = network("resnet18")
    first, pooling = made.conv1, made.maxpool
    read = (first.kernel_size[0], first.out_channels, first.stride[0], pooling.kernel_size, pooling.stride)
    return [float(one) for one in read]


def _channels(depth: int) -> list[float]:
    """Read the channels after each convolution of each stage's blocks, once where all its blocks have the same."""
    found: list[float] = []
    for stage in _stages(depth):
        kinds = {tuple(one.out_channels for one in block.children() if isinstance(one, nn.Conv2d)) for block in stage}
        found += [float(channels) for kind in kinds for channels in kind]
    return found


def channels_of_a_bottleneck_network() -> list[float]:
    """Read the channels before, inside and after the blocks of each stage of the 50-layer network."""
    return _channels(50)


def channels_of_a_basic_network() -> list[float]:
    """Read the channels of the blocks of each stage of the 18-layer network."""
    return _channels(18)


def blocks_that_halve() -> list[str]:
    """Name the blocks of the 50-layer network with a stride of 2, as the table names them, in one text."""
    names = [
        f"conv{number}_{place}"
        for number, stage in enumerate(_stages(50), 2)
        for place, block in enumerate(stage, 1)
        if block.stride == 2
    ]
    return [", ".join(names)]


def weights_of(block: nn.Module) -> int:
    """Count the weights of a block's convolutions, without normalisation."""
    return sum(one.weight.numel() for one in block.modules() if isinstance(one, nn.Conv2d))


def aggregated_block() -> Shown:
    """Compare the weights of a block of 32 paths with those of the bottleneck."""
    ours, plain = (weights_of(network(name).layer1[1]) for name in ("resnext50_32x4d", "resnet50"))
    return abs(ours / plain - 1) < 0.05, f"{ours:,} and {plain:,} weights"


def googlenet_ratio() -> list[float]:
    """Divide AlexNet's parameters by those of GoogLeNet as its paper has it, of torchvision's channels (L1976).

    torchvision has kernels of 3 x 3 in place of 5 x 5 and batch norm in place of offsets; auxiliary heads do not count.
    """
    module = import_torchvision().models.googlenet
    made = networks.on_meta(lambda: module(aux_logits=False, init_weights=False))
    count = 0
    for name, one in made.named_modules():
        if isinstance(one, nn.Conv2d):
            side = 5 if name.endswith("branch3.1.conv") else one.kernel_size[0]
            count += one.in_channels * one.out_channels * side**2 + one.out_channels
        elif isinstance(one, nn.Linear):
            count += (one.in_features + 1) * one.out_features
    return [sum(one.numel() for one in network("alexnet").parameters()) / count]
