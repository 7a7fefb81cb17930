"""A path may be the folder that one stands in, a name that no disk holds, a pipe, or lead in a circle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repro.errors import UsageError
from repro.outside import formats
from tests.repro.outside.encoded import ended, history, run_of, wandb


def test_the_folder_that_one_stands_in_is_asked_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb(tmp_path / "run.wandb", run_of("id", "name"), history(0, {"a": 0.5}), ended())
    monkeypatch.chdir(tmp_path)
    assert formats.recognised(Path(".")) == "wandb"
    assert [run.name for run in formats.read(Path(".")).runs] == ["name"]


def test_a_link_that_leads_in_a_circle_is_no_file(tmp_path: Path) -> None:
    for name in ("predictions.arff", "run.wandb", "metrics.csv", "events.out.tfevents.1", "loop.csv"):
        (tmp_path / name).symlink_to(name)
    with pytest.raises(UsageError, match="no format knows it"):
        formats.recognised(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        formats.recognised(tmp_path / "loop.csv")


def test_a_name_that_no_disk_holds_and_a_pipe_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        formats.recognised(tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "some.csv")
    with pytest.raises(UsageError, match="a pipe or a device, which might not end"):
        formats.recognised(tmp_path / "some.csv")
