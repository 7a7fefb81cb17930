"""A checkpoint gives back what was saved, and is refused by any other network."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
import torch

from repro.errors import InfrastructureError, IntegrityError, UsageError
from studies.rbf.model.network import DeepRBF, initialise
from studies.rbf.training import checkpoints


@pytest.fixture
def network() -> DeepRBF:
    """Return a network whose running statistics have moved."""
    made = DeepRBF(8, (3, 4))
    initialise(made, 0)
    made(torch.rand(16, 1, 8, 8))
    return made


def test_a_round_trip_changes_no_bit(network: DeepRBF, tmp_path: Path) -> None:
    checkpoints.save(network, tmp_path / "best.pt")
    other = DeepRBF(8, (3, 4))
    checkpoints.restore(other, tmp_path / "best.pt")
    for name, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    x_BCHW = torch.rand(5, 1, 8, 8)
    assert torch.equal(network.eval()(x_BCHW), other.eval()(x_BCHW))


def test_another_networks_is_refused_in_one_line(network: DeepRBF, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoints.save(network, path)
    wider = DeepRBF(8, (5, 4))
    before = wider.conv1.weight.clone()
    with pytest.raises(UsageError) as found:
        checkpoints.restore(wider, path)
    assert str(found.value) == (
        f"checkpoint: {path} is of another network: wanted conv1.weight of shape (5, 1, 5, 5), got of shape "
        "(3, 1, 5, 5); build the network that was saved"
    )
    assert torch.equal(wider.conv1.weight, before)


@pytest.mark.parametrize("strange", [torch.nn.Linear(2, 3), torch.nn.Sequential()])
def test_entries_that_are_missing_or_unknown_are_named(network: DeepRBF, strange: torch.nn.Module) -> None:
    for saved, wanted in ((network, strange), (strange, network)):
        kept = io.BytesIO()
        checkpoints.save(saved, kept)
        kept.seek(0)
        with pytest.raises(UsageError, match=r"the file is of another network: wanted \S+ .*nowhere"):
            checkpoints.restore(wanted, kept)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps({"a": 1}, protocol=2)])
def test_a_file_that_is_none_is_refused(network: DeepRBF, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"best.pt .*; train it anew") as found:
        checkpoints.restore(network, path)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["missing.pt", "folder", "file/best.pt"])
def test_a_path_that_is_no_file_is_named(network: DeepRBF, name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as found:
        checkpoints.restore(network, tmp_path / name)
    assert str(found.value) == f"checkpoint: {tmp_path / name} is no file; name one that save() wrote"


def test_a_file_that_cannot_be_read_is_named(network: DeepRBF, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(InfrastructureError, match=r"best.pt cannot be read \(Permission denied\)"):
        checkpoints.restore(network, Path("best.pt"))


def test_half_a_checkpoint_is_refused(network: DeepRBF, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    checkpoints.save(network, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(IntegrityError, match="is not readable"):
        checkpoints.restore(network, path)


@pytest.mark.parametrize("thing", [{"epoch": 3}, [1, 2]])
def test_a_file_without_a_state_is_refused(network: DeepRBF, thing: object) -> None:
    kept = io.BytesIO()
    torch.save(thing, kept)
    kept.seek(0)
    with pytest.raises(IntegrityError, match="holds no network's state"):
        checkpoints.restore(network, kept)
