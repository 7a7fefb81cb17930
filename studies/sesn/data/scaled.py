"""Scaled MNIST: the six published realisations, made from MNIST to the bit, smaller ones, and one of the digits.

A realisation draws its split and the factor of every image from its number. Source of recipe and hashes:
prepare_mnist_scale.sh of the original repository (github.com/ISosnovik/sesn at deaa16c).
"""

from __future__ import annotations

import functools
import hashlib
import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import DataSet
from repro.errors import UsageError
from studies.common.datasets import MNIST_FILES, download_mnist, read_digits, read_mnist

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

CLASSES = 10
SIDE = 28
DIGITS_PEAK = 16
FACTORS = (0.3, 1.0)  # of the published realisations: uniform
GENERATED = ("train", "test", "val")  # the order in which images get their factors and their numbers
FILED = ("test", "train", "val")  # the order of the folders' names


@dataclass(frozen=True)
class Sizes:
    """How many images a realisation has of each kind."""

    train: int
    val: int
    test: int

    def __str__(self) -> str:
        """Return the sizes as titles give them."""
        return f"{self.train:,} / {self.val:,} / {self.test:,}"


PUBLISHED = Sizes(10_000, 2_000, 50_000)
BLOG = Sizes(10_000, 2_000, 48_000)
SMALL = Sizes(2_000, 1_000, 5_000)
DIGITS_SIZES = Sizes(1_000, 200, 597)


def split(labels: NDArray[np.uint8], sizes: Sizes, realisation: int) -> dict[str, NDArray[np.int64]]:
    """Return the indices of each kind of image, in the order of generation; class shares are kept.

    Two calls of scikit-learn draw from one stream: test against the rest, then training against validation.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    stream = np.random.RandomState(realisation)
    rest, test = train_test_split(
        np.arange(len(labels)),
        train_size=sizes.train + sizes.val,
        test_size=sizes.test,
        stratify=labels,
        random_state=stream,
    )
    train, val = train_test_split(
        rest, train_size=sizes.train, test_size=sizes.val, stratify=labels[rest], random_state=stream
    )
    return {"train": train, "test": test, "val": val}


def scale_factors(count: int, realisation: int) -> NDArray[np.float64]:
    """Return the factors of all images in the order of generation.

    The recipe draws a rotation of zero degrees before each factor; it takes a number from the stream all the same.
    """
    import numpy as np

    stream = random.Random(realisation)
    drawn = np.array([(stream.random(), stream.random()) for _ in range(count)])[:, 1]
    low, high = FACTORS
    return low + (high - low) * drawn


def generate(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], sizes: Sizes, realisation: int, first: Sizes | None = None
) -> Arrays:
    """Return a realisation's images and labels; with `first`, only the first so many of each kind, as in the whole.

    The recipe takes MNIST's training images followed by its test images. Raise UsageError for a label out of range
    and for too few images.
    """
    from studies.sesn.data.affine import scale_exact

    _check(images, labels, sizes)
    wanted = first or sizes
    members = split(labels, sizes, realisation)
    factors = scale_factors(sizes.train + sizes.val + sizes.test, realisation)
    arrays: Arrays = {}
    start = 0
    for kind in GENERATED:
        index = members[kind][: getattr(wanted, kind)]
        arrays[f"{kind}_images"] = scale_exact(images[index], factors[start : start + len(index)])
        arrays[f"{kind}_labels"] = labels[index]
        start += len(members[kind])
    return arrays


def pixel_sha256(images: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of images' pixels, image after image, row after row."""
    return hashlib.sha256(images.tobytes()).hexdigest()


def png_md5(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the MD5 of a realisation's PNG files in the order of their paths, by which it was published.

    The files are those of Pillow's default settings, <kind>/<label>/<n>.png, where n runs over training, test and
    validation images. Their bytes depend on the zlib that Pillow was built with: another MD5 beside right pixels
    tells of that. Takes some seconds; raises UsageError for a label out of range.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for kind, index in _in_path_order(arrays):
        digest.update(png(arrays[f"{kind}_images"][index]))
    return digest.hexdigest()


def png(image: NDArray[np.uint8]) -> bytes:
    """Return a grey image as the bytes of Pillow's default PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG")
    return file.getvalue()


def _in_path_order(arrays: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, int]]:
    """Yield kind and index of each image in the order of the paths as texts: 10.png comes before 9.png."""
    number = 0
    paths: dict[str, list[tuple[int, str, int]]] = {}
    for kind in GENERATED:
        labels = arrays[f"{kind}_labels"]
        _check_labels(labels)
        paths[kind] = [(label, f"{number + index}.png", index) for index, label in enumerate(labels.tolist())]
        number += len(labels)
    for kind in FILED:
        yield from ((kind, index) for _, _, index in sorted(paths[kind]))


def _check(images: NDArray[np.uint8], labels: NDArray[np.uint8], sizes: Sizes) -> None:
    needed = sizes.train + sizes.val + sizes.test
    if len(images) != len(labels) or len(labels) < needed:
        raise UsageError(
            f"scaled images: wanted at least {needed} images with a label each, got {len(images)} images and "
            f"{len(labels)} labels; give the whole data set, training images first"
        )
    _check_labels(labels)


def _check_labels(labels: NDArray[Any]) -> None:
    wrong = (labels < 0) | (labels >= CLASSES)
    if wrong.any():
        at = int(wrong.argmax())
        raise UsageError(
            f"labels: wanted whole numbers from 0 to {CLASSES - 1}, got {labels[at]} at index {at}; "
            "give the labels that belong to the images"
        )


def enlarged(digits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return digits (values 0 to 16) as images of MNIST's side and range, as Pillow's bicubic transform enlarges."""
    import numpy as np
    import torch

    from studies.sesn.data.affine import resample

    grey = np.rint(digits * (255 / DIGITS_PEAK)).astype(np.uint8)
    at = (torch.arange(SIDE, dtype=torch.float64) + 0.5) * (digits.shape[1] / SIDE)
    at = at.expand(len(digits), SIDE)
    return resample(grey, at, at)


def _whole(arrays: Arrays) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return all images and all labels of a data set, training before test."""
    import numpy as np

    images, labels = (
        np.concatenate([arrays[f"{kind}_{what}"] for kind in ("train", "test")]) for what in ("images", "labels")
    )
    return images, labels


def _read_scaled_mnist(folder: Path | None, *, sizes: Sizes, realisation: int, first: Sizes | None = None) -> Arrays:
    return generate(*_whole(read_mnist(folder)), sizes, realisation, first)


def _read_scaled_digits(_folder: Path | None) -> Arrays:
    digits, labels = _whole(read_digits(None))
    return generate(enlarged(digits), labels, DIGITS_SIZES, 0)


# Of the published realisations, as they come out of the recipe; each was confirmed by the MD5 published for its files.
PIXEL_SHA256: tuple[Mapping[str, str], ...] = (
    {
        "train": "4b15d4525e2ac25edc8b087ea6f506ff671e6a3cba266abb453ca14e3cd97c8b",
        "val": "e89202141ee8fb108e7ae0b51816494d4484d4e5281c5a3d5534433ea1d11512",
        "test": "dfbba51a9bd1eb0b8dd44c1a95f97a89388afff0df1a4682626ae96e27b064db",
    },
    {
        "train": "d8740b7ac3c948bc98b8e1d69232e2e6152251bf901504fd6c001d13de6cbfe5",
        "val": "b7e5d295894bfb17cb6389fcefb02024247fe4f5f49ac19fa33ea67431a774bc",
        "test": "62dae2294470b333ca98be9baa5e08beb2d02fbfb2fc7e61ec82b6cc73ec8a99",
    },
    {
        "train": "5d09da544658ec4df56f92a7744dd599a93e3aeb3b02f559ee336a93fab46d53",
        "val": "6d9f592786da312893e0fccc0aabee0b0dc1309f9096090ce61e6d785ac5d3c8",
        "test": "67f3fd8c53ee305803c927c9706dbfb3fef7adc5f53d38090150f4e0080015d1",
    },
    {
        "train": "11ddc1acb13aebf86932cd8a8441a0c5ff5201e147fe924051bb9691b1ff498a",
        "val": "5f0aecdcf3601a303606ff31ed62f9e0af608e89799f72ce74438ec4a28462a7",
        "test": "f77993fa44b1ea59f077f5167c797f4500a2ac8d3236e1c3bce228c236b4e732",
    },
    {
        "train": "f5556729fe8e89df2029acafcb581609fd7463bebba4dec5164e9413c40673dd",
        "val": "3cb8270cc5dcc6d9639c03cfdca59270cc9f97144506f13593d55b6ec64b2778",
        "test": "89b8de3cb9f642be7afcacd6c3047fc05d2d45efc70ad245a78440cf921f5be4",
    },
    {
        "train": "ce62eaf87387173589e99caa5509ca5a38c63848c231490fc021de24e1d96a20",
        "val": "78b0855598e6b6073c8674e75d67eefdb11d09fa8ecda65803f22f624949988a",
        "test": "1c30e85a045e2fc3c4a964799332d6eb5f4ae02b664e0f3d2d689037f7ee4a17",
    },
)
PNG_MD5 = (  # source: prepare_mnist_scale.sh, one for each realisation
    "00f60f1d99234b8fe8e5e1fe79306759",
    "f13da5cde237fb224846b8e0dd8188b2",
    "f06ad4b20d3f7d33f7b417cf7a1eb811",
    "eeb05f67093efae9f9b3f5a5617b2444",
    "5aa583af4e3c08a32f633bcb565823e5",
    "35ec90ad3cd9543123208cbb4a311233",
)
CONTENT = {
    "mnist-scale-0": "3728b274c782885d13b1d9bdffa33812ed3228a8d26219b04136d26af20cbfe2",
    "mnist-scale-1": "3ff4b3ab05449610ba7d7a68a34617263d750be931344ad155f9271ff7d26eea",
    "mnist-scale-2": "6cd950b8d1bc5a38e922de27d292aafa1d5bc6b179a3bde2334dfb9b26d37560",
    "mnist-scale-3": "6d30b972f28e99a4d7ea27c8ce859da98e84b031fbe9b0eb0415b39520192e7e",
    "mnist-scale-4": "ea9cb3002e31f68080512a3322873a9fd5cb9e05fa81b015c2afc9be8112566c",
    "mnist-scale-5": "95be7bd9e6bf0e652b6c791831bd4dad1f5650161c3ecf8669a9b2ae1b50b5c9",
    "mnist-scale-0-small": "8ef7fdf2efd41a41c68adc1b93a48717e81cd8264fd47e66fc31ce1c8233de9e",
    "mnist-scale-1-small": "c69baa8fa69a706b94f26aa21b3d54e2174095fbffe4cd7c26f1445992db9b77",
    "mnist-scale-2-small": "28d24a33a6d0b8593eab9725f4e7fdd071a1e76989f4a60edebde4915e63cb78",
    "mnist-scale-48k-0": "941adddd1f303eef0b5e8ba0ff6e5fecc4670b4890d9b6a6135cd4b555d7c4a1",
    "mnist-scale-48k-1": "30d4ad33164ac009edd2b56007db840d29a95f92e180dc20eb6be07ae466e9e7",
    "mnist-scale-48k-2": "c28414fb6668e40b61d9956fd6e408b5ced437ec39c6e030008362fee4bc36cc",
    "mnist-scale-48k-3": "4baeca74d705509a92b85e5e9004e6dede22dc72926fdb48098e521485e463a5",
    "mnist-scale-48k-4": "1813877e7ebcf8ca2adf5b16182729b963dedd900fd56836336945fcd8386ec5",
    "mnist-scale-48k-5": "5c8587433f8f56713015d144638699af89d7225a12b1e15f47043c9171006b30",
    "digits-scale-0": "1337139b14f31604caf79cd47738964ddbcd76104216fb83cd03bf4ddb4a0415",
}


def _scaled_mnist(name: str, realisation: int, sizes: Sizes, first: Sizes | None = None) -> DataSet:
    published = f"mnist-scale-{realisation}"
    return DataSet(
        name,
        f"MNIST scaled by 0.3 to 1, realisation {realisation}, {first or sizes}",
        content=CONTENT[name],
        read=functools.partial(_read_scaled_mnist, sizes=sizes, realisation=realisation, first=first),
        files=MNIST_FILES,
        download=download_mnist,
        stands_in_for="" if name == published else published,
        generated=True,
    )


SCALED_MNIST = tuple(_scaled_mnist(f"mnist-scale-{k}", k, PUBLISHED) for k in range(len(PNG_MD5)))
SCALED_MNIST_SMALL = tuple(_scaled_mnist(f"mnist-scale-{k}-small", k, PUBLISHED, SMALL) for k in range(3))
# The sizes that the blog states; the runs it publishes were tested on 50,000 images.
SCALED_MNIST_48K = tuple(_scaled_mnist(f"mnist-scale-48k-{k}", k, BLOG) for k in range(len(PNG_MD5)))
SCALED_DIGITS = DataSet(
    "digits-scale-0",
    f"scikit-learn's digits, enlarged to 28 x 28 and scaled by 0.3 to 1, {DIGITS_SIZES}",
    content=CONTENT["digits-scale-0"],
    read=_read_scaled_digits,
    stands_in_for="mnist-scale-0",
    generated=True,
)
