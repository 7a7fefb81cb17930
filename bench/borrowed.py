"""Use a GPU that is lent for minutes: make the runs that undecided claims wait for, and bring back what came of them.

A folder gets a table for each study and profile, to be joined (`repro merge`) and blessed where the golden is, and an
archive of the states of runs that were cut off, which `--unfinished` hands to the next lease of such a machine. Small
runs leave a large GPU idle, so several share it: `--jobs`.
Usage: python -m bench.borrowed FOLDER --seconds 540 [--studies rfnn sesn] [--jobs 8] [--unfinished FOLDER]
Exit code: 0, 1 or more where a study's runs ended so; that the seconds were over is no failure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from repro import registry
from repro.errors import INFRASTRUCTURE, PASS, ReproError, UsageError
from repro.runs import pieces, store, table
from repro.runs.store import Store

FIRST = ("rfnn", "sesn")  # most of their claims wait for a GPU
LEAST_S = 30.0  # in which a study's runs are worth beginning: its audit and its processes take some of them
STATES = "unfinished.tar"  # of an archive of states, behind the study's name and the profile's


def ordered(names: Sequence[str]) -> list[str]:
    """Return the studies in the order in which their runs are made. Raise UsageError for one that is none."""
    known = registry.names()
    for name in names:
        if name not in known:
            raise UsageError(f"--studies {name}: no study of this name; `repro list` names them")
    return list(names) or sorted(known, key=lambda name: (name not in FIRST, name))


def faithful(study: str) -> list[str]:
    """Return the profiles of a study that follow its document, whose runs its claims wait for."""
    return [name for name, profile in registry.load(study).profiles.items() if profile.faithful]


def taken_along(folder: Path, study: str) -> None:
    """Put the states of unfinished runs that an earlier lease left where the runs look for them."""
    for profile in faithful(study):
        archive = folder / f"{study}-{profile}.{STATES}"
        if archive.is_file():
            with tarfile.open(archive) as states:
                states.extractall(Store(store.results_path(study, profile)).unfinished, filter="data")


def brought_back(folder: Path, study: str) -> list[str]:
    """Write the tables of a study and the states of its unfinished runs into a folder, and return what was written."""
    written = []
    for profile in faithful(study):
        path = store.results_path(study, profile)
        if pieces.there(path):
            rows = pieces.read(path)
            out = folder / f"{study}-{profile}.parquet"
            table.write(out, rows)
            written.append(f"{out}: {rows.num_rows} rows")
        states = sorted(Store(path).unfinished.glob("*.checkpoint"))
        if states:
            out = folder / f"{study}-{profile}.{STATES}"
            with tarfile.open(out, "w") as archive:
                for state in states:
                    archive.add(state, state.name)
            written.append(f"{out}: {len(states)} unfinished runs, {out.stat().st_size / 1e6:.1f} MB")
    return written


def main(given: Sequence[str] | None = None) -> int:
    """Make what the seconds allow, study by study, each time bringing back what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--studies", nargs="+", default=[], metavar="STUDY")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--unfinished", type=Path, metavar="FOLDER")
    chosen = parser.parse_args(given)
    end, worst = time.monotonic() + chosen.seconds, PASS
    try:
        names = ordered(chosen.studies)
        for name in names:
            left = end - time.monotonic()
            if left < LEAST_S:
                print(f"left, the seconds are over: {', '.join(names[names.index(name) :])}")
                break
            if chosen.unfinished:
                taken_along(chosen.unfinished, name)
            line = [sys.executable, "-m", "repro", "run", name, "--undecided", "--device", chosen.device]
            line += ["--jobs", str(chosen.jobs), "--time-budget", f"{left:.0f}"]
            code = subprocess.run(line, check=False).returncode
            over = code == INFRASTRUCTURE and end - time.monotonic() < LEAST_S
            worst = max(worst, PASS if over else code)
            chosen.folder.mkdir(parents=True, exist_ok=True)
            print(*brought_back(chosen.folder, name), sep="\n", flush=True)
    except ReproError as error:
        print(f"borrowed: {error}", file=sys.stderr)
        return error.exit_code
    return worst


if __name__ == "__main__":
    raise SystemExit(main())
