"""Plant a mistake in a copy of the project and see which layer finds it: tests, a replay, golden rows, the audit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.error_rates.catalogue import Defect
from repro.errors import UsageError
from repro.golden import bands, stored
from repro.golden.stored import Golden
from repro.runs import table

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "repro",
    "studies",
    "golden",
    "tests",
    "bench",
    "docs",
    "containers",
    "pyproject.toml",
    "README.md",
    "CITATION.cff",
    "LICENSE",
)
PATIENCE = 900  # seconds for one command; a mistake may make a run endless
LAYERS = ("integrity", "property", "unit", "replay", "golden rows", "whole table", "audit")  # the cheapest first


@dataclass
class Found:
    """What became of a planted mistake: for each layer whether it was found, seconds, and what was said."""

    name: str
    caught: dict[str, bool] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    values: list[dict[str, Any]] = field(default_factory=list)  # golden and new values of rows with a band

    def note(self, layer: str, caught: bool, seconds: float, said: str = "") -> None:
        """Keep what a layer found."""
        self.caught[layer] = self.caught.get(layer, False) or caught
        self.seconds[layer] = self.seconds.get(layer, 0.0) + seconds
        if said and caught:
            self.said[layer] = said[:300]


def copy_of_the_project(folder: Path) -> None:
    """Copy what a study needs to run, to be tested and to be audited."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, folder / name)
    (folder / ".git").mkdir()  # no repository: nothing above this folder is looked into


def plant(defect: Defect, folder: Path) -> None:
    """Replace the defect's text. Raise UsageError unless it stands there exactly once."""
    path = folder / defect.path
    text = path.read_text("utf-8")
    if text.count(defect.old) != 1:
        raise UsageError(f"{defect.path}: defect '{defect.name}' wants its text once, found {text.count(defect.old)}")
    path.write_text(text.replace(defect.old, defect.new), "utf-8")


def call(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a command of this Python in the copy; return it with its wall seconds."""
    variables = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(arguments, 124, "", f"no end within {PATIENCE} s")
    return done, time.perf_counter() - start


def tried(defect: Defect) -> Found:
    """Plant a defect in a copy of the project and try every layer."""
    found = Found(defect.name)
    with tempfile.TemporaryDirectory(prefix="repro-defect-") as name:
        folder = Path(name)
        copy_of_the_project(folder)
        plant(defect, folder)
        try_tests(found, folder, defect.tests)
        if try_runs(found, folder, defect.study, defect.cases):
            try_check(found, folder, defect.study, defect.cases)
        try_audit(found, folder, defect.study)
    return found


def try_tests(found: Found, folder: Path, tests: Sequence[str]) -> None:
    """Run the tests that are about the code in question."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0")
    done, seconds = call(folder, "-m", "pytest", *options, *tests)
    layer = "property" if all(test.startswith("tests/property") for test in tests) else "unit"
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    found.note(layer, done.returncode == 1 or bool(failed), seconds, failed[0] if failed else done.stdout[-300:])


def try_runs(found: Found, folder: Path, study: str, cases: Sequence[str]) -> bool:
    """Make one fresh replicate; say whether there is something to check. What stops a run counts as integrity."""
    done, seconds = call(folder, "-m", "repro", "run", study, "--fresh", "1", "--jobs", "1", "-q", *cases)
    stopped = done.returncode != 0
    lines = done.stderr.strip().splitlines()
    found.note("integrity", stopped, seconds, lines[-1] if lines else f"exit {done.returncode}")
    return (folder / "results" / study / "smoke.parquet").exists() and "SEED_IGNORED" not in done.stderr


def try_check(found: Found, folder: Path, study: str, cases: Sequence[str]) -> None:
    """Check it with a replay of one golden seed a case, and keep the rows for the other rules."""
    done, seconds = call(folder, "-m", "repro", "check", study, "--replay", "--jobs", "1", "--json", *cases)
    said = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    rows = said.get("findings", [])  # a check that could not be made says why instead
    changed = [row for row in rows if row["verdict"] == "changed" or "the same seed gives" in row["text"]]
    deviating = [row for row in rows if row["verdict"] == "deviates"]
    whole = [row for row in deviating if row["case"].startswith("all ")]
    single = [row for row in deviating if row not in whole]
    lost = [row for row in rows if row["verdict"] in ("cannot compare", "corrupt")]
    lines = done.stderr.strip().splitlines()
    if not any(note.startswith("nothing replayed") for note in said.get("notes", [])):  # it wants the golden's machine
        found.note("replay", bool(changed), seconds, f"{len(changed)} rows changed" if changed else "")
    found.note("golden rows", bool(single), 0.0, f"{len(single)} rows: {single[0]['text']}" if single else "")
    found.note("whole table", bool(whole), 0.0, whole[0]["text"] if whole else "")
    found.note(
        "integrity",
        bool(lost) or (not rows and done.returncode != 0),
        0.0,
        lost[0]["text"] if lost else (lines or [""])[-1],
    )
    golden = stored.load(stored.path_of(folder, study, "smoke"))
    found.values = values_of(golden, golden.rows, table.read(folder / "results" / study / "smoke.parquet"))


def values_of(golden: Golden, old: pa.Table, new: pa.Table) -> list[dict[str, Any]]:
    """Return the old values and the new one of every row with a band that was run; None where a run diverged."""
    columns = ("experiment", "case", "metric", "value")
    before: dict[tuple[str, ...], list[float | None]] = {}
    for *cell, value in zip(*(old[name].to_pylist() for name in columns), strict=True):
        before.setdefault(tuple(cell), []).append(value)
    after = {tuple(cell): value for *cell, value in zip(*(new[name].to_pylist() for name in columns), strict=True)}
    banded = [band.cell for band in bands.as_bands(golden.bands) if band.kind == "band"]
    return [{"golden": before[cell], "new": after[cell]} for cell in banded if cell in after]


def try_audit(found: Found, folder: Path, study: str) -> None:
    """Judge the study's document: does a verdict change?"""
    done, seconds = call(folder, "-m", "repro", "audit", study)
    changed = [line for line in done.stdout.splitlines() if line.startswith(("changed", "gone", "new"))]
    lines = done.stderr.strip().splitlines()
    said = changed[0] if changed else (lines[-1] if lines else "")
    found.note("audit", done.returncode != 0, seconds, said)
