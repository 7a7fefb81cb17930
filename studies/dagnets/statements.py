"""What the slides say, by section, and which rows answer it; numbers C1 to C17 are those of the study's plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.common.found import Found, Statement
from studies.common.found import beside as compared

LAWS = {  # what the laws of a section are about
    "4.2": (
        "grad_of_several_outputs", "backward_accumulates", "in_place_addition", "gradient_of_a_norm", "graph_of_calls",
        "descent_without_graph",
    ),
    "4.3": ("printed_linear", "batched_linear_backward", "batched_linear_backward_input"),
    "4.4": ("convolution_with_a_flipped_kernel", "dilation_is_a_sparse_kernel", "stride_leaves_out_input"),
    "4.5": ("pooling_of_permuted_cells",),
    "4.6": ("forward_hooks",),
    "5.1": ("cross_entropy_of_a_delta", "loss_of_a_uniform_posterior"),
    "5.2": ("copies_of_the_data", "partial_sums_are_unbiased"),
    "5.2, momentum": ("momentum_along_a_constant_slope", "momentum_of_torch"),
    "7.2": ("average_before_the_last_layer", "local_perceptron"),
}  # fmt: skip
SAMPLES = 60  # whose gradients are summed
DEPTHS = (18, 34, 50, 101, 152)
NOTES = (
    "Of several values mean, lowest and highest, or the lowest and the highest. All but `training_listing`, "
    "`batch_sizes` and `speed_ups`, which measures times, find the same in every run. A printed number comes out if "
    "it is right to half a unit of its last digit. 8x8 digits, enlarged, stand in for MNIST."
)


def prints(topic: str, items: Sequence[str] = ()) -> Callable[[Found], str]:
    """Return what says how many printed parts of a topic, or of some items, come out, and names those that do not."""

    def happens(found: Found) -> str:
        parts, equal, differing = 0.0, 0.0, []
        for item in items or _items(found, topic):
            wanted, got = (found.one("printed_values", name, topic=topic, item=item) for name in ("parts", "equal"))
            parts, equal = parts + wanted, equal + got
            differing += [f"`{item}`"] if wanted != got else []
        but = f"; not {', '.join(differing)}" if differing else ""
        return f"{equal:g} of {parts:g} printed parts come out{but}"

    return happens


def _items(found: Found, topic: str) -> list[str]:
    return [json.loads(case)["item"] for case in found.cases("printed_values", "parts", topic=topic)]


def laws(section: str) -> Callable[[Found], str]:
    """Return what says how many laws of a section hold to rounding."""

    def happens(found: Found) -> str:
        apart = [found.one("laws", "apart", law=law) for law in LAWS[section]]
        held = sum(not one for one in apart)
        if len(apart) == 1:
            return f"the law {'holds to rounding' if held else 'does not hold'}"
        return f"{held} of {len(apart)} laws hold to rounding"

    return happens


def both(*parts: Callable[[Found], str]) -> Callable[[Found], str]:
    """Return what says several things."""
    return lambda found: "; ".join(part(found) for part in parts)


def dag(found: Found) -> str:
    """Say how far the derivatives by hand are off."""
    right, literal = (
        [found.one("dag_backward", name, form=form) for name in ("x0", "x1", "x2", "w1", "w2")]
        for form in ("transposed", "literal")
    )
    return (
        f"with transposed Jacobians off by {max(right):g}; as printed, by {min(literal):.2f} to {max(literal):.2f} of "
        "the largest entry"
    )


def pair(detach: bool) -> Callable[[Found], str]:
    """Return what says which step sizes print what is printed."""

    def happens(found: Found) -> str:
        names = ("lowest", "unbroken_to", "highest", "count")
        low, until, high, count = (found.one("eta_window", name, detach=detach) for name in names)
        more = f"; {count:g} of the 400 step sizes in thousandths do, the largest {high:g}" if high > until else ""
        return f"for step sizes of {low:g} to {until:g}, in 100 steps{more}"

    return happens


def speed(what: str) -> Callable[[Found], str]:
    """Return what says how much faster many at once are."""

    def happens(found: Found) -> str:
        return f"{found.spread('speed_ups', 'ratio', '.1f', what=what)} times on one CPU thread"

    return happens


def shift(found: Found) -> str:
    """Say what a shift does to images and to pooled maps."""
    raw, pooled = (found.one("pooling_shift", name, pixels=1) for name in ("raw", "pooled"))
    return f"a shift by one pixel changes images by {raw:.3f} of their norm, their 4x4 maxima by {pooled:.3f}"


def kernels(found: Found) -> str:
    """Say what kernels made by hand do to a digit."""
    edges = [
        f"{kernel} {found.one('edge_kernels', 'lowest', kernel=kernel):g} to "
        f"{found.one('edge_kernels', 'highest', kernel=kernel):g}"
        for kernel in ("identity", "across", "down", "laplacian")
    ]
    return f"lowest and highest value that a digit's grey levels become: {'; '.join(edges)}"


def table(found: Found) -> str:
    """Say what the layers of the LeNet-like network take."""
    layers = ("conv1", "conv2", "fc1", "fc2")
    sums = {}
    for name in ("parameters", "products"):
        each = [found.one("lenet_table", name, layer=layer) for layer in layers]
        sums[name] = f"{' + '.join(f'{one:,.0f}' for one in each)} = {sum(each):,.0f} {name}"
    return "; ".join(sums.values())


def confident(found: Found) -> str:
    """Say what losses make of a score that is more than right."""
    losses = ("mean_square", "cross_entropy")
    square, cross = (found.one("confident_answers", "loss_at_10", loss=loss) for loss in losses)
    lowest, least = (found.one("confident_answers", "lowest_at", loss=loss) for loss in losses)
    return (
        f"squared error is lowest at a score of {lowest:g} and is {square:g} at 10; cross-entropy is lowest at "
        f"{least:g}, the largest tried, with {cross:.5f}"
    )


def accumulated(found: Found) -> str:
    """Say what summed gradients are, beside the full one."""
    sizes = (30, 20, 10)
    means, sums = (
        ", ".join(f"{found.one('gradient_accumulation', f'ratio_{kind}', batch=size):g}" for size in sizes)
        for kind in ("mean", "sum")
    )
    counts = ", ".join(str(SAMPLES // size) for size in sizes)
    return f"for {counts} mini-batches {means} times the full gradient, and {sums} times for summed losses"


def valley(found: Found) -> str:
    """Say what momentum does across a narrow valley."""
    ways = []
    for steep in (38.0, 30.0):
        without, with_it = (
            found.one("descent_rules", "way_across", rule=one, steep=steep) for one in ("sgd", "momentum")
        )
        ways.append(f"{without:.1f} without and {with_it:.1f} with it at a curvature of {steep:g}")
    return f"in valleys of ours, way made across: {'; '.join(ways)}"


def adam(found: Found) -> str:
    """Say where the forms of Adam end."""
    ends = {form: 1 - found.one("adam_forms", "w_50", form=form) for form in ("slide", "corrected", "torch")}
    return (
        f"50 steps of 0.1 along a constant slope go {ends['slide']:.3f} as printed, {ends['corrected']:.3f} with "
        f"1/(1 - beta^t), {ends['torch']:.3f} by torch's"
    )


def listings(found: Found) -> str:
    """Say what the update listings do."""
    updates, outside = (found.one("update_listings", "updates", listing=one) for one in ("optim", "update_outside"))
    right, wrong = (found.one("update_listings", "loss", listing=one) for one in ("optim", "update_outside"))
    return (
        f"off by {found.one('update_listings', 'from_optim', listing='manual'):g} after {updates:g} updates; with the "
        f"update outside the inner loop {outside:g} updates, and a loss of {wrong:.2f} for {right:.2f}"
    )


def trained(found: Found) -> str:
    """Say what the training listing comes to."""
    rows = found.rows("training_listing", "error")
    return (
        f"test error {found.spread('training_listing', 'error', '.1f')} %, loss "
        f"{found.spread('training_listing', 'loss', '.3f')} nats after {rows[0]['epochs']} epochs"
    )


def shown(found: Found) -> str:
    """Say how the images are normalised."""
    mean, square = (found.one("shown_images", name, part="train") for name in ("mean", "mean_square"))
    return f"training images as shown have a mean of {mean:g} and a mean square of {square:g}"


def batches(found: Found) -> str:
    """Say how the loss falls for batches of several sizes."""
    losses = [
        f"{batch:,}: {found.spread('batch_sizes', 'train_loss', '.2f', batch=batch)}" for batch in (10, 100, 1000)
    ]
    epochs = found.rows("batch_sizes", "train_loss")[0]["epochs"]
    return f"training loss in nats after {epochs} epochs, by images an update: {'; '.join(losses)}"


def classifiers(found: Found) -> str:
    """Say how many parameters the classifiers have."""
    names = {"lenet5": "LeNet5", "alexnet": "AlexNet", "vgg19": "VGGNet19"}
    counts = [f"{found.one('architectures', 'parameters', network=one):,.0f} in {name}" for one, name in names.items()]
    return f"parameters: {', '.join(counts)}"


def converted(found: Found) -> str:
    """Say how the converted networks answer."""
    equal = found.hold("convolutionized", "equal")
    size = "x".join(f"{found.one('convolutionized', side, network='alexnet'):g}" for side in ("height", "width"))
    return f"equal for {equal} networks (LeNet5, AlexNet); AlexNet's map of 288x320 pixels has {size} cells"


def reused(found: Found) -> str:
    """Say what the dense answer saves, and whether its cells are the answers to crops."""
    saved, gaps = (
        [found.one("convolutionized", name, network=one) for one in ("lenet5", "alexnet")]
        for name in ("products_saved", "cells_gap")
    )
    return (
        f"{saved[0]:.1f} (LeNet5) and {saved[1]:.1f} times (AlexNet, which pads) fewer products for 12 cells, which "
        f"differ from the answers to the crops by {100 * gaps[0]:g} and {100 * gaps[1]:.1f} %"
    )


def flops(stride: str) -> Callable[[Found], str]:
    """Return what says the multiply-adds of the residual networks with a placement of strides."""

    def happens(found: Found) -> str:
        counts = (found.one("residual_networks", "products", depth=depth, stride=stride) for depth in DEPTHS)
        return ", ".join(f"{count / 1e9:.3f}" for count in counts)

    return happens


def depths(found: Found) -> str:
    """Say the multiply-adds of the residual networks for both placements of strides."""
    return f"{flops('first')(found)} with strides as in their paper; {flops('middle')(found)} with torchvision's"


WITHOUT = "the pair without `detach` prints 0.333333 -0.333333 (step size not given)"
WITH = "the pair with `detach` prints 1.000000 -0.000000 (step size not given)"
TABLE = ("table_parameters", "table_products", "table_sizes")
STATEMENTS = (
    Statement("C2", "4.1", "derivatives of the DAG: Jacobian times derivative", ("dag_backward",), dag),
    Statement("C1", "4.2", "what autograd prints, and its errors", ("printed_values", "laws"),
              both(prints("autograd"), laws("4.2"))),
    Statement("C3", "4.2", WITHOUT, ("eta_window", "detached_pair"), pair(False)),
    Statement("C3", "4.2", WITH, ("eta_window", "detached_pair"), pair(True)),
    Statement("C4", "4.3", "what modules print, and a linear layer's derivatives", ("printed_values", "laws"),
              both(prints("modules"), laws("4.3"))),
    Statement("C5", "4.3", "one batch is 4.6 times faster than single vectors on the CPU, 144.4 times on a GPU",
              ("speed_ups",), speed("batch")),
    Statement("C6", "4.4", "arithmetic of convolutions: 3.87e+10 weights, 150Gb, sizes, dilation",
              ("printed_values", "laws"), both(prints("convolution"), laws("4.4"))),
    Statement("C4", "4.4", "kernels made by hand pick out edges (a picture)", ("edge_kernels",), kernels),
    Statement("C4", "4.5", "pooling gives pseudo-invariance to small shifts", ("pooling_shift", "laws"),
              both(shift, laws("4.5"))),
    Statement("C7", "4.6", "the table of the LeNet-like network: 105,506 parameters, 1,333,200 products",
              ("lenet_table", "printed_values"), both(table, prints("architectures", items=TABLE))),
    Statement("C8", "4.6", "a module in a list is not seen, in a ModuleList it is", ("printed_values",),
              prints("modules", items=("hidden_in_a_list", "seen_in_a_module_list"))),
    Statement("C4", "4.6", "calling a module runs its hooks", ("laws",), laws("4.6")),
    Statement("C9", "5.1", "cross-entropy 2.5141, soft-max", ("printed_values", "laws"),
              both(prints("losses"), laws("5.1"))),
    Statement("C9", "5.1", "squared error punishes an answer that is more than right", ("confident_answers",),
              confident),
    Statement("C10", "5.2", "summing gradients over mini-batches is exact", ("gradient_accumulation",), accumulated),
    Statement("C10", "5.2", "copies of the data, partial sums", ("laws",), laws("5.2")),
    Statement("C11", "5.2", "momentum dampens oscillations (a picture)", ("descent_rules", "laws"),
              both(valley, laws("5.2, momentum"))),
    Statement("C11", "5.2", "Adam corrects by 1/(1 - beta)", ("adam_forms",), adam),
    Statement("C17", "5.2", "loss by mini-batch size (a picture)", ("batch_sizes",), batches),
    Statement("C12", "5.2, 5.3", "SGD by hand is torch's", ("update_listings",), listings),
    Statement("C13", "5.3", "images are normalised by mean and deviation", ("shown_images",), shown),
    Statement("C13", "5.3", "the complete training listing (no number is printed)", ("training_listing",), trained),
    Statement("C14", "7.2", "LeNet5, AlexNet, VGGNet19, layer by layer", ("architectures", "printed_values"),
              both(classifiers, prints("architectures"))),
    Statement("C15", "7.2", "the converted network is the same for one cell", ("convolutionized",), converted),
    Statement("C15", "7.2", "and re-uses computation for more", ("convolutionized", "speed_ups"),
              both(reused, speed("dense"))),
    Statement("C15", "7.2", "averages before a linear layer, local perceptrons", ("laws",), laws("7.2")),
    Statement("C16", "7.2", "residual blocks and sizes", ("printed_values",), prints("resnet")),
    Statement("C16", "7.2", "ResNet FLOPs, 10^9: 1.8, 3.6, 3.8, 7.6, 11.3", ("residual_networks",), depths),
)  # fmt: skip


def beside(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the statements beside what the rows come to."""
    return compared(STATEMENTS, rows, notes=NOTES)
