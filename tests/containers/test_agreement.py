"""The same run inside and outside, by either engine's command line, gives the same rows to the last bit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from repro.machine.engine import Engine, Image, Place
from repro.runs import diff, provenance, table
from tests.containers.conftest import answer, run
from tests.sources import PROJECT

pytestmark = pytest.mark.container

SOME = ("run", "rfnn", "--profile", "smoke", "--replicates", "1", "--quiet", "--where", "first=1")  # both readings
LOCK = "import json; from repro.runs import provenance; print(json.dumps(provenance.collect()[1]['lock']))"
PART = (*SOME, "--where", "reading=as_listed")


def outside(arguments: tuple[str, ...], results: Path) -> None:
    line = [sys.executable, "-m", "repro", *arguments, "--results", str(results)]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def inside(on: tuple[Engine, Image], place: Place, arguments: tuple[str, ...], name: str) -> Path:
    line = ["python", "-m", "repro", *arguments, "--results", f"results/{name}.parquet"]
    done = run(on, place, line)
    assert done.returncode == 0, done.stderr
    return place.results / f"{name}.parquet"


def record(path: Path) -> dict[str, Any]:
    (found,) = table.environments(table.read(path)).values()
    return found


def same(one: Path, other: Path) -> None:
    """Hold two result files to each other bit for bit, curves too; where they differ the differing facts are named."""
    difference = diff.compare_files(one, other)
    assert difference.exit_code == 0, diff.render(difference)
    first, second = (without_origin(table.read(path)) for path in (one, other))
    assert first.equals(second)
    assert first.num_rows > 0


def without_origin(some: pa.Table) -> pa.Table:
    kept = [name for name in some.column_names if name not in ("environment", "commit", "finished", "wall_seconds")]
    return some.select(kept).sort_by([(name, "ascending") for name in table.KEY]).replace_schema_metadata(None)


def test_container_and_environment_agree(full: tuple[Engine, Image], place: Place, tmp_path: Path) -> None:
    if answer(full, place, LOCK) != provenance.collect(root=PROJECT)[1]["lock"]:
        pytest.skip(
            "this environment is not of the image's lock; `nox -s environment` with the same REPRO_TORCH makes it"
        )
    results = inside(full, place, SOME, "inside")
    outside(SOME, tmp_path / "outside.parquet")
    same(results, tmp_path / "outside.parquet")
    found, other = record(results), record(tmp_path / "outside.parquet")
    built = full[1]
    said = {"name": built.name, "id": built.id, "digest": built.digest or None, "tree": built.tree}
    assert (found["image"], found["engine"]) == (said, str(full[0]))
    assert other["image"] is None
    differing = {name for name in found if found[name] != other[name]}
    assert differing <= {"image", "engine", "python"}, differing


def test_runs_without_cuda_are_another_kind_of_machine_than_the_goldens(
    without_cuda: tuple[Engine, Image], place: Place
) -> None:
    path = inside(without_cuda, place, (*PART, "--where", "second=1"), "without-cuda")
    found = record(path)
    assert found["image"]["name"].startswith("localhost/repro-cpu:")
    assert found["image"]["tree"] == without_cuda[1].tree
    assert found["packages"]["torch"].endswith("+cpu")
    why = "installed from containers/lock/cpu.txt, where the goldens have containers/lock/cuda.txt"
    assert (found["lock"]["pinned"], found["lock"]["unpinned_because"]) == (False, why)
    golden = table.read(PROJECT / "golden" / "rfnn" / "smoke.parquet")
    assert table.stratum(found) not in map(table.stratum, table.environments(golden).values())


def test_docker_and_podman_agree(
    docker: tuple[Engine, Image], full: tuple[Engine, Image], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = inside(full, place, PART, "podman"), inside(docker, place, PART, "docker")
    same(one, other)
    assert record(one)["engine"] != record(other)["engine"]
    identities = {provenance.environment_id(record(path)) for path in (one, other)}
    assert len(identities) == 1


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    outside(PART, tmp_path / "one.parquet")
    some = table.read(tmp_path / "one.parquet")
    values = some["value"].to_pylist()
    values[0] = values[0] * (1 + 2**-52)
    planted = some.set_column(some.column_names.index("value"), "value", pa.array(values, pa.float64()))
    table.write(tmp_path / "other.parquet", planted)
    with pytest.raises(AssertionError, match="DIFFERENT"):
        same(tmp_path / "one.parquet", tmp_path / "other.parquet")
