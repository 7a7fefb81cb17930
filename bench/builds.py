"""Measure training steps of rfnn and rbf beside those of another build of the project. Prints Markdown.

Both builds are imported into one process, rounds are interleaved, and each ratio is the median of the rounds' ratios in
CPU seconds of one thread. Images are random. The step of rfnn is 500 images of 28x28 pixels, or 200 enlarged to 56x56;
that of rbf 20 updates of 32.
Usage: python bench/builds.py --base TREE [--rounds 7] [--only rbf], TREE being a checkout of the other build.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

Step = Callable[[], object]
MODULES = {  # with the names that they had before
    "rfnn network": ("studies.rfnn.model.network", "studies.rfnn.network"),
    "rfnn training": ("studies.rfnn.training",),
    "rbf cases": ("studies.rbf.cases",),
    "rbf network": ("studies.rbf.model.network", "studies.rbf.network"),
    "rbf training": ("studies.rbf.training.fitting", "studies.rbf.train"),
}


def modules_of(tree: Path) -> dict[str, ModuleType]:
    """Import the studies of a checkout, beside those of any other."""
    sys.path.insert(0, str(tree))
    try:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("repro", "studies")]:
            del sys.modules[name]
        return {what: importlib.import_module(next(filter(there, names))) for what, names in MODULES.items()}
    finally:
        sys.path.remove(str(tree))


def there(name: str) -> bool:
    """Say whether there is a module of that name."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it would lie in
        return False


def rfnn(modules: Mapping[str, ModuleType], network: str, *arguments: float, **switches: str) -> Step:
    """Return one update of a network of two scales, or of the control network of two kernel sizes."""
    models, training = modules["rfnn network"], modules["rfnn training"]
    read = models.Switches(**switches)
    made = getattr(models, network)(*arguments, read)
    models.initialise(made, 0, "ones")
    sgd = training.Optimiser(made, read).epoch(1e-6)
    batch, side = (500, 28) if read.upsample == "none" else (200, 56)
    draw = torch.Generator().manual_seed(0)
    x, labels = torch.rand(batch, 1, side, side, generator=draw), torch.randint(0, 10, (batch,), generator=draw)
    keep = torch.rand(batch, models.WIDTH_HIDDEN, generator=draw) < 0.5
    return lambda: training.update(made, sgd, x, labels, keep, training.MICRO_BATCH)


def rbf(modules: Mapping[str, ModuleType], optimiser: str, rate: float) -> Step:
    """Return twenty updates of the network of the full protocol."""
    models, cases = modules["rbf network"], modules["rbf cases"]
    made = models.DeepRBF(28).train()
    models.initialise(made, 0)
    optimise = modules["rbf training"].optimiser_of(made, cases.Recipe(optimiser, rate))
    draw = torch.Generator().manual_seed(0)
    x, labels = torch.rand(20, 32, 1, 28, 28, generator=draw), torch.randint(0, 10, (20, 32), generator=draw)

    def step() -> None:
        for images, wanted in zip(x, labels, strict=True):
            optimise.zero_grad()
            F.cross_entropy(made(images), wanted).backward()  # type: ignore[no-untyped-call]
            optimise.step()

    return step


STEPS: dict[str, Callable[[Mapping[str, ModuleType]], Step]] = {
    "rfnn as listed, scales (0.5, 0.5)": lambda of: rfnn(of, "RFNN", 0.5, 0.5),
    "rfnn as listed, scales (1, 1)": lambda of: rfnn(of, "RFNN", 1.0, 1.0),
    "rfnn as listed, scales (2, 2)": lambda of: rfnn(of, "RFNN", 2.0, 2.0),
    "rfnn as described, scales (0.5, 0.5)": lambda of: rfnn(of, "RFNN", 0.5, 0.5, layout="as_described"),
    "rfnn as described, scales (1, 1)": lambda of: rfnn(of, "RFNN", 1.0, 1.0, layout="as_described"),
    "rfnn as described, scales (2, 2)": lambda of: rfnn(of, "RFNN", 2.0, 2.0, layout="as_described"),
    "rfnn enlarged, as listed, (1, 1)": lambda of: rfnn(of, "RFNN", 1.0, 1.0, upsample="bilinear"),
    "rfnn enlarged, as described, (1, 1)": lambda of: rfnn(
        of, "RFNN", 1.0, 1.0, layout="as_described", upsample="bilinear"
    ),
    "rfnn control CNN, kernels 3, 3": lambda of: rfnn(of, "ControlCNN", 3, 3),
    "rfnn control CNN, kernels 9, 9": lambda of: rfnn(of, "ControlCNN", 9, 9),
    "rbf, gradient descent": lambda of: rbf(of, "sgd", 1e-4),
    "rbf, momentum": lambda of: rbf(of, "momentum", 1e-4),
    "rbf, Adam": lambda of: rbf(of, "adam", 1e-5),
}


def cpu(step: Step) -> float:
    """Return the CPU seconds of a step."""
    start = time.process_time()
    step()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="a checkout of the build to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="what the names of the steps have to hold")
    given = parser.parse_known_args()[0]
    if given.base is None:
        print("bench/builds.py: nothing to compare with; name a checkout of another build by --base TREE")
        return
    torch.set_num_threads(1)
    builds = modules_of(given.base), modules_of(ROOT)
    print(f"## Training steps beside another build, torch {torch.__version__}, 1 thread\n")
    print("| step | base ms | here ms | base / here, median [min, max] | n |\n|---|--:|--:|---|--:|")
    for name, make in STEPS.items():
        if given.only not in name:
            continue
        steps = [make(modules) for modules in builds]
        found = [[cpu(step) for step in steps] for _ in range(given.rounds + 1)][1:]
        ratios = [base / here for base, here in found]
        base, here = (1000 * statistics.median(column) for column in zip(*found, strict=True))
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"| {name} | {base:.0f} | {here:.0f} | {spread} | {given.rounds} |", flush=True)


if __name__ == "__main__":
    main()
