"""Runs whose processes are killed with -9 at random moments, and what has to be true of their store afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from repro.runs import pieces
from tests.repro.conftest import toy_source
from tests.repro.support.forked import command

BRISK = toy_source().replace("    draw = random", "    import time; time.sleep(0.01)\n    draw = random")
# What a run is; its times and attempts are the killing's.
FOUND = ["experiment", "case", "replicate", "seed", "metric", "value", "status", "curve"]
SLOW = BRISK.replace("sleep(0.01)", "sleep(0.02)")


def workers_of(parent: int) -> list[int]:
    """Return the processes of a `repro run` that make runs; it has another one, which tracks what they share."""
    found = []
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in line:
            found.append(int(child))
    return found


def kill_until_done(project: Path, path: Path, chance: random.Random, most: int) -> Counter[str]:
    """Make 240 runs, killing parent, worker or both at random moments; every run that was there stays, once."""
    kills, before = Counter[str](), set[Any]()
    line = command("run", "montecarlo", "--replicates", "40", "--jobs", "2", "-q", "--results", path.name)
    ended = -1
    while ended != 0:
        process = subprocess.Popen(line, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and kills.total() < most:
            began, wait = pieces.state(path), chance.random() < 0.8  # most of them while runs are made
            while process.poll() is None and wait and pieces.state(path) == began:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.3 if wait else 1.0))
            workers = [*workers_of(process.pid), *[0] * 2][:2] if process.poll() is None else [0]
            whom = chance.choice(["parent", "worker", "both"])
            hit = [process.pid] * (whom != "worker") + [chance.choice(workers)] * (whom != "parent")
            if 0 not in hit and process.poll() is None:
                for one in hit:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                kills[whom] += 1
        ended = process.wait(120)
        if pieces.there(path):
            rows = pieces.read(path)
            runs = list(zip(*(rows[name].to_pylist() for name in ("case", "replicate")), strict=True))
            assert len(runs) == 2 * len(set(runs)), "half a run, or one twice"
            assert before <= set(runs), "a finished run was lost"
            before = set(runs)
    return kills
