"""Measure the input pipeline: images resident in memory beside a DataLoader with ToTensor. Prints Markdown.

Both deliver the same 60,000 images in batches of 500 in the same order; rounds are interleaved, the ratio is the median
of the rounds' ratios, in CPU seconds of one thread. The images are random: no step's speed depends on them.
Usage: python bench/input_pipeline.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor

from studies.common.torchvision_import import import_torchvision
from studies.rfnn.training import Images

COUNT, BATCH, GOAL = 60_000, 500, 50


def loader(images: Tensor, labels: Tensor, order: Tensor) -> Iterator[Tensor]:
    """Yield the batches that torchvision's MNIST with ToTensor and a DataLoader without workers give."""
    import_torchvision()
    from torchvision import datasets, transforms

    mnist = object.__new__(datasets.MNIST)  # its __init__ would look for files
    mnist.data, mnist.targets, mnist.transform, mnist.target_transform = images, labels, transforms.ToTensor(), None
    batches = torch.utils.data.DataLoader(mnist, batch_size=BATCH, sampler=order.tolist())
    yield from (batch for batch, _ in batches)


def resident(images: Tensor, labels: Tensor, order: Tensor) -> Iterator[Tensor]:
    """Yield the batches as the study's training loop makes them."""
    held = Images(images, labels, peak=255, size=28)
    yield from (held.inputs(index) for index in torch.split(order, BATCH))


def cpu_seconds(batches: Callable[[], Iterator[Tensor]]) -> float:
    """Return the CPU seconds that all batches of one epoch take."""
    start = time.process_time()
    for _ in batches():
        pass
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_known_args()[0].rounds
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (COUNT, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (COUNT,), generator=generator)
    order = torch.randperm(COUNT, generator=generator)
    pairs = zip(loader(images, labels, order[:2000]), resident(images, labels, order[:2000]), strict=True)
    equal = all(torch.equal(one, other) for one, other in pairs)
    slow, fast = [], []
    for _ in range(rounds):
        slow.append(cpu_seconds(lambda: loader(images, labels, order)))
        fast.append(cpu_seconds(lambda: resident(images, labels, order)))
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    print(f"\nInput pipeline, 60,000 images, {rounds} rounds\n")
    print("| path | images/s (median) | ratio | goal | bit-equal |")
    print("| --- | --: | --: | --: | --- |")
    print(f"| DataLoader, ToTensor | {COUNT / statistics.median(slow):,.0f} | 1 | | |")
    spread = f"{statistics.median(ratios):.0f} [{min(ratios):.0f}, {max(ratios):.0f}]"
    print(f"| resident uint8 | {COUNT / statistics.median(fast):,.0f} | {spread} | {GOAL} | {equal} |")


if __name__ == "__main__":
    main()
