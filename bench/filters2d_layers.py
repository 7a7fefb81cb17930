"""Measure the networks of filters2d as they train beside the same of torch's own layers. Prints Markdown.

The plain form is the notebook's listing: torch's layers and optimisers as they come, which the study used up to commit
2d8d4cb. One update of a batch of random images: forward, loss, backward, step. Rounds are interleaved and each ratio is
the median of the rounds' ratios, in CPU seconds of one thread; "apart" is the largest relative distance of a parameter
after five updates of the same weights in float64.
Usage: python bench/filters2d_layers.py [--rounds 9] [PART-OF-A-NAME ...]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from studies.filters2d import model  # noqa: E402
from studies.filters2d.cases import Hidden  # noqa: E402
from studies.filters2d.claims.shapes import as_listed  # noqa: E402
from studies.filters2d.training.search import MOMENTUM, optimiser_of  # noqa: E402

RATE = 1e-3
SHORTEST_S = 0.1  # of a round of one form
Make = Callable[[], nn.Module]


class Case(NamedTuple):
    """A network of the study, the same as listed, the shape of a batch, what trains it, and the ratio aimed at."""

    ours: Make
    plain: Make
    batch: tuple[int, int, int, int]
    optimiser: str
    goal: str = "2"


def two(channels: int, kernel: int, hidden: type[nn.Module], width: int = model.WIDTH) -> nn.Sequential:
    pad = kernel // 2
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=pad), hidden(), nn.Conv2d(width, channels, kernel, padding=pad)
    )


def separable() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 1, (15, 1), padding=(7, 0)), nn.Conv2d(1, 1, (1, 15), padding=(0, 7)))


def median() -> nn.Sequential:
    first, second = nn.Conv2d(1, 16, (15, 1), padding=(7, 0)), nn.Conv2d(16, 32, (1, 15), padding=(0, 7))
    return nn.Sequential(first, second, nn.Sigmoid(), nn.Conv2d(32, 1, 1), nn.Sigmoid())


def inverse(channels: int, kernel: int, hidden: Hidden, shape: tuple[int, int, int, int], optimiser: str) -> Case:
    between = nn.ReLU if hidden == "relu" else nn.Sigmoid
    return Case(
        lambda: model.image_to_image(channels, kernel, hidden), lambda: two(channels, kernel, between), shape, optimiser
    )


CASES = {
    "filter, 15 x 15, smoke": Case(
        lambda: model.filter_layer("full", 32), lambda: nn.Conv2d(1, 1, 15, padding=7), (20, 1, 32, 32), "adam"
    ),
    "filter, 15 x 15, lite": Case(
        lambda: model.filter_layer("full", 64), lambda: nn.Conv2d(1, 1, 15, padding=7), (20, 1, 64, 64), "adam"
    ),
    "filter, 1-D, smoke": Case(lambda: model.filter_layer("separable", 32), separable, (20, 1, 32, 32), "adam"),
    "filter, 1-D, lite": Case(lambda: model.filter_layer("separable", 64), separable, (20, 1, 64, 64), "adam"),
    "mosaic, ReLU, smoke": inverse(3, 5, "relu", (10, 3, 16, 16), "adam"),
    "mosaic, ReLU, lite": inverse(3, 5, "relu", (10, 3, 32, 32), "adam"),
    "mosaic, sigmoid, smoke": inverse(3, 5, "sigmoid", (10, 3, 16, 16), "sgd"),
    "channel, ReLU, smoke": inverse(1, 11, "relu", (10, 1, 16, 16), "adam"),
    "channel, ReLU, lite": inverse(1, 11, "relu", (10, 1, 28, 28), "adam"),
    "channel, sigmoid, smoke": inverse(1, 11, "sigmoid", (10, 1, 16, 16), "sgd"),
    "outlines, smoke": Case(
        lambda: model.shape_classifier(48), lambda: as_listed(model.shape_classifier(48)), (50, 1, 48, 48), "sgd"
    ),
    "outlines, full size": Case(
        lambda: model.shape_classifier(128), lambda: as_listed(model.shape_classifier(128)), (50, 1, 128, 128), "sgd"
    ),
    "median": Case(model.median_network, median, (10, 1, 32, 32), "adam"),
    "blobs, smoke": Case(model.topology_network, model.topology_network, (10, 1, 48, 48), "adam", "none"),
}


def updates(case: Case, form: str, dtype: torch.dtype) -> tuple[nn.Module, Callable[[], None]]:
    """Return a network in one form, "ours" or "plain", and what makes an update of it."""
    torch.manual_seed(0)
    network = (case.ours if form == "ours" else case.plain)().to(dtype)
    if form == "ours":
        optimiser = optimiser_of(case.optimiser, network, RATE)
    elif case.optimiser == "adam":
        optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    else:
        optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)
    draws = torch.Generator().manual_seed(1)
    x = torch.rand(case.batch, generator=draws, dtype=dtype)
    images = torch.rand(case.batch, generator=draws, dtype=dtype)
    classes = torch.randint(0, 2, (len(x),), generator=draws)

    def update() -> None:
        optimiser.zero_grad()
        found = network(x)
        loss = F.mse_loss(found, images) if found.dim() == 4 else F.cross_entropy(found, classes)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return network, update


def apart(case: Case) -> float:
    """Return the largest relative distance of a parameter of the two forms after five updates in float64."""
    found = []
    for form in ("plain", "ours"):
        network, update = updates(case, form, torch.float64)
        for _ in range(5):
            update()
        found.append([one.detach() for one in network.parameters()])
    return max(float((one - other).abs().max() / one.abs().max()) for one, other in zip(*found, strict=True))


def milliseconds(update: Callable[[], None], times: int) -> float:
    """Return the CPU milliseconds of an update, of so many."""
    start = time.process_time()
    for _ in range(times):
        update()
    return 1000 * (time.process_time() - start) / times


def bench(names: list[str], rounds: int) -> None:
    """Print one line for each network."""
    print("\n| network | images | plain, ms | ours, ms | ratio, median [min, max] | n | goal | apart |")
    print("|---|--:|--:|--:|---|--:|--:|--:|")
    for name in names:
        case = CASES[name]
        plain, ours = (updates(case, form, torch.float32)[1] for form in ("plain", "ours"))
        ours()
        times = max(1, round(1000 * SHORTEST_S / milliseconds(plain, 2)))
        lines = [(milliseconds(plain, times), milliseconds(ours, times)) for _ in range(rounds)]
        ratios = [before / after for before, after in lines]
        before, after = (statistics.median(column) for column in zip(*lines, strict=True))
        spread = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
        shown = f"{case.batch[0]} of {case.batch[2]} px"
        cells = (name, shown, f"{before:.2f}", f"{after:.2f}", spread, rounds, case.goal, f"{apart(case):.0e}")
        print("|", " | ".join(map(str, cells)), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("names", nargs="*", default=[""], metavar="PART-OF-A-NAME", help=f"of {'; '.join(CASES)}")
    chosen = parser.parse_known_args()[0]
    torch.set_num_threads(1)
    print(f"## Networks of filters2d, torch {torch.__version__}, {torch.get_num_threads()} thread")
    bench([name for name in CASES if any(part in name for part in chosen.names)], chosen.rounds)


if __name__ == "__main__":
    main()
