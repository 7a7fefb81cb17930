"""Evidence on networks for classification, from rows of torchvision's own (sections 4.4 to 7.2)."""

from __future__ import annotations

import re
from functools import partial

import torch

from repro.audit.evidence import Shown, exact, published
from studies.common.drawn import drawn
from studies.dagnets.cases.libraries import COLOURS, STAGES
from studies.dagnets.claims.evidence import about
from studies.dagnets.published import layers as lists

SIDE = 224  # pixels of the pictures that the networks were made for
DEPTHS = (18, 34, 50, 101, 152)

classifier = partial(exact, "dagnets", "torchvision_classifiers")
residual = partial(exact, "dagnets", "torchvision_residual", paths=1)


# Names


def _name(name: str) -> tuple[bool, int]:
    """Return whether torchvision takes a name of the slides, and its warnings then."""
    taken, warnings = exact("dagnets", "torchvision_names", "taken", "warnings", name=name)
    return taken == 1, int(warnings)


def pretrained_keyword() -> Shown:
    """Say whether torchvision's AlexNet takes the keyword of the slides."""
    taken, warnings = _name("pretrained")
    words = "it is taken" if taken else "it is not taken"
    return taken, words + (", with a warning that it is deprecated" if warnings else "")


def old_names_of_mnist() -> Shown:
    """Say whether MNIST has images and labels by the names of the slides, off a stand-in that has today's."""
    images, labels = (_name(name) for name in ("train_data", "train_labels"))
    taken = [what for what, (there, _) in (("images", images), ("labels", labels)) if there]
    words = f"they give {' and '.join(taken) or 'neither'}, with {images[1] + labels[1]} warnings that they are renamed"
    return len(taken) == 2, words


# Standard networks


def alexnet_of_torchvision() -> Shown:
    """Compare the sizes of torchvision's parameters of AlexNet with those of the listed one."""
    count, equal = exact("dagnets", "torchvision_lists", "parameters", "of_our_sizes", layers="alexnet")
    return count == equal, f"{equal:g} of {count:g} parameters have the sizes of those listed"


def _ends(name: str) -> list[float]:
    """Return classes, channels and sides that a network and its trained weights are for."""
    classes, channels, side = classifier("classes", "channels", "side", network=name)
    return [classes, channels, side, side]


def ends_of_alexnet() -> list[float]:
    """Return classes and input of AlexNet."""
    return _ends("alexnet")


def ends_of_vgg19() -> list[float]:
    """Return classes and input of VGGNet19."""
    return _ends("vgg19")


def weight_layers_of_vgg19() -> list[float]:
    """Count the convolutions and the fully connected layers of VGGNet19."""
    return classifier("convolutions", "linear_layers", network="vgg19")


def convolutions_come_first() -> Shown:
    """Read the order of the layers with weights: LeNet5's as printed, the others' of torchvision."""
    printed = [kind == "Linear" for line in lists.LENET5 for kind in re.findall(r"Conv2d|Linear", line)]
    behind = printed[printed.index(True) :].count(False)
    counts = {"lenet5": [float(printed.count(False)), float(printed.count(True)), float(behind)]}
    for name in ("alexnet", "vgg19"):
        counts[name] = classifier("convolutions", "linear_layers", "convolutions_behind", network=name)
    ok = all(first and then and not late for first, then, late in counts.values())
    words = ", ".join(f"{name} {first:g} + {then:g}" for name, (first, then, _) in counts.items())
    return ok, f"convolutions, then fully connected layers: {words}"


def picture_for_alexnet() -> list[str]:
    """Return how the listing's normalised picture differs from those that torchvision's AlexNet was trained on."""
    means, deviations = (
        classifier(*(f"{part}_{colour}" for colour in COLOURS), network="alexnet") for part in ("mean", "deviation")
    )
    picture = (drawn("picture", 3, SIDE, SIDE) + 1) / 2
    listed = 0.5 + 0.5 * (picture - picture.mean()) / picture.std()
    mean, deviation = (torch.tensor(one, dtype=picture.dtype)[:, None, None] for one in (means, deviations))
    if torch.allclose(listed, (picture - mean) / deviation):
        return []
    return [
        f"trained on channels less {tuple(means)}, over {tuple(deviations)}; the listing's are less the "
        f"picture's own mean and over its deviation, then moved to {listed.mean():.1f} and {listed.std():.1f}"
    ]


def googlenet_ratio() -> list[float]:
    """Divide AlexNet's parameters by those of GoogLeNet as its paper has it, of torchvision's channels (L1976)."""
    (alexnet,), (other,) = (classifier("parameters", network=name) for name in ("alexnet", "googlenet"))
    return [alexnet / other]


# Residual networks


def _blocks(depth: int) -> list[float]:
    """Count the blocks of a network's four stages."""
    return residual(*(f"blocks_{stage}" for stage in STAGES), depth=depth)


def blocks_of_18() -> list[float]:
    """Count the blocks of the 18-layer network's stages."""
    return _blocks(18)


def blocks_of_34() -> list[float]:
    """Count the blocks of the 34-layer network's stages."""
    return _blocks(34)


def blocks_of_50() -> list[float]:
    """Count the blocks of the 50-layer network's stages."""
    return _blocks(50)


def blocks_of_101() -> list[float]:
    """Count the blocks of the 101-layer network's stages."""
    return _blocks(101)


def blocks_of_152() -> list[float]:
    """Count the blocks of the 152-layer network's stages."""
    return _blocks(152)


def depths() -> list[float]:
    """Count the layers with weights of the five networks, without the convolutions beside shortcuts."""
    return [count for depth in DEPTHS for count in residual("weight_layers", depth=depth)]


def products_of_50() -> Shown:
    """Hold the products of the 50-layer network, strides as in its paper, against the print, which may be cut off."""
    (found,) = exact("dagnets", "residual_networks", "products", depth=50, stride="first")
    (text,) = published("dagnets", "resnet-flops-50")
    return about(found, text), f"{found:,.0f}"


def sides_of_the_maps() -> list[float]:
    """Return the sides of the 50-layer network's maps after the first convolution and the four stages."""
    return residual("side_0", *(f"side_{stage}" for stage in STAGES), depth=50)


def end_of_a_resnet() -> list[float]:
    """Return the sides of the averaged map and the number of scores."""
    return residual("averaged_height", "averaged_width", "scores", depth=50)


def first_layers_of_a_resnet() -> list[float]:
    """Return kernel, channels and stride of the first convolution, kernel and stride of the first pooling."""
    first = (f"stem_{name}" for name in ("kernel", "channels", "stride"))
    return residual(*first, "pooling_kernel", "pooling_stride", depth=18)


def channels_of_a_bottleneck_network() -> list[float]:
    """Return the channels before, inside and after the blocks of each stage of the 50-layer network."""
    return _channels(50)


def channels_of_a_basic_network() -> list[float]:
    """Return the channels of the blocks of each stage of the 18-layer network."""
    return _channels(18)


def _channels(depth: int) -> list[float]:
    """Return the channels after each convolution of each stage's blocks; a row has 0 for one that is not there."""
    names = [f"channels_{stage}_{place}" for stage in STAGES for place in (1, 2, 3)]
    return [channels for channels in residual(*names, depth=depth) if channels]


def blocks_that_halve() -> list[str]:
    """Name the blocks of the 50-layer network with a stride of 2, as the table names them, in one text."""
    places = residual(*(f"halving_{stage}" for stage in STAGES), depth=50)
    return [", ".join(f"conv{number}_{place:g}" for number, place in enumerate(places, 2) if place)]


def aggregated_block() -> Shown:
    """Compare the weights of a block of 32 paths with those of the bottleneck."""
    (ours,), (plain,) = (
        exact("dagnets", "torchvision_residual", "block_weights", depth=50, paths=paths) for paths in (32, 1)
    )
    return abs(ours / plain - 1) < 0.05, f"{ours:,.0f} and {plain:,.0f} weights"
