"""What sections 4.6 and 7.2 print about networks, computed anew: one function an item of `ARCHITECTURES`."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from studies.common.randomness import Dropout
from studies.common.torchvision_import import import_torchvision
from studies.dagnets.measured.printed.autograd import Numbers, Texts
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize
from studies.dagnets.model.counting import LayerCount, count_layers

IMAGE, WINDOW = 256, 224  # pixels
FIRST_SCORE = 12.26


def old_line(layer: nn.Module) -> str:
    """Return a layer as an older torch printed it."""
    if isinstance(layer, nn.Linear):
        return f"Linear ({layer.in_features} -> {layer.out_features})"
    if isinstance(layer, nn.ReLU):
        return "ReLU (inplace)"  # printed forms are compared, and ours are not in place
    if isinstance(layer, Dropout):
        return f"Dropout (p = {layer.p})"
    if isinstance(layer, nn.MaxPool2d):
        size, stride = layer.kernel_size, layer.stride
        return f"MaxPool2d (size=({size}, {size}), stride=({stride}, {stride}), dilation=(1, 1))"
    return str(layer)


def numbered(layers: Iterable[nn.Module]) -> Texts:
    """Return layers as an older torch printed them, counted from 0."""
    return [f"({number}): {old_line(layer)}" for number, layer in enumerate(layers)]


def table() -> list[LayerCount]:
    """Return the layers of the LeNet-like network."""
    network = networks.lenet_like()
    return count_layers(network, network.size)


def table_parameters() -> Numbers:
    """Count the parameters of each layer that has some, and of all."""
    counts = [float(layer.parameters) for layer in table() if layer.parameters]
    return [*counts, sum(counts)]


def table_products() -> Numbers:
    """Count the products of each layer that has some, and of all."""
    counts = [float(layer.products) for layer in table() if layer.products]
    return [*counts, sum(counts)]


def table_sizes() -> Texts:
    """Read the size of the input and of each layer's output."""
    sizes = [networks.lenet_like().size, *(layer.size for layer in table())]
    return ["x".join(map(str, size)) for size in sizes]


def lenet5_layers() -> Texts:
    """List the layers of LeNet5, features and classifier apart."""
    return [line for layers in networks.parts(networks.lenet5()) for line in numbered(layers)]


def alexnet_layers() -> Texts:
    """List the layers of AlexNet, features and classifier apart."""
    network = networks.on_meta(networks.alexnet)
    return [line for layers in networks.parts(network) for line in numbered(layers)]


def vgg19_layers() -> Texts:
    """List the layers of VGGNet19 as far as the slide does: its first 28 features, and the classifier."""
    features, scores = networks.parts(networks.on_meta(networks.vgg19))
    return [*numbered(features)[:28], *numbered(scores)]


def convolutionized_layers() -> Texts:
    """List the layers of AlexNet made fully convolutional."""
    network = networks.on_meta(networks.alexnet)
    return numbered(convolutionize(list(network), network.size))


def augmentation() -> Numbers:
    """Count the window's places, at offsets drawn below what is left beside it on each axis, and their mirrors."""
    return [float((IMAGE - WINDOW) ** 2 * 2)]


def score_format() -> Texts:
    """Print the first score in the listing's format."""
    return ["%02f" % FIRST_SCORE]  # noqa: UP031 - the format under test


def googlenet_ratio() -> Numbers:
    """Divide AlexNet's parameters by those of torchvision's GoogLeNet, as it is run: without auxiliary heads."""
    googlenet = import_torchvision().models.googlenet
    nets = (networks.alexnet, lambda: googlenet(aux_logits=False, init_weights=False))
    alexnet, other = (sum(one.numel() for one in networks.on_meta(build).parameters()) for build in nets)
    return [alexnet / other]
