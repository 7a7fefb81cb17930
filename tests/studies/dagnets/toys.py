"""A small data set that is learned at once, and a run on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.study import Run


class Toy:
    """Stands for a data set: noise with labels that the place of a bright square tells."""

    name, peak = "toy", 255

    def __init__(self, train: int = 60, test: int = 20) -> None:
        draw = np.random.default_rng(0)
        self.arrays: dict[str, Any] = {}
        for part, count in (("train", train), ("test", test)):
            labels = np.arange(count) % 10
            images = draw.integers(0, 60, (count, 28, 28))
            for image, label in zip(images, labels, strict=True):
                image[5 * (label // 5) + 6 : 5 * (label // 5) + 10, 5 * (label % 5) + 1 : 5 * (label % 5) + 5] = 255
            self.arrays[f"{part}_images"], self.arrays[f"{part}_labels"] = (
                images.astype(np.uint8),
                labels.astype(np.uint8),
            )

    def load(self) -> dict[str, Any]:
        return self.arrays


def run_of(data: Any, seed: int = 1) -> Run:
    return Run("dagnets", "e", "smoke", "{}", 0, seed, None, data)
