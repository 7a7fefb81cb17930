"""Evidence made again over time: in the same environment, with other code, data, threads and packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repro.cli import decaying
from tests.repro.conftest import Cli, commit, toy_source, write_study
from tests.repro.support.forked import command

LOG = "results/decay.jsonl"
OTHER = "REPRO_OTHER_TORCH"  # names the Python of an environment with another torch than this one's
SUMS = '''"""Sums of many numbers."""

from dataclasses import dataclass

from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Numbers:
    count: int


study = Study("sums", title="Sums", smoke=Profile(None, replicates=1, faithful=True))


@study.experiment([Numbers(1_000_003)], metrics=[Metric("total")])
def squares(numbers, run):
    """The sum of squares of random numbers."""
    import numpy as np

    drawn = np.random.default_rng(run.seed).normal(size=numbers.count)
    return {"total": float(drawn @ drawn)}
'''
LAYERS = '''"""What torch computes."""

from dataclasses import dataclass

from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Size:
    side: int


study = Study("layers", title="Layers", smoke=Profile(None, replicates=1, faithful=True))


@study.experiment([Size(28)], metrics=[Metric("mean")])
def convolution(size, run):
    """The mean of a convolved random image."""
    import torch

    drawn = torch.Generator().manual_seed(run.seed % 2**63)
    image = torch.randn(8, 3, size.side, size.side, generator=drawn)
    kernels = torch.randn(16, 3, 5, 5, generator=drawn)
    return {"mean": torch.nn.functional.conv2d(image, kernels).exp().mean().item()}
'''


def outcomes(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / LOG).read_text().splitlines()]


def last_change(stdout: str) -> str:
    return stdout.splitlines()[-1].rpartition("  ")[2]


def test_the_same_evidence_comes_out_the_same_and_is_kept(blessed: Path, cli: Cli) -> None:
    first = cli("decay", "--svg", "made/decay.svg", "--badge", "made/decay.json")
    assert first.returncode == 0, first.stdout + first.stderr
    second = cli("decay", "--json", "--cases", "2")
    assert second.returncode == 0, second.stderr
    assert [len(one["runs"]) for one in outcomes(blessed)] == [1, 2]
    assert {run[7] for one in outcomes(blessed) for run in one["runs"]} == {"same"}
    assert outcomes(blessed)[0]["facts"]["threads"] == ["1"]
    assert [one["steps"] for one in json.loads(second.stdout)] == [[], []]
    assert ElementTree.fromstring((blessed / "made/decay.svg").read_bytes()).tag.endswith("svg")
    assert json.loads((blessed / "made/decay.json").read_text())["message"].startswith("1 same on ")
    assert sorted(path.name for path in blessed.glob("results/decay/*/montecarlo/smoke.parquet"))


def test_nothing_is_run_to_plan_or_to_show(blessed: Path, cli: Cli) -> None:
    planned = cli("decay", "--dry-run", "--cases", "9", "--fresh", "2")
    assert planned.returncode == 0, planned.stderr
    assert "18 runs to make again" in planned.stdout
    nothing = cli("decay", "--no-run")
    assert (nothing.returncode, nothing.stdout) == (5, "")
    assert "holds no outcome yet" in nothing.stderr
    assert not (blessed / "results/decay").exists()
    assert cli("decay", "-q").returncode == 0
    kept = (blessed / LOG).read_bytes()
    shown = cli("decay", "--no-run", "--svg", "again.svg")
    assert shown.returncode == 0
    assert (blessed / LOG).read_bytes() == kept
    assert (blessed / "again.svg").is_file()


def test_fresh_seeds_are_held_to_the_band(blessed: Path, cli: Cli) -> None:
    assert cli("decay", "-q", "--fresh", "1").returncode == 0
    assert [run[7] for run in outcomes(blessed)[0]["runs"]] == ["same", "agrees"]
    assert [run[2] for run in outcomes(blessed)[0]["runs"]] == [0, 10]


def test_changed_code_is_named_by_its_file_and_is_a_deviation(blessed: Path, cli: Cli) -> None:
    assert cli("decay", "-q").returncode == 0
    write_study(blessed, "montecarlo", toy_source().replace("2 * dimensions * inside", "1.5 * dimensions * inside"))
    changed = cli("decay")
    assert changed.returncode == 1, changed.stdout + changed.stderr
    assert last_change(changed.stdout.rpartition("\nnot as blessed")[0]).startswith(
        "1 of 1 runs by code of montecarlo/smoke/estimate: studies/montecarlo/__init__.py "
    )
    assert "not as blessed: code of montecarlo/smoke/estimate: fingerprint " in changed.stdout
    assert outcomes(blessed)[1]["runs"][0][7] == "deviates"


def test_what_nothing_recorded_explains_is_a_deviation(blessed: Path, cli: Cli) -> None:
    """The run reads what nobody can see it read, so that its bits change and its records do not.

    With two threads it is of another kind of machine than the golden, so that a check lets other bits pass.
    """
    hidden = "import os\nwanted = float(os.environ['WEATHER'])\n"
    source = toy_source().replace("import math\n", f"import math\n{hidden}")
    write_study(blessed, "montecarlo", source.replace("* inside / thrown,", "* inside / thrown + wanted,"))
    commit(blessed)
    first = cli("decay", "-q", "--threads", "2", env={**os.environ, "WEATHER": "0"})
    assert first.returncode == 0, first.stdout + first.stderr
    second = cli("decay", "--threads", "2", env={**os.environ, "WEATHER": "1e-9"})
    assert second.returncode == 1, second.stdout + second.stderr
    assert [one["runs"][0][7] for one in outcomes(blessed)] == ["same", "moved"]
    assert [one["exit_code"] for one in outcomes(blessed)] == [0, 1]
    assert "1 of 1 runs by nothing that is recorded" in second.stdout


def test_a_run_that_fails_now_cannot_be_compared_and_is_kept(blessed: Path, cli: Cli) -> None:
    write_study(blessed, "montecarlo", toy_source().replace("    draw = ", "    raise OSError('gone')\n    draw = "))
    done = cli("decay")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "failed: montecarlo, estimate " in done.stderr
    assert outcomes(blessed)[0]["runs"][0][7] == "failed"


def test_a_log_that_is_none_is_refused_before_anything_is_run(blessed: Path, cli: Cli) -> None:
    (blessed / "decay.jsonl").write_text("{}\n")
    done = cli("decay", "--log", "decay.jsonl")
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith("repro decay: decay.jsonl:1: no outcome of `repro decay`")
    assert (blessed / "decay.jsonl").read_text() == "{}\n"
    assert not (blessed / "results/decay").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--threads", "0"), 2, "--threads 0: wanted 1 or more"),
        (("--cases", "0"), 2, "--cases 0: wanted 1 or more"),
        (("--fresh", "-1"), 2, "--fresh -1: wanted 0 or more"),
        (("--jobs", "0"), 2, "--jobs 0: wanted at least one process"),
        (("--time-budget", "nan"), 2, "--time-budget nan: wanted a number of seconds above 0"),
        (("--time-budget", "1e-9"), 7, "the cheapest run does not fit into it; give "),
        (("montecarol",), 2, "did you mean 'montecarlo'?"),
        (("--profile", "lite"), 2, "lite"),
        (("--profile", "paper"), 5, "no blessed run can be made again on device 'cpu'"),
        (("--experiment", "estimates"), 2, "--experiment estimates: none of montecarlo has it"),
        (("--device", "cuda"), 5, "no blessed run can be made again on device 'cuda'"),
    ],
)
def test_a_request_that_means_nothing_is_one_line(
    blessed_once: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    line = command("decay", *arguments, "--log", str(tmp_path / "decay.jsonl"), "-q")
    done = subprocess.run(line, cwd=blessed_once, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "decay.jsonl").exists()


def test_two_that_start_within_a_second_share_no_folder() -> None:
    """They would find each other's runs made, and the second say that nothing changed."""
    moments = [datetime(2026, 3, 29, 1, 59, 59, part, tzinfo=UTC) for part in (0, 1, 999_999)]
    folders = [decaying.folder_of(Path("project"), now) for now in moments]
    assert len({*folders}) == 3
    assert sorted(folders) == folders


def with_golden(project: Path, cli: Cli, name: str, source: str) -> None:
    """Put a study of one case in the project's place, and bless ten seeds of it."""
    shutil.rmtree(project / "studies")
    write_study(project, name, source)
    (project / ".gitignore").write_text("/results/\n__pycache__/\n")
    commit(project)
    made = cli("run", name, "--replicates", "10", "-q", "--jobs", "1")
    assert made.returncode == 0, made.stderr
    done = cli("bless", name, "--reason", "first golden")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: two threads compute what one does")
def test_another_thread_count_is_named_as_what_changed_bits(project: Path, cli: Cli) -> None:
    with_golden(project, cli, "sums", SUMS)
    one, two = cli("decay", "-q"), cli("decay", "--threads", "2")
    assert (one.returncode, two.returncode) == (0, 0), two.stdout + two.stderr
    assert "1 of 1 runs by threads 1 -> 2\n" in two.stdout
    assert two.stdout.endswith("\nnot as blessed: threads 1 -> 2\n")
    assert [line["runs"][0][7] for line in outcomes(project)] == ["same", "moved"]
    back = cli("decay")
    assert back.stdout.endswith("1 of 1 runs by threads 2 -> 1\n")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: two threads compute what one does")
def test_runs_use_one_thread_whatever_the_caller_s_variables_say(project: Path, cli: Cli) -> None:
    """Numpy reads them when it is imported, which in a worker is before the first line of ours."""
    shutil.rmtree(project / "studies")
    write_study(project, "sums", SUMS)
    wanted = {"one": "1", "two": "2", "none": ""}
    for name, threads in wanted.items():
        variables = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
        variables |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} if threads else {}
        done = cli("run", "sums", "-q", "--results", f"{name}.parquet", env=variables)
        assert done.returncode == 0, done.stderr
    for name in ("two", "none"):
        assert cli("diff", "one.parquet", f"{name}.parquet").returncode == 0


def test_another_torch_is_named_where_bits_changed_or_not(project: Path, cli: Cli) -> None:
    other = os.environ.get(OTHER)
    if not other:
        pytest.skip(f"{OTHER} names no Python of an environment with another torch")
    versions = [
        subprocess.run(
            [python, "-c", "from importlib.metadata import version; print(version('torch'))"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for python in (command()[0], other)
    ]  # fmt: skip
    assert versions[0] != versions[1], f"{OTHER}: has the same torch {versions[0]}"
    with_golden(project, cli, "layers", LAYERS)
    assert cli("decay", "-q", "--cases", "9").returncode == 0
    line = [other, *command("decay", "--cases", "9")[1:]]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"packages.torch {versions[0]} -> {versions[1]}" in done.stdout
    before, after = outcomes(project)
    assert (before["facts"]["packages.torch"], after["facts"]["packages.torch"]) == ([versions[0]], [versions[1]])
    moved = before["runs"][0][6] != after["runs"][0][6]
    assert ("no bit changed, though" in done.stdout) != moved
