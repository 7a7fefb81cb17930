"""A golden that was touched is refused, with exit 6, by every verb that says anything of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.runs import table
from repro.runs.rows import digest
from tests.repro.conftest import commit, toy_source, write_study
from tests.repro.show.test_figures import FIGURES
from tests.sources import PROJECT

GOLDEN = Path("golden/montecarlo/smoke.parquet")
BANDS = GOLDEN.with_suffix(".bands.parquet")
CLAIM = """[[claim]]
id = "above-three"
where = "p. 1"
kind = "bound"
statement = "Four times the share of points inside the disc is more than 3."
published = "> 3"
judge = "threshold"
rows = { experiment = "estimate", metric = "pi", shape = "disc", count = 2000 }
"""
PAGE = "<!-- table: montecarlo smoke spread -->\n<!-- /table -->\n"
# Each verb that reads golden rows, bands or verdicts, and how it ends where nothing was touched. The store is away for
# those that would read it first.
VERBS = {
    "check": (["check", "montecarlo", "--results", "fresh.parquet", "--no-confirm", "-q"], 0),
    "run": (["run", "montecarlo", "--fresh", "1", "--dry-run"], 0),
    "plan": (["plan", "montecarlo", "--fresh", "1"], 0),
    "figures": (["figures", "montecarlo", "spread"], 0),
    "figures --page": (["figures", "montecarlo", "--page", "page.md", "-q"], 0),
    "bundle": (["bundle", "montecarlo", "--results", "fresh.parquet", "--out", "made.zip"], 0),
    "audit": (["audit", "montecarlo", "-q"], 0),
    "report": (["report", "montecarlo", "-q"], 0),
}
ASK = (
    "import json, sys; sys.path.insert(0, {project!r}); from repro.cli.main import main; "
    "print(json.dumps([main(line) for line in {lines!r}]), file=sys.stderr)"
)


def ends(folder: Path, verbs: dict[str, tuple[list[str], int]]) -> dict[str, int]:
    """Return how each verb ends in a project folder, asked one after the other in one process."""
    lines = [line for line, _ in verbs.values()]
    code = ASK.format(project=str(PROJECT), lines=lines)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return dict(zip(verbs, json.loads(done.stderr.splitlines()[-1]), strict=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a golden that claims are judged by, blessed verdicts, a page, and one more replicate."""
    folder = tmp_path_factory.mktemp("whole")
    faithful = toy_source().replace(
        'cannot_answer="Few points; `--profile paper` throws 100 times more."', "faithful=True"
    )
    assert faithful != toy_source()
    write_study(folder, "montecarlo", faithful + FIGURES)
    (folder / "studies/montecarlo/claims.toml").write_text(CLAIM)
    (folder / "page.md").write_text(PAGE)
    (folder / ".gitignore").write_text("/results/\n__pycache__/\n")
    commit(folder)
    made = {
        "run": (["run", "montecarlo", "--replicates", "10", "-q"], 0),
        "bless": (["bless", "montecarlo", "--reason", "first"], 0),
        "fresh": (["run", "montecarlo", "--fresh", "1", "-q", "--results", "fresh.parquet"], 0),
        "verdicts": (["audit", "montecarlo", "--bless", "first", "-q"], 0),
    }
    assert ends(folder, made) == dict.fromkeys(made, 0)
    shutil.rmtree(folder / "results")
    return folder


@pytest.fixture
def touched(whole: Path, tmp_path: Path) -> Path:
    """A copy of that project, for a test to touch."""
    return shutil.copytree(whole, tmp_path / "touched")


def rewritten(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> pa.Table:
    """Change a table's rows, its metadata kept, and return what was written."""
    with pq.ParquetFile(path) as file:
        before = file.read()
    rows = before.to_pylist()
    change(rows)
    after = pa.Table.from_pylist(rows, before.schema)
    table.write_file(path, after)
    return after


def said(path: Path, name: bytes, **changed: Any) -> None:
    """Change what a table says of itself below a name of its metadata."""
    with pq.ParquetFile(path) as file:
        before = file.read()
    metadata = dict(before.schema.metadata)
    metadata[name] = json.dumps({**json.loads(metadata[name]), **changed}, sort_keys=True).encode()
    table.write_file(path, before.replace_schema_metadata(metadata))


def a_tenth(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["value"] /= 10


def a_value(folder: Path) -> None:
    rewritten(folder / GOLDEN, a_tenth)


def a_value_and_its_digest(folder: Path) -> None:
    said(folder / BANDS, b"repro.golden", rows_digest=digest(rewritten(folder / GOLDEN, a_tenth)))


def a_band_and_its_digest(folder: Path) -> None:
    def wider(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["s"] = 10 * row["s"] if row["s"] else row["s"]

    said(folder / BANDS, b"repro.golden", bands_digest=digest(rewritten(folder / BANDS, wider)))


def the_reason(folder: Path) -> None:
    said(folder / GOLDEN, b"repro.golden", reason="another")


def the_false_alarms_that_are_allowed(folder: Path) -> None:
    said(folder / GOLDEN, b"repro.golden", alpha=0.5)
    said(folder / BANDS, b"repro.golden", alpha=0.5)


def the_false_alarms_that_the_bands_name(folder: Path) -> None:
    said(folder / BANDS, b"repro.golden", alpha=0.5)


def the_method(folder: Path) -> None:
    said(folder / GOLDEN, b"repro.golden", method="another")


def the_record_of_an_environment(folder: Path) -> None:
    with pq.ParquetFile(folder / GOLDEN) as file:
        ((name, record),) = table.environments(file.read()).items()
    said(folder / GOLDEN, b"repro.environments", **{name: {**record, "cpu": "another"}})


def an_environment_without_a_record(folder: Path) -> None:
    with pq.ParquetFile(folder / GOLDEN) as file:
        before = file.read()
    table.write_file(
        folder / GOLDEN, before.replace_schema_metadata({**before.schema.metadata, b"repro.environments": b"{}"})
    )


def the_twin(folder: Path) -> None:
    path = folder / GOLDEN.with_suffix(".md")
    path.write_text(path.read_text() + "\n")


def the_log(folder: Path) -> None:
    path = folder / "golden/log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"reason":"first"', b'"reason":"other"', 1))


def the_golden_itself(folder: Path) -> None:
    for path in (folder / GOLDEN.parent).iterdir():
        path.unlink()


def all_that_is_blessed(folder: Path) -> None:
    commit(folder)
    shutil.rmtree(folder / "golden")


TOUCHES = (
    a_value,
    a_value_and_its_digest,
    a_band_and_its_digest,
    the_reason,
    the_false_alarms_that_are_allowed,
    the_false_alarms_that_the_bands_name,
    the_method,
    the_record_of_an_environment,
    an_environment_without_a_record,
    the_twin,
    the_log,
    the_golden_itself,
    all_that_is_blessed,
)


def test_a_golden_as_it_was_blessed_is_read_by_all(touched: Path) -> None:
    assert ends(touched, VERBS) == {name: code for name, (_, code) in VERBS.items()}


@pytest.mark.parametrize("touch", TOUCHES, ids=lambda touch: touch.__name__)
def test_a_touched_golden_is_refused_by_all(touch: Callable[[Path], None], touched: Path) -> None:
    touch(touched)
    page = (touched / "page.md").read_text()
    assert ends(touched, VERBS) == dict.fromkeys(VERBS, 6)
    assert (touched / "page.md").read_text() == page
    assert not (touched / "report.html").exists()
    assert not (touched / "made.zip").exists()


def a_verdict(folder: Path) -> None:
    rewritten(folder / "golden/audit.parquet", lambda rows: rows[0].update(verdict="erratum"))


def the_reason_of_the_verdicts(folder: Path) -> None:
    said(folder / "golden/audit.parquet", b"repro.audit", reason="another")


@pytest.mark.parametrize("touch", [a_verdict, the_reason_of_the_verdicts], ids=lambda touch: touch.__name__)
def test_touched_verdicts_are_refused(touch: Callable[[Path], None], touched: Path) -> None:
    (touched / "README.md").write_text("<!-- verdicts -->\n<!-- /verdicts -->\n")
    verbs = {
        "audit": (["audit", "montecarlo", "-q"], 0),
        "page": (["audit", "--page", "README.md", "-q"], 0),
        "bundle": (["bundle", "montecarlo", "--results", "fresh.parquet", "--out", "made.zip"], 0),
    }
    assert set(ends(touched, verbs).values()) == {0}
    (touched / "made.zip").unlink()
    touch(touched)
    assert ends(touched, verbs) == dict.fromkeys(verbs, 6)
