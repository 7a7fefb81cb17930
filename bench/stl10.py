"""Measure the training transform of STL-10, batched, beside torchvision's image by image. Prints Markdown.

Both transform the same images with the same draws in batches of 128; rounds are interleaved, the ratio is the median of
the rounds' ratios, in CPU seconds of one thread. The images are the 246 real ones of $REPRO_DATA_DIR/stl10-sample, or
else the stand-in's. --out draws some of them, before and after, on a sheet.
Usage: python bench/stl10.py [--rounds 7] [--out sheet.png]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from repro.data import FOLDER_VARIABLE
from studies.common.photographs import PHOTOGRAPHS
from studies.common.randomness import stream
from studies.common.torchvision_import import import_torchvision
from studies.sesn.data.transforms import STL10_MEAN, STL10_STD, Draws, augment, draw

SAMPLE = Path("stl10-sample", "unlabelled.parquet")
BATCH, EPOCHS = 128, 4  # visits of the images a round
SHEET_ROWS, SHEET_COLUMNS = 6, 8  # images in the first column, transformed in the others
MARGIN = 4  # pixels


def sample() -> tuple[str, Tensor]:
    """Return a name and uint8 images (N, 3, 96, 96): real ones where there are any."""
    path = Path(os.environ.get(FOLDER_VARIABLE, ""), SAMPLE)
    if not path.is_file():
        arrays = PHOTOGRAPHS.load()
        return f"{PHOTOGRAPHS.title}, as there is no {SAMPLE}", torch.tensor(arrays["train_images"])
    import pyarrow.parquet as pq

    pictures = [Image.open(io.BytesIO(png)).convert("RGB") for png in pq.read_table(path)["png"].to_pylist()]
    images_NHWC = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    return "unlabelled images of STL-10", images_NHWC.permute(0, 3, 1, 2).contiguous()


def batched(images: Tensor, batches: Sequence[tuple[Tensor, Draws]]) -> Iterator[Tensor]:
    """Yield the batches as the study's training loop makes them."""
    yield from (augment(images.index_select(0, index), draws) for index, draws in batches)


def one_by_one(pictures: Sequence[Image.Image], batches: Sequence[tuple[Tensor, Draws]]) -> Iterator[Tensor]:
    """Yield the batches that torchvision's functions give for PIL images, with the hole cut by a mask."""
    import_torchvision()
    from torchvision.transforms import functional as vision

    for index, draws in batches:
        transformed = []
        numbers = (tensor.tolist() for tensor in (index, draws.offsets_B2, draws.flipped_B, draws.centres_B2))
        for chosen, (row, column), flipped, centre in zip(*numbers, strict=True):
            picture = vision.crop(vision.pad(pictures[chosen], [12]), row, column, 96, 96)
            picture = vision.hflip(picture) if flipped else picture
            x = vision.normalize(vision.to_tensor(picture), STL10_MEAN, STL10_STD)
            mask = np.ones((96, 96), np.float32)
            (top, left), (bottom, right) = ([max(c - 16, 0) for c in centre], [c + 16 for c in centre])
            mask[top:bottom, left:right] = 0
            transformed.append(x * torch.from_numpy(mask))
        yield torch.stack(transformed)


def plan(count: int) -> list[tuple[Tensor, Draws]]:
    """Return the batches of a round: which images, and their random numbers."""
    generator = stream(0, "bench")
    order = torch.cat([torch.randperm(count, generator=generator) for _ in range(EPOCHS)])
    return [(index, draw(len(index), generator)) for index in order.split(BATCH)]


def cpu_seconds(batches: Callable[[], Iterator[Tensor]]) -> float:
    """Return the CPU seconds that all batches take."""
    start = time.process_time()
    for _ in batches():
        pass
    return time.process_time() - start


def draw_sheet(images: Tensor, path: Path) -> None:
    """Save a sheet with one image a row: itself, then seven times transformed."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (STL10_MEAN, STL10_STD))
    pitch = images.shape[-1] + MARGIN
    sheet = Image.new("RGB", (SHEET_COLUMNS * pitch - MARGIN, SHEET_ROWS * pitch - MARGIN), "white")
    for row, image in enumerate(images[:: len(images) // SHEET_ROWS][:SHEET_ROWS]):
        copies = image.expand(SHEET_COLUMNS - 1, -1, -1, -1)
        x_BCHW = augment(copies, draw(len(copies), stream(row, "sheet")))
        shown = ((x_BCHW * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
        for column, picture in enumerate((image, *shown)):
            tile = Image.fromarray(picture.permute(1, 2, 0).numpy())
            sheet.paste(tile, (column * pitch, row * pitch))
    sheet.save(path)


def main() -> None:
    """Print the table and save the sheet if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_known_args()[0]
    torch.set_num_threads(1)
    name, images = sample()
    if arguments.out:
        draw_sheet(images, arguments.out)
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    batches = plan(len(images))
    pairs = zip(batched(images, batches), one_by_one(pictures, batches), strict=True)
    equal = all(torch.equal(one, other) for one, other in pairs)
    slow, fast = [], []
    for _ in range(arguments.rounds):
        slow.append(cpu_seconds(lambda: one_by_one(pictures, batches)))
        fast.append(cpu_seconds(lambda: batched(images, batches)))
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    visits = EPOCHS * len(images)
    print(f"\nTraining transform of STL-10, {len(images)} {name}, {arguments.rounds} rounds\n")
    print("| path | images/s (median) | ratio | bit-equal |")
    print("| --- | --: | --: | --- |")
    print(f"| torchvision on PIL images, one by one | {visits / statistics.median(slow):,.0f} | 1 | |")
    spread = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
    print(f"| batched uint8, draws as arguments | {visits / statistics.median(fast):,.0f} | {spread} | {equal} |")


if __name__ == "__main__":
    main()
