"""Which data a case runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.data import DataSet
from studies.common.datasets import MNIST
from studies.dagnets.cases import Accumulated, BatchSize, Cifar, Images, Kernel, Listing, Mnist, Shift, Shown


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
