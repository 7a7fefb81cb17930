"""What a profile of the study sets, and what its cases are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LAWS = (  # the functions of `measured.laws`
    "grad_of_several_outputs", "backward_accumulates", "in_place_addition", "gradient_of_a_norm", "graph_of_calls",
    "descent_without_graph", "printed_linear", "batched_linear_backward", "batched_linear_backward_input",
    "convolution_with_a_flipped_kernel", "dilation_is_a_sparse_kernel", "stride_leaves_out_input",
    "pooling_of_permuted_cells", "cross_entropy_of_a_delta", "loss_of_a_uniform_posterior", "copies_of_the_data",
    "partial_sums_are_unbiased", "momentum_along_a_constant_slope", "momentum_of_torch",
    "average_before_the_last_layer", "local_perceptron", "forward_hooks",
)  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """A training by plain stochastic gradient descent; the rate is divided by 10 after `reduced_after` epochs, if any.

    Without `shuffled` the images come in the order in which they lie, as in the listing.
    """

    epochs: int
    batch: int = 100
    learning_rate: float = 0.1
    reduced_after: int = 0
    shuffled: bool = False


@dataclass(frozen=True)
class Timing:
    """How many samples are multiplied, and how often each comparison is made."""

    samples: int
    repeats: int


@dataclass(frozen=True)
class Training:
    """What a profile changes. The case says whether the rate of `cifar` is reduced."""

    mnist: Fit
    sweep: Fit
    cifar: Fit
    timing: Timing


@dataclass(frozen=True)
class Item:
    """Something that the slides print, by its topic and its name in `published.items`."""

    topic: str
    item: str


@dataclass(frozen=True)
class Law:
    """A statement of the slides as two computations, by its name in `measured.laws`."""

    law: str


@dataclass(frozen=True)
class Formula:
    """The formulas of the backward pass: transposed as they have to be, as they stand, or with one use of w1."""

    form: Literal["transposed", "literal", "one_term"]


@dataclass(frozen=True)
class Step:
    """The step size of the coupled pair, and whether a is detached in the coupling."""

    detach: bool
    eta: float


@dataclass(frozen=True)
class Window:
    """The coupled pair, detached or not, for all step sizes of thousandths up to 0.4."""

    detach: bool


@dataclass(frozen=True)
class Adam:
    """Adam as the slides write it, with its power, or torch's."""

    form: Literal["slide", "corrected", "torch"]


@dataclass(frozen=True)
class Rule:
    """A rule of descent of `measured.moments.RULES`, and the larger curvature of the valley; the other is 1."""

    rule: Literal["sgd", "momentum", "adam"]
    steep: float


@dataclass(frozen=True)
class Listing:
    """An update listing, by the name that `measured.updates` gives it."""

    listing: Literal["manual", "optim", "update_outside", "accumulated", "full_batch"]


@dataclass(frozen=True)
class Accumulated:
    """Gradients summed over batches of a size, of 60 samples."""

    batch: int


@dataclass(frozen=True)
class Loss:
    """A loss of two scores."""

    loss: Literal["mean_square", "cross_entropy"]


@dataclass(frozen=True)
class Kernel:
    """A kernel made by hand, by its name in `measured.filters.KERNELS`."""

    kernel: Literal["identity", "box", "across", "down", "laplacian"]


@dataclass(frozen=True)
class Shift:
    """How far images are moved."""

    pixels: int


@dataclass(frozen=True)
class Layer:
    """A layer of the LeNet-like network that has weights, in the order of the table."""

    layer: Literal["conv1", "conv2", "fc1", "fc2"]


@dataclass(frozen=True)
class Network:
    """A classifier of sections 4.6 and 7.2."""

    network: Literal["lenet_like", "lenet5", "alexnet", "vgg19"]


@dataclass(frozen=True)
class Resnet:
    """A residual network of a depth; `stride` says which convolution of a bottleneck block has it."""

    depth: int
    stride: Literal["first", "middle"]


@dataclass(frozen=True)
class Speed:
    """What is compared: single vectors with a batch, or windows of an image with a dense answer."""

    what: Literal["batch", "batch_on_device", "dense"]


@dataclass(frozen=True)
class Mnist:
    """The listing of section 5.3; the network is the LeNet-like one."""

    network: Literal["lenet_like"]


@dataclass(frozen=True)
class Shown:
    """A part of the data of the listing of section 5.3."""

    part: Literal["train", "test"]


@dataclass(frozen=True)
class BatchSize:
    """The images that an update sees."""

    batch: int


@dataclass(frozen=True)
class Cifar:
    """The rate on CIFAR-10: 0.1 throughout, or reduced."""

    rate: Literal["constant", "reduced"]


@dataclass(frozen=True)
class Images:
    """A data set that the slides describe."""

    images: Literal["mnist", "cifar10"]
