"""DAG networks, autograd, convolutional networks (Fleuret, CAS Deep learning, lecture 2, February 2019)."""

from __future__ import annotations

from dataclasses import replace

from repro.study import Metric, Outcome, Run, Study, grid
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
    libraries,
)
from studies.dagnets.cases.metrics import OF_A_CLASSIFIER, OF_A_RESIDUAL_NETWORK, TRAINED
from studies.dagnets.profiles import LITE, PAPER, SMOKE
from studies.dagnets.published.items import PUBLISHED

ETAS = (0.001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.333, 0.34)

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
    from studies.dagnets.measured.printed.comparison import agreement
    from studies.dagnets.published.items import published_named

    return agreement(published_named(item.topic, item.item))


@study.experiment(grid(Law, law=LAWS), metrics=("apart",), deterministic=True)
def laws(law: Law, _run: Run) -> dict[str, float]:
    """Relative distance of the two sides of a law that the slides state; 0 is rounding (sections 4.2 to 7.2)."""
    from studies.dagnets.measured.laws import law_figures

    return law_figures(law.law)


@study.experiment(
    grid(Formula, form=("transposed", "literal", "one_term")),
    metrics=("x0", "x1", "x2", "w1", "w2"),
    deterministic=True,
)
def dag_backward(formula: Formula, _run: Run) -> dict[str, float]:
    """Relative distance of the DAG's derivatives by hand from autograd's, as printed and as right (section 4.1)."""
    from studies.dagnets.measured.dag import backward_figures

    return backward_figures(formula.form)


@study.experiment(
    grid(Step, detach=(False, True), eta=ETAS),
    metrics=("a", "b", Metric("printed", judged=False)),  # for large steps, the sign of a float32 zero
    axes=("detach", "eta"),
    deterministic=True,
)
def detached_pair(step: Step, _run: Run) -> dict[str, float]:
    """Where 100 steps on the coupled pair end, and whether the slides print it, by step size (section 4.2)."""
    from studies.dagnets.measured.detached import pair_figures

    return pair_figures(step.eta, detach=step.detach)


@study.experiment(
    grid(Window, detach=(False, True)),
    metrics=("lowest", *(Metric(name, judged=False) for name in ("unbroken_to", "highest", "count"))),  # as above
    deterministic=True,
)
def eta_window(window: Window, _run: Run) -> dict[str, float]:
    """The step sizes, in thousandths, that print what the slides print for the coupled pair (section 4.2)."""
    from studies.dagnets.measured.detached import window_figures

    return window_figures(detach=window.detach)


@study.experiment(
    grid(Adam, form=("slide", "corrected", "torch")), metrics=("w_1", "w_2", "w_5", "w_50"), deterministic=True
)
def adam_forms(adam: Adam, _run: Run) -> dict[str, float]:
    """Adam along a constant slope: with the slides' correction, with its power, and torch's (section 5.2)."""
    from studies.dagnets.measured.moments import adam_figures

    return adam_figures(adam.form)


@study.experiment(
    grid(Rule, rule=("sgd", "momentum", "adam"), steep=(30.0, 38.0)),
    metrics=("turns", "way_across", Metric("log10_loss", "log10")),
    axes=("rule", "steep"),
    deterministic=True,
)
def descent_rules(rule: Rule, _run: Run) -> dict[str, float]:
    """Oscillation and progress of plain descent, momentum and Adam in narrow valleys of ours (section 5.2)."""
    from studies.dagnets.measured.moments import valley_figures

    return valley_figures(rule.rule, rule.steep)


@study.experiment(
    grid(Listing, listing=("manual", "optim", "update_outside", "accumulated", "full_batch")),
    metrics=("updates", Metric("loss", "nats"), "from_optim"),
    deterministic=True,
)
def update_listings(listing: Listing, run: Run) -> dict[str, float]:
    """Updates and loss of the listings of descent, and their distance from torch's SGD (sections 5.2 and 5.3)."""
    from studies.dagnets.measured.updates import listing_figures

    return listing_figures(listing.listing, run)


@study.experiment(
    grid(Accumulated, batch=(60, 30, 20, 10)),
    metrics=("ratio_mean", "off_mean", "ratio_sum", "off_sum"),
    deterministic=True,
)
def gradient_accumulation(accumulated: Accumulated, run: Run) -> dict[str, float]:
    """Gradient summed over mini-batches over the full one, for mean and summed losses (section 5.2)."""
    from studies.dagnets.measured.updates import accumulation_figures

    return accumulation_figures(accumulated.batch, run)


@study.experiment(
    grid(Loss, loss=("mean_square", "cross_entropy")),
    metrics=("lowest_at", "loss_at_1", "loss_at_10"),
    deterministic=True,
)
def confident_answers(loss: Loss, _run: Run) -> dict[str, float]:
    """Where a loss of the right class's score is lowest, and what it says of a score of 10 (section 5.1)."""
    from studies.dagnets.measured.confidence import confidence_figures

    return confidence_figures(loss.loss)


@study.experiment(
    grid(Kernel, kernel=("identity", "box", "across", "down", "laplacian")),
    metrics=("kernel_sum", "sum", "lowest", "highest"),
    deterministic=True,
)
def edge_kernels(kernel: Kernel, run: Run) -> dict[str, float]:
    """What the five kernels made by hand do to a digit (section 4.4)."""
    from studies.dagnets.measured.filters import kernel_figures

    return kernel_figures(kernel.kernel, run)


@study.experiment((Shift(pixels=1),), metrics=("raw", "pooled"), deterministic=True)
def pooling_shift(shift: Shift, run: Run) -> dict[str, float]:
    """Relative change of images and of their pooled maps when they move by a pixel (section 4.5)."""
    from studies.dagnets.measured.filters import shift_figures

    return shift_figures(shift.pixels, run)


@study.experiment(
    grid(Layer, layer=("conv1", "conv2", "fc1", "fc2")),
    metrics=("parameters", "products", "outputs"),
    deterministic=True,
)
def lenet_table(layer: Layer, _run: Run) -> dict[str, float]:
    """Parameters, products and outputs of each layer of the LeNet-like network, by hooks (section 4.6)."""
    from studies.dagnets.measured.counts import layer_figures

    return layer_figures(layer.layer)


@study.experiment(
    grid(Network, network=("lenet_like", "lenet5", "alexnet", "vgg19")),
    metrics=("parameters", "products", "weight_layers"),
    deterministic=True,
)
def architectures(network: Network, _run: Run) -> dict[str, float]:
    """Parameters, products and layers with weights of the classifiers (sections 4.6 and 7.2)."""
    from studies.dagnets.measured.counts import network_figures

    return network_figures(network.network)


@study.experiment(
    grid(Resnet, depth=(18, 34, 50, 101, 152), stride=("first", "middle")),
    metrics=("parameters", "products", "weight_layers", *(Metric(f"side_{number}", "px") for number in range(1, 6))),
    axes=("depth", "stride"),
    deterministic=True,
)
def residual_networks(resnet: Resnet, _run: Run) -> dict[str, float]:
    """Parameters, products and map sizes, with strides as in the paper and as in torchvision (section 7.2)."""
    from studies.dagnets.measured.counts import resnet_figures

    return resnet_figures(resnet.depth, resnet.stride)


@study.experiment(
    grid(Network, network=("lenet5", "alexnet")),
    metrics=("modules", "equal", "height", "width", "cells_gap", "products_saved"),
    deterministic=True,
)
def convolutionized(network: Network, _run: Run) -> dict[str, float]:
    """The network made fully convolutional: equality, dense map, its cells against crops (section 7.2)."""
    from studies.dagnets.measured.conversion import conversion_figures

    return conversion_figures(network.network)


@study.experiment(
    grid(Speed, what=("batch", "batch_on_device", "dense")),
    metrics=(*(Metric(name, judged=False) for name in ("ratio", "lowest", "highest")), "equal"),
    deterministic=True,
)
def speed_ups(speed: Speed, run: Run) -> dict[str, float]:
    """How many times faster a batch and a dense answer are, measured: median and range (sections 4.3 and 7.2)."""
    from studies.dagnets.measured.speed import speed_figures

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
    from studies.dagnets.measured.shown import part_figures

    return part_figures(shown, run)


@study.experiment(grid(libraries.OptimiserLaw, law=libraries.OPTIMISER_LAWS), metrics=("apart",), deterministic=True)
def optimiser_laws(law: libraries.OptimiserLaw, _run: Run) -> dict[str, float]:
    """Relative distance of the two sides of a law about torch's optimisers; 0 is rounding (sections 5.2 and 5.3)."""
    from studies.dagnets.measured.optimisers import law_figures

    return law_figures(law.law)


@study.experiment(grid(libraries.Group, rate=(0.25, 0.5)), metrics=("moved",), deterministic=True)
def parameter_groups(group: libraries.Group, _run: Run) -> dict[str, float]:
    """How far one step along a slope of 1 moves a parameter of one of two groups with their own rates (section 5.3)."""
    from studies.dagnets.measured.optimisers import group_figures

    return group_figures(group.rate)


@study.experiment(
    grid(libraries.Descent, listing=("full_batch", "update_outside", "optim", "adam")),
    metrics=("updates", Metric("loss_before", "nats"), Metric("loss_after", "nats")),
    deterministic=True,
)
def drawn_descents(descent: libraries.Descent, _run: Run) -> dict[str, float]:
    """Updates and losses of the listings of descent on drawn vectors, and with Adam (sections 5.2 and 5.3)."""
    from studies.dagnets.measured.optimisers import descent_figures

    return descent_figures(descent.listing)


@study.experiment(
    grid(libraries.Branch, branch=("batch", "loop")), metrics=("beside_input", "on_cpu"), deterministic=True
)
def timing_branches(branch: libraries.Branch, _run: Run) -> dict[str, float]:
    """Where the branches of the timing listing put their results, for input that is not on the CPU (section 4.3)."""
    from studies.dagnets.measured.devices import branch_figures

    return branch_figures(branch.branch)


@study.experiment(grid(libraries.OldName, name=libraries.NAMES), metrics=("taken", "warnings"), deterministic=True)
def torchvision_names(old: libraries.OldName, _run: Run) -> dict[str, float]:
    """Whether torchvision takes the names of the slides, and its warnings (sections 4.4, 4.6, 5.3 and 7.2)."""
    from studies.dagnets.measured.library import name_figures

    return name_figures(old.name)


@study.experiment(
    grid(libraries.Standard, network=("alexnet", "vgg19", "googlenet")), metrics=OF_A_CLASSIFIER, deterministic=True
)
def torchvision_classifiers(standard: libraries.Standard, _run: Run) -> dict[str, float]:
    """What torchvision's classifiers are made of, and what their trained weights are for (section 7.2)."""
    from studies.dagnets.measured.library import classifier_figures

    return classifier_figures(standard.network)


@study.experiment(
    grid(libraries.Layers, layers=libraries.LISTS),
    metrics=("agreeing", "parameters", "of_our_sizes"),
    deterministic=True,
)
def torchvision_lists(layers: libraries.Layers, _run: Run) -> dict[str, float]:
    """Printed layers that torchvision builds so, and its parameters whose sizes are ours (section 7.2)."""
    from studies.dagnets.measured.library import list_figures

    return list_figures(layers.layers)


@study.experiment(libraries.RESIDUAL, metrics=OF_A_RESIDUAL_NETWORK, deterministic=True)
def torchvision_residual(residual: libraries.Residual, _run: Run) -> dict[str, float]:
    """Layers, products and blocks of torchvision's residual networks, stage by stage (section 7.2)."""
    from studies.dagnets.measured.library import residual_figures

    return residual_figures(residual.depth, residual.paths)


@study.experiment((Mnist(network="lenet_like"),), metrics=TRAINED, cost=lambda _: 10.0, resumes=True)
def training_listing(_mnist: Mnist, run: Run) -> Outcome:
    """Test error of the LeNet-like network after the complete training listing (section 5.3)."""
    from studies.dagnets.model.networks import lenet_like
    from studies.dagnets.training import fit

    return fit(lenet_like(), run, run.settings.mnist)


@study.experiment(
    grid(BatchSize, batch=(10, 100, 1000)), metrics=TRAINED, cost=lambda case: 5.0 + 10 / case.batch, resumes=True
)
def batch_sizes(size: BatchSize, run: Run) -> Outcome:
    """Loss reduction by batches of several sizes, epoch by epoch, at one rate (section 5.2)."""
    from studies.dagnets.model.networks import lenet_like
    from studies.dagnets.training import fit

    return fit(lenet_like(), run, replace(run.settings.sweep, batch=size.batch))


@study.experiment(grid(Cifar, rate=("constant", "reduced")), metrics=TRAINED, cost=lambda _: 30.0, resumes=True)
def cifar_curves(cifar: Cifar, run: Run) -> Outcome:
    """Errors and losses of a small network on CIFAR-10, at a constant rate and a reduced one (section 5.6)."""
    from studies.dagnets.model.networks import lenet_like
    from studies.dagnets.training import fit

    plan = run.settings.cifar
    return fit(lenet_like(3, 32), run, plan if cifar.rate == "reduced" else replace(plan, reduced_after=0))


@study.experiment(
    grid(Images, images=("mnist", "cifar10")),
    metrics=("train_images", "test_images", "channels", "height", "width", "classes"),
    deterministic=True,
)
def data_sizes(_images: Images, run: Run) -> dict[str, float]:
    """Images, channels, pixels and classes of the data sets (sections 4.6 and 5.6)."""
    from studies.dagnets.measured.shown import size_figures

    return size_figures(run)


study.figures_from(
    "studies.dagnets.figures.tables",
    beside="What the slides say, and what happens (sections 4.1 to 7.2).",
    differing="What the slides print that does not come out, with what is known of it.",
    trainings="Errors and losses of what is trained (sections 5.2 and 5.3).",
)
study.figures_from(
    "studies.dagnets.figures.prints", prints="What the slides print beside what torch computes now, item by item."
)
study.figures_from(
    "studies.dagnets.figures.pictures",
    valley="Paths of plain descent, momentum and Adam in a narrow valley (section 5.2).",
    loss_surface="Squared error and cross-entropy of two scores (section 5.1).",
    kernel_maps="A digit and what five kernels made by hand do to it (section 4.4).",
)
study.figures_from(
    "studies.dagnets.figures.curves",
    batch_size_curves="Training loss after each epoch for several batch sizes (section 5.2).",
    cifar_plots="Losses, errors and the spread of the samples' losses on CIFAR-10 (section 5.6).",
)
