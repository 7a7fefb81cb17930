"""Measure the fast form of the scale-convolutions beside the plain one, in whole networks. Prints Markdown.

The plain form is the published algorithm. Rounds are interleaved and each ratio is the median of the rounds' ratios, in
CPU seconds of one thread. Images are random numbers; networks for 56 pixels get batches of 32, the others of 128.
The last table says how much of a training step the products of matrices need at the highest rate that torch has here,
by MKL's `mm` or as a 1x1 convolution of oneDNN: what any other arrangement of the same products could save.
Usage: python bench/sesn_layers.py [--rounds 7] [NETWORK ...]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from studies.common.randomness import stream  # noqa: E402
from studies.sesn.model.layers import GroupConv2d, LiftConv2d  # noqa: E402
from studies.sesn.model.mnist import ARCHITECTURES, CLASSES, MnistNetwork, build, initialise  # noqa: E402

FORMS = ("plain", "fast")
GOALS = {"scalar_28": 3.5, "vector_28": 6.0, "scalar_56": 6.0, "vector_56": 10.0}
STEERABLE = [name for name, architecture in ARCHITECTURES.items() if architecture.kind != "cnn"]


def batch_of(name: str) -> int:
    """Return the images of one update."""
    return 32 if ARCHITECTURES[name].image == 56 else 128


def built(name: str, form: str) -> MnistNetwork:
    """Return a network with its convolutions in the given form."""
    network = build(name)
    initialise(network, 0)
    network.dropout.generator = stream(0, "dropout")
    for layer in network.modules():
        if isinstance(layer, LiftConv2d | GroupConv2d):
            layer.fast = form == "fast"
    return network


def training(name: str, form: str) -> Callable[[], object]:
    """Return one update of a network by Adam."""
    network, batch = built(name, form), batch_of(name)
    adam = torch.optim.Adam(network.parameters(), lr=1e-6)
    x, labels = torch.rand(batch, 1, 28, 28), torch.randint(0, CLASSES, (batch,))

    def update() -> None:
        adam.zero_grad()
        F.cross_entropy(network(x), labels).backward()
        adam.step()

    return update


def inference(name: str, form: str) -> Callable[[], object]:
    """Return one evaluation of a network."""
    network, x = built(name, form).eval(), torch.rand(batch_of(name), 1, 28, 28)

    @torch.no_grad()
    def evaluate() -> object:
        return network(x)

    return evaluate


def cpu(action: Callable[[], object]) -> float:
    """Return the CPU seconds of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def interleaved(make: Callable[[str, str], Callable[[], object]], name: str, rounds: int) -> dict[str, list[float]]:
    """Return images a second of both forms, round by round, after one round that does not count."""
    actions = {form: make(name, form) for form in FORMS}
    found = [{form: batch_of(name) / cpu(action) for form, action in actions.items()} for _ in range(rounds + 1)][1:]
    return {form: [line[form] for line in found] for form in FORMS}


def bench(title: str, make: Callable[[str, str], Callable[[], object]], names: list[str], rounds: int) -> None:
    """Print one line for each network."""
    print(f"\n### {title}\n")
    print("| network | batch | plain img/s | fast img/s | ratio, median [min, max] | n | goal |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for name in names:
        rates = interleaved(make, name, rounds)
        ratios = [fast / plain for plain, fast in zip(rates["plain"], rates["fast"], strict=True)]
        plain, fast = (statistics.median(rates[form]) for form in FORMS)
        spread = f"{statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
        goal = GOALS.get(name, "") if make is training else ""
        print(f"| {name} | {batch_of(name)} | {plain:.1f} | {fast:.0f} | {spread} | {rounds} | {goal} |", flush=True)


def operations(update: Callable[[], object]) -> int:
    """Return the floating-point operations of the products of one update, those in place included."""

    def product(_sum: torch.Size, first: torch.Size, second: torch.Size, **_named: object) -> int:
        return 2 * first.numel() * second[-1]

    in_place = dict.fromkeys((torch.ops.aten.addmm_, torch.ops.aten.baddbmm_), product)
    with FlopCounterMode(display=False, custom_mapping=in_place) as counted:
        update()
    return counted.get_total_flops()


def rates(rounds: int, rows: int = 19_600, inner: int = 960, out: int = 128) -> dict[str, float]:
    """Return operations a second of one large product, by two libraries, medians."""
    x, weight = torch.rand(rows, inner), torch.rand(inner, out)
    image, kernel = x.view(1, rows, 1, inner).permute(0, 3, 1, 2), weight.T.reshape(out, inner, 1, 1)
    actions = {"mm": lambda: x @ weight, "1x1 convolution": lambda: F.conv2d(image, kernel)}
    found = [{name: cpu(action) for name, action in actions.items()} for _ in range(rounds + 1)][1:]
    return {name: 2 * rows * inner * out / statistics.median(line[name] for line in found) for name in actions}


def bench_floor(names: list[str], rounds: int) -> None:
    """Print what the products of a training step in the fast form cost at the higher of the two rates."""
    by = rates(rounds)
    rate = max(by.values())
    measured = ", ".join(f"{name} {one / 1e9:.0f}" for name, one in by.items())
    print(f"\n### Products of a training step, fast form, at {rate / 1e9:.0f} GFLOP/s ({measured}), n={rounds}\n")
    print("| network | batch | GFLOP | at that rate, CPU s | the step, CPU s | share |\n|---|--:|--:|--:|--:|--:|")
    for name in names:
        update = training(name, "fast")
        work = operations(update)
        step = statistics.median(cpu(update) for _ in range(rounds))
        print(f"| {name} | {batch_of(name)} | {work / 1e9:.1f} | {work / rate:.3f} | {step:.3f} |", end="")
        print(f" {100 * work / rate / step:.0f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "networks", nargs="*", default=list(GOALS), metavar="NETWORK", help=f"of {', '.join(STEERABLE)}"
    )
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"## SESN layers, torch {torch.__version__}, {torch.get_num_threads()} thread")
    bench("Training", training, chosen.networks, chosen.rounds)
    bench("Inference", inference, chosen.networks, chosen.rounds)
    bench_floor(chosen.networks, chosen.rounds)


if __name__ == "__main__":
    main()
