"""A hundred bundles that a stranger could send: each refused for a reason of its own, or what it was before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from repro.bundle import apart
from repro.bundle.pack import archive
from tests.repro.support.bundles import Files
from tests.repro.support.hostile import INSIDE, PACKING
from tests.sources import PROJECT

COUNT = 105  # five of each kind
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")


@pytest.fixture(scope="module")
def answer(packed: Files, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was said of each, and the most memory that reading any took."""
    path = tmp_path_factory.mktemp("hostile") / "bundle.zip"
    path.write_bytes(archive(packed))
    done = subprocess.run(
        [sys.executable, "-m", "tests.repro.support.hostile", str(path), "0", str(COUNT)],
        cwd=PROJECT, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, **apart.ALONE},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert len(found["found"]) == COUNT
    return found


def test_each_is_refused_or_harmless(answer: dict[str, Any]) -> None:
    believed = [one for one in answer["found"] if one["code"] != 6 and not (one["code"] == 0 and one["same"])]
    assert not believed, believed


def test_each_refusal_is_one_line_with_its_own_reason(answer: dict[str, Any]) -> None:
    refused = [one for one in answer["found"] if one["code"] == 6]
    odd = [
        one
        for one in refused
        if ": refused: " not in one["said"] or not one["said"].isprintable() or len(one["said"]) > 2200
    ]
    unforeseen = [one for one in refused if ": refused: cannot be read (" in one["said"]]
    assert not odd, odd
    assert not unforeseen, unforeseen


def test_none_takes_a_gibibyte_or_half_a_minute(answer: dict[str, Any]) -> None:
    assert answer["peak"] < apart.MEMORY_BYTES
    assert max(one["seconds"] for one in answer["found"]) < apart.SECONDS


@pytest.mark.parametrize("place", range(len(INSIDE) + len(PACKING)))
def test_of_each_kind_some_are_refused(answer: dict[str, Any], place: int) -> None:
    kinds = len(INSIDE) + len(PACKING)
    mine = answer["found"][place::kinds]
    assert any(one["code"] == 6 for one in mine), mine
