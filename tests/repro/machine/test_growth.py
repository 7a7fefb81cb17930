"""A program that says nothing is followed by what it puts into a folder, and ended where its follower is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from repro.machine import growth
from repro.machine.growth import Growth, progress, size

# Writes 600 bytes, then waits until it was seen.
QUIET = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "deep").mkdir()
(folder / "deep" / "part").write_bytes(b"x" * 600)
print("it said this")
for _ in range(3000):
    if (folder / "seen").exists():
        sys.exit(3)
    time.sleep(0.01)
"""
# Says when it has begun, and that it was interrupted.
STUBBORN = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
try:
    (folder / "begun").touch()
    time.sleep(60)
except KeyboardInterrupt:
    (folder / "ended").touch()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(growth, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(growth, "REDRAW_SECONDS", 0.02)
    (tmp_path / "grows").mkdir()
    return tmp_path / "grows"


def line(script: str, folder: Path) -> list[str]:
    return [sys.executable, "-c", script, str(folder)]


def followed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run the quiet program until it was shown with what it wrote."""
    shown = Growth.show

    def show(self: Growth, what: str) -> None:
        shown(self, what)
        if self.reached >= 600:
            (folder / "seen").touch()

    monkeypatch.setattr(Growth, "show", show)
    with Growth(folder, 1000, folder.with_name("log")) as watch:
        return watch.run(line(QUIET, folder), os.environ, "the part", folder)


def test_lines_say_how_far_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = followed(folder, monkeypatch)
    assert (code, said) == (3, "it said this\n")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("  60%: 0 of about 0 MB on disk after ")
    assert lines[-1].endswith(" s, at the part")


def test_on_a_terminal_it_is_a_bar_that_goes_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    followed(folder, monkeypatch)
    said = capsys.readouterr().err
    assert "\r\x1b[2K[##############..........] 60%: " in said
    assert said.endswith("\r\x1b[2K")
    assert "\n" not in said


def test_what_was_said_before_is_not_said_again(folder: Path) -> None:
    with Growth(folder, 0, folder / "log") as watch:
        assert watch.run([sys.executable, "-c", "print(1)"], os.environ, "one", folder) == (0, "1\n")
        assert watch.run([sys.executable, "-c", "print(2)"], os.environ, "two", folder) == (0, "2\n")
    assert (folder / "log").read_text() == "1\n2\n"


def test_an_interrupt_ends_the_program_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(self: Growth, what: str) -> None:
        if (folder / "begun").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(Growth, "show", show)
    with pytest.raises(KeyboardInterrupt), Growth(folder, 0, folder / "log") as watch:
        watch.run(line(STUBBORN, folder), os.environ, "it", folder)
    assert (folder / "ended").exists()


@pytest.mark.parametrize(
    ("reached", "whole", "bar", "said"),
    [
        (250_000_000, 1_000_000_000, False, "25%: 250 of about 1,000 MB on disk after 7 s, at torch"),
        (250_000_000, 1_000_000_000, True, "[######..................] 25%: 250 of about 1,000 MB on disk after 7 s, "),
        (1_200_000_000, 1_000_000_000, True, "1,200 MB on disk after 7 s, at torch"),
        (5_000_000, 0, False, "5 MB on disk after 7 s, at torch"),
    ],
)
def test_progress_in_words(reached: int, whole: int, bar: bool, said: str) -> None:
    assert progress(reached, whole, 7.2, "torch", bar=bar).startswith(said)


def test_size_counts_files_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "file").write_bytes(b"x" * 100)
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert 100 <= size(tmp_path / "in") < 100 + 4096
    assert size(tmp_path / "gone") == 0


def test_lines_come_though_no_command_takes_so_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growth, "EVERY_SECONDS", 1.0)
    with Growth(folder, 1000, folder.with_name("log")) as watch:
        while watch.seconds < 3.0:
            watch.run(line("import time; time.sleep(0.1)", folder), os.environ, "a part", folder)
    assert "s, at a part" in capsys.readouterr().err
