"""Measure the generator of scaled MNIST beside Pillow, with and without the PNG files. Prints Markdown.

Rounds are interleaved and each ratio is the median of the rounds' ratios, in CPU seconds of one thread. Pillow's path
is transform and save, which leaves out what torchvision's RandomAffine and the loading of the files would add.
The images are MNIST's where they are at hand, else scikit-learn's digits, enlarged and repeated.
Usage: python bench/scaled_mnist.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from repro.data import status
from studies.common.datasets import DIGITS, MNIST
from studies.sesn.data.affine import scale_exact, scale_fast
from studies.sesn.data.scaled import PUBLISHED, enlarged, generate, scale_factors

COUNT = 4_000  # images a round; a realisation has 62,000
GOALS = {"exact": 6, "fast": 20}
Images = NDArray[np.uint8]


def source() -> tuple[str, Images, NDArray[np.uint8]]:
    """Return a name, 70,000 images and their labels."""
    found = status(MNIST).state == "verified"
    arrays = (MNIST if found else DIGITS).load()
    images, labels = (
        np.concatenate([arrays[f"train_{what}"], arrays[f"test_{what}"]]) for what in ("images", "labels")
    )
    if found:
        return "MNIST", images, labels
    return "digits for want of MNIST", np.resize(enlarged(images), (70_000, 28, 28)), np.resize(labels, 70_000)


def transformed(image: Images, s: float) -> Image.Image:
    """Return one image scaled by Pillow."""
    offset = 1 / s * -14.5 + 14.5
    matrix = (1 / s, 0, offset, 0, 1 / s, offset)
    return Image.fromarray(image).transform(
        (28, 28), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=0
    )


def with_files(images: Images, factors: NDArray[np.float64]) -> None:
    """Scale with Pillow and save every image, as the original script does."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (image, s) in enumerate(zip(images, factors, strict=True)):
            transformed(image, s).save(Path(folder, f"{number}.png"))


def in_memory(images: Images, factors: NDArray[np.float64]) -> Images:
    """Scale with Pillow and keep the pixels."""
    return np.array([np.asarray(transformed(image, s)) for image, s in zip(images, factors, strict=True)])


def fast(images: Images, factors: NDArray[np.float64]) -> Images:
    """Scale within one grey level."""
    return scale_fast(torch.from_numpy(images), torch.from_numpy(factors)).numpy()


def cpu_seconds(action: Callable[[], Any]) -> float:
    """Return the CPU seconds of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def line(name: str, seconds: list[float], base: list[float], found: Images, expected: Images) -> str:
    """Return one line of the table."""
    ratios = [one / other for one, other in zip(base, seconds, strict=True)]
    spread = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
    apart = np.abs(found.astype(int) - expected)
    return (
        f"| {name} | {COUNT / statistics.median(seconds):,.0f} | {spread} | {GOALS.get(name, '')} "
        f"| {np.count_nonzero(apart):,} of {apart.size:,} | {apart.max()} |"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_known_args()[0].rounds
    torch.set_num_threads(1)
    name, images, labels = source()
    part, factors = images[:COUNT], scale_factors(COUNT, 0)
    paths: dict[str, Callable[..., Any]] = {
        "Pillow, PNG files": with_files,
        "Pillow, in memory": in_memory,
        "exact": scale_exact,
        "fast": fast,
    }
    expected = in_memory(part, factors)
    pixels = {path: expected if path.startswith("Pillow") else scale(part, factors) for path, scale in paths.items()}
    seconds: dict[str, list[float]] = {path: [] for path in paths}
    whole = []
    for _ in range(rounds):
        for path, scale in paths.items():
            seconds[path].append(cpu_seconds(functools.partial(scale, part, factors)))
        whole.append(cpu_seconds(lambda: generate(images, labels, PUBLISHED, 0)))
    print(f"\nScaling {COUNT:,} images ({name}) by 0.3 to 1, {rounds} rounds\n")
    print("| path | images/s (median) | ratio, median [min, max] | goal | pixels that differ | by at most |")
    print("|---|--:|---|--:|--:|--:|")
    for path in paths:
        print(line(path, seconds[path], seconds["Pillow, PNG files"], pixels[path], expected))
    print(f"\nA whole realisation of 62,000 images, split and exact: {statistics.median(whole):.2f} CPU seconds")


if __name__ == "__main__":
    main()
