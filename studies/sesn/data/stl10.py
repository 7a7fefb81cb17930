"""STL-10, read from its binary files (Coates, Ng and Lee, 2011)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import FOLDER_VARIABLE, DataSet, pinned_by_files, read_bytes
from repro.errors import InfrastructureError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS, SIDE, CLASSES = 3, 96, 10
IMAGE_BYTES = CHANNELS * SIDE * SIDE
COUNTS = {"train": 5_000, "test": 8_000}
FOLDER = "stl10_binary"

# Source: torchvision.datasets.STL10, which publishes MD5s; an MD5 tells a damaged file, not a forged one.
STL10_FILES = {
    f"{FOLDER}/train_X.bin": "md5:918c2871b30a85fa023e0c44e0bee87f",
    f"{FOLDER}/train_y.bin": "md5:5a34089d4802c674881badbb80307741",
    f"{FOLDER}/test_X.bin": "md5:7f263ba9f9e0b06b93213547f721ac82",
    f"{FOLDER}/test_y.bin": "md5:36f9794fa4beb8a2c72628de14fa638e",
}


def read_stl10(folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return the 5,000 training and 8,000 test images (N, 3, 96, 96) with their labels 0 to 9."""
    arrays: dict[str, NDArray[Any]] = {}
    for part, count in COUNTS.items():
        arrays[f"{part}_images"] = read_images(_file(folder, f"{part}_X.bin"), count)
        arrays[f"{part}_labels"] = read_labels(_file(folder, f"{part}_y.bin"), count)
    return arrays


def read_images(path: Path, count: int) -> NDArray[np.uint8]:
    """Return the images (count, 3, 96, 96) of a file, which holds each channel column by column.

    Raise IntegrityError for a file of another length.
    """
    stored = _read(path, count, IMAGE_BYTES).reshape(count, CHANNELS, SIDE, SIDE)
    return stored.swapaxes(2, 3).copy()


def read_labels(path: Path, count: int) -> NDArray[np.uint8]:
    """Return the labels (count), 0 to 9, of a file that counts them from 1.

    Raise IntegrityError for a file of another length or a label that is none of the ten classes.
    """
    import numpy as np

    stored = _read(path, count, 1)
    wrong = np.flatnonzero((stored < 1) | (stored > CLASSES))
    if len(wrong):
        first = int(wrong[0])
        raise IntegrityError(
            f"{path}: expected labels 1 to {CLASSES}, got {stored[first]} for image {first}"
            f"{f' and {len(wrong) - 1} more' if len(wrong) > 1 else ''}; remove this file and fetch it again"
        )
    return stored - np.uint8(1)


def download_stl10(folder: Path) -> None:
    """Download the archive (2.6 GB, most of it unlabelled images) through torchvision and unpack it in `folder`."""
    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import STL10 as TorchvisionStl10

    TorchvisionStl10(str(folder), split="train", download=True)


def _read(path: Path, count: int, size: int) -> NDArray[np.uint8]:
    """Return the bytes of a file of `count` items of `size` bytes."""
    import numpy as np

    content = read_bytes(path)
    if len(content) != count * size:
        raise IntegrityError(
            f"{path}: expected {count * size} bytes ({count} items of {size}), got {len(content)}; "
            "remove this file and fetch it again"
        )
    return np.frombuffer(content, np.uint8)


def _file(folder: Path | None, name: str) -> Path:
    path = folder / FOLDER / name if folder is not None else None
    if path is None or not path.is_file():
        raise InfrastructureError(
            f"no file {FOLDER}/{name} in {folder}; put STL-10's binary files there or set {FOLDER_VARIABLE}"
        )
    return path


STL10 = DataSet(
    "stl10",
    "STL-10, labelled part, 96 x 96 RGB",
    content=pinned_by_files(STL10_FILES),
    read=read_stl10,
    files=STL10_FILES,
    download=download_stl10,
)
