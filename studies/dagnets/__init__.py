"""DAG networks, autograd, convolutional networks (Fleuret, CAS Deep learning, lecture 2, February 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from repro.study import Figure, Metric, Outcome, Run, Study, grid
from studies.common.cifar10 import CIFAR10
from studies.dagnets.cases import (
    LAWS,
    Accumulated,
    Adam,
    BatchSize,
    Cifar,
    Formula,
    Images,
    Item,
    Kernel,
    Law,
    Layer,
    Listing,
    Loss,
    Mnist,
    Network,
    Resnet,
    Rule,
    Shift,
    Shown,
    Speed,
    Step,
    Window,
)
from studies.dagnets.profiles import LITE, PAPER, SMOKE
from studies.dagnets.published import PUBLISHED

ETAS = (0.001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.333, 0.34)
TRAINED = (
    Metric("error", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("log10_train_loss", "log10 nats", useful=0.1),
    Metric("train_error", "%", judged=False),
    Metric("train_loss", "nats", judged=False),
    *(
        Metric(f"{part}_log10_{quantile}", "log10 nats", judged=False)
        for part in ("train", "test")
        for quantile in ("median", "p90")
    ),
    Metric("best_loss_epoch", "epoch", judged=False),
    Metric("best_error_epoch", "epoch", judged=False),
)

study = Study(
    "dagnets",
    title="DAG networks, autograd and convolutional networks (Fleuret 2019)",
    data=(CIFAR10,),
    smoke=SMOKE,
    lite=LITE,
    paper=PAPER,
)


@study.experiment(
    tuple(Item(item.topic, item.name) for item in PUBLISHED), metrics=("parts", "equal"), deterministic=True
)
def printed_values(item: Item, _run: Run) -> dict[str, float]:
    """Parts of a printed item, and how many come out at the printed precision (sections 4.2 to 7.2)."""
    from studies.dagnets.printed import agreement
    from studies.dagnets.published import published_named

    return agreement(published_named(item.topic, item.item))


@study.experiment(grid(Law, law=LAWS), metrics=("apart",), deterministic=True)
def laws(law: Law, _run: Run) -> dict[str, float]:
    """Relative distance of the two sides of a law that the slides state; 0 is rounding (sections 4.2 to 7.2)."""
    from studies.dagnets.identities import identity_figures

    return identity_figures(law.law)


@study.experiment(
    grid(Formula, form=("transposed", "literal", "one_term")),
    metrics=("x0", "x1", "x2", "w1", "w2"),
    deterministic=True,
)
def dag_backward(formula: Formula, _run: Run) -> dict[str, float]:
    """Relative distance of the DAG's derivatives by hand from autograd's, as printed and as right (section 4.1)."""
    from studies.dagnets.dag import backward_figures

    return backward_figures(formula.form)


@study.experiment(
    grid(Step, detach=(False, True), eta=ETAS),
    metrics=("a", "b", Metric("printed", judged=False)),  # for large steps, the sign of a float32 zero
    axes=("detach", "eta"),
    deterministic=True,
)
def detached_pair(step: Step, _run: Run) -> dict[str, float]:
    """Where 100 steps on the coupled pair end, and whether the slides print it, by step size (section 4.2)."""
    from studies.dagnets.detached import pair_figures

    return pair_figures(step.eta, detach=step.detach)


@study.experiment(
    grid(Window, detach=(False, True)),
    metrics=("lowest", *(Metric(name, judged=False) for name in ("unbroken_to", "highest", "count"))),  # as above
    deterministic=True,
)
def eta_window(window: Window, _run: Run) -> dict[str, float]:
    """The step sizes, in thousandths, that print what the slides print for the coupled pair (section 4.2)."""
    from studies.dagnets import detached

    return detached.window(detach=window.detach)


@study.experiment(
    grid(Adam, form=("slide", "corrected", "torch")), metrics=("w_1", "w_2", "w_5", "w_50"), deterministic=True
)
def adam_forms(adam: Adam, _run: Run) -> dict[str, float]:
    """Adam along a constant slope: with the slides' correction, with its power, and torch's (section 5.2)."""
    from studies.dagnets.moments import adam_figures

    return adam_figures(adam.form)


@study.experiment(
    grid(Rule, rule=("sgd", "momentum", "adam"), steep=(30.0, 38.0)),
    metrics=("turns", "way_across", Metric("log10_loss", "log10")),
    axes=("rule", "steep"),
    deterministic=True,
)
def descent_rules(rule: Rule, _run: Run) -> dict[str, float]:
    """Oscillation and progress of plain descent, momentum and Adam in narrow valleys of ours (section 5.2)."""
    from studies.dagnets.moments import valley_figures

    return valley_figures(rule.rule, rule.steep)


@study.experiment(
    grid(Listing, listing=("manual", "optim", "update_outside", "accumulated", "full_batch")),
    metrics=("updates", Metric("loss", "nats"), "from_optim"),
    deterministic=True,
)
def update_listings(listing: Listing, run: Run) -> dict[str, float]:
    """Updates and loss of the listings of descent, and their distance from torch's SGD (sections 5.2 and 5.3)."""
    from studies.dagnets.updates import listing_figures

    return listing_figures(listing.listing, run)


@study.experiment(
    grid(Accumulated, batch=(60, 30, 20, 10)),
    metrics=("ratio_mean", "off_mean", "ratio_sum", "off_sum"),
    deterministic=True,
)
def gradient_accumulation(accumulated: Accumulated, run: Run) -> dict[str, float]:
    """Gradient summed over mini-batches over the full one, for mean and summed losses (section 5.2)."""
    from studies.dagnets.updates import accumulation_figures

    return accumulation_figures(accumulated.batch, run)


@study.experiment(
    grid(Loss, loss=("mean_square", "cross_entropy")),
    metrics=("lowest_at", "loss_at_1", "loss_at_10"),
    deterministic=True,
)
def confident_answers(loss: Loss, _run: Run) -> dict[str, float]:
    """Where a loss of the right class's score is lowest, and what it says of a score of 10 (section 5.1)."""
    from studies.dagnets.confidence import confidence_figures

    return confidence_figures(loss.loss)


@study.experiment(
    grid(Kernel, kernel=("identity", "box", "across", "down", "laplacian")),
    metrics=("kernel_sum", "sum", "lowest", "highest"),
    deterministic=True,
)
def edge_kernels(kernel: Kernel, run: Run) -> dict[str, float]:
    """What the five kernels made by hand do to a digit (section 4.4)."""
    from studies.dagnets.filters import kernel_figures

    return kernel_figures(kernel.kernel, run)


@study.experiment((Shift(pixels=1),), metrics=("raw", "pooled"), deterministic=True)
def pooling_shift(shift: Shift, run: Run) -> dict[str, float]:
    """Relative change of images and of their pooled maps when they move by a pixel (section 4.5)."""
    from studies.dagnets.filters import shift_figures

    return shift_figures(shift.pixels, run)


@study.experiment(
    grid(Layer, layer=("conv1", "conv2", "fc1", "fc2")),
    metrics=("parameters", "products", "outputs"),
    deterministic=True,
)
def lenet_table(layer: Layer, _run: Run) -> dict[str, float]:
    """Parameters, products and outputs of each layer of the LeNet-like network, by hooks (section 4.6)."""
    from studies.dagnets.counting import layer_figures

    return layer_figures(layer.layer)


@study.experiment(
    grid(Network, network=("lenet_like", "lenet5", "alexnet", "vgg19")),
    metrics=("parameters", "products", "weight_layers"),
    deterministic=True,
)
def architectures(network: Network, _run: Run) -> dict[str, float]:
    """Parameters, products and layers with weights of the classifiers (sections 4.6 and 7.2)."""
    from studies.dagnets.counting import count_layers, totals
    from studies.dagnets.networks import CLASSIFIERS, on_meta

    made = on_meta(CLASSIFIERS[network.network])
    return totals(count_layers(made, made.size))


@study.experiment(
    grid(Resnet, depth=(18, 34, 50, 101, 152), stride=("first", "middle")),
    metrics=("parameters", "products", "weight_layers", *(Metric(f"side_{number}", "px") for number in range(1, 6))),
    axes=("depth", "stride"),
    deterministic=True,
)
def residual_networks(resnet: Resnet, _run: Run) -> dict[str, float]:
    """Parameters, products and map sizes, with strides as in the paper and as in torchvision (section 7.2)."""
    from studies.dagnets.resnets import resnet_figures

    return resnet_figures(resnet.depth, resnet.stride)


@study.experiment(
    grid(Network, network=("lenet5", "alexnet")),
    metrics=("modules", "equal", "height", "width", "cells_gap", "products_saved"),
    deterministic=True,
)
def convolutionized(network: Network, _run: Run) -> dict[str, float]:
    """The network made fully convolutional: equality, dense map, its cells against crops (section 7.2)."""
    from studies.dagnets.fully_convolutional import conversion_figures

    return conversion_figures(network.network)


@study.experiment(
    grid(Speed, what=("batch", "batch_on_device", "dense")),
    metrics=(*(Metric(name, judged=False) for name in ("ratio", "lowest", "highest")), "equal"),
    deterministic=True,
)
def speed_ups(speed: Speed, run: Run) -> dict[str, float]:
    """How many times faster a batch and a dense answer are, measured: median and range (sections 4.3 and 7.2)."""
    from studies.dagnets.speed import speed_figures

    return speed_figures(speed.what, run.settings.timing.samples, run.settings.timing.repeats, run.device)


@study.experiment(
    grid(Shown, part=("train", "test")),
    metrics=(
        "images", "mean", "mean_square", "by_label", "by_place", Metric("network_error", "%"),
        Metric("network_loss", "nats"),
    ),
    deterministic=True,
)  # fmt: skip
def shown_images(shown: Shown, run: Run) -> dict[str, float]:
    """Images as the listing shows them, with their labels, and a fixed network evaluated on them (section 5.3)."""
    from studies.dagnets.shown import part_figures

    return part_figures(shown, run)


@study.experiment((Mnist(network="lenet_like"),), metrics=TRAINED, cost=lambda _: 10.0)
def training_listing(_mnist: Mnist, run: Run) -> Outcome:
    """Test error of the LeNet-like network after the complete training listing (section 5.3)."""
    from studies.dagnets.networks import lenet_like
    from studies.dagnets.train import fit

    return fit(lenet_like(), run, run.settings.mnist)


@study.experiment(grid(BatchSize, batch=(10, 100, 1000)), metrics=TRAINED, cost=lambda case: 5.0 + 10 / case.batch)
def batch_sizes(size: BatchSize, run: Run) -> Outcome:
    """Loss reduction by batches of several sizes, epoch by epoch, at one rate (section 5.2)."""
    from studies.dagnets.networks import lenet_like
    from studies.dagnets.train import fit

    return fit(lenet_like(), run, replace(run.settings.sweep, batch=size.batch))


@study.experiment(grid(Cifar, rate=("constant", "reduced")), metrics=TRAINED, cost=lambda _: 30.0)
def cifar_curves(cifar: Cifar, run: Run) -> Outcome:
    """Errors and losses of a small network on CIFAR-10, at a constant rate and a reduced one (section 5.6)."""
    from studies.dagnets.networks import lenet_like
    from studies.dagnets.train import fit

    plan = run.settings.cifar
    return fit(lenet_like(3, 32), run, plan if cifar.rate == "reduced" else replace(plan, reduced_after=0))


@study.experiment(
    grid(Images, images=("mnist", "cifar10")),
    metrics=("train_images", "test_images", "channels", "height", "width", "classes"),
    deterministic=True,
)
def data_sizes(_images: Images, run: Run) -> dict[str, float]:
    """Images, channels, pixels and classes of the data sets (sections 4.6 and 5.6)."""
    from studies.dagnets.train import size_figures

    return size_figures(run)


Rows = Sequence[Mapping[str, Any]]


@study.figure
def beside(rows: Rows) -> Figure:
    """What the slides say, and what happens (sections 4.1 to 7.2)."""
    from studies.dagnets import statements

    return statements.beside(rows)


@study.figure
def differing(rows: Rows) -> Figure:
    """What the slides print that does not come out, with what is known of it."""
    from studies.dagnets import tables

    return tables.differing(rows)


@study.figure
def trainings(rows: Rows) -> Figure:
    """Errors and losses of what is trained (sections 5.2 and 5.3)."""
    from studies.dagnets import tables

    return tables.trainings(rows)


@study.figure
def prints(_rows: Rows) -> Figure:
    """What the slides print beside what torch computes now, item by item."""
    from studies.dagnets import pictures

    return pictures.prints()


@study.figure
def valley(_rows: Rows) -> Figure:
    """Paths of plain descent, momentum and Adam in a narrow valley (section 5.2)."""
    from studies.dagnets import pictures

    return pictures.valley()


@study.figure
def loss_surface(_rows: Rows) -> Figure:
    """Squared error and cross-entropy of two scores (section 5.1)."""
    from studies.dagnets import pictures

    return pictures.loss_surface()


@study.figure
def kernel_maps(_rows: Rows) -> Figure:
    """A digit and what five kernels made by hand do to it (section 4.4)."""
    from studies.dagnets import pictures

    return pictures.kernel_maps()


@study.figure
def batch_size_curves(rows: Rows) -> Figure:
    """Training loss after each epoch for several batch sizes (section 5.2)."""
    from studies.dagnets import curves

    return curves.batch_sizes(rows)


@study.figure
def cifar_plots(rows: Rows) -> Figure:
    """Losses, errors and the spread of the samples' losses on CIFAR-10 (section 5.6)."""
    from studies.dagnets import curves

    return curves.cifar(rows)
