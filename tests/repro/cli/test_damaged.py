"""Three hundred damages of a project's files, asked about: none is a traceback, a verdict, or a loss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any

import pytest

from repro.errors import CANNOT_COMPARE, DEVIATION, INFRASTRUCTURE, INTEGRITY, NOTHING_SELECTED, PASS, USAGE
from tests.repro.cli.test_tampered import CLAIM
from tests.repro.conftest import commit, toy_source, write_study
from tests.repro.show.test_figures import FIGURES
from tests.repro.support.damage import KEPT, TARGETS
from tests.repro.support.forked import command
from tests.sources import PROJECT

MADE = (KEPT, "results/kept/*.json")  # which anybody may lose

COUNT = 300
LONGEST = 1000  # characters that a line of complaint may have
ENDS = {PASS, USAGE, CANNOT_COMPARE, NOTHING_SELECTED, INTEGRITY, INFRASTRUCTURE}
SOURCE = '''"""A study with a data set that is generated, and so kept in the user's cache."""

import random
from dataclasses import dataclass

from repro.data import DataSet
from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Case:
    size: int


def made(folder):
    import numpy as np

    return {"x": np.arange(12, dtype=np.uint8).reshape(3, 4)}


squares = DataSet("squares", "A few numbers", content="CONTENT", read=made, generated=True)
study = Study("kept", smoke=Profile(None, squares, replicates=2, faithful=True))


@study.experiment([Case(1), Case(2)], metrics=[Metric("found", "nats")])
def look(case, run):
    """Look."""
    return {"found": random.Random(run.seed).random()}
'''


def kept_source() -> str:
    import numpy as np

    from repro.data import content_hash

    return SOURCE.replace("CONTENT", content_hash({"x": np.arange(12, dtype=np.uint8).reshape(3, 4)}))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """How the verbs ended, asked of a project with all that is damaged here."""
    folder = tmp_path_factory.mktemp("damaged") / "project"
    faithful = toy_source().replace(
        'cannot_answer="Few points; `--profile paper` throws 100 times more."', "faithful=True"
    )
    write_study(folder, "montecarlo", faithful + FIGURES)
    write_study(folder, "kept", kept_source())
    (folder / "studies/montecarlo/claims.toml").write_text(CLAIM)
    (folder / ".gitignore").write_text("/results/\n/cache/\n__pycache__/\n*.parquet\n*.zip\n!golden/**\n")
    commit(folder)
    drawing = {"MPLCONFIGDIR": str(tmp_path_factory.mktemp("drawing"))}  # where pictures' fonts are listed
    environment = {**os.environ, **drawing, "XDG_CACHE_HOME": str(folder / "cache")}
    for line in (
        ["run", "montecarlo", "--replicates", "10"], ["bless", "montecarlo", "--reason", "first"],
        ["run", "montecarlo", "--fresh", "1", "--results", "fresh.parquet"], ["audit", "--bless", "first"],
        ["run", "kept"], ["data", "squares"],
            ["bundle", "montecarlo", "--results", "fresh.parquet", "--out", "whole.zip"],
    ):  # fmt: skip
        subprocess.run(command(*line, "-q"), cwd=folder, env=environment, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.repro.support.damage", str(folder), "0", str(COUNT)],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) == COUNT
    return found


def told(found: list[dict[str, Any]]) -> str:
    return "\n".join(f"{one['damage']}: {one['line']} -> {one['code']} {one['err'][:300]!r}" for one in found)


def test_none_ends_in_an_error_that_nobody_foresaw(answers: list[dict[str, Any]]) -> None:
    odd = [one for one in answers if one["code"] not in ENDS | {DEVIATION} or "Traceback" in one["err"]]
    assert not odd, told(odd)


def test_none_is_called_a_deviation_but_one_that_is_shown(answers: list[dict[str, Any]]) -> None:
    """A table whose rows read as another value differs; a file that does not read is no difference."""
    shown = ("DIFFERENT: ", "FAIL: ", "changed ", "new ", "gone ")
    odd = [
        one
        for one in answers
        if one["code"] == DEVIATION and not any(word in one["out"] + one["err"] for word in shown)
    ]
    assert not odd, told(odd)


def test_each_complaint_is_one_line(answers: list[dict[str, Any]]) -> None:
    several = {"list", "status", "data"}  # which name each that is broken, and go on
    odd = [
        one
        for one in answers
        if one["code"] not in (PASS, DEVIATION)
        and not (
            one["err"].startswith("repro")
            and one["err"].count("\n") == 1
            and one["err"].removesuffix("\n").isprintable()
            and len(one["err"]) <= LONGEST
        )
        and not (one["line"][0] in several and one["err"])
    ]
    assert not odd, told(odd)


def test_nothing_is_lost_or_written(answers: list[dict[str, Any]]) -> None:
    """But a set in the user's cache that was damaged, which is made again, and what an audit keeps."""
    odd = [one for one in answers if [name for name in one["changed"] if not any(fnmatch(name, kept) for kept in MADE)]]
    assert not odd, "\n".join(f"{one['damage']}: {one['line']} changed {one['changed']}" for one in odd)


@pytest.mark.parametrize("name", TARGETS)
def test_damages_of_each_file_are_seen(answers: list[dict[str, Any]], name: str) -> None:
    """So that a verb that no longer reads a file, or a damage that is none, does not pass for all being well."""
    mine = [one for one in answers if f": {name} " in one["damage"]]
    assert len(mine) >= COUNT // len(TARGETS)
    assert sum(one["code"] != PASS for one in mine) >= 5, told(mine)
