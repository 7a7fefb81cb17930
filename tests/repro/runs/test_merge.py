"""Tables from several machines are joined; a conflict is reported, never decided."""

import shutil
from pathlib import Path

import pytest

from repro.errors import CannotCompareError, IntegrityError, UsageError
from repro.runs import table
from repro.runs.merge import merge
from repro.seeds import derive_seed
from tests.repro.conftest import RESULTS, Cli
from tests.repro.runs import test_table


def row(**changed: object) -> dict[str, object]:
    """Return a row with the seed of its run."""
    made = test_table.row(**changed)
    names = ("study", "experiment", "case", "replicate")
    return {**made, "seed": changed.get("seed", derive_seed(*(made[name] for name in names)))}


def write(path: Path, *rows: dict[str, object], environment: str = "e") -> Path:
    table.write(
        path, table.build([{**one, "environment": environment} for one in rows], {environment: {"cpu": environment}})
    )
    return path


def test_the_union_keeps_each_row_once_with_every_environment(tmp_path: Path) -> None:
    a = write(tmp_path / "a.parquet", row(replicate=0), row(replicate=1))
    b = write(tmp_path / "b.parquet", row(replicate=1, wall_seconds=9.0), row(replicate=2), environment="f")
    merged = merge([a, b])
    assert sorted((r["replicate"], r["environment"]) for r in merged.to_pylist()) == [(0, "e"), (1, "e"), (2, "f")]
    assert set(table.environments(merged)) == {"e", "f"}


@pytest.mark.parametrize(
    "changed",
    [{name: "other"} for name in ("unit", "code", "settings", "data")]
    + [{"value": 3.2}, {"curve": [1.0]}, {"status": "nonfinite", "value": None}],
)
def test_the_same_run_with_something_else_is_a_conflict(tmp_path: Path, changed: dict[str, object]) -> None:
    a, b = write(tmp_path / "a.parquet", row()), write(tmp_path / "b.parquet", row(**changed))
    with pytest.raises(CannotCompareError, match=f"1 conflicts, nothing written.*{next(iter(changed))}"):
        merge([a, b])


def test_a_run_whose_metrics_are_of_different_code_is_a_conflict(tmp_path: Path) -> None:
    a = write(tmp_path / "a.parquet", row(), row(replicate=1))
    b = write(tmp_path / "b.parquet", row(metric="renamed", code="newer"))
    with pytest.raises(CannotCompareError, match=r"1 conflicts, nothing written.*replicate 0: code "):
        merge([a, b])


def test_nothing_is_merged_into_what_was_blessed(blessed: Path, cli: Cli) -> None:
    golden = blessed / "golden/montecarlo/smoke.parquet"
    before = golden.read_bytes()
    refused = cli("merge", "golden/montecarlo/smoke.parquet", RESULTS, "--out", "golden/montecarlo/smoke.parquet")
    assert (refused.returncode, golden.read_bytes()) == (2, before)
    assert "below golden/ stands what was blessed" in refused.stderr


def test_a_failed_run_gives_way_to_a_finished_one_from_either_side(tmp_path: Path) -> None:
    a = write(tmp_path / "a.parquet", row(status="failed", value=None, detail="out of memory"))
    b = write(tmp_path / "b.parquet", row())
    for order in ([a, b], [b, a]):
        assert [r["status"] for r in merge(order).to_pylist()] == ["ok"]


def test_a_seed_that_is_not_its_run_s_is_refused(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.parquet", row()), write(tmp_path / "b.parquet", row(replicate=1, seed=2))
    with pytest.raises(IntegrityError, match=r"b\.parquet: .* replicate 1 has the seed 2, which is not the one"):
        merge([a, b])


def test_tables_of_two_profiles_are_not_merged(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.parquet", row()), write(tmp_path / "b.parquet", row(profile="paper"))
    with pytest.raises(UsageError, match="toy/paper, toy/smoke"):
        merge([a, b])


def test_two_machines_halves_make_the_whole_table(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--results", "whole.parquet").returncode == 0
    assert cli("run", "montecarlo", "--replicates", "0-0", "--results", "a.parquet").returncode == 0
    assert cli("run", "montecarlo", "--replicates", "0-2", "--results", "b.parquet").returncode == 0
    assert cli("merge", "a.parquet", "b.parquet", "--out", "both.parquet").returncode == 0
    assert cli("diff", "whole.parquet", "both.parquet").returncode == 0
    before = (project / "both.parquet").read_bytes()
    refused = cli("merge", "a.parquet", "b.parquet", "--out", "both.parquet")
    assert (refused.returncode, (project / "both.parquet").read_bytes()) == (2, before)
    assert cli("merge", "a.parquet", "both.parquet", "--out", "both.parquet").returncode == 0


def test_a_conflict_is_exit_3_and_writes_nothing(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--results", "a.parquet").returncode == 0
    altered = table.read(project / "a.parquet").to_pylist()
    altered[0]["value"] += 1.0
    shutil.copy(project / "a.parquet", project / "b.parquet")
    table.write(project / "b.parquet", table.build(altered, {}))
    refused = cli("merge", "a.parquet", "b.parquet", "--out", "both.parquet")
    assert refused.returncode == 3
    assert "1 conflicts, nothing written" in refused.stderr
    assert not (project / "both.parquet").exists()
