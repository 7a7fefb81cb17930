"""A worker keeps what it frees: pages that the system cleared once are not asked of it in every step."""

import ctypes
import os
from pathlib import Path

import pytest

from repro.runs import memory, table
from tests.repro.conftest import Cli, toy_source, write_study

BLOCK, STEPS = 48 * 2**20, 10  # bytes, above what glibc's own thresholds can grow to
COUNTED = f"""
    import resource
    blocks = [bytearray({BLOCK}) for _ in range(2)]
    del blocks
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({STEPS}):
        bytearray(b"x") * {BLOCK}
    return {{"pi": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, "inside": random.random()}}
"""

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")


def faults(project: Path, cli: Cli, **variables: str) -> float:
    """Return how many pages a worker asked for while a block was made and freed again and again."""
    head, draw, _ = toy_source().partition("    draw = random")
    assert draw
    write_study(project, "montecarlo", head + COUNTED)
    one = ("--where", "shape=disc", "--where", "count=500", "--replicates", "1")
    made = cli("run", "montecarlo", *one, env=os.environ | variables)
    assert made.returncode == 0, made.stderr
    rows = table.read(project / "results/montecarlo/smoke.parquet").to_pylist()
    (pages,) = [row["value"] for row in rows if row["metric"] == "pi"]
    return pages


def test_a_worker_asks_once_for_the_pages_of_what_it_frees_in_every_step(project: Path, cli: Cli) -> None:
    """Half of the CPU time of convolutions on large images went into pages that had been there a step before."""
    assert faults(project, cli) < BLOCK / 4096 / 4


@pytest.mark.parametrize("theirs", ["MALLOC_TRIM_THRESHOLD_=134217728", "GLIBC_TUNABLES=glibc.malloc.mmap_max=65536"])
def test_whoever_told_the_allocator_something_is_not_overruled(project: Path, cli: Cli, theirs: str) -> None:
    name, _, value = theirs.partition("=")
    assert faults(project, cli, **{name: value}) > STEPS / 2 * BLOCK / 4096


def test_where_the_c_library_has_no_such_thing_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed()
