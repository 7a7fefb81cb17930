"""Measure `repro audit`, and by --report `repro report`, beside an earlier build of the project. Prints Markdown.

The earlier build is checked out into a folder of its own; the files as they are here are copied into another, where the
first run finds nothing kept. Rounds are interleaved; a ratio is the median of the rounds' ratios, in CPU seconds.
Usage: python bench/audit.py [--rounds 3] [--report]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "2d8d4cb"  # the commit that is beaten
KEPT = Path("results", "kept")


def earlier(folder: Path) -> Path:
    """Check out the earlier build."""
    for arguments in (
        ["clone", "-q", "--shared", "--no-checkout", ROOT, folder],
        ["-C", folder, "checkout", "-q", BEFORE],
    ):
        if subprocess.run(["git", *map(str, arguments)], check=False).returncode:
            raise SystemExit(f"bench: no commit {BEFORE} here; fetch the whole history")
    return folder


def copied(folder: Path) -> Path:
    """Copy the project's files as they are now, without what runs left behind."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def measured(folder: Path, verb: str) -> tuple[float, float]:
    """Return the CPU seconds of a verb in a project, its start included, and the peak of its memory in MiB."""
    variables = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "repro", verb, "-q"]
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen(line, cwd=folder, env=variables, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode not in (0, 1):  # 1: verdicts are not the blessed ones
            said.seek(0)
            raise SystemExit(f"{' '.join(line)} ended with {started.returncode}: {said.read()[-400:].decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def spread(values: list[float], digits: int) -> str:
    """Return the median with the smallest and the largest."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def compare(verb: str, before: Path, now: Path, rounds: int) -> None:
    """Measure a verb in both builds and print its table."""
    found: dict[str, list[tuple[float, float]]] = {f"at {BEFORE}": [], "first run": [], "again, nothing changed": []}
    for _ in range(rounds):
        shutil.rmtree(now / KEPT, ignore_errors=True)
        for name, folder in zip(found, (before, now, now), strict=True):
            found[name].append(measured(folder, verb))
    print(f"### `repro {verb}`, all studies, a fresh interpreter each\n")
    print("| | CPU s, median [min, max] | n | times less | peak MiB |\n|---|---|--:|---|--:|")
    reference = [seconds for seconds, _ in found[f"at {BEFORE}"]]
    for name, values in found.items():
        times = [one / seconds for one, (seconds, _) in zip(reference, values, strict=True)]
        less = spread(times, 1) if name != f"at {BEFORE}" else "1"
        peak = statistics.median(size for _, size in values)
        print(f"| {name} | {spread([seconds for seconds, _ in values], 2)} | {rounds} | {less} | {peak:.0f} |")
    print(flush=True)


def main() -> None:
    """Measure the audit, and the report where that is asked for: its figures train networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", action="store_true")
    chosen = parser.parse_known_args()[0]
    with tempfile.TemporaryDirectory() as name:
        before, now = earlier(Path(name, "before")), copied(Path(name, "now"))
        for folder in (before, now):
            measured(folder, "audit")  # compiles what is imported
        for verb in ("audit", "report") if chosen.report else ("audit",):
            compare(verb, before, now, chosen.rounds)


if __name__ == "__main__":
    main()
