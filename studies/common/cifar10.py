"""CIFAR-10 (Krizhevsky 2009), and a lossy variant of its test images for where the real ones are not at hand."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import FOLDER_VARIABLE, DataSet, pinned_by_files
from repro.errors import InfrastructureError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS, SIDE, CLASSES = 3, 32, 10
FOLDER = "cifar-10-batches-py"
BATCH = 10_000

# Source: torchvision.datasets.CIFAR10, which publishes MD5s; an MD5 tells a damaged file, not a forged one.
CIFAR10_FILES = {
    f"{FOLDER}/data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
    f"{FOLDER}/data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
    f"{FOLDER}/data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
    f"{FOLDER}/data_batch_4": "md5:634d18415352ddfa80567beed471001a",
    f"{FOLDER}/data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
    f"{FOLDER}/test_batch": "md5:40351d587109b95175f43aff81a1287e",
}
JPEG_FILE = "cifar10-jpeg/test.parquet"  # columns file, label, jpeg; quality about 75
JPEG_FILES = {JPEG_FILE: "223bf7f10776f9e98b2f36d509d3bafa789190da863cb0d7b3bd9c5cbaa74c9e"}
JPEG_EACH, JPEG_TRAIN = 1000, 800  # images of a class, and how many of them are for training

PICKLED = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
PICKLED |= {(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}


class ArrayUnpickler(pickle.Unpickler):
    """Reads dictionaries, lists and numpy arrays, and nothing else: the digests of the files prove no origin."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class that arrays are made of. Raise UnpicklingError for any other."""
        if (module, name) not in PICKLED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def read_cifar10(folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return the 50,000 training and 10,000 test images (N, 3, 32, 32) with their labels 0 to 9."""
    import numpy as np

    batches = [read_batch(_file(folder, name)) for name in CIFAR10_FILES]
    return {
        "train_images": np.concatenate([images for images, _ in batches[:-1]]),
        "train_labels": np.concatenate([labels for _, labels in batches[:-1]]),
        "test_images": batches[-1][0],
        "test_labels": batches[-1][1],
    }


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images (10000, 3, 32, 32) and labels of one of the files. Raise IntegrityError for another content."""
    import numpy as np

    try:
        with path.open("rb") as file:
            found = ArrayUnpickler(file, encoding="bytes").load()
        images = np.asarray(found[b"data"], np.uint8).reshape(BATCH, CHANNELS, SIDE, SIDE)
        return images, np.asarray(found[b"labels"], np.uint8).reshape(BATCH)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            f"{path}: expected {BATCH} pickled images with labels, got something else "
            f"({error}); remove this file and fetch it again"
        ) from error


def read_cifar10_jpeg(folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return 8,000 and 2,000 of CIFAR-10's test images, the last 200 of each class apart, in turns of the classes."""
    import numpy as np
    import pyarrow.parquet as pq
    from PIL import Image

    table = pq.read_table(_file(folder, JPEG_FILE))
    labels = np.asarray(table["label"].to_pylist(), np.uint8)
    turns = np.argsort(labels, kind="stable").reshape(CLASSES, JPEG_EACH).T.flatten()
    decoded = [np.asarray(Image.open(io.BytesIO(jpeg))) for jpeg in table["jpeg"].to_pylist()]
    images = np.stack(decoded).transpose(0, 3, 1, 2)[turns]
    train = JPEG_TRAIN * CLASSES
    return {
        "train_images": images[:train].copy(),
        "train_labels": labels[turns][:train],
        "test_images": images[train:].copy(),
        "test_labels": labels[turns][train:],
    }


def download_cifar10(folder: Path) -> None:
    """Download the archive (170 MB) through torchvision and unpack it in `folder`."""
    from studies.common.torchvision_import import import_torchvision

    import_torchvision().datasets.CIFAR10(str(folder), download=True)


def _file(folder: Path | None, name: str) -> Path:
    path = folder / name if folder is not None else None
    if path is None or not path.is_file():
        raise InfrastructureError(f"no file {name} in {folder}; put it there or set {FOLDER_VARIABLE}")
    return path


CIFAR10 = DataSet(
    "cifar10",
    "CIFAR-10",
    content=pinned_by_files(CIFAR10_FILES),
    read=read_cifar10,
    files=CIFAR10_FILES,
    download=download_cifar10,
)
CIFAR10_JPEG = DataSet(
    "cifar10-jpeg",
    "CIFAR-10's 10,000 test images as lossy JPEG, 8,000 to train on and 2,000 to test; not CIFAR-10's own pixels",
    content=pinned_by_files(JPEG_FILES),  # decoders of JPEG may differ by a grey level
    read=read_cifar10_jpeg,
    files=JPEG_FILES,
    stands_in_for="cifar10",
)
