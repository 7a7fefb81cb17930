"""What decides on a cluster without one: addresses, keys, who is taken, what is tried again, what a row says."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from repro.errors import UsageError
from repro.faults import check_study
from repro.runs.cluster import Cluster, engine
from repro.runs.facts import Said, other_machine, other_study, shown
from repro.runs.planned import PlannedRun
from repro.runs.spread import Spread, Work, _Member
from repro.runs.worker import of_the_machine
from repro.study import Profile, Study

HERE = Said(
    harness="h",
    settings="null",
    code={"e": "c", "f": "d"},
    contents={("e", "{}"): "x"},
    data={},
    engine={"dask": "1", "distributed": "1"},
    record={
        "python": "CPython 3.11", "system": "Linux", "packages": {"numpy": "2.1", "torch": None}, "machine": "x86_64",
        "cpu": "one", "isa": ["avx2", "fma"], "threads": 1, "device": "cpu", "gpu": [],
    },
)  # fmt: skip


class TestEngine:
    """What --engine takes."""

    @pytest.mark.parametrize("text", [None, "processes"])
    def test_processes_are_no_cluster(self, text: str | None) -> None:
        assert engine(text, None, 4) is None

    def test_a_cluster_of_this_machine_or_one_that_is_there(self) -> None:
        assert engine("dask", None, 3) == Cluster(None, False, 3)
        assert engine("dask=tcp://host:8786", "record", None) == Cluster("tcp://host:8786", True)
        assert engine("dask=tls://10.0.0.1:8786", "refuse", None) == Cluster("tls://10.0.0.1:8786", False)

    @pytest.mark.parametrize(
        ("text", "others", "jobs", "said"),
        [
            ("dusk", None, None, "--engine dusk: wanted processes, dask, or dask=ADDRESS"),
            ("dask=", None, None, "--engine dask=: wanted"),
            ("dask=host", None, None, "--engine dask=host: wanted"),
            ("dask=tcp://host", None, None, "--engine dask=tcp://host: wanted"),
            ("dask=tcp://host:8786", None, 2, "--jobs 2: a cluster's processes are its workers' threads"),
            ("dask", "record", None, "--other-workers record: the workers of --engine dask are this machine's"),
            (None, "record", None, "--other-workers record: there are none"),
        ],
    )
    def test_anything_else_is_refused(self, text: str | None, others: str | None, jobs: int | None, said: str) -> None:
        with pytest.raises(UsageError) as refused:
            engine(text, others, jobs)
        assert str(refused.value).startswith(said)


class Recorder:
    """A client of a cluster that keeps what was submitted, and of whom nothing comes."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def submit(self, _act: Any, *_arguments: Any, key: str, **_options: Any) -> Future[Any]:
        self.keys.append(key)
        return Future()

    def cancel(self, _futures: Any) -> None:
        """Do nothing: as long as nobody looks, this is how it is in Dask."""


def spread_of(client: Recorder, runs: Sequence[PlannedRun]) -> Spread:
    """Return what hands these runs out, none of them made."""
    work = Work(
        todo=runs, device="cpu", retries=2, per_device=1, order=lambda run: None, fits=lambda run: True,
        left=lambda: float("inf"), keep=lambda made: None, lose=lambda run, why: None,
    )  # fmt: skip
    return Spread(client, work, None, record=False)


def test_runs_of_a_moment_share_a_task_and_those_of_an_unknown_case_are_alone() -> None:
    """Others of its experiment may be over at once: a task of such runs would hold one worker for all of them."""
    names = ["short", "short", "long", "unknown", "unknown", *["short"] * 40]
    spread = spread_of(Recorder(), [PlannedRun("e", name, 0, place, 7, 0.0) for place, name in enumerate(names)])
    spread.pace = {("e", "short"): 0.03, ("e", "long"): 5.0}
    tasks = [[run.case for run in spread._batch(1)] for _ in range(5)]
    assert tasks == [["short"] * 2, ["long"], ["unknown"], ["unknown"], ["short"] * 6]  # of 0.2 s at most


def test_no_two_tasks_have_a_key_in_common() -> None:
    """Dask cancels by the key, and says so later: a run given out again at once, or by another client, would end."""
    client = Recorder()
    for _ in range(2):  # commands
        spread = spread_of(client, [PlannedRun("e", "{}", 0, number, 7, 0.0) for number in range(8)])
        for address in ("one", "two"):
            spread._hire(_Member(address, 1, {}))
            spread.members[address].process = "p"
            spread.members[address].tasks.clear()  # it has said who it is
            spread._hand_out()
            assert [run.replicate for task in spread.members[address].tasks for run in task.runs] == [0, 1]
            spread._lost(spread.members[address], "its worker is gone")
    assert len(set(client.keys)) == len(client.keys) == 12  # of each worker who it is, a run, and one that waits there


class TestDifferences:
    """A worker of other code or data makes none of these runs; of other packages, runs of another stratum."""

    def test_the_same_differs_in_nothing(self) -> None:
        assert other_study(HERE, HERE) == other_machine(HERE, HERE) == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"harness": "i"}, ["repro's own code"]),
            ({"code": {"e": "c", "f": "x"}}, ["the code of f"]),
            ({"code": {"f": "x"}}, ["the code of e, f"]),
            ({"settings": "1"}, ["the profile's settings"]),
            ({"contents": {("e", "{}"): "y"}}, ["which data the cases are of"]),
            ({"data": {"mnist": "absent (nowhere)"}}, ["data mnist: absent (nowhere)"]),
        ],
    )
    def test_other_code_or_data(self, change: dict[str, Any], said: list[str]) -> None:
        assert other_study(replace(HERE, **change), HERE) == said
        assert other_machine(replace(HERE, **change), HERE) == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"packages": {"numpy": "1.9", "torch": None}}, "numpy 1.9 for 2.1 here"),
            ({"packages": {"torch": None}}, "numpy not installed for 2.1 here"),
            ({"packages": {"numpy": "2.1", "torch": "3"}}, "torch 3 for none here"),
            ({"python": "CPython 3.12"}, "python CPython 3.12 for CPython 3.11 here"),
            ({"cpu": "two"}, "cpu two for one here"),
            ({"isa": []}, "isa none for avx2, fma here"),
            ({"gpu": [{"name": "H200", "driver": "5"}]}, "gpu H200 5 for none here"),
        ],
    )
    def test_other_packages_or_machine(self, change: dict[str, Any], said: str) -> None:
        there = replace(HERE, record={**HERE.record, **change})
        assert other_machine(there, HERE) == [said]
        assert other_study(there, HERE) == []

    def test_another_version_of_dask(self) -> None:
        assert other_machine(replace(HERE, engine={"dask": "1"}), HERE) == ["distributed not installed for 1 here"]

    def test_a_line_names_the_first_ones(self) -> None:
        assert shown([str(number) for number in range(8)]) == "0; 1; 2; 3; 4 and 3 more"


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


@pytest.mark.parametrize(
    ("error", "machine"),
    [
        (MemoryError(), True),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (ValueError("CUDA error"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (FloatingPointError("overflow"), False),
        (SystemExit(1), False),
    ],
)
def test_only_memory_and_gpus_are_the_machines(error: BaseException, machine: bool) -> None:
    assert of_the_machine(error) is machine


@pytest.mark.parametrize("retries", [-1, 1.5, True, None])
def test_retries_and_runs_a_device_are_whole_numbers(retries: Any) -> None:
    with pytest.raises(UsageError, match=r"retries \(a whole number from 0 on\)"):
        check_study(Study("s", retries=retries, smoke=Profile(None, cannot_answer="x")))
    with pytest.raises(UsageError, match=r"runs on a device \(a whole number from 1 on\)"):
        check_study(Study("s", smoke=Profile(None, cannot_answer="x", runs_per_device=retries)))
