"""The profiles: how much each spends, on which data, and what it cannot answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.data import DataSet
from repro.study import Profile
from studies.common.cifar10 import CIFAR10, CIFAR10_JPEG
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.dagnets.cases import (
    Accumulated,
    BatchSize,
    Cifar,
    Fit,
    Images,
    Kernel,
    Listing,
    Mnist,
    Shift,
    Shown,
    Timing,
    Training,
)

WITHOUT_TRAINING = (
    "printed_values", "laws", "dag_backward", "detached_pair", "eta_window", "adam_forms", "descent_rules",
    "update_listings", "gradient_accumulation", "confident_answers", "edge_kernels", "pooling_shift", "lenet_table",
    "architectures", "residual_networks", "convolutionized", "speed_ups", "shown_images", "optimiser_laws",
    "parameter_groups", "drawn_descents", "timing_branches", "torchvision_names", "torchvision_classifiers",
    "torchvision_lists", "torchvision_residual",
)  # fmt: skip


def data_of(mnist: DataSet, cifar: DataSet) -> Callable[[Any], DataSet | None]:
    """Return what names the data of a case: MNIST and CIFAR-10, or what stands for them, or none."""

    def of(case: Any) -> DataSet | None:
        match case:
            case Mnist() | BatchSize() | Listing() | Accumulated() | Kernel() | Shift() | Shown():
                return mnist
            case Cifar():
                return cifar
            case Images():
                return MNIST if case.images == "mnist" else cifar
        return None

    return of


SMOKE = Profile(
    Training(
        mnist=Fit(epochs=20),
        sweep=Fit(epochs=5),
        cifar=Fit(epochs=1),
        timing=Timing(samples=500, repeats=5),
    ),
    data_of(DIGITS, CIFAR10_JPEG),
    golden_seeds=20,
    experiments={
        **{name: {} for name in (*WITHOUT_TRAINING, "training_listing", "batch_sizes")},
        "speed_ups": {"what": ("batch", "dense")},  # on the CPU "batch_on_device" is "batch"
    },
    cannot_answer="8x8 digits stand in for MNIST, and nothing is trained on CIFAR-10; "
    "`nox -s reproduce-dagnets -- --profile paper` trains on both",
)
LITE = Profile(
    Training(
        mnist=Fit(epochs=10),
        sweep=Fit(epochs=3),
        cifar=Fit(epochs=20, reduced_after=10, shuffled=True),
        timing=Timing(samples=2500, repeats=11),
    ),
    data_of(MNIST_10K, CIFAR10_JPEG),
    golden_seeds=5,
    experiments={name: {} for name in ("training_listing", "batch_sizes", "cifar_curves", "data_sizes")},
    cannot_answer="a sixth of MNIST and a lossy sixth of CIFAR-10 stand in for both; "
    "`nox -s reproduce-dagnets -- --profile paper` trains on the whole",
)
PAPER = Profile(
    Training(
        mnist=Fit(epochs=10),
        sweep=Fit(epochs=10),
        cifar=Fit(epochs=50, reduced_after=25, shuffled=True),
        timing=Timing(samples=2500, repeats=101),
    ),
    data_of(MNIST, CIFAR10),
    golden_seeds=5,
    device="cuda",
    faithful=True,
    cannot_answer="the slides give no number for what they train; their curves are pictures, and the small network "
    "for CIFAR-10 is not described",
)
