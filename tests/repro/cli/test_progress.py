"""Runs that take long show that they live: a line now and then, or a bar whose clock goes on."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from repro.checkpoint import Checkpoint
from repro.cli import progress
from repro.cli.progress import Progress
from repro.runs.planned import PlannedRun
from repro.runs.worker import Report

RUN = PlannedRun("training", "{}", 0, 3, 1, 0.0)
REPORT = Report(status="ok", values={"error": 0.25}, wall_seconds=2.0)


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let signs of life come at once, and return what is set when one came."""
    came = threading.Event()
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.02)
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 0.01)
    return came


@pytest.fixture
def heard(lively: threading.Event, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let signs of life come at once, and return what a line of them sets."""
    said = Progress.say

    def say(self: Progress, text: str) -> None:
        said(self, text)
        lively.set()

    monkeypatch.setattr(Progress, "say", say)
    return lively


def test_a_line_comes_where_no_run_ends(heard: threading.Event, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress({"{}": "alone"}, quiet=False) as shown:
        shown.begin(4)
        assert heard.wait(60)
        shown(RUN, REPORT)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[0/4] 0 s so far"
    assert "[1/4] training alone r3: error 0.25 (2.0 s)" in lines


def test_what_is_left_follows_from_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Progress({"{}": "alone"}, quiet=True)
    shown.total, shown.started = 4, 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: 160.0)
    assert shown.so_far() == "60 s so far"
    shown.count = 1
    assert shown.so_far() == "60 s so far, about 3 min left"


def test_a_line_says_how_far_the_run_under_way_is(tmp_path: Path) -> None:
    shown = Progress({"{}": "alone"}, quiet=True, unfinished=tmp_path)
    shown.begin(1)
    assert shown.under_way() == ""
    for name, share in (("a", 0.39), ("b", 0.5)):
        Checkpoint(tmp_path / f"{name}.checkpoint", name, ("training", "{}")).keep(b"", share)
    assert shown.under_way() == "under way: 39 %, 50 %"
    os.utime(tmp_path / "a.checkpoint", (1.0, 1.0))  # of a run that another command left
    assert shown.under_way() == "under way: 50 %"


def test_runs_that_a_check_makes_again_have_no_lines_of_their_own(
    heard: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress(quiet=False) as shown:
        for total in (2, 3):  # a round of a check, and the next
            shown.begin(total)
            shown(RUN, REPORT)
            heard.clear()
            assert heard.wait(60)
    lines = capsys.readouterr().err.splitlines()
    assert {line.split("]")[0] for line in lines} == {"[1/2", "[1/3"}
    assert not any("error" in line for line in lines)
    assert all(" so far" in line for line in lines)  # signs of life, and no line of a run


@pytest.mark.parametrize(("quiet", "total"), [(True, 4), (False, 0)])
def test_nothing_lives_where_nothing_is_to_be_said(quiet: bool, total: int) -> None:
    with Progress({}, quiet=quiet) as shown:
        shown.begin(total)
        assert shown.clock is None


def test_the_bars_clock_goes_on(lively: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(tqdm.tqdm, "refresh", lambda self, **_: lively.set())  # set_description_str calls it
    with Progress({"{}": "alone"}, quiet=False) as shown:
        shown.begin(4)
        lively.clear()
        assert lively.wait(60)
        clock = shown.clock
    assert clock is not None
    assert not clock.is_alive()
