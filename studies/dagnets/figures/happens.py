"""What happens in result rows, in words: each function here is named by the claim beside which it stands."""

from __future__ import annotations

from studies.common.found import Found

SAMPLES = 60  # whose gradients are summed
KERNELS = ("identity", "box", "across", "down", "laplacian")


# 4.1 and 4.2


def dag(found: Found) -> str:
    """Say how far the derivatives of the activations by hand are off."""
    right, literal = (
        [found.one("dag_backward", name, form=form) for name in ("x0", "x1", "x2")]
        for form in ("transposed", "literal")
    )
    return (
        f"with transposed Jacobians off by {max(right):g}; as printed, by {min(literal):.2f} to {max(literal):.2f} of "
        "the largest entry"
    )


def pair(found: Found) -> str:
    """Say which step sizes lead the coupled pair there."""
    return _pair(found, detach=False)


def pair_detached(found: Found) -> str:
    """Say which step sizes lead the pair with one detached there."""
    return _pair(found, detach=True)


def _pair(found: Found, *, detach: bool) -> str:
    names = ("lowest", "unbroken_to", "highest", "count")
    low, until, high, count = (found.one("eta_window", name, detach=detach) for name in names)
    more = f"; of the 400 in thousandths {count:g} end there, the largest {high:g}" if high > until else ""
    return f"there with step sizes of {low:g} to {until:g} (the slides give none){more}"


# 4.3 to 4.6


def batch_speed(found: Found) -> str:
    """Say how much faster a batch is."""
    return f"{found.spread('speed_ups', 'ratio', '.1f', what='batch')} times on one CPU thread"


def kernels(found: Found) -> str:
    """Say what kernels made by hand do to a digit."""
    ends = [
        f"{kernel} {found.one('edge_kernels', 'lowest', kernel=kernel):g} to "
        f"{found.one('edge_kernels', 'highest', kernel=kernel):g}"
        for kernel in KERNELS
    ]
    return f"lowest and highest value that a digit's grey levels become: {'; '.join(ends)}"


def shift(found: Found) -> str:
    """Say what a shift does to images and to pooled maps."""
    raw, pooled = (found.one("pooling_shift", name, pixels=1) for name in ("raw", "pooled"))
    return f"a shift by one pixel changes images by {raw:.3f} of their norm, their 4x4 maxima by {pooled:.3f}"


def table_parameters(found: Found) -> str:
    """Say how the parameters of the LeNet-like network's layers add up."""
    return _column(found, "parameters")


def table_products(found: Found) -> str:
    """Say how the products of the LeNet-like network's layers add up."""
    return _column(found, "products")


def _column(found: Found, name: str) -> str:
    each = [found.one("lenet_table", name, layer=layer) for layer in ("conv1", "conv2", "fc1", "fc2")]
    return f"{' + '.join(f'{one:,.0f}' for one in each)} = {sum(each):,.0f} {name}"


# 5.1 to 5.3


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


def outside(found: Found) -> str:
    """Say what the update outside the inner loop costs."""
    updates, fewer = (found.one("update_listings", "updates", listing=one) for one in ("optim", "update_outside"))
    right, wrong = (found.one("update_listings", "loss", listing=one) for one in ("optim", "update_outside"))
    return f"{fewer:g} updates and a loss of {wrong:.2f} as it stands; updating inside, {updates:g} and {right:.2f}"


def by_hand(found: Found) -> str:
    """Say how far descent by hand is from torch's."""
    apart, updates = (found.one("update_listings", name, listing="manual") for name in ("from_optim", "updates"))
    return f"off by {apart:g} after {updates:g} updates"


def batches(found: Found) -> str:
    """Say how the loss falls for batches of several sizes."""
    losses = [
        f"{batch:,}: {found.spread('batch_sizes', 'train_loss', '.2f', batch=batch)}" for batch in (10, 100, 1000)
    ]
    epochs = found.rows("batch_sizes", "train_loss")[0]["epochs"]
    return f"training loss in nats after {epochs} epochs, by images an update: {'; '.join(losses)}"


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


def shown(found: Found) -> str:
    """Say how the images are normalised."""
    mean, square = (found.one("shown_images", name, part="train") for name in ("mean", "mean_square"))
    return f"training images as shown have a mean of {mean:g} and a mean square of {square:g}"


def trained(found: Found) -> str:
    """Say what the training listing comes to."""
    rows = found.rows("training_listing", "error")
    return (
        f"test error {found.spread('training_listing', 'error', '.1f')} %, loss "
        f"{found.spread('training_listing', 'loss', '.3f')} nats after {rows[0]['epochs']} epochs"
    )


# 7.2


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


def flops_18(found: Found) -> str:
    """Say the multiply-adds of the network of 18 layers."""
    return _flops(found, 18)


def flops_50(found: Found) -> str:
    """Say the multiply-adds of the network of 50 layers."""
    return _flops(found, 50)


def flops_101(found: Found) -> str:
    """Say the multiply-adds of the network of 101 layers."""
    return _flops(found, 101)


def flops_152(found: Found) -> str:
    """Say the multiply-adds of the network of 152 layers."""
    return _flops(found, 152)


def _flops(found: Found, depth: int) -> str:
    paper, other = (
        f"{found.one('residual_networks', 'products', depth=depth, stride=stride) / 1e9:.3f}e9"
        for stride in ("first", "middle")
    )
    return f"{paper} with strides as in their paper, {other} with torchvision's"
