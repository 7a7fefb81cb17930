"""The folder that one stands in has no name, and is read as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.outside import formats
from tests.repro.outside.encoded import ended, history, run_of, wandb


def test_the_folder_that_one_stands_in_is_asked_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb(tmp_path / "run.wandb", run_of("id", "name"), history(0, {"a": 0.5}), ended())
    monkeypatch.chdir(tmp_path)
    assert formats.recognised(Path(".")) == "wandb"
    assert [run.name for run in formats.read(Path(".")).runs] == ["name"]
