"""Kill a run's parent, a worker, or both with -9 at random moments, until each was killed often. Prints Markdown.

A round is a study of 240 runs on two processes. It is killed up to 40 times and begun again each time; after each kill
every run that was kept before is there, once and whole, and at the end the table is that of a run nobody killed. The
first difference ends this with code 1. Usage: python bench/kills.py [--each 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from repro.runs import pieces  # noqa: E402
from tests.repro.conftest import command, write_study  # noqa: E402
from tests.repro.support.kills import FOUND, SLOW, kill_until_done  # noqa: E402

MOST = 40
KINDS = ("parent", "worker", "both")


def main() -> None:
    """Kill round after round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=200, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    chosen = parser.parse_args()
    kills, rounds = Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        write_study(project, "montecarlo", SLOW)
        line = command("run", "montecarlo", "--replicates", "40", "-q", "--results", "whole.parquet")
        subprocess.run(line, cwd=project, check=True, stdout=subprocess.DEVNULL)
        whole = pieces.read(project / "whole.parquet").select(FOUND)
        while min(kills[kind] for kind in KINDS) < chosen.each:
            path = project / f"{rounds}.parquet"
            kills += kill_until_done(project, path, random.Random(chosen.seed + rounds), MOST)
            if not pieces.read(path).select(FOUND).equals(whole):
                raise SystemExit(f"round {rounds}: the table differs from that of a run nobody killed")
            rounds += 1
            print(f"[round {rounds}] {dict(kills)}", file=sys.stderr, flush=True)
    print("| killed | times |\n| --- | --: |")
    for kind in KINDS:
        print(f"| {kind} | {kills[kind]} |")
    print(f"\n{rounds} rounds of 240 runs: none lost, none twice, every table that of a run nobody killed.")


if __name__ == "__main__":
    main()
