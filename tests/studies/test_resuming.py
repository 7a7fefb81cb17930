"""A training that is cut off and taken up again ends with the same bits, wherever it was cut off."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from repro import registry
from repro.checkpoint import Checkpoint
from repro.study import Outcome, Run
from studies.common import resuming
from tests.studies.trainings import TRAINED, made, watched

RESUMED = [(study, name) for study, name in TRAINED if registry.load(study).experiments[name].resumes]
MEASURED_TIME = {"seconds_per_image"}
CUTS = 20


class CutOffError(BaseException):
    """Stands for the end of the process: nothing after it is written."""


def without_time(found: Outcome) -> tuple[Any, ...]:
    values = {name: value for name, value in found.values.items() if name not in MEASURED_TIME}
    return found.status, found.detail, values, dict(found.curves), found.n_test, found.epochs


def cut_off(study: str, name: str, kept: Checkpoint, at: int) -> bool:
    """Train until that many updates and evaluations were made; say whether the training was longer than that."""
    count = 0

    def seen(_what: str, _weights: list[torch.Tensor]) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise CutOffError

    try:
        with watched(seen):
            made(study, name, checkpoint=kept)
    except CutOffError:
        return True
    return False


def steps_of(study: str, name: str) -> tuple[int, Outcome]:
    count = 0

    def seen(_what: str, _weights: list[torch.Tensor]) -> None:
        nonlocal count
        count += 1

    with watched(seen):
        whole = made(study, name)
    return count, whole


@pytest.mark.parametrize(("study", "name"), RESUMED)
def test_wherever_it_is_cut_off_it_ends_with_the_same_bits(study: str, name: str, tmp_path: Path) -> None:
    steps, whole = steps_of(study, name)
    chance, taken_up = random.Random(f"{study}/{name}"), 0
    for cut in range(CUTS):
        path = tmp_path / f"{cut}.checkpoint"
        assert cut_off(study, name, Checkpoint(path, "run", every_s=0.0), chance.randint(1, steps))
        taken_up += path.exists()
        again = made(study, name, checkpoint=Checkpoint(path, "run", every_s=0.0))
        assert without_time(again) == without_time(whole)
    assert taken_up > 0


@pytest.mark.parametrize(("study", "name"), RESUMED)
def test_what_is_kept_is_what_is_gone_on_with(study: str, name: str, tmp_path: Path) -> None:
    """The planted mistake: were the state not read, or not all of it, another seed's would change nothing."""
    steps, whole = steps_of(study, name)
    path = tmp_path / "one.checkpoint"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.studies.trainings.SEED", 2)
        assert cut_off(study, name, Checkpoint(path, "run", every_s=0.0), steps - 1)
    again = made(study, name, checkpoint=Checkpoint(path, "run", every_s=0.0))
    assert without_time(again) != without_time(whole)


class Noted(Checkpoint):
    """A checkpoint that is always due."""

    def due(self) -> bool:
        return True


def run_of(checkpoint: Checkpoint | None) -> Run:
    return Run("s", "e", "p", "{}", 0, 1, None, None, checkpoint=checkpoint)


def parts() -> Mapping[str, Any]:
    network = nn.Linear(2, 1)
    return {
        "network": network,
        "optimiser": torch.optim.Adam(network.parameters()),
        "draws": torch.Generator().manual_seed(3),
        "curves": {"loss": []},
        "losses": [],
    }


def test_every_part_is_set_to_what_was_kept(tmp_path: Path) -> None:
    kept, one = Noted(tmp_path / "c", "run"), parts()
    going = resuming.epochs(run_of(kept), 5, **one)
    assert next(going) == 1
    one["network"](torch.ones(1, 2)).sum().backward()
    one["optimiser"].step()
    torch.rand(1, generator=one["draws"])
    one["curves"]["loss"].append(0.5)
    one["losses"].append(0.25)
    assert next(going) == 2
    other = parts()
    assert next(resuming.epochs(run_of(Noted(tmp_path / "c", "run")), 5, **other)) == 2
    assert torch.equal(other["network"].weight, one["network"].weight)
    assert str(other["optimiser"].state_dict()) == str(one["optimiser"].state_dict())
    assert torch.equal(torch.rand(3, generator=other["draws"]), torch.rand(3, generator=one["draws"]))
    assert (other["curves"], other["losses"]) == ({"loss": [0.5]}, [0.25])


def test_an_epoch_that_did_not_come_to_its_end_is_not_kept(tmp_path: Path) -> None:
    for _ in resuming.epochs(run_of(Noted(tmp_path / "c", "run")), 3, losses=[]):
        break
    assert not (tmp_path / "c").exists()


def test_without_a_checkpoint_all_epochs_are_made() -> None:
    assert list(resuming.epochs(run_of(None), 3, losses=[])) == [1, 2, 3]
