"""The data sets of the studies: MNIST, a fixed tenth of it, and the small digits that come with scikit-learn."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import DataSet, read_bytes, read_idx
from repro.errors import InfrastructureError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MNIST_FILES = {
    "mnist/train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "mnist/train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "mnist/t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "mnist/t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SUBSET_SIZE = 10_000
DIGITS_SIDE = 8
DIGITS_TEST_EVERY = 5


def read_mnist(folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return MNIST's 60,000 training and 10,000 test images (28 x 28) with their labels."""
    images, labels, test_images, test_labels = MNIST_FILES
    return {
        "train_images": read_idx(folder, images, dimensions=3),
        "train_labels": read_idx(folder, labels, dimensions=1),
        "test_images": read_idx(folder, test_images, dimensions=3),
        "test_labels": read_idx(folder, test_labels, dimensions=1),
    }


def read_mnist_10k(folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return MNIST with 10,000 of its training images, chosen by `subset_index`, and its whole test set."""
    arrays = read_mnist(folder)
    index = subset_index(arrays["train_labels"], SUBSET_SIZE)
    return arrays | {
        "train_images": arrays["train_images"][index],
        "train_labels": arrays["train_labels"][index],
    }


def subset_index(labels: NDArray[np.uint8], size: int) -> NDArray[np.int64]:
    """Return `size` ascending indices whose class shares are those of `labels` to within one item.

    Items of a class are ranked by the SHA-256 of their index, so that the choice depends on no random generator.
    Classes with the largest remainder get the items that rounding down leaves over.
    """
    import numpy as np

    counts = np.bincount(labels)
    quotas, remainders = np.divmod(counts * size, len(labels))
    left_over = size - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:left_over]] += 1
    chosen: list[int] = []
    for label, quota in enumerate(quotas.tolist()):
        members = np.flatnonzero(labels == label).tolist()
        chosen += sorted(members, key=lambda item: hashlib.sha256(f"mnist-10k {item}".encode()).digest())[:quota]
    return np.sort(np.array(chosen, dtype=np.int64))


def read_digits(_folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return scikit-learn's 1,797 digits (8 x 8, values 0 to 16); every fifth image is a test image."""
    import numpy as np

    path = _digits_file()
    if path is None:
        images, labels = _digits_from_loader()
    else:
        table = np.loadtxt(read_bytes(path).decode("ascii").splitlines(), delimiter=",", dtype=np.uint8)
        images, labels = table[:, :-1].reshape(-1, DIGITS_SIDE, DIGITS_SIDE), table[:, -1]
    test = np.arange(len(labels)) % DIGITS_TEST_EVERY == 0
    return {
        "train_images": images[~test],
        "train_labels": labels[~test],
        "test_images": images[test],
        "test_labels": labels[test],
    }


def _digits_file() -> Path | None:
    """Return the table inside scikit-learn, found without the second that importing the package takes."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise InfrastructureError(
            "data set 'digits' comes with scikit-learn, which is not installed; pip install scikit-learn"
        )
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    return path if path.is_file() else None


def _digits_from_loader() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the digits through scikit-learn's public loader, for a version that packs the table elsewhere."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.uint8)


def download_mnist(folder: Path) -> None:
    """Download MNIST's four files through torchvision into `folder`/mnist."""
    from .torchvision_import import import_torchvision

    made = import_torchvision().datasets.MNIST(str(folder / "torchvision"), download=True)
    raw = Path(made.raw_folder)
    for name in MNIST_FILES:
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        packed = raw / target.name
        source = packed if packed.is_file() else packed.with_suffix("")
        os.replace(source, target if source == packed else target.with_suffix(""))


DIGITS = DataSet(
    "digits",
    "scikit-learn's digits, 8 x 8",
    content="71d71bfb0fbe45b993b8b3176852bda55c92d2830a066d26e5775183cc9c0a79",
    read=read_digits,
    stands_in_for="mnist",
    peak=16,
)
MNIST = DataSet(
    "mnist",
    "MNIST",
    content="48fedf81be3ea93753c2bf42f6277fc10ad03d15dea473e0133454301b924d69",
    read=read_mnist,
    files=MNIST_FILES,
    download=download_mnist,
)
MNIST_10K = DataSet(
    "mnist-10k",
    "10,000 training images of MNIST, class shares kept, and its whole test set",
    content="f7c12787c740061756e7f69f190ba65aaf958e15784932fee328b627f7c660fb",
    read=read_mnist_10k,
    files=MNIST_FILES,
    download=download_mnist,
    stands_in_for="mnist",
)
