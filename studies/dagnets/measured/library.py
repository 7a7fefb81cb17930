"""What torchvision has under the names of the slides, and what its networks are (sections 4.4 to 7.2)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.torchvision_import import import_torchvision
from studies.dagnets.cases.libraries import COLOURS, STAGES
from studies.dagnets.measured.printed import architectures
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize
from studies.dagnets.model.counting import products
from studies.dagnets.published import layers as lists

SIDE = 224  # pixels of the pictures that the networks were made for
WEIGHTS = {"alexnet": "AlexNet_Weights", "vgg19": "VGG19_Weights", "googlenet": "GoogLeNet_Weights"}
LISTED = {"alexnet": lists.ALEXNET, "vgg19": lists.VGG19, "convolutionized": lists.CONVOLUTIONIZED}
FEATURES = 28  # of VGGNet19, as many as are listed
RESIDUAL = {(depth, 1): f"resnet{depth}" for depth in (18, 34, 50, 101, 152)} | {(50, 32): "resnext50_32x4d"}
MOST = 3  # convolutions in a block


def network(name: str, **settings: Any) -> Any:
    """Return a network of torchvision's, without memory for its numbers."""
    return networks.on_meta(lambda: getattr(import_torchvision().models, name)(**settings))


# Names (4.4, 4.6, 5.3 and 7.2)


def name_figures(name: str) -> dict[str, float]:
    """Return whether torchvision still takes a name of the slides, and how many warnings it gives then."""
    asked: dict[str, Callable[[], bool]] = {
        "train_data": partial(_attribute, "train_data", "images"),
        "train_labels": partial(_attribute, "train_labels", "labels"),
        "pretrained": _keyword,
    }
    check_known("torchvision", "name", name, asked)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        taken = asked[name]()
    return {"taken": float(taken), "warnings": float(sum(name in str(one.message) for one in caught))}


def _attribute(name: str, wanted: str) -> bool:
    """Ask a stand-in of MNIST that has today's attributes for an older one."""
    held = SimpleNamespace(data="images", targets="labels")
    older = getattr(import_torchvision().datasets.MNIST, name, None)
    return older is not None and bool(older.fget(held) == wanted)


def _keyword() -> bool:
    """Ask for an AlexNet by the keyword of the slides, without weights."""
    try:
        return isinstance(network("alexnet", pretrained=False), nn.Module)
    except TypeError as error:
        if "pretrained" not in str(error):
            raise
        return False


# Standard networks (7.2)


def classifier_figures(name: str) -> dict[str, float]:
    """Return what a classifier is made of, and for which pictures and classes its trained weights are."""
    check_known("torchvision", "classifier", name, WEIGHTS)
    trained = getattr(import_torchvision().models, WEIGHTS[name]).IMAGENET1K_V1
    made = network(name, **({"aux_logits": False, "init_weights": False} if name == "googlenet" else {}))
    layers: list[Any] = [layer for layer in made.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    linear = [isinstance(layer, nn.Linear) for layer in layers]
    preset = trained.transforms()
    (side,) = preset.crop_size
    shown = {f"mean_{colour}": value for colour, value in zip(COLOURS, preset.mean, strict=True)}
    shown |= {f"deviation_{colour}": value for colour, value in zip(COLOURS, preset.std, strict=True)}
    return {
        "parameters": float(parameters_as_published(made)),
        "convolutions": float(linear.count(False)),
        "linear_layers": float(linear.count(True)),
        "convolutions_behind": float(linear[linear.index(True) :].count(False)),
        "classes": float(len(trained.meta["categories"])),
        "channels": float(layers[0].in_channels),
        "side": float(side),
        **shown,
    }


def parameters_as_published(made: nn.Module) -> int:
    """Count the parameters of the layers with weights as papers have them, auxiliary heads left out.

    In GoogLeNet, torchvision has kernels of 3 x 3 in place of 5 x 5 and batch norm in place of offsets (L1976).
    """
    count = 0
    for name, one in made.named_modules():
        if isinstance(one, nn.Conv2d):
            side = 5 if name.endswith("branch3.1.conv") else one.kernel_size[0]
            count += one.in_channels * one.out_channels * side**2 + one.out_channels
        elif isinstance(one, nn.Linear):
            count += (one.in_features + 1) * one.out_features
    return count


def list_figures(name: str) -> dict[str, float]:
    """Return how many printed layers torchvision builds so, and how many of its parameters have our sizes, in order.

    What only one side has is taken off.
    """
    check_known("torchvision", "list of layers", name, LISTED)
    base = "vgg19" if name == "vgg19" else "alexnet"
    theirs, ours = network(base), networks.on_meta(networks.CLASSIFIERS[base])
    features, scores = list(theirs.features), list(theirs.classifier)
    made: nn.Module = theirs
    other: nn.Module = ours
    if name == "convolutionized":
        made, other = convolutionize([*features, *scores], (3, SIDE, SIDE)), convolutionize(list(ours), ours.size)
        lines = _listed(made.children())
    else:
        lines = _listed(features)[:FEATURES] + _listed(scores)
    sizes, wanted = ([str(tuple(one.shape)) for one in each.parameters()] for each in (made, other))
    return {
        "agreeing": _agreeing(LISTED[name], lines),
        "parameters": float(len(sizes)),
        "of_our_sizes": _agreeing(wanted, sizes),
    }


def _listed(layers: Iterable[nn.Module]) -> list[str]:
    """Return layers as an older torch printed them, counted from 0."""
    lines = [f"Dropout (p = {one.p})" if isinstance(one, nn.Dropout) else architectures.old_line(one) for one in layers]
    return [f"({number}): {line}" for number, line in enumerate(lines)]


def _agreeing(listed: Iterable[str], built: Iterable[str]) -> float:
    """Count what is the same in two lists, less what only one of them has."""
    one, other = list(listed), list(built)
    equal = sum(first == second for first, second in zip(one, other, strict=False))
    return float(equal - abs(len(one) - len(other)))


# Residual networks (7.2)


def residual_figures(depth: int, paths: int) -> dict[str, float]:
    """Return what a residual network is made of, stage by stage, and the sides of its maps, in pixels.

    `bare_products` are those of shortcuts without convolutions; `halving` is the place of a stage's block with a stride
    of 2, 0 where none has one. Of the first stage's second block, `block_weights` are those of its convolutions alone.
    Raise UsageError where a stage's blocks differ in their channels, or several halve.
    """
    if (depth, paths) not in RESIDUAL:
        known = ", ".join(RESIDUAL.values())
        raise UsageError(
            f"torchvision: no residual network of {depth} layers and {paths} paths is looked at, but {known}"
        )
    made = network(RESIDUAL[depth, paths])
    layers = {name: one for name, one in made.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)}
    maps = _maps(made)
    found = {name: products(layer, maps[name]) for name, layer in layers.items()}
    beside = [name for name in layers if "downsample" in name]
    block, first, pooling = made.layer1[1], made.conv1, made.maxpool
    stages = {number: getattr(made, f"layer{number}") for number in STAGES}
    return {
        "weight_layers": float(len(layers) - len(beside)),
        "products": float(sum(found.values())),
        "bare_products": float(sum(found.values()) - sum(found[name] for name in beside)),
        "stem_kernel": float(first.kernel_size[0]),
        "stem_channels": float(first.out_channels),
        "stem_stride": float(first.stride[0]),
        "pooling_kernel": float(pooling.kernel_size),
        "pooling_stride": float(pooling.stride),
        "side_0": float(maps["conv1"].shape[-1]),
        **{f"side_{number}": float(maps[f"layer{number}"].shape[-1]) for number in STAGES},
        **{key: value for number, stage in stages.items() for key, value in _stage_figures(number, stage).items()},
        "averaged_height": float(maps["avgpool"].shape[2]),
        "averaged_width": float(maps["avgpool"].shape[3]),
        "scores": float(made.fc.out_features),
        "block_weights": float(sum(one.weight.numel() for one in block.modules() if isinstance(one, nn.Conv2d))),
        "block_parameters": float(sum(one.numel() for one in block.parameters())),
    }


def _maps(made: nn.Module) -> dict[str, Tensor]:
    """Run a network on one picture; return what each module answers, by its name."""
    found: dict[str, Tensor] = {}

    def note(name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        found[name] = output

    handles = [module.register_forward_hook(partial(note, name)) for name, module in made.named_modules()]
    made(torch.empty(1, 3, SIDE, SIDE, device="meta"))
    for handle in handles:
        handle.remove()
    return found


def _stage_figures(number: int, stage: Iterable[Any]) -> dict[str, float]:
    """Return the blocks of a stage, the one that halves, and their channels, 0 where a block has no third one."""
    blocks = list(stage)
    halving = [place for place, block in enumerate(blocks, 1) if block.stride == 2]
    kinds = {tuple(one.out_channels for one in block.children() if isinstance(one, nn.Conv2d)) for block in blocks}
    if len(halving) > 1 or len(kinds) > 1:
        raise UsageError(
            f"residual network: in stage {number} blocks {halving} halve, and channels are {sorted(kinds)}"
        )
    (channels,) = kinds
    padded = (*channels, *[0] * (MOST - len(channels)))
    return {
        f"blocks_{number}": float(len(blocks)),
        f"halving_{number}": float(halving[0] if halving else 0),
        **{f"channels_{number}_{place}": float(count) for place, count in enumerate(padded, 1)},
    }
