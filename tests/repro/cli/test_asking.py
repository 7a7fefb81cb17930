"""The verb that asks of other people's results: its answer, its exit codes, and its one line for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import PROJECT

TABLE = "method,seed,acc\n" + "".join(
    f"ours,{seed},{93 + seed / 10}\nbase,{seed},{91 + seed**2 / 40}\n" for seed in range(5)
)
ASKED = ("results.csv", "--metric", "acc", "--where", "method=ours")
PUBLISHED = ("--published", "93.2 ± 0.2", "--runs", "5", "--spread", "sd")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a table, and no project in it."""
    (tmp_path / "results.csv").write_text(TABLE)
    return tmp_path


def judge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "repro", "judge", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_a_verdict_is_printed_with_what_it_rests_on_and_writes_nothing(folder: Path) -> None:
    done = judge(folder, *ASKED, *PUBLISHED, "--margin", "0.5")
    assert done.returncode == 0
    first, *lines = done.stdout.splitlines()
    assert first == "reproduced"
    said = {line[:12].strip(): line[14:] for line in lines}
    assert list(said) == ["published", "results", "evidence", "n", "margin", "p", "interval", "test", "power"]
    assert said["results"] == "93 93.1 93.2 93.3 93.4 (seeds 0 1 2 3 4)"
    assert said["margin"] == "0.5, declared"
    assert [path.name for path in folder.iterdir()] == ["results.csv"]


def test_json_holds_every_run_and_the_exit_code(folder: Path) -> None:
    done = judge(folder, *ASKED, "--above", "93.2", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["exit_code"], found["verdict"]) == (4, 4, "inconclusive")
    assert [(one["seed"], one["value"], one["origin"]) for one in found["results"]][:2] == [
        (0, 93.0, "row 1"),
        (1, 93.1, "row 3"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--above", "95"), 1, ""),
        (("--better-than", "method=base"), 0, "note: paired by 5 shared seeds\n"),
        (("--better-than", "method=bas"), 5, "no row has method=bas; did you mean 'base'? (method: ours, base)"),
        (("--published", "93.2"), 2, "declare one, as --margin 0.5"),
        (("--published", "93.2", "--margin", "x"), 2, "invalid float value"),
        (("--published", "93.2 ± 0.1", "--published", "90 ± 0.1"), 2, "--published: stands twice; one claim is judged"),
        (("--published", "-5.2±0.3"), 2, "what begins with - wants an equals sign: --published=-5"),
        (
            ("--published", "93.2", "--margin", "1", "--runs", "5"),
            0,
            "--runs 5 is of no use: without ± it is one more run",
        ),
        (("--above", "90", "--format", "parqet"), 2, "--format parqet: no such format; did you mean 'parquet'?"),
    ],
)
def test_exit_codes(arguments: tuple[str, ...], code: int, said: str, folder: Path) -> None:
    done = judge(folder, *ASKED, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout == "") == (code in (2, 5))


def test_results_that_are_not_named_are_asked_for(folder: Path) -> None:
    done = judge(folder, "--published", "93")
    assert (done.returncode, done.stdout) == (2, "")
    wanted = "name a table, or a file or folder of logs; or --cells and --seeds"
    assert done.stderr == f"repro judge: wanted RESULTS: {wanted}\n"


def test_help_stands_in_the_order_of_the_questions(folder: Path) -> None:
    told = judge(folder, "--help").stdout
    places = [told.index(f"\n{word}") for word in ("one claim: ", "which of the results", "a whole table", "how that")]
    options = [told.index(f"\n  {name} ") for name in ("--published", "--metric", "--cells", "--comma")]
    assert sorted(places + options) == [one for pair in zip(places, options, strict=True) for one in pair]


def test_an_error_is_json_for_whoever_wants_json(folder: Path) -> None:
    done = judge(folder, "gone.csv", "--metric", "acc", "--above", "1", "--json")
    error = "gone.csv: no such file or folder; name one that holds results"
    assert json.loads(done.stdout) == {"error": error, "exit_code": 2}
