"""The results schema refuses what is not a results table."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import InfrastructureError, IntegrityError, NothingSelectedError
from repro.runs.table import build, environments, read, write, write_file
from tests.sources import PROJECT


def row(**changed: object) -> dict[str, object]:
    return {
        "study": "toy",
        "experiment": "estimate",
        "case": '{"count":1}',
        "profile": "smoke",
        "replicate": 0,
        "seed": 1,
        "metric": "pi",
        "unit": "1",
        "value": 3.1,
        "curve": [1.0, 2.0],
        "status": "ok",
        "detail": "",
        "n_test": None,
        "epochs": None,
        "wall_seconds": 0.1,
        "device": "cpu",
        "settings": "{}",
        "data": "",
        "code": "c0de",
        "environment": "e",
        "commit": "",
        "attempts": 1,
        "finished": datetime(2026, 1, 1, tzinfo=UTC),
        **changed,
    }


def table(*rows: dict[str, object]) -> pa.Table:
    return build(rows or (row(),), {"e": {"python": "3.11"}})


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.floats(allow_nan=False, allow_infinity=False)), unique_by=lambda pair: pair[0]
    )
)
def test_what_was_written_is_read_in_key_order(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, float]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "a.parquet"
    made = build([row(replicate=replicate, value=value) for replicate, value in found], {"e": {}})
    write(path, made)
    back = read(path)
    assert [(r["replicate"], r["value"]) for r in back.to_pylist()] == sorted(found)
    assert environments(back) == {"e": {}}


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_table_is_read_without_pandas(tmp_path: Path, attempts: int) -> None:
    """A number or a list that pyarrow is given imports pandas where it is installed: a third of a second."""
    write(tmp_path / "a.parquet", build([row(attempts=attempts)], {"e": {}}))
    code = (
        "import pathlib, sys; from repro.runs import table; found = table.read_file(pathlib.Path('a.parquet')); "
        "print(found.num_rows, *sorted({'pandas'} & set(sys.modules)))"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(
        line, cwd=tmp_path, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (
            lambda t: t.rename_columns(["accuracy" if name == "value" else name for name in t.column_names]),
            "missing column value",
        ),
        (lambda t: t.drop_columns(["unit"]), "missing column unit"),
        (lambda t: t.drop_columns(["attempts"]), "missing column attempts"),
        (lambda t: t.append_column("extra", pa.array([1])), "unknown column extra"),
        (lambda t: t.set_column(4, "replicate", pa.array([0], pa.int64())), "replicate is int64"),
        (lambda t: t.select(t.column_names[::-1]), "another order"),
        (lambda t: t.replace_schema_metadata({b"repro.schema": b"0"}), "schema version '0'"),
        (lambda t: t.replace_schema_metadata(None), "schema version ''"),
    ],
)
def test_a_changed_schema_is_refused(tmp_path: Path, planted, said: str) -> None:
    pq.write_table(planted(table()), tmp_path / "a.parquet")
    with pytest.raises(IntegrityError, match=said):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(), row()], "duplicate"),
        ([row(value=float("nan"))], "no finite value"),
        ([row(value=float("inf"))], "no finite value"),
        ([row(value=None)], "no finite value"),
        ([row(status="nonfinite")], "never a number"),
        ([row(status="fine")], "unknown status fine"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(tmp_path: Path, rows: list[dict[str, object]], said: str) -> None:
    with pytest.raises(IntegrityError, match=said):
        write(tmp_path / "a.parquet", table(*rows))
    write_file(tmp_path / "b.parquet", table(*rows))
    with pytest.raises(IntegrityError, match=said):
        read(tmp_path / "b.parquet")


@pytest.mark.parametrize("name", ["value", "seed", "detail"])
def test_rows_are_held_to_their_own_digest(tmp_path: Path, name: str) -> None:
    """Pages of other rows, each with a true checksum, below what the table says of itself."""
    path = tmp_path / "a.parquet"
    write(path, table())
    before = pq.read_table(path)
    other = {"value": 3.2, "seed": 2, "detail": "x"}[name]
    place = before.column_names.index(name)
    field = before.schema.field(name)
    pq.write_table(before.set_column(place, field, pa.array([other], field.type)), path)
    with pytest.raises(IntegrityError, match=r"a\.parquet: its rows are not what was written, by its own digest"):
        read(path)


@pytest.mark.parametrize("columns", [None, ["replicate"]])
def test_what_a_table_says_of_itself_is_held_to_its_digest(tmp_path: Path, columns: list[str] | None) -> None:
    path = tmp_path / "a.parquet"
    write(path, table())
    before = pq.read_table(path)
    metadata = {**before.schema.metadata, b"repro.environments": b'{"e": {"python": "3.12"}}'}
    pq.write_table(before.replace_schema_metadata(metadata), path)
    with pytest.raises(IntegrityError, match="what it says of itself is not what was written"):
        read(path, columns)


def test_a_row_of_no_attempt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="made at no attempt"):
        write(tmp_path / "a.parquet", build([row(attempts=0)], {"e": {}}))


def test_a_table_of_this_version_carries_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(), path)
    with pytest.raises(IntegrityError, match="carries no digest of its rows"):
        read(path)


def test_a_table_of_the_version_before_the_digest_is_read_and_sealed_when_written(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    older = table().drop_columns("attempts")
    pq.write_table(older.replace_schema_metadata({**older.schema.metadata, b"repro.schema": b"1"}), path)
    write(path, read(path))
    assert pq.read_schema(path).metadata[b"repro.schema"] == b"3"
    assert read(path).to_pylist() == [row()]


def test_no_flipped_bit_is_read_as_another_content(tmp_path: Path) -> None:
    """Each bit of a table in turn: it is refused, or the rows and records are what they were."""
    path = tmp_path / "a.parquet"
    write(path, table(*(row(replicate=number, value=number / 7) for number in range(3))))
    whole, content = read(path), path.read_bytes()
    believed = 0
    for place in range(0, 8 * len(content), 7):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            found = read(path)
        except IntegrityError:
            continue
        believed += 1
        assert found.equals(whole)
        assert environments(found) == environments(whole)
    assert believed < len(content)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, table())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(IntegrityError, match=r"a\.parquet: not a readable Parquet table"):
        read(path)


def test_a_missing_table_is_nothing_selected(tmp_path: Path) -> None:
    with pytest.raises(NothingSelectedError, match="no such table"):
        read(tmp_path / "a.parquet")


def test_a_failed_write_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    write(path, table())
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(InfrastructureError, match=r"a\.parquet: cannot be written \(no space"):
        write(path, table(row(value=1.0)))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.parquet"]
