"""Rows that a library kept of what other code made are none of this code's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro.runs import table
from tests.repro.conftest import Cli, toy_source, write_study
from tests.sources import PROJECT

PACKAGE = "kept = True\n\n\ndef disable_caching():\n    global kept\n    kept = False\n"
INSIDE = '    return {"pi": float(datasets.kept), "inside": random.random()}\n'


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a folder with a package that keeps what was made, unless it is told not to."""
    folder = tmp_path / "library"
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "__init__.py").write_text(PACKAGE)
    return folder


@pytest.mark.parametrize("where", ["at the top", "in the run"])
def test_a_cache_that_knows_functions_by_name_is_off_in_runs(
    project: Path, cli: Cli, library: Path, where: str
) -> None:
    """A mended preprocessing gave the rows of the mistake again, under the hash of the code that has none."""
    head, draw, _ = toy_source().partition("    draw = random")
    assert draw
    source = head + "    import datasets\n" + INSIDE if where == "in the run" else "import datasets\n" + head + INSIDE
    write_study(project, "montecarlo", source)
    one = ("--where", "shape=disc", "--where", "count=500", "--replicates", "1")
    made = cli("run", "montecarlo", *one, env=os.environ | {"PYTHONPATH": f"{library}{os.pathsep}{PROJECT}"})
    assert made.returncode == 0, made.stderr
    rows = table.read(project / "results/montecarlo/smoke.parquet").to_pylist()
    assert [row["value"] for row in rows if row["metric"] == "pi"] == [0.0]


@pytest.mark.parametrize(
    ("package", "imported", "kept"),
    [(PACKAGE, "", "False"), (PACKAGE, "import datasets", "False"), ("kept = True\n", "", "True")],
    ids=["imported later", "there before", "another one of that name"],
)
def test_a_package_is_as_it_was_but_for_its_cache(library: Path, package: str, imported: str, kept: str) -> None:
    (library / "datasets" / "__init__.py").write_text(package)
    code = f"{imported}\nfrom repro.runs import caches\ncaches.keep_out()\nimport datasets\nprint(datasets.kept)"
    line = [sys.executable, "-c", code]
    variables = os.environ | {"PYTHONPATH": f"{library}{os.pathsep}{PROJECT}"}
    done = subprocess.run(line, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [kept]
