"""Measure `repro judge --cells` on a table of 1,000 cells of ten seeds, start included. Prints Markdown.

The cells are written in the styles that tables have, in turn. Times are CPU seconds of the whole process.
Usage: python bench/cells.py [--rounds 5] [--cells 1000] [--seeds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STYLES = (
    "{m} ± {s}", "\\textbf{{{m}}} $\\pm$ {s}", "{m}({s})", "**{m}** (±{s})", "{m}$_{{\\pm {s}}}$", "{m}_{{{s}}}",
    "{m}† ± {s}%",
)  # fmt: skip
HEAVY = ("torch", "scipy.stats", "pandas", "numpy")
GOAL = 1.5  # CPU seconds


def write(folder: Path, cells: int, seeds: int) -> None:
    """Write a table and its seeds."""
    chance = random.Random(17)
    with (folder / "cells.csv").open("w", encoding="utf-8") as table, (folder / "seeds.csv").open("w") as runs:
        table.write("id,printed\n")
        runs.write("id,seed,value\n")
        for cell in range(cells):
            values = [round(chance.gauss(80, 2), 4) for _ in range(seeds)]
            text = STYLES[cell % len(STYLES)].format(
                m=f"{statistics.fmean(values):.2f}", s=f"{statistics.stdev(values):.2f}"
            )
            table.write(f'cell-{cell},"{text}"\n')
            runs.writelines(f"cell-{cell},{seed},{value}\n" for seed, value in enumerate(values))


def measured(folder: Path) -> tuple[float, float]:
    """Return the CPU seconds of the verb and the peak of its memory in MiB. Every cell has to be reproduced."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "repro", "judge", "--cells", "cells.csv", "--seeds", "seeds.csv", "--json"]
    with (folder / "said.json").open("wb") as said:
        started = subprocess.Popen(line, cwd=folder, env=variables, stdout=said)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    verdicts = {one["verdict"] for one in json.loads((folder / "said.json").read_text(encoding="utf-8"))["cells"]}
    if started.returncode or verdicts != {"reproduced"}:
        raise SystemExit(f"bench: ended with {started.returncode}, verdicts {verdicts}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def imported() -> list[str]:
    """Return which heavy packages the judge of tables imports."""
    code = f"import sys, repro.audit.own_seeds; print(*[one for one in {HEAVY!r} if one in sys.modules])"
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, check=True, capture_output=True, text=True
    ).stdout.split()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, options.cells, options.seeds)
        rounds = [measured(folder) for _ in range(options.rounds)]
    seconds = sorted(one for one, _ in rounds)
    print(f"### A table of {options.cells:,} cells, {options.seeds} seeds each\n")
    print("| | CPU s, median [min, max] | goal | MiB | heavy imports | n |\n|---|---|--:|--:|---|--:|")
    print(
        f"| `repro judge --cells` | {statistics.median(seconds):.2f} [{seconds[0]:.2f}, {seconds[-1]:.2f}] | {GOAL} | "
        f"{max(size for _, size in rounds):.0f} | {', '.join(imported()) or 'none'} | {options.rounds} |"
    )


if __name__ == "__main__":
    main()
