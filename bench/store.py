"""Measure the store beside an earlier build of the project: appends, memory, status and plan. Prints Markdown.

The earlier build is checked out into a folder of its own; both make their own tables, of two metrics with 20-point
curves, and take turns. Seconds are CPU seconds, of the whole process where a verb is measured; an append's hold what
joining the table costs in between. What the earlier build takes for 10,000 runs is the sum over a line through appends
at seven sizes: they would take most of an hour. `--short` leaves out the million rows and the runs that are made.
Usage: python bench/store.py [--rounds 3] [--short]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from audit import BEFORE, earlier, spread

ROOT = Path(__file__).resolve().parent.parent
RUNS = 10_000  # appended in all
CASES = 500  # of the study
SIZES = (100, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000)  # rows at which the earlier build appends for that
MANY = 100_000  # rows
MILLION = 1_000_000
STUDY = '''"""A study whose runs take a millisecond of a core."""
import time
from dataclasses import dataclass
from repro.study import Metric, Outcome, Profile, Study, grid

@dataclass(frozen=True)
class Scales:
    first: int
    second: float

study = Study("bench", smoke=Profile(None, cannot_answer="Nothing."))
CASES = grid(Scales, first=range(500), second=(0.5,))

@study.experiment(CASES, metrics=(Metric("accuracy", "1"), Metric("loss", "nats")))
def scales(case, run):
    """Count for a millisecond."""
    end = time.thread_time() + 0.001
    while time.thread_time() < end:
        pass
    value = run.seed / 2**63
    return Outcome({"accuracy": value, "loss": -value}, curves={"loss": [value + i for i in range(20)]})
'''
CHILD = """
import json, resource, sqlite3, sys, time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import repro

what, path, count, appends = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
grouped = Path(repro.__file__).with_name("runs").is_dir()  # and not by trying: an installed build would be found
if grouped:
    from repro.runs import table
    from repro.runs.store import Store
else:  # the earlier build
    from repro import table
    from repro.store import Store
from repro.seeds import derive_seed

FIXED = {
    "study": "bench", "profile": "smoke", "experiment": "scales", "unit": "1", "status": "ok", "detail": "",
    "device": "cpu", "settings": "null", "data": "", "code": "c" * 64, "environment": "here", "commit": "a" * 40,
    "n_test": None, "epochs": 20, "finished": datetime(2024, 1, 1, tzinfo=UTC),
}

NAMES = table.SCHEMA.names


def case(number):
    return f'{{"first":{number % 500},"second":0.5}}'


def write(rows):
    numbers = np.arange(rows) // 2
    cases, replicates = [case(one) for one in numbers], numbers // 500
    columns = {name: [value] * rows for name, value in FIXED.items()}
    columns |= {
        "case": cases, "replicate": replicates, "metric": ["accuracy", "loss"] * (rows // 2),
        "seed": [derive_seed("bench", "scales", *one) for one in zip(cases, replicates.tolist())],
        "value": np.random.default_rng(1).normal(size=rows), "wall_seconds": np.full(rows, 0.001),
    }
    curves = np.random.default_rng(2).normal(size=20 * rows)
    columns["curve"] = pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * 20, pa.int32()), pa.array(curves))
    arrays = [one if isinstance(one := columns[f.name], pa.Array) else pa.array(one, f.type) for f in table.SCHEMA]
    made = pa.Table.from_arrays(arrays, schema=table.SCHEMA)
    table.write(path, table.with_environments(made, {"here": {}}))
    if grouped:  # as a run leaves it
        with Store.exclusive(path) as store:
            store.append(some(1), {"here": {}})


def some(appends):
    curve = [0.1 * i for i in range(20)]
    return [
        [
            {**FIXED, "case": case(one), "replicate": 10**6 + one // 500, "seed": one, "metric": metric,
             "value": one / 3, "curve": curve, "wall_seconds": 0.001}
            for metric in ("accuracy", "loss")
        ]
        for one in range(appends)
    ]


def append():
    runs = some(appends)
    whole = time.process_time()
    with Store.exclusive(path) as store:
        begun = time.process_time()
        for rows in runs:
            store.append([rows] if grouped else rows, {"here": {}})
        each = (time.process_time() - begun) / appends
    return each, time.process_time() - whole


def forms():
    def in_database(mode):
        database = sqlite3.connect(path.with_name(f"{mode}.db"), isolation_level=None)
        database.execute(f"pragma journal_mode={mode}")
        database.execute("pragma synchronous=full")
        names, marks = ", ".join(f'"{name}"' for name in NAMES), ", ".join("?" * len(NAMES))
        database.execute(f'create table runs ({names}, primary key (experiment, "case", replicate, metric))')
        for run in some(appends):
            values = [[json.dumps(one[n]) if n == "curve" else str(one[n]) for n in NAMES] for one in run]
            database.execute("begin")
            database.executemany(f"insert or replace into runs values ({marks})", values)
            database.execute("commit")

    def in_journal():
        from repro.runs.journal import Writer
        log = Writer(path.with_suffix(".journal") / "1.log")
        for run in some(appends):
            log.append([run], {"here": {}})

    found = {}
    for name, act in (
        ("journal", in_journal), ("SQLite, WAL", lambda: in_database("wal")),
        ("SQLite, rollback journal", lambda: in_database("delete")),
    ):
        begun = time.process_time(), time.perf_counter()
        act()
        found[name] = [(time.process_time() - begun[0]) / appends, (time.perf_counter() - begun[1]) / appends]
    return found


said = {"write": lambda: write(count), "append": append, "forms": forms}[what]()
print(json.dumps([said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


class Build:
    """One build of the project, and a project of its own to measure it in."""

    def __init__(self, code: Path, folder: Path) -> None:
        self.folder = folder
        (folder / "studies/bench").mkdir(parents=True)
        (folder / "studies/bench/__init__.py").write_text(STUDY, "utf-8")
        self.variables = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}

    def child(self, what: str, name: str, count: int, appends: int = 0) -> Any:
        """Return what the child says of a table, and the peak of its memory in MiB."""
        line = [sys.executable, "-c", CHILD, what, str(self.folder / name), str(count), str(appends)]
        done = subprocess.run(line, check=True, cwd=self.folder, env=self.variables, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    def append(self, rows: int, appends: int) -> tuple[float, float]:
        """Return the CPU seconds of one append to a table of so many rows, and of all of them, opening included."""
        name = f"a{rows}.parquet"
        for old in self.folder.glob(f"a{rows}.*"):
            old.unlink()
        if rows:
            self.child("write", name, rows)
        found: tuple[float, float] = tuple(self.child("append", name, rows, appends)[0])
        return found

    def verb(self, *arguments: str) -> tuple[float, float]:
        """Return the CPU seconds of a verb, its start included, and the peak of its memory in MiB."""
        line = [sys.executable, "-m", "repro", *arguments]
        started = subprocess.Popen(line, cwd=self.folder, env=self.variables, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise SystemExit(f"bench: {' '.join(arguments)} ended with {started.returncode}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def row(*cells: object) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def ratio(before: Sequence[float], now: Sequence[float]) -> str:
    """Return how many times less it is now, round by round."""
    return spread([one / other for one, other in zip(before, now, strict=True)], 0)


def bench_appends(before: Build, now: Build, rounds: int) -> None:
    """Measure one append by what is there, and 10,000 of them."""
    print(f"### One append by the rows that are there, CPU ms, n={rounds}\n")
    row("rows", f"at {BEFORE}", "now", "times less", "goal", "to open and to close, now")
    row("--:", "---", "---", "---", "--:", "---")
    for rows, appends, goal in ((100, 50, ""), (10_000, 10, ""), (MANY, 4, 100)):
        old, new, ends = [], [], []
        for _ in range(rounds):
            old.append(1e3 * before.append(rows, appends)[0])
            each, whole = now.append(rows, 2_000)
            new.append(1e3 * each)
            ends.append(1e3 * (whole - 2_000 * each))
        row(f"{rows:,}", spread(old, 1), spread(new, 2), ratio(old, new), goal, spread(ends, 0))
    print(f"\n### {RUNS:,} runs appended to an empty store, opening and closing included, CPU s, n={rounds}\n")
    row(f"at {BEFORE}, by a line through {len(SIZES)} sizes", "now", "times less", "goal")
    row("---", "---", "---", "--:")
    old, new = [], []
    for _ in range(rounds):
        each = [before.append(rows, 5)[0] for rows in SIZES]
        places = zip(pairwise(SIZES), pairwise(each), strict=True)
        old.append(sum((high - low) / 2 * (one + other) / 2 for (low, high), (one, other) in places))
        new.append(now.append(0, RUNS)[1])
    row(spread(old, 0), spread(new, 1), ratio(old, new), 40)


def bench_forms(now: Build, rounds: int) -> None:
    """Measure what else an append could be written to."""
    print(f"\n### One append, on the disk before the next, n={rounds}\n")
    row("", "CPU ms", "ms")
    row("---", "---", "---")
    found: dict[str, list[list[float]]] = {}
    for number in range(rounds):
        (now.folder / f"f{number}").mkdir()
        for name, both in now.child("forms", f"f{number}/smoke.parquet", 0, 1_000)[0].items():
            found.setdefault(name, []).append(both)
    for name, each in found.items():
        row(name, *(spread([1e3 * one[which] for one in each], 2) for which in (0, 1)))


def bench_verbs(before: Build, now: Build, rounds: int) -> None:
    """Measure what reads a store of a million rows."""
    for build in (before, now):
        build.child("write", "results/bench/smoke.parquet", MILLION)
    print(f"\n### Verbs where {MILLION:,} rows are, a fresh interpreter each, n={rounds}\n")
    row("", f"at {BEFORE}, CPU s", "MiB", "now, CPU s", "MiB", "goal")
    row("---", "---", "--:", "---", "--:", "---")
    for verb in ("status", "plan"):
        old, new = [], []
        for _ in range(rounds):
            old.append(before.verb(verb, "bench"))
            new.append(now.verb(verb, "bench"))
        cells = [cell for found in (old, new) for cell in (
            spread([seconds for seconds, _ in found], 2), f"{statistics.median(size for _, size in found):.0f}",
        )]  # fmt: skip
        row(f"`repro {verb}`", *cells, "1 s, 300 MB")
    for build in (before, now):
        (build.folder / "results/bench/smoke.parquet").unlink()


def bench_memory(now: Build) -> None:
    """Measure the process that keeps runs, by how many it makes."""
    print("\n### The process that keeps the runs that two others make, to the end of `repro run`\n")
    row("rows", "runs", "CPU ms a run", "peak MiB", "to the first", "goal")
    row("--:", "--:", "--:", "--:", "--:", "--:")
    first = 0.0
    for runs in (500, 5_000, 50_000):
        name = f"m{runs}.parquet"
        peak, seconds = watched(now, runs, name, peak_of)
        first = first or peak
        row(f"{2 * runs:,}", f"{runs:,}", f"{1e3 * seconds / runs:.2f}", f"{peak:.0f}", f"{peak / first:.2f}", 1.2)


def watched(now: Build, runs: int, name: str, look: Callable[[int, float], float]) -> tuple[float, float]:
    """Make runs in two processes; return the last that `look` said of the parent's id, and the parent's CPU seconds."""
    line = [sys.executable, "-m", "repro", "run", "bench", "--jobs", "2", "-q", "--results", name]
    line += ["--replicates", str(runs // CASES)]
    process = subprocess.Popen(line, cwd=now.folder, env=now.variables, stdout=subprocess.DEVNULL)
    said, seconds = 0.0, 0.0
    while process.poll() is None:
        said = look(process.pid, said)
        seconds = max(seconds, cpu_of(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"bench: run ended with {process.returncode}")
    return said, seconds


def text_of(name: str) -> str:
    """Return a file of a process, empty where it has ended."""
    try:
        return Path(name).read_text("utf-8")
    except OSError:
        return ""


def peak_of(process: int, before: float) -> float:
    """Return the peak of a process's memory in MiB."""
    found = [line.split()[1] for line in text_of(f"/proc/{process}/status").splitlines() if line.startswith("VmHWM")]
    return max([before, *(int(size) / 1024 for size in found)])


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process's threads so far."""
    fields = text_of(f"/proc/{process}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


class Idle:
    """Tell how long the processes that make runs waited for orders: neither computing nor waiting for a core."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[float, float]] = {}
        self.last: dict[str, tuple[float, float]] = {}

    def __call__(self, parent: int, _before: float) -> float:
        """Look at the workers of a process."""
        for child in text_of(f"/proc/{parent}/task/{parent}/children").split():
            if "spawn_main" not in text_of(f"/proc/{child}/cmdline"):
                continue
            fields = text_of(f"/proc/{child}/schedstat").split()  # of its main thread: computing, waiting for a core
            if fields and int(fields[0]) > 1e9:  # it has imported what it needs, and makes runs
                now = time.monotonic(), (int(fields[0]) + int(fields[1])) / 1e9
                self.first.setdefault(child, now)
                self.last[child] = now
        return 0.0

    @property
    def shares(self) -> list[float]:
        """Return the share of the time in which each worker was busy."""
        both = [(self.first[child], self.last[child]) for child in self.first]
        return [(used - used0) / (at - at0) for (at0, used0), (at, used) in both if at > at0]


def bench_busy(now: Build, rounds: int) -> None:
    """Measure how busy two processes are that make 10,000 runs of a millisecond."""
    print(f"\n### {RUNS:,} runs of a millisecond on two processes\n")
    row("round", "busy: computing, or ready to and without a core", "goal")
    row("--:", "---", "--:")
    for number in range(rounds):
        look = Idle()
        watched(now, RUNS, f"b{number}.parquet", look)
        row(number + 1, ", ".join(f"{100 * share:.1f} %" for share in sorted(look.shares)), "90 %")


def main() -> None:
    """Measure both builds side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true")
    chosen = parser.parse_known_args()[0]
    with tempfile.TemporaryDirectory() as name:
        before = Build(earlier(Path(name, "code")), Path(name, "before"))
        now = Build(ROOT, Path(name, "now"))
        bench_appends(before, now, chosen.rounds)
        bench_forms(now, chosen.rounds)
        if not chosen.short:
            bench_verbs(before, now, chosen.rounds)
            bench_memory(now)
            bench_busy(now, chosen.rounds)


if __name__ == "__main__":
    main()
