"""What `nox -s devices` finds without a GPU: mistakes planted in a toy study, each at its line, and right code right.

The toy runs in a process of its own, into which the stub of CUDA is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.devices import __main__ as devices
from bench.devices import small
from repro import registry
from repro.errors import NothingSelectedError
from repro.study import case_json
from tests.sources import PROJECT

REASON = devices.why_not()
needs_torch = pytest.mark.skipif(bool(REASON), reason=REASON)

TOY = PROJECT.joinpath("tests", "planted_devices.py").read_text("utf-8")  # the toy, which is a study where it is copied
REFUSED = {  # what is said of a mistake that a GPU refuses
    "in_add": "add: tensors on both devices: cuda (10, 3, 32, 32), cpu (3, 1, 1)",
    "in_two_numbers": "lerp: tensors on both devices: cuda (10, 3, 32, 32), cpu (), cpu ()",
    "in_convolution": "convolution: tensors on both devices: cuda (10, 3, 32, 32), cpu (3, 3, 1, 1)",
    "in_batch_norm": "native_batch_norm: tensors on both devices: cuda (10, 3, 32, 32), cpu (3,), cpu (3,)",
    "in_index": "index: a tensor on cpu indexed, or filled, by one on cuda",
    "in_loss": "nll_loss_forward: tensors on both devices: cuda (10, 10), cpu (10,)",
    "in_backward": "mul: tensors on both devices: cuda (10, 10), cpu (1, 1)",
    "left_on_cpu": "convolution: tensors on both devices: cuda (10, 3, 32, 32), cpu (3, 3, 1, 1), cpu (3,)",
    "moved_away": "convolution: tensors on both devices: cuda (10, 3, 32, 32), cpu (4, 3, 3, 3), cpu (4,)",
    "caught": "dot: tensors on both devices: cuda (2,), cpu (2,)",
    "cpu_generator": "normal_: a generator on cpu for a tensor on cuda",
    "cuda_generator": "randperm: a generator on cuda for a tensor on cpu",
    "to_numpy": "numpy() of a tensor on cuda",
}
ELSEWHERE = {"in_backward": "backward", "moved_away": "plain"}  # the line that a mistake shows itself in
SLOW = {  # and of one that a GPU waits for
    "waits": ["item(), 1 in each update"],
    "waits_for_a_mask": ["a mask as an index, 2 in each update"],
    "copies": ["copy to the device, 1 in each update"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose one study is the toy; `studies.common` is this repository's."""
    where = tmp_path_factory.mktemp("project")
    (where / "studies" / "toy").mkdir(parents=True)
    (where / "studies" / "toy" / "__init__.py").write_text(TOY, "utf-8")
    (where / "studies" / "common").symlink_to(PROJECT / "studies" / "common")
    return where


def line_of(mark: str) -> str:
    (number,) = [number for number, line in enumerate(TOY.split("\n"), 1) if line.endswith(f"  # {mark}")]
    return f"studies/toy/__init__.py:{number}"


def made(where: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    named = {"REPRO_ROOT": str(where), "PYTHONPATH": str(PROJECT), **variables}
    line = [sys.executable, "-m", "bench.devices", *arguments]
    return subprocess.run(line, cwd=where, env={**os.environ, **named}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """Return what is found of each of the toy's experiments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRO_ROOT", str(folder))
        patch.chdir(folder)
        return {one["experiment"]: one for one in devices.cases(["toy"])}


@needs_torch
@pytest.mark.parametrize("name", ["right", "right_with_more"])
def test_right_code_is_right(found: dict[str, Any], name: str) -> None:
    assert (found[name]["wrong"], found[name]["failed"], found[name]["updates"]) == ([], "", [1, 2])


@needs_torch
@pytest.mark.parametrize("name", REFUSED)
def test_what_a_gpu_refuses_is_found_at_its_line(found: dict[str, Any], name: str) -> None:
    ((what, where),) = found[name]["wrong"]
    assert where == line_of(ELSEWHERE.get(name, name))
    assert what == REFUSED[name]


@needs_torch
@pytest.mark.parametrize("name", SLOW)
def test_a_wait_or_a_copy_in_every_step_is_found_at_its_line(found: dict[str, Any], name: str) -> None:
    assert found[name]["wrong"] == [[what, line_of(name)] for what in SLOW[name]]


@needs_torch
def test_a_line_of_shared_code_comes_with_the_line_that_called_it(found: dict[str, Any]) -> None:
    ((what, where),) = found["dropout_copies"]["wrong"]
    assert what == "copy to the device, 1 in each update"
    shared, _, caller = where.partition(", from ")
    assert shared.startswith("studies/common/randomness.py:")
    assert caller.startswith("studies/toy/__init__.py:")


@needs_torch
def test_a_run_is_taken_up_from_its_checkpoint(found: dict[str, Any]) -> None:
    """The state comes back to the device, generator included, and the run ends with the same values."""
    assert found["right"]["taken_up"] == "right"
    ((what, where),) = found["forgets"]["wrong"]
    assert (found["forgets"]["taken_up"], where) == ("wrong", "its checkpoint")
    assert what == "taken up from its checkpoint it ends with other values: loss, curves"
    assert found["keeps_nothing"]["wrong"] == [["it says that it resumes, and kept no state", "its checkpoint"]]


@needs_torch
def test_what_fails_otherwise_is_no_pass(found: dict[str, Any]) -> None:
    assert found["fails"]["failed"] == f"ValueError at {line_of('fails')}: not of devices"
    assert devices.word([found["fails"]]) == "not run"
    assert [devices.word([found[name]]) for name in ("right", "waits")] == ["right", "wrong"]


@needs_torch
def test_the_table_says_where_and_the_exit_code_says_wrong(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert devices.tell([found["right"]]) == 0
    head, row, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["study", "profile", "experiment", "cases", "updates", "taken", "up", "on", "cuda"]
    assert row.split() == ["toy", "full", "right", "1", "1", "and", "2", "right", "right"]
    assert last == "1 case, all right on cuda"
    assert devices.tell([found["right"], found["waits"], found["fails"]]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["right", "wrong", "run"]
    assert lines[4] == f"toy waits: {line_of('waits')}: item(), 1 in each update (1 case, such as name=one)"
    assert lines[5] == f"toy fails: ValueError at {line_of('fails')}: not of devices (1 case, such as name=one)"
    assert lines[6] == "3 cases, 2 not right on cuda"


def test_nothing_judged_is_no_pass() -> None:
    with pytest.raises(NothingSelectedError, match="nothing was judged"):
        devices.tell([])


@needs_torch
def test_an_unknown_study_is_one_line(folder: Path) -> None:
    done = made(folder, "toi")
    assert done.returncode == 2
    assert done.stderr == "devices: no study 'toi'; did you mean 'toy'? (studies: toy)\n"


def test_where_it_cannot_run_it_says_why(folder: Path) -> None:
    done = made(folder, "toy", PATH="/nowhere")
    assert done.returncode == 7
    assert done.stderr.startswith("devices: not run: ")
    assert made(folder, "--why-not", PATH="/nowhere").stdout.strip() in done.stderr


def test_another_torch_than_the_locked_one_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.12.0+cu130")
    assert devices.why_not().endswith("and 2.12.0+cu130 is installed; install the lock")
    monkeypatch.setattr("importlib.metadata.version", lambda _: f"{devices.pinned()}+cpu")
    assert "needs torch's CUDA build" in devices.why_not()
    assert devices.why_not().endswith("set REPRO_TORCH=cuda" if sys.platform == "linux" else "is installed")


def test_every_experiment_of_every_faithful_profile_has_a_case_of_each_kind() -> None:
    for name in registry.names():
        study = registry.load(name)
        for title in [title for title, profile in study.profiles.items() if profile.faithful]:
            for experiment, some in small.by_experiment(study, title).items():
                chosen = small.kinds(some)
                assert chosen, experiment
                assert {case_json(one) for one in chosen} <= {case_json(one) for one in some}
                for field in vars(some[0]):
                    texts = {getattr(one, field) for one in some if isinstance(getattr(one, field), str | bool)}
                    assert texts <= {getattr(one, field) for one in chosen}, f"{name} {experiment} {field}"


def test_every_data_set_of_a_faithful_profile_is_at_hand_or_has_a_shape() -> None:
    for name in registry.names():
        study = registry.load(name)
        for title in [title for title, profile in study.profiles.items() if profile.faithful]:
            for wanted in study.data_sets(title):
                found = small.data(wanted, small.Size(batch=3))
                assert found is not None
                assert found.name == wanted.name
                assert found.load()
