"""Measure what `repro run --engine dask` costs, and simulate from that 10 to 10,000 workers. Prints Markdown.

Clusters are of this machine: a scheduler and workers of one thread, each a process. A run's own seconds are those of
its row; the engine's overhead is the time from the first kept run to the last beside the seconds of the runs between,
which a machine that does other things slows alike. Two workers' speed is the seconds of runs made in a second, beside
one's: these runs wait for a clock, so that a machine of two cores, on which client and scheduler compute too, can show
it. What the simulation rests on is the CPU time of client and scheduler for a task of one run.
Usage: python bench/dask_costs.py [--rounds 3] [--study rbf] [--experiment NAME] [--short]
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.repro.support.loopback import Loopback  # noqa: E402

TINY = 10_000
STUDY = '''"""A study of runs that wait."""
import time
from dataclasses import dataclass
from repro.study import Profile, Study

@dataclass(frozen=True)
class Case:
    wait: float

study = Study("costs", smoke=Profile(None, cannot_answer="anything"))

@study.experiment((Case(0.0),), metrics=("x",))
def tiny(case, run):
    """Nothing."""
    return {"x": run.seed / 2**63}

@study.experiment((Case(0.2),), metrics=("x",))
def waiting(case, run):
    """A fifth of a second."""
    time.sleep(case.wait)
    return {"x": run.seed / 2**63}
'''
CHILD = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from repro import api
study, profile, experiment, results, asked = *sys.argv[2:6], json.loads(sys.argv[6])
started = time.monotonic()
kept = []  # when, and the seconds of the run
made = api.run(
    study, profile=profile, experiments=[experiment] if experiment else [], results=results,
    progress=lambda run, report: kept.append((time.monotonic(), report.wall_seconds)), **asked,
)
first = kept[0][0]
later = [one for one in kept if one[0] > first + 0.001]  # what was kept after the first task
print(json.dumps({
    "runs": len(kept), "later": len(later), "elapsed": kept[-1][0] - first, "inside": sum(one[1] for one in later),
    "start": first - started - kept[0][1], "cpu": time.process_time(), "code": made.exit_code,
}))
"""


def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def spread(values: Sequence[float], form: str) -> str:
    """Return 'median [least, most]'."""
    return f"{statistics.median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


def cpu_of(process: int) -> float:
    """Return the CPU seconds that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def made(folder: Path, study: str, experiment: str, **asked: object) -> dict[str, float]:
    """Make runs in a fresh store and return what they took."""
    with tempfile.NamedTemporaryFile(suffix=".parquet", dir=folder) as results:
        place = results.name
    line = [sys.executable, "-c", CHILD, str(ROOT), study, "smoke", experiment, place, json.dumps(asked)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    at = folder if study == "costs" else ROOT
    done = subprocess.run(line, cwd=at, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{study} {experiment} {asked}: {done.stderr[-600:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["code"]:
        raise SystemExit(f"{study} {experiment} {asked}: exit code {found['code']}, {done.stderr[-600:]}")
    return found


def overhead(folder: Path, study: str, experiment: str, rounds: int) -> None:
    """Compare one process with one worker over a smoke profile's runs, turn by turn."""
    what = f"{study}, {experiment}" if experiment else study
    print(f"### A replicate of the smoke profile of {what}, one process and one worker\n")
    row("engine", "start, s", "beside the runs' own seconds", "runs", "n", "goal")
    row("---", "---", "---", "--:", "--:", "--:")
    found: dict[str, list[dict[str, float]]] = {"processes": [], "dask": []}
    for _ in range(rounds):
        for engine, some in found.items():
            some.append(made(folder, study, experiment, engine=engine, jobs=1, replicates=1))
    for engine, some in found.items():
        shares = [100 * (one["elapsed"] / one["inside"] - 1) for one in some]
        starts = [one["start"] for one in some]
        goal = "5 %" if engine == "dask" else ""
        row(engine, spread(starts, ".1f"), f"{spread(shares, '.1f')} %", int(some[0]["runs"]), rounds, goal)


def two(folder: Path, rounds: int) -> None:
    """Compare two workers with one over runs that wait."""
    print("\n### Seconds of runs made in a second, runs of a fifth of a second that wait\n")
    row("one worker", "two workers", "times more", "n", "goal")
    row("---", "---", "---", "--:", "--:")
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for jobs, some in rates.items():
            one = made(folder, "costs", "waiting", engine="dask", jobs=jobs, replicates=60 * jobs)
            some.append(0.2 * one["later"] / one["elapsed"])
    more = [b / a for a, b in zip(rates[1], rates[2], strict=True)]
    row(spread(rates[1], ".2f"), spread(rates[2], ".2f"), spread(more, ".2f"), rounds, "1.8")


def tiny(folder: Path, rounds: int) -> tuple[float, float]:
    """Measure many runs of no time; return the CPU ms a run of client and scheduler."""
    print(f"\n### {TINY:,} runs of no time on two workers\n")
    row("ms a run, from the first kept to the last", "client, CPU ms a run", "scheduler, CPU ms a run", "n", "goal")
    row("---", "---", "---", "--:", "--:")
    times, clients, schedulers = [], [], []
    for _ in range(rounds):
        there = Loopback(folder)
        try:
            there.worker()
            there.worker()
            before = cpu_of(there.scheduler.pid)
            start = made(folder, "costs", "tiny", engine=there.engine, replicates=1)
            between = cpu_of(there.scheduler.pid)
            one = made(folder, "costs", "tiny", engine=there.engine, replicates=TINY)
            schedulers.append(1e3 * max(cpu_of(there.scheduler.pid) - between - (between - before), 0.0) / TINY)
        finally:
            there.end()
        times.append(1e3 * one["elapsed"] / one["later"])
        clients.append(1e3 * (one["cpu"] - start["cpu"]) / TINY)
    row(spread(times, ".2f"), spread(clients, ".2f"), spread(schedulers, ".3f"), rounds, "2 ms")
    return statistics.median(clients), statistics.median(schedulers)


def per_worker(folder: Path, many: int = 4) -> None:
    """Measure what a worker without a nanny takes of the scheduler's process."""
    print("\n### What a worker without a nanny takes of the scheduler\n")
    row("open files", "MiB", "workers")
    row("--:", "--:", "--:")
    there = Loopback(folder)
    try:
        found = []
        for count in (0, many):
            for _ in range(count):
                there.worker()
            while said(there)["n_workers"] < count:
                time.sleep(0.2)
            process = Path(f"/proc/{there.scheduler.pid}")
            pages = int((process / "statm").read_text().split()[1])
            found.append((len(list((process / "fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
    finally:
        there.end()
    row(*(f"{(after - before) / many:.1f}" for before, after in zip(*found, strict=True)), many)


def said(there: Loopback) -> dict[str, Any]:
    """Return what a scheduler says of itself."""
    import distributed

    with distributed.Client(there.address, set_as_default=False) as client:
        return dict(client.scheduler_info(n_workers=-1))


def one_a_task(folder: Path, rounds: int) -> tuple[float, float]:
    """Measure runs that are handed out one by one; return the CPU ms of client and scheduler for each task."""
    print("\n### A task of one run, as long runs are\n")
    row("client, CPU ms", "scheduler, CPU ms", "n")
    row("---", "---", "--:")
    clients, schedulers = [], []
    for _ in range(rounds):
        there = Loopback(folder)
        try:
            there.worker()
            there.worker()
            few, many = (20, 220)
            counts = []
            for replicates in (few, many):
                before = cpu_of(there.scheduler.pid)
                client = made(folder, "costs", "tiny", engine=there.engine, replicates=replicates, time_budget=3600)
                counts.append((client["cpu"], cpu_of(there.scheduler.pid) - before))
        finally:
            there.end()
        (c0, s0), (c1, s1) = counts
        clients.append(1e3 * (c1 - c0) / (many - few))
        schedulers.append(1e3 * (s1 - s0) / (many - few))
    row(spread(clients, ".2f"), spread(schedulers, ".2f"), rounds)
    return statistics.median(clients), statistics.median(schedulers)


def simulated(
    workers: int, run_s: float, client_s: float, scheduler_s: float, ahead: int
) -> tuple[float, float, float]:
    """Return the share of time that workers, the client and the scheduler are busy.

    Client and scheduler serve one task after the other, for so many seconds each. A worker holds `1 + ahead` tasks, and
    ten a worker are made.
    """
    left, free = 10 * workers, {"client": 0.0, "scheduler": 0.0}

    def served(name: str, at: float, seconds: float) -> float:
        free[name] = max(free[name], at) + seconds
        return free[name]

    until = [0.0] * workers  # when a worker is done with what it holds
    waiting: list[tuple[float, int]] = [(0.0, worker) for _ in range(1 + ahead) for worker in range(workers)]
    heapq.heapify(waiting)  # when the client is told that a worker may be given another task
    end = 0.0
    for _ in range(left):
        at, worker = heapq.heappop(waiting)
        sent = served("scheduler", served("client", at, client_s), scheduler_s)
        until[worker] = max(until[worker], sent) + run_s
        heapq.heappush(waiting, (until[worker], worker))
        end = max(end, until[worker])
    return left * run_s / (workers * end)


def scale(client_ms: float, scheduler_ms: float) -> None:
    """Print the simulation, and from which number of workers on they wait."""
    print(
        f"\n### Simulated: {client_ms:.2f} ms of the client and {scheduler_ms:.2f} ms of the scheduler for each task\n"
    )
    lengths = (0.2, 1.0, 10.0, 60.0, 600.0)
    row("workers", *(f"runs of {one:g} s: busy" for one in lengths))
    row("--:", *("--:" for _ in lengths))
    for workers in (10, 30, 100, 300, 1_000, 3_000, 10_000):
        cells = []
        for one in lengths:
            share = simulated(workers, one, client_ms / 1e3, scheduler_ms / 1e3, int(one < 1.0))
            cells.append(f"{100 * share:.0f} %")
        row(f"{workers:,}", *cells)
    most = [f"{int(one / client_ms * 1e3):,} of {one:g} s" for one in lengths]
    print(f"\nOne client keeps busy at most, in workers whose tasks take so long: {', '.join(most)}.")


def main() -> None:
    """Measure and simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--study", default="rbf", help="whose smoke profile is run")
    parser.add_argument("--experiment", default="", help="of it alone")
    parser.add_argument("--short", action="store_true", help="leave out the smoke profile")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "studies" / "costs").mkdir(parents=True)
        (folder / "studies" / "costs" / "__init__.py").write_text(STUDY)
        if not chosen.short:
            overhead(folder, chosen.study, chosen.experiment, chosen.rounds)
        two(folder, chosen.rounds)
        tiny(folder, chosen.rounds)
        per_worker(folder)
        scale(*one_a_task(folder, chosen.rounds))


if __name__ == "__main__":
    main()
