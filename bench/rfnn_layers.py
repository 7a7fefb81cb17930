"""Measure the fast form of the Gaussian layers beside the plain one, in the whole network. Prints Markdown.

Rounds are interleaved and each ratio is the median of the rounds' ratios, in CPU seconds of one thread. The plain form
takes a batch of 500 at once, as the thesis does; the fast one in the study's micro-batches. Images are random.
Usage: python bench/rfnn_layers.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from studies.rfnn.model.layers import GaussianConv2d  # noqa: E402
from studies.rfnn.model.network import RFNN, WIDTH_HIDDEN, Switches, initialise  # noqa: E402
from studies.rfnn.training import EVALUATION_BATCH, MICRO_BATCH, update  # noqa: E402

BATCH = 500
FORMS = ("plain", "fast")
LAYOUTS = ("as_listed", "as_described")
CELLS = ((0.5, 0.5), (1.0, 1.0), (2.0, 2.0))
SCALES = tuple(0.5 * 4 ** (step / 4) for step in range(5))
GOALS = {"as_listed": 8, "as_described": 4}
PEAK = """
import resource, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/bench"]
import rfnn_layers
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
form, layout, what = sys.argv[2:]
before = peak()
action = getattr(rfnn_layers, what)(form, layout, (2.0, 2.0), rfnn_layers.BATCH)
action()
print(peak() - before)
"""


def built(form: str, layout: str, cell: tuple[float, float]) -> RFNN:
    """Return the network with both layers in the given form; the layout is a name of `LAYOUTS`."""
    network = RFNN(*cell, Switches(layout="as_listed" if layout == "as_listed" else "as_described"))
    initialise(network, 0, "ones")
    for layer in network.modules():
        if isinstance(layer, GaussianConv2d):
            layer.fast = form == "fast"
    return network


def training(form: str, layout: str, cell: tuple[float, float], batch: int) -> Callable[[], object]:
    """Return one update of a network on `batch` images."""
    network = built(form, layout, cell)
    sgd = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.99, nesterov=True)
    x, labels = torch.rand(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
    keep = torch.rand(batch, WIDTH_HIDDEN) < 0.5
    micro_batch = MICRO_BATCH if form == "fast" else batch
    return lambda: update(network, sgd, x, labels, keep, micro_batch)


def inference(form: str, layout: str, cell: tuple[float, float], batch: int) -> Callable[[], object]:
    """Return one evaluation of `batch` images, in the study's parts for either form."""
    network = built(form, layout, cell)
    x = torch.rand(batch, 1, 28, 28)

    @torch.no_grad()
    def evaluate() -> object:
        return [network(part) for part in x.split(EVALUATION_BATCH["cpu"])]

    return evaluate


def cpu(action: Callable[[], object]) -> float:
    """Return the CPU seconds of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def interleaved(
    make: Callable[..., Callable[[], object]], layout: str, cell: tuple[float, float], batch: int, rounds: int
) -> dict[str, list[float]]:
    """Return images a second of both forms, round by round, after one round that does not count."""
    actions = {form: make(form, layout, cell, batch) for form in FORMS}
    found = [{form: batch / cpu(action) for form, action in actions.items()} for _ in range(rounds + 1)][1:]
    return {form: [line[form] for line in found] for form in FORMS}


def ratios(rates: dict[str, list[float]]) -> list[float]:
    return [fast / plain for fast, plain in zip(rates["fast"], rates["plain"], strict=True)]


def bench_cells(title: str, make: Callable[..., Callable[[], object]], goals: dict[str, int], rounds: int) -> None:
    """Print one line for each of the three cells and both layouts."""
    print(f"\n### {title}, batch {BATCH}, 28x28\n")
    print("| layout | scales | plain img/s | fast img/s | ratio, median [min, max] | n | goal |")
    print("|---|---|--:|--:|---|--:|--:|")
    for layout, cell in itertools.product(LAYOUTS, CELLS):
        rates = interleaved(make, layout, cell, BATCH, rounds)
        found = ratios(rates)
        plain, fast = (statistics.median(rates[form]) for form in FORMS)
        spread = f"{statistics.median(found):.1f} [{min(found):.1f}, {max(found):.1f}]"
        print(f"| {layout} | {cell} | {plain:.0f} | {fast:.0f} | {spread} | {rounds} | {goals[layout]} |", flush=True)


def bench_grid(rounds: int, batch: int = 100) -> None:
    """Print the training ratio of every cell; none may be below 1."""
    for layout in LAYOUTS:
        print(f"\n### Training ratio of all 25 cells, {layout}, batch {batch}, n={rounds} (goal: none below 1)\n")
        print("| first \\ second |" + "".join(f" {scale:.3f} |" for scale in SCALES))
        print("|---|" + "--:|" * len(SCALES))
        for first in SCALES:
            found = [ratios(interleaved(training, layout, (first, second), batch, rounds)) for second in SCALES]
            print(f"| {first:.3f} |" + "".join(f" {statistics.median(cell):.1f} |" for cell in found), flush=True)


def bench_memory() -> None:
    """Print what one batch adds to the peak memory of a fresh process, at scales (2, 2)."""
    print(f"\n### Peak memory above import, batch {BATCH}, scales (2, 2), n=1\n")
    print("| | layout | plain MiB | fast MiB | fast / plain |\n|---|---|--:|--:|--:|")
    for what, layout in itertools.product(("training", "inference"), LAYOUTS):
        command = [sys.executable, "-c", PEAK, str(ROOT)]
        plain, fast = (
            float(subprocess.run([*command, form, layout, what], capture_output=True, check=True, text=True).stdout)
            for form in FORMS
        )
        print(f"| {what} | {layout} | {plain:.0f} | {fast:.0f} | {fast / plain:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_known_args()[0].rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"## RFNN layers, torch {torch.__version__}, {torch.get_num_threads()} thread")
    bench_memory()  # first: on Linux a new process counts what its parent held as its own peak
    bench_cells("Training", training, GOALS, rounds)
    bench_cells("Inference", inference, dict.fromkeys(LAYOUTS, 4), rounds)
    bench_grid(max(1, rounds // 3))


if __name__ == "__main__":
    main()
