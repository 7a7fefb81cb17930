"""Measure the golden check and the comparison of tables beside what they are held against. Prints Markdown.

Rounds are interleaved and each ratio is the median of the rounds' ratios, in CPU seconds of one thread.
Usage: python bench/check.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from repro.golden import bless  # noqa: E402
from repro.golden.stored import path_of  # noqa: E402
from repro.runs import diff, table  # noqa: E402
from repro.runs.plan import identity  # noqa: E402
from repro.seeds import derive_seed  # noqa: E402
from repro.study import Study  # noqa: E402

START = """
import sys
class Absent:  # no part of the project but its tests wants pandas, and pyarrow imports it where it finds it
    def find_spec(self, name, path=None, target=None):
        if name == "pandas" and sys.argv[2] == "bare":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[1])
from repro.cli.main import main
sys.exit(main(["check", "bench", "--results", "fresh.parquet", "--no-confirm", "--quiet"]))
"""
DECLARED = '''"""A study of 500 cases that is never run."""
from dataclasses import dataclass
from repro.study import Metric, Profile, Study, grid

@dataclass(frozen=True)
class Scales:
    first: int
    second: float

study = Study("bench", smoke=Profile(None, cannot_answer="Nothing."))

CASES = grid(Scales, first=range(500), second=(0.5,))

@study.experiment(CASES, metrics=(Metric("accuracy", "%"), Metric("loss", "nats")))
def scales(case, run):
    """Stand for an experiment."""
    raise NotImplementedError(f"{case} {run}")
'''
EMPTY = "import numpy, pyarrow.parquet, pyarrow.compute"
TORCH = "import torch"


def results(cases: int, replicates: range, noise: int, code: str = "c" * 64) -> pa.Table:
    """Return a table of two metrics for each case and replicate, with curves of five epochs, made by some code."""
    random = np.random.default_rng(noise)
    lines = [(case, replicate, metric) for case in range(cases) for replicate in replicates for metric in (0, 1)]
    count = len(lines)
    values = random.normal(98.0, 0.1, count)
    columns = {
        "experiment": ["scales"] * count,
        "case": [case_of(case) for case, _, _ in lines],
        "replicate": [replicate for _, replicate, _ in lines],
        "seed": [derive_seed("bench", "scales", case_of(case), replicate) for case, replicate, _ in lines],
        "metric": [("accuracy", "loss")[metric] for _, _, metric in lines],
        "unit": [("%", "nats")[metric] for _, _, metric in lines],
        "value": values,
        "curve": list(np.repeat(values, 5).reshape(count, 5)),
        "finished": [datetime(2024, 1, 1, tzinfo=UTC)] * count,
        "n_test": [360] * count,
        "epochs": [5] * count,
        "wall_seconds": [1.0] * count,
        "attempts": [1] * count,
    }
    fixed = {"study": "bench", "profile": "smoke", "status": "ok", "detail": "", "device": "cpu", "settings": "null"}
    fixed |= {"data": "", "code": code, "environment": "here", "commit": "a" * 40}
    columns |= {name: [value] * count for name, value in fixed.items()}
    arrays = [pa.array(columns[field.name], field.type) for field in table.SCHEMA]
    return table.with_environments(pa.Table.from_arrays(arrays, schema=table.SCHEMA), {"here": {}})


def case_of(first: int) -> str:
    """Return a case of the study as its table has it."""
    return f'{{"first":{first},"second":0.5}}'


def cpu(action: Callable[[], object]) -> float:
    """Return the CPU seconds an action takes in this process."""
    start = time.process_time()
    action()
    return time.process_time() - start


def cpu_of_process(arguments: list[str], allowed: int = 0, folder: Path = ROOT) -> float:
    """Return the CPU seconds of a fresh interpreter, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", *arguments], check=False, cwd=folder, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != allowed:
        raise SystemExit(f"the measured process ended with {done.returncode}, wanted {allowed}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def interleaved(actions: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every action in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            seconds[name].append(action())
    return seconds


def report(title: str, seconds: dict[str, list[float]], first: str) -> None:
    """Print one line an action: median and range in milliseconds, and the median ratio to the first."""
    print(f"\n### {title}\n\n| | CPU ms, median [min, max] | n | times {first} |\n|---|---|--:|--:|")
    for name, found in seconds.items():
        low, middle, high = (1e3 * pick for pick in (min(found), statistics.median(found), max(found)))
        ratio = statistics.median(other / own for other, own in zip(found, seconds[first], strict=True))
        print(f"| {name} | {middle:.1f} [{low:.1f}, {high:.1f}] | {len(found)} | {ratio:.1f} |")


def bench_check(folder: Path, rounds: int) -> None:
    """Measure `repro check` of 1,000 rows against ten blessed seeds of each, start and log included."""
    make_project(folder)
    arguments = [START, str(ROOT)]
    actions = {
        "check": lambda: cpu_of_process([*arguments, "bare"], folder=folder),
        "check where pandas is installed": lambda: cpu_of_process([*arguments, "full"], folder=folder),
        "numpy and pyarrow alone": lambda: cpu_of_process([EMPTY]),
        "import torch alone": lambda: cpu_of_process([TORCH]),
    }
    report("Check of 1,000 rows (golden: 10,000), a fresh interpreter each", interleaved(actions, rounds), "check")


def make_project(folder: Path) -> None:
    """Write a project with a study of 500 cases, its blessed golden of ten seeds, and one more replicate."""
    declaration = folder / "studies" / "bench" / "__init__.py"
    declaration.parent.mkdir(parents=True)
    declaration.write_text(DECLARED, "utf-8")
    sys.path.insert(0, str(folder))
    study: Study = importlib.import_module("studies.bench").study
    code = identity(study, "smoke").code["scales"]
    ordered = results(500, range(10), 1, code).sort_by([(name, "ascending") for name in table.KEY]).combine_chunks()
    golden = bless.assemble(ordered, study, minimum_seeds=10, reason="bench", now=datetime.now(UTC))
    os.environ |= {"GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@example.invalid"}
    bless.write_logged(folder, path_of(folder, "bench", "smoke"), golden)
    table.write(folder / "fresh.parquet", results(500, range(10, 11), 2, code))


def bench_diff(folder: Path, rounds: int) -> None:
    """Measure reading and comparing two tables of 100,000 rows that are equal within the tolerance."""
    from pytest_regressions.dataframe_regression import DataFrameRegressionFixture

    one, other = folder / "one.parquet", folder / "other.parquet"
    rows = results(5000, range(10), 3)
    table.write(one, rows)
    moved = pa.array(rows["value"].to_numpy() + 1e-9)
    table.write(other, rows.set_column(rows.column_names.index("value"), table.SCHEMA.field("value"), moved))
    names = list(diff.READ)

    def ours() -> None:
        if diff.compare_files(one, other, absolute=1e-6).exit_code:
            raise SystemExit("diff found a difference that is none")

    def pandas() -> None:
        left, right = (pd.read_parquet(path, columns=names) for path in (one, other))
        pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=0.0, atol=1e-6)

    class Request:
        """What the fixture wants to know of pytest."""

        class config:
            """Neither option is set."""

            @staticmethod
            def getoption(name: str) -> bool:
                return name == "with_test_class_names" and False

        class node:
            """The test's name."""

            name = "bench"

    fixture = DataFrameRegressionFixture(folder / "data", folder / "original", Request)  # type: ignore[arg-type]
    (folder / "data").mkdir()
    (folder / "original").mkdir()
    tolerance = {"value": {"atol": 1e-6, "rtol": 0.0}}

    flat = [name for name in names if name != "curve"]  # the fixture takes no lists

    def regressions() -> None:
        frame = pd.read_parquet(other, columns=flat)
        fixture.check(frame, basename="table", tolerances=tolerance)

    pd.read_parquet(one, columns=flat).to_csv(folder / "data/table.csv", float_format="%.17g")
    fast = {"repro.diff": lambda: cpu(ours), "pandas assert_frame_equal": lambda: cpu(pandas)}
    report("Read and compare 100,000 rows", interleaved(fast, rounds), "repro.diff")
    slow = {"repro.diff": lambda: cpu(ours), "pytest-regressions": lambda: cpu(regressions)}
    report("The same beside pytest-regressions", interleaved(slow, max(3, rounds // 2)), "repro.diff")


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_known_args()[0].rounds
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as name:
        bench_check(Path(name), rounds)
        bench_diff(Path(name), rounds)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
