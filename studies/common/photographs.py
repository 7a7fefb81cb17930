"""Stand-ins cut from the two photographs that come with scikit-learn: for STL-10, ten places; for CIFAR-10, tiles."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import DataSet
from repro.errors import InfrastructureError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 96
STRIPS = 5  # a photograph, side by side; each is a class
BOUNDARY = 256  # rows above it are cut into training images, rows from it on into test images
TILE = 32
GRIDS = {"train": (2, 3), "test": (2, 1)}  # images of a class: rows by columns

# Of the decoded pixels (427, 640, 3); JPEG decoders may differ.
PIXEL_SHA256 = {
    "china.jpg": "e701459344fd69797154c91add3bb5d70e5ed1a61d8bed889bab3a796104698d",
    "flower.jpg": "3202904ed246795bf616c66d7859cd7c6080eff736c6e38dc5cc62779742033f",
}


def read_photographs(_folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return 60 training and 20 test images (N, 3, 96, 96) with their labels 0 to 9.

    Images of a class overlap, training and test images do not.
    """
    import numpy as np

    strips = [strip for name in PIXEL_SHA256 for strip in np.split(_pixels(name), STRIPS, axis=1)]
    arrays: dict[str, NDArray[Any]] = {}
    for part, grid in GRIDS.items():
        rows = slice(None, BOUNDARY) if part == "train" else slice(BOUNDARY, None)
        cut = [np.stack(list(_windows(strip[rows], *grid))) for strip in strips]
        arrays[f"{part}_images"] = np.ascontiguousarray(np.concatenate(cut).transpose(0, 3, 1, 2))
        arrays[f"{part}_labels"] = np.repeat(np.arange(len(strips), dtype=np.uint8), len(cut[0]))
    return arrays


def read_tiles(_folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return 320 training and 200 test images (N, 3, 32, 32): the photographs' tiles, which do not overlap."""
    import numpy as np

    arrays: dict[str, NDArray[Any]] = {}
    for part, rows in (("train", slice(None, BOUNDARY)), ("test", slice(BOUNDARY, None))):
        areas = [_pixels(name)[rows] for name in PIXEL_SHA256]
        arrays[f"{part}_images"] = np.concatenate([_tiles(area) for area in areas])
    return arrays


def _tiles(area: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut an area (H, W, 3) into tiles (N, 3, 32, 32), row by row; what is left over below and to the right goes."""
    import numpy as np

    rows, columns = (length // TILE for length in area.shape[:2])
    cut = area[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE, 3)
    return np.ascontiguousarray(cut.transpose(0, 2, 4, 1, 3).reshape(rows * columns, 3, TILE, TILE))


def _windows(area: NDArray[np.uint8], rows: int, columns: int) -> Iterator[NDArray[np.uint8]]:
    """Yield rows by columns windows of 96 x 96, evenly spread over an area (H, W, 3) from its upper left corner."""
    tops, lefts = (
        [(length - SIDE) * step // max(count - 1, 1) for step in range(count)]
        for length, count in zip(area.shape, (rows, columns), strict=False)
    )
    for top, left in product(tops, lefts):
        yield area[top : top + SIDE, left : left + SIDE]


def _pixels(name: str) -> NDArray[np.uint8]:
    """Return a photograph (H, W, 3), held to its pinned pixels."""
    import numpy as np
    import PIL
    from PIL import Image

    with Image.open(_file(name)) as image:
        pixels = np.asarray(image.convert("RGB"))
    got = hashlib.sha256(pixels.tobytes()).hexdigest()
    if got != PIXEL_SHA256[name]:
        raise IntegrityError(
            f"photograph {name} of scikit-learn: expected pixels with sha256 {PIXEL_SHA256[name]}, got {got}; "
            f"Pillow {PIL.__version__} may decode it differently: install the locked packages"
        )
    return pixels


def _file(name: str) -> Path:
    """Return the photograph inside scikit-learn, found without the second that importing the package takes."""
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise InfrastructureError(
            "data set 'photographs' comes with scikit-learn, which is not installed; pip install scikit-learn"
        )
    path = Path(package.submodule_search_locations[0], "datasets", "images", name)
    if not path.is_file():
        raise InfrastructureError(
            f"data set 'photographs': this scikit-learn has no datasets/images/{name}; install the locked packages"
        )
    return path


PHOTOGRAPHS = DataSet(
    "photographs",
    "places in scikit-learn's two photographs, 96 x 96 RGB",
    content="824ad81cf88faf630b95033fed8b9d87f57a6d5b4e126cf8e119bb2193a09c43",
    read=read_photographs,
    stands_in_for="stl10",
)
TILES = DataSet(
    "tiles",
    "scikit-learn's two photographs cut into tiles, 32 x 32 RGB",
    content="7ad62136906442afdf359ca61b5f0967fc3157ee6bdf6b0bb4008b4999c80677",
    read=read_tiles,
    stands_in_for="cifar10",
)
