"""Measure `repro judge` of a table of 1,000 rows and of 1,000,000, beside what it has to import. Prints Markdown.

Each is a fresh interpreter, its start included, in CPU seconds of one thread; rounds are interleaved.
Usage: python bench/judge.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ["--published", "93.1 ± 0.3", "--runs", "5", "--spread", "sd", "--metric", "accuracy"]
GOALS = {"1,000 rows": ("0.35", ""), "1,000,000 rows": ("2", "500 MB")}


def table(path: Path, seeds: int, epochs: int) -> Path:
    """Write the results of two methods on two data sets: a row a run, or one for each epoch of it."""
    draw = random.Random(13)
    with path.open("w") as stream:
        stream.write(f"method,dataset,seed,{'epoch,' if epochs else ''}accuracy,loss\n")
        for method in ("ours", "base"):
            for dataset in ("first", "second"):
                for seed in range(seeds):
                    for epoch in range(epochs or 1):
                        counted = f"{epoch}," if epochs else ""
                        found = f"{draw.gauss(93, 0.3)!r},{draw.random()!r}"
                        stream.write(f"{method},{dataset},{seed},{counted}{found}\n")
    return path


def measured(*arguments: str) -> tuple[float, float]:
    """Return the CPU seconds of a fresh interpreter and the peak of its memory in MiB."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen([sys.executable, *arguments], env=variables, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode not in (0, 1, 4):
        raise SystemExit(f"bench: {' '.join(arguments)} ended with {started.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_known_args()[0].rounds
    with tempfile.TemporaryDirectory() as name:
        small, large = table(Path(name, "small.csv"), 250, 0), table(Path(name, "large.csv"), 10, 25_000)
        judge = ["-m", "repro", "judge", "-q"]
        kind = ["--where", "method=ours", "--where", "dataset=first"]
        curves = ["--across", "method", "--across", "dataset", "--epoch", "last"]
        commands = {
            "an interpreter alone": ["-c", "pass"],
            "import numpy": ["-c", "import numpy"],
            "import scipy.special": ["-c", "import scipy.special"],
            "1,000 rows, one kind of 250 runs": [*judge, str(small), *PUBLISHED, *kind],
            "1,000,000 rows, one kind of 10 curves": [*judge, str(large), *PUBLISHED, *kind, "--epoch", "last"],
            "1,000,000 rows, all of 40 curves": [*judge, str(large), *PUBLISHED, *curves],
        }
        found: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        for _ in range(rounds):
            for what, line in commands.items():
                found[what].append(measured(*line))
    print("### `repro judge` of a CSV file, a fresh interpreter each\n")
    print("| | CPU s, median [min, max] | n | goal | peak MiB | goal |\n|---|---|--:|--:|--:|--:|")
    for what, values in found.items():
        seconds, sizes = zip(*values, strict=True)
        goal, room = GOALS.get(what.partition(", ")[0], ("", ""))
        spread = f"{statistics.median(seconds):.2f} [{min(seconds):.2f}, {max(seconds):.2f}]"
        print(f"| {what} | {spread} | {rounds} | {goal} | {statistics.median(sizes):.0f} | {room} |")
    print(flush=True)


if __name__ == "__main__":
    main()
