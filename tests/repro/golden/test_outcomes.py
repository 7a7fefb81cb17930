"""The log of outcomes: what is kept comes back, and a line that is none is named by its number."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError
from repro.golden.outcomes import append, hold, read, written
from tests.repro.support.repeats import dated, run

FIRST = dated("2026-01-05T06:00:00Z", run(), run("b", word="moved", bits="2"))
LATER = dated("2026-01-12T06:00:00Z", run(), facts={"threads": ("2",)}, left=3, exit_code=7)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    log = tmp_path / "kept" / "decay.jsonl"
    assert read(log) == []
    append(log, FIRST)
    append(log, LATER)
    assert read(log) == [FIRST, LATER]
    assert log.read_bytes() == written(FIRST) + written(LATER)


def test_lines_that_a_merge_of_branches_mixed_are_read_by_date(tmp_path: Path) -> None:
    log = tmp_path / "decay.jsonl"
    log.write_bytes(written(LATER) + written(FIRST))
    assert read(log) == [FIRST, LATER]


def test_the_gravest_word_is_the_outcome_s_and_counts_are_by_word() -> None:
    assert FIRST.word == "moved"
    assert {word: count for word, count in FIRST.counts.items() if count} == {"same": 1, "moved": 1}
    assert dated("x", run(word="same"), run("b", word="failed"), run("c", word="deviates")).word == "failed"


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(written(LATER)), **fields}).encode() + b"\n"


def of_run(place: int, value: object) -> bytes:
    values = json.loads(written(LATER))["runs"][0]
    return changed(runs=[[*values[:place], value, *values[place + 1 :]]])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"no json\n", "Expecting value"),
        (b"\xff\n", "can't decode"),
        (b"[]\n", "wanted an object"),
        (b"{}\n", "but for 'commit'"),
        (changed(more=1), "but for 'more'"),
        (changed(version=2), "version 2, wanted 1"),
        (changed(when="yesterday"), "yesterday"),
        (changed(runs=[]), "no runs"),
        (changed(runs=[["too", "short"]]), "missing"),
        (changed(facts={"threads": [1]}), "wanted a text, got 1"),
        (changed(facts=[]), "no attribute 'items'"),
        (changed(files={"a.py": None}), "wanted a text, got None"),
        (changed(reaches={"a/b/c": [9]}), "out of range"),
        (changed(reaches={"a/b/c": [-1]}), "wanted a count, got -1"),
        (changed(left=-1), "wanted a count, got -1"),
        (changed(exit_code=True), "wanted a count, got True"),
        (changed(golden=[0]), "wanted a text, got 0"),
        (of_run(0, "a/b"), "no run"),
        (of_run(2, 1.5), "wanted a count, got 1.5"),
        (of_run(6, 7), "wanted a text, got 7"),
        (of_run(7, "well"), "no run"),
        (of_run(8, float("nan")), "no run"),
        (written(LATER)[:-1], "the last line has no end"),
        (b"\n", "Expecting value"),
    ],
)
def test_a_line_that_is_no_outcome_is_named_and_nothing_is_written(tmp_path: Path, line: bytes, said: str) -> None:
    log = tmp_path / "decay.jsonl"
    log.write_bytes(written(FIRST) + line)
    for act in (read, lambda path: append(path, LATER)):
        with pytest.raises(IntegrityError, match=re.escape(said)) as refused:
            act(log)
        assert str(refused.value).startswith(f"{log}:2: ")
        assert "\n" not in str(refused.value)
    assert log.read_bytes() == written(FIRST) + line


def test_the_lines_of_these_tests_are_read_where_nothing_is_wrong(tmp_path: Path) -> None:
    log = tmp_path / "decay.jsonl"
    log.write_bytes(changed(left=0) + of_run(2, 5))
    assert [one.runs[0].replicate for one in read(log)] == [0, 5]
    assert read(log)[0] == replace(LATER, left=0)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "decay.jsonl").mkdir()
    with pytest.raises(InfrastructureError, match="cannot be written"):
        append(tmp_path / "decay.jsonl", FIRST)


def test_a_log_that_cannot_be_written_is_refused_before_and_one_that_can_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for use in (hold, lambda path: append(path, FIRST)):
        with pytest.raises(InfrastructureError, match="cannot be written"):
            use(tmp_path / "file" / "decay.jsonl")
    hold(log := tmp_path / "decay.jsonl")
    assert not log.exists()
    append(log, FIRST)
    hold(log)
    assert read(log) == [FIRST]
