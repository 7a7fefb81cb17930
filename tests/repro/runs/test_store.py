"""At any time all finished runs are read, however they lie, and the joined table is the one that they come to."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from repro.errors import InfrastructureError, IntegrityError
from repro.machine import locks
from repro.runs import journal, pieces, table
from repro.runs import store as stores
from repro.runs.held import held
from repro.runs.ignored import may_repeat
from repro.runs.rows import digest
from repro.runs.store import Store, belongs
from tests.repro.conftest import Cli
from tests.repro.support.stores import HERE, as_one, killed, logged, many, run


class TestReading:
    """Every finished run is there at any time, and whole."""

    def test_a_table_that_lags_is_read_with_its_journal(self, tmp_path: Path) -> None:
        path, runs = tmp_path / "smoke.parquet", many(40)
        table.write(path, as_one(runs[:10]))
        with killed(path) as store:
            for some in runs[10:]:
                store.append([some], HERE)
            assert table.read(path).num_rows == 20
            assert digest(pieces.read(path)) == digest(as_one(runs))
            texts = pieces.read(path, ["case", "value"], ["case"])
            assert texts["case"].cast(pa.string()).equals(as_one(runs)["case"])
            assert texts["value"].equals(as_one(runs)["value"])
            assert len(held(path)) == 40

    def test_a_failed_run_gives_way(self, tmp_path: Path) -> None:
        path = tmp_path / "smoke.parquet"
        with killed(path) as store:
            store.append([run(0, status="failed"), run(1)], HERE)
            store.append([run(0)], HERE)
            assert dict(store.runs.statuses()) == {"ok": 2}
        assert digest(pieces.read(path)) == digest(as_one([run(0), run(1)]))

    def test_it_is_read_again_where_pieces_took_each_others_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, runs = tmp_path / "smoke.parquet", many(20)
        with killed(path) as store:
            store.append(runs, HERE)
        read, asked = journal.read, list[Path]()

        def meanwhile(one: Path) -> tuple[pa.Table, bool]:
            asked.append(one)
            if len(asked) == 1:
                with Store.exclusive(path):  # which reads it, joins it, and removes it
                    pass
            return read(one)

        monkeypatch.setattr(journal, "read", meanwhile)
        assert digest(pieces.read(path)) == digest(as_one(runs))
        assert len(asked) > 1
        assert table.read(path).num_rows == 40

    def test_everything_of_it_belongs_to_the_store(self, tmp_path: Path) -> None:
        path = tmp_path / "smoke.parquet"
        assert belongs(tmp_path / "smoke.journal" / "1.log", path)
        assert belongs(tmp_path / "reruns" / "smoke.journal" / "1.log", path)
        assert not belongs(tmp_path / "paper.journal" / "1.log", path)


class TestJoining:
    """The joined table is the one that all rows come to, however they lay."""

    @pytest.mark.parametrize("slice_rows", [1, 7, 64])
    @pytest.mark.parametrize("log_bytes", [1, 3_000, 10**6])
    def test_it_is_the_table_of_all_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_rows: int, log_bytes: int
    ) -> None:
        monkeypatch.setattr(pieces, "SLICE", slice_rows)
        monkeypatch.setattr(pieces, "BATCH", 3)
        monkeypatch.setattr(stores, "LOG_BYTES", log_bytes)
        monkeypatch.setattr(stores, "TOGETHER", 2)
        path, runs = tmp_path / "smoke.parquet", many(30)
        table.write(path, as_one(runs[:8]))
        with Store.exclusive(path) as store:
            store._join_seconds = float("inf")
            for some in runs[8:]:
                store.append([some], HERE)
            assert len(journal.pieces(path)) <= 6  # of 22 appends: by the logarithm
            assert digest(pieces.read(path)) == digest(as_one(runs))
        found = table.read(path)  # which holds it to its seal
        assert digest(found) == digest(as_one(runs))
        assert table.environments(found) == HERE
        assert sorted(one.name for one in tmp_path.iterdir()) == ["smoke.lock", "smoke.parquet"]

    def test_what_a_killed_process_did_not_remove_doubles_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stores, "LOG_BYTES", 1)
        monkeypatch.setattr(stores, "TOGETHER", 3)
        path, runs = tmp_path / "smoke.parquet", many(12)
        folder, left = journal.folder_of(path), tmp_path / "left"
        with killed(path) as store:
            for number, some in enumerate(runs):
                before = {one.name: one.read_bytes() for one in folder.iterdir()} if number else {}
                store.append([some], HERE)
                for name, content in before.items():
                    if not (folder / name).exists():
                        (folder / name).write_bytes(content)
                assert len(held(path)) == number + 1
        shutil.copytree(folder, left)
        for _ in range(2):  # after the join too, as if killed before the journal was removed
            with Store.exclusive(path):
                pass
            assert digest(table.read(path)) == digest(as_one(runs))
            shutil.copytree(left, folder)
            assert digest(pieces.read(path)) == digest(as_one(runs))

    def test_a_cut_tail_is_said_and_its_runs_are_not_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "smoke.parquet"
        log = logged(tmp_path, [run(0)], [run(1)])
        log.write_bytes(log.read_bytes()[:-7])
        with Store.exclusive(path) as store:
            assert set(store.table["replicate"].to_pylist()) == {0}
        assert (
            "1.log: the last append did not finish; it is dropped, its runs are made again" in capsys.readouterr().err
        )

    def test_a_damaged_journal_stops_writers_and_readers_and_loses_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "smoke.parquet"
        table.write(path, as_one([run(5)]))
        log = logged(tmp_path, [run(0)], [run(1)])
        damaged = log.read_bytes().replace(b"smoke", b"smokE", 1)
        log.write_bytes(damaged)
        for reader in (pieces.read, held, lambda one: Store.exclusive(one).__enter__()):
            with pytest.raises(IntegrityError, match=r"smoke\.journal/1\.log: line 2 is not what was written"):
                reader(path)
        assert log.read_bytes() == damaged
        assert table.read(path).num_rows == 2

    def test_rows_in_another_order_are_put_in_theirs_once_and_the_file_is_kept(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path, runs = tmp_path / "smoke.parquet", many(20)
        table.write_file(path, as_one(runs).take(np.random.default_rng(1).permutation(40)))
        before = path.read_bytes()
        with Store.exclusive(path) as store:
            store.append([run(77)], HERE)
        assert digest(table.read(path)) == digest(as_one([*runs, run(77)]))
        assert (tmp_path / "smoke.as-found.parquet").read_bytes() == before
        assert "its rows were in another order" in capsys.readouterr().err

    def test_a_table_of_before_digests_is_taken_as_it_is(self, tmp_path: Path) -> None:
        import pyarrow.parquet as pq

        path, runs = tmp_path / "smoke.parquet", many(20)
        old = as_one(runs).drop_columns("attempts")
        pq.write_table(old.replace_schema_metadata({**old.schema.metadata, b"repro.schema": b"1"}), path)
        with Store.exclusive(path) as store:
            assert len(store.runs) == 20
            store.append([run(77)], HERE)
        assert digest(table.read(path)) == digest(as_one([*runs, run(77)]))

    @pytest.mark.parametrize("attempts", [1, 2])
    def test_a_table_without_attempts_is_read_as_made_at_the_first(self, tmp_path: Path, attempts: int) -> None:
        """Its digest is the one that it was written with, and joined with others it is what they are together."""
        path, runs = tmp_path / "smoke.parquet", many(20)
        old = as_one(runs).drop_columns("attempts")
        table.write_file(path, old.replace_schema_metadata({**old.schema.metadata, b"repro.schema": b"2"}))
        found = table.read(path)
        assert found["attempts"].to_pylist() == [1] * 40
        assert digest(found) == digest(old) == digest(as_one(runs))
        new = [{**row, "attempts": attempts} for row in run(77)]
        with Store.exclusive(path) as store:
            store.append([new], HERE)
        joined, whole = table.read(path), as_one([*runs, new])
        assert joined.to_pylist() == whole.to_pylist()
        assert digest(joined) == digest(whole)
        assert (digest(joined) == digest(as_one([*runs, run(77)]))) == (attempts == 1)

    def test_runs_are_set_aside(self, tmp_path: Path) -> None:
        path, runs = tmp_path / "smoke.parquet", many(20)
        with Store.exclusive(path) as store:
            store.append(runs, HERE)
            chosen = store.runs.mask({("e", '{"n":1}', 2), ("e", '{"n":4}', 0)})
            assert chosen.sum() == 2
            aside = store.set_aside(chosen)
            assert store.set_aside(np.zeros(18, bool)) is None
            assert len(store.runs) == 18
        assert aside == tmp_path / "smoke.aside-1.parquet"
        assert set(zip(*(table.read(aside)[name].to_pylist() for name in ("case", "replicate")), strict=True)) == {
            ('{"n":1}', 2),
            ('{"n":4}', 0),
        }
        assert table.read(path).num_rows == 36

    def test_what_stays_is_copied_until_another_run_takes_its_place(self, tmp_path: Path) -> None:
        path, runs = tmp_path / "smoke.parquet", many(20)
        gone, stays = ("e", '{"n":1}', 2), ("e", '{"n":4}', 0)
        with Store.exclusive(path) as store:
            store.append(runs, HERE)
            aside = store.set_aside(store.runs.mask({gone, stays}), staying=store.runs.mask({stays}))
            assert aside
            assert table.read(aside).num_rows == 4
            assert stays in store.runs.done()
            assert gone not in store.runs.done()
            (old,) = (some for some in runs if (some[0]["case"], some[0]["replicate"]) == stays[1:])
            store.append([[{**row, "code": "n" * 64} for row in old]], HERE)
            assert store.runs.done()[stays][2] == "n" * 64
        assert table.read(path).num_rows == 38


def test_runs_are_counted_timed_and_named(tmp_path: Path) -> None:
    path = tmp_path / "smoke.parquet"
    runs = [run(0), run(1), run(2, status="failed"), run(300, '{"b":1}', status="nonfinite")]
    for number, some in enumerate(runs):
        for row in some:
            row |= {"wall_seconds": 1.0 + number, "commit": "" if number == 1 else "a" * 40}
    table.write(path, as_one(runs))
    found = held(path)
    assert dict(found.statuses()) == {"ok": 2, "failed": 1, "nonfinite": 1}
    assert found.seconds() == {("e", "{}"): 2.0, ("e", '{"b":1}'): 4.0}
    assert found.keys(found.uncommitted) == {("e", "{}", 1)}
    made_by = ("null", "", "c" * 64)
    assert found.done() == {("e", "{}", 0): made_by, ("e", "{}", 1): made_by, ("e", '{"b":1}', 300): made_by}
    assert found.replicates(found.finished) == {("e", "{}"): {0, 1}, ("e", '{"b":1}'): {300}}
    assert found.keys(found.made(lambda _experiment, case, by: case == "{}" and by == made_by)) == {
        ("e", "{}", 0), ("e", "{}", 1), ("e", "{}", 2),
    }  # fmt: skip
    nothing = held(tmp_path / "none.parquet")
    assert (len(nothing), nothing.done(), nothing.seconds(), nothing.replicates(nothing.finished)) == (0, {}, {}, {})
    assert nothing.made(lambda *_: True).sum() == 0


def test_runs_that_may_be_the_same_are_suspected() -> None:
    different = table.build([row for number in range(9) for row in run(number)], {})
    assert not may_repeat([different.slice(0, 7), different.slice(7)])
    again = [dict(row, replicate=9, seed=9) for row in run(3)]
    assert may_repeat([different, table.build(again, {})])
    assert not may_repeat([different, table.build(again, {})], deterministic=["e"])


class TestReadersMeanwhile:
    """Every verb answers by the whole table while runs are made, and where a killed process left a journal."""

    def test_all_read_the_journal(self, blessed: Path, cli: Cli) -> None:
        path = blessed / "results/montecarlo/smoke.parquet"
        whole = pieces.read(path)
        rows = whole.to_pylist()
        path.unlink()
        runs: dict[Any, list[Any]] = {}
        for row in rows:
            runs.setdefault((row["case"], row["replicate"]), []).append(row)
        with killed(path) as store:
            for some in runs.values():
                store.append([some], table.environments(whole))
        assert not path.exists()
        answers = {
            ("status", "montecarlo", "--json"): f'"runs": {len(runs)}',
            ("plan", "montecarlo", "--replicates", "10-10"): "0 of 6 runs to make",
            ("check", "montecarlo", "--no-confirm"): "PASS",
            ("diff", "results/montecarlo/smoke.parquet", "results/montecarlo/smoke.parquet"): f"{2 * len(runs)} rows",
            ("merge", "results/montecarlo/smoke.parquet", "--out", "all.parquet"): f"{2 * len(runs)} rows",
        }
        for line, words in answers.items():
            done = cli(*line)
            assert (done.returncode, words in done.stdout) == (0, True), (line, done.stdout, done.stderr)
        assert digest(table.read(blessed / "all.parquet")) == digest(whole)
        for line in (("bless", "montecarlo", "--reason", "again", "-n"), ("bundle", "montecarlo", "--out", "b.zip")):
            done = cli(*line)
            assert "no such table" not in done.stderr, done.stderr
        assert cli("verify", "b.zip").returncode == 0
        assert not path.exists()  # nothing that only reads has written


MOUNT = "36 25 {number} / {place} rw,noatime - {kind} server:/export rw{options}"


class TestLocks:
    """Two writers exclude each other on a network's file system too, or are refused there."""

    @pytest.mark.parametrize(
        ("kind", "options", "words"),
        [("nfs4", ",vers=4.2", ""), ("nfs4", ",local_lock=none", ""), ("ext4", "", ""), ("lustre", ",flock", ""),
         ("nfs", ",nolock", "nfs is mounted with nolock"), ("nfs", ",local_lock=flock", "with local_lock=flock"),
         ("nfs4", ",local_lock=all", "local_lock=all"), ("lustre", ",localflock", "localflock"),
         ("cifs", ",nobrl", "nobrl"), ("fuse.sshfs", "", "fuse.sshfs keeps locks to one machine")],
    )  # fmt: skip
    def test_a_lock_that_other_machines_do_not_see_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, options: str, words: str
    ) -> None:
        device = tmp_path.stat().st_dev
        line = MOUNT.format(number=f"{os.major(device)}:{os.minor(device)}", place="/", kind=kind, options=options)
        (mounts := tmp_path / "mountinfo").write_text(
            f"{MOUNT.format(number='0:999', place='/x', kind='nfs', options='')}\n{line}\n"
        )
        monkeypatch.setattr(locks, "MOUNTS", mounts)
        if not words:
            with Store.exclusive(tmp_path / "smoke.parquet"):
                return
        with (
            pytest.raises(InfrastructureError, match=rf"smoke\.lock: .*{words}.*--results FILE"),
            Store.exclusive(tmp_path / "smoke.parquet"),
        ):
            pass

    def test_a_file_system_without_locks_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def none(*_: Any) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", none)
        with (
            pytest.raises(InfrastructureError, match=r"smoke\.lock: its file system cannot lock .*No locks available"),
            Store.exclusive(tmp_path / "smoke.parquet"),
        ):
            pass
