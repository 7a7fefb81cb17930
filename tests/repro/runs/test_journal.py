"""A line of a journal that did not finish is left out; anything else that is not as it was written is refused."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repro.errors import InfrastructureError, IntegrityError
from repro.runs import journal, table
from repro.runs.rows import digest
from tests.repro.support.stores import HERE, logged, run


class TestJournal:
    """A line that did not finish is left out; anything else that is not as it was written is refused."""

    def test_what_is_read_is_what_was_written_to_the_bit(self, tmp_path: Path) -> None:
        runs = [run(0), run(7, value=1e-300), run(3, status="failed")]
        found, cut = journal.read(logged(tmp_path, runs[:2], runs[2:]))
        wanted = table.build([row for some in runs for row in some], HERE)
        assert (digest(found), cut) == (digest(wanted), False)
        assert table.environments(found) == HERE

    def test_a_log_of_before_attempts_is_read_as_made_at_the_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as then:
            then.setattr(journal, "HEAD", journal.HEAD_BEFORE)
            then.setattr(journal, "_plain", lambda row, plain=journal._plain: plain(row)[:-1])
            path = logged(tmp_path, [run(0)], [run(1)])
        found, cut = journal.read(path)
        assert (found["attempts"].to_pylist(), cut) == ([1] * 4, False)
        assert digest(found) == digest(table.build([*run(0), *run(1)], HERE))

    def test_a_cut_at_any_byte_leaves_the_whole_lines(self, tmp_path: Path) -> None:
        content = (path := logged(tmp_path, [run(0)], [run(1), run(2)])).read_bytes()
        ends = [place + 1 for place, sign in enumerate(content) if sign == ord("\n")]
        for size in range(len(content)):
            path.write_bytes(content[:size])
            found, cut = journal.read(path)
            assert found.num_rows == [0, 0, 2, 6][sum(end <= size for end in ends)]
            assert cut == (size not in (0, *ends))

    def test_no_flipped_bit_is_believed(self, tmp_path: Path) -> None:
        content = (path := logged(tmp_path, [run(0)], [run(1)])).read_bytes()
        for place in range(8 * len(content)):
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << place % 8
            path.write_bytes(flipped)
            with pytest.raises(IntegrityError, match=r"1\.log: .*(mv FILE FILE\.broken|sed -i\.broken|form)"):
                journal.read(path)

    def test_the_lines_before_a_damaged_one_are_kept_as_it_says(self, tmp_path: Path) -> None:
        path = logged(tmp_path, [run(0)], [run(1)], [run(2)])
        whole, lines = path.read_bytes(), path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"1", b"7"), *lines[3:]]))
        with pytest.raises(IntegrityError) as raised:
            journal.read(path)
        (advice,) = re.findall(r"`(sed .*) FILE`", str(raised.value))
        subprocess.run([*shlex.split(advice), str(path)], check=True)
        assert path.read_bytes() == b"".join(lines[:2])
        assert journal.read(path)[0].num_rows == 2
        assert len(path.with_name("1.log.broken").read_bytes()) == len(whole)
        assert journal.pieces(tmp_path / "smoke.parquet") == [path]

    @pytest.mark.parametrize("change", [lambda a: [a[0], a[2], a[1]], lambda a: [a[0], a[2]], lambda a: [*a, a[2]]])
    def test_lines_are_a_chain(self, tmp_path: Path, change: Any) -> None:
        path = logged(tmp_path, [run(0)], [run(1)])
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
        with pytest.raises(IntegrityError, match="not what was written, by its own digest"):
            journal.read(path)

    def test_a_full_disk_in_the_middle_of_a_line_leaves_the_lines_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = journal.Writer(path := tmp_path / "smoke.journal" / "1.log")
        log.append([run(0)], HERE)
        before, write = path.read_bytes(), os.write

        def full(file: int, content: Any) -> int:
            if len(content) < 200:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(file, content[:100])

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(InfrastructureError, match=r"1\.log: cannot be written \(No space left on device\)"):
            log.append([run(1)], HERE)
        assert path.read_bytes() == before
        monkeypatch.setattr(os, "write", write)
        log.append([run(2)], HERE)
        assert set(journal.read(path)[0]["replicate"].to_pylist()) == {0, 2}
